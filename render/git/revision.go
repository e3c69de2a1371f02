package git

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/render"
)

// maxMetaObject is the size in bytes up to which commits and tags are read.
const maxMetaObject = 4 << 20

// maxTags is how many tags of tags are followed to a commit.
const maxTags = 8

// Commit is a commit of the repository.
type Commit struct {
	ID   string // full, in hex
	Tree string // object id, for [Repo.Tree]
	// Parents are full ids, the first parent first; nil for a root commit.
	Parents []string
}

// Commit finds the commit that a revision of the command line's user names: a
// branch, a tag, an object id, HEAD~2 and whatever else git's manual lists,
// in the folder that was opened (a linked work tree has its own HEAD).
//
// A full object id always means that object. A name that begins with refs/
// means exactly that ref, and HEAD means HEAD, whatever other refs are called.
// Any other name that has two meanings (a branch and a tag, a branch and a
// short object id) is refused: whoever may push a ref could otherwise
// choose what is judged. A revision that names no commit is a [RevisionError].
func (r *Repo) Commit(ctx context.Context, revision string) (Commit, error) {
	id := revision
	if len(revision) != r.idLength || !isID(revision) {
		var err error
		if id, err = r.resolve(ctx, revision); err != nil {
			return Commit{}, err
		}
	}
	return r.peel(ctx, revision, id)
}

// resolve asks the user's repository what a revision means.
func (r *Repo) resolve(ctx context.Context, revision string) (string, error) {
	bad := func(reason, remedy string) (string, error) {
		return "", &RevisionError{revision, reason, remedy}
	}
	if revision == "" || revision[0] == '-' || strings.ContainsRune(revision, 0) {
		return bad("is not a revision", "name a branch, a tag or a commit")
	}
	exact, err := r.exactRef(ctx, revision)
	if err != nil {
		return "", err
	}
	answer, err := r.program.run(ctx, r.dir, "rev-parse", "--verify", "--end-of-options", revision)
	if err != nil {
		return "", err
	}
	if strings.Contains(answer.stderr, "is ambiguous") && !exact {
		return bad("is ambiguous", "name it in full, as refs/heads/NAME, refs/tags/NAME or a full commit id")
	}
	id := strings.TrimSuffix(answer.stdout, "\n")
	if answer.code != 0 || len(id) != r.idLength || !isID(id) {
		remedy := "check its spelling (git branch --all lists branches), or fetch it first"
		if r.shallow {
			remedy += "; this clone is shallow: git fetch --unshallow gets all history"
		}
		return bad("names no commit in this repository", remedy)
	}
	return id, nil
}

// exactRef reports whether a revision begins with a name that git looks up
// as it stands before it tries others. One below refs/ that does not exist
// must not fall through to refs/heads/refs/….
func (r *Repo) exactRef(ctx context.Context, revision string) (bool, error) {
	name := revision
	if i := strings.IndexAny(name, "~^:"); i >= 0 {
		name = name[:i]
	}
	name, _, _ = strings.Cut(name, "@{")
	if name == "HEAD" {
		return true, nil
	}
	if !strings.HasPrefix(name, "refs/") {
		return false, nil
	}
	answer, err := r.program.run(ctx, r.dir, "rev-parse", "--verify", "--symbolic-full-name", "--end-of-options", name)
	if err != nil {
		return false, err
	}
	// A symbolic ref such as refs/remotes/origin/HEAD answers with its target.
	got := strings.TrimSuffix(answer.stdout, "\n")
	if answer.code != 0 || strings.HasSuffix(got, "/"+name) {
		return false, &RevisionError{revision, "names no ref in this repository", "git for-each-ref lists them"}
	}
	return true, nil
}

// peel follows tags to a commit.
func (r *Repo) peel(ctx context.Context, revision, id string) (Commit, error) {
	for range maxTags {
		found, err := r.batch.read(ctx, id, maxMetaObject)
		var missing *MissingError
		if errors.As(err, &missing) {
			remedy := "fetch it first"
			if r.shallow {
				remedy = "this clone is shallow: run git fetch --unshallow"
			}
			return Commit{}, &RevisionError{revision, "is not in this repository", remedy}
		}
		if found.kind == "blob" || found.kind == "tree" {
			return Commit{}, &RevisionError{revision, "names a " + found.kind, "name a commit"}
		}
		if err != nil {
			return Commit{}, fmt.Errorf("revision %q: %w", revision, err)
		}
		if found.kind == "commit" {
			return parseCommit(id, found.content)
		}
		if id, err = tagTarget(id, found.content); err != nil {
			return Commit{}, fmt.Errorf("revision %q: %w", revision, err)
		}
	}
	return Commit{}, &RevisionError{revision, "is a tag of a tag of a tag …", "name the commit"}
}

// tagTarget returns what an annotated tag points at.
func tagTarget(id string, content []byte) (string, error) {
	line, _, _ := strings.Cut(string(content), "\n")
	target, ok := strings.CutPrefix(line, "object ")
	if !ok || !isID(target) || len(target) != len(id) {
		return "", malformed("tag", id, "no object")
	}
	return target, nil
}

// commit reads a commit by its id.
func (r *Repo) commit(ctx context.Context, id string) (Commit, error) {
	content, err := r.object(ctx, id, "commit", maxMetaObject)
	if err != nil {
		return Commit{}, err
	}
	return parseCommit(id, content)
}

// FirstParent returns the commits after one commit up to and with another,
// along first parents, the oldest first: what a branch looked like after each
// merge. Equal commits give none; the zero from gives all since the root. A
// from that is not on the way is an error.
func (r *Repo) FirstParent(ctx context.Context, from, to Commit) ([]Commit, error) {
	var commits []Commit
	for at := to; at.ID != from.ID; {
		commits = append(commits, at)
		if len(at.Parents) == 0 {
			if from.ID == "" {
				break
			}
			return nil, fmt.Errorf("commit %s is not on the first-parent history of %s", from.ID, to.ID)
		}
		var err error
		if at, err = r.commit(ctx, at.Parents[0]); err != nil {
			return nil, fmt.Errorf("first-parent history of %s: %w", to.ID, err)
		}
	}
	slices.Reverse(commits)
	return commits, nil
}

var _ render.Tree = tree{}
