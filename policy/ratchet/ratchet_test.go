package ratchet

import (
	"slices"
	"testing"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
)

// Several hits in one place stand for themselves: a new one is not taken for
// one that was there.
func TestHitsOfOnePlaceStandForThemselves(t *testing.T) {
	says := func(evidence string) Hit { return Of(engine.Hit{Severity: engine.High, Evidence: evidence}, nil) }
	counts := func(n float64) Hit { return Of(engine.Hit{Severity: engine.High, Measure: n}, nil) }
	tests := []struct {
		name     string
		had, has []Hit
		want     []State
		fixed    int
	}{
		{"nothing was", nil, []Hit{says("a")}, []State{New}, 0},
		{"the same", []Hit{says("a")}, []Hit{says("a")}, []State{Existing}, 0},
		{"another value", []Hit{says("a")}, []Hit{says("b")}, []State{Worsened}, 0},
		{"one more, before", []Hit{says("b")}, []Hit{says("a"), says("b")}, []State{New, Existing}, 0},
		{"one more, after", []Hit{says("a")}, []Hit{says("a"), says("b")}, []State{Existing, New}, 0},
		{"one more of the same", []Hit{says("a")}, []Hit{says("a"), says("a")}, []State{Existing, New}, 0},
		{"one less", []Hit{says("a"), says("b")}, []Hit{says("b")}, []State{Existing}, 1},
		{"all gone", []Hit{says("a"), says("b")}, nil, []State{}, 2},
		{"a count that fell", []Hit{counts(3)}, []Hit{counts(2)}, []State{Existing}, 0},
		{"a count that grew", []Hit{counts(2)}, []Hit{counts(3)}, []State{Worsened}, 0},
	}
	for _, test := range tests {
		states, fixed := Compare(test.had, test.has)
		if !slices.Equal(states, test.want) || len(fixed) != test.fixed {
			t.Errorf("%s: %v and %d fixed, want %v and %d", test.name, states, len(fixed), test.want, test.fixed)
		}
	}
}

// A hit keeps its fingerprint while the list that it is in grows before it, and
// no two places share one.
func TestFingerprintFollowsTheElement(t *testing.T) {
	users := func(names ...string) *render.Resource {
		var list []any
		for _, name := range names {
			list = append(list, map[string]any{"name": name})
		}
		return &render.Resource{Object: map[string]any{"users": list}}
	}
	at := func(i int, r *render.Resource) string {
		return Of(engine.Hit{Rule: "CS-SSH-001", Path: render.Path{"users", i, "key"}}, r).Fingerprint
	}
	if at(0, users("ann")) != at(1, users("new", "ann")) {
		t.Error("an element that moved is another")
	}
	if at(0, users("ann", "bea")) == at(1, users("ann", "bea")) || at(0, users("ann")) == at(0, users("bea")) {
		t.Error("two elements are one")
	}
}
