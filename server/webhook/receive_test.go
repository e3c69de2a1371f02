package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/countersign-dev/countersign/server/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	secret = "a secret of the tests"
	older  = "another secret of the tests"
)

func sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

func guid(n int) string { return fmt.Sprintf("%08x-0000-11ee-8000-000000000000", n) }

// desk is a receiver on a real store and what it counted.
type desk struct {
	*Receiver
	store *store.Store
	mu    sync.Mutex
	seen  []string // "event outcome"
	told  []Routed
	log   bytes.Buffer
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	opened, err := store.Open(t.Context(), store.Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "store.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := opened.Close(); err != nil {
			t.Error(err)
		}
	})
	d := &desk{store: opened}
	d.Receiver = &Receiver{Secrets: []string{secret, older}, App: app, Recorder: opened,
		Clock: func() time.Time { return received }, Log: slog.New(slog.NewTextHandler(&d.log, nil)),
		Recorded: func(r Routed) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.told = append(d.told, r)
		},
		Observe: func(event, outcome string) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.seen = append(d.seen, event+" "+outcome)
		}}
	return d
}

func (d *desk) outcomes() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	seen := d.seen
	d.seen = nil
	return seen
}

func (d *desk) due(t testing.TB) int {
	t.Helper()
	depth, err := d.store.Depth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return depth.Due
}

// delivery is a request as GitHub makes it, to be spoilt.
func delivery(event, id string, body []byte, spoil ...func(*http.Request)) *http.Request {
	req := httptest.NewRequest(http.MethodPost, "/webhook", bytes.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-GitHub-Event", event)
	req.Header.Set("X-GitHub-Delivery", id)
	req.Header.Set("X-Hub-Signature-256", sign(secret, body))
	for _, s := range spoil {
		s(req)
	}
	return req
}

func with(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func (d *desk) post(req *http.Request) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	d.ServeHTTP(answer, req)
	return answer
}

func TestReceive(t *testing.T) {
	body := payloadOf(`{"action":"opened",` + pr + `,…}`)
	without := func(name string) func(*http.Request) { return func(r *http.Request) { r.Header.Del(name) } }
	sha1Of := func() string {
		mac := hmac.New(sha1.New, []byte(secret))
		mac.Write(body)
		return "sha1=" + hex.EncodeToString(mac.Sum(nil))
	}()
	const signature = "X-Hub-Signature-256"
	for _, c := range []struct {
		name    string
		spoil   func(*http.Request)
		status  int
		outcome string
	}{
		{"as GitHub does", func(*http.Request) {}, 202, "pull_request accepted"},
		{"older secret", with(signature, sign(older, body)), 202, "pull_request accepted"},
		{"charset", with("Content-Type", "application/json; charset=utf-8"), 202, "pull_request accepted"},
		{"of unknown length", func(r *http.Request) { r.ContentLength = -1 }, 202, "pull_request accepted"},
		{"upper-case id", with("X-GitHub-Delivery", strings.ToUpper(guid(1))), 202, "pull_request accepted"},
		{"unsigned", without(signature), 401, " unsigned"},
		{"another secret", with(signature, sign("a secret of somebody", body)), 401, " unsigned"},
		{"another body", with(signature, sign(secret, append(bytes.Clone(body), ' '))), 401, " unsigned"},
		{"SHA-1 only", func(r *http.Request) { r.Header.Del(signature); r.Header.Set("X-Hub-Signature", sha1Of) }, 401, " unsigned"},
		{"SHA-1 in the other's place", with(signature, sha1Of), 401, " unsigned"},
		{"no prefix", with(signature, strings.TrimPrefix(sign(secret, body), "sha256=")), 401, " unsigned"},
		{"upper-case digits", with(signature, "sha256="+strings.ToUpper(sign(secret, body)[7:])), 401, " unsigned"},
		{"half", with(signature, sign(secret, body)[:39]), 401, " unsigned"},
		{"longer", with(signature, sign(secret, body)+"00"), 401, " unsigned"},
		{"empty", with(signature, ""), 401, " unsigned"},
		{"two", func(r *http.Request) { r.Header.Add(signature, sign(secret, body)) }, 401, " unsigned"},
		{"no event", without("X-GitHub-Event"), 400, " refused"},
		{"strange event", with("X-GitHub-Event", "push\"} 1\n"), 400, " refused"},
		{"no id", without("X-GitHub-Delivery"), 400, "pull_request refused"},
		{"strange id", with("X-GitHub-Delivery", "1"), 400, "pull_request refused"},
		{"form", with("Content-Type", "application/x-www-form-urlencoded"), 400, "pull_request refused"},
		{"no type", without("Content-Type"), 400, "pull_request refused"},
		{"said to be too large", func(r *http.Request) { r.ContentLength = maxBody + 1 }, 413, " too_large"},
		{"broken off", func(r *http.Request) { r.Body = io.NopCloser(iotest.ErrReader(io.ErrUnexpectedEOF)) }, 400, " unsigned"},
		{"shorter than said", func(r *http.Request) { r.ContentLength++ }, 400, " unsigned"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := newDesk(t)
			answer := d.post(delivery("pull_request", guid(1), body, c.spoil))
			if answer.Code != c.status {
				t.Errorf("answered %d %s", answer.Code, answer.Body)
			}
			if diff := cmp.Diff([]string{c.outcome}, d.outcomes()); diff != "" {
				t.Error(diff)
			}
			seen, err := d.store.Seen(t.Context(), guid(1))
			if err != nil || seen != (c.status == 202) {
				t.Errorf("recorded: %t, %v", seen, err)
			}
			if c.status != 202 && (d.due(t) != 0 || len(d.told) != 0) {
				t.Error("what was refused has consequences")
			}
			if c.status != 202 && answer.Body.Len() < 20 {
				t.Errorf("the answer names no next step: %s", answer.Body)
			}
			if strings.Contains(d.log.String(), secret) || strings.Contains(d.log.String(), shaA) {
				t.Errorf("the log tells too much: %s", &d.log)
			}
		})
	}
}

