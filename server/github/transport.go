package github

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"

	"github.com/countersign-dev/countersign/server/github/onehost"
)

// A request, with the token that it may need, has so long.
const requestTimeout = 30 * time.Second

const mostRedirects = 5

// opKey is the context's key of GitHub's name for what is asked.
type opKey struct{}

// follow lets reads be redirected at home: a renamed repository answers so.
// What writes is never redirected, for it would become a read.
func (a *App) follow(request *http.Request, via []*http.Request) error {
	switch {
	case !onehost.Same(a.base, request.URL):
		return onehost.ErrElsewhere
	case via[0].Method != http.MethodGet:
		return http.ErrUseLastResponse
	case len(via) > mostRedirects:
		return errors.New("GitHub redirects without end")
	}
	return nil
}

// line is the last step of a wire.
func (w *wire) line() *onehost.Transport {
	return &onehost.Transport{Home: w.app.base, Network: w.app.network, Check: whole, Told: w.told}
}

// opOf is GitHub's name for what a request asks. ghinstallation's requests come
// in the context of those that need a token.
func opOf(request *http.Request) string {
	if strings.HasSuffix(request.URL.Path, "/access_tokens") {
		return tokenOp
	}
	op, _ := request.Context().Value(opKey{}).(string)
	return op
}

// told keeps what an answer says of the budget, and passes the exchange on.
func (w *wire) told(request *http.Request, response *http.Response, took time.Duration) {
	e := Exchange{Installation: w.installation, Op: opOf(request), Took: took, Remaining: -1}
	if response != nil {
		e.Status, e.Cached = response.StatusCode, response.StatusCode == http.StatusNotModified
		if n, err := strconv.Atoi(response.Header.Get("X-RateLimit-Remaining")); err == nil {
			e.Remaining = n
			w.count(response.Header, n)
		}
	}
	if w.app.options.Observe != nil {
		w.app.options.Observe(e)
	}
}

// count keeps the budget of REST; GraphQL has one of its own.
func (w *wire) count(header http.Header, remaining int) {
	limit, err := strconv.Atoi(header.Get("X-RateLimit-Limit"))
	reset, err2 := strconv.ParseInt(header.Get("X-RateLimit-Reset"), 10, 64)
	resource := header.Get("X-RateLimit-Resource")
	if err != nil || err2 != nil || resource != "" && resource != "core" {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.budget = Budget{Remaining: remaining, Limit: limit, Reset: time.Unix(reset, 0).UTC()}
}

// whole refuses a token's answer that ghinstallation would take for a token.
func whole(request *http.Request, status int, body []byte) error {
	if opOf(request) != tokenOp || status/100 != 2 {
		return nil
	}
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
