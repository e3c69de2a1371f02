package policy

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fact"
	"github.com/countersign-dev/countersign/render"
)

// anyOther is the rule for a change that no better reason names (D2).
const anyOther engine.RuleID = "CS-CHG-028"

// subject is something that changes and that the change rules are asked about.
type subject struct {
	input engine.Change
	entry Entry
	// shown says that it is listed even when nothing is privileged about it.
	shown bool
}

// privileges asks the change rules about every change, and about the files and
// roots that are judged as such. A change is privileged unless a harmless rule
// says why it is not.
func (j *judge) privileges(ctx context.Context, after *side, failing map[place][]engine.RuleID) error {
	subjects := j.resourceSubjects(failing)
	subjects = append(subjects, j.fileSubjects()...)
	opaque, err := j.rootSubjects(ctx)
	if err != nil {
		return err
	}
	subjects = append(subjects, opaque...)
	inputs := make([]engine.Change, len(subjects))
	for i := range subjects {
		inputs[i] = subjects[i].input
	}
	reports, err := j.assessor.Rules.Changes(ctx, inputs, params(j.config))
	if err != nil {
		return fmt.Errorf("judge changes: %w", err)
	}
	for i, report := range reports {
		j.weigh(subjects[i], report)
		ch := subjects[i].input.Change
		if at := (place{ch.Destination, ch.Resource().Identity}); after.resources[at] == nil {
			after.resources[at], after.roots[at] = ch.Resource(), ch.Roots // a finding may be about what goes
		}
		j.file(after, engine.Report{Hits: report.Findings, Errors: report.Errors})
	}
	return nil
}

// weigh turns what the rules say of one subject into a listed change and, when
// it is privileged, an entry.
func (j *judge) weigh(s subject, report engine.ChangeReport) {
	for _, id := range report.Asked {
		j.outcomes.inputs[id]++
	}
	reasons := j.why(s, report)
	change := s.written()
	change.Privileged = len(reasons) > 0
	change.Reasons = append(change.Reasons, reasons...)
	if !change.Privileged {
		change.Harmless = reasonsOf(report.Harmless)
	}
	for _, r := range slices.Concat(change.Reasons, change.Harmless) {
		j.outcomes.reasons[r.Rule]++
	}
	if change.Privileged || s.shown {
		j.out.Changes = append(j.out.Changes, change)
	}
	if change.Privileged {
		j.out.Entries = append(j.out.Entries, s.entry)
		j.out.Clusters = append(j.out.Clusters, change.Clusters...)
	}
}

// why says why a change needs two people; nil when a rule says that it does not
// and nothing speaks against that.
func (j *judge) why(s subject, report engine.ChangeReport) []Reason {
	better := slices.DeleteFunc(slices.Clone(report.Reasons), func(h engine.Hit) bool { return h.Rule == anyOther })
	switch {
	case len(better) > 0:
		return reasonsOf(better)
	case len(report.Harmless) > 0 && len(report.Errors) == 0 && !s.claimsOurGroup():
		return nil
	case len(report.Reasons) > 0:
		return reasonsOf(report.Reasons)
	}
	rule, _ := j.assessor.Rules.Rule(anyOther)
	return []Reason{{Rule: anyOther, Severity: rule.Severity, Message: rule.Title}}
}

// claimsOurGroup reports whether a manifest pretends to be one of our facts.
func (s subject) claimsOurGroup() bool {
	return s.entry.Kind == EntryResource && s.input.Change.Resource().Group == fact.Group
}

// reasonsOf writes hits as reasons, one a rule and message.
func reasonsOf(hits []engine.Hit) []Reason {
	reasons := []Reason{}
	for _, h := range hits {
		reason := Reason{Rule: h.Rule, Severity: h.Severity, Message: h.Message}
		if !slices.Contains(reasons, reason) {
			reasons = append(reasons, reason)
		}
	}
	slices.SortFunc(reasons, func(a, b Reason) int {
		return cmp.Or(b.Severity.Rank()-a.Severity.Rank(), strings.Compare(string(a.Rule), string(b.Rule)),
			strings.Compare(a.Message, b.Message))
	})
	return reasons
}

