package report

import (
	"fmt"

	"github.com/countersign-dev/countersign/policy"
)

// changeText writes every change under its cluster.
func (r Report) changeText(p *page) {
	if len(r.assessment.Changes) == 0 && len(r.assessment.Entries) == 0 {
		return
	}
	p.heading("Changes: " + thousands(len(r.assessment.Changes)))
	for _, group := range byCluster(r.assessment.Changes) {
		p.say(2, groupName(group))
		for _, c := range group.changes {
			p.change(c, r.all)
		}
	}
	for _, e := range r.hidden() {
		p.item(e.Kind + " " + e.Name + " needs approval")
	}
}

func groupName(g changeGroup) string {
	names := "Of no single cluster"
	switch len(g.clusters) {
	case 0:
	case 1:
		names = "Cluster " + g.clusters[0]
	default:
		names = "Clusters " + enumerate(g.clusters)
	}
	if g.destination != "" {
		names += " in " + g.destination
	}
	return names
}

func (p *page) change(c policy.Change, all bool) {
	line := label(c.Object)
	if c.From != "" {
		line += " from " + c.From + " to " + c.Destination
	}
	if old := c.RenamedFrom; old != nil {
		line += ", until now " + label(*old)
	}
	if credential(c) {
		line += " — credentials"
	}
	if at := place(c.Source); at != "" {
		line += " — " + at
	}
	color := yellow
	switch {
	case named(c):
		color = red
	case !c.Privileged:
		color = faint
	}
	fmt.Fprintf(p, "    %s %s\n", p.paint(color, visible(c.Action)), visible(line))
	most := maxFields
	if all {
		most = len(c.Fields)
	}
	for _, f := range c.Fields[:min(len(c.Fields), most)] {
		p.say(8, fieldLine(f))
	}
	if more := len(c.Fields) - most; more > 0 {
		p.say(8, "and "+plural(more, "more field"))
	}
	list, why := c.Reasons, "needs approval: "
	if !c.Privileged {
		list, why = c.Harmless, "needs no approval: "
	}
	for _, reason := range list {
		p.say(6, why+reason.Message+" ("+string(reason.Rule)+")")
	}
}

// fieldLine is a field with its old and new value.
func fieldLine(f policy.Field) string {
	v := pairOf(f)
	switch {
	case v.same:
		return f.Path + " changed: " + v.after + ", another value than before"
	case v.noBefore && v.noOne:
		return f.Path + " changed"
	case v.noBefore:
		return f.Path + " set to " + v.after
	case v.noOne:
		return f.Path + " removed, was " + v.before
	}
	return f.Path + ": " + v.before + " → " + v.after
}
