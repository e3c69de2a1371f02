package credential

import (
	"encoding/base64"
	"regexp"
	"strings"
	"unicode"

	"github.com/countersign-dev/countersign/render"
)

// Classify says what a secret value is.
func Classify(value string) render.SecretClass {
	trimmed := strings.TrimSpace(value)
	switch {
	case trimmed == "":
		return render.SecretEmpty
	case strings.HasPrefix(trimmed, "ENC[") && strings.HasSuffix(trimmed, "]"):
		return render.SecretSOPS
	case Placeholder(trimmed):
		return render.SecretPlaceholder
	case privateKey.MatchString(trimmed):
		return render.SecretPrivateKey
	case tokens.MatchString(trimmed):
		if isKubeconfig(trimmed) {
			return render.SecretKubeconfig
		}
		return render.SecretToken
	case templated(trimmed):
		return render.SecretPlaceholder
	case isKubeconfig(trimmed):
		return render.SecretKubeconfig
	case strings.TrimSpace(certificate.ReplaceAllString(trimmed, "")) == "":
		return render.SecretCA
	}
	return render.SecretLiteral
}

var (
	privateKey = regexp.MustCompile(
		`-----BEGIN [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----(?s:.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----|\z)` +
			`|AGE-SECRET-KEY-1[A-Z0-9]{20,}`)
	certificate = regexp.MustCompile(
		`-----BEGIN (?:TRUSTED )?CERTIFICATE-----[A-Za-z0-9+/=\s]*-----END (?:TRUSTED )?CERTIFICATE-----`)
	// tokens are credentials that are known by their looks.
	tokens = regexp.MustCompile(strings.Join([]string{
		`eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*`, // JWT
		`gh[oprsu]_[A-Za-z0-9]{20,}`,                                 // GitHub
		`github_pat_[A-Za-z0-9_]{20,}`,
		`glpat-[A-Za-z0-9_-]{16,}`, // GitLab
		`(?:AKIA|ASIA)[A-Z0-9]{16}`,
		`xox[abeoprs]-[A-Za-z0-9-]{10,}`, // Slack
		`hooks\.slack\.com/services/[A-Za-z0-9/]{20,}`,
		`AIza[A-Za-z0-9_-]{35}`, // Google
		`ya29\.[A-Za-z0-9_-]{20,}`,
		`hv[bs]\.[A-Za-z0-9_-]{20,}`, // Vault
		`dop_v1_[a-f0-9]{64}`,        // DigitalOcean
		`npm_[A-Za-z0-9]{36}`,
		`[rs]k_live_[A-Za-z0-9]{16,}`, // Stripe
	}, "|"))
)

// tokenRun is a word that could be a token.
var tokenRun = regexp.MustCompile(`[A-Za-z0-9_+/]*[0-9][A-Za-z0-9_+/]{11,}|[A-Za-z0-9_+/]{30,}`)

// placeholder is what is filled in later: ${NAME} without a default in clear,
// <name>, or a template's action.
var placeholder = regexp.MustCompile(
	`\$\{[A-Za-z_][A-Za-z0-9_.-]*(?::?[=-](?:""|'')?)?\}|<[A-Za-z][A-Za-z0-9_. -]*>|\{\{[^{}]*\}\}`)

// Placeholder reports whether nothing but placeholders, space and punctuation
// is there.
func Placeholder(value string) bool {
	return mayHold(value) && placeholder.MatchString(value) &&
		!strings.ContainsFunc(placeholder.ReplaceAllString(value, ""), isWord)
}

// mayHold is a cheap look for a placeholder's beginning.
func mayHold(value string) bool {
	return strings.Contains(value, "${") || strings.Contains(value, "<") || strings.Contains(value, "{{")
}

