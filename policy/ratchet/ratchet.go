package ratchet

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/countersign-dev/countersign/policy/digest"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
)

// State says how a finding stands against the base (D3).
type State string

// The states. Only new and worsened ones block under the ratchet.
const (
	New      State = "new"
	Worsened State = "worsened"
	Existing State = "existing"
	Fixed    State = "fixed"
)

// Hit is a rule's hit with what makes it comparable.
type Hit struct {
	engine.Hit
	// Fingerprint is what makes two hits the same one: rule, destination,
	// object and path, list elements known by their key or content.
	Fingerprint string
	evidence    string // canonical; "" when the rule gives none
}

// Of makes a hit comparable. resource is the object that it is about; nil where
// there is none to look up list elements in.
func Of(h engine.Hit, resource *render.Resource) Hit {
	return Hit{Hit: h, Fingerprint: fingerprint(h, resource), evidence: canonical(h.Evidence)}
}

// Compare says how the hits of one fingerprint stand against the base's, and
// which of the base's are gone. Those that say the same are the same; the
// others are set against each other one by one, in their order, and what then
// is over is new.
func Compare(had, has []Hit) (states []State, fixed []Hit) {
	same := map[string]int{}
	for _, h := range had {
		same[h.said()]++
	}
	states = make([]State, len(has))
	taken := map[string]int{}
	var open []int
	for i, h := range has {
		if said := h.said(); same[said] > taken[said] {
			states[i] = Existing
			taken[said]++
		} else {
			open = append(open, i)
		}
	}
	left := slices.DeleteFunc(slices.Clone(had), func(h Hit) bool {
		said := h.said()
		taken[said]--
		return taken[said] >= 0
	})
	for n, i := range open {
		switch {
		case n >= len(left):
			states[i] = New
		case worse(left[n], has[i]):
			states[i] = Worsened
		default:
			states[i] = Existing
		}
	}
	return states, left[min(len(open), len(left)):]
}

// said is all that makes two hits of one fingerprint alike.
func (h Hit) said() string {
	return digest.Of(h.evidence, canonical(h.Measure), string(h.Severity))
}

func worse(had, has Hit) bool {
	return has.Severity.Rank() > had.Severity.Rank() || has.evidence != had.evidence || grew(had.Measure, has.Measure)
}

// grew reports whether a measure holds more than it did: a set another
// member, a number a higher one.
func grew(had, has any) bool {
	switch has := has.(type) {
	case []string:
		old, ok := had.([]string)
		return !ok || slices.ContainsFunc(has, func(s string) bool { return !slices.Contains(old, s) })
	case float64:
		old, ok := had.(float64)
		return !ok || has > old
	}
	return canonical(had) != canonical(has)
}

func fingerprint(h engine.Hit, resource *render.Resource) string {
	parts := []string{string(h.Rule), h.Destination, h.Object.Group, h.Object.Kind, h.Object.Namespace, h.Object.Name}
	var value any
	if resource != nil {
		value = resource.Object
	}
	for _, step := range h.Path {
		next, _ := render.Lookup(value, render.Path{step})
		switch step := step.(type) {
		case int:
			parts = append(parts, "["+elementKey(next)+"]")
		case string:
			parts = append(parts, step)
		}
		value = next
	}
	return digest.Short(parts...)
}

// elementKey names a list's element by what stays when its neighbours change.
func elementKey(element any) string {
	if object, ok := element.(map[string]any); ok {
		for _, key := range []string{"name", "key", "path", "id"} {
			if text, ok := object[key].(string); ok && text != "" {
				return key + "=" + text
			}
		}
	}
	return canonical(element)
}

// canonical writes a value so that equal values are equal text; "" for nil.
func canonical(value any) string {
	if value == nil {
		return ""
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprintf("%#v", value)
	}
	return string(text)
}
