package credential

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/render"
)

const pgpKey = "-----BEGIN PGP PRIVATE KEY BLOCK-----\nx"

func TestFind(t *testing.T) {
	for _, test := range []struct {
		text, piece string
		class       render.SecretClass
		names       bool
	}{
		{"a password=hunter2 b", "hunter2", render.SecretLiteral, true},
		{"a password=hunter2 b", "", "", false},
		{`{"dbPassword": "two words", "x": 1}`, "two words", render.SecretLiteral, true},
		{"PGPASSWORD='x y'", "x y", render.SecretLiteral, true},
		{"client_secret: abc~def", "abc~def", render.SecretLiteral, true},
		{"password=${PW:-hunter2}", "${PW:-hunter2", render.SecretLiteral, true},
		{"token: abcdef.0123456789abcdef", "abcdef.0123456789abcdef", render.SecretToken, true},
		{"token: /var/run/token", "", "", true},
		{"token=$(cat x) password=$PW passwd: ${PW} pw", "", "", true},
		{"ALL=(ALL) NOPASSWD:ALL", "", "", true},
		{"password: true", "", "", true},
		{"https://user:hunter2@host/x", "hunter2", render.SecretLiteral, false},
		{"https://user:${PW}@host/x", "", "", false},
		{"https://host:8080/x@y", "", "", false},
		{"x ghp_0123456789abcdefghij0123456789abcdef", "ghp_0123456789abcdefghij0123456789abcdef", render.SecretToken, false},
		{"x xoxb-0123456789-abc y", "xoxb-0123456789-abc", render.SecretToken, false},
		{"AKIA0123456789ABCDEF", "AKIA0123456789ABCDEF", render.SecretToken, false},
		{"/usr/share/some/path/that/is/very/long/and/plain", "", "", true},
		{"sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef", "", "", true},
		{"-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----", "", "", true},
		{pgpKey, pgpKey, render.SecretPrivateKey, false},
		{"x QUtJQTAxMjM0NTY3ODlBQkNERUY= y", "QUtJQTAxMjM0NTY3ODlBQkNERUY=", render.SecretToken, false},
	} {
		found := Find(test.text, test.names)
		if len(found) == 0 {
			if test.piece != "" {
				t.Errorf("%q: nothing", test.text)
			}
			continue
		}
		if got := test.text[found[0].From:found[0].To]; got != test.piece || found[0].Class != test.class {
			t.Errorf("%q: %q %s", test.text, got, found[0].Class)
		}
	}
}

func TestClear(t *testing.T) {
	for _, test := range []struct {
		key, value string
		want       bool
	}{
		{"password", "hunter2", true},
		{"rootPassword", "hunter2", true},
		{"DB_PASSWORD", "hunter2", true},
		{"auth.password", "x", true},
		{"password", "$ecret", true},
		{"password", "$(REF)", false},
		{"password", "${REF}", false},
		{"password", "<your-password>", false},
		{"password", "", false},
		{"password", "yes", false},
		{"passwordFile", "x", false},
		{"passwordKey", "x", false},
		{"chpasswd", "x", false},
		{"token", "abcdefgh", true},
		{"token", "short", false},
		{"token", "/path/to/token", false},
		{"aws_secret_access_key", "x", true},
		{"secretAccessKey", "x", true},
		{"client-key-data", "x", true},
		{"sshAuthorizedKey", "x", false},
		{"metadata", "x", false},
		{"", "x", false},
	} {
		if got := Clear(test.key, test.value); got != test.want {
			t.Errorf("%s=%s: %v", test.key, test.value, got)
		}
	}
}

func TestFindIsOrderedAndBounded(t *testing.T) {
	piece := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"password=x", "-----BEGIN PRIVATE KEY-----", "://a:bcd@", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ0ZXN0ZXIifQ.x",
		"QUtJQTAxMjM0NTY3ODlBQkNERUY=", "token: 'abcdefghij'", "H4sIAAAAAAAAAAAAAAAAAAAAAAAA",
	}))
	rapid.Check(t, func(t *rapid.T) {
		between := rapid.SampledFrom([]string{"", " ", "\n"}).Draw(t, "between")
		text := strings.Join(rapid.SliceOfN(piece, 0, 9).Draw(t, "text"), between)
		last := 0
		for _, span := range Find(text, true) {
			if span.From < last || span.To < span.From || span.To > len(text) || span.Class == "" {
				t.Fatalf("%+v", span)
			}
			last = span.From
		}
	})
}

// Four times the text must not take sixteen times as long, whatever it is made
// of.
func TestFindIsLinear(t *testing.T) {
	for name, unit := range map[string]string{
		"keys": "-----BEGIN PRIVATE KEY-----", "names": "password=", "urls": "://a@:",
		"base64": "H4sIAAAAAAAAAAAAAAAAAAAAAAAAAAAA ",
		"tokens": "eyJeyJ.eyJ", "nested": "Qk", "placeholders": "${A", "braces": "{{ }",
	} {
		const size = 8 << 10
		short, long := fastest(strings.Repeat(unit, size/len(unit))), fastest(strings.Repeat(unit, 4*size/len(unit)))
		if long > 100*time.Millisecond && long > 12*short {
			t.Errorf("%s: %v for four times what took %v", name, long, short)
		}
	}
}

// fastest is the best of three, for the machine may be busy.
func fastest(text string) time.Duration {
	best := time.Hour
	for range 3 {
		start := time.Now()
		Find(text, true)
		Classify(text)
		Classify(text + "\n${X}")
		best = min(best, time.Since(start))
	}
	return best
}

func FuzzFind(f *testing.F) {
	f.Add("password: 'x' AKIA0123456789ABCDEF", true)
	f.Add("H4sIAAAAAAAA/0rLzy9KAQBlU6mMAAAA", false)
	f.Fuzz(func(t *testing.T, text string, names bool) {
		for _, span := range Find(text, names) {
			_ = text[span.From:span.To]
		}
		_ = Classify(text)
		_ = Clear(text, text)
	})
}
