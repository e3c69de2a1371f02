package render

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const broken = "kind: x\n{{ nobody can parse this }}"

func TestRoots(t *testing.T) {
	pod := manifest("Pod", "a")
	component := kustomization{Kind: "Component"}.String()
	for name, test := range map[string]struct {
		tree memory
		want []string
	}{
		"used bases and components are none": {memory{
			"o/kustomization.yaml": kustomization{
				Resources: []string{"../base", "d.yaml"}, Components: []string{"../c"},
			}.String(),
			"o/d.yaml":                pod,
			"base/kustomization.yml":  kustomize("x.yaml"),
			"base/x.yaml":             pod,
			"c/kustomization.yaml":    component,
			"lone/kustomization.yaml": component,
		}, []string{"kustomize o"}},
		"the top": {memory{"Kustomization": kustomize("x.yaml"), "x.yaml": pod}, []string{"kustomize "}},
		"a circle that nothing uses fails instead of vanishing": {memory{
			"b/kustomization.yaml": kustomize("../c"), "c/kustomization.yaml": kustomize("../b"),
		}, []string{"kustomize b"}},
		"one that uses itself": {memory{"b/kustomization.yaml": kustomize(".", "../b")}, []string{"kustomize b"}},
		"a base that only a lone component uses is judged": {memory{
			"c/kustomization.yaml": kustomization{Kind: "Component", Resources: []string{"../b"}}.String(),
			"b/kustomization.yaml": kustomize(),
		}, []string{"kustomize b"}},
		"uncovered manifests, of the folder itself": {memory{
			"p/b.yaml": pod, "p/a.json": pod, "p/no.txt": pod, "p/values.yaml": `{"x":1}`, "p/q/c.YML": pod,
			"k/kustomization.yaml": kustomize("d/e.yaml"), "k/stray.yaml": pod, "k/d/e.yaml": pod,
		}, []string{"kustomize k", "plain p p/a.json,p/b.yaml", "plain p/q p/q/c.YML"}},
		"patches are covered": {memory{
			"k/kustomization.yaml": kustomization{Patches: []string{"patches/p.yaml"}}.String(), "k/patches/p.yaml": pod,
		}, []string{"kustomize k"}},
		"charts are no plain roots": {memory{
			"ch/Chart.yaml": pod, "ch/x.yaml": pod, "ch/templates/a.yaml": broken, "ch/templates/sub/b.yaml": pod,
			"ch/crds/c.yaml": pod, "ch/charts/sub/d.yaml": pod, "templates/e.yaml": pod,
			"ch/other/f.yaml": pod,
		}, []string{"plain ch/other ch/other/f.yaml", "plain templates templates/e.yaml"}},
		"hidden folders count, git's, GitHub's and our own do not": {memory{
			".hidden/a.yaml": pod, ".github/workflows/w.yaml": pod, ".countersign.yaml": pod, ".countersign/waivers/w.yaml": pod,
		}, []string{"plain .hidden .hidden/a.yaml"}},
		"a broken manifest in no root is one that fails": {memory{
			"x/broken.yaml": broken, "y/template.yaml": "{{ no manifest }}",
		}, []string{"plain x x/broken.yaml"}},
		"a broken kustomization is a root that fails": {memory{"x/kustomization.yaml": "{{"}, []string{"kustomize x"}},
		"symlinks lead to kustomizations and files": {memory{
			"o/kustomization.yaml": kustomize("link", "l.yaml"), "o/link": "-> ../base", "o/l.yaml": "-> ../f/real.yaml",
			"base/kustomization.yaml": kustomize(), "f/real.yaml": pod,
			"p/l.yaml": "-> ../f/real.yaml", "p/out.yaml": "-> ../../etc/passwd", "p/circle.yaml": "-> circle.yaml",
			"q/kustomization.yaml": "-> ../q.txt", "q.txt": kustomize("../r"), "r/kustomization.yaml": kustomize(),
		}, []string{"kustomize o", "plain p p/l.yaml", "kustomize q"}},
		"what leads out of the tree uses nothing": {memory{
			"a/kustomization.yaml": kustomize("../../b", "/b", "https://example.com/b"), "b/kustomization.yaml": kustomize(),
		}, []string{"kustomize a", "kustomize b"}},
	} {
		t.Run(name, func(t *testing.T) {
			set := rootsOfTree(t, test.tree, Options{})
			if diff := cmp.Diff(test.want, list(set.Roots)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestDestinations(t *testing.T) {
	pod := manifest("Pod", "a")
	for name, test := range map[string]struct {
		tree memory
		want []string
	}{
		"named from a cluster's folder, and by a chain": {memory{
			"clusters/prod/kustomization.yaml": kustomize("apps.yaml", "self.yaml"),
			"clusters/prod/apps.yaml":          flux("apps", "apps/prod", ""),
			"clusters/prod/self.yaml":          flux("self", "clusters/prod", ""),
			"apps/prod/kustomization.yaml":     kustomize("more.yaml"),
			"apps/prod/more.yaml":              flux("more", "more", ""),
			"more/kustomization.yaml":          kustomize(),
		}, []string{"kustomize apps/prod to clusters/prod", "kustomize clusters/prod", "kustomize more to clusters/prod"}},
		"another cluster's kubeconfig": {memory{
			"mgmt/kustomization.yaml": kustomize("f.yaml"), "mgmt/f.yaml": flux("f", "w", "eu-1"),
			"w/a.yaml": flux("g", "v", ""), "v/kustomization.yaml": kustomize(),
		}, []string{"kustomize mgmt", "kustomize v to mgmt → eu-1", "plain w w/a.yaml to mgmt → eu-1"}},
		"two clusters name one folder, which a root uses, too": {memory{
			"a/f.yaml": flux("f", "base", ""), "b/f.yaml": flux("f", "./base", ""), "base/kustomization.yaml": kustomize(),
			"o/kustomization.yaml": kustomize("../base"),
		}, []string{"plain a a/f.yaml", "plain b b/f.yaml", "kustomize base to a + b", "kustomize o"}},
		"Flux takes all below a folder without kustomization": {memory{
			"c/f.yaml": flux("f", "in", ""), "in/x/a.yaml": pod, "in/y/kustomization.yaml": kustomize(), "in/y/z/b.yaml": pod,
			"inner/a.yaml": pod,
		}, []string{"plain c c/f.yaml", "plain in/x in/x/a.yaml to c", "kustomize in/y to c", "plain in/y/z in/y/z/b.yaml",
			"plain inner inner/a.yaml"}},
		"they name each other": {memory{
			"a/f.yaml": flux("f", "b", ""), "b/f.yaml": flux("f", "a", ""),
		}, []string{"plain a a/f.yaml to b", "plain b b/f.yaml"}},
		"the top is no folder that everything lies in": {memory{
			"a/f.yaml": flux("f", "", ""), "b/x.yaml": pod,
		}, []string{"plain a a/f.yaml", "plain b b/x.yaml"}},
		"a folder that does not exist": {memory{"a/f.yaml": flux("f", "none", "")}, []string{"plain a a/f.yaml"}},
	} {
		t.Run(name, func(t *testing.T) {
			set := rootsOfTree(t, test.tree, Options{})
			if diff := cmp.Diff(test.want, list(set.Roots)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Names of names must not grow without bound.
func TestLongChainsOfNames(t *testing.T) {
	tree := memory{}
	for i := range 300 {
		tree[fmt.Sprintf("r%d/f.yaml", i)] = flux("f", fmt.Sprintf("r%d", i+1), "kubeconfig")
	}
	for _, root := range rootsOfTree(t, tree, Options{}).Roots {
		if len(root.Destination) > 2000 {
			t.Fatalf("destination of %d bytes", len(root.Destination))
		}
	}
}

func TestScope(t *testing.T) {
	pod := manifest("Pod", "a")
	tree := memory{
		"in/a/x.yaml": pod, "in/b/x.yaml": pod, "out/x.yaml": pod, "out/broken.yaml": broken,
		"in/c/template.yaml": "{{", "out/tsconfig.json": "// {",
	}
	set := rootsOfTree(t, tree, Options{Include: []string{"in/**"}, Exclude: []string{"in/b"}})
	if diff := cmp.Diff([]string{"plain in/a in/a/x.yaml"}, list(set.Roots)); diff != "" {
		t.Error(diff)
	}
	var notices []string
	for _, notice := range set.Notices {
		notices = append(notices, notice.Source.File)
	}
	if diff := cmp.Diff([]string{"in/c/template.yaml", "out/broken.yaml"}, notices); diff != "" {
		t.Errorf("notices: %s", diff)
	}
	for _, opts := range []Options{
		{Include: []string{"in/**", "none/*"}}, {Exclude: []string{"/x"}}, {Ignore: []string{""}}, {Protect: []string{"["}},
	} {
		var wrong *PatternError
		_, err := Roots(t.Context(), &fake{}, tree, opts)
		if !errors.As(err, &wrong) || wrong.Key == "" || strings.Count(wrong.Error(), wrong.Pattern) < 1 {
			t.Errorf("%+v: %v", opts, err)
		}
	}
}

// A tree that holds what no file system takes, or itself without end.
type hostile struct{ entries []Entry }

func (h hostile) ID() string                                           { return "hostile" }
func (h hostile) ReadDir(_ context.Context, _ string) ([]Entry, error) { return h.entries, nil }
func (h hostile) ReadFile(_ context.Context, _ string) ([]byte, error) { return nil, ErrNotFile }

func TestHostileTrees(t *testing.T) {
	for name, tree := range map[string]hostile{
		"dots":    {[]Entry{{"..", ModeDir, "1"}}},
		"slash":   {[]Entry{{"a/b", ModeFile, "1"}}},
		"nothing": {[]Entry{{"", ModeFile, "1"}}},
		"bomb":    {[]Entry{{"a", ModeDir, "1"}, {"b", ModeDir, "1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			var wrong *TreeError
			if _, err := Roots(t.Context(), &fake{}, tree, Options{}); !errors.As(err, &wrong) {
				t.Errorf("roots: %v", err)
			}
			if _, err := Compare(t.Context(), &fake{}, memory{}, tree, Options{}); !errors.As(err, &wrong) {
				t.Errorf("compare: %v", err)
			}
		})
	}
}

func TestWhy(t *testing.T) {
	set := rootsOfTree(t, memory{
		"clusters/eu-1/kustomization.yaml": kustomize("a.yaml", "../../base"),
		"base/kustomization.yaml":          kustomize("deploy.yaml", "../deep"),
		"base/deploy.yaml":                 manifest("Pod", "a"),
		"deep/kustomization.yaml":          kustomize("x y.yaml"),
		"deep/x y.yaml":                    manifest("Pod", "a"),
		"p/\n.yaml":                        manifest("Pod", "a"),
	}, Options{})
	for name, want := range map[string][]string{
		"base/deploy.yaml": {"clusters/eu-1 → ../../base (resources, line 2) → deploy.yaml (resources, line 1)"},
		"deep/x y.yaml": {"clusters/eu-1 → ../../base (resources, line 2) → ../deep (resources, line 2) → " +
			"x y.yaml (resources, line 1)"},
		"base/kustomization.yml": {"clusters/eu-1 → ../../base (resources, line 2) → base/kustomization.yml"},
		"clusters/eu-1/a.yaml":   {"clusters/eu-1 → a.yaml (resources, line 1)"},
		"p/\n.yaml":              {`p → "p/\n.yaml"`},
		"unused":                 nil,
	} {
		var got []string
		for _, chain := range set.Why(name) {
			got = append(got, chain.String())
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	root, _ := set.Root("clusters/eu-1")
	want := []string{
		"base/deploy.yaml", "base/kustomization.yaml", "clusters/eu-1/kustomization.yaml",
		"deep/kustomization.yaml", "deep/x y.yaml",
	}
	if diff := cmp.Diff(want, set.Closure(root)); diff != "" {
		t.Errorf("closure: %s", diff)
	}
}
