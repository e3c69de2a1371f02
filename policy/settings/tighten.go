package settings

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
)

// Tighten is the config that holds for a governed base with a config of its
// own: for each setting the stricter of the default branch's and the base's.
// What a base says in order to loosen has no effect, and a notice says so. Both
// are complete; what a base leaves at the built-in value is not taken for said.
//
// What cannot be ordered (parameters, substitutes, the renderer) is the default
// branch's, and so are the governed branches and the files that need no eyes.
func (r Reader) Tighten(main, base config.Config) (config.Config, []render.Problem) {
	t := &tightening{rules: r.Rules, main: main, base: base, strict: config.Strict(), out: main}
	t.whole()
	t.roots()
	t.clusters()
	t.approvals()
	t.override()
	t.effects()
	t.limits()
	return t.out.Sealed(), t.notices
}

// tightening is one call of Tighten under way: out begins as the default branch's.
type tightening struct {
	rules              *engine.Engine
	main, base, strict config.Config
	out                config.Config
	notices            []render.Problem
}

func (t *tightening) loosens(key string) {
	t.notices = append(t.notices, render.Problem{Cause: render.CauseSyntax,
		Message: key + " in this branch's " + config.Path +
			" is not stricter than what the default branch says: it has no effect",
		Remedy: "take it out here, or change it on the default branch",
		Source: render.Source{File: config.Path}})
}

// stricter picks the stricter of two words by a list that begins with the loosest.
func (t *tightening) stricter(key, main, base, strict string, order []string) string {
	if slices.Index(order, base) >= slices.Index(order, main) {
		return base
	}
	if base != strict {
		t.loosens(key)
	}
	return main
}

// fixed says of a setting without an order that the base's is not used.
func (t *tightening) fixed(key string, same, unsaid bool) {
	if !same && !unsaid {
		t.loosens(key)
	}
}

func (t *tightening) whole() {
	t.out.Mode = t.stricter("mode", t.main.Mode, t.base.Mode, t.strict.Mode, []string{"observe", "enforce"})
	t.out.Baseline = t.stricter("baseline", t.main.Baseline, t.base.Baseline, t.strict.Baseline,
		[]string{"ratchet", "strict"})
	t.fixed("bases", slices.Equal(t.main.Bases, t.base.Bases), t.base.Bases == nil)
	t.fixed("ignore", slices.Equal(t.main.Ignore, t.base.Ignore), t.base.Ignore == nil)
	t.fixed("substitute", maps.Equal(t.main.Substitute, t.base.Substitute), len(t.base.Substitute) == 0)
	t.out.Protect = union(t.main.Protect, t.base.Protect)
	t.out.Alerts.Receiver = cmp.Or(t.main.Alerts.Receiver, t.base.Alerts.Receiver)
}

func (t *tightening) roots() {
	main, base := t.main.Roots, t.base.Roots
	switch {
	case len(main.Include) == 0:
		t.fixed("roots.include", false, len(base.Include) == 0)
	case len(base.Include) == 0:
		t.out.Roots.Include = nil // everything is governed
	default:
		t.out.Roots.Include = union(main.Include, base.Include)
		t.fixed("roots.include", len(common(main.Include, base.Include, equal)) == len(main.Include), false)
	}
	t.out.Roots.Exclude = t.fewer("roots.exclude", main.Exclude, base.Exclude)
	t.out.Roots.Opaque = t.fewer("roots.opaque", main.Opaque, base.Opaque)
	t.fixed("roots.renderer", main.Renderer == base.Renderer, base.Renderer == t.strict.Roots.Renderer)
}

// fewer keeps what both lists hold, of a list that lets things pass.
func (t *tightening) fewer(key string, main, base []string) []string {
	t.fixed(key, len(common(base, main, equal)) == len(base), false)
	return common(main, base, equal)
}

// clusters keeps the labels of the default branch: by another label its patterns
// would mean something else.
func (t *tightening) clusters() {
	main, base := t.main.Clusters, t.base.Clusters
	t.out.Clusters.Management = union(main.Management, base.Management)
	if main.EnvironmentLabel == base.EnvironmentLabel {
		t.out.Clusters.Production = union(main.Production, base.Production)
		return
	}
	t.fixed("clusters.environment", false, base.EnvironmentLabel == "" && len(base.Production) == 0)
}

