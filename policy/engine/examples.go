package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// example is one example of a rule: a file, or for a change rule a folder; a
// fleet rule may have either, a file being a fleet that is new.
type example struct {
	name       string // file or folder, for problems
	file       string // the file that says what is wanted
	base, head []byte // nil where a side is missing
	bad        bool
}

// runExamples judges good and bad examples with the rule alone.
func (t *trial) runExamples(ctx context.Context, engine *Engine) {
	rule := engine.set.Rules[0]
	for _, side := range []string{"good", "bad"} {
		found, err := findExamples(t.root, path.Join(t.slug, side), rule.Scope)
		if err != nil {
			t.fail(path.Join(t.slug, side), 0, "%v", err)
			continue
		}
		for _, example := range found {
			t.result.Examples++
			example.bad = side == "bad"
			t.runExample(ctx, engine, example)
		}
	}
}

func (t *trial) runExample(ctx context.Context, engine *Engine, example example) {
	hits, wrong, err := t.judge(ctx, engine, example)
	if err != nil {
		t.fail(example.name, 0, "%v", err)
		return
	}
	for _, e := range wrong {
		t.fail(example.name, 0, "on %s %s: %s", e.Object.Kind, e.Object.Name, e.Message)
	}
	wanted := wantLines(example)
	if example.bad && len(wanted) == 0 {
		t.fail(example.file, 1, `a bad example begins with "# want: KIND/NAME PATH" lines`)
	}
	if !example.bad && len(wanted) > 0 {
		t.fail(example.file, 1, "a good example wants nothing")
	}
	for _, hit := range hits {
		text := wantText(hit, engine.set.Rules[0].Scope)
		if i := slices.Index(wanted, text); i >= 0 {
			wanted = slices.Delete(wanted, i, i+1)
		} else {
			t.fail(example.name, 0, "unexpected: # want: %s (%s)", text, hit.Message)
		}
		if strings.HasSuffix(hit.Message, ".") || strings.ContainsAny(hit.Message, "\n\r") {
			t.fail(example.name, 0, "message %q: one sentence without a full stop", hit.Message)
		}
	}
	for _, text := range wanted {
		t.fail(example.file, 0, "missing: # want: %s", text)
	}
}

func (t *trial) judge(ctx context.Context, engine *Engine, example example) ([]Hit, []RuleError, error) {
	switch engine.set.Rules[0].Scope {
	case ScopeChange:
		changes, err := t.examples.Changes(ctx, example.base, example.head)
		if err != nil {
			return nil, nil, err
		}
		reports, err := engine.Changes(ctx, changes, nil)
		var hits []Hit
		var wrong []RuleError
		for _, report := range reports {
			hits = slices.Concat(hits, report.Findings, report.Reasons, report.Harmless)
			wrong = append(wrong, report.Errors...)
		}
		return hits, wrong, err
	case ScopeFleet:
		fleet, err := t.examples.Fleet(ctx, example.base, example.head)
		if err != nil {
			return nil, nil, err
		}
		report, err := engine.Fleet(ctx, fleet, nil)
		return report.Hits, report.Errors, err
	}
	objects, err := t.examples.Objects(ctx, example.head)
	if err != nil {
		return nil, nil, err
	}
	report, err := engine.Objects(ctx, objects, nil)
	return report.Hits, report.Errors, err
}

// findExamples reads a folder of examples; it must have one.
func findExamples(fsys fs.FS, dir string, scope Scope) ([]example, error) {
	entries, err := fs.ReadDir(fsys, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var found []example
	for _, entry := range entries {
		e := example{name: path.Join(dir, entry.Name())}
		switch {
		case scope != ScopeObject && entry.IsDir():
			err = e.readSides(fsys)
		case scope != ScopeChange && !entry.IsDir() && path.Ext(entry.Name()) == ".yaml":
			e.file = e.name
			e.head, err = fs.ReadFile(fsys, e.name)
		default:
			err = fmt.Errorf("%s: examples of this scope are %s", entry.Name(), map[Scope]string{
				ScopeObject: "files *.yaml", ScopeChange: "folders with base.yaml and head.yaml",
				ScopeFleet: "files *.yaml or folders with base.yaml and head.yaml",
			}[scope])
		}
		if err != nil {
			return nil, err
		}
		found = append(found, e)
	}
	if len(found) == 0 {
		return nil, errors.New("no examples")
	}
	return found, nil
}

func (e *example) readSides(fsys fs.FS) (err error) {
	e.file = path.Join(e.name, "head.yaml")
	if e.head, err = fs.ReadFile(fsys, e.file); errors.Is(err, fs.ErrNotExist) {
		e.head, e.file, err = nil, path.Join(e.name, "base.yaml"), nil
	}
	if err != nil {
		return err
	}
	e.base, err = fs.ReadFile(fsys, path.Join(e.name, "base.yaml"))
	if errors.Is(err, fs.ErrNotExist) && e.head != nil {
		err = nil
	}
	return err
}

// wantLines are the "# want:" lines of an example.
func wantLines(e example) []string {
	text := e.head
	if text == nil {
		text = e.base
	}
	var wanted []string
	for line := range strings.Lines(string(text)) {
		if want, ok := strings.CutPrefix(line, "# want:"); ok {
			wanted = append(wanted, strings.Join(strings.Fields(want), " "))
		}
	}
	return wanted
}

// wantText is a hit as an example wants it.
func wantText(hit Hit, scope Scope) string {
	text := hit.Object.Kind + "/" + hit.Object.Name
	if scope != ScopeChange && len(hit.Path) > 0 {
		text += " " + hit.Path.String()
	}
	if hit.Confidence != Certain {
		text += " (" + string(hit.Confidence) + ")"
	}
	return text
}
