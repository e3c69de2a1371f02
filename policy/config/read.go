package config

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/policy/decode"
	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/glob"
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
	d := reader{decode.New(document, origin)}
	if document.Value == nil {
		d.Mistake(nil, "is empty", "write apiVersion: "+APIVersion+" and kind: "+Kind+", or delete the file")
		return c, d.Mistakes()
	}
	var version, kind string
	d.Object(nil, document.Value, decode.Fields{
		"apiVersion": d.Str(&version, APIVersion),
		"kind":       d.Str(&kind, Kind),
		"mode":       d.Str(&c.Mode, "enforce", "observe"),
		"baseline":   d.Str(&c.Baseline, "ratchet", "strict"),
		"bases":      d.Strs(&c.Bases, pattern),
		"ignore":     d.Strs(&c.Ignore, pattern),
		"protect":    d.Strs(&c.Protect, pattern),
		"roots":      func(p render.Path, v any) { d.roots(p, v, &c.Roots) },
		"clusters":   func(p render.Path, v any) { d.clusters(p, v, &c.Clusters) },
		"approvals":  func(p render.Path, v any) { d.approvals(p, v, &c.Approvals) },
		"override":   func(p render.Path, v any) { c.Override = d.override(p, v) },
		"rules":      func(p render.Path, v any) { c.Rules = d.rules(p, v) },
		"limits":     func(p render.Path, v any) { d.limits(p, v, &c.Limits) },
		"substitute": func(p render.Path, v any) { c.Substitute = d.substitute(p, v) },
		"alerts": func(p render.Path, v any) {
			d.Object(p, v, decode.Fields{"receiver": d.Str(&c.Alerts.Receiver)})
		},
	})
	if _, ok := document.Value.(map[string]any); ok {
		d.require(document.Value, "apiVersion", APIVersion)
		d.require(document.Value, "kind", Kind)
	}
	c.seal()
	return c, d.Mistakes()
}

// pattern says what is wrong with a glob; "" when nothing is.
func pattern(text string) string {
	if _, err := glob.Compile(text); err != nil {
		return "which is no pattern: " + errors.Unwrap(err).Error()
	}
	return ""
}

// reader reads the sections of a config.
type reader struct{ *decode.Decoder }

// Sealed returns the config with the digest of its settings: for one that was
// put together from others.
func (c Config) Sealed() Config {
	c.seal()
	return c
}

// seal computes the digest of the settings themselves: where they come from
// does not change what they mean.
func (c *Config) seal() {
	settings := *c
	settings.Origin, settings.Digest = "", ""
	text, err := json.Marshal(settings)
	if err != nil {
		panic(
			fmt.Sprintf("config: settings cannot be written as JSON: %v", err),
		) // only params hold any; they come from JSON values
	}
	sum := sha256.Sum256(text)
	c.Digest = "sha256:" + hex.EncodeToString(sum[:])
}

func (d reader) require(value any, key, want string) {
	if _, ok := value.(map[string]any)[key]; !ok {
		d.Mistake(render.Path{key}, "is missing", "write "+key+": "+want)
	}
}

func (d reader) roots(path render.Path, value any, r *Roots) {
	d.Object(path, value, decode.Fields{
		"include": d.Strs(&r.Include, pattern), "exclude": d.Strs(&r.Exclude, pattern),
		"opaque": d.Strs(&r.Opaque, pattern), "renderer": d.Str(&r.Renderer, "kustomize", "flux", "argo"),
	})
}

func (d reader) clusters(path render.Path, value any, c *Clusters) {
	d.Object(path, value, decode.Fields{
		"management": d.Strs(&c.Management, pattern),
		"environment": func(p render.Path, v any) {
			d.Object(
				p,
				v,
				decode.Fields{"label": d.Str(&c.EnvironmentLabel), "production": d.Strs(&c.Production, pattern)},
			)
		},
	})
}

