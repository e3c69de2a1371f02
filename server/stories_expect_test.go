package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/review"
	"github.com/countersign-dev/countersign/server/store"
)

// expect holds the end of a story against what it says.
func (p *play) expect() {
	p.t.Helper()
	pr, isGroup := p.spoken()
	wants := p.story.Expected
	d, found := p.decision(pr, isGroup)
	if !found {
		p.t.Errorf("no verdict was ever recorded")
		return
	}
	p.decided(d)
	p.shown(d, isGroup)
	for other, status := range wants.OtherPRs {
		var pr int
		if _, err := fmt.Sscan(other, &pr); err != nil {
			p.t.Errorf("other_prs: %q is no number", other)
		}
		if d, _ := p.decision(pr, false); d.Verdict.Approvals.Status != status {
			p.t.Errorf("status of pull request %s: %q, want %q", other, d.Verdict.Approvals.Status, status)
		}
	}
	p.counts()
}

// decision is the newest verdict on a pull request or on the last group.
func (p *play) decision(pr int, isGroup bool) (review.Decision, bool) {
	for _, d := range slices.Backward(p.decisions()) {
		if isGroup && d.Group != "" && d.Group == p.groups[p.group].Ref ||
			!isGroup && d.Group == "" && p.pulls[pr] != nil && d.Pull == p.pulls[pr].number {
			return d, true
		}
	}
	return review.Decision{}, false
}

// decided compares who counts.
func (p *play) decided(d review.Decision) {
	p.t.Helper()
	wants, got := p.story.Expected, d.Verdict.Approvals
	if wants.Status != "" && got.Status != wants.Status {
		p.t.Errorf("status: %q, want %q", got.Status, wants.Status)
	}
	var counted, blocked []string
	for _, c := range got.Counted {
		counted = append(counted, c.Login)
	}
	for _, b := range got.BlockedBy {
		blocked = append(blocked, p.readable(b))
	}
	if wants.Approvers != nil && !slices.Equal(counted, *wants.Approvers) {
		p.t.Errorf("approvers: %q, want %q", counted, *wants.Approvers)
	}
	if wants.BlockedBy != nil && !slices.Equal(slices.Sorted(slices.Values(blocked)), slices.Sorted(slices.Values(*wants.BlockedBy))) {
		p.t.Errorf("blocked_by: %q, want %q", blocked, *wants.BlockedBy)
	}
	if wants.Missing != nil && got.Missing != *wants.Missing {
		p.t.Errorf("missing: %d, want %d", got.Missing, *wants.Missing)
	}
	ignored := map[string]string{}
	for _, i := range got.Ignored {
		ignored[i.Login] = i.Reason
	}
	for _, login := range slices.Sorted(maps.Keys(wants.Ignored)) {
		if ignored[login] != wants.Ignored[login] {
			p.t.Errorf("ignored: %s is %q, want %q (all: %v)", login, ignored[login], wants.Ignored[login], ignored)
		}
	}
	said := slices.Concat(got.Audit, p.logged(d))
	for _, word := range wants.Audit {
		if !slices.Contains(said, word) {
			p.t.Errorf("audit: %q, want %q among them", said, word)
		}
	}
	if len(wants.Override) > 0 {
		p.overridden(got.Override, wants.Override)
	}
}

// logged are the kinds of entries that the audit log has of a pull request.
func (p *play) logged(d review.Decision) []string {
	var kinds []string
	entries, err := p.reader.Entries(context.Background(), store.LogQuery{Pull: int64(d.Pull), Repository: p.repository.ID()})
	check(p.t, err)
	for _, e := range entries {
		if e.Pull == int64(d.Pull) {
			kinds = append(kinds, e.Kind)
		}
	}
	return slices.Compact(slices.Sorted(slices.Values(kinds)))
}

// overridden compares an override by the keys that are given.
func (p *play) overridden(got any, wants json.RawMessage) {
	p.t.Helper()
	var want, have any
	check(p.t, json.Unmarshal(wants, &want))
	text, err := json.Marshal(got)
	check(p.t, err)
	check(p.t, json.Unmarshal(text, &have))
	inForce := false
	fields, _ := have.(map[string]any)
	if by, _ := fields["by"].([]any); len(by) > 0 {
		inForce = true
	}
	switch want := want.(type) {
	case nil, bool:
		if inForce != (want == true) {
			p.t.Errorf("override: %s, want %s", text, wants)
		}
	case map[string]any:
		for key, value := range want {
			if !cmp.Equal(fields[key], value) {
				p.t.Errorf("override: %s is %v, want %v (all: %s)", key, fields[key], value, text)
			}
		}
	default:
		p.t.Errorf("override: %s cannot be compared", wants)
	}
}

