package policy

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fact"
	"github.com/countersign-dev/countersign/policy/ratchet"
	"github.com/countersign-dev/countersign/render"
)

// place is an object in a destination.
type place struct {
	destination string
	render.Identity
}

// side is what the rules say of one side's objects.
type side struct {
	// stood says that it is the base, to compare with: what a rule does not say
	// of it is missing there, and all that it says of the head counts as new.
	stood bool
	// hits are kept by fingerprint: a rule may object to several things in one
	// place, and none of them may hide another.
	hits map[string][]ratchet.Hit
	// unknown holds, by object, the values that a rule could not judge.
	unknown   map[place][]engine.Hit
	resources map[place]*render.Resource
	roots     map[place][]string
}

func newSide(stood bool) *side {
	return &side{stood: stood, hits: map[string][]ratchet.Hit{}, unknown: map[place][]engine.Hit{},
		resources: map[place]*render.Resource{}, roots: map[place][]string{}}
}

// objects asks the object rules about every judged object of a side.
func (j *judge) objects(ctx context.Context, of *render.Side, index indexer) (*side, error) {
	s := newSide(of == &j.compared.Base)
	var inputs []engine.Object
	for _, path := range slices.Sorted(maps.Keys(of.Builds)) {
		build := of.Builds[path]
		for i := range build.Resources {
			r := &build.Resources[i]
			at := place{build.Root.Destination, r.Identity}
			if r.Local {
				continue // it is applied nowhere, whatever it has in common with what is
			}
			s.roots[at] = append(s.roots[at], path)
			if s.resources[at] == nil {
				s.resources[at] = r
			}
			if j.judged[path] && r.Group != fact.Group {
				inputs = append(inputs, index.Object(r, build.Root))
			}
		}
		for _, notice := range build.Notices {
			if !j.judged[path] {
				break
			}
			inputs = append(inputs, factObject(fact.Notice(path, notice), path, build.Root.Destination))
		}
	}
	twice := j.compared.Duplicates
	if s.stood {
		twice = j.compared.BaseDuplicates
	}
	for _, d := range twice {
		inputs = append(inputs, factObject(fact.Duplicate(d), "", d.Destination))
	}
	return s, j.ask(ctx, s, inputs)
}

// factObject is a fact as the object rules see it.
func factObject(r *render.Resource, root, destination string) engine.Object {
	return engine.Object{Resource: r, Root: root, Destination: destination, Resolved: r.Object}
}

// indexer is what the judge needs of a fleet's index.
type indexer interface {
	Object(*render.Resource, render.Root) engine.Object
}

// ask puts objects to the rules and files what they say.
func (j *judge) ask(ctx context.Context, s *side, inputs []engine.Object) error {
	report, err := j.assessor.Rules.Objects(ctx, inputs, params(j.config))
	if err != nil {
		return fmt.Errorf("judge objects: %w", err)
	}
	for _, input := range inputs {
		at := place{input.Destination, input.Resource.Identity}
		if s.resources[at] == nil {
			s.resources[at] = input.Resource
		}
	}
	j.file(s, report)
	return nil
}

func (j *judge) file(s *side, report engine.Report) {
	if s.stood {
		j.unheard(report.Errors)
	} else {
		j.outcomes.asked(report.Evaluated)
		j.ruleErrors(report.Errors)
	}
	for _, h := range report.Hits {
		at := place{h.Destination, h.Object}
		if h.Confidence == engine.Unknown {
			s.unknown[at] = append(s.unknown[at], h)
			j.outcomes.unknown[h.Rule] = j.outcomes.unknown[h.Rule] || !s.stood
			continue
		}
		known := ratchet.Of(h, s.resources[at])
		s.hits[known.Fingerprint] = append(s.hits[known.Fingerprint], known)
	}
}

// unheard says which rules could not answer about the base: nothing is
// inherited from there, so that a change can mend it.
func (j *judge) unheard(errs []engine.RuleError) {
	var rules []string
	for _, e := range errs {
		rules = append(rules, string(e.Rule))
	}
	slices.Sort(rules)
	for _, id := range slices.Compact(rules) {
		j.out.Notices = append(j.out.Notices, render.Problem{
			Message: "rule " + id + " could not be evaluated for the base: all that it finds counts as new"})
	}
}

