package server_test

import (
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/review"
	"github.com/countersign-dev/countersign/server/store"
)

var storyLog = flag.Bool("story-log", false, "show the server's log of stories that fail")

// thorough tests play everything; others take a sample of what costs much. CI
// is thorough.
var thorough = os.Getenv("COUNTERSIGN_THOROUGH") != ""

// sample is every third of what a test would play, or all if it is thorough.
func sample[T any](t *testing.T, all []T) []T {
	if thorough {
		return all
	}
	var some []T
	for i := 0; i < len(all); i += 3 {
		some = append(some, all[i])
	}
	t.Logf("%d of %d are played; COUNTERSIGN_THOROUGH=1 plays all", len(some), len(all))
	return some
}

// TestStories plays stories: what people and GitHub do to a pull request, and
// how Countersign must have decided in the end. It plays those of
// testdata/stories and those that COUNTERSIGN_STORIES names (a file, or a folder
// of *.json), each as a subtest named by its id.
//
// A file is a list of stories: id, description, source (not read), config (who is
// who, and what the repository's settings say), events in order, and what is
// expected. Everything is real: the server behind HTTP, its children, git, and a
// GitHub that keeps state. Only the clock is the story's: it is set to each
// event's "at", and after each event everything comes to rest.
//
// Commits have names of the story (c1, b0); commits that only appear as parents
// or as base_sha are made on the base. The first such name is the fleet as it
// stood at first. privileged_digest is a label: equal labels stand for the same
// change of the fleet, others for others, null for a change of documents only. A
// base that moves to another label alters what the same head changes.
//
// Transport: delivered false is a webhook that nobody ever hears of, delivered_at
// one that comes late, deliveries one that comes so often. server_killed ends a
// server of its own process with SIGKILL, where "after" says; what happened before
// it at the same moment was taken by then. api_error lets requests of an endpoint
// fail from the event before it on: once with retry_after, else until the next
// moment. slow_worker_posts lets a worker go on that had read the named head and
// stood still since.
//
// Expected are status, approvers (in this order), missing and blocked_by as they
// are; ignored and audit hold at least what is given; check_on_sha is what GitHub
// shows on the head or by commit (pending, success, failure, not_success);
// override holds what is given; pr names the pull request that is spoken of (a
// story that ends with a merge group speaks of the group), other_prs the status
// of others, conclusion_must_not_be what the check must not say, posted_times how
// many check runs were made, posted_by_view how many writes looking at the page
// made, retry whether work is left for later, audit_rows_for_review how many
// verdicts the review's event led to. In any case the log's last verdict and the
// check must agree. A key or kind of event that is not known fails its story.
func TestStories(t *testing.T) {
	stories := sample(t, readStories(t, "testdata/stories"))
	if place := os.Getenv("COUNTERSIGN_STORIES"); place != "" {
		stories = append(stories, readStories(t, place)...)
	}
	for _, s := range stories {
		t.Run(s.ID, func(t *testing.T) {
			t.Parallel()
			if s.err != nil {
				t.Fatalf("the story cannot be read: %v\n%s", s.err, s.Description)
			}
			playStory(t, &s.story)
		})
	}
}

func playStory(t *testing.T, s *story) {
	p := &play{t: t, story: s, commits: map[string]string{}, names: map[string]string{}, bases: map[string]*base{},
		labels: map[string]change{}, policyInHead: map[string]map[string]string{}, pulls: map[int]*storyPull{},
		reviews: map[name]reviewed{}, comments: map[name]int64{}, groups: map[string]githubtest.Group{}, rows: map[name]int{},
		gate: &gate{}, teamsMade: map[string]bool{}, pushedAs: map[string]string{}, forks: map[string]*githubtest.Repository{}}
	s.Config.complete()
	if what := s.Config.fixed(); what != "" {
		t.Fatalf("no setting gives %s", what)
	}
	for _, e := range s.Events {
		if happenings[e.Type] == nil {
			t.Fatalf("no event is known as %q", e.Type)
		}
	}
	if len(s.Events) == 0 {
		t.Fatal("nothing happens in this story")
	}
	p.world = newWorld(t, s.Events[0].At.Add(-time.Hour))
	defer p.explain()
	p.transport = p.gate
	p.apart = slices.ContainsFunc(s.Events, func(e storyEvent) bool { return e.Type == "server_killed" })
	p.collect()
	check(t, p.settle())
	check(t, p.found())
	p.rules([]storyCheck{*s.Config.RequiredCheck})
	p.start()
	p.rest()
	p.run()
	p.close()
	p.expect()
}