func (d reader) approvals(path render.Path, value any, a *Approvals) {
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
	d.Object(path, value, decode.Fields{
		"required": func(p render.Path, v any) {
			if n, ok := d.Number(p, v, 0); ok {
				d.required(p, n, a)
			}
		},
		"teams": d.Strs(&a.Teams, team), "users": d.Strs(&a.Users, nil),
		"not_people": d.Strs(&a.NotPeople, nil), "agents": d.Strs(&a.Agents, nil),
		"trusted_signers":    d.Strs(&a.TrustedSigners, nil),
		"min_permission":     d.Str(&a.MinPermission, Permissions...),
		"hold_permission":    d.Str(&a.HoldPermission, Permissions...),
		"require_org_member": d.Flag(&a.RequireOrgMember),
		"exclude": func(p render.Path, v any) {
			d.Strs(&a.Exclude, known)(p, v)
			for _, always := range []string{"author", "initiator", "bot"} {
				if !slices.Contains(a.Exclude, always) {
					d.Mistake(p, "leaves out "+always+", which always is excluded", "add "+always)
				}
			}
		},
	})
}

func (d reader) required(path render.Path, n int, a *Approvals) {
	switch {
	case n < 2:
		d.Mistake(path, fmt.Sprintf("is %d, but a repository may not go below 2", n),
			"set 2 or more; only the organisation's config may allow 1, and nobody 0")
	case n > 10:
		d.Mistake(path, fmt.Sprintf("is %d, but more than 10 people are never asked", n), "set 10 or less")
	default:
		a.Required = n
	}
}

func (d reader) override(path render.Path, value any) *Override {
	if value == nil {
		return nil
	}
	o := &Override{Window: "15m"}
	d.Object(path, value, decode.Fields{"team": d.Str(&o.Team), "window": d.Str(&o.Window)})
	if o.Team == "" || !teamName.MatchString(o.Team) {
		d.Mistake(decode.Child(path, "team"), "must name a team", "write team: ORG/TEAM")
	}
	window, err := time.ParseDuration(o.Window)
	if err != nil || window <= 0 || window > time.Hour {
		d.Mistake(
			decode.Child(path, "window"),
			fmt.Sprintf("is %q, but must be a duration of at most 60m", o.Window),
			"write window: 15m",
		)
	}
	return o
}

func (d reader) rules(path render.Path, value any) map[string]Rule {
	rules := map[string]Rule{}
	object, ok := value.(map[string]any)
	if !ok {
		d.Object(path, value, decode.Fields{})
		return rules
	}
	for _, id := range slices.Sorted(maps.Keys(object)) {
		at := decode.Child(path, id)
		if !ruleID.MatchString(id) {
			d.Mistake(at, "is not a rule id", "rule ids look like CS-SSH-001; countersign rules list shows them")
			continue
		}
		var rule Rule
		d.Object(at, object[id], decode.Fields{
			"effect":   d.Str(&rule.Effect, "block", "warn", "info"),
			"severity": d.Str(&rule.Severity, "critical", "high", "medium", "low"),
			"params": func(p render.Path, v any) {
				params, ok := v.(map[string]any)
				if !ok {
					d.Mistake(p, "must be a mapping, not "+decode.TypeName(v), "")
				}
				rule.Params = maps.Clone(params)
			},
		})
		rules[id] = rule
	}
	return rules
}

func (d reader) limits(path render.Path, value any, l *Limits) {
	d.Object(path, value, decode.Fields{
		"clusters": d.Limit(&l.Clusters), "nodes_added": d.Limit(&l.NodesAdded), "deletions": d.Limit(&l.Deletions),
	})
}

func (d reader) substitute(path render.Path, value any) map[string]string {
	values := map[string]string{}
	object, ok := value.(map[string]any)
	if !ok {
		d.Object(path, value, decode.Fields{})
		return values
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		text, ok := object[name].(string)
		switch {
		case !symbolName.MatchString(name):
			d.Mistake(decode.Child(path, name), "is no variable's name", "use letters, digits and _")
		case !ok:
			d.Mistake(
				decode.Child(path, name),
				"must be a string, not "+decode.TypeName(object[name]),
				"put it in quotes",
			)
		default:
			values[name] = text
		}
	}
	return values
}
