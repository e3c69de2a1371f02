package settings_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/settings"
	"github.com/countersign-dev/countersign/rego"
)

func reader(t *testing.T) settings.Reader {
	t.Helper()
	rules, err := engine.New(rego.FS)
	if err != nil {
		t.Fatal(err)
	}
	return settings.Reader{Rules: rules}
}

func number(n int) *int { return &n }

// Each setting: what the default branch says, what the base says, what holds,
// and the settings that a notice names.
func TestTighten(t *testing.T) {
	r := reader(t)
	type set func(c *config.Config)
	both := func(sets ...set) set {
		return func(c *config.Config) {
			for _, s := range sets {
				s(c)
			}
		}
	}
	none := func(*config.Config) {}
	mode := func(s string) set { return func(c *config.Config) { c.Mode = s } }
	required := func(n int) set { return func(c *config.Config) { c.Approvals.Required = n } }
	teams := func(names ...string) set { return func(c *config.Config) { c.Approvals.Teams = names } }
	users := func(names ...string) set { return func(c *config.Config) { c.Approvals.Users = names } }
	minimum := func(s string) set { return func(c *config.Config) { c.Approvals.MinPermission = s } }
	hold := func(s string) set { return func(c *config.Config) { c.Approvals.HoldPermission = s } }
	signers := func(s ...string) set { return func(c *config.Config) { c.Approvals.TrustedSigners = s } }
	override := func(team, window string) set {
		return func(c *config.Config) { c.Override = &config.Override{Team: team, Window: window} }
	}
	include := func(s ...string) set { return func(c *config.Config) { c.Roots.Include = s } }
	exclude := func(s ...string) set { return func(c *config.Config) { c.Roots.Exclude = s } }
	protect := func(s ...string) set { return func(c *config.Config) { c.Protect = s } }
	ignore := func(s ...string) set { return func(c *config.Config) { c.Ignore = s } }
	limit := func(n *int) set { return func(c *config.Config) { c.Limits.Deletions = n } }
	rule := func(is config.Rule) set {
		return func(c *config.Config) { c.Rules = map[string]config.Rule{"CS-SSH-001": is} }
	}
	excluded := func(s ...string) set { return func(c *config.Config) { c.Approvals.Exclude = s } }
	tests := []struct {
		name             string
		main, base, want set
		said             string
	}{
		{"mode, tighter", mode("observe"), mode("enforce"), mode("enforce"), ""},
		{"mode, looser", none, mode("observe"), none, "mode"},
		{"required, more", required(2), required(3), required(3), ""},
		{"required, fewer", required(4), required(3), required(4), "approvals.required"},
		{"required, not said", required(4), none, required(4), ""},
		{"teams, not said", teams("acme/a"), none, teams("acme/a"), ""},
		{"teams, where there were none", none, teams("acme/a"), teams("acme/a"), ""},
		{"teams, fewer", teams("acme/a", "acme/b"), teams("acme/A"), teams("acme/a"), ""},
		{"teams, another", teams("acme/a"), teams("acme/z"), teams("acme/a"), "approvals.teams"},
		{"teams, one more", teams("acme/a"), teams("acme/a", "acme/z"), teams("acme/a"), "approvals.teams"},
		{"users for teams", teams("acme/a"), users("bob"), teams("acme/a"), "approvals.users"},
		{"teams and users", both(teams("acme/a"), users("bob")), users("Bob"), users("bob"), ""},
		{"permission, more", none, minimum("admin"), minimum("admin"), ""},
		{"permission, less", none, minimum("read"), none, "approvals.min_permission"},
		{"hold, for more", none, hold("triage"), hold("triage"), ""},
		{"hold, for fewer", none, hold("admin"), none, "approvals.hold_permission"},
		{"signers, fewer", signers("k1", "k2"), signers("k1"), signers("k1"), ""},
		{"signers, one more", signers("k1"), signers("k1", "k2"), signers("k1"), "approvals.trusted_signers"},
		{"contributors who may approve", none, excluded("author", "initiator", "bot"), none, ""},
		{"contributors who may not", excluded("author", "initiator", "bot"), none,
			excluded("author", "initiator", "bot", "commit_author", "committer", "co_author", "pusher"), ""},
		{"override, new", none, override("acme/x", "5m"), none, "override"},
		{"override, off", override("acme/x", "15m"), none, none, ""},
		{"override, shorter", override("acme/x", "15m"), override("acme/x", "5m"), override("acme/x", "5m"), ""},
		{"override, longer", override("acme/x", "15m"), override("acme/x", "60m"), override("acme/x", "15m"), "override.window"},
		{"override, another's", override("acme/x", "15m"), override("acme/y", "5m"), override("acme/x", "15m"), "override.team"},
		{"governed part, larger", include("a/**"), include("a/**", "b/**"), include("a/**", "b/**"), ""},
		{"governed part, smaller", include("a/**", "b/**"), include("a/**"), include("a/**", "b/**"), "roots.include"},
		{"governed part, not all", none, include("a/**"), none, "roots.include"},
		{"governed part, all", include("a/**"), none, none, ""},
		{"opaque, fewer", exclude("x", "y"), exclude("x"), exclude("x"), ""},
		{"opaque, more", exclude("x"), exclude("x", "y"), exclude("x"), "roots.exclude"},
		{"protected, more", protect("ci/**"), protect("ops/**"), protect("ci/**", "ops/**"), ""},
		{"ignored, otherwise", none, ignore("**"), none, "ignore"},
		{"limit, lower", limit(number(3)), limit(number(1)), limit(number(1)), ""},
		{"limit, higher", limit(number(3)), limit(number(9)), limit(number(3)), "limits.deletions"},
		{"limit, new", none, limit(number(9)), limit(number(9)), ""},
		{"limit, not said", limit(number(3)), none, limit(number(3)), ""},
		{"rule, looser", none, rule(config.Rule{Effect: "info"}), none, "rules.CS-SSH-001.effect"},
		{"rule, tighter", rule(config.Rule{Effect: "warn"}), rule(config.Rule{Effect: "block"}), rule(config.Rule{Effect: "block"}), ""},
		{"rule, lower severity", none, rule(config.Rule{Severity: "low"}), none, "rules.CS-SSH-001.severity"},
		{"rule, other parameters", none, rule(config.Rule{Params: map[string]any{"x": 1}}), none, "rules.CS-SSH-001.params"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			made := func(s set) config.Config {
				c := config.Strict()
				c.Origin = config.Path
				s(&c)
				return c.Sealed()
			}
			got, notices := r.Tighten(made(test.main), made(test.base))
			want := made(test.want)
			sortLists(&got)
			sortLists(&want)
			want, got = want.Sealed(), got.Sealed()
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
			var said []string
			for _, n := range notices {
				key, _, _ := strings.Cut(n.Message, " ")
				said = append(said, key)
			}
			if strings.Join(said, " ") != test.said {
				t.Errorf("notices about %v, not %q", said, test.said)
			}
		})
	}
}

