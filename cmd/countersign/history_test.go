package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	diff "github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/git"
)

// TestHistory holds what a review builds, which is only what a change can
// reach, against building everything on both sides: no change is missed, none
// is made up, and the same is said of it.
//
// It plays a made-up history; with COUNTERSIGN_HISTORY, a folder of git
// repositories, also COUNTERSIGN_HISTORY_COMMITS (40) commits of each, every
// one against its first parent.
func TestHistory(t *testing.T) {
	for seed := range uint64(3) {
		t.Run(fmt.Sprintf("made up %d", seed), func(t *testing.T) {
			r := newRepository(t)
			r.feed(makeHistory(seed, 22), "fast-import", "--quiet")
			playHistory(t, r.dir, 1000)
		})
	}
	folder := os.Getenv("COUNTERSIGN_HISTORY")
	if folder == "" {
		t.Log("COUNTERSIGN_HISTORY names no folder of repositories: only made-up histories were played")
		return
	}
	most, err := strconv.Atoi(cmp.Or(os.Getenv("COUNTERSIGN_HISTORY_COMMITS"), "40"))
	if err != nil {
		t.Fatal(err)
	}
	repositories, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, repository := range repositories {
		t.Run(repository.Name(), func(t *testing.T) {
			playHistory(t, filepath.Join(folder, repository.Name()), most)
		})
	}
}

// history is one repository whose commits are played.
type history struct {
	*library
	repo   *git.Repo
	full   map[string]*render.Comparison // whole trees by id, built once
	counts struct{ pairs, affected, roots, changes, findings, failed int }
}

func playHistory(t *testing.T, dir string, most int) {
	repo, err := git.Open(t.Context(), dir, git.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	h := &history{library: newLibrary(t), repo: repo, full: map[string]*render.Comparison{}}
	for _, commit := range sample(t, dir, most) {
		after, err := repo.Commit(t.Context(), commit)
		if err != nil {
			t.Fatal(err)
		}
		if len(after.Parents) == 0 {
			continue
		}
		before, err := repo.Commit(t.Context(), after.Parents[0])
		if err != nil {
			t.Fatal(err)
		}
		h.pair(t, before, after)
		if t.Failed() {
			log, _ := exec.Command("git", "-C", dir, "show", "--stat", "--format=%H %s", commit).Output()
			t.Fatalf("%s", log)
		}
	}
	c := h.counts
	t.Logf("%d commits; %d of %d roots had to be built, %d of them failed; %d changes, %d findings", c.pairs, c.affected, c.roots,
		c.failed, c.changes, c.findings)
}

// sample lists commits of the first-parent line, oldest first, at equal
// distances where there are too many.
func sample(t *testing.T, dir string, most int) []string {
	t.Helper()
	out, err := exec.Command("git", "-C", dir, "rev-list", "--first-parent", "--reverse", "HEAD").Output()
	if err != nil {
		t.Fatalf("%s: %v", dir, err)
	}
	all := strings.Fields(string(out))
	if len(all) <= most {
		return all
	}
	picked := make([]string, 0, most)
	for i := range most {
		picked = append(picked, all[(i+1)*(len(all)-1)/most])
	}
	return picked
}

// pair judges one commit against its first parent in every way there is.
func (h *history) pair(t *testing.T, before, after git.Commit) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
	defer cancel()
	base, head := h.repo.Tree(before.Tree), h.repo.Tree(after.Tree)
	some := h.compare(ctx, t, base, head, render.Options{})
	all := h.compare(ctx, t, base, head, render.Options{All: true})
	if d := diff.Diff(inWords(all.Changes), inWords(some.Changes)); d != "" {
		t.Errorf("building everything gives other changes (-everything +affected):\n%s", d)
	}
	want := differences(h.whole(ctx, t, base), h.whole(ctx, t, head))
	got := places(some.Changes)
	if d := diff.Diff(want, got); d != "" {
		t.Errorf("comparing full builds by hand gives other changes (-by hand +compared):\n%s", d)
	}
	h.assess(ctx, t, policy.Sides{Base: revision("base", before), Head: revision("head", after), BaseTree: base, MergedTree: head})
	h.counts.pairs++
	h.counts.affected += len(some.Affected)
	h.counts.roots += len(some.Head.Roots)
	h.counts.changes += len(some.Changes)
	h.counts.failed += len(some.UnknownHead)
}

func (h *history) compare(ctx context.Context, t *testing.T, base, head render.Tree, o render.Options) *render.Comparison {
	t.Helper()
	c, err := render.Compare(ctx, h.assessor.Builder, base, head, o)
	if err != nil {
		t.Fatalf("compare: %v", err)
	}
	return c
}

