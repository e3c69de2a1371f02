package render

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

var fleet = memory{
	"c/eu/kustomization.yaml": kustomize("../../base", "a.yaml"),
	"c/eu/a.yaml":             manifest("Pod", "eu", `"x":1`),
	"c/us/kustomization.yaml": kustomize("../../base"),
	"base/kustomization.yaml": kustomize("b.yaml"),
	"base/b.yaml":             manifest("Pod", "base", `"x":1`),
	"plain/p.yaml":            manifest("Pod", "p", `"x":1`),
	"README.md":               "hello",
}

func TestAffected(t *testing.T) {
	for name, test := range map[string]struct {
		edits map[string]string
		want  []string
	}{
		"nothing":                  {nil, nil},
		"a file that nobody reads": {map[string]string{"README.md": "bye", "c/eu/unused.txt": "x"}, nil},
		"a file of one overlay": {
			map[string]string{"c/eu/a.yaml": manifest("Pod", "eu", `"x":2`)}, []string{"c/eu"}},
		"the base": {
			map[string]string{"base/b.yaml": manifest("Pod", "base")}, []string{"c/eu", "c/us"}},
		"a second kustomization":        {map[string]string{"base/Kustomization": "x"}, []string{"c/eu", "c/us"}},
		"a file becomes a symlink":      {map[string]string{"base/b.yaml": "-> ../README.md"}, []string{"c/eu", "c/us"}},
		"a new manifest beside a plain": {map[string]string{"plain/q.yaml": manifest("Pod", "q")}, []string{"plain"}},
		"a new folder":                  {map[string]string{"new/q.yaml": manifest("Pod", "q")}, []string{"new"}},
		"a root is gone":                {map[string]string{"plain/p.yaml": ""}, []string{"plain"}},
		"a kustomization makes it a root": {
			map[string]string{"plain/kustomization.yaml": kustomize("p.yaml")}, []string{"plain"}},
		"a root is used by another": {
			map[string]string{"c/us/kustomization.yaml": kustomize("../../base", "../eu")}, []string{"c/eu", "c/us"}},
		"a mode": {map[string]string{"c/eu/a.yaml": "+x " + fleet["c/eu/a.yaml"]}, []string{"c/eu"}},
		"a destination": {
			map[string]string{"plain/f.yaml": flux("f", "c/us", "")}, []string{"c/us", "plain"}},
	} {
		t.Run(name, func(t *testing.T) {
			c := compare(t, fleet, fleet.with(test.edits))
			if diff := cmp.Diff(test.want, c.Affected); diff != "" {
				t.Error(diff)
			}
			for _, side := range []Side{c.Base, c.Head} {
				for path := range side.Builds {
					if !slices.Contains(c.Affected, path) {
						t.Errorf("%s was built for nothing", path)
					}
				}
			}
		})
	}
}

