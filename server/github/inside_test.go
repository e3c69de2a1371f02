package github

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/policy"
)

// Only what GitHub signed itself is of its pages: somebody's own verified key
// on a commit that names web-flow is not.
func TestWebFlowIsSignedByGitHub(t *testing.T) {
	for _, test := range []struct{ verified, byGitHub, valid, want bool }{
		{true, true, true, true}, {true, false, true, false}, {false, true, true, false}, {true, true, false, false},
	} {
		a, err := decode[attribution]([]byte(`{"authors":{"nodes":[{"name":"x"}]},"signature":{"keyId":"K"}}`))
		if err != nil {
			t.Fatal(err)
		}
		a.Signature.ByGitHub, a.Signature.Valid = test.byGitHub, test.valid
		c := policy.Commit{Verified: test.verified, Committer: &policy.User{ID: webFlow, Login: "web-flow", Type: "User"}}
		if err := a.add(&c); err != nil || c.WebFlow != test.want || (c.Signer != "") != (test.verified && test.valid) {
			t.Errorf("%+v: %+v %v", test, c, err)
		}
	}
}

// Whatever GitHub writes, a page is a JSON list without null, or an error.
func FuzzElements(f *testing.F) {
	for _, seed := range []string{`[]`, `[{"id":1,"name":"x","status":"queued"}]`, `null`, `[null]`, `{"total_count":1,"check_runs":[{}]}`, `{"total_count":1}`, `{`} {
		f.Add(seed, "")
		f.Add(seed, "check_runs")
	}
	f.Fuzz(func(t *testing.T, text, key string) {
		items, _, err := elements[checkJSON](key, []byte(text))
		if err != nil {
			if items != nil {
				t.Errorf("%d items beside %v", len(items), err)
			}
			return
		}
		for _, item := range items {
			if item == nil {
				t.Fatal("null")
			}
			if view, err := item.view(); err == nil && view.ID == 0 {
				t.Error("a check run without an id")
			}
		}
		if key == "" && !strings.HasPrefix(strings.TrimLeft(text, " \t\r\n"), "[") {
			t.Errorf("%q is no list", text)
		}
	})
}

// A pull request that is taken for one has a head and a base.
func FuzzPull(f *testing.F) {
	f.Add(`{"number":1,"state":"open","head":{"ref":"h","sha":"` + strings.Repeat("a", 40) + `"},"base":{"ref":"main"}}`)
	f.Add(`{"number":1,"state":"open","head":null,"base":null}`)
	f.Fuzz(func(t *testing.T, text string) {
		found, err := decode[pullJSON]([]byte(text))
		if err != nil {
			return
		}
		if p, err := found.view(); err == nil && (p.Number <= 0 || len(p.Head) < 40 || p.Base == "" || !json.Valid([]byte(text))) {
			t.Errorf("%+v", p)
		}
	})
}

func TestWaits(t *testing.T) {
	date := time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC)
	stamp := date.Format(http.TimeFormat)
	for name, test := range map[string]struct {
		header http.Header
		want   time.Duration
	}{
		"seconds":            {http.Header{"Retry-After": {"42"}}, 42 * time.Second},
		"a moment":           {http.Header{"Retry-After": {date.Add(time.Minute).Format(http.TimeFormat)}}, time.Minute},
		"a reset":            {http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {"1767609000"}}, 30 * time.Minute},
		"a reset, but later": {http.Header{"X-Ratelimit-Remaining": {"9"}, "X-Ratelimit-Reset": {"1767609000"}}, time.Minute},
		"nothing":            {http.Header{}, time.Minute},
		"nonsense":           {http.Header{"Retry-After": {"soon"}}, time.Minute},
		"below zero":         {http.Header{"Retry-After": {"-5"}}, 0},
		"for ever":           {http.Header{"Retry-After": {"999999999999"}}, longestWait},
	} {
		test.header.Set("Date", stamp)
		if got := waitOf(&http.Response{Header: test.header}); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}
