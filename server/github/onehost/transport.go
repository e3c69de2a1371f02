package onehost

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// ErrElsewhere says that a request would have left for another host or scheme.
var ErrElsewhere = errors.New("GitHub's answer leads to another host or scheme than the configured one: not followed")

// mostAnswer is how large an answer may be.
const mostAnswer = 32 << 20

// Transport is the last step before the network. Home and Network are needed.
type Transport struct {
	Home    *url.URL
	Network http.RoundTripper
	// Check judges the body of an answer; nil means that every body will do.
	Check func(request *http.Request, status int, body []byte) error
	// Told is told of each request, with nil for an answer that was none; nil means nobody is.
	Told func(request *http.Request, response *http.Response, took time.Duration)
}

// Same reports whether an address is at a home: its scheme and host.
func Same(home, u *url.URL) bool {
	return u.Scheme == home.Scheme && strings.EqualFold(u.Host, home.Host)
}

// RoundTrip sends a request home.
func (t *Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if !Same(t.Home, request.URL) {
		if request.Body != nil {
			return nil, errors.Join(ErrElsewhere, request.Body.Close())
		}
		return nil, ErrElsewhere
	}
	start := time.Now()
	response, err := t.Network.RoundTrip(request)
	if err == nil {
		err = t.settle(request, response)
	}
	if err != nil {
		response = nil
	}
	if t.Told != nil {
		t.Told(request, response, time.Since(start))
	}
	return response, err
}

// settle reads an answer's body to its end and refuses what is not JSON.
func (t *Transport) settle(request *http.Request, response *http.Response) error {
	body, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer+1))
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if len(body) > mostAnswer {
		return fmt.Errorf("the answer is larger than %d bytes", mostAnswer)
	}
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type")) // of none: ""
	isJSON := kind == "application/json" || strings.HasSuffix(kind, "+json")
	if hundred := response.StatusCode / 100; len(body) > 0 && !isJSON && (hundred == 2 || hundred == 4) {
		return fmt.Errorf("the answer (%d) is %q, not JSON: something other than GitHub answered",
			response.StatusCode, kind)
	}
	if t.Check != nil {
		if err := t.Check(request, response.StatusCode, body); err != nil {
			return err
		}
	}
	response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return nil
}
