package worker

import (
	"bytes"
	"strings"
	"sync"
	"unicode"
)

const kept = 4 << 10

// tail keeps the first and the last 4 KiB that a child writes to its standard
// error. The text may be anybody's.
type tail struct {
	mu    sync.Mutex
	first []byte
	last  []byte
}

// Write never fails: a child that floods is not slowed down by us.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(b)
	take := min(kept-len(t.first), n)
	t.first = append(t.first, b[:take]...)
	b = b[take:]
	if len(b) > kept {
		b, t.last = b[len(b)-kept:], t.last[:0]
	}
	if over := len(t.last) + len(b) - kept; over > 0 {
		t.last = append(t.last[:0], t.last[over:]...)
	}
	t.last = append(t.last, b...)
	return n, nil
}

// holds reports whether one of the phrases was written.
func (t *tail) holds(phrases ...string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, phrase := range phrases {
		if bytes.Contains(t.first, []byte(phrase)) || bytes.Contains(t.last, []byte(phrase)) {
			return true
		}
	}
	return false
}

// line returns the beginning as one clean line.
func (t *tail) line() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return clean(string(t.first), 300)
}

// clean makes one line of bounded length of any text: without control
// characters, those that reorder text included.
func clean(s string, limit int) string {
	if len(s) > limit {
		s = strings.ToValidUTF8(s[:limit], "") + " …"
	}
	s = strings.ToValidUTF8(s, "�")
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}