func TestTransformersAffect(t *testing.T) {
	base := memory{
		"file/kustomization.yaml":  kustomization{Transformers: []string{"../t/t.yaml"}}.String(),
		"t/t.yaml":                 `{"apiVersion":"builtin","kind":"T","reads":"../values/v.txt"}`,
		"values/v.txt":             "1",
		"dir/kustomization.yaml":   kustomization{Transformers: []string{"../tdir"}}.String(),
		"tdir/kustomization.yaml":  kustomize(),
		"other/kustomization.yaml": kustomize(),
		"README.md":                "1",
	}
	for name, want := range map[string][]string{
		"values/v.txt": {"dir", "file"}, "t/t.yaml": {"dir", "file"}, "README.md": {"dir"},
	} {
		if diff := cmp.Diff(want, compare(t, base, base.with(map[string]string{name: "2"})).Affected); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestMissingFilesAffectWhenTheyAppear(t *testing.T) {
	for _, missing := range []string{"../gone", "gone/deep/x.yaml", "link"} {
		base := memory{"o/kustomization.yaml": kustomize(missing), "o/link": "-> ../far/away", "x": "1"}
		for _, appears := range []map[string]string{
			{"gone/kustomization.yaml": kustomize()}, {"gone": "-> base"}, {"o/gone": "-> ../x"}, {"o/gone/deep/x.yaml": "1"},
			{"far/away/kustomization.yml": kustomize()}, {"far": "-> x"},
		} {
			head := base.with(appears)
			before, _ := (&fake{}).Build(t.Context(), base, Root{Path: "o", Kind: RootKustomize})
			after, _ := (&fake{}).Build(t.Context(), head, Root{Path: "o", Kind: RootKustomize})
			if !cmp.Equal(before.Problem, after.Problem) && !slices.Contains(compare(t, base, head).Affected, "o") {
				t.Errorf("%s: %v is not seen", missing, appears)
			}
		}
	}
}

func TestCompareBuildsAndReads(t *testing.T) {
	head := fleet.with(map[string]string{
		"base/b.yaml": manifest("Pod", "base", `"x":2`), "README.md": "", "base/stray.yaml": "1",
		"plain/p.yaml": "-> ../c/eu/p.json",
		"c/eu/p.json":  manifest("Pod", "p", `"x":2`),
	})
	c := compare(t, fleet, head)
	want := []string{
		"update c/eu base spec.x [c/eu]", "update c/us base spec.x [c/us]", "update plain p spec.x [plain]",
	}
	if diff := cmp.Diff(want, show(c.Changes)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{}, c.UnknownBase, cmpEmpty); diff != "" {
		t.Error(diff)
	}
	type file struct {
		name          string
		before, after Mode
		readBy        string
	}
	var got []file
	for _, f := range c.Files {
		got = append(got, file{f.Path, f.BeforeMode, f.AfterMode, strings.Join(f.ReadBy, " ")})
	}
	wantFiles := []file{
		{"README.md", ModeFile, 0, ""}, {"base/b.yaml", ModeFile, ModeFile, "c/eu c/us"},
		{"base/stray.yaml", 0, ModeFile, ""},
		{"c/eu/p.json", 0, ModeFile, "plain"},
		{"plain/p.yaml", ModeFile, ModeSymlink, "plain"},
	}
	if diff := cmp.Diff(wantFiles, got, cmp.AllowUnexported(file{})); diff != "" {
		t.Error(diff)
	}
}

var cmpEmpty = cmp.Transformer("empty", func(s []string) []string { return append([]string{}, s...) })

func TestFailedSides(t *testing.T) {
	bad := fleet.with(map[string]string{"c/eu/a.yaml": "{{"})
	c := compare(t, fleet, bad)
	if len(c.Changes) != 0 || !slices.Equal(c.UnknownHead, []string{"c/eu"}) || len(c.UnknownBase) != 0 {
		t.Errorf("head fails: %v, unknown %v and %v", show(c.Changes), c.UnknownBase, c.UnknownHead)
	}
	for _, f := range c.Files {
		if f.Path == "c/eu/a.yaml" && !slices.Equal(f.ReadBy, []string{"c/eu"}) {
			t.Errorf("read by %v: the base's build did read it", f.ReadBy)
		}
	}
	c = compare(t, bad, fleet)
	want := []string{"create c/eu base [c/eu]", "create c/eu eu [c/eu]"}
	if diff := cmp.Diff(want, show(c.Changes)); diff != "" || !slices.Equal(c.UnknownBase, []string{"c/eu"}) {
		t.Errorf("base fails: %s, unknown %v", diff, c.UnknownBase)
	}
	both := bad.with(map[string]string{"c/eu/a.yaml": "{{{"})
	if c = compare(t, bad, both); len(c.Changes) != 0 || c.Files[0].ReadBy != nil {
		t.Errorf("both fail: %v, read by %v", show(c.Changes), c.Files[0].ReadBy)
	}
}

func TestExpandSharesEqualSides(t *testing.T) {
	builder := &fake{}
	head := fleet.with(map[string]string{"c/eu/a.yaml": ""})
	c, err := Compare(t.Context(), builder, fleet, head, Options{})
	if err != nil {
		t.Fatal(err)
	}
	builder.built, builder.scanned = nil, nil
	if err := c.Expand(t.Context(), "c/us", "c/us", "c/eu", "none", "base"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{head.ID() + ":c/us"}, builder.built); diff != "" || builder.scanned != nil {
		t.Errorf("built %s, scanned %v", diff, builder.scanned)
	}
	if len(c.Base.Builds) != 2 || len(c.Head.Builds) != 2 || len(c.Base.Builds["c/us"].Resources) != 1 {
		t.Errorf("builds %v and %v", c.Base.Builds, c.Head.Builds)
	}
	all, err := Compare(t.Context(), &fake{}, fleet, head, Options{All: true})
	if err != nil || len(all.Head.Builds) != 3 || len(all.Base.Builds) != 3 || len(all.Affected) != 1 {
		t.Errorf("all: %d and %d builds, affected %v, %v", len(all.Base.Builds), len(all.Head.Builds), all.Affected, err)
	}
	if diff := cmp.Diff(show(c.Changes), show(all.Changes)); diff != "" {
		t.Errorf("all: %s", diff)
	}
	want := []string{"base/b.yaml", "base/kustomization.yaml", "c/eu/a.yaml", "c/eu/kustomization.yaml"}
	if diff := cmp.Diff(want, c.Closure("c/eu")); diff != "" || c.Closure("none") != nil {
		t.Errorf("closure: %s", diff)
	}
}

func TestSharedFilesAreScannedOnce(t *testing.T) {
	builder := &fake{}
	head := fleet.with(map[string]string{"x/y.yaml": "1"})
	if _, err := Compare(t.Context(), builder, fleet, head, Options{}); err != nil {
		t.Fatal(err)
	}
	if len(builder.scanned) != 7 {
		t.Errorf("scanned %v", builder.scanned)
	}
}

type failing struct{ fake }

func (*failing) Build(context.Context, Tree, Root) (Build, error) {
	return Build{}, errors.New("no child")
}

func TestWorldsErrorsAreErrors(t *testing.T) {
	_, err := Audit(t.Context(), &failing{}, fleet, Options{})
	if err == nil || !strings.Contains(err.Error(), "no child") || !strings.Contains(err.Error(), "build root") {
		t.Error(err)
	}
}

func TestAudit(t *testing.T) {
	tree := fleet.with(map[string]string{"plain/q.yaml": manifest("Pod", "p", `"x":2`)})
	c, err := Audit(t.Context(), &fake{}, tree, Options{Exclude: []string{"c/us"}})
	if err != nil {
		t.Fatal(err)
	}
	diff := cmp.Diff([]string{"c/eu", "plain"}, c.Affected)
	if diff != "" || len(c.Head.Builds) != 2 || c.Changes != nil || c.Files != nil {
		t.Errorf("%s, %d builds", diff, len(c.Head.Builds))
	}
	if len(c.Duplicates) != 1 || c.Duplicates[0].Name != "p" || len(c.Duplicates[0].Sources) != 2 {
		t.Errorf("duplicates %v", c.Duplicates)
	}
}

func TestAuditPaths(t *testing.T) {
	tree := fleet.with(map[string]string{
		"b/base":                    "-> ../base",
		"many/x/kustomization.yaml": kustomize("../y"),
		"many/y/kustomization.yaml": kustomize(),
		"many/z/m.yaml":             manifest("Pod", "m"),
		"empty/README":              "x",
		"broken/x.yaml":             broken,
		"charts/c/Chart.yaml":       "x",
		"charts/c/templates/t.yaml": broken,
	})
	for name, test := range map[string]struct {
		paths []string
		want  []string
	}{
		"a base":            {[]string{"base"}, []string{"kustomize base"}},
		"through a symlink": {[]string{"b/base"}, []string{"kustomize base"}},
		"a file":            {[]string{"base/b.yaml"}, []string{"file base/b.yaml"}},
		"a plain folder":    {[]string{"plain", "plain"}, []string{"plain plain plain/p.yaml"}},
		"what lies below":   {[]string{"many"}, []string{"kustomize many/x", "plain many/z many/z/m.yaml"}},
		"several":           {[]string{"plain", "c/eu"}, []string{"kustomize c/eu", "plain plain plain/p.yaml"}},
		"broken":            {[]string{"broken"}, []string{"plain broken broken/x.yaml"}},
		"nothing":           {[]string{"empty"}, []string{"plain empty"}},
		"a chart":           {[]string{"charts"}, []string{"plain charts"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := AuditPaths(t.Context(), &fake{}, tree, test.paths)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, list(c.Head.Roots)); diff != "" {
				t.Error(diff)
			}
			if len(c.Head.Builds) != len(test.want) {
				t.Errorf("%d builds", len(c.Head.Builds))
			}
		})
	}
	for _, name := range []string{"empty", "broken"} {
		c, err := AuditPaths(t.Context(), &fake{}, tree, []string{name})
		if err != nil || !slices.Equal(c.UnknownHead, []string{name}) || c.Head.Builds[name].Problem == nil {
			t.Errorf("%s passes: %v", name, err)
		}
	}
	if _, err := AuditPaths(t.Context(), &fake{}, tree, []string{"none"}); !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	if _, err := AuditPaths(t.Context(), &fake{}, tree, []string{"../x"}); !errors.Is(err, ErrOutside) {
		t.Error(err)
	}
}

// drawTree draws a small repository in which things refer to one another, to
// what is missing, through symlinks and in circles.
func drawFile(t *rapid.T, label string) (name, content string) {
	dirs := rapid.SampledFrom([]string{"a", "a/c", "b", "base", "x/y"})
	dir := dirs.Draw(t, label+" folder")
	target := rapid.SampledFrom([]string{
		"d.yaml", "e.yaml", "../base", "../b", "../a/c", "c", "l", "../base/d.yaml",
		"../../base", "../b/l", "none", "../x/y", ".", "../m/n/o.yaml",
	})
	switch rapid.IntRange(0, 5).Draw(t, label+" what") {
	case 0, 1:
		k := kustomization{Resources: rapid.SliceOfN(target, 0, 2).Draw(t, label+" resources")}
		k.Patches = rapid.SliceOfN(target, 0, 1).Draw(t, label+" patches")
		if rapid.IntRange(0, 4).Draw(t, label+" runs") == 0 {
			k.Transformers = []string{target.Draw(t, label+" transformer")}
		}
		if rapid.IntRange(0, 4).Draw(t, label+" kind") == 0 {
			k.Kind = "Component"
		}
		return dir + "/" + rapid.SampledFrom(kustomizationNames).Draw(t, label+" name"), k.String()
	case 2:
		return dir + "/l", "-> " + target.Draw(t, label+" link")
	case 3:
		folder := dirs.Draw(t, label+" names")
		return dir + "/" + rapid.SampledFrom([]string{"d.yaml", "e.yaml"}).Draw(t, label+" name"), flux("f", folder, "")
	case 4:
		return dir + "/d.yaml", `{"apiVersion":"builtin","kind":"T","reads":"` + target.Draw(t, label+" reads") + `"}`
	}
	value := rapid.SampledFrom([]string{`"x":1`, `"x":2`}).Draw(t, label+" value")
	name = rapid.SampledFrom([]string{"d.yaml", "e.yaml", "m/n/o.yaml"}).Draw(t, label+" name")
	return dir + "/" + name, manifest("Pod", "p", value)
}

// sound drops files that lie where another file is.
func (m memory) sound() memory {
	tree := memory{}
	for name, content := range m {
		fine := true
		for at := parent(name); at != ""; at = parent(at) {
			_, isFile := m[at]
			fine = fine && !isFile
		}
		if fine {
			tree[name] = content
		}
	}
	return tree
}

// Whatever is edited: a root that comes out differently is among the affected,
// and an unaffected root read none of what changed.
func TestEveryRootThatDiffersIsAffected(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := memory{}
		for range rapid.IntRange(2, 10).Draw(t, "files") {
			name, content := drawFile(t, "base")
			base[name] = content
		}
		head := memory{}
		for name, content := range base {
			if rapid.IntRange(0, 7).Draw(t, "removed") > 0 {
				head[name] = content
			}
		}
		for range rapid.IntRange(0, 2).Draw(t, "edits") {
			name, content := drawFile(t, "head")
			head[name] = content
		}
		base, head = base.sound(), head.sound()
		c, err := Compare(t.Context(), &fake{}, base, head, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, roots := range [][]Root{c.Base.Roots, c.Head.Roots} {
			for _, root := range roots {
				checkRoot(t, c, root)
			}
		}
	})
}

