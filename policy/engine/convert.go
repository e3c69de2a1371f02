package engine

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/countersign-dev/countersign/render"
)

// converter turns the inputs of one batch into OPA's values without a detour
// through text. Objects and keys that several inputs share are converted
// once: it knows objects by their address, and keeps them so that no other
// takes it. The objects must not change while it lives. What it remembers is
// bounded, so that a batch may be a fleet.
type converter struct {
	objects map[uintptr]converted
	strings map[string]*ast.Term
	params  *ast.Term
	kept    int // values in objects, about 100 bytes each
}

// rememberedValues bounds what a converter keeps: some 20 MB.
const rememberedValues = 200_000

type converted struct {
	object map[string]any
	term   *ast.Term
}

func newConverter(params map[string]any) (*converter, error) {
	c := &converter{}
	c.forget()
	var err error
	c.params, err = c.value(params)
	return c, err
}

// forget lets go of all that is remembered.
func (c *converter) forget() {
	c.objects, c.strings, c.kept = map[uintptr]converted{}, map[string]*ast.Term{}, 0
}

// value converts a JSON-like value: nil, bool, string, numbers, []any and
// map[string]any. Another type is an error of ours.
func (c *converter) value(v any) (*ast.Term, error) {
	c.kept++
	switch v := v.(type) {
	case nil:
		return ast.InternedNullTerm, nil
	case bool:
		return ast.InternedTerm(v), nil
	case string:
		return c.text(v), nil
	case json.Number:
		if !json.Valid([]byte(v)) {
			return nil, fmt.Errorf("%q is no number", string(v))
		}
		return ast.NumberTerm(v), nil
	case int:
		return ast.InternedTerm(v), nil
	case int64:
		return ast.NumberTerm(json.Number(strconv.FormatInt(v, 10))), nil
	case float64:
		text, err := json.Marshal(v)
		return ast.NumberTerm(json.Number(text)), err
	case []any:
		return each(v, c.value)
	case map[string]any:
		return c.object(v)
	}
	return nil, fmt.Errorf("a value of type %T cannot be judged", v)
}

func (c *converter) object(m map[string]any) (*ast.Term, error) {
	if m == nil {
		return ast.InternedNullTerm, nil
	}
	address := reflect.ValueOf(m).Pointer()
	if known, ok := c.objects[address]; ok {
		return known.term, nil
	}
	object := ast.NewObjectWithCapacity(len(m))
	for key, v := range m {
		term, err := c.value(v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", key, err)
		}
		object.Insert(c.text(key), term)
	}
	term := ast.NewTerm(object)
	c.objects[address] = converted{m, term}
	return term, nil
}

// text returns a term for a string; short ones, mostly keys, are shared.
func (c *converter) text(s string) *ast.Term {
	if len(s) > 64 {
		return ast.StringTerm(s)
	}
	term, ok := c.strings[s]
	if !ok {
		term = ast.StringTerm(s)
		c.strings[s] = term
	}
	return term
}

func (c *converter) path(p render.Path) (*ast.Term, error) {
	return each(p, func(step any) (*ast.Term, error) { return c.value(step) })
}

func each[T any](list []T, convert func(T) (*ast.Term, error)) (*ast.Term, error) {
	terms := make([]*ast.Term, len(list))
	for i, item := range list {
		term, err := convert(item)
		if err != nil {
			return nil, fmt.Errorf("[%d]: %w", i, err)
		}
		terms[i] = term
	}
	return ast.ArrayTerm(terms...), nil
}

// fields builds an input's object key by key and keeps the first error.
type fields struct {
	c      *converter
	object ast.Object
	err    error
}

func (c *converter) fields(size int) *fields {
	if c.kept > rememberedValues {
		c.forget()
	}
	return &fields{c: c, object: ast.NewObjectWithCapacity(size)}
}

func (f *fields) term(key string, term *ast.Term, err error) *fields {
	if err != nil && f.err == nil {
		f.err = fmt.Errorf("%s: %w", key, err)
	}
	if f.err == nil {
		f.object.Insert(f.c.text(key), term)
	}
	return f
}

func (f *fields) value(key string, v any) *fields {
	term, err := f.c.value(v)
	return f.term(key, term, err)
}

func (f *fields) path(p render.Path) *fields {
	term, err := f.c.path(p)
	return f.term("path", term, err)
}

func (f *fields) identity(id render.Identity) *fields {
	return f.value("group", id.Group).value("kind", id.Kind).value("namespace", id.Namespace).value("name", id.Name)
}

func (f *fields) done() (*ast.Term, error) { return ast.NewTerm(f.object), f.err }

// list adds a list of things that are converted one by one.
func list[T any](f *fields, key string, items []T, convert func(T) (*ast.Term, error)) *fields {
	term, err := each(items, convert)
	return f.term(key, term, err)
}

// nullable adds a thing that may be absent.
func nullable[T any](f *fields, key string, item *T, convert func(T) (*ast.Term, error)) *fields {
	if item == nil {
		return f.value(key, nil)
	}
	term, err := convert(*item)
	return f.term(key, term, err)
}
