package onehost

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestRedaction(t *testing.T) {
	word := rapid.StringMatching(`[A-Za-z0-9_]{4,40}`)
	rapid.Check(t, func(t *rapid.T) {
		secret := word.Draw(t, "secret")
		form := rapid.SampledFrom([]string{"ghs_%", "ghp_%", "gho_%", "ghu_%", "github_pat_%", "eyJ%.eyJ%.%", "Bearer %", "bearer %", "Basic %",
			"https://x-access-token:%@github.com/", "Authorization: token 0123456789abcdef%"}).Draw(t, "form")
		text := Redact("before " + strings.ReplaceAll(form, "%", "SECRET"+secret) + " after")
		if strings.Contains(text, "SECRET") {
			t.Fatalf("%q", text)
		}
		if !strings.Contains(text, "before") || !strings.HasSuffix(text, "after") {
			t.Fatalf("%q lost more than the secret", text)
		}
	})
	if long := Redact(strings.Repeat("ä", 1000)); len(long) > mostErrorText+4 {
		t.Errorf("%d bytes", len(long))
	}
}
