package review

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/digest"
	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/git"
	"github.com/countersign-dev/countersign/server/github/mirror"
	"github.com/countersign-dev/countersign/server/people"
	"github.com/countersign-dev/countersign/server/store"
)

// question is what is to be judged. Commits are ids that the API named.
type question struct {
	pull    int    // whose namespace keeps the head; 0 for a group
	base    string // the branch
	baseSHA string
	head    string
	main    string // the default branch's tip
	group   bool   // the head's own tree is what would be applied
}

// caseKey is a question as the memory knows it.
type caseKey struct {
	repository                int64
	base, baseSHA, head, main string
	group                     bool
}

// judged is what follows from commits alone.
type judged struct {
	question
	key        string // of the assessment
	assessment policy.Assessment
	// links are the commits of base..head, oldest first; nil where git could not
	// list them all.
	links []people.Link
	// until is when what is not content (a kill by time or memory) may be tried
	// again; zero for all else.
	until time.Time
}

// patience is how long a failure by time or memory is not paid for again (D16).
const patience = 10 * time.Minute

// judge answers a question: from memory, else from the store by key, else by
// building what is affected.
func (n *run) judge(ctx context.Context, q question) (judged, error) {
	key := caseKey{n.repository.ID, q.base, q.baseSHA, q.head, q.main, q.group}
	if known, ok := n.memory.judged.get(key); ok && (known.until.IsZero() || n.Clock().Before(known.until)) {
		known.question = q
		n.restFor(known)
		return known, nil
	}
	m, err := n.mirror(ctx)
	if err != nil {
		return judged{}, err
	}
	if err := m.Bring(ctx, q.pull, q.baseSHA, q.head, q.main); err != nil {
		return judged{}, err
	}
	if err := n.Store.Remember(ctx, store.Facts{Tips: []store.TipSeen{{Repository: n.repository.ID,
		Ref: "refs/heads/" + q.base, SHA: q.baseSHA, At: n.Clock()}}}); err != nil {
		return judged{}, err
	}
	j, size, err := n.assess(ctx, m, q)
	if err != nil {
		return judged{}, err
	}
	n.memory.judged.put(key, j, size)
	n.restFor(j)
	return j, nil
}

// restFor has the target looked at again once a failure that was no content may
// end otherwise.
func (n *run) restFor(j judged) {
	if !j.until.IsZero() {
		n.wakeAt(j.until)
	}
}

// assess finds or makes the assessment and lists the commits. size is about the
// bytes of both.
func (n *run) assess(ctx context.Context, m *mirror.Mirror, q question) (j judged, size int, err error) {
	base, err := m.Commit(ctx, q.baseSHA)
	if err != nil {
		return j, 0, fmt.Errorf("read the base %.12s: %w", q.baseSHA, err)
	}
	head, err := m.Commit(ctx, q.head)
	if err != nil {
		return j, 0, fmt.Errorf("read the head %.12s: %w", q.head, err)
	}
	sides, err := n.sides(ctx, m, q, base, head)
	if err != nil {
		return j, 0, err
	}
	j = judged{question: q, key: n.keyOf(sides)}
	if j.assessment, size, err = n.found(ctx, j.key, sides); err != nil {
		return j, 0, err
	}
	if passingIn(j.assessment) {
		j.until = n.Clock().Add(patience)
	}
	commits, err := m.Range(ctx, base, head, 0)
	if err != nil && ctx.Err() != nil {
		return j, 0, err
	}
	if err != nil { // too many: who wrote them is not known, and the decision says so
		n.Log.Warn("the commits of a pull request cannot be listed", "subject", n.subject(), "error", err)
	}
	for _, c := range commits {
		j.links = append(j.links, people.Link{SHA: c.ID, Parents: c.Parents})
	}
	return j, size + 128*len(commits), nil
}

// sides are the two trees, and the settings to judge them by.
func (n *run) sides(ctx context.Context, m *mirror.Mirror, q question, base, head git.Commit) (policy.Sides, error) {
	s := policy.Sides{Base: revision(base), Head: revision(head), BaseTree: m.Tree(base.Tree)}
	if q.group {
		s.MergedTree = m.Tree(head.Tree)
	} else if err := merge(ctx, m, base, head, &s); err != nil {
		return s, err
	}
	c, err := n.settled(ctx, m, n.repository, tips{base: q.baseSHA, main: q.main})
	if err != nil {
		return s, err
	}
	s.Notices = c.notices
	switch {
	case c.own: // the assessor reads it in the base's tree
	case len(c.mistakes) > 0:
		s.Mistakes = c.mistakes
	default:
		s.Config = &c.config
	}
	return s, nil
}