// checkOn is our newest check of a base on a commit, as people see it.
func (p *play) checkOn(sha, base string) (githubtest.CheckRun, bool) {
	for _, run := range slices.Backward(p.repository.CheckRuns(sha)) {
		if run.App == p.github.AppID() && run.Name == publish.Name(base) {
			return run, true
		}
	}
	return githubtest.CheckRun{}, false
}

// shown compares what GitHub shows with the verdict and with the story.
func (p *play) shown(d review.Decision, isGroup bool) {
	p.t.Helper()
	wants := p.story.Expected
	run, found := p.checkOn(d.Head, d.Base)
	says := run.Status
	if run.Status == "completed" {
		says = run.Conclusion
	}
	p.agree(d, says, isGroup)
	if !isGroup {
		for _, pull := range p.pulls {
			if pull.number == d.Pull && pull.open && d.Head != "" && p.commits[pull.head] != d.Head {
				p.t.Errorf("the last verdict is on %s, the head is %s", p.readable(d.Head), pull.head)
			}
		}
	}
	if slices.Contains(wants.MustNotBe, says) {
		p.t.Errorf("the check says %s, which it must not", says)
	}
	if len(wants.CheckOnSHA) == 0 {
		return
	}
	var one string
	if json.Unmarshal(wants.CheckOnSHA, &one) == nil {
		p.says(p.readable(d.Head), says, found, one)
		return
	}
	var many map[string]string
	check(p.t, json.Unmarshal(wants.CheckOnSHA, &many))
	for _, commit := range slices.Sorted(maps.Keys(many)) {
		run, found := p.checkOn(p.commits[commit], p.baseOf(commit, d.Base))
		said := run.Status
		if run.Status == "completed" {
			said = run.Conclusion
		}
		p.says(commit, said, found, many[commit])
	}
}

// baseOf is the base of what has or had that head.
func (p *play) baseOf(commit, otherwise string) string {
	if g, is := p.groups[commit]; is {
		return g.Base
	}
	for _, pr := range slices.Sorted(maps.Keys(p.pulls)) {
		if p.pulls[pr].head == commit {
			return p.pulls[pr].base
		}
	}
	return otherwise
}

func (p *play) says(commit, said string, found bool, want string) {
	p.t.Helper()
	right := map[string]bool{
		"success": said == "success", "failure": said == "failure",
		"not_success": said != "success" && said != "neutral" && said != "skipped",
		"pending":     said == "action_required" || said == "queued" || said == "in_progress",
	}
	if ok, known := right[want]; !known || !ok || !found && want != "not_success" {
		p.t.Errorf("check on %s: %q, want %s", commit, said, want)
	}
}

// agree holds what the check says against the verdict: the same, or worse where
// others share the head; never better.
func (p *play) agree(d review.Decision, says string, isGroup bool) {
	p.t.Helper()
	shared, open := 0, isGroup
	for _, pull := range p.pulls {
		if pull.open && pull.base == d.Base && p.commits[pull.head] == d.Head {
			shared++
			open = open || pull.number == d.Pull
		}
	}
	worse := map[string]int{"success": 0, "action_required": 1, "failure": 2, "in_progress": 1, "queued": 1}
	if says == "" && d.Conclusion == "in_progress" {
		return // it could not be judged yet, and nobody was told anything
	}
	rank, known := worse[says]
	switch {
	case !known:
		p.t.Errorf("the check says %q", says)
	case rank < worse[d.Conclusion]:
		p.t.Errorf("the check says %s, better than the verdict, which is %s", says, d.Conclusion)
	case open && shared <= 1 && says != d.Conclusion && says != "in_progress" && d.Conclusion != "in_progress":
		p.t.Errorf("the check says %s, the verdict %s", says, d.Conclusion)
	}
}

// counts compares what was done how often.
func (p *play) counts() {
	p.t.Helper()
	wants := p.story.Expected
	if wants.PostedTimes != nil {
		made := 0
		for _, r := range p.github.Requests() {
			if r.Operation == "checks/create" && r.Status == http.StatusCreated {
				made++
			}
		}
		if made != *wants.PostedTimes {
			p.t.Errorf("%d check runs were made, want %d", made, *wants.PostedTimes)
		}
	}
	if wants.PostedByView != nil && p.viewed != *wants.PostedByView {
		p.t.Errorf("looking made %d writes, want %d", p.viewed, *wants.PostedByView)
	}
	if wants.AuditRows != nil && p.rows[p.last] != *wants.AuditRows {
		p.t.Errorf("%d verdicts were recorded for review %s, want %d", p.rows[p.last], p.last, *wants.AuditRows)
	}
	if wants.Retry != nil {
		depth, err := p.reader.Depth(context.Background())
		check(p.t, err)
		if left := depth.Waiting+depth.Due > 0; left != *wants.Retry {
			p.t.Errorf("work left for later: %v, want %v (%+v)", left, *wants.Retry, depth)
		}
	}
}
