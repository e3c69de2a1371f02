package report

import (
	"bytes"
	"encoding/json"
	"fmt"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/render"
)

// Schema names the JSON format; a change that could break a reader changes it.
const Schema = "countersign.dev/review/v1"

// document is the JSON of a review or an audit, in the order in which people
// read it.
type document struct {
	Schema     string               `json:"schema"`
	Engine     policy.Engine        `json:"engine"`
	Base       *policy.Revision     `json:"base"` // null in an audit
	Head       policy.Revision      `json:"head"`
	MergedTree string               `json:"merged_tree"`
	Roots      []policy.Root        `json:"roots"`
	Unaffected int                  `json:"unaffected"`
	Changes    []policy.Change      `json:"changes"`
	Findings   []policy.Finding     `json:"findings"`
	Rules      []policy.RuleOutcome `json:"rules"`
	Privileged privileged           `json:"privileged"`
	Approvals  policy.Approvals     `json:"approvals"`
	Verdict    verdict              `json:"verdict"`
	Problems   []policy.Problem     `json:"problems"`
	Notices    []render.Problem     `json:"notices"`
	Preview    []string             `json:"preview"`
	Facts      []string             `json:"facts"`
}

type privileged struct {
	Needed   int            `json:"needed"` // approvals; 0 when nothing is privileged
	Digest   string         `json:"digest"`
	Clusters []string       `json:"clusters"`
	Entries  []policy.Entry `json:"entries"`
}

type verdict struct {
	State     string `json:"state"`
	Title     string `json:"title"`
	Observing bool   `json:"observing"`
}

// JSON writes everything that was judged, for programs. Lists are never null;
// the same review gives the same bytes.
func (r Report) JSON() ([]byte, error) {
	a, v := r.assessment, r.verdict
	doc := document{
		Schema: Schema, Engine: a.Engine, Head: a.Head, MergedTree: a.MergedTree,
		Roots: list(a.Roots), Unaffected: a.Unaffected, Changes: list(a.Changes), Findings: list(a.Findings),
		Rules:      list(a.Rules),
		Privileged: privileged{Digest: a.Digest, Clusters: list(a.Clusters), Entries: list(a.Entries)},
		Approvals:  v.Approvals, Verdict: verdict{State: v.State, Title: v.Title, Observing: v.Observing},
		Problems: list(a.Problems), Notices: list(a.Notices), Preview: list(a.Preview), Facts: list(v.NotGiven),
	}
	if !a.Audit {
		doc.Base = &a.Base
	}
	if len(a.Entries) > 0 {
		doc.Privileged.Needed = v.Approvals.Required
	}
	doc.Approvals.MayApprove = list(doc.Approvals.MayApprove)
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(doc); err != nil {
		return nil, fmt.Errorf("encode the review: %w", err)
	}
	return out.Bytes(), nil
}

// list is never nil, so that it is never null.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}
