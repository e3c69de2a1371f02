package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"unicode/utf8"
	"unsafe"
)

// ErrMalformed says that bytes are not what the other side should have sent,
// or that a value cannot be sent.
var ErrMalformed = errors.New("malformed message")

const (
	// maxDepth bounds the nesting of values and the steps of a path.
	maxDepth = 256
	// maxMemory bounds what the lists, maps and paths of one frame take once
	// they are decoded: a small frame can expand to some 30 times its size.
	maxMemory = 512 << 20
	// firstElements is how many elements are allocated on a count's word.
	firstElements = 512
)

// codec walks a message once, to write it or to read it: each field is named
// in one place, so that the two directions cannot drift apart. After the first
// error everything is a no-op.
type codec struct {
	writing bool
	out     []byte
	in      []byte
	left    int // bytes of memory that may still be taken
	texts   *texts
	room    []any // for the steps of paths
	err     error
}

func writer(out []byte) *codec {
	return &codec{writing: true, out: out, left: maxMemory}
}

func reader(in []byte, known *texts) *codec {
	return &codec{in: in, left: maxMemory, texts: known}
}

func (c *codec) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
	}
	c.in = nil
}

func (c *codec) byte(p *byte) {
	if c.writing {
		c.out = append(c.out, *p)
		return
	}
	*p = 0
	if len(c.in) == 0 {
		c.fail("message ends early")
		return
	}
	*p, c.in = c.in[0], c.in[1:]
}

func (c *codec) bool(p *bool) {
	var b byte
	if *p {
		b = 1
	}
	c.byte(&b)
	if b > 1 {
		c.fail("flag of %d", b)
	}
	*p = b == 1
}

func (c *codec) uint(p *uint64) {
	if c.writing {
		c.out = binary.AppendUvarint(c.out, *p)
		return
	}
	*p = 0
	v, n := binary.Uvarint(c.in)
	if n <= 0 || n > 1 && c.in[n-1] == 0 {
		c.fail("bad number")
		return
	}
	*p, c.in = v, c.in[n:]
}

// int carries a number that is never negative.
func (c *codec) int(p *int) {
	if *p < 0 && c.writing {
		c.fail("negative number %d", *p)
		return
	}
	v := uint64(*p)
	c.uint(&v)
	if v > math.MaxInt {
		c.fail("number %d is too large", v)
		return
	}
	*p = int(v)
}

// count carries how many elements follow; each takes at least one byte here,
// and size bytes of memory.
func (c *codec) count(n, size int) int {
	c.int(&n)
	if !c.writing && n > len(c.in) {
		c.fail("%d elements in %d bytes", n, len(c.in))
	}
	if c.err != nil {
		return 0
	}
	if c.charge(n, size); c.err != nil {
		return 0
	}
	return n
}

func (c *codec) charge(n, size int) {
	if c.left -= n * size; c.left < 0 {
		c.fail("message takes more than %d MiB of memory", maxMemory>>20)
	}
}

// span reads the bytes of a string without copying them.
func (c *codec) span() []byte {
	var n int
	c.int(&n)
	if n > len(c.in) {
		c.fail("%d bytes of %d", n, len(c.in))
	}
	if c.err != nil {
		return nil
	}
	b := c.in[:n:n]
	c.in = c.in[n:]
	return b
}

// raw carries a string of any bytes: a path of the tree.
func (c *codec) raw(p *string) {
	if c.writing {
		c.out = binary.AppendUvarint(c.out, uint64(len(*p)))
		c.out = append(c.out, *p...)
		return
	}
	*p = c.texts.text(c.span())
}

// text carries a string that must be UTF-8.
func (c *codec) text(p *string) {
	if c.writing {
		if !utf8.ValidString(*p) {
			c.fail("text is not UTF-8")
		}
		c.raw(p)
		return
	}
	b := c.span()
	if !utf8.Valid(b) {
		c.fail("text is not UTF-8")
		b = nil
	}
	*p = c.texts.text(b)
}

func (c *codec) bytes(p *[]byte) {
	if c.writing {
		c.out = binary.AppendUvarint(c.out, uint64(len(*p)))
		c.out = append(c.out, *p...)
		return
	}
	*p = append([]byte{}, c.span()...)
}

// list carries a slice; nil and empty stay apart.
func list[T any](c *codec, p *[]T, each func(*codec, *T)) {
	present := *p != nil
	if c.bool(&present); !present {
		*p = nil
		return
	}
	n := c.count(len(*p), int(unsafe.Sizeof(*new(T))))
	if c.writing {
		for i := range *p {
			each(c, &(*p)[i])
		}
		return
	}
	s := make([]T, 0, min(n, firstElements))
	for range n {
		var v T
		if each(c, &v); c.err != nil {
			break
		}
		s = append(s, v)
	}
	*p = s
}

// optional carries a pointer; nil stays nil.
func optional[T any](c *codec, p **T, each func(*codec, *T)) {
	present := *p != nil
	if c.bool(&present); !present {
		*p = nil
		return
	}
	if !c.writing {
		*p = new(T)
	}
	each(c, *p)
}

func text[S ~string](c *codec, p *S) {
	s := string(*p)
	c.text(&s)
	*p = S(s)
}
