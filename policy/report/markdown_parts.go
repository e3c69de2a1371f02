package report

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/countersign-dev/countersign/policy"
)

// problems are what could not be judged, in full and briefly.
func (r Report) problems() [][]entry {
	var full, brief []entry
	for _, p := range r.assessment.Problems {
		key := cmp.Or(p.Code, "problem")
		at := problemPlace(p)
		text := "- "
		if at != "" {
			text += code(at) + ": "
		}
		brief1 := text + prose(clip(p.Message, 160)) + "\n"
		text += prose(stop(clip(p.Message, maxWords)))
		if p.Remedy != "" {
			text += " **What to do:** " + prose(stop(clip(p.Remedy, maxWords)))
		}
		full = append(full, entry{text: text + "\n", must: true, key: key})
		brief = append(brief, entry{text: brief1, must: true, key: key})
	}
	return [][]entry{full, brief}
}

func problemPlace(p policy.Problem) string {
	return cmp.Or(place(p.Source), clip(p.Root, maxPlace))
}

func (r Report) notices() [][]entry {
	var entries []entry
	for _, n := range r.assessment.Notices {
		text := "- "
		if at := place(n.Source); at != "" {
			text += code(at) + ": "
		}
		text += prose(stop(clip(n.Message, maxWords)))
		if n.Remedy != "" {
			text += " " + prose(stop(clip(n.Remedy, maxWords)))
		}
		entries = append(entries, entry{text: text + "\n", key: "notices"})
	}
	return [][]entry{entries}
}

// where is the place of a finding: file and line, else the object.
func where(f policy.Finding) string {
	if at := place(f.Source); at != "" {
		return code(at)
	}
	return code(label(f.Object))
}

// findingForms tell findings in full, without the remedy, and as rule and place.
func findingForms(findings []policy.Finding) [][]entry {
	var full, brief, least []entry
	for _, f := range findings {
		rule := code(clip(string(f.Rule), 40))
		entry := entry{must: true, key: string(f.Rule)}
		entry.text = "- " + rule + " " + where(f) + "\n"
		least = append(least, entry)
		if len(findings) > hopeless {
			continue
		}
		entry.text = "- " + rule + " " + where(f) + ": " + prose(clip(f.Message, 120)) + "\n"
		brief = append(brief, entry)
		entry.text = fullFinding(f, rule)
		full = append(full, entry)
	}
	if len(findings) > hopeless {
		return [][]entry{least}
	}
	return [][]entry{full, brief, least}
}

// hopeless is how many findings or changes no text could hold with more than a
// line each, so that nobody needs to write them out.
const hopeless = 2600

func fullFinding(f policy.Finding, rule string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "- **%s** %s — %s, %s\n", rule, prose(clip(f.Title, 200)), prose(string(f.Severity)),
		prose(cmp.Or(stateWords[f.State], string(f.State))))
	fmt.Fprintf(&b, "  - %s — %s", where(f), code(label(f.Object)))
	if f.Path != "" {
		fmt.Fprintf(&b, ", %s", code(clip(f.Path, maxPlace)))
		if f.Field == "absent" {
			b.WriteString(" (not set)")
		}
	}
	b.WriteByte('\n')
	fmt.Fprintf(&b, "  - %s\n", prose(stop(clip(f.Message, maxWords))))
	if f.Remediation != "" {
		fmt.Fprintf(&b, "  - **To fix it:** %s\n", prose(stop(clip(f.Remediation, maxWords))))
	}
	if of := clusters(f.Clusters, f.Cluster); of != "" {
		fmt.Fprintf(&b, "  - Clusters: %s\n", of)
	}
	if f.Guideline != "" {
		fmt.Fprintf(&b, "  - Guideline: %s\n", code(clip(f.Guideline, 120)))
	}
	if f.Waiver != nil {
		fmt.Fprintf(&b, "  - Waived until %s by %s\n", code(clip(f.Waiver.Expires, 40)),
			code(clip(f.Waiver.File, maxPlace)))
	}
	return b.String()
}

func clusters(list []string, first string) string {
	if len(list) == 0 && first != "" {
		list = []string{first}
	}
	var names []string
	for _, name := range list[:min(len(list), maxNames)] {
		names = append(names, code(clip(name, 120)))
	}
	text := strings.Join(names, ", ")
	if more := len(list) - len(names); more > 0 {
		text += " and " + thousands(more) + " more"
	}
	return text
}

