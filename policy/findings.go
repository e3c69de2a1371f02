package policy

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
)

// ownGroup is the group of facts that no manifest holds (see package rego).
const ownGroup = "countersign.dev"

// place is an object in a destination.
type place struct {
	destination string
	render.Identity
}

// hit is a rule's hit with what the assessment adds to it.
type hit struct {
	engine.Hit
	fingerprint string
	evidence    string // canonical, for comparing; "" when the rule gives none
}

// side is what the rules say of one side's objects.
type side struct {
	// stood says that it is the base, to compare with: what a rule does not say
	// of it is missing there, and all that it says of the head counts as new.
	stood bool
	// hits are kept by fingerprint: a rule may object to several things in one
	// place, and none of them may hide another.
	hits map[string][]hit
	// unknown holds, by object, the values that a rule could not judge.
	unknown   map[place][]engine.Hit
	resources map[place]*render.Resource
	roots     map[place][]string
}

func newSide(stood bool) *side {
	return &side{stood: stood, hits: map[string][]hit{}, unknown: map[place][]engine.Hit{}, resources: map[place]*render.Resource{},
		roots: map[place][]string{}}
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
			if j.judged[path] && r.Group != ownGroup {
				inputs = append(inputs, index.Object(r, build.Root))
			}
		}
		for _, notice := range build.Notices {
			if !j.judged[path] {
				break
			}
			resource := fact("Notice", noticeName(path, notice), map[string]any{
				"cause": string(notice.Cause), "message": notice.Message, "file": notice.Source.File,
				"line": json.Number(fmt.Sprint(notice.Source.Line))}, notice.Source)
			inputs = append(
				inputs,
				engine.Object{Resource: &resource, Root: path, Destination: build.Root.Destination,
					Resolved: resource.Object},
			)
		}
	}
	twice := j.compared.Duplicates
	if s.stood {
		twice = j.compared.BaseDuplicates
	}
	return s, j.ask(ctx, s, append(inputs, duplicates(twice)...))
}

// noticeName names a notice by what it says, so that each is a finding of its
// own and stays the same one while its neighbours come and go. The digest is
// long enough that nobody finds another notice with it.
func noticeName(root string, notice render.Problem) string {
	said := digestOf(string(notice.Cause), notice.Message, notice.Source.File)
	return root + "#" + said[len("sha256:"):][:32]
}

// indexer is what the judge needs of a fleet's index.
type indexer interface {
	Object(*render.Resource, render.Root) engine.Object
}

// duplicates are the facts of objects that stand twice in one destination.
func duplicates(list []render.Duplicate) []engine.Object {
	var inputs []engine.Object
	for _, d := range list {
		object := map[string]any{"group": d.Group, "kind": d.Kind, "namespace": d.Namespace, "name": d.Name,
			"destination": d.Destination}
		var files []any
		for _, source := range d.Sources {
			files = append(files, source.File)
		}
		var roots []any
		for _, root := range d.Roots {
			roots = append(roots, root)
		}
		var source render.Source
		if len(d.Sources) > 0 {
			source = d.Sources[0]
		}
		resource := fact(
			"Duplicate",
			d.Group+"/"+d.Kind+"/"+d.Name,
			map[string]any{"object": object, "roots": roots, "files": files},
			source,
		)
		resource.Namespace = d.Namespace
		inputs = append(
			inputs,
			engine.Object{Resource: &resource, Destination: d.Destination, Resolved: resource.Object},
		)
	}
	return inputs
}

