package review

import (
	"slices"
	"testing"

	"github.com/countersign-dev/countersign/server/github"
)

// A group's line is g3 → g2 → g1 → base; side commits hang below merges.
func TestMembers(t *testing.T) {
	merges := map[string][]string{"g3": {"g2", "h3"}, "g2": {"g1", "h2"}, "g1": {"base", "h1"},
		"h1": {"base"}, "h2": {"base"}, "h3": {"x3"}, "x3": {"base"}}
	squashed := map[string][]string{"g3": {"g2"}, "g2": {"g1"}, "g1": {"base"}}
	heads := map[string]int{"h1": 1, "h2": 2, "h3": 3}
	tests := []struct {
		name string
		e    evidence
		want []int
		all  bool
	}{
		{"merged heads", evidence{parents: merges, heads: heads}, []int{1, 2, 3}, true},
		{"a head that no pull request has any more", evidence{parents: merges, heads: map[string]int{"h1": 1, "h3": 3}},
			[]int{1, 3}, false},
		{"the name alone explains one commit", evidence{parents: squashed, named: 3}, []int{3}, false},
		{"the name explains a group of one", evidence{parents: map[string][]string{"g3": {"base"}}, named: 3}, []int{3}, true},
		{"the queue explains squashes", evidence{parents: squashed, named: 3, queue: []github.QueueEntry{
			{Pull: 3, Head: "g3", Base: "g2"}, {Pull: 2, Head: "g2", Base: "g1"}, {Pull: 1, Head: "g1", Base: "base"}}},
			[]int{1, 2, 3}, true},
		{"the queue explains rebases of many commits", evidence{parents: squashed, queue: []github.QueueEntry{
			{Pull: 3, Head: "g3", Base: "g1"}, {Pull: 1, Head: "g1", Base: "base"}}}, []int{1, 3}, true},
		{"an entry with a gap below it", evidence{parents: squashed, queue: []github.QueueEntry{
			{Pull: 3, Head: "g3", Base: "g2"}, {Pull: 1, Head: "g1", Base: "base"}}}, []int{1, 3}, false},
		{"entries of one group", evidence{parents: merges, heads: heads, queue: []github.QueueEntry{
			{Pull: 1, Head: "g3", Base: "base"}, {Pull: 2, Head: "g3", Base: "base"}}}, []int{1, 2, 3}, true},
		{"a base that is not on the line explains one commit", evidence{parents: squashed, queue: []github.QueueEntry{
			{Pull: 3, Head: "g3", Base: "elsewhere"}}}, []int{3}, false},
		{"a pull request's own commits", evidence{parents: squashed, heads: map[string]int{"g3": 7}}, []int{7}, true},
		{"other groups of the queue", evidence{parents: merges, heads: heads, queue: []github.QueueEntry{
			{Pull: 9, Head: "g9", Base: "g3"}}}, []int{1, 2, 3}, true},
		{"nothing", evidence{parents: squashed}, nil, false},
		{"no commits", evidence{parents: map[string][]string{}, named: 3}, nil, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			test.e.head, test.e.explained = "g3", map[string]bool{}
			got := test.e.resolve()
			if !slices.Equal(got.numbers, test.want) || got.resolved != test.all {
				t.Errorf("%v, resolved %t; want %v, %t", got.numbers, got.resolved, test.want, test.all)
			}
		})
	}
}

func TestRefsOfQueues(t *testing.T) {
	sha := "0123456789012345678901234567890123456789"
	tests := []struct {
		ref, base string
		number    int
	}{
		{"refs/heads/gh-readonly-queue/main/pr-12-" + sha, "main", 12},
		{"refs/heads/gh-readonly-queue/release/1.2/pr-7-" + sha, "release/1.2", 7},
		{"refs/heads/gh-readonly-queue/main/" + sha, "main", 0},
		{"refs/heads/gh-readonly-queue/main/pr-12", "main", 0},
		{"refs/heads/gh-readonly-queue/main", "", 0},
		{"refs/heads/main/pr-12-" + sha, "", 12},
		{"", "", 0},
	}
	for _, test := range tests {
		if base, number := groupBase(test.ref), namedPull(test.ref); base != test.base || number != test.number {
			t.Errorf("%q: base %q, number %d", test.ref, base, number)
		}
	}
}

func TestMemoryForgetsTheOldest(t *testing.T) {
	var r recent[int, string]
	r.put(1, "one", maxMemory/2)
	r.put(2, "two", maxMemory/4)
	if _, ok := r.get(1); !ok {
		t.Fatal("forgotten")
	}
	r.put(3, "three", maxMemory/4)
	_, two := r.get(2)
	one, ok := r.get(1)
	if two || !ok || one != "one" {
		t.Errorf("two is %t, one is %q", two, one)
	}
	r.put(1, "uno", 10)
	if one, _ := r.get(1); one != "uno" || r.cost > maxMemory || len(r.at) != r.order.Len() {
		t.Errorf("%q, cost %d", one, r.cost)
	}
}
