package diff

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
)

// Edit is one place where two values differ.
type Edit struct {
	// Path leads there: strings for keys, ints for indices. An index is the
	// after side's, except where an element was removed: then the before side's.
	Path []any
	// Before and After are the values; meaningless on a side that lacks the place.
	Before, After any
	// Added says that the before side lacks the place, Removed that the after
	// side does.
	Added, Removed bool
}

// Values lists the edits that turn before into after, in the order of the
// walk: keys sorted, and in a list what was removed, then the rest by index.
// Equal values have none. An explicit nil and an absent key differ.
func Values(before, after any) []Edit {
	var w walk
	w.value(nil, before, after)
	return w.edits
}

type walk struct{ edits []Edit }

func (w *walk) value(path []any, before, after any) {
	if b, ok := before.(map[string]any); ok {
		if a, ok := after.(map[string]any); ok {
			w.object(path, b, a)
			return
		}
	}
	if b, ok := before.([]any); ok {
		if a, ok := after.([]any); ok {
			w.list(path, b, a)
			return
		}
	}
	if !reflect.DeepEqual(before, after) {
		w.add(Edit{Path: path, Before: before, After: after})
	}
}

func (w *walk) add(edit Edit) { w.edits = append(w.edits, edit) }

func (w *walk) object(path []any, before, after map[string]any) {
	keys := slices.Collect(maps.Keys(before))
	for key := range after {
		if _, ok := before[key]; !ok {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	for _, key := range keys {
		b, inBefore := before[key]
		a, inAfter := after[key]
		place := below(path, key)
		switch {
		case !inBefore:
			w.add(Edit{Path: place, After: a, Added: true})
		case !inAfter:
			w.add(Edit{Path: place, Before: b, Removed: true})
		default:
			w.value(place, b, a)
		}
	}
}

// list compares by merge key where both sides have one and what they share is
// in the same order; else by index, after what both begin and end with.
func (w *walk) list(path []any, before, after []any) {
	if beforeKeys, afterKeys, ok := mergeKeys(before, after); ok && sameOrder(beforeKeys, afterKeys) {
		w.keyed(path, pairing{before, after, beforeKeys, afterKeys})
		return
	}
	start := 0
	for start < len(before) && start < len(after) && reflect.DeepEqual(before[start], after[start]) {
		start++
	}
	endBefore, endAfter := len(before), len(after)
	for endBefore > start && endAfter > start && reflect.DeepEqual(before[endBefore-1], after[endAfter-1]) {
		endBefore, endAfter = endBefore-1, endAfter-1
	}
	for i := min(endBefore, endAfter); i < endBefore; i++ {
		w.add(Edit{Path: below(path, i), Before: before[i], Removed: true})
	}
	for i := start; i < endAfter; i++ {
		if i < endBefore {
			w.value(below(path, i), before[i], after[i])
		} else {
			w.add(Edit{Path: below(path, i), After: after[i], Added: true})
		}
	}
}

// pairing is two lists and the merge keys of their elements.
type pairing struct {
	before, after         []any
	beforeKeys, afterKeys []string
}

func (w *walk) keyed(path []any, p pairing) {
	position := make(map[string]int, len(p.before))
	for i, key := range p.beforeKeys {
		position[key] = i
	}
	kept := make(map[string]bool, len(p.after))
	for _, key := range p.afterKeys {
		kept[key] = true
	}
	for i, key := range p.beforeKeys {
		if !kept[key] {
			w.add(Edit{Path: below(path, i), Before: p.before[i], Removed: true})
		}
	}
	for i, key := range p.afterKeys {
		if at, ok := position[key]; ok {
			w.value(below(path, i), p.before[at], p.after[i])
		} else {
			w.add(Edit{Path: below(path, i), After: p.after[i], Added: true})
		}
	}
}

// keyNames are the fields by which people tell list elements apart, the more
// telling first. A field serves only where every element of both lists has it
// as a scalar and no list has a value twice.
var keyNames = []string{"name", "key", "mountPath", "path", "containerPort", "address", "id"}

func mergeKeys(before, after []any) (beforeKeys, afterKeys []string, ok bool) {
	for _, name := range keyNames {
		beforeKeys, ok := keysOf(before, name)
		if !ok {
			continue
		}
		if afterKeys, ok := keysOf(after, name); ok {
			return beforeKeys, afterKeys, true
		}
	}
	return nil, nil, false
}

func keysOf(list []any, name string) ([]string, bool) {
	keys := make([]string, 0, len(list))
	seen := make(map[string]bool, len(list))
	for _, element := range list {
		object, ok := element.(map[string]any)
		if !ok {
			return nil, false
		}
		var key string
		switch value := object[name].(type) {
		case string:
			key = "s" + value // the type is part of the key: "1" is not 1
		case json.Number:
			key = "n" + value.String()
		default:
			return nil, false
		}
		if seen[key] {
			return nil, false
		}
		seen[key] = true
		keys = append(keys, key)
	}
	return keys, true
}

// sameOrder reports whether the keys that both lists have stand in one order.
func sameOrder(before, after []string) bool {
	position := make(map[string]int, len(before))
	for i, key := range before {
		position[key] = i
	}
	last := -1
	for _, key := range after {
		at, ok := position[key]
		if !ok {
			continue
		}
		if at < last {
			return false
		}
		last = at
	}
	return true
}

// below returns the path one step down, in memory of its own.
func below(path []any, step any) []any {
	return append(slices.Clip(slices.Clone(path)), step)
}