// fact makes an object of our own group, about something that no manifest holds.
func fact(kind, name string, spec map[string]any, source render.Source) render.Resource {
	return render.Resource{
		Identity: render.Identity{Group: ownGroup, Kind: kind, Name: name}, Version: "v1", Source: source,
		Object: map[string]any{"apiVersion": ownGroup + "/v1", "kind": kind,
			"metadata": map[string]any{"name": name}, "spec": spec},
	}
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
		fingerprint := fingerprintOf(h, s.resources[at])
		s.hits[fingerprint] = append(s.hits[fingerprint],
			hit{Hit: h, fingerprint: fingerprint, evidence: canonical(h.Evidence)})
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

// fingerprintOf is what makes two hits the same one (D3): rule, destination,
// object and path, list elements known by their key or content.
func fingerprintOf(h engine.Hit, resource *render.Resource) string {
	parts := []string{string(h.Rule), h.Destination, h.Object.Group, h.Object.Kind, h.Object.Namespace, h.Object.Name}
	var value any
	if resource != nil {
		value = resource.Object
	}
	for _, step := range h.Path {
		next, _ := render.Lookup(value, render.Path{step})
		switch step := step.(type) {
		case int:
			parts = append(parts, "["+elementKey(next)+"]")
		case string:
			parts = append(parts, step)
		}
		value = next
	}
	return digestOf(parts...)[len("sha256:"):][:32]
}

// elementKey names a list's element by what stays when its neighbours change.
func elementKey(element any) string {
	if object, ok := element.(map[string]any); ok {
		for _, key := range []string{"name", "key", "path", "id"} {
			if text, ok := object[key].(string); ok && text != "" {
				return key + "=" + text
			}
		}
	}
	return canonical(element)
}

// canonical writes a value so that equal values are equal text; "" for nil.
func canonical(value any) string {
	if value == nil {
		return ""
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprintf("%#v", value)
	}
	return string(text)
}

// ratchet sets each finding against the base: what stood there already is
// existing, unless it got worse.
func (j *judge) ratchet(before, after *side) {
	list := func(h hit, state State, of *side) {
		if state != Existing && state != Fixed || !j.uncertainReference(h) {
			j.out.Findings = append(j.out.Findings, j.finding(h, state, of))
		}
	}
	for fingerprint, has := range after.hits {
		states, fixed := compareHits(before.hits[fingerprint], has)
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

// compareHits says how the hits of one fingerprint stand against the base's,
// and which of the base's are gone. Those that say the same are the same; the
// others are set against each other one by one, in their order, and what then
// is over is new.
func compareHits(had, has []hit) (states []State, fixed []hit) {
	same := map[string]int{}
	for _, h := range had {
		same[h.said()]++
	}
	states = make([]State, len(has))
	taken := map[string]int{}
	var open []int
	for i, h := range has {
		if said := h.said(); same[said] > taken[said] {
			states[i] = Existing
			taken[said]++
		} else {
			open = append(open, i)
		}
	}
	left := slices.DeleteFunc(slices.Clone(had), func(h hit) bool {
		said := h.said()
		taken[said]--
		return taken[said] >= 0
	})
	for n, i := range open {
		switch {
		case n >= len(left):
			states[i] = New
		case worse(left[n], has[i]):
			states[i] = Worsened
		default:
			states[i] = Existing
		}
	}
	return states, left[min(len(open), len(left)):]
}

// said is all that makes two hits of one fingerprint alike.
func (h hit) said() string {
	return digestOf(h.evidence, canonical(h.Measure), string(h.Severity))
}

// uncertainReference reports whether a hit says that something is missing
// while not every root was built: what was missing on both sides may well be
// in a root that nobody looked at, and the change did not touch that.
func (j *judge) uncertainReference(h hit) bool { return h.Rule == "CS-GEN-002" && !j.expanded }

func worse(had, has hit) bool {
	return has.Severity.Rank() > had.Severity.Rank() || has.evidence != had.evidence || grew(had.Measure, has.Measure)
}

// grew reports whether a measure holds more than it did: a set another
// member, a number a higher one.
func grew(had, has any) bool {
	switch has := has.(type) {
	case []string:
		old, ok := had.([]string)
		return !ok || slices.ContainsFunc(has, func(s string) bool { return !slices.Contains(old, s) })
	case float64:
		old, ok := had.(float64)
		return !ok || has > old
	}
	return canonical(had) != canonical(has)
}

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
		j.out.Findings = append(j.out.Findings, j.finding(
			hit{Hit: h, fingerprint: fingerprintOf(h, after.resources[at])}, state, after))
	}
}

func comparePlaces(a, b place) int {
	return cmp.Or(strings.Compare(a.destination, b.destination), strings.Compare(a.Group, b.Group),
		strings.Compare(a.Kind, b.Kind), strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}
