package onehost

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"
)

// answers is a network that answers from memory.
type answers func(*http.Request) (*http.Response, error)

func (a answers) RoundTrip(r *http.Request) (*http.Response, error) { return a(r) }

func answer(status int, header http.Header, body string) *http.Response {
	if header.Get("Content-Type") == "" && body != "" {
		header.Set("Content-Type", "application/json; charset=utf-8")
	}
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body))}
}

func request(t testing.TB, method, address string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader("body"))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "token secret")
	return r
}

func TestOnlyHome(t *testing.T) {
	home, err := url.Parse("https://api.github.example/api/v3/")
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	transport := &Transport{Home: home, Network: answers(func(*http.Request) (*http.Response, error) {
		sent++
		return answer(200, http.Header{}, "{}"), nil
	})}
	for address, ours := range map[string]bool{
		"https://api.github.example/x":         true,
		"https://API.github.example/graphql":   true,
		"http://api.github.example/x":          false,
		"https://api.github.example:8443/x":    false,
		"https://github.example/x":             false,
		"https://api.github.example.evil/x":    false,
		"https://api.github.example@evil/x":    false,
		"https://evil/api.github.example":      false,
		"https://evil/?x=api.github.example":   false,
		"//api.github.example/x":               false,
		"https://api.github.example.:443/api/": false,
	} {
		before := sent
		_, err := transport.RoundTrip(request(t, http.MethodPost, address))
		if ours != (err == nil) || ours != (sent == before+1) || !ours && !errors.Is(err, ErrElsewhere) {
			t.Errorf("%s: %v, sent %t", address, err, sent > before)
		}
	}
}

func TestAnswersAreWholeAndJSON(t *testing.T) {
	home, err := url.Parse("https://h/")
	if err != nil {
		t.Fatal(err)
	}
	html := http.Header{"Content-Type": {"text/html"}}
	for name, test := range map[string]struct {
		response *http.Response
		good     bool
	}{
		"json":            {answer(200, http.Header{}, "{}"), true},
		"problem":         {answer(422, http.Header{"Content-Type": {"application/problem+json"}}, "{}"), true},
		"empty":           {answer(204, http.Header{}, ""), true},
		"HTML":            {answer(200, html, "<html>"), false},
		"HTML that is no": {answer(404, html, "<html>"), false},
		"HTML of trouble": {answer(502, html, "<html>"), true}, // its status says enough
		"no kind":         {&http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("{}"))}, false},
		"cut off":         {&http.Response{StatusCode: 200, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(io.MultiReader(strings.NewReader("{"), broken{}))}, false},
		"too large":       {answer(200, http.Header{}, strings.Repeat(" ", mostAnswer+1)), false},
		"just not":        {answer(200, http.Header{}, strings.Repeat(" ", mostAnswer)), true},
		"checked":         {answer(299, http.Header{}, "{}"), false},
	} {
		told := 0
		transport := &Transport{Home: home, Network: answers(func(*http.Request) (*http.Response, error) { return test.response, nil }),
			Check: func(_ *http.Request, status int, body []byte) error {
				if status == 299 && string(body) == "{}" {
					return errors.New("no")
				}
				return nil
			},
			Told: func(_ *http.Request, response *http.Response, _ time.Duration) {
				if told++; (response != nil) != test.good {
					t.Errorf("%s: told of %v", name, response)
				}
			}}
		response, err := transport.RoundTrip(request(t, http.MethodGet, "https://h/x"))
		if test.good != (err == nil) || test.good != (response != nil) || told != 1 {
			t.Errorf("%s: %v, told %d times", name, err, told)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// server tags each page with its version, and knows what it was asked.
type server struct {
	mu       sync.Mutex
	versions map[string]int
	fresh    int // answered in full
}

func (s *server) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	tag := fmt.Sprintf(`W/"%d"`, s.versions[r.URL.Path])
	header := http.Header{"Etag": {tag}, "X-Now": {"now"}}
	if r.Header.Get("If-None-Match") == tag {
		return answer(http.StatusNotModified, header, ""), nil
	}
	s.fresh++
	header.Set("Link", "<next>")
	return answer(200, header, fmt.Sprintf("%d %s %s", s.versions[r.URL.Path], r.Header.Get("Accept"), strings.Repeat("x", 1<<20))), nil
}

func TestTags(t *testing.T) {
	s := &server{versions: map[string]int{}}
	cache := Tagged(s)
	ask := func(method, path, accept string) *http.Response {
		t.Helper()
		r := request(t, method, "https://h"+path)
		r.Header.Set("Accept", accept)
		response, err := cache.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		if r.Header.Get("If-None-Match") != "" {
			t.Error("the caller's request was changed")
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != 200 || !strings.HasPrefix(string(body), fmt.Sprint(s.versions[path], " ", accept)) || len(body) < 1<<20 ||
			response.Header.Get("Link") != "<next>" || response.Header.Get("X-Now") != "now" || response.Header.Get("Content-Type") == "" {
			t.Errorf("%s %s %s: %d, %d bytes, %v", method, path, accept, response.StatusCode, len(body), response.Header)
		}
		return response
	}
	fresh := func(what string, want int) {
		t.Helper()
		if s.fresh != want {
			t.Errorf("%s: %d answers in full, want %d", what, s.fresh, want)
		}
	}
	ask("GET", "/a", "json")
	ask("GET", "/a", "json")
	fresh("the same", 1)
	ask("GET", "/a", "raw")
	fresh("another Accept", 2)
	ask("POST", "/a", "json")
	fresh("a write", 3)
	s.versions["/a"]++
	ask("GET", "/a", "json")
	ask("GET", "/a", "json")
	fresh("a change", 4)
	for i := range 8 {
		ask("GET", "/a", "json") // stays, for it is used
		ask("GET", fmt.Sprint("/", i), "json")
	}
	fresh("eight more", 12)
	ask("GET", "/a", "json")
	fresh("what is used", 12)
	ask("GET", "/0", "json")
	fresh("what was not used", 13)
	kept := cache.(*tags)
	if kept.bytes > mostCached || kept.order.Len() != len(kept.all) || kept.order.Len() > 8 {
		t.Errorf("%d bytes in %d of %d", kept.bytes, kept.order.Len(), len(kept.all))
	}
}

func TestTagsTogether(t *testing.T) {
	s := &server{versions: map[string]int{}}
	cache := Tagged(s)
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for j := range 20 {
				response, err := cache.RoundTrip(request(t, "GET", fmt.Sprint("https://h/", (i+j)%12)))
				if err != nil || response.StatusCode != 200 {
					t.Errorf("%v %v", response, err)
				}
			}
		})
	}
	group.Wait()
}

// What nobody tagged with us is not from memory: it is handed on as it is.
func TestNotModifiedOutOfTheBlue(t *testing.T) {
	cache := Tagged(answers(func(*http.Request) (*http.Response, error) { return answer(304, http.Header{}, ""), nil }))
	response, err := cache.RoundTrip(request(t, "GET", "https://h/x"))
	if err != nil || response.StatusCode != 304 {
		t.Errorf("%v %v", response, err)
	}
}
