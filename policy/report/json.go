package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

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
	// ChangesAt is when the answer changes by itself; absent when it does not.
	ChangesAt time.Time `json:"changes_at,omitzero"`
}

// JSON writes everything that was judged, for programs. Lists are never null;
// the same review gives the same bytes. What cannot be seen in a terminal is
// written as an escape.
func (r Report) JSON() ([]byte, error) {
	a, v := r.assessment, r.verdict
	doc := document{
		Schema: Schema, Engine: a.Engine, Head: a.Head, MergedTree: a.MergedTree,
		Roots: list(a.Roots), Unaffected: a.Unaffected, Changes: changes(a.Changes), Findings: findings(a.Findings),
		Rules:      list(a.Rules),
		Privileged: privileged{Digest: a.Digest, Clusters: list(a.Clusters), Entries: list(a.Entries)},
		Approvals:  approvals(v.Approvals),
		Verdict:    verdict{State: v.State, Title: v.Title, Observing: v.Observing, ChangesAt: v.Changes},
		Problems:   list(a.Problems), Notices: list(a.Notices), Preview: list(a.Preview), Facts: list(v.NotGiven),
	}
	if !a.Audit {
		doc.Base = &a.Base
	}
	if len(a.Entries) > 0 {
		doc.Privileged.Needed = v.Approvals.Required
	}
	out, err := encode(doc)
	if err != nil {
		return nil, fmt.Errorf("encode the review: %w", err)
	}
	return out, nil
}

func changes(of []policy.Change) []policy.Change {
	of = slices.Clone(list(of))
	for i := range of {
		of[i].Roots, of[i].Fields, of[i].Reasons = list(of[i].Roots), list(of[i].Fields), list(of[i].Reasons)
	}
	return of
}

func findings(of []policy.Finding) []policy.Finding {
	of = slices.Clone(list(of))
	for i := range of {
		of[i].Roots = list(of[i].Roots)
	}
	return of
}

func approvals(a policy.Approvals) policy.Approvals {
	a.Counted, a.Ignored, a.BlockedBy = list(a.Counted), list(a.Ignored), list(a.BlockedBy)
	a.Audit, a.MayApprove = list(a.Audit), list(a.MayApprove)
	return a
}

// list is never nil, so that it is never null.
func list[T any](l []T) []T {
	if l == nil {
		return []T{}
	}
	return l
}

// encode writes JSON for people and programs: indented, and whatever cannot be
// seen or turns the text around is escaped, which readers of JSON undo.
func encode(value any) ([]byte, error) {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return escapeJSON(out.Bytes()), nil
}

// escapeJSON writes what cannot be seen as \u escapes. Outside of strings JSON
// holds no such character, so the value stays the same.
func escapeJSON(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == '\n' || unicode.IsPrint(r) && !strings.ContainsRune(fillers, r):
			out = append(out, text[:size]...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
		text = text[size:]
	}
	return out
}
