package github

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
)

// A request, with the token that it may need, has so long.
const requestTimeout = 30 * time.Second

// mostAnswer is how large an answer may be.
const mostAnswer = 32 << 20

const mostRedirects = 5

var errElsewhere = errors.New("GitHub's answer leads to another host or scheme than the configured one: not followed")

// opKey is the context's key of GitHub's name for what is asked.
type opKey struct{}

// home reports whether an address is the API's own.
func (a *App) home(u *url.URL) bool {
	return u.Scheme == a.base.Scheme && strings.EqualFold(u.Host, a.base.Host)
}

// follow lets reads be redirected at home: a renamed repository answers so.
// What writes is never redirected, for it would become a read.
func (a *App) follow(request *http.Request, via []*http.Request) error {
	switch {
	case !a.home(request.URL):
		return errElsewhere
	case via[0].Method != http.MethodGet:
		return http.ErrUseLastResponse
	case len(via) > mostRedirects:
		return errors.New("GitHub redirects without end")
	}
	return nil
}

// line is the last step before the network. Whatever the steps above it add to
// a request, it goes to the configured host only. Answers come whole, bounded
// and as JSON, or not at all.
type line struct {
	app          *App
	installation int64
	told         func(http.Header) // of each answer's header; may be nil
}

func (l *line) RoundTrip(request *http.Request) (*http.Response, error) {
	if !l.app.home(request.URL) {
		if request.Body != nil {
			return nil, errors.Join(errElsewhere, request.Body.Close())
		}
		return nil, errElsewhere
	}
	op, _ := request.Context().Value(opKey{}).(string)
	isToken := strings.HasSuffix(request.URL.Path, "/access_tokens")
	if isToken {
		op = tokenOp
	}
	start := time.Now()
	response, err := l.app.network.RoundTrip(request)
	exchange := Exchange{Installation: l.installation, Op: op, Remaining: -1}
	if err == nil {
		if err = settle(response, isToken); err == nil {
			exchange.Status, exchange.Cached = response.StatusCode, response.StatusCode == http.StatusNotModified
			if n, err := strconv.Atoi(response.Header.Get("X-RateLimit-Remaining")); err == nil {
				exchange.Remaining = n
			}
			if l.told != nil {
				l.told(response.Header)
			}
		}
	}
	exchange.Took = time.Since(start)
	if l.app.options.Observe != nil {
		l.app.options.Observe(exchange)
	}
	if err != nil {
		return nil, err
	}
	return response, nil
}

// settle reads an answer's body to its end and refuses what is not JSON.
func settle(response *http.Response, isToken bool) error {
	body, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer+1))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if len(body) > mostAnswer {
		return fmt.Errorf("the answer is larger than %d bytes", mostAnswer)
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	isJSON := kind == "application/json" || strings.HasSuffix(kind, "+json")
	if hundred := response.StatusCode / 100; len(body) > 0 && !isJSON && (hundred == 2 || hundred == 4) {
		return fmt.Errorf("the answer (%d) is %q, not JSON: something other than GitHub answered",
			response.StatusCode, kind)
	}
	if isToken && response.StatusCode/100 == 2 {
		if err := whole(body); err != nil {
			return err
		}
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}

// whole refuses a token's answer that ghinstallation would take for a token.
func whole(body []byte) error {
	var token *struct {
		Token   string    `json:"token"`
		Expires time.Time `json:"expires_at"`
	}
	if err := json.Unmarshal(body, &token); err != nil || token == nil || token.Token == "" || token.Expires.IsZero() {
		return errors.New("the answer holds no token") // and no more of it is told
	}
	return nil
}

// asApp signs requests as the App itself.
type asApp struct{ signer *ghinstallation.AppsTransport }

func (t asApp) RoundTrip(request *http.Request) (*http.Response, error) {
	return t.signer.RoundTrip(request.Clone(request.Context())) // for it writes into the header
}

// asInstallation adds an installation's token.
type asInstallation struct {
	fresh func() *ghinstallation.Transport
	mu    sync.Mutex
	now   *ghinstallation.Transport
}

func (t *asInstallation) current() *ghinstallation.Transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now == nil {
		t.now = t.fresh()
	}
	return t.now
}

// drop forgets a token that GitHub no longer takes.
func (t *asInstallation) drop(used *ghinstallation.Transport) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now == used {
		t.now = nil
	}
}

// RoundTrip asks again with another token where GitHub does not know this one
// any more, and only what reads: nothing that writes is sent twice.
func (t *asInstallation) RoundTrip(request *http.Request) (*http.Response, error) {
	used := t.current()
	response, err := used.RoundTrip(request)
	if err != nil || response.StatusCode != http.StatusUnauthorized {
		return response, err
	}
	t.drop(used)
	if op, _ := request.Context().Value(opKey{}).(string); request.Method != http.MethodGet && op != graphqlOp {
		return response, nil
	}
	again := request.Clone(request.Context())
	if request.GetBody != nil {
		if again.Body, err = request.GetBody(); err != nil {
			return nil, errors.Join(err, response.Body.Close())
		}
	}
	if err := response.Body.Close(); err != nil {
		return nil, err
	}
	return t.current().RoundTrip(again)
}

func (t *asInstallation) token(ctx context.Context) (string, error) { return t.current().Token(ctx) }