func isWord(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// templated reports whether a text of lines is a form that placeholders fill:
// there is one, no sensitive key has another value, and nothing else looks
// like a token.
func templated(value string) bool {
	if !mayHold(value) || !strings.Contains(value, "\n") || !placeholder.MatchString(value) {
		return false
	}
	filled := false
	for line := range strings.Lines(value) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '[' || !strings.ContainsFunc(line, isWord) {
			continue
		}
		if line[0] == '#' {
			if tokenRun.MatchString(line) || len(assignments(line)) > 0 {
				return false
			}
			continue
		}
		key, rest := splitLine(line)
		switch {
		case key == "":
			return false
		case Placeholder(rest):
			filled = true
		case !strings.ContainsFunc(rest, isWord): // what begins below
		case Sensitive(key), tokenRun.MatchString(placeholder.ReplaceAllString(rest, "")):
			return false
		}
	}
	return filled
}

// splitLine splits "key: value" and "key = value"; key is "" for other lines.
func splitLine(line string) (key, value string) {
	line = strings.TrimPrefix(line, "- ")
	at := strings.IndexAny(line, ":=")
	if at <= 0 {
		return "", ""
	}
	return strings.Trim(line[:at], `"' `), strings.TrimSpace(line[at+1:])
}

func isKubeconfig(value string) bool {
	return strings.Contains(value, "clusters") && strings.Contains(value, "users") &&
		strings.Contains(value, "contexts") && strings.Contains(value, "Config")
}

// sensitiveKey is a key whose value is a credential by its name.
var sensitiveKey = regexp.MustCompile(
	`(?i:^(?:.*[._-])?(?:password|passwd|passphrase|token|client[_-]?secret|client-key-data|` +
		`(?:aws[_-]?)?secret[_-]?access[_-]?key))$` +
		`|[a-z0-9](?:Password|Passwd|Passphrase|Token|ClientSecret|SecretAccessKey)$`)

// Sensitive reports whether the value under a key is a credential by the key's
// name.
func Sensitive(key string) bool {
	if len(key) < 5 {
		return false
	}
	switch strings.ToLower(key[len(key)-3:]) { // most keys end otherwise, and need no pattern
	case "ord", "swd", "ase", "ken", "ret", "ata", "key":
		return sensitiveKey.MatchString(key)
	}
	return false
}

var (
	// variable is what a script or a page says instead of a value.
	variable = regexp.MustCompile(
		"^(?:\\$[A-Za-z_][A-Za-z0-9_]*|\\$\\{[A-Za-z0-9_]+(?::?[-=]?)?|\\$\\(.*|`.*|%[A-Za-z_]+%|[x*X]+)$")
	// environment is a reference that the kubelet fills in.
	environment = regexp.MustCompile(`^\$\([A-Za-z_][A-Za-z0-9_.-]*\)$`)
	switches    = regexp.MustCompile(
		`^(?i:true|false|yes|no|on|off|none|null|nil|enabled|disabled|optional|required)$`)
)

// Clear reports whether the value under a sensitive key is a secret in clear: no
// placeholder, switch or reference.
func Clear(key, value string) bool {
	if !Sensitive(key) || !isLiteral(value) {
		return false
	}
	return !strings.HasSuffix(strings.ToLower(key), "token") || isToken(value)
}

// isToken reports whether a value under "token" can be one, not a path or text.
func isToken(value string) bool { return len(value) >= 8 && !strings.ContainsAny(value, " /\n") }

// isLiteral reports whether a value is a secret in clear rather than a
// placeholder, a reference or a switch.
func isLiteral(value string) bool {
	trimmed := strings.TrimSpace(value)
	return trimmed != "" && !Placeholder(trimmed) && !environment.MatchString(trimmed) &&
		!switches.MatchString(trimmed) && !strings.HasPrefix(trimmed, "ENC[")
}

// Unbase64 decodes standard base64, line breaks allowed.
func Unbase64(text string) (string, bool) {
	joined := strings.Join(strings.Fields(text), "")
	raw, err := base64.StdEncoding.DecodeString(joined)
	if err != nil {
		raw, err = base64.RawStdEncoding.DecodeString(joined)
	}
	return string(raw), err == nil
}
