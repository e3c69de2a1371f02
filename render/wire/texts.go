package wire

import "encoding/json"

const (
	knownTexts  = 8192
	knownLength = 64
)

// texts remembers short strings, boxed as values: the same few keys, kinds
// and file names make up most of what children send. It belongs to one
// connection and is bounded whatever the child sends.
type texts struct {
	known   map[string]any
	numbers map[string]any
}

// value returns the string of the bytes as a value.
func (t *texts) value(b []byte) any {
	if len(b) > knownLength {
		return string(b)
	}
	if v, ok := t.known[string(b)]; ok {
		return v
	}
	if t.known == nil || len(t.known) >= knownTexts {
		t.known = make(map[string]any, 256)
	}
	s := string(b)
	var v any = s
	t.known[s] = v
	return v
}

// number returns the bytes as a number.
func (t *texts) number(b []byte) any {
	if v, ok := t.numbers[string(b)]; ok {
		return v
	}
	if t.numbers == nil || len(t.numbers) >= knownTexts {
		t.numbers = make(map[string]any, 64)
	}
	n := json.Number(b)
	if len(b) > knownLength {
		return n
	}
	var v any = n
	t.numbers[string(n)] = v
	return v
}

func (t *texts) text(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	s, _ := t.value(b).(string)
	return s
}
