package review_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/github/mirror"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/review"
	"github.com/countersign-dev/countersign/server/store"
)

// Reviews of many commits that nobody judged are bound in more than one run,
// and those of people who may not approve cost nothing.
func TestManyReviewedCommits(t *testing.T) {
	w := newWorld(t)
	number, head := w.propose("0")
	check(t, w.repo.Permit("mallory", "read"))
	w.OnDelivery(func(d githubtest.Delivery) githubtest.Fate { return githubtest.Fate{Hold: true} })
	for i, login := range []string{"bob", "carol", "dave", "erin", "mallory"} {
		w.approve(number, login)
		head = w.commit("alice", "change-0", head,
			map[string]string{"fleet/a/placement.yaml": placement("a", fmt.Sprint(i+1))})
	}
	w.OnDelivery(nil)
	w.Release()
	w.run()
	bound := must(w.store.Bindings(t.Context(), w.repo.ID(), int64(number)))(t)
	digests := map[string]bool{}
	for _, b := range bound {
		digests[b.Digest] = true
	}
	if len(bound) != 4 || len(digests) != 4 {
		t.Errorf("%d bindings of %d digests: %+v\n%s", len(bound), len(digests), bound, w.log)
	}
	w.wants(head, "action_required")
}

// A branch whose name looks like a governed one's gets no green check, for
// people could take the one for the other.
func TestDisguisedBase(t *testing.T) {
	w := newWorld(t, map[string]string{
		".countersign.yaml": "apiVersion: countersign.dev/v1\nkind: Config\nbases: [\"*\"]\n"})
	root := w.repo.Branch("main")
	for _, base := range []string{"ｍain", "other"} {
		check(t, w.repo.Push("operator", base, root))
		head := w.commit("alice", "change-"+base, root, map[string]string{"docs/about.md": "# " + base + "\n"})
		must(w.repo.OpenPull(githubtest.OpenPull{Author: "alice", Head: "change-" + base, Base: base}))(t)
		w.run()
		want := map[string]string{"ｍain": "failure", "other": "success"}[base]
		if got := w.shown(head, base); got != want {
			t.Errorf("%s: %s\n%+v", base, got, w.verdict().Verdict)
		}
	}
}

func TestGoverned(t *testing.T) {
	c := config.Strict()
	c.Bases = []string{"release/*", "hot-*"}
	r := github.Repository{DefaultBranch: "trunk"}
	for branch, want := range map[string]bool{"trunk": true, "release/1": true, "release/1/x": false, "hot-fix": true,
		"main": false, "": false, "trunk/": false} {
		if got := review.Governed(c, r, branch); got != want {
			t.Errorf("%q is governed: %t", branch, got)
		}
	}
}

// People read what they can do; what we do not know is a reference into the log.
func TestReasons(t *testing.T) {
	leak := errors.New("token hunter2")
	at := time.Date(2026, 1, 2, 3, 4, 0, 0, time.UTC)
	tests := []struct {
		err  error
		want string
	}{
		{&github.Error{Op: "pulls/get", Kind: github.Limited, RetryAt: at, Err: leak}, "wait until 03:04 UTC"},
		{&github.Error{Op: "pulls/get", Kind: github.Forbidden, Err: leak}, "lacks a permission"},
		{&github.Error{Op: "pulls/get", Kind: github.Unavailable, Err: leak}, "does not answer pulls/get"},
		{fmt.Errorf("review: %w", &mirror.Error{Kind: mirror.TooLarge, Err: leak}), "take large files out"},
		{&store.Error{Op: "x", Kind: store.Full, Err: leak}, "our store"},
		{fmt.Errorf("run: %w", publish.ErrMoved), "moves faster"},
		{leak, "internal error, reference " + review.Reference(leak)},
	}
	for _, test := range tests {
		if got := review.Reason(test.err); !strings.Contains(got, test.want) || strings.Contains(got, "hunter2") {
			t.Errorf("%v: %q", test.err, got)
		}
	}
}

// What the API will not tell is a fact that the decision lacks: nobody passes.
func TestForbiddenFacts(t *testing.T) {
	w := newWorld(t)
	number, head := w.propose("more")
	w.run()
	w.approve(number, "bob", "carol")
	w.Flush()
	w.restart(w.reviewer.Log)
	w.Fail("pulls/list-commits", githubtest.Fault{Status: 403, Times: 3})
	w.run()
	w.wants(head, "failure")
	if v := w.verdict().Verdict; v.Approvals.Status != policy.StatusError {
		t.Errorf("verdict %+v", v)
	}
}

// What never stands still is not judged for ever: it is tried again later, and
// nothing is green meanwhile.
func TestMovesWithoutEnd(t *testing.T) {
	w := newWorld(t)
	number, head := w.propose("more")
	w.run()
	w.approve(number, "bob", "carol")
	w.Flush()
	w.wire.mu.Lock()
	w.wire.before = func(operation string) {
		if operation == "pulls/list-reviews" {
			at := w.repo.Branch("main")
			w.commit("operator", "main", at, map[string]string{"docs/about.md": "# " + at + "\n"})
		}
	}
	w.wire.mu.Unlock()
	lease := must(w.store.Claim(t.Context(), store.Claimant{Owner: "test", Lease: time.Minute, Most: 1}))(t)[0]
	if _, err := w.reviewer.Run(t.Context(), lease); !errors.Is(err, publish.ErrMoved) {
		t.Errorf("ended with %v: %+v\n%s", err, w.verdict(), w.log)
	}
	w.wants(head, "action_required")
	w.wire.mu.Lock()
	w.wire.before = nil
	w.wire.mu.Unlock()
	check(t, w.store.Settle(t.Context(), lease, store.Outcome{End: store.Retry, Reason: "moved"}))
	w.run()
	w.wants(head, "success")
}

// Settings are the config of a base as the sweep asks for it.
func TestSettings(t *testing.T) {
	w := newWorld(t)
	main := w.repo.Branch("main")
	tight := w.commit("operator", "release/1", main,
		map[string]string{".countersign.yaml": "apiVersion: countersign.dev/v1\nkind: Config\napprovals: {required: 4}\n"})
	broken := w.commit("operator", "release/2", main, map[string]string{".countersign.yaml": "kind: Nothing\n"})
	none := must(w.repo.Commit(githubtest.Commit{Author: "operator", Parents: []string{main},
		Remove: []string{".countersign.yaml"}}))(t)
	check(t, w.repo.Push("operator", "release/3", none))
	client := w.reviewer.App.Client(w.install.ID)
	repository := must(client.Repository(t.Context(), w.repo.ID()))(t)
	m := must(w.reviewer.Mirrors.Mirror(t.Context(), repository.ID,
		mirror.Remote{URL: repository.CloneURL, Token: client.Token}))(t)
	for base, want := range map[string]int{main: 2, tight: 4, none: 2} {
		c := must(w.reviewer.Settings(t.Context(), m, repository, main, base))(t)
		if c.Approvals.Required != want || len(c.Approvals.Teams) != 1 || len(c.Bases) != 1 {
			t.Errorf("%+v", c.Approvals)
		}
	}
	for _, side := range [][2]string{{main, broken}, {broken, main}} {
		_, err := w.reviewer.Settings(t.Context(), m, repository, side[0], side[1])
		if unreadable, ok := errors.AsType[*review.UnreadableError](err); !ok || len(unreadable.Mistakes) == 0 {
			t.Errorf("ended with %v", err)
		}
	}
}
