package manifest

import (
	"strings"

	"github.com/countersign-dev/countersign/render/manifest/credential"
)

// spans replaces the secret pieces of a text. Without names only what is
// secret by its looks is one.
func (m *masker) spans(text string, names bool) string {
	found := credential.Find(text, names && !m.prose)
	if len(found) == 0 {
		return text
	}
	var out strings.Builder
	done := 0
	for _, piece := range found {
		from := max(piece.From, done)
		if from >= piece.To {
			continue
		}
		out.WriteString(text[done:from])
		out.WriteString(m.seal(piece.Class, text[from:piece.To]))
		done = piece.To
	}
	out.WriteString(text[done:])
	return out.String()
}