func checkRoot(t *rapid.T, c *Comparison, root Root) {
	before, inBase := c.work.base.Root(root.Path)
	after, inHead := c.work.head.Root(root.Path)
	if slices.Contains(c.Affected, root.Path) {
		return
	}
	if !inBase || !inHead {
		t.Fatalf("%s is on one side only", root.Path)
	}
	b, _ := (&fake{}).Build(t.Context(), c.Base.Tree, before)
	a, _ := (&fake{}).Build(t.Context(), c.Head.Tree, after)
	a.Probes, b.Probes = files(c.Head.Tree, a.Probes), files(c.Base.Tree, b.Probes)
	if diff := cmp.Diff(b, a); diff != "" {
		t.Fatalf("%s differs and is not affected: %s", root.Path, diff)
	}
	for _, probe := range a.Probes {
		if slices.ContainsFunc(c.Files, func(f FileChange) bool { return f.Path == probe.Path }) {
			t.Fatalf("%s looked at %s and is not affected", root.Path, probe.Path)
		}
	}
}

// files drops the folders that were passed through: their ids change with
// whatever lies in them.
func files(tree Tree, probes []Probe) []Probe {
	return slices.DeleteFunc(probes, func(p Probe) bool {
		_, err := tree.ReadDir(context.Background(), p.Path)
		return err == nil
	})
}