func (t *tightening) approvals() {
	main, base, strict, out := t.main.Approvals, t.base.Approvals, t.strict.Approvals, &t.out.Approvals
	out.Required = max(main.Required, base.Required)
	t.fixed("approvals.required", base.Required >= main.Required, base.Required == strict.Required)
	out.MinPermission = t.stricter("approvals.min_permission", main.MinPermission, base.MinPermission,
		strict.MinPermission, config.Permissions)
	// More people who may hold is stricter: a hold only ever keeps back.
	fromTop := slices.Clone(config.Permissions)
	slices.Reverse(fromTop)
	out.HoldPermission = t.stricter("approvals.hold_permission", main.HoldPermission, base.HoldPermission,
		strict.HoldPermission, fromTop)
	out.NotPeople = union(main.NotPeople, base.NotPeople)
	out.Agents = union(main.Agents, base.Agents)
	out.Exclude = union(main.Exclude, base.Exclude)
	out.TrustedSigners = t.fewer("approvals.trusted_signers", main.TrustedSigners, base.TrustedSigners)
	out.RequireOrgMember = main.RequireOrgMember || base.RequireOrgMember
	t.fixed("approvals.require_org_member", base.RequireOrgMember || !main.RequireOrgMember, false)
	t.eligible()
}

// eligible narrows who may approve. No list at all means anyone with the
// permission: an empty remainder must never come to mean that. Names are one
// whatever their case.
func (t *tightening) eligible() {
	main, base, out := t.main.Approvals, t.base.Approvals, &t.out.Approvals
	anyone := func(a config.Approvals) bool { return len(a.Teams) == 0 && len(a.Users) == 0 }
	switch {
	case anyone(base):
	case anyone(main):
		out.Teams, out.Users = base.Teams, base.Users
	default:
		teams := common(main.Teams, base.Teams, strings.EqualFold)
		users := common(main.Users, base.Users, strings.EqualFold)
		if len(teams)+len(users) > 0 {
			out.Teams, out.Users = teams, users
		}
		t.fixed("approvals.teams", len(common(base.Teams, main.Teams, strings.EqualFold)) == len(base.Teams), false)
		t.fixed("approvals.users", len(common(base.Users, main.Users, strings.EqualFold)) == len(base.Users), false)
	}
}

func (t *tightening) override() {
	main, base := t.main.Override, t.base.Override
	switch {
	case main == nil:
		t.fixed("override", base == nil, false)
	case base == nil:
		t.out.Override = nil
	case !strings.EqualFold(main.Team, base.Team):
		t.loosens("override.team")
	default:
		t.fixed("override.window", opens(base.Window) <= opens(main.Window), base.Window == "15m")
		if opens(base.Window) < opens(main.Window) {
			t.out.Override = &config.Override{Team: main.Team, Window: base.Window}
		}
	}
}

// opens is how long a window is open; one that cannot be read never opens.
func opens(window string) time.Duration {
	d, err := time.ParseDuration(window)
	if err != nil {
		return 0
	}
	return d
}

// effects takes for each rule the stricter effect. A severity and parameters are
// not compared: another of them than the default branch's is not used.
func (t *tightening) effects() {
	order := []string{string(engine.Info), string(engine.Warn), string(engine.Block)}
	t.out.Rules = maps.Clone(t.main.Rules)
	for _, id := range slices.Sorted(maps.Keys(t.base.Rules)) {
		main, base := t.main.Rules[id], t.base.Rules[id]
		key := "rules." + id
		if len(base.Params) > 0 && fmt.Sprint(base.Params) != fmt.Sprint(main.Params) {
			t.loosens(key + ".params")
		}
		if base.Severity != "" && base.Severity != main.Severity {
			t.loosens(key + ".severity")
		}
		rule, known := t.rules.Rule(engine.RuleID(id))
		if base.Effect == "" || !known {
			continue
		}
		now := slices.Index(order, cmp.Or(main.Effect, string(rule.Effect)))
		switch wish := slices.Index(order, base.Effect); {
		case wish < now:
			t.loosens(key + ".effect")
		case wish > now || main.Effect == "" && wish == len(order)-1:
			main.Effect = base.Effect
			t.out.Rules = put(t.out.Rules, id, main)
		}
	}
}

func put(rules map[string]config.Rule, id string, rule config.Rule) map[string]config.Rule {
	if rules == nil {
		rules = map[string]config.Rule{}
	}
	rules[id] = rule
	return rules
}

func (t *tightening) limits() {
	lower := func(key string, main, base *int) *int {
		if main == nil || base != nil && *base < *main {
			return base
		}
		t.fixed(key, base != nil && *base == *main, base == nil)
		return main
	}
	main, base, out := t.main.Limits, t.base.Limits, &t.out.Limits
	out.Clusters = lower("limits.clusters", main.Clusters, base.Clusters)
	out.NodesAdded = lower("limits.nodes_added", main.NodesAdded, base.NodesAdded)
	out.Deletions = lower("limits.deletions", main.Deletions, base.Deletions)
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// common is what both lists hold; same says when two elements are one.
func common(a, b []string, same func(x, y string) bool) []string {
	var out []string
	for _, x := range a {
		if slices.ContainsFunc(b, func(y string) bool { return same(x, y) }) {
			out = append(out, x)
		}
	}
	return out
}

func equal(x, y string) bool { return x == y }
