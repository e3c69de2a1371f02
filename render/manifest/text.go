package manifest

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

// span is a piece of a text that is secret.
type span struct {
	from, to int
	class    render.SecretClass
}

// spans replaces the secret pieces of a text. Without names only what is
// secret by its looks is one.
func (m *masker) spans(text string, names bool) string {
	found := m.find(text, names)
	if len(found) == 0 {
		return text
	}
	var out strings.Builder
	done := 0
	for _, s := range found {
		if s.from < done {
			s.from = done
		}
		if s.from >= s.to {
			continue
		}
		out.WriteString(text[done:s.from])
		out.WriteString(m.seal(s.class, text[s.from:s.to]))
		done = s.to
	}
	out.WriteString(text[done:])
	return out.String()
}

// find lists the secret pieces, in order.
func (m *masker) find(text string, names bool) []span {
	found := encoded(text)
	lower := strings.ToLower(text)
	if slices.ContainsFunc(needles, func(needle string) bool { return strings.Contains(lower, needle) }) {
		found = append(found, all(privateKey, text, render.SecretPrivateKey)...)
		found = append(found, all(tokens, text, render.SecretToken)...)
		found = append(found, urlPasswords(text)...)
		if names && !m.prose {
			found = append(found, m.assignments(text)...)
		}
	}
	slices.SortFunc(found, func(a, b span) int {
		if a.from != b.from {
			return a.from - b.from
		}
		return b.to - a.to
	})
	return found
}

func all(pattern *regexp.Regexp, text string, class render.SecretClass) []span {
	var found []span
	for _, at := range pattern.FindAllStringIndex(text, -1) {
		found = append(found, span{at[0], at[1], class})
	}
	return found
}

func urlPasswords(text string) []span {
	var found []span
	for _, at := range urlPassword.FindAllStringSubmatchIndex(text, -1) {
		if isLiteral(text[at[2]:at[3]]) {
			found = append(found, span{at[2], at[3], render.SecretLiteral})
		}
	}
	return found
}

func (m *masker) assignments(text string) []span {
	var found []span
	kubeconfig := isKubeconfig(text)
	for _, at := range assignment.FindAllStringSubmatchIndex(text, -1) {
		group := 2
		for at[group] < 0 {
			group += 2
		}
		from, to := at[group], at[group+1]
		if !m.literal(text[at[0]:from], text[from:to]) {
			continue
		}
		name := strings.ToLower(text[at[0]:from])
		class := render.SecretLiteral
		switch {
		case kubeconfig:
			class = render.SecretKubeconfig
		case strings.HasPrefix(name, "token"):
			if len(text[from:to]) < 8 || strings.ContainsAny(text[from:to], "/ ") {
				continue
			}
			class = render.SecretToken
		}
		found = append(found, span{from, to, class})
	}
	return found
}

const (
	encodedRun  = 32      // shorter base64 holds no key and no token that its bytes would show
	encodedSpan = 1 << 20 // of one run, what is decoded
)

// encoded finds runs of base64 that hold secrets.
func encoded(text string) []span {
	var found []span
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
				found = append(found, span{from, end, class})
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
	return material(string(raw))
}

// material says whether a text holds a secret by its looks.
func material(raw string) (render.SecretClass, bool) {
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