// changes are told with their fields, with few fields, and as one line; the
// named ones are never cut before the others.
func (r Report) changes() [][]entry {
	forms := make([][]entry, 3)
	for _, group := range byCluster(r.assessment.Changes) {
		under := groupHeading(group)
		for _, c := range group.changes {
			for i, fields := range []int{maxFields, 2, 0} {
				if len(r.assessment.Changes) > hopeless && fields > 0 {
					continue
				}
				forms[i] = append(forms[i], entry{under: under, text: changeText(c, fields),
					must: named(c), key: actionWords(c)})
			}
		}
	}
	if len(r.assessment.Changes) > hopeless {
		return forms[2:]
	}
	return forms
}

func groupHeading(g changeGroup) string {
	at := ""
	if g.destination != "" {
		at = " in " + code(clip(g.destination, maxPlace))
	}
	switch len(g.clusters) {
	case 0:
		return "\n#### Of no single cluster" + at + "\n\n"
	case 1:
		return "\n#### Cluster " + clusters(g.clusters, "") + at + "\n\n"
	}
	return "\n#### Clusters " + clusters(g.clusters, "") + at + "\n\n"
}

// actionWords is what happens to an object, as it is counted.
func actionWords(c policy.Change) string {
	if credential(c) {
		return c.Action + " of credentials"
	}
	return c.Action
}

func changeText(c policy.Change, fields int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "- **%s** %s", prose(c.Action), code(label(c.Object)))
	if c.From != "" {
		fmt.Fprintf(&b, " from %s to %s", code(clip(c.From, maxPlace)), code(clip(c.Destination, maxPlace)))
	}
	if old := c.RenamedFrom; old != nil {
		fmt.Fprintf(&b, ", until now %s", code(label(*old)))
	}
	if credential(c) {
		b.WriteString(" — **credentials**")
	}
	if c.Privileged {
		b.WriteString(" — needs approval")
	}
	if at := place(c.Source); at != "" {
		fmt.Fprintf(&b, " — %s", code(at))
	}
	b.WriteByte('\n')
	if fields == 0 {
		return b.String()
	}
	for _, field := range c.Fields[:min(len(c.Fields), fields)] {
		b.WriteString("  - " + fieldText(field) + "\n")
	}
	if more := len(c.Fields) - fields; more > 0 {
		fmt.Fprintf(&b, "  - and %s\n", plural(more, "more field"))
	}
	for _, reason := range reasons(c, fields) {
		fmt.Fprintf(&b, "  - %s\n", reason)
	}
	return b.String()
}

// fieldText is a field with its old and new value.
func fieldText(f policy.Field) string {
	p, path := pairOf(f), code(clip(f.Path, maxPlace))
	switch {
	case p.same:
		return path + " changed: " + code(p.after) + ", another value than before"
	case p.noBefore && p.noOne:
		return path + " changed"
	case p.noBefore:
		return path + " set to " + code(p.after)
	case p.noOne:
		return path + " removed, was " + code(p.before)
	}
	return path + ": " + code(p.before) + " → " + code(p.after)
}

// reasons are why a change needs approval, or why it does not.
func reasons(c policy.Change, most int) []string {
	list, why := c.Reasons, "Why approval: "
	if !c.Privileged {
		list, why = c.Harmless, "Needs no approval: "
	}
	var texts []string
	for _, reason := range list[:min(len(list), most)] {
		texts = append(texts, why+prose(clip(reason.Message, 300))+" ("+code(clip(string(reason.Rule), 40))+")")
	}
	if more := len(list) - most; more > 0 {
		texts = append(texts, "and "+plural(more, "more reason"))
	}
	return texts
}

// files are privileged parts that no listed change shows.
func (r Report) files() [][]entry {
	var entries []entry
	for _, e := range r.hidden() {
		text := "- " + prose(e.Kind) + " " + code(clip(e.Name, maxPlace)) + "\n"
		entries = append(entries, entry{text: text, must: true, key: e.Kind})
	}
	return [][]entry{entries}
}

func rootName(path string) string { return cmp.Or(path, ".") }

// rootWords says what became of a root.
func (r Report) rootWords(root policy.Root) string {
	words := root.Status + ", " + plural(root.Objects, "object")
	switch {
	case r.assessment.Audit:
	case root.Side == "base":
		words += ", removed by this change"
	case root.Side == "head":
		words += ", new with this change"
	}
	if root.Error != nil {
		words += ": " + clip(root.Error.Message, 300)
	}
	return words
}
