package git

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

const (
	// maxRange is how many commits a range holds unless the caller says.
	maxRange = 10_000
	// maxMergeBases is how many commits a merge may rest on: criss-cross merges
	// rest on merges of merges.
	maxMergeBases = 64
)

// Range lists the commits of base..head over all parents, each after its
// parents, at most most (0: 10,000). More is a [RangeError].
func (r *Repo) Range(ctx context.Context, base, head Commit, most int) ([]Commit, error) {
	if most <= 0 {
		most = maxRange
	}
	if !isID(base.ID) || !isID(head.ID) {
		return nil, fmt.Errorf("range %.80q..%.80q is not between two commits", base.ID, head.ID)
	}
	answer, err := r.inside().run(ctx, r.private, "rev-list", "--topo-order", "--reverse", "--no-commit-header",
		"--format=%H %T %P", "--max-count="+strconv.Itoa(most+1), head.ID, "^"+base.ID, "--")
	if err != nil {
		return nil, err
	}
	if answer.code != 0 || answer.stderr != "" {
		return nil, r.explain("rev-list", answer)
	}
	var commits []Commit
	for line := range strings.Lines(answer.stdout) {
		ids := strings.Fields(line)
		odd := func(id string) bool { return len(id) != r.idLength || !isID(id) }
		if len(ids) < 2 || slices.ContainsFunc(ids, odd) {
			return nil, answer.failure("rev-list")
		}
		commits = append(commits, Commit{ID: ids[0], Tree: ids[1], Parents: slices.Clip(ids[2:])})
		if len(ids) == 2 {
			commits[len(commits)-1].Parents = nil
		}
	}
	if len(commits) > most {
		return nil, &RangeError{Base: base.ID, Head: head.ID, Most: most}
	}
	return commits, nil
}

// RangeError says that a range holds more commits than were asked for.
type RangeError struct {
	Base, Head string
	Most       int
}

func (e *RangeError) Error() string {
	return fmt.Sprintf("more than %d commits lie between %s and %s; rebase onto a newer base", e.Most, e.Base, e.Head)
}

// Contains reports whether an ancestor is a commit or reachable from it over
// any parents. Both are full ids.
func (r *Repo) Contains(ctx context.Context, head, ancestor string) (bool, error) {
	if !isID(head) || !isID(ancestor) {
		return false, fmt.Errorf("%.80q or %.80q is no commit id", head, ancestor)
	}
	answer, err := r.inside().run(ctx, r.private, "merge-base", "--is-ancestor", ancestor, head)
	if err != nil {
		return false, err
	}
	if answer.stderr != "" || answer.code > 1 || answer.code < 0 {
		return false, r.explain("merge-base", answer)
	}
	return answer.code == 0, nil
}

// Absent lists the blobs of trees that the repository does not hold, sorted,
// but not those that also lie in one of the other trees. Submodules are none.
func (r *Repo) Absent(ctx context.Context, trees, except []string) ([]string, error) {
	var asked strings.Builder
	for _, id := range trees {
		fmt.Fprintln(&asked, id)
	}
	for _, id := range except {
		fmt.Fprintln(&asked, "^"+id)
	}
	for _, id := range slices.Concat(trees, except) {
		if !isID(id) {
			return nil, fmt.Errorf("%.80q is no tree id", id)
		}
	}
	cmd := r.inside().command(ctx, r.private, "rev-list", "--objects", "--no-object-names", "--missing=print",
		"--filter=object:type=blob", "--filter-provided-objects", "--stdin")
	cmd.Stdin = strings.NewReader(asked.String())
	answer, err := finish(ctx, cmd)
	if err != nil {
		return nil, err
	}
	if answer.code != 0 || answer.stderr != "" {
		return nil, r.explain("rev-list", answer)
	}
	var absent []string
	for line := range strings.Lines(answer.stdout) {
		id, missing := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "?")
		if missing && len(id) == r.idLength && isID(id) {
			absent = append(absent, id)
		}
	}
	slices.Sort(absent)
	return slices.Compact(absent), nil
}

// MergeBases returns all commits that a merge of two commits rests on: their
// best common ancestors and, where there are several, what merging those rests
// on. Without a common ancestor it is a [NoMergeBaseError].
func (r *Repo) MergeBases(ctx context.Context, a, b Commit) ([]Commit, error) {
	ids, err := r.mergeBases(ctx, a, b)
	if err != nil {
		return nil, err
	}
	found := map[string]bool{}
	var commits []Commit
	for level := ids; len(level) > 0; {
		var fresh []Commit
		for _, id := range level {
			if found[id] {
				continue
			}
			found[id] = true
			c, err := r.commit(ctx, id)
			if err != nil {
				return nil, err
			}
			fresh = append(fresh, c)
		}
		commits = append(commits, fresh...)
		if len(commits) > maxMergeBases {
			return nil, fmt.Errorf("merging %s and %s rests on more than %d commits; rebase", a.ID, b.ID, maxMergeBases)
		}
		if level, err = r.basesAmong(ctx, fresh); err != nil {
			return nil, err
		}
	}
	return commits, nil
}

// basesAmong returns the common ancestors of each two of the commits. Those
// that have none are merged from nothing.
func (r *Repo) basesAmong(ctx context.Context, commits []Commit) ([]string, error) {
	var ids []string
	for i, a := range commits {
		for _, b := range commits[i+1:] {
			bases, err := r.mergeBases(ctx, a, b)
			var strangers *NoMergeBaseError
			if errors.As(err, &strangers) {
				continue
			}
			if err != nil {
				return nil, err
			}
			ids = append(ids, bases...)
		}
	}
	return ids, nil
}

// Known returns the commit with a full id, and false if no object of the
// repository has it. Tags are not followed.
func (r *Repo) Known(ctx context.Context, id string) (Commit, bool, error) {
	c, err := r.commit(ctx, id)
	var missing *MissingError
	if errors.As(err, &missing) {
		return Commit{}, false, nil
	}
	return c, err == nil, err
}