// merge merges the head into the base's tip. Histories without a common
// beginning are a conflict.
func merge(ctx context.Context, m *mirror.Mirror, base, head git.Commit, s *policy.Sides) error {
	merged, err := m.Merge(ctx, base, head)
	if _, unrelated := errors.AsType[*git.NoMergeBaseError](err); unrelated {
		return nil
	}
	if err != nil {
		return fmt.Errorf("merge %.12s into %.12s: %w", head.ID, base.ID, err)
	}
	s.Conflicts = merged.Conflicts
	if merged.Tree != "" {
		s.MergedTree = m.Tree(merged.Tree)
	}
	return nil
}

func revision(c git.Commit) policy.Revision { return policy.Revision{Commit: c.ID, Tree: c.Tree} }

// keyOf is a digest of all that an assessment follows from, but for the commits'
// own ids: those are written into it when it is found.
func (n *run) keyOf(s policy.Sides) string {
	a := n.Assessor
	parts := []string{"assessment 1", a.Version, a.Renderer, a.Rules.Digest(), a.KeyID, s.BaseTree.ID()}
	if s.MergedTree != nil {
		parts = append(parts, "merged", s.MergedTree.ID())
	} else {
		parts = append(parts, "conflict", s.Head.Tree)
	}
	parts = append(parts, words(s.Conflicts), words(s.Mistakes), words(s.Notices))
	if s.Config != nil {
		parts = append(parts, s.Config.Digest, s.Config.Origin)
	}
	return digest.Of(parts...)
}

// words writes values as one text; equal texts, equal values.
func words[T any](values []T) string {
	text, err := json.Marshal(values)
	if err != nil {
		panic(fmt.Sprintf("review: plain values cannot be written as JSON: %v", err))
	}
	return string(text)
}

// found returns the assessment that the store keeps under a key, else makes and
// keeps it. What is returned has always been through the store's encoding, so
// that it is the same whoever made it.
func (n *run) found(ctx context.Context, key string, s policy.Sides) (policy.Assessment, int, error) {
	body, ok, err := n.Store.Assessment(ctx, key)
	if err != nil {
		return policy.Assessment{}, 0, err
	}
	if ok {
		if a, err := decode(body); err == nil {
			a.Base, a.Head = s.Base, s.Head
			return a, len(body), nil
		}
		n.Log.Warn("a kept assessment cannot be read and is made anew", "subject", n.subject(), "assessment", key)
	}
	n.rendered = true
	made, err := n.Assessor.Review(ctx, s)
	if err != nil {
		return policy.Assessment{}, 0, fmt.Errorf("assess: %w", err)
	}
	if body, err = encode(made); err != nil {
		return policy.Assessment{}, 0, err
	}
	if !passingIn(made) {
		if err := n.Store.KeepAssessment(ctx, key, body); err != nil {
			return policy.Assessment{}, 0, err
		}
	}
	a, err := decode(body)
	return a, len(body), err
}

// encode and decode are each other's inverse for all that reports and decisions
// read: numbers of manifests keep their digits.
func encode(a policy.Assessment) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(a); err != nil {
		return nil, fmt.Errorf("write the assessment: %w", err)
	}
	return b.Bytes(), nil
}

func decode(body []byte) (a policy.Assessment, err error) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&a); err != nil {
		return policy.Assessment{}, fmt.Errorf("read the assessment: %w", err)
	}
	return a, nil
}

// passing reports whether a problem is no content: another try may end otherwise.
func passing(problems []render.Problem) bool {
	return slices.ContainsFunc(problems, func(p render.Problem) bool {
		return p.Cause == render.CauseDeadline || p.Cause == render.CauseMemory || p.Cause == render.CauseCrash
	})
}

// passingIn reports whether an assessment holds such a problem: of a root, or of
// a rule that gave no answer, which a busy machine may be to blame for.
func passingIn(a policy.Assessment) bool {
	all := slices.Clone(a.Notices)
	for _, p := range a.Problems {
		if p.Code == "rule" {
			return true
		}
		all = append(all, p.Problem)
	}
	for _, root := range a.Roots {
		if root.Error != nil {
			all = append(all, *root.Error)
		}
	}
	return passing(all)
}