// resourceSubjects are the objects that differ.
func (j *judge) resourceSubjects(failing map[place][]engine.RuleID) []subject {
	subjects := make([]subject, 0, len(j.compared.Changes))
	for i := range j.compared.Changes {
		ch := &j.compared.Changes[i]
		input := j.head.Change(ch, j.base)
		input.Failing = failing[place{ch.Destination, ch.Resource().Identity}]
		if ch.Resource().Group == fact.Group {
			// A manifest must not speak as one of our facts: no rule sees its spec.
			input.Before, input.After = map[string]any{}, map[string]any{}
		}
		subjects = append(subjects, subject{input: input, entry: resourceEntry(ch), shown: true})
	}
	return subjects
}

// resourceEntry is a resource's change in full: where it was and is, and its
// canonical form before and after.
func resourceEntry(ch *render.Change) Entry {
	r := ch.Resource()
	from, to, before, after := "", "", "", ""
	if ch.Before != nil {
		from, before = cmp.Or(ch.From, ch.Destination), ch.Before.Digest
	}
	if ch.After != nil {
		to, after = ch.Destination, ch.After.Digest
	}
	name := fmt.Sprintf("%s|%s/%s|%s/%s", ch.Destination, r.Group, r.Kind, r.Namespace, r.Name)
	parts := []string{from, to, before, after}
	if strings.Contains(r.Name+r.Namespace, "${") {
		parts = append(parts, ch.Roots...) // each root gives the name another meaning
	}
	return newEntry(EntryResource, name, parts...)
}

// fileSubjects are files that no judged root answers for: those that deployers
// or we obey, and governed ones that nothing reads.
func (j *judge) fileSubjects() []subject {
	var subjects []subject
	for _, f := range j.compared.Files {
		if !f.Governed && !f.Protected {
			continue
		}
		ch := &render.Change{Action: render.ActionUpdate, Roots: f.ReadBy}
		if f.BeforeID == "" {
			ch.Action = render.ActionCreate
		} else {
			ch.Before = fact.File(f, f.BeforeMode)
		}
		if f.AfterID == "" {
			ch.Action = render.ActionDelete
		} else {
			ch.After = fact.File(f, f.AfterMode)
		}
		entry := newEntry(EntryFile, f.Path, fact.Mode(f.BeforeMode), f.BeforeID, fact.Mode(f.AfterMode), f.AfterID)
		subjects = append(subjects, subject{input: factChange(ch), entry: entry})
	}
	return subjects
}

func factChange(ch *render.Change) engine.Change {
	in := engine.Change{Change: ch}
	if ch.Before != nil {
		in.Before = ch.Before.Object
	}
	if ch.After != nil {
		in.After = ch.After.Object
	}
	return in
}

// written is the change as people and programs read it.
func (s subject) written() Change {
	ch := s.input.Change
	out := Change{
		Action: string(ch.Action), Object: object(ch.Resource()), Destination: ch.Destination, From: ch.From,
		Roots: slices.Clone(ch.Roots), Fields: []Field{}, Reasons: []Reason{}, Source: ch.Resource().Source,
	}
	if out.Roots == nil {
		out.Roots = []string{}
	}
	if from := ch.RenamedFrom; from != nil {
		out.RenamedFrom = &Object{Group: from.Group, Kind: from.Kind, Namespace: from.Namespace, Name: from.Name}
	}
	for _, cluster := range s.input.Clusters {
		out.Clusters = append(out.Clusters, clusterName(cluster))
	}
	if len(out.Clusters) > 0 {
		out.Cluster = out.Clusters[0]
	}
	for _, f := range ch.Fields {
		out.Fields = append(out.Fields,
			Field{Path: f.Path.String(), Before: Shown(f.Before), After: Shown(f.After), Source: f.Source})
	}
	if len(ch.Fields) > 0 && ch.Fields[0].Source.File != "" {
		out.Source = ch.Fields[0].Source
	}
	return out
}

func clusterName(c engine.Cluster) string {
	if c.Namespace == "" {
		return c.Name
	}
	return c.Namespace + "/" + c.Name
}

var maskedText = regexp.MustCompile(`masked:([a-z-]+):[0-9a-f]+`)

// Shown is a value as people and programs may see it: without hashes of
// secrets, and null where there is none.
func Shown(value any) any {
	switch value := value.(type) {
	case render.Absent:
		return nil
	case string:
		return maskedText.ReplaceAllString(value, "(secret: $1)")
	case []any:
		list := make([]any, len(value))
		for i, element := range value {
			list[i] = Shown(element)
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(value))
		for key, element := range value {
			object[key] = Shown(element)
		}
		return object
	}
	return value
}