func TestWeakSecretsFitNothing(t *testing.T) {
	body := []byte(`{}`)
	for _, secrets := range [][]string{nil, {}, {""}, {"fifteen letters"}, {secret, "short"}, {secret, ""}} {
		for _, by := range append(secrets, secret) {
			given, ok := parseSignature([]string{sign(by, body)})
			if !ok || verify(secrets, body, given) {
				t.Errorf("%q take what %q signed", secrets, by)
			}
		}
	}
}

func FuzzSignature(f *testing.F) {
	body := []byte("body")
	f.Add(sign(secret, body), body)
	f.Add("sha256=", []byte{})
	f.Add("sha1=00", []byte("x"))
	f.Add(strings.ToUpper(sign(secret, body)), body)
	f.Fuzz(func(t *testing.T, header string, body []byte) {
		given, ok := parseSignature([]string{header})
		fits := ok && verify([]string{older, secret}, body, given)
		if want := header == sign(secret, body) || header == sign(older, body); fits != want {
			t.Errorf("%q of %q fits: %t", header, body, fits)
		}
	})
}

func TestTheSameDeliveryWakesOnce(t *testing.T) {
	d := newDesk(t)
	body := payloadOf(`{"action":"opened",` + pr + `,…}`)
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			if answer := d.post(delivery("pull_request", guid(1), body)); answer.Code != http.StatusAccepted {
				t.Errorf("answered %d", answer.Code)
			}
		})
	}
	all.Wait()
	count := map[string]int{}
	for _, o := range d.outcomes() {
		count[o]++
	}
	if diff := cmp.Diff(map[string]int{"pull_request accepted": 1, "pull_request repeated": 999}, count); diff != "" {
		t.Error(diff)
	}
	if len(d.told) != 1 || d.due(t) != 1 {
		t.Errorf("told %d times, %d due", len(d.told), d.due(t))
	}
	heads, err := d.store.Heads(t.Context(), 1, 3)
	if err != nil || len(heads) != 1 || heads[0].Sender != 5 {
		t.Errorf("heads are %+v, %v", heads, err)
	}
}

func TestSignedNonsenseIsRecorded(t *testing.T) {
	d := newDesk(t)
	for i, text := range []string{"", "null", "[", `{"a":`, strings.Repeat(`[`, 20_000)} {
		for _, outcome := range []string{"push unparseable", "push repeated"} {
			if answer := d.post(delivery("push", guid(i), []byte(text))); answer.Code != http.StatusAccepted {
				t.Errorf("%.10q: answered %d", text, answer.Code)
			}
			if diff := cmp.Diff([]string{outcome}, d.outcomes()); diff != "" {
				t.Errorf("%.10q: %s", text, diff)
			}
		}
		if seen, err := d.store.Seen(t.Context(), guid(i)); err != nil || !seen {
			t.Errorf("%.10q: recorded %t, %v", text, seen, err)
		}
	}
}

