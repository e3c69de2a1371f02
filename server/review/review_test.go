package review_test

import (
	"testing"

	"github.com/countersign-dev/countersign/policy"
)

func TestTwoApprovalsTurnTheCheckGreen(t *testing.T) {
	w := newWorld(t)
	number, head := w.propose("more")
	w.run()
	w.wants(head, "action_required")
	if v := w.verdict().Verdict; v.State != policy.StateNeedsApproval || v.Approvals.Missing != 2 {
		t.Errorf("verdict %+v", v)
	}
	built := w.builder.count()
	w.approve(number, "bob")
	w.run()
	w.wants(head, "action_required")
	w.approve(number, "carol")
	before := w.Count("")
	w.run()
	w.wants(head, "success")
	t.Logf("%d requests", w.Count("")-before)
	if got := logins(w.verdict().Verdict); got != "bob carol" {
		t.Errorf("%q count", got)
	}
	if w.builder.count() != built {
		t.Errorf("%d builds for reviews", w.builder.count()-built)
	}
}