// run plays the events, and what is told late, moment by moment.
func (p *play) run() {
	p.t.Helper()
	type late struct {
		at  time.Time
		ids []int64
	}
	var held []late
	next := 0
	for _, moment := range p.story.moments() {
		if p.faults && moment.After(p.clock.Now()) {
			p.github.Heal()
			p.faults = false
		}
		p.at(moment)
		p.calm()
		p.at(moment.Add(time.Millisecond)) // what the hour itself woke was read before
		for ; next < len(p.story.Events) && !p.story.Events[next].At.After(moment); next++ {
			e := &p.story.Events[next]
			before := ids(p.github.Held())
			p.one(next)
			if p.t.Failed() {
				return
			}
			if e.DeliveredAt.After(e.At) {
				fresh := slices.DeleteFunc(ids(p.github.Held()), func(id int64) bool { return slices.Contains(before, id) })
				held = append(held, late{e.DeliveredAt, fresh})
			}
		}
		for _, l := range held {
			if !l.at.After(moment) && len(l.ids) > 0 {
				p.github.Release(l.ids...)
				p.calm()
			}
		}
		held = slices.DeleteFunc(held, func(l late) bool { return !l.at.After(moment) })
	}
}

func ids(list []githubtest.Delivery) []int64 {
	var all []int64
	for _, d := range list {
		all = append(all, d.ID)
	}
	return all
}

// one plays an event, with what the events after it prepare.
func (p *play) one(n int) {
	p.t.Helper()
	e := &p.story.Events[n]
	killed := p.ahead(n)
	slow := p.slowAhead(n)
	if slow == arms {
		p.gate.arm()
	}
	if slow == moves {
		select {
		case <-p.gate.stands:
		case <-time.After(patience):
			p.t.Fatal("no worker came to stand still")
		}
		p.gate.pass()
	}
	rows := p.verdicts()
	if unheard(killed) {
		p.github.OnDelivery(func(githubtest.Delivery) githubtest.Fate { return githubtest.Fate{Drop: true} })
	}
	if err := happenings[e.Type](p, e); err != nil {
		p.t.Fatalf("%s\ncannot be made to happen: %v", e.line(), err)
	}
	switch {
	case killed != "":
		p.github.Flush()
		p.stalled(killed)
	case slow == arms:
		p.github.Flush()
		p.slow = true
	default:
		p.calm()
	}
	if e.Type == "review_submitted" {
		p.rows[e.Review] = p.verdicts() - rows
	}
}

// calm waits for rest; while a worker stands still, for as much as there is.
func (p *play) calm() {
	p.t.Helper()
	if !p.slow {
		p.rest()
		return
	}
	p.github.Flush()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = p.app.Quiet(ctx) // it may well not come to rest
}

// ahead prepares the faults that the next events say concern this one, and
// returns after what the server is killed, if it is killed next.
func (p *play) ahead(n int) (killed string) {
	p.t.Helper()
	if p.story.Events[n].Type == "api_error" && n > 0 {
		return ""
	}
	for i := n + 1; i < len(p.story.Events); i++ {
		e := &p.story.Events[i]
		switch {
		case e.Type == "api_error" && (e.At.Equal(p.story.Events[n].At) || i == len(p.story.Events)-1):
			check(p.t, p.fail(e))
		case e.Type == "server_killed" && e.After != "":
			stall, err := stallFor(e.After)
			check(p.t, err)
			for operation, fault := range stall {
				p.github.Fail(operation, fault)
			}
			return e.After
		default:
			return ""
		}
	}
	return ""
}

