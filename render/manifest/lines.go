package manifest

import (
	"regexp"
	"strings"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/manifest/credential"
)

var (
	dataLine  = regexp.MustCompile(`^([ \t]*(?:- )?)["']?(?:data|stringData)["']?[ \t]*:[ \t]*(.*)$`)
	valueLine = regexp.MustCompile(`^([ \t]*(?:"[^"]*"|'[^']*'|[^\s:#][^:]*):[ \t]+)(\S.*)$`)
	blockLine = regexp.MustCompile(`^[ \t]*[^\s#].*:[ \t]*(?:[|>][-+0-9]*)?[ \t]*$`)
)

// secretLines masks, line by line, the data of Secrets in a text that no
// parser understands (a template that is YAML only after substitution). Where
// no line shows the data of a Secret, that whole document is masked.
func (m *masker) secretLines(raw string) string {
	var out, chunk strings.Builder
	flush := func() {
		out.WriteString(m.secretChunk(chunk.String()))
		chunk.Reset()
	}
	for line := range strings.Lines(raw) {
		if strings.HasPrefix(line, "---") {
			flush()
		}
		chunk.WriteString(line)
	}
	flush()
	return out.String()
}

func (m *masker) secretChunk(raw string) string {
	if !secretKind.MatchString(raw) || !dataWord.MatchString(raw) {
		return m.spans(raw, true)
	}
	var out strings.Builder
	before := len(m.masked)
	found, inside, indent := false, false, 0
	for line := range strings.Lines(raw) {
		body := strings.TrimRight(line, "\r\n")
		if inside && strings.TrimSpace(body) != "" && depthOf(body) <= indent {
			inside = false
		}
		if match := dataLine.FindStringSubmatch(body); match != nil && !inside {
			found, inside, indent = true, true, len(match[1])
			body = body[:len(body)-len(match[2])] + m.lineValue(match[2])
		} else if inside {
			body = m.dataLine(body)
		} else {
			body = m.spans(body, true)
		}
		out.WriteString(body + line[len(strings.TrimRight(line, "\r\n")):])
	}
	if !found || keyLeft(out.String()) {
		m.masked = m.masked[:before]
		return m.seal(render.SecretLiteral, raw)
	}
	return out.String()
}

// dataLine masks one line below a Secret's data.
func (m *masker) dataLine(body string) string {
	if strings.TrimSpace(body) == "" || blockLine.MatchString(body) {
		return body
	}
	if match := valueLine.FindStringSubmatch(body); match != nil {
		return match[1] + m.lineValue(match[2])
	}
	trimmed := strings.TrimLeft(body, " \t")
	return body[:len(body)-len(trimmed)] + m.lineValue(trimmed)
}

func (m *masker) lineValue(value string) string {
	if trimmed := strings.Trim(value, `"' `); trimmed != "" && trimmed != "|" && trimmed != ">" {
		return m.seal(credential.Classify(trimmed), trimmed)
	}
	return value
}

func depthOf(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }

// keyLeft reports whether a private key that spans lines was not replaced
// wholly.
func keyLeft(text string) bool {
	class, secret := credential.Material(text)
	return secret && class == render.SecretPrivateKey
}
