package wire

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/render"
)

// The kinds of values.
const (
	tagNil byte = iota
	tagFalse
	tagTrue
	tagString
	tagNumber
	tagList
	tagMap
)

// What values take in memory, about: an interface, a map, and what one key
// adds to it; and how many steps of paths are allocated at once.
const (
	valueSize = 16
	mapSize   = 64
	entrySize = 48
	pathRoom  = 256
)

// value carries what [render.Resource.Object] may hold.
func (c *codec) value(p *any, depth int) {
	switch {
	case depth > maxDepth:
		c.fail("value is nested deeper than %d", maxDepth)
	case c.writing:
		c.writeValue(*p, depth)
	default:
		*p = c.readValue(depth)
	}
}

func (c *codec) writeValue(v any, depth int) {
	switch v := v.(type) {
	case nil:
		c.out = append(c.out, tagNil)
	case bool:
		c.out = append(c.out, tagFalse)
		if v {
			c.out[len(c.out)-1] = tagTrue
		}
	case string:
		c.out = append(c.out, tagString)
		c.text(&v)
	case json.Number:
		if !number([]byte(v)) {
			c.fail("%q is not a number", string(v))
		}
		c.out = append(c.out, tagNumber)
		text(c, &v)
	case []any:
		if v == nil { // null, as JSON has it
			c.out = append(c.out, tagNil)
			return
		}
		c.out = append(c.out, tagList)
		c.count(len(v), valueSize)
		for i := range v {
			c.value(&v[i], depth+1)
		}
	case map[string]any:
		if v == nil {
			c.out = append(c.out, tagNil)
			return
		}
		c.out = append(c.out, tagMap)
		c.writeMap(v, depth)
	default:
		c.fail("a %T is not a value", v)
	}
}

func (c *codec) writeMap(m map[string]any, depth int) {
	c.charge(1, mapSize)
	c.count(len(m), entrySize)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		c.text(&key)
		v := m[key]
		c.value(&v, depth+1)
	}
}

func (c *codec) readValue(depth int) any {
	var tag byte
	c.byte(&tag)
	switch tag {
	case tagNil:
		return nil
	case tagFalse, tagTrue:
		return tag == tagTrue
	case tagString:
		b := c.span()
		if !utf8.Valid(b) {
			c.fail("text is not UTF-8")
			return nil
		}
		return c.texts.value(b)
	case tagNumber:
		b := c.span()
		if !number(b) {
			c.fail("not a number")
			return nil
		}
		return c.texts.number(b)
	case tagList:
		n := c.count(0, valueSize)
		items := make([]any, 0, min(n, firstElements))
		for ; n > 0 && c.err == nil; n-- {
			var item any
			c.value(&item, depth+1)
			items = append(items, item)
		}
		return items
	case tagMap:
		return c.readMap(depth)
	}
	c.fail("value of kind %d", tag)
	return nil
}

func (c *codec) readMap(depth int) map[string]any {
	c.charge(1, mapSize)
	n := c.count(0, entrySize)
	m := make(map[string]any, min(n, firstElements))
	last := ""
	for i := range n {
		var key string
		var v any
		c.text(&key)
		c.value(&v, depth+1)
		if c.err == nil && i > 0 && key <= last {
			c.fail("keys are out of order")
		}
		if c.err != nil {
			break
		}
		m[key], last = v, key
	}
	return m
}

// number reports whether bytes are a number as JSON writes it.
func number(b []byte) bool {
	if len(b) == 0 || len(b) > 1024 || b[0] != '-' && (b[0] < '0' || b[0] > '9') {
		return false
	}
	last := b[len(b)-1]
	return last >= '0' && last <= '9' && json.Valid(b)
}

// object carries the map of a resource; nil stays nil.
func (c *codec) object(p *map[string]any) {
	present := *p != nil
	if c.bool(&present); !present {
		*p = nil
		return
	}
	if c.writing {
		c.writeMap(*p, 0)
		return
	}
	*p = c.readMap(0)
}

// path carries a path as what differs from the one before it in its table.
// The path of no steps is nil.
func (c *codec) path(p *render.Path, before render.Path) {
	if c.writing {
		c.writePath(*p, before)
		return
	}
	var shared int
	c.int(&shared)
	n := c.count(0, valueSize)
	if shared > len(before) || shared+n > maxDepth {
		c.fail("path of %d steps after %d", n, shared)
	}
	c.charge(shared, valueSize)
	if *p = nil; c.err != nil || shared+n == 0 {
		return
	}
	path := c.steps(shared + n)
	copy(path, before[:shared])
	for i := shared; i < len(path) && c.err == nil; i++ {
		path[i] = c.readStep()
	}
	*p = path
}

// steps returns room for a path. Paths are short and many: they are cut from
// longer slices.
func (c *codec) steps(n int) render.Path {
	if n > len(c.room) {
		c.room = make([]any, max(n, pathRoom))
	}
	path := c.room[:n:n]
	c.room = c.room[n:]
	return path
}

func (c *codec) writePath(p, before render.Path) {
	if len(p) > maxDepth {
		c.fail("path of %d steps", len(p))
		return
	}
	shared := 0
	for shared < len(p) && shared < len(before) && p[shared] == before[shared] {
		shared++
	}
	rest := len(p) - shared
	c.charge(shared, valueSize)
	c.int(&shared)
	c.count(rest, valueSize)
	for _, step := range p[shared:] {
		switch step := step.(type) {
		case string:
			c.out = append(c.out, 0)
			c.text(&step)
		case int:
			if step < 0 {
				c.fail("index %d in a path", step)
			}
			c.out = binary.AppendUvarint(c.out, uint64(step)+1)
		default:
			c.fail("a %T in a path", step)
		}
	}
}

func (c *codec) readStep() any {
	var index int
	if c.int(&index); index > 0 {
		return index - 1
	}
	b := c.span()
	if !utf8.Valid(b) {
		c.fail("text is not UTF-8")
	}
	return c.texts.value(b)
}
