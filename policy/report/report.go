package report

import "github.com/countersign-dev/countersign/policy"

// Report is a review or an audit in words. It is a value: the same assessment
// and verdict give the same bytes in every format.
type Report struct {
	assessment policy.Assessment
	verdict    policy.Verdict
	all        bool
}

// New makes the report of an assessment and the verdict on it. all lists
// existing findings and unchanged roots in full in the texts; the JSON always
// holds everything that was judged.
func New(a policy.Assessment, v policy.Verdict, all bool) Report {
	return Report{assessment: a, verdict: v, all: all}
}
