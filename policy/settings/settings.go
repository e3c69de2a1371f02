package settings

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
)

// maxConfig bounds the config's file, in bytes.
const maxConfig = 256 << 10

// Reader reads configs. Both fields are needed. It is safe for concurrent use
// when its Parser is.
type Reader struct {
	Parser Parser
	Rules  *engine.Engine
}

// Parser parses YAML away from this process; [render.Builder] is one.
type Parser interface {
	Parse(ctx context.Context, name string, content []byte) (render.Document, *render.Problem, error)
}

// Of returns the config of a tree: its own, else the strict defaults. Mistakes
// mean that there is none to go by; an error is the world's.
func (r Reader) Of(ctx context.Context, tree render.Tree) (config.Config, []render.Problem, error) {
	content, mistake, err := configFile(ctx, tree)
	switch {
	case err != nil:
		return config.Config{}, nil, err
	case mistake != nil:
		return config.Config{}, []render.Problem{*mistake}, nil
	case content == nil:
		return config.Strict(), nil, nil
	}
	return r.Read(ctx, config.Path, content)
}

// configFile reads the config out of a tree: nil content when there is none. It
// must be a regular file there, never a link to somewhere else.
func configFile(ctx context.Context, tree render.Tree) ([]byte, *render.Problem, error) {
	entries, err := tree.ReadDir(ctx, "")
	if errors.Is(err, render.ErrMalformed) {
		return nil, &render.Problem{Cause: render.CauseHostile,
			Message: "the top of the tree is a malformed git object",
			Remedy:  "write the commit anew with git itself"}, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("list the top of the tree: %w", err)
	}
	i := slices.IndexFunc(entries, func(e render.Entry) bool { return e.Name == config.Path })
	if i < 0 {
		return nil, nil, nil
	}
	wrong := func(message, remedy string) *render.Problem {
		return &render.Problem{Cause: render.CauseUnreadable, Message: config.Path + " " + message, Remedy: remedy,
			Source: render.Source{File: config.Path}}
	}
	if mode := entries[i].Mode; mode != render.ModeFile && mode != render.ModeExecutable {
		return nil, wrong(
			"is not a regular file",
			"commit the settings themselves, not a link, a folder or a submodule",
		), nil
	}
	content, err := tree.ReadFile(ctx, config.Path)
	switch {
	case errors.Is(err, render.ErrTooLarge) || len(content) > maxConfig:
		return nil, wrong(fmt.Sprintf("is larger than %d KiB", maxConfig>>10), "make it smaller"), nil
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, render.ErrNotFile):
		return nil, wrong("cannot be read", ""), nil
	case err != nil:
		return nil, nil, fmt.Errorf("read %s: %w", config.Path, err)
	}
	return append([]byte{}, content...), nil, nil
}

// Read parses a config in the child and reads it against the rules that there
// are. origin is its name for people. Results are those of [Reader.Of].
func (r Reader) Read(ctx context.Context, origin string, content []byte) (config.Config, []render.Problem, error) {
	document, problem, err := r.Parser.Parse(ctx, origin, content)
	if err != nil {
		return config.Config{}, nil, fmt.Errorf("parse %s: %w", origin, err)
	}
	if problem != nil {
		return config.Config{}, []render.Problem{*problem}, nil
	}
	c, mistakes := config.Read(document, origin)
	if len(mistakes) == 0 {
		mistakes = r.check(c, func(id string) int { return lineOf(document, render.Path{"rules", id}) })
	}
	return c, mistakes, nil
}

func lineOf(document render.Document, path render.Path) int {
	for _, position := range document.Positions {
		if position.Path.Compare(path) == 0 {
			return position.Source.Line
		}
	}
	return 1
}

// Check says what a config asks of rules that cannot be: an unknown rule
// or parameter, an effect for a rule that has none, or another effect or
// severity for a rule that must hold.
func (r Reader) Check(c config.Config) []render.Problem {
	return r.check(c, func(string) int { return 0 })
}

func (r Reader) check(c config.Config, line func(id string) int) []render.Problem {
	var wrong []render.Problem
	say := func(id, what string) {
		wrong = append(wrong, render.Problem{Cause: render.CauseSyntax, Message: "rules." + id + " " + what,
			Remedy: "countersign rules list shows every rule, countersign rules show ID its parameters",
			Source: render.Source{File: c.Origin, Line: line(id)}})
	}
	for _, id := range slices.Sorted(maps.Keys(c.Rules)) {
		setting := c.Rules[id]
		rule, known := r.Rules.Rule(engine.RuleID(id))
		switch {
		case !known:
			say(id, "is no rule")
		case rule.Kind != engine.KindFinding && (setting.Effect != "" || setting.Severity != ""):
			say(id, "is about privileges: it has no effect or severity to set")
		case !rule.Waivable && setting.Effect != "" && setting.Effect != string(rule.Effect):
			say(id, "must hold: its effect cannot be changed")
		case !rule.Waivable && setting.Severity != "" && setting.Severity != string(rule.Severity):
			say(id, "must hold: its severity cannot be changed, for the effect would follow")
		}
		if err := r.Rules.CheckParams(engine.Params{engine.RuleID(id): setting.Params}); known && err != nil {
			for line := range strings.Lines(err.Error()) {
				say(id, "is wrong: "+strings.TrimSpace(line))
			}
		}
	}
	return wrong
}

// Preview lists the settings that differ, as "approvals.required: 2 → 3".
// Parameters and substitutes are named without their values.
func Preview(now, next config.Config) []string {
	before, after := flatten(now), flatten(next)
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(merge(before, after))) {
		switch was, is := before[key], after[key]; {
		case was == is:
		case strings.HasPrefix(key, "substitute") || strings.HasSuffix(key, ".params"):
			lines = append(lines, key+": changed")
		default:
			lines = append(lines, fmt.Sprintf("%s: %s → %s", key, orNone(was), orNone(is)))
		}
	}
	return lines
}

func orNone(s string) string {
	if s == "" {
		return "(none)"
	}
	return s
}

func merge(a, b map[string]string) map[string]string {
	m := maps.Clone(a)
	maps.Copy(m, b)
	return m
}

// flatten writes a config's settings as paths and short values.
func flatten(c config.Config) map[string]string {
	c.Origin, c.Digest = "", ""
	text, err := json.Marshal(c)
	if err != nil {
		return map[string]string{"config": "cannot be written: " + err.Error()}
	}
	var tree map[string]any
	if err := json.Unmarshal(text, &tree); err != nil {
		return map[string]string{"config": "cannot be read back: " + err.Error()}
	}
	flat := map[string]string{}
	var walk func(path render.Path, value any)
	walk = func(path render.Path, value any) {
		object, ok := value.(map[string]any)
		if ok && !slices.Contains([]any{"substitute", "params"}, lastStep(path)) {
			for key, element := range object {
				walk(append(slices.Clip(path), key), element)
			}
			return
		}
		if value != nil && value != "" {
			line, err := json.Marshal(value)
			if err != nil {
				line = []byte(err.Error())
			}
			flat[path.String()] = string(line)
		}
	}
	walk(nil, tree)
	return flat
}

func lastStep(path render.Path) any {
	if len(path) == 0 {
		return nil
	}
	return path[len(path)-1]
}