// stalled waits until the server stands where it is to be killed.
func (p *play) stalled(after string) {
	if stall, err := stallFor(after); err != nil || len(stall) < 2 {
		return
	}
	for range 200 {
		if slices.ContainsFunc(p.github.Requests(), func(r githubtest.Request) bool {
			return strings.Contains(r.Fault, "stall=true")
		}) {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// What an event is to a worker that is slow.
const (
	arms  = "arms"  // the worker wakes for it and stands still
	moves = "moves" // the head moves away meanwhile
)

// slowAhead says what an event is to a slow worker of a later event.
func (p *play) slowAhead(n int) string {
	slow := slices.IndexFunc(p.story.Events, func(e storyEvent) bool { return e.Type == "slow_worker_posts" })
	if slow < 0 || n >= slow {
		return ""
	}
	move := p.story.moves(slow)
	switch n {
	case move - 1:
		return arms
	case move:
		return moves
	}
	return ""
}

// moves is the event by which the head that a slow worker had read is left or,
// where none does, the last one before the worker goes on.
func (s *story) moves(slow int) int {
	heads := map[int]string{}
	for i, e := range s.Events[:slow] {
		if e.Head == "" || e.PR == 0 {
			continue
		}
		if was := heads[e.PR]; was != e.Head && was != "" && was == s.Events[slow].BasedOnHead {
			return i
		}
		heads[e.PR] = e.Head
	}
	return slow - 1
}

// close lets pass what the last events asked to wait for, unless the story ends
// in the middle of it.
func (p *play) close() {
	p.t.Helper()
	if p.slow {
		p.gate.free()
		p.slow = false
	}
	p.rest()
	wants := p.story.Expected
	if !p.faults || wants.Status == "error" || wants.Retry != nil && *wants.Retry {
		return
	}
	wait := time.Minute
	for _, e := range p.story.Events {
		wait = max(wait, time.Duration(e.RetryAfter)*time.Second)
	}
	p.github.Heal()
	for range 3 {
		p.at(p.clock.Now().Add(wait + 5*time.Second))
		p.rest()
	}
}

// verdicts counts the verdicts in the audit log.
func (p *play) verdicts() int {
	if p.story.Expected.AuditRows == nil {
		return 0
	}
	return len(p.decisions())
}

// decisions are all verdicts of the audit log, oldest first.
func (p *play) decisions() []review.Decision {
	p.t.Helper()
	if p.reader == nil {
		p.reader = p.store()
	}
	var all []review.Decision
	for after := int64(0); ; {
		entries, err := p.reader.Entries(context.Background(), store.LogQuery{After: after, Kind: "verdict"})
		check(p.t, err)
		for _, entry := range entries {
			var d review.Decision
			check(p.t, json.Unmarshal(entry.Body, &d))
			all, after = append(all, d), entry.ID
		}
		if len(entries) == 0 {
			return all
		}
	}
}

// explain tells of a story that failed.
func (p *play) explain() {
	if !p.t.Failed() {
		return
	}
	var out strings.Builder
	fmt.Fprintf(&out, "%s\n%s\n", p.story.ID, p.story.Description)
	for _, e := range p.story.Events {
		fmt.Fprintf(&out, "  %s\n", e.line())
	}
	for _, d := range p.decisions() {
		what := fmt.Sprintf("#%d", d.Pull)
		if d.Group != "" {
			what = "group"
		}
		fmt.Fprintf(&out, "verdict on %s at %s: %s, %s %q\n", what, p.readable(d.Head), d.Verdict.State, d.Verdict.Approvals.Status,
			p.readable(d.Verdict.Title))
	}
	shown := map[string]bool{}
	for _, commit := range slices.Sorted(maps.Keys(p.commits)) {
		for _, run := range p.repository.CheckRuns(p.commits[commit]) {
			if key := fmt.Sprint(run.ID); !shown[key] {
				shown[key] = true
				fmt.Fprintf(&out, "check %q of App %d on %s: %s %s\n", run.Name, run.App, commit, run.Status, run.Conclusion)
				fmt.Fprintf(&out, "    %s\n%s\n", p.readable(run.Title), indent(p.readable(run.Summary)+"\n"+p.readable(run.Text)))
			}
		}
	}
	if *storyLog {
		fmt.Fprintf(&out, "the server's log:\n%s", p.readable(p.log.String()))
	}
	p.t.Log(out.String())
}

func indent(text string) string {
	return "    " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n    ")
}

// number is a pull request of the story as it is spoken of at the end.
func (p *play) spoken() (pr int, group bool) {
	last := p.story.Events[len(p.story.Events)-1]
	for _, e := range slices.Backward(p.story.Events) {
		if !slices.Contains([]string{"api_error", "reconcile", "server_killed", "server_started"}, e.Type) {
			last = e // what befell it, not what befell us
			break
		}
	}
	if p.story.Expected.PR == 0 && last.Type == "merge_group_checks_requested" {
		return 0, true
	}
	pr = cmp.Or(p.story.Expected.PR, last.PR)
	if pr == 0 && len(p.pulls) > 0 {
		pr = slices.Sorted(maps.Keys(p.pulls))[0]
	}
	return pr, false
}
