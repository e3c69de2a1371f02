package git

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// Merged is what merging a head into a base gives: a tree, or conflicts.
type Merged struct {
	// Tree is the id of the merged tree, for [Repo.Tree]; "" on conflicts.
	Tree string
	// Conflicts are the paths that need a person to decide, sorted; nil
	// without conflicts.
	Conflicts []string
}

// MergeBase returns the best common ancestor of two commits, the one with the
// smallest id where there are several (criss-cross merges). None is a
// [NoMergeBaseError].
func (r *Repo) MergeBase(ctx context.Context, a, b Commit) (Commit, error) {
	bases, err := r.mergeBases(ctx, a, b)
	if err != nil {
		return Commit{}, err
	}
	return r.commit(ctx, bases[0])
}

// mergeBases returns all best common ancestors, sorted; at least one.
//
// The private repository does not know where a shallow clone was cut off, so
// that git complains when it needs a commit beyond: a merge base found while
// not all was seen may be the wrong one.
func (r *Repo) mergeBases(ctx context.Context, a, b Commit) ([]string, error) {
	answer, err := r.inside().run(ctx, r.private, "merge-base", "--all", a.ID, b.ID)
	if err != nil {
		return nil, err
	}
	if answer.code == 1 || answer.stderr != "" && r.shallow {
		return nil, &NoMergeBaseError{Base: a.ID, Head: b.ID, Shallow: r.shallow}
	}
	if answer.code != 0 || answer.stderr != "" {
		return nil, r.explain("merge-base", answer)
	}
	bases := strings.Fields(answer.stdout)
	for _, id := range bases {
		if len(id) != r.idLength || !isID(id) {
			return nil, answer.failure("merge-base")
		}
	}
	if len(bases) == 0 {
		return nil, answer.failure("merge-base")
	}
	slices.Sort(bases)
	return bases, nil
}

// Merge merges a head into a base's tip, as git does without attributes,
// drivers or configuration, and without touching the user's repository.
// Conflicts are a value. Errors: [NoMergeBaseError], [MissingError].
func (r *Repo) Merge(ctx context.Context, base, head Commit) (Merged, error) {
	bases, err := r.mergeBases(ctx, base, head)
	switch {
	case err != nil:
		return Merged{}, err
	case slices.Contains(bases, head.ID):
		return Merged{Tree: base.Tree}, nil
	case slices.Contains(bases, base.ID):
		return Merged{Tree: head.Tree}, nil
	}
	answer, err := r.inside().run(ctx, r.private, "merge-tree", "--write-tree", "-z", "--name-only", "--no-messages",
		base.ID, head.ID)
	if err != nil {
		return Merged{}, err
	}
	fields := strings.Split(strings.TrimSuffix(answer.stdout, "\x00"), "\x00")
	if answer.code > 1 || answer.code < 0 || len(fields[0]) != r.idLength || !isID(fields[0]) {
		return Merged{}, fmt.Errorf("merge %s into %s: %w", head.ID, base.ID, r.explain("merge-tree", answer))
	}
	if answer.code == 0 {
		return Merged{Tree: fields[0]}, nil
	}
	conflicts := slices.DeleteFunc(fields[1:], func(path string) bool { return path == "" })
	if len(conflicts) == 0 {
		return Merged{}, fmt.Errorf("merge %s into %s: git says that there is a conflict, but not where; merge by hand",
			head.ID, base.ID)
	}
	slices.Sort(conflicts)
	return Merged{Conflicts: slices.Compact(conflicts)}, nil
}

// explain is the error of a command that failed, with what to fetch where git
// says that an object was not there.
func (r *Repo) explain(operation string, answer result) error {
	said := strings.ToLower(answer.stderr)
	for _, sign := range []string{"could not read", "unable to read", "unable to parse", "bad object", "missing"} {
		if strings.Contains(said, sign) {
			return fmt.Errorf("%w: %w", answer.failure(operation), &MissingError{Shallow: r.shallow})
		}
	}
	return answer.failure(operation)
}
