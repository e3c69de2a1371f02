package credential

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/render"
)

// The needles are what a text with a secret contains, in lower case: most
// texts have none, and no pattern need run over them.
var (
	keyNeedles   = []string{"private key", "age-secret"}
	tokenNeedles = []string{
		"eyj", "gh", "glpat-", "akia", "asia", "xox", "hooks.slack", "aiza", "ya29.", "hvs.", "hvb.", "dop_v1_",
		"npm_", "k_live_",
	}
	nameNeedles = []string{"passw", "passphrase", "token", "client", "secret"}
)

func contains(lower string, needles []string) bool {
	return slices.ContainsFunc(needles, func(needle string) bool { return strings.Contains(lower, needle) })
}

// assignment is a credential by the name before it, in text of any language.
var assignment = regexp.MustCompile(
	`(?i)(?:password|passwd|passphrase|client[_-]?secret|client-key-data|secret[_-]?access[_-]?key|token)` +
		`["']?[ \t]*[:=][ \t]*(?:"([^"\n]+)"|'([^'\n]+)'|([^\s"',;}\]]+))`)

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
	found := encoded(text, encodedDepth)
	lower := strings.ToLower(text)
	if contains(lower, keyNeedles) {
		found = append(found, all(privateKey, text, render.SecretPrivateKey)...)
	}
	if contains(lower, tokenNeedles) {
		found = append(found, all(tokens, text, render.SecretToken)...)
	}
	if strings.Contains(text, "://") && strings.Contains(text, "@") {
		found = append(found, urlPasswords(text)...)
	}
	if names && contains(lower, nameNeedles) {
		found = append(found, assignments(text)...)
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
		if strings.HasPrefix(name, "passwd") && strings.HasSuffix(strings.ToLower(text[:at[0]]), "no") {
			continue // the word of sudoers
		}
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
	encodedRun   = 24      // shorter base64 holds no token that its bytes would show
	encodedSpan  = 1 << 20 // of one run, what is decoded
	encodedDepth = 3       // base64 in base64
	unzippedMin  = 4 << 10 // of one run, what is unpacked, and
	unzippedRate = 64      // times its length
)

// encoded finds runs of base64, of text or of gzip, that hold secrets.
func encoded(text string, depth int) []Span {
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
			if class, secret := hidden(text[from:min(to, from+encodedSpan)], depth); secret {
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

// hidden decodes a run of base64, whose padding is cut off, and says whether
// it holds a secret.
func hidden(run string, depth int) (render.SecretClass, bool) {
	if depth == 0 || !strings.ContainsAny(run[:encodedRun], "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789") {
		return "", false // too deep, or a word or a path
	}
	if len(run)%4 == 1 {
		run = run[:len(run)-1] // cut at the limit, or no base64
	}
	raw, err := base64.RawStdEncoding.DecodeString(run)
	if err != nil {
		return "", false
	}
	if bytes.HasPrefix(raw, []byte{0x1f, 0x8b}) {
		raw = unzipped(raw)
	}
	return within(string(raw), depth-1)
}

// unzipped unpacks the beginning of gzip, at most in proportion to its length;
// what is no gzip is nothing.
func unzipped(packed []byte) []byte {
	reader, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil
	}
	// What came before an error counts.
	raw, _ := io.ReadAll(io.LimitReader(reader, int64(unzippedMin+unzippedRate*len(packed))))
	return raw
}

// Material says whether a text, or bytes, holds a secret by its looks, in
// clear or in base64.
func Material(raw string) (render.SecretClass, bool) { return within(raw, encodedDepth) }

func within(raw string, depth int) (render.SecretClass, bool) {
	switch {
	case privateKey.MatchString(raw):
		return render.SecretPrivateKey, true
	case tokens.MatchString(raw):
		return render.SecretToken, true
	case utf8.ValidString(raw) && isKubeconfig(raw) && assignment.MatchString(raw):
		return render.SecretKubeconfig, true
	}
	if found := encoded(raw, depth); len(found) > 0 {
		return found[0].Class, true
	}
	return "", false
}
