package credential

import (
	"encoding/base64"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/render"
)

// needles are what a text with a secret contains, in lower case: most strings
// have none and are done.
var needles = []string{
	"private key", "age-secret", "eyj", "gh", "glpat-", "akia", "asia", "xox", "hooks.slack", "aiza", "ya29.",
	"hvs.", "hvb.", "dop_v1_", "npm_", "k_live_", "passw", "passphrase", "token", "client", "secret", "://",
}

// assignment is a credential by the name before it, in text of any language.
var assignment = regexp.MustCompile(
	`(?i)(?:password|passwd|passphrase|client[_-]?secret|client-key-data|secret[_-]?access[_-]?key|token)["']?[ \t]*[:=][ \t]*` +
		`(?:"([^"\n]+)"|'([^'\n]+)'|([^\s"',;}\]]+))`)

// urlPassword is the password in a URL's user part.
var urlPassword = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^/\s:@"']*:([^@/\s"']{3,})@`)

// Span is a piece of a text that is secret: its bytes from From up to To.
type Span struct {
	From, To int
	Class    render.SecretClass
}

// Find lists the secret pieces of a text, by their start, then the longer one
// first; they may overlap. Without names only what is secret by its looks is
// one; with names also what follows "password:" and the like.
func Find(text string, names bool) []Span {
	found := encoded(text)
	lower := strings.ToLower(text)
	if slices.ContainsFunc(needles, func(needle string) bool { return strings.Contains(lower, needle) }) {
		found = append(found, all(privateKey, text, render.SecretPrivateKey)...)
		found = append(found, all(tokens, text, render.SecretToken)...)
		found = append(found, urlPasswords(text)...)
		if names {
			found = append(found, assignments(text)...)
		}
	}
	slices.SortFunc(found, func(a, b Span) int {
		if a.From != b.From {
			return a.From - b.From
		}
		return b.To - a.To
	})
	return found
}

func all(pattern *regexp.Regexp, text string, class render.SecretClass) []Span {
	var found []Span
	for _, at := range pattern.FindAllStringIndex(text, -1) {
		found = append(found, Span{at[0], at[1], class})
	}
	return found
}

func urlPasswords(text string) []Span {
	var found []Span
	for _, at := range urlPassword.FindAllStringSubmatchIndex(text, -1) {
		if isLiteral(text[at[2]:at[3]]) {
			found = append(found, Span{at[2], at[3], render.SecretLiteral})
		}
	}
	return found
}

func assignments(text string) []Span {
	var found []Span
	kubeconfig := isKubeconfig(text)
	for _, at := range assignment.FindAllStringSubmatchIndex(text, -1) {
		group := 2
		for at[group] < 0 {
			group += 2
		}
		from, to := at[group], at[group+1]
		if !isLiteral(text[from:to]) || variable.MatchString(text[from:to]) {
			continue
		}
		name := strings.ToLower(text[at[0]:from])
		class := render.SecretLiteral
		switch {
		case kubeconfig:
			class = render.SecretKubeconfig
		case strings.HasPrefix(name, "token"):
			if !isToken(text[from:to]) {
				continue
			}
			class = render.SecretToken
		}
		found = append(found, Span{from, to, class})
	}
	return found
}

const (
	encodedRun  = 32      // shorter base64 holds no key and no token that its bytes would show
	encodedSpan = 1 << 20 // of one run, what is decoded
)

// encoded finds runs of base64 that hold secrets.
func encoded(text string) []Span {
	var found []Span
	for from := 0; from < len(text); {
		if !isBase64(text[from]) {
			from++
			continue
		}
		to := from
		for to < len(text) && isBase64(text[to]) {
			to++
		}
		end := to
		for end < len(text) && text[end] == '=' && end < to+2 {
			end++
		}
		if to-from >= encodedRun {
			if class, secret := hidden(text[from:min(to, from+encodedSpan)]); secret {
				found = append(found, Span{from, end, class})
			}
		}
		from = end
	}
	return found
}

func isBase64(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '+' || c == '/'
}

// hidden decodes a run of base64 without padding and says whether its bytes
// are a secret by their looks.
func hidden(run string) (render.SecretClass, bool) {
	if !strings.ContainsAny(run[:encodedRun], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") {
		return "", false // a word, a path
	}
	raw, err := base64.RawStdEncoding.DecodeString(run[:len(run)-len(run)%4])
	if err != nil {
		return "", false
	}
	return Material(string(raw))
}

// Material says whether a text holds a secret by its looks.
func Material(raw string) (render.SecretClass, bool) {
	switch {
	case privateKey.MatchString(raw):
		return render.SecretPrivateKey, true
	case tokens.MatchString(raw):
		return render.SecretToken, true
	case utf8.ValidString(raw) && isKubeconfig(raw) && assignment.MatchString(raw):
		return render.SecretKubeconfig, true
	}
	return "", false
}