// sortLists makes lists equal that mean the same.
func sortLists(c *config.Config) {
	slices.Sort(c.Approvals.Exclude)
	if len(c.Rules) == 0 {
		c.Rules = nil
	}
}

// Whatever a base says, the result is no looser than the default branch's, and
// to say the same, or nothing, changes nothing.
func TestTightenOnlyTightens(t *testing.T) {
	r := reader(t)
	pick := func(options ...string) *rapid.Generator[[]string] {
		return rapid.Custom(func(t *rapid.T) []string {
			var list []string
			for _, o := range options {
				if rapid.Bool().Draw(t, o) {
					list = append(list, o)
				}
			}
			return list
		})
	}
	configs := rapid.Custom(func(t *rapid.T) config.Config {
		c := config.Strict()
		c.Origin = config.Path
		c.Mode = rapid.SampledFrom([]string{"enforce", "observe"}).Draw(t, "mode")
		c.Baseline = rapid.SampledFrom([]string{"ratchet", "strict"}).Draw(t, "baseline")
		c.Approvals.Required = rapid.IntRange(2, 5).Draw(t, "required")
		c.Approvals.MinPermission = rapid.SampledFrom(config.Permissions).Draw(t, "permission")
		c.Approvals.RequireOrgMember = rapid.Bool().Draw(t, "member")
		c.Approvals.Teams = pick("acme/a", "acme/b", "ACME/A").Draw(t, "teams")
		c.Approvals.Users = pick("bob", "Bob", "carol").Draw(t, "users")
		c.Approvals.NotPeople = pick("robot", "machine").Draw(t, "not_people")
		c.Approvals.TrustedSigners = pick("k1", "k2").Draw(t, "signers")
		c.Roots.Include = pick("a", "b").Draw(t, "include")
		c.Roots.Exclude = pick("x", "y").Draw(t, "exclude")
		c.Roots.Opaque = pick("o", "p").Draw(t, "opaque")
		c.Protect = pick("ci", "ops").Draw(t, "protect")
		if rapid.Bool().Draw(t, "override") {
			c.Override = &config.Override{Team: rapid.SampledFrom([]string{"acme/x", "acme/y"}).Draw(t, "team"),
				Window: rapid.SampledFrom([]string{"5m", "15m", "1h"}).Draw(t, "window")}
		}
		effects := []string{"", "info", "warn", "block"}
		c.Rules = map[string]config.Rule{"CS-SSH-001": {Effect: rapid.SampledFrom(effects).Draw(t, "effect")}}
		return c.Sealed()
	})
	subset := func(some, all []string) bool {
		return !slices.ContainsFunc(some, func(s string) bool {
			return !slices.ContainsFunc(all, func(a string) bool { return strings.EqualFold(a, s) })
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		main, base := configs.Draw(t, "main"), configs.Draw(t, "base")
		got, _ := r.Tighten(main, base)
		was, is := main.Approvals, got.Approvals
		limited := func(a config.Approvals) bool { return len(a.Teams)+len(a.Users) > 0 }
		switch {
		case main.Mode == "enforce" && got.Mode != "enforce", main.Baseline == "strict" && got.Baseline != "strict",
			is.Required < max(was.Required, base.Approvals.Required), was.RequireOrgMember && !is.RequireOrgMember,
			slices.Index(config.Permissions, is.MinPermission) < slices.Index(config.Permissions, was.MinPermission):
			t.Errorf("looser: %+v", got)
		case limited(was) && (!limited(is) || !subset(is.Teams, was.Teams) || !subset(is.Users, was.Users)),
			!limited(is) && limited(base.Approvals):
			t.Errorf("more people may approve: %+v", is)
		case !subset(was.NotPeople, is.NotPeople), !subset(is.TrustedSigners, was.TrustedSigners),
			!subset(main.Protect, got.Protect), !subset(got.Roots.Exclude, main.Roots.Exclude),
			!subset(got.Roots.Opaque, main.Roots.Opaque):
			t.Errorf("a list is looser: %+v", got)
		case len(got.Roots.Include) > 0 && (len(main.Roots.Include) == 0 || !subset(main.Roots.Include, got.Roots.Include)):
			t.Errorf("less is governed: %v", got.Roots.Include)
		case got.Override != nil && (main.Override == nil || got.Override.Team != main.Override.Team):
			t.Errorf("override %+v", got.Override)
		}
		if same, notices := r.Tighten(main, main); same.Digest != main.Digest || len(notices) > 0 {
			t.Errorf("the same twice is %+v, said %v", same, notices)
		}
	})
}
