package onehost

import (
	"regexp"
	"strings"
)

// credential is whatever may be one, at the price of a word too many.
var credential = regexp.MustCompile(`gh[a-z]_[A-Za-z0-9_]+|github_pat_[A-Za-z0-9_]+|eyJ[A-Za-z0-9_\-.]+|` +
	`\bv1\.[0-9a-f]{16,}|(?i:\b(?:bearer|basic)\s+)[^\s"']+|(?i:\btoken\s+)[A-Za-z0-9_\-.]{16,}|://[^/@\s"]+@`)

const mostErrorText = 400

// Redact takes what may be a credential out of a text and bounds it.
func Redact(text string) string {
	text = credential.ReplaceAllString(text, "[redacted]")
	if len(text) > mostErrorText {
		text = strings.ToValidUTF8(text[:mostErrorText], "") + "…"
	}
	return text
}