// ruleErrors turns rules that could not answer into problems, once per rule.
func (j *judge) ruleErrors(errs []engine.RuleError) {
	for _, e := range errs {
		if j.outcomes.failed[e.Rule] {
			continue
		}
		j.outcomes.failed[e.Rule] = true
		j.out.Problems = append(j.out.Problems, Problem{Code: "rule", Rule: e.Rule, Problem: render.Problem{
			Message: fmt.Sprintf("rule %s could not be evaluated: %s", e.Rule, e.Message),
			Remedy:  "this is a fault of the rules, not of the change; report it"}})
	}
}

// newlyFailing lists, for each object, the rules that hold at the base and not
// at the head.
func (s *side) newlyFailing(base *side) map[place][]engine.RuleID {
	failed := func(of *side) map[place]map[engine.RuleID]bool {
		m := map[place]map[engine.RuleID]bool{}
		for _, hits := range of.hits {
			for _, h := range hits {
				at := place{h.Destination, h.Object}
				if m[at] == nil {
					m[at] = map[engine.RuleID]bool{}
				}
				m[at][h.Rule] = true
			}
		}
		return m
	}
	before, newly := failed(base), map[place][]engine.RuleID{}
	for at, rules := range failed(s) {
		for _, id := range slices.Sorted(maps.Keys(rules)) {
			if _, stood := base.resources[at]; stood && !before[at][id] {
				newly[at] = append(newly[at], id)
			}
		}
	}
	return newly
}

// ratchet sets each finding against the base: what stood there already is
// existing, unless it got worse.
func (j *judge) ratchet(before, after *side) {
	list := func(h ratchet.Hit, state State, of *side) {
		if state != Existing && state != Fixed || !j.uncertainReference(h) {
			j.out.Findings = append(j.out.Findings, j.finding(h, state, of))
		}
	}
	for fingerprint, has := range after.hits {
		states, fixed := ratchet.Compare(before.hits[fingerprint], has)
		for i, h := range has {
			list(h, states[i], after)
		}
		for _, h := range fixed {
			list(h, Fixed, before)
		}
	}
	for fingerprint, had := range before.hits {
		if len(after.hits[fingerprint]) > 0 {
			continue
		}
		for _, h := range had {
			list(h, Fixed, before)
		}
	}
	j.notEvaluated(before, after)
	slices.SortFunc(j.out.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(string(a.Rule), string(b.Rule)), strings.Compare(a.Destination, b.Destination),
			strings.Compare(objectKey(a.Object), objectKey(b.Object)), strings.Compare(a.Path, b.Path),
			strings.Compare(a.Fingerprint, b.Fingerprint), strings.Compare(a.Message, b.Message),
			strings.Compare(string(a.State), string(b.State)), a.Source.Line-b.Source.Line)
	})
}

// uncertainReference reports whether a hit says that something is missing
// while not every root was built: what was missing on both sides may well be
// in a root that nobody looked at, and the change did not touch that.
func (j *judge) uncertainReference(h ratchet.Hit) bool { return h.Rule == "CS-GEN-002" && !j.expanded }

// notEvaluated says, once for each object, what no rule could judge because a
// value is not known.
func (j *judge) notEvaluated(before, after *side) {
	rule, ok := j.assessor.Rules.Rule("CS-GEN-003")
	if !ok {
		return
	}
	for _, at := range slices.SortedFunc(maps.Keys(after.unknown), comparePlaces) {
		hits := after.unknown[at]
		var rules []string
		for _, h := range hits {
			rules = append(rules, string(h.Rule))
		}
		slices.Sort(rules)
		first := slices.MinFunc(hits, func(a, b engine.Hit) int { return a.Path.Compare(b.Path) })
		h := engine.Hit{Rule: rule.ID, Object: at.Identity, Destination: at.destination, Path: first.Path,
			Severity: rule.Severity, Confidence: engine.Unknown, Clusters: first.Clusters,
			Message: fmt.Sprintf("not evaluated for %s: %s", strings.Join(slices.Compact(rules), ", "), first.Message)}
		state := New
		if _, stood := before.unknown[at]; stood {
			state = Existing
		}
		j.out.Findings = append(j.out.Findings, j.finding(ratchet.Of(h, after.resources[at]), state, after))
	}
}

func comparePlaces(a, b place) int {
	return cmp.Or(strings.Compare(a.destination, b.destination), strings.Compare(a.Group, b.Group),
		strings.Compare(a.Kind, b.Kind), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}
