package main

import (
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/render"
)

func TestALineIsReachedWhenBothKindsAre(t *testing.T) {
	other := cost{wall: 10 * time.Second}
	for _, c := range []struct {
		ours pair
		want string
	}{
		{pair{{wall: time.Second}, {wall: time.Second}}, "reached"},
		{pair{{wall: time.Second}, {wall: 3 * time.Second}}, "NOT reached"},
		{pair{{wall: 3 * time.Second}, {wall: time.Second}}, "NOT reached"},
		{pair{{wall: 2 * time.Second}, {wall: 2 * time.Second}}, "reached"},
	} {
		if result, got := c.ours.against(other, wallOf, 5); got != c.want {
			t.Errorf("%v: %s: %s, want %s", c.ours, result, got, c.want)
		}
	}
}

func TestOnlyTheWorkThatWasAskedForIsMeasured(t *testing.T) {
	built := policy.Root{Path: "a", Status: "built"}
	for name, c := range map[string]struct {
		assessment policy.Assessment
		fails      bool
	}{
		"right":        {policy.Assessment{Roots: []policy.Root{built, {Path: "b", Status: "unchanged"}}}, false},
		"nothing done": {policy.Assessment{}, true},
		"too much":     {policy.Assessment{Roots: []policy.Root{built, {Path: "b", Status: "built"}}}, true},
		"failed": {policy.Assessment{Roots: []policy.Root{{Path: "a", Status: "failed",
			Error: &render.Problem{}}}}, true},
		"a problem": {policy.Assessment{Roots: []policy.Root{built}, Problems: []policy.Problem{{}}}, true},
		"a finding": {policy.Assessment{Roots: []policy.Root{built}, Findings: []policy.Finding{{}}}, true},
	} {
		if err := check(c.assessment, 1); (err != nil) != c.fails {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMedianEndsEarlyWhereItTakesLong(t *testing.T) {
	calls := 0
	walls := []time.Duration{9, 1, 5}
	c, err := median(3, func() (cost, error) {
		calls++
		return cost{wall: walls[calls-1], cpu: 2}, nil
	})
	if err != nil || c.wall != 5 || c.cpu != 2 || calls != 3 {
		t.Errorf("%v after %d calls: %v", c, calls, err)
	}
}

// What a child uses is counted while it runs, and counted once.
func TestSpentCountsChildren(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("CPU time of running children is known on Linux only")
	}
	before, err := spent()
	if err != nil {
		t.Fatal(err)
	}
	// It works, says so, and stays until its input ends.
	child := exec.CommandContext(t.Context(), "sh", "-c", "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done; echo; read x")
	input, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := output.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	running, err := spent()
	if err != nil {
		t.Fatal(err)
	}
	if err := input.Close(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // read fails at the end of its input
	after, err := spent()
	if err != nil {
		t.Fatal(err)
	}
	if running-before < 10*time.Millisecond {
		t.Errorf("a child at work used %v", running-before)
	}
	if own := cpuOf(child); after-before < own/2 || after-before > 3*own+50*time.Millisecond {
		t.Errorf("%v were counted in all, the child used %v", after-before, own)
	}
}

func TestFlags(t *testing.T) {
	o, err := parse([]string{"-clusters", "10", "-only", "^cold$"})
	if err != nil || o.huge != 50 || o.large != 40 || !o.only.MatchString("cold") || o.only.MatchString("all") {
		t.Errorf("%+v: %v", o, err)
	}
	for _, args := range [][]string{{"-clusters", "0"}, {"-only", "("}, {"more"}, {"-runs", "-1"}} {
		if _, err := parse(args); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
}

func TestEveryLineHasItsOwnKey(t *testing.T) {
	var keys []string
	for _, line := range lines {
		keys = append(keys, line.key)
		if line.what == "" || line.want == "" || strings.ContainsAny(line.key, " \n") {
			t.Errorf("line %q says too little", line.key)
		}
	}
	slices.Sort(keys)
	if len(slices.Compact(slices.Clone(keys))) != 10 {
		t.Errorf("%d keys, want one for each line of the table: %v", len(keys), keys)
	}
}
