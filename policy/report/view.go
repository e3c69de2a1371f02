package report

import (
	"bytes"
	"cmp"
	"encoding/json"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/engine"
)

const (
	maxPeople = 40 // who are listed by name in one list
	maxNames  = 6  // that one sentence enumerates
	maxFields = 8  // of a change that are shown
	maxValue  = 90 // bytes of a value
	maxWords  = 700
)

// sorted are the findings as the texts tell them.
type sorted struct {
	blocking []policy.Finding
	warnings []policy.Finding // new or worsened, and not blocking
	waived   []policy.Finding // new or worsened, covered by a waiver
	existing []policy.Finding
	fixed    []policy.Finding
}

func (r Report) sorted() sorted {
	s := sorted{blocking: policy.Blocking(r.assessment)}
	slices.SortStableFunc(s.blocking, func(a, b policy.Finding) int { return b.Severity.Rank() - a.Severity.Rank() })
	blocks := map[string]bool{}
	for _, f := range s.blocking {
		blocks[f.Fingerprint+"\x00"+string(f.State)+"\x00"+string(f.Rule)] = true
	}
	for _, f := range r.assessment.Findings {
		switch {
		case blocks[f.Fingerprint+"\x00"+string(f.State)+"\x00"+string(f.Rule)] && blocking(f):
		case f.State == policy.Fixed:
			s.fixed = append(s.fixed, f)
		case f.State == policy.Existing:
			s.existing = append(s.existing, f)
		case f.Waiver != nil:
			s.waived = append(s.waived, f)
		default:
			s.warnings = append(s.warnings, f)
		}
	}
	return s
}

// blocking reports whether a finding of the set that blocks is meant: a
// fingerprint alone could be shared by a waived twin.
func blocking(f policy.Finding) bool { return f.Effect == engine.Block && f.Waiver == nil }

// ruleGroup are the findings of one rule.
type ruleGroup struct {
	rule     engine.RuleID
	title    string
	severity engine.Severity
	findings []policy.Finding
}

// byRule groups findings, the worst rules first.
func byRule(findings []policy.Finding) []ruleGroup {
	var groups []ruleGroup
	at := map[engine.RuleID]int{}
	for _, f := range findings {
		i, known := at[f.Rule]
		if !known {
			i = len(groups)
			at[f.Rule] = i
			groups = append(groups, ruleGroup{rule: f.Rule, title: f.Title, severity: f.Severity})
		}
		groups[i].findings = append(groups[i].findings, f)
		if f.Severity.Rank() > groups[i].severity.Rank() {
			groups[i].severity = f.Severity
		}
	}
	slices.SortStableFunc(groups, func(a, b ruleGroup) int {
		return cmp.Or(b.severity.Rank()-a.severity.Rank(), cmp.Compare(a.rule, b.rule))
	})
	return groups
}

// changeGroup are the changes of one cluster, or of the clusters that share an
// object, in one destination.
type changeGroup struct {
	clusters    []string // empty: of no cluster
	destination string
	changes     []policy.Change
}

// byCluster groups changes in their order; those of no cluster come last.
func byCluster(changes []policy.Change) []changeGroup {
	var groups []changeGroup
	at := map[string]int{}
	for _, c := range changes {
		clusters := c.Clusters
		if len(clusters) == 0 && c.Cluster != "" {
			clusters = []string{c.Cluster}
		}
		key := c.Destination + "\x00" + strings.Join(clusters, "\x00")
		i, known := at[key]
		if !known {
			i = len(groups)
			at[key] = i
			groups = append(groups, changeGroup{clusters: clusters, destination: c.Destination})
		}
		groups[i].changes = append(groups[i].changes, c)
	}
	slices.SortStableFunc(groups, func(a, b changeGroup) int {
		return cmp.Compare(min(len(b.clusters), 1), min(len(a.clusters), 1))
	})
	return groups
}

// ownGroup is the group of changes that are no objects: files and roots.
const ownGroup = "countersign.dev"

// label is what people call an object: KIND NAMESPACE/NAME; what is no object
// is called a file or root with its path, and a finding about all the fleet.
func label(o policy.Object) string {
	kind, name := o.Kind, o.Name
	if o.Namespace != "" {
		name = o.Namespace + "/" + o.Name
	}
	if o.Group == ownGroup {
		kind, name = strings.ToLower(kind), cmp.Or(name, ".") // the repository's top is a root
	}
	if kind == "" && name == "" {
		return "the fleet"
	}
	return clip(strings.TrimSpace(kind+" "+name), maxPlace)
}

