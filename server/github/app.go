package github

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/golang-jwt/jwt/v4"

	"github.com/countersign-dev/countersign/server/github/onehost"
)

// Options say where GitHub is and who we are there.
type Options struct {
	URL     string // the API's root: https://api.github.com, or …/api/v3 of an Enterprise Server; needed
	App     int64  // the App's id; needed
	Key     []byte // the App's private key in PEM; needed
	Version string // of this program, for the user agent
	// Transport carries the requests; nil means one of our own.
	Transport http.RoundTripper
	// Clock is when facts are read; nil means the wall clock. Tokens go by the wall clock.
	Clock func() time.Time
	// Observe is told of each request once it was answered; nil means nobody is.
	Observe func(Exchange)
}

// Exchange is one request and how it was answered, for metrics.
type Exchange struct {
	Installation int64 // 0 for the App itself
	Op           string
	Status       int // 0 without an answer, or with none that can be used
	Cached       bool
	Took         time.Duration
	Remaining    int // of the budget; -1 when not told
}

// App speaks as the App itself and hands out clients for its installations.
type App struct {
	options Options
	base    *url.URL // ends with a slash
	graphql string   // the address of GraphQL
	key     *rsa.PrivateKey
	network http.RoundTripper
	timeout time.Duration
	clock   func() time.Time
	itself  *wire
	nobody  *wire // without any token

	mu      sync.Mutex
	clients map[int64]*Client
}

// NewApp checks the options; it asks nothing of GitHub.
func NewApp(o Options) (*App, error) {
	base, err := rootOf(o.URL)
	if err != nil {
		return nil, err
	}
	if o.App <= 0 {
		return nil, errors.New("the GitHub App's id is missing: it stands on the App's settings page")
	}
	key, err := jwt.ParseRSAPrivateKeyFromPEM(o.Key)
	if err != nil {
		return nil, errors.New("the GitHub App's private key is not an RSA key in PEM: " +
			"generate one on the App's settings page")
	}
	a := &App{options: o, base: base, key: key, network: o.Transport, clock: o.Clock, timeout: requestTimeout,
		clients: map[int64]*Client{}}
	if a.network == nil {
		a.network = ownTransport()
	}
	if a.clock == nil {
		a.clock = time.Now
	}
	graphql := *base
	if root, enterprise := strings.CutSuffix(base.Path, "/api/v3/"); enterprise {
		graphql.Path = root + "/api/graphql"
	} else {
		graphql.Path = base.Path + "graphql"
	}
	a.graphql = graphql.String()
	a.itself = a.wire(0, func(l *onehost.Transport) http.RoundTripper { return asApp{a.signer(l)} })
	a.nobody = a.wire(0, func(l *onehost.Transport) http.RoundTripper { return l })
	return a, nil
}

// rootOf reads the API's address.
func rootOf(address string) (*url.URL, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("GitHub's API address is no plain URL: use https://api.github.com, " +
			"or https://HOST/api/v3 for an Enterprise Server")
	}
	ip := net.ParseIP(u.Hostname())
	loopback := u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
	if u.Scheme != "https" && !(u.Scheme == "http" && loopback) {
		return nil, fmt.Errorf("GitHub's API address must begin with https://, not %q: tokens are sent there", u.Scheme)
	}
	u.Path = strings.TrimRight(u.Path, "/") + "/"
	return u, nil
}

func ownTransport() http.RoundTripper {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 32
	transport.ResponseHeaderTimeout = requestTimeout
	transport.MaxResponseHeaderBytes = 256 << 10
	return transport
}

// wire makes the chain of an installation's requests: bounded in time,
// redirected at home only, with ETags, with a token, to the one host.
func (a *App) wire(installation int64, authorised func(*onehost.Transport) http.RoundTripper) *wire {
	w := &wire{app: a, installation: installation}
	w.http = &http.Client{CheckRedirect: a.follow, Transport: inTime{a, onehost.Tagged(authorised(w.line()))}}
	return w
}

// inTime bounds a request with its token. The client's own timeout would leave
// a goroutine behind for every error answer, whose body go-github replaces
// before it is closed; here the whole answer has been read when it is returned.
type inTime struct {
	app  *App
	next http.RoundTripper
}

func (t inTime) RoundTrip(request *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(request.Context(), t.app.timeout)
	defer cancel()
	return t.next.RoundTrip(request.WithContext(ctx))
}

func (a *App) signer(l *onehost.Transport) *ghinstallation.AppsTransport {
	signer := ghinstallation.NewAppsTransportFromPrivateKey(l, a.options.App, a.key)
	signer.BaseURL = strings.TrimSuffix(a.base.String(), "/")
	return signer
}

// ID is the App's id, as configured.
func (a *App) ID() int64 { return a.options.App }

// Client returns the one client of an installation.
func (a *App) Client(installation int64) *Client {
	a.mu.Lock()
	defer a.mu.Unlock()
	if c := a.clients[installation]; c != nil {
		return c
	}
	c := &Client{app: a, turn: make(chan struct{}, 1)}
	c.wire = a.wire(installation, func(l *onehost.Transport) http.RoundTripper {
		// A signer of its own for each token, for ghinstallation writes into it.
		c.tokens = &asInstallation{fresh: func() *ghinstallation.Transport {
			return ghinstallation.NewFromAppsTransport(a.signer(l), installation)
		}}
		return c.tokens
	})
	c.wire.moved = c.forgetRepositories
	c.Forget()
	a.clients[installation] = c
	return c
}

// Client speaks for one installation.
type Client struct {
	app    *App
	wire   *wire
	tokens *asInstallation
	turn   chan struct{} // held by who lists the repositories

	mu    sync.Mutex
	known known
}

// known is what a client remembers until Forget.
type known struct {
	facts  map[string]fact
	missed map[int64]time.Time // repositories that were looked for in vain
}

// Forget drops cached facts about people, teams and repositories.
func (c *Client) Forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = known{facts: map[string]fact{}, missed: map[int64]time.Time{}}
}

// Token is an installation token for git over HTTPS.
func (c *Client) Token(ctx context.Context) (string, error) {
	if _, err := c.wire.open(tokenOp); err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, c.app.timeout)
	defer cancel()
	token, err := c.tokens.token(ctx)
	if err != nil {
		return "", c.wire.trouble(tokenOp, err)
	}
	return token, nil
}

// Budget is what is left.
func (c *Client) Budget() Budget {
	c.wire.mu.Lock()
	defer c.wire.mu.Unlock()
	return c.wire.budget
}
