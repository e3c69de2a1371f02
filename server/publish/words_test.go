package publish_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/publish"
)

// What must hold of each conclusion: no state but pass is green, none is
// neutral or skipped, and observing blocks nothing.
func TestConclusions(t *testing.T) {
	for _, c := range []struct {
		state       string
		pull, group string
	}{
		{policy.StatePass, "success", "success"},
		{policy.StateNeedsApproval, "action_required", "failure"},
		{policy.StateBlocked, "action_required", "failure"},
		{policy.StateViolation, "failure", "failure"},
		{policy.StateError, "failure", "failure"},
		{"", "failure", "failure"},
		{"unheard of", "failure", "failure"},
	} {
		v := policy.Verdict{State: c.state}
		if got := publish.Conclusion(v, false); got != c.pull {
			t.Errorf("%q on a pull request: %s, want %s", c.state, got, c.pull)
		}
		if got := publish.Conclusion(v, true); got != c.group {
			t.Errorf("%q on a merge group: %s, want %s", c.state, got, c.group)
		}
		v.Observing = true
		if got := publish.Conclusion(v, false); got != "success" {
			t.Errorf("%q while observing: %s", c.state, got)
		}
	}
}

func TestWorst(t *testing.T) {
	conclusions := []string{"success", "action_required", "failure", "in_progress", "", "neutral"}
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.SampledFrom(conclusions), 1, 5).Draw(t, "all")
		got, green, red := publish.Worst(all[0], all[1:]...), true, false
		for _, c := range all {
			green, red = green && c == "success", red || c == "failure"
		}
		switch {
		case red && got != "failure", green && got != "success", !red && !green && got != "action_required":
			t.Fatalf("the worst of %q is %s", all, got)
		}
	})
}

func TestExternalID(t *testing.T) {
	s := publish.Subject{Pull: 7, BaseRef: "release/1.0", HeadSHA: "abc"}
	s.Repository.ID = 9
	if got := publish.ExternalID(s); got != "9/7/release/1.0/abc" {
		t.Error(got)
	}
	s.Pull, s.Group = 0, "refs/heads/gh-readonly-queue/main/pr-7-abc"
	if got := publish.ExternalID(s); got != "9/group/release/1.0/abc" {
		t.Error(got)
	}
}