// credential reports whether a change touches what opens doors: a Secret, an
// identity, or any field that was masked.
func credential(c policy.Change) bool {
	if c.Object.Kind == "Secret" && c.Object.Group == "" ||
		slices.ContainsFunc(c.Reasons, func(r policy.Reason) bool { return r.Rule == "CS-CHG-017" }) {
		return true
	}
	return slices.ContainsFunc(c.Fields, func(f policy.Field) bool { return secret(f.Before) || secret(f.After) })
}

func secret(value any) bool { return strings.Contains(compact(value), "(secret: ") }

// named reports whether a change is said whatever else is cut: a deletion, a
// move, a new name, a change of credentials.
func named(c policy.Change) bool {
	return c.Action == "delete" || c.Action == "move" || c.RenamedFrom != nil || credential(c)
}

// compact writes a value on one line: text as it is where its ends show, all
// else as JSON.
func compact(value any) string {
	if text, ok := value.(string); ok && strings.TrimSpace(text) == text && text != "" {
		return text
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return "(cannot be shown: " + err.Error() + ")"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// pair is a field's two values as they are shown; absent says that a side has
// none. same says that they differ but look alike: secrets, or beyond the cut.
type pair struct {
	before, after   string
	noBefore, noOne bool
	same            bool
}

func pairOf(f policy.Field) pair {
	p := pair{noBefore: f.Before == nil, noOne: f.After == nil}
	before, after := visible(compact(f.Before)), visible(compact(f.After))
	if len(before) > maxValue && len(after) > maxValue {
		before, after = window(before, after)
	}
	p.before, p.after = short(before, maxValue), short(after, maxValue)
	p.same = !p.noBefore && !p.noOne && p.before == p.after
	return p
}

// window drops what two long values have in common at their start, so that
// what is shown is where they differ.
func window(a, b string) (string, string) {
	common := 0
	for common < min(len(a), len(b)) && a[common] == b[common] {
		common++
	}
	cut := common - maxValue/3
	for cut > 0 && !(a[cut]&0xc0 != 0x80) {
		cut--
	}
	if cut <= 0 {
		return a, b
	}
	return "…" + a[cut:], "…" + b[cut:]
}

// outcomes counts the rules by how they fared, in words.
func (r Report) outcomes() []string {
	count := map[string]int{}
	for _, rule := range r.assessment.Rules {
		count[rule.Outcome]++
	}
	var list []string
	for _, o := range outcomeWords {
		if n := count[o.outcome]; n > 0 {
			list = append(list, thousands(n)+" "+o.words)
		}
	}
	return list
}

// counts says in one sentence how much was looked at.
func (r Report) counts() string {
	a := r.assessment
	words := plural(len(a.Roots), "root") + " judged"
	if a.Unaffected > 0 {
		words += ", " + thousands(a.Unaffected) + " not touched"
	}
	if !a.Audit {
		words += "; " + plural(len(a.Changes), "change")
		if n := len(a.Entries); n > 0 {
			words += ", " + plural(n, "privileged part")
		}
	}
	if rules := r.outcomes(); len(rules) > 0 {
		words += "; rules: " + strings.Join(rules, ", ")
	}
	return words
}

// hidden are the privileged files and roots that no listed change shows.
func (r Report) hidden() []policy.Entry {
	shown := map[string]bool{}
	for _, c := range r.assessment.Changes {
		if c.Object.Group == ownGroup {
			shown[c.Object.Name] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(r.assessment.Entries), func(e policy.Entry) bool {
		return e.Kind == policy.EntryResource || shown[e.Name]
	})
}

// first is the start of a digest, which is enough to tell two apart.
func first(text string, n int) string {
	if len(text) <= n {
		return text
	}
	return strings.ToValidUTF8(text[:n], "")
}

// judgedBy names what judged, so that the answer can be had again.
func (r Report) judgedBy() string {
	e := r.assessment.Engine
	words := "Judged by countersign " + cmp.Or(e.Version, "(no version)")
	if c := r.assessment.Config; c != nil && c.Origin == "defaults" {
		words += " with the built-in settings"
	} else if c != nil {
		words += " with the settings of " + c.Origin
	}
	for _, part := range []struct{ name, digest string }{
		{"settings", e.Config}, {"rules", e.Rules}, {"renderer", e.Renderer}, {"key", e.KeyID}} {
		if part.digest != "" {
			words += "; " + part.name + " " + first(visible(part.digest), len("sha256:")+12)
		}
	}
	return clip(words, maxWords)
}