func TestWhatCannotBeKeptIsNotAccepted(t *testing.T) {
	d := newDesk(t)
	if err := d.store.Close(); err != nil {
		t.Fatal(err)
	}
	answer := d.post(delivery("pull_request", guid(1), payloadOf(`{"action":"opened",`+pr+`,…}`)))
	if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") == "" {
		t.Errorf("answered %d, %v", answer.Code, answer.Header())
	}
	if diff := cmp.Diff([]string{"pull_request unavailable"}, d.outcomes()); diff != "" || len(d.told) != 0 {
		t.Error(diff, d.told)
	}
	if !strings.Contains(d.log.String(), store.ErrClosed.Error()) {
		t.Errorf("the log does not say why: %s", &d.log)
	}
}

// recorderFunc stands for a store in trouble that no file system here can give.
type recorderFunc func(ctx context.Context) (bool, error)

func (f recorderFunc) Record(ctx context.Context, _ store.Delivery, _ store.Facts, _ ...store.Wake) (bool, error) {
	return f(ctx)
}

func TestRecordingHasATimeOfItsOwn(t *testing.T) {
	d := newDesk(t)
	d.Recorder = recorderFunc(func(ctx context.Context) (bool, error) {
		if at, ok := ctx.Deadline(); !ok || time.Until(at) > recordWithin {
			t.Errorf("the deadline is %v, %t", at, ok)
		}
		if ctx.Err() != nil {
			t.Error("that GitHub hung up undoes what it sent")
		}
		return false, &store.Error{Op: "record delivery", Kind: store.Full, Err: errors.New("disk full")}
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	answer := d.post(delivery("push", guid(1), []byte(`{}`)).WithContext(ctx))
	if answer.Code != http.StatusServiceUnavailable {
		t.Errorf("answered %d", answer.Code)
	}
}

// The flood of what anybody can send does not fill the log.
func TestRefusalsAreLoggedOnceAMinute(t *testing.T) {
	d := newDesk(t)
	now := received
	d.Clock = func() time.Time { return now }
	for range 3 {
		for range 100 {
			d.post(delivery("push", guid(1), []byte(`{}`), with("X-Hub-Signature-256", "x")))
		}
		now = now.Add(time.Minute)
	}
	if n := strings.Count(d.log.String(), "\n"); n != 3 {
		t.Errorf("%d lines:\n%s", n, &d.log)
	}
	if n := len(d.outcomes()); n != 300 {
		t.Errorf("%d counted", n)
	}
}

// GitHub's own examples, among them some that its most used client cannot read.
func TestRealPayloads(t *testing.T) {
	folder := os.Getenv("COUNTERSIGN_GITHUB_DESCRIPTION")
	if folder == "" {
		t.Skip("COUNTERSIGN_GITHUB_DESCRIPTION names no node_modules with @octokit/webhooks-examples (testdata/github)")
	}
	text, err := os.ReadFile(filepath.Join(folder, "@octokit/webhooks-examples/api.github.com/index.json"))
	if err != nil {
		t.Fatal(err)
	}
	var events []struct {
		Name     string
		Examples []json.RawMessage
	}
	if err := json.Unmarshal(text, &events); err != nil {
		t.Fatal(err)
	}
	d := newDesk(t)
	n, covered := 0, map[string]bool{}
	for _, e := range events {
		for _, example := range e.Examples {
			for _, body := range [][]byte{example, installed(t, example)} {
				n++
				if answer := d.post(delivery(e.Name, guid(n), body)); answer.Code != http.StatusAccepted {
					t.Errorf("%s: answered %d %s", e.Name, answer.Code, answer.Body)
				}
			}
			soundRoute(t, e.Name, example)
			for _, o := range d.outcomes() {
				name, outcome, _ := strings.Cut(o, " ")
				covered[name] = covered[name] || outcome == "accepted"
				if outcome != "accepted" && outcome != "ignored" {
					t.Errorf("%s is %s: %.200s", name, outcome, example)
				}
			}
		}
	}
	if n < 2*329 {
		t.Errorf("only %d payloads found", n/2)
	}
	for _, name := range []string{"pull_request", "pull_request_review", "push", "merge_group", "member",
		"membership", "team", "organization", "repository", "branch_protection_rule", "installation", "team_add"} {
		if !covered[name] {
			t.Errorf("no real %s woke anything", name)
		}
	}
	t.Logf("%d payloads, %d targets due", n, d.due(t))
}

// installed is an example with an installation, which most of them lack.
func installed(t *testing.T, example []byte) []byte {
	t.Helper()
	var payload map[string]json.RawMessage
	if err := json.Unmarshal(example, &payload); err != nil {
		t.Fatal(err)
	}
	if payload["installation"] == nil {
		payload["installation"] = json.RawMessage(`{"id":7}`)
	}
	body, err := json.Marshal(payload)
	if err != nil {
		t.Fatal(err)
	}
	return body
}
