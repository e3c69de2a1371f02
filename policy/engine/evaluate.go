package engine

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/countersign-dev/countersign/render"
)

// ChangeReport is what the change rules say of one change. Every rule that
// was asked answered, or is in Errors.
type ChangeReport struct {
	// Findings are hits of change rules of kind finding; Reasons say why the
	// change needs two people, Harmless why it does not. All sorted.
	Findings, Reasons, Harmless []Hit
	// Asked are the ids of the rules that were asked, sorted.
	Asked []RuleID
	// Errors are sorted. While there are any, Harmless proves nothing.
	Errors []RuleError
}

// Objects asks the object rules about each object. Objects come from the pull
// request; params are the config's overrides, checked by [Engine.CheckParams].
// A rule that fails or runs out of time is in the report's errors. The error
// means that nothing was judged: bad params, an input that cannot be
// converted, or ctx cancelled (its deadline is no error: it makes rule errors).
func (e *Engine) Objects(ctx context.Context, objects []Object, params Params) (Report, error) {
	all := make([]answers, len(objects))
	err := e.each(ctx, len(objects), params, func(s *session, i int) (err error) {
		object := objects[i]
		about := subject{object.Resource.Identity, object.Destination, clusterNames(object.Clusters)}
		all[i], err = s.judge(ctx, ScopeObject, about, func() (*ast.Term, error) {
			return s.convert.objectInput(object)
		})
		all[i].hits = applyClassWrites(all[i].hits, object.ClassWrites)
		return err
	})
	if err != nil {
		return Report{}, err
	}
	report := Report{Evaluated: map[RuleID]int{}}
	for _, answers := range all {
		report.add(answers)
	}
	report.sort()
	return report, nil
}

// Changes asks the change rules about each change; reports are in the order
// of the changes. Errors are those of [Engine.Objects].
func (e *Engine) Changes(ctx context.Context, changes []Change, params Params) ([]ChangeReport, error) {
	reports := make([]ChangeReport, len(changes))
	err := e.each(ctx, len(changes), params, func(s *session, i int) error {
		change := changes[i]
		about := subject{change.Change.Resource().Identity, change.Change.Destination, clusterNames(change.Clusters)}
		answers, err := s.judge(ctx, ScopeChange, about, func() (*ast.Term, error) {
			return s.convert.changeInput(change)
		})
		reports[i] = e.changeReport(answers)
		return err
	})
	if err != nil {
		return nil, err
	}
	return reports, nil
}

func (e *Engine) changeReport(answers answers) ChangeReport {
	report := ChangeReport{Asked: answers.asked, Errors: answers.errors}
	slices.SortFunc(answers.hits, compareHits)
	for _, hit := range answers.hits {
		rule, _ := e.Rule(hit.Rule)
		switch rule.Kind {
		case KindFinding:
			report.Findings = append(report.Findings, hit)
		case KindPrivilege:
			report.Reasons = append(report.Reasons, hit)
		case KindHarmless:
			report.Harmless = append(report.Harmless, hit)
		}
	}
	return report
}

// Fleet asks the fleet rules once. Errors are those of [Engine.Objects].
func (e *Engine) Fleet(ctx context.Context, fleet Fleet, params Params) (Report, error) {
	var all answers
	err := e.each(ctx, 1, params, func(s *session, _ int) (err error) {
		all, err = s.judge(ctx, ScopeFleet, subject{}, func() (*ast.Term, error) {
			return s.convert.fleetInput(fleet)
		})
		return err
	})
	if err != nil {
		return Report{}, err
	}
	report := Report{Evaluated: map[RuleID]int{}}
	report.add(all)
	report.sort()
	return report, nil
}

// answers are what all applicable rules said of one input.
type answers struct {
	hits   []Hit
	asked  []RuleID
	errors []RuleError
}

// judge puts one input to the rules of a scope.
func (s *session) judge(
	ctx context.Context, scope Scope, about subject, input func() (*ast.Term, error),
) (answers, error) {
	if errors.Is(ctx.Err(), context.Canceled) {
		return answers{}, ctx.Err()
	}
	q, err := s.engine.queryFor(scope, about.object)
	if err != nil || q == nil {
		return answers{}, err
	}
	term, err := input()
	if err != nil {
		return answers{}, fmt.Errorf("%s %s/%s: %w", about.object.Kind, about.object.Namespace, about.object.Name, err)
	}
	outcomes, err := s.ask(ctx, q, term)
	if err != nil {
		return answers{}, err
	}
	if errors.Is(ctx.Err(), context.Canceled) {
		return answers{}, ctx.Err()
	}
	var all answers
	for _, outcome := range outcomes {
		all.asked = append(all.asked, outcome.rule.ID)
		err := outcome.err
		if err == nil {
			var hits []Hit
			if hits, err = decodeSet(outcome.rule, outcome.set, about); err == nil {
				all.hits = append(all.hits, hits...)
			}
		}
		if err != nil {
			all.errors = append(all.errors, RuleError{outcome.rule.ID, about.object, errorText(err)})
		}
	}
	return all, nil
}

// maskedValue is a masked value wherever OPA's own errors quote one.
var maskedValue = regexp.MustCompile(`masked:[^\s"']*`)

// errorText is an error in one bounded line, without masked values.
func errorText(err error) string {
	text := strings.Join(strings.Fields(maskedValue.ReplaceAllString(err.Error(), "(masked value)")), " ")
	if len(text) > 400 {
		text = strings.ToValidUTF8(text[:400], "") + " …"
	}
	return text
}

func (r *Report) add(a answers) {
	r.Hits = append(r.Hits, a.hits...)
	r.Errors = append(r.Errors, a.errors...)
	for _, id := range a.asked {
		r.Evaluated[id]++
	}
}

func (r *Report) sort() {
	slices.SortFunc(r.Hits, compareHits)
	slices.SortFunc(r.Errors, func(a, b RuleError) int {
		return cmp.Or(strings.Compare(string(a.Rule), string(b.Rule)),
			compareIdentity(a.Object, b.Object), strings.Compare(a.Message, b.Message))
	})
}

func compareHits(a, b Hit) int {
	order := cmp.Or(
		strings.Compare(string(a.Rule), string(b.Rule)),
		strings.Compare(a.Destination, b.Destination),
		compareIdentity(a.Object, b.Object),
		a.Path.Compare(b.Path),
		strings.Compare(a.Message, b.Message),
	)
	if order != 0 {
		return order
	}
	return strings.Compare(rest(a), rest(b))
}

// rest is what else a hit says, for the order of those that are alike.
func rest(h Hit) string {
	text, err := json.Marshal([]any{h.Absent, h.Severity, h.Confidence, h.Evidence, h.Measure, h.Related, h.Clusters})
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func compareIdentity(a, b render.Identity) int {
	return cmp.Or(strings.Compare(a.Group, b.Group), strings.Compare(a.Kind, b.Kind),
		strings.Compare(a.Namespace, b.Namespace), strings.Compare(a.Name, b.Name))
}

// clusterNames are the clusters of an input as hits name them, sorted.
func clusterNames(clusters []Cluster) []string {
	var names []string
	for _, cluster := range clusters {
		names = append(names, cluster.Namespace+"/"+cluster.Name)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
