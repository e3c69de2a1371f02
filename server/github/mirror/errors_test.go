package mirror

import (
	"strings"
	"testing"
	"unicode"
)

func FuzzFit(f *testing.F) {
	f.Add("fatal: unable to access 'https://x-access-token:ghs_secret@h/': \x1b[31m403\n", "ghs_secret")
	f.Add("From https://h\nerror: two\nfatal: three", "")
	f.Add(strings.Repeat("ghs_x", 200), "ghs_x")
	f.Fuzz(func(t *testing.T, stderr, secret string) {
		got := fit(stderr, secret)
		if got == "" || len([]rune(got)) > 301 {
			t.Errorf("%d runes", len([]rune(got)))
		}
		if len(secret) > 12 && strings.Contains(got, secret) {
			t.Errorf("%q holds %q", got, secret)
		}
		if i := strings.IndexFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }); i >= 0 {
			t.Errorf("%q is not fit for people", got)
		}
	})
}

func TestClassify(t *testing.T) {
	for stderr, want := range map[string]Kind{
		"": Unavailable,
		"fatal: remote error: upload-pack: not our ref " + strings.Repeat("ab", 20):            NotThere,
		"error: Server does not allow request for unadvertised object 12":                      NotThere,
		"remote: Repository not found.\nfatal: repository 'https://x/' not found":              Refused,
		"fatal: could not read Username for 'https://x': terminal prompts disabled":            Refused,
		"fatal: unable to access 'https://x/': The requested URL returned error: 502":          Unavailable,
		"fatal: unable to access 'https://x/': Could not resolve host: x":                      Unavailable,
		"fatal: unable to access 'https://x/': The requested URL returned error: 301":          Refused,
		"fatal: write error: File too large\nfatal: fetch-pack: invalid index-pack output":     TooLarge,
		"fatal: write error: No space left on device":                                          Unavailable,
		"fatal: Out of memory, malloc failed (tried to allocate 4294967296 bytes)":             TooLarge,
		"fatal: unable to access 'https://x/': server certificate verification failed. CAfile": Unavailable,
	} {
		if got, _ := classify(stderr); got != want {
			t.Errorf("%q: %s, want %s", stderr, got, want)
		}
	}
}
