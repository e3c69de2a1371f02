package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/render"
)

// APIVersion and Kind are what the file must say it is.
const (
	APIVersion = "countersign.dev/v1"
	Kind       = "Config"
)

// Strict returns the settings that hold where a repository says nothing:
// everything enforced, two approvals, only new or worsened findings block.
func Strict() Config {
	c := Config{
		Mode:     "enforce",
		Roots:    Roots{Renderer: "kustomize"},
		Baseline: "ratchet",
		Approvals: Approvals{
			Required: 2, MinPermission: "write", HoldPermission: "write", RequireOrgMember: true,
			Agents:  []string{"copilot-swe-agent[bot]"},
			Exclude: slices.Clone(exclusions),
		},
		Origin: "defaults",
	}
	c.seal()
	return c
}

// Permissions are the levels that min_permission and hold_permission take,
// lowest first.
var Permissions = []string{"read", "triage", "write", "maintain", "admin"}

// exclusions are the ways of being involved in a change; the first, the second
// and the last can never be taken off the list.
var exclusions = []string{"author", "initiator", "commit_author", "committer", "co_author", "pusher", "bot"}

var (
	teamName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9][A-Za-z0-9._-]*$`)
	ruleID     = regexp.MustCompile(`^CS-[A-Z]+-[0-9]{3}$`)
	symbolName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// Read turns a parsed file into a config. origin is how the config is named to
// people (its path, or "--config FILE"). The mistakes are all that the file
// has, sorted by line; when there are any, the config must not be used.
func Read(document render.Document, origin string) (Config, []render.Problem) {
	c := Strict()
	c.Origin = origin
	d := &decoder{file: origin, lines: document.Positions}
	if document.Value == nil {
		d.mistake(nil, "is empty", "write apiVersion: "+APIVersion+" and kind: "+Kind+", or delete the file")
		return c, d.mistakes
	}
	var version, kind string
	d.object(nil, document.Value, fields{
		"apiVersion": d.str(&version, APIVersion),
		"kind":       d.str(&kind, Kind),
		"mode":       d.str(&c.Mode, "enforce", "observe"),
		"baseline":   d.str(&c.Baseline, "ratchet", "strict"),
		"bases":      d.strs(&c.Bases, nil),
		"ignore":     d.strs(&c.Ignore, nil),
		"protect":    d.strs(&c.Protect, nil),
		"roots":      func(p render.Path, v any) { d.roots(p, v, &c.Roots) },
		"clusters":   func(p render.Path, v any) { d.clusters(p, v, &c.Clusters) },
		"approvals":  func(p render.Path, v any) { d.approvals(p, v, &c.Approvals) },
		"override":   func(p render.Path, v any) { c.Override = d.override(p, v) },
		"rules":      func(p render.Path, v any) { c.Rules = d.rules(p, v) },
		"limits":     func(p render.Path, v any) { d.limits(p, v, &c.Limits) },
		"substitute": func(p render.Path, v any) { c.Substitute = d.substitute(p, v) },
		"alerts": func(p render.Path, v any) {
			d.object(p, v, fields{"receiver": d.str(&c.Alerts.Receiver)})
		},
	})
	if _, ok := document.Value.(map[string]any); ok {
		d.require(document.Value, "apiVersion", APIVersion)
		d.require(document.Value, "kind", Kind)
	}
	slices.SortStableFunc(d.mistakes, func(a, b render.Problem) int { return a.Source.Line - b.Source.Line })
	c.seal()
	return c, d.mistakes
}

// seal computes the digest of the settings themselves: where they come from
// does not change what they mean.
func (c *Config) seal() {
	settings := *c
	settings.Origin, settings.Digest = "", ""
	text, err := json.Marshal(settings)
	if err != nil {
		panic(fmt.Sprintf("config: settings cannot be written as JSON: %v", err)) // only params hold any; they come from JSON values
	}
	sum := sha256.Sum256(text)
	c.Digest = "sha256:" + hex.EncodeToString(sum[:])
}

func (d *decoder) require(value any, key, want string) {
	if _, ok := value.(map[string]any)[key]; !ok {
		d.mistake(render.Path{key}, "is missing", "write "+key+": "+want)
	}
}

func (d *decoder) roots(path render.Path, value any, r *Roots) {
	d.object(path, value, fields{
		"include": d.strs(&r.Include, nil), "exclude": d.strs(&r.Exclude, nil), "opaque": d.strs(&r.Opaque, nil),
		"renderer": d.str(&r.Renderer, "kustomize", "flux", "argo"),
	})
}

func (d *decoder) clusters(path render.Path, value any, c *Clusters) {
	d.object(path, value, fields{
		"management": d.strs(&c.Management, nil),
		"environment": func(p render.Path, v any) {
			d.object(p, v, fields{"label": d.str(&c.EnvironmentLabel), "production": d.strs(&c.Production, nil)})
		},
	})
}

func (d *decoder) approvals(path render.Path, value any, a *Approvals) {
	team := func(s string) string {
		if !teamName.MatchString(s) {
			return "but a team is written ORG/TEAM"
		}
		return ""
	}
	known := func(s string) string {
		if !slices.Contains(exclusions, s) {
			return fmt.Sprintf("which is none of %v", exclusions)
		}
		return ""
	}
	d.object(path, value, fields{
		"required": func(p render.Path, v any) {
			if n, ok := d.number(p, v, 0); ok {
				d.required(p, n, a)
			}
		},
		"teams": d.strs(&a.Teams, team), "users": d.strs(&a.Users, nil),
		"not_people": d.strs(&a.NotPeople, nil), "agents": d.strs(&a.Agents, nil),
		"trusted_signers":    d.strs(&a.TrustedSigners, nil),
		"min_permission":     d.str(&a.MinPermission, Permissions...),
		"hold_permission":    d.str(&a.HoldPermission, Permissions...),
		"require_org_member": d.flag(&a.RequireOrgMember),
		"exclude": func(p render.Path, v any) {
			d.strs(&a.Exclude, known)(p, v)
			for _, always := range []string{"author", "initiator", "bot"} {
				if !slices.Contains(a.Exclude, always) {
					d.mistake(p, "leaves out "+always+", which always is excluded", "add "+always)
				}
			}
		},
	})
}

func (d *decoder) required(path render.Path, n int, a *Approvals) {
	switch {
	case n < 2:
		d.mistake(path, fmt.Sprintf("is %d, but a repository may not go below 2", n),
			"set 2 or more; only the organisation's config may allow 1, and nobody 0")
	case n > 10:
		d.mistake(path, fmt.Sprintf("is %d, but more than 10 people are never asked", n), "set 10 or less")
	default:
		a.Required = n
	}
}

func (d *decoder) override(path render.Path, value any) *Override {
	if value == nil {
		return nil
	}
	o := &Override{Window: "15m"}
	d.object(path, value, fields{"team": d.str(&o.Team), "window": d.str(&o.Window)})
	if o.Team == "" || !teamName.MatchString(o.Team) {
		d.mistake(child(path, "team"), "must name a team", "write team: ORG/TEAM")
	}
	window, err := time.ParseDuration(o.Window)
	if err != nil || window <= 0 || window > time.Hour {
		d.mistake(child(path, "window"), fmt.Sprintf("is %q, but must be a duration of at most 60m", o.Window), "write window: 15m")
	}
	return o
}

func (d *decoder) rules(path render.Path, value any) map[string]Rule {
	rules := map[string]Rule{}
	object, ok := value.(map[string]any)
	if !ok {
		d.object(path, value, fields{})
		return rules
	}
	for _, id := range sortedKeys(object) {
		at := child(path, id)
		if !ruleID.MatchString(id) {
			d.mistake(at, "is not a rule id", "rule ids look like CS-SSH-001; countersign rules list shows them")
			continue
		}
		var rule Rule
		d.object(at, object[id], fields{
			"effect":   d.str(&rule.Effect, "block", "warn", "info"),
			"severity": d.str(&rule.Severity, "critical", "high", "medium", "low"),
			"params": func(p render.Path, v any) {
				params, ok := v.(map[string]any)
				if !ok {
					d.mistake(p, "must be a mapping, not "+typeName(v), "")
				}
				rule.Params = maps.Clone(params)
			},
		})
		rules[id] = rule
	}
	return rules
}

func (d *decoder) limits(path render.Path, value any, l *Limits) {
	d.object(path, value, fields{
		"clusters": d.limit(&l.Clusters), "nodes_added": d.limit(&l.NodesAdded), "deletions": d.limit(&l.Deletions),
	})
}

func (d *decoder) substitute(path render.Path, value any) map[string]string {
	values := map[string]string{}
	object, ok := value.(map[string]any)
	if !ok {
		d.object(path, value, fields{})
		return values
	}
	for _, name := range sortedKeys(object) {
		text, ok := object[name].(string)
		switch {
		case !symbolName.MatchString(name):
			d.mistake(child(path, name), "is no variable's name", "use letters, digits and _")
		case !ok:
			d.mistake(child(path, name), "must be a string, not "+typeName(object[name]), "put it in quotes")
		default:
			values[name] = text
		}
	}
	return values
}
