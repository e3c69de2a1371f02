package review

import (
	"io/fs"
	"path"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/rego"
	"github.com/countersign-dev/countersign/render"
)

// named is a tree of which only its id is asked.
type named struct {
	render.Tree
	id string
}

func (t named) ID() string { return t.id }

// All that changes an assessment is in its key: what was kept under other rules,
// settings, trees or by another program is never taken for what they would say.
func TestKeyHoldsAllThatChangesAnAssessment(t *testing.T) {
	rules, err := engine.New(rego.FS)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]string{}
	look := func(what string, change func(*policy.Assessor, *policy.Sides)) {
		a := policy.Assessor{Version: "v", Renderer: "r", Rules: rules, KeyID: "k"}
		c := config.Strict()
		s := policy.Sides{Base: policy.Revision{Commit: "b", Tree: "base"}, Head: policy.Revision{Commit: "h", Tree: "head"},
			BaseTree: named{id: "base"}, MergedTree: named{id: "merged"}, Config: &c}
		change(&a, &s)
		n := &run{Reviewer: &Reviewer{Assessor: &a}}
		key := n.keyOf(s)
		if other, taken := keys[key]; taken {
			t.Errorf("%s has the key of %s", what, other)
		}
		keys[key] = what
	}
	problem := []render.Problem{{Message: "no"}}
	look("nothing", func(*policy.Assessor, *policy.Sides) {})
	look("version", func(a *policy.Assessor, _ *policy.Sides) { a.Version = "w" })
	look("renderer", func(a *policy.Assessor, _ *policy.Sides) { a.Renderer = "s" })
	look("key", func(a *policy.Assessor, _ *policy.Sides) { a.KeyID = "l" })
	look("rules", func(a *policy.Assessor, _ *policy.Sides) { a.Rules = otherRules(t) })
	look("base", func(_ *policy.Assessor, s *policy.Sides) { s.BaseTree = named{id: "other"} })
	look("merged", func(_ *policy.Assessor, s *policy.Sides) { s.MergedTree = named{id: "other"} })
	look("conflict", func(_ *policy.Assessor, s *policy.Sides) { s.MergedTree = nil })
	look("a merge that is the head", func(_ *policy.Assessor, s *policy.Sides) { s.MergedTree = named{id: "head"} })
	look("another conflict", func(_ *policy.Assessor, s *policy.Sides) { s.MergedTree, s.Conflicts = nil, []string{"f"} })
	look("conflict of another head", func(_ *policy.Assessor, s *policy.Sides) { s.MergedTree, s.Head.Tree = nil, "other" })
	look("mistakes", func(_ *policy.Assessor, s *policy.Sides) { s.Mistakes = problem })
	look("notices", func(_ *policy.Assessor, s *policy.Sides) { s.Notices = problem })
	look("the tree's own settings", func(_ *policy.Assessor, s *policy.Sides) { s.Config = nil })
	look("settings", func(_ *policy.Assessor, s *policy.Sides) { s.Config.Digest = "other" })
	look("origin", func(_ *policy.Assessor, s *policy.Sides) { s.Config.Origin = "other" })
}

// otherRules are the rules with one file that says the same in other words.
func otherRules(t *testing.T) *engine.Engine {
	t.Helper()
	files := fstest.MapFS{}
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	said := false
	check(fs.WalkDir(rego.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(rego.FS, name)
		if !said && path.Ext(name) == ".rego" && !strings.HasSuffix(name, "_test.rego") {
			text, said = append(text, "\n# another word\n"...), true
		}
		files[name] = &fstest.MapFile{Data: text}
		return err
	}))
	other, err := engine.New(files)
	check(err)
	return other
}