func (h *history) whole(ctx context.Context, t *testing.T, tree render.Tree) *render.Comparison {
	t.Helper()
	if h.full[tree.ID()] == nil {
		c, err := render.Audit(ctx, h.assessor.Builder, tree, render.Options{})
		if err != nil {
			t.Fatalf("build all: %v", err)
		}
		h.full[tree.ID()] = c
	}
	return h.full[tree.ID()]
}

// assess judges the pair by what it reaches and by everything: what is new,
// worsened or fixed, what needs approval and what could not be judged is the
// same, and what stands is a part of all that stands.
func (h *history) assess(ctx context.Context, t *testing.T, sides policy.Sides) {
	t.Helper()
	some, err := h.assessor.Review(ctx, sides)
	if err != nil {
		t.Fatalf("review: %v", err)
	}
	sides.All = true
	all, err := h.assessor.Review(ctx, sides)
	if err != nil {
		t.Fatalf("review of all: %v", err)
	}
	if d := diff.Diff(all.Entries, some.Entries); d != "" || some.Digest != all.Digest {
		t.Errorf("other entries (-everything +affected):\n%s", d)
	}
	if d := diff.Diff(all.Problems, some.Problems); d != "" {
		t.Errorf("other problems (-everything +affected):\n%s", d)
	}
	everything, existing := stated(all.Findings)
	affected, standing := stated(some.Findings)
	if d := diff.Diff(everything, affected); d != "" {
		t.Errorf("other findings (-everything +affected):\n%s", d)
	}
	for _, f := range standing {
		// What lies in roots that nothing reaches is not known when less is
		// built, and that is said (CS-GEN-003): no reason to build them all.
		if !slices.Contains(existing, f) && !strings.HasPrefix(f, "existing CS-GEN-003 ") {
			t.Errorf("stands only when less is built: %s", f)
		}
	}
	for _, r := range slices.Concat(some.Rules, all.Rules) {
		if r.Outcome == "error" {
			t.Errorf("%s could not be evaluated", r.ID)
		}
	}
	h.counts.findings += len(some.Findings)
}

// stated writes findings as words, those that stand apart from all others.
func stated(findings []policy.Finding) (moving, standing []string) {
	for _, f := range findings {
		words := fmt.Sprintf("%s %s %s %s %v %s in %s at %s", f.State, f.Rule, f.Severity, f.Effect, f.Object, f.Path, f.Destination,
			f.Fingerprint)
		if f.State == policy.Existing {
			standing = append(standing, words)
		} else {
			moving = append(moving, words)
		}
	}
	slices.Sort(moving)
	return moving, standing
}

// inWords writes changes with all that they say.
func inWords(changes []render.Change) []string {
	words := make([]string, 0, len(changes))
	digest := func(r *render.Resource) string {
		if r == nil {
			return "-"
		}
		return fmt.Sprint(r.Identity, r.Version, r.Digest, r.Source)
	}
	for _, c := range changes {
		renamed := ""
		if c.RenamedFrom != nil {
			renamed = fmt.Sprint(*c.RenamedFrom)
		}
		words = append(words, fmt.Sprintf("%s %q from %q: %s to %s, was %q, fields %v, roots %v", c.Action, c.Destination, c.From,
			digest(c.Before), digest(c.After), renamed, c.Fields, c.Roots))
	}
	return words
}

// place writes where an object is and whether it is applied there.
func place(destination string, r *render.Resource) string {
	return fmt.Sprintf("%q %v local=%v", destination, r.Identity, r.Local)
}

// differences compares two full builds by hand: the places whose content
// differs. A root that did not build on one side says nothing of what it no
// longer renders there.
func differences(base, head *render.Comparison) []string {
	content := func(side, other *render.Comparison) map[string][]string {
		objects := map[string][]string{}
		for name, build := range side.Head.Builds {
			counterpart, exists := other.Head.Builds[name]
			if side == base && exists && counterpart.Status != render.StatusBuilt {
				continue
			}
			for i := range build.Resources {
				at := place(build.Root.Destination, &build.Resources[i])
				objects[at] = append(objects[at], build.Resources[i].Digest)
			}
		}
		for at, digests := range objects {
			slices.Sort(digests)
			objects[at] = slices.Compact(digests) // the same object once more changes nothing; it is a finding
		}
		return objects
	}
	before, after := content(base, head), content(head, base)
	var differ []string
	for at, digests := range before {
		if !slices.Equal(digests, after[at]) {
			differ = append(differ, at)
		}
	}
	for at := range after {
		if _, ok := before[at]; !ok {
			differ = append(differ, at)
		}
	}
	slices.Sort(differ)
	return differ
}

// places are where changes say that something differs.
func places(changes []render.Change) []string {
	var all []string
	for _, c := range changes {
		if c.Before != nil {
			all = append(all, place(cmp.Or(c.From, c.Destination), c.Before))
		}
		if c.After != nil {
			all = append(all, place(c.Destination, c.After))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}
