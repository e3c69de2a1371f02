package child

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/child/closure"
	"github.com/countersign-dev/countersign/render/manifest"
)

var testKey = manifest.Key("a key of the tests, long enough for HMAC")

// corpusRoot is one row of the corpus's index.
type corpusRoot struct{ repo, path, kind string }

func corpusRoots(t *testing.T, top string) []corpusRoot {
	t.Helper()
	index, err := os.ReadFile(filepath.Join(top, "INDEX.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	var roots []corpusRoot
	for line := range strings.Lines(string(index)) {
		cells := strings.Split(strings.TrimRight(line, "\n"), "\t")
		if !strings.HasPrefix(line, "#") && len(cells) > 3 && cells[1] == "kroot" {
			roots = append(roots, corpusRoot{strings.ReplaceAll(cells[0], "/", "+"), cells[2], cells[3]})
		}
	}
	return roots
}

// TestCorpus builds every root of a folder of real repositories and compares
// object by object with what kustomize prints; secret values are masked on
// both sides.
func TestCorpus(t *testing.T) {
	top := os.Getenv("COUNTERSIGN_CORPUS")
	if top == "" {
		t.Skip("COUNTERSIGN_CORPUS does not name a folder of repositories with an INDEX.tsv")
	}
	kustomize := os.Getenv("KUSTOMIZE")
	if kustomize == "" {
		kustomize = "kustomize"
	}
	if _, err := exec.LookPath(kustomize); err != nil {
		t.Skip("kustomize is neither on the PATH nor named by KUSTOMIZE")
	}
	built, fields, traced := 0, 0, 0
	roots := corpusRoots(t, top)
	for _, root := range roots {
		t.Run(root.repo+"/"+root.path, func(t *testing.T) {
			repo := filepath.Join(top, root.repo)
			got := build(render.Root{Path: root.path, Kind: render.RootKustomize}, disk{repo}, usual, testKey).Build
			want, err := kustomizeBuild(kustomize, filepath.Join(repo, root.path))
			if err != nil {
				if got.Status == render.StatusBuilt {
					// A component is nothing by itself here, and an empty root is no error there.
					t.Fatalf("built, but kustomize says %v", err)
				}
				t.Logf("%s: %s:%d: %s", got.Problem.Cause, got.Problem.Source.File, got.Problem.Source.Line, got.Problem.Message)
				return
			}
			if got.Status != render.StatusBuilt {
				if root.kind == "component" && strings.Contains(got.Problem.Message, "is a Component") {
					t.Log(got.Problem.Message)
					return
				}
				t.Fatalf("kustomize builds it; here: %+v", got.Problem)
			}
			built++
			compareObjects(t, got.Resources, want)
			for _, wrong := range misplaced(t, repo, got.Resources) {
				t.Errorf("misplaced: %s", wrong)
			}
			for _, r := range got.Resources {
				fields += leaves(r.Object)
				traced += len(r.Positions)
				if r.Source.File == "" {
					t.Logf("no source for %v", r.Identity)
				}
			}
		})
	}
	t.Logf("%d of %d roots built, %d fields, %d positions", built, len(roots), fields, traced)
}

// TestCorpusNames compares the places of all objects and fields with those that
// kustomize's own note of origins leads to: for the real roots, or the folders
// below COUNTERSIGN_FLEET that hold a kustomization.
func TestCorpusNames(t *testing.T) {
	var all []corpusRoot
	top, fleet := os.Getenv("COUNTERSIGN_CORPUS"), os.Getenv("COUNTERSIGN_FLEET")
	if top != "" {
		all = corpusRoots(t, top)
	}
	if fleet != "" {
		found, err := filepath.Glob(filepath.Join(fleet, "*", "*", "kustomization.yaml"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range found {
			dir, err := filepath.Rel(fleet, filepath.Dir(file))
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, corpusRoot{path: dir})
		}
	}
	if len(all) == 0 {
		t.Skip("neither COUNTERSIGN_CORPUS nor COUNTERSIGN_FLEET names a folder")
	}
	compared, told := 0, 0
	for _, root := range all {
		dir := filepath.Join(top, root.repo)
		if root.repo == "" {
			dir = fleet
		}
		want, noted, problem := origins(disk{dir}, root.path, true)
		if problem != nil || !noted {
			continue
		}
		compared++
		b := &builder{tree: closure.NewTree(disk{dir}), limits: usual, key: testKey}
		b.build.Root = render.Root{Path: root.path, Kind: render.RootKustomize}
		b.run()
		if content, err := b.tree.ReadFile(closure.Outside(b.entry)); err == nil &&
			!bytes.Contains(content, []byte("originAnnotations")) {
			told++
		}
		slices.SortStableFunc(want, func(x, y render.Resource) int { return compareIdentity(x.Identity, y.Identity) })
		if diff := cmp.Diff(want, b.build.Resources); diff != "" {
			t.Errorf("%s %s: -with origins +here:\n%.3000s", root.repo, root.path, diff)
		}
	}
	t.Logf("%d of %d roots compared, %d of them told by names", compared, len(all), told)
}

func leaves(v any) int {
	sum := 0
	switch v := v.(type) {
	case map[string]any:
		for key, item := range v {
			if sum++; key != "openAPIV3Schema" {
				sum += leaves(item)
			}
		}
	case []any:
		for _, item := range v {
			sum += 1 + leaves(item)
		}
	}
	return sum
}

func kustomizeBuild(program, dir string) ([]manifest.Doc, error) {
	var out, failure bytes.Buffer
	cmd := exec.Command(program, "build", "--load-restrictor", "LoadRestrictionsNone", dir)
	cmd.Env = []string{"PATH=/nonexistent", "HOME=" + os.TempDir()}
	cmd.Stdout, cmd.Stderr = &out, &failure
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %.300s", err, failure.String())
	}
	docs, problem := manifest.Decode("out", out.Bytes(), manifest.Limits{Bytes: 64 << 20, Nodes: 10_000_000, Text: 64 << 20})
	if problem != nil {
		return nil, fmt.Errorf("%s", problem.Message)
	}
	return docs, nil
}

// compareObjects compares by identity and canonical form, whatever the order.
func compareObjects(t *testing.T, got []render.Resource, docs []manifest.Doc) {
	t.Helper()
	scopes := manifest.Scopes{}
	for _, doc := range docs {
		scopes.Add(closure.AsMap(doc.Value))
	}
	var want []render.Resource
	for _, doc := range docs {
		if doc.Value == nil {
			continue
		}
		r, problem := manifest.Canonical(closure.AsMap(doc.Value), testKey, scopes)
		if problem != nil {
			t.Fatalf("%+v", problem)
		}
		want = append(want, r)
	}
	got = slices.DeleteFunc(slices.Clone(got), func(r render.Resource) bool { return r.Local })
	byIdentity := func(a, b render.Resource) int { return compareIdentity(a.Identity, b.Identity) }
	slices.SortStableFunc(want, byIdentity)
	slices.SortStableFunc(got, byIdentity)
	if len(got) != len(want) {
		t.Fatalf("%d objects, kustomize prints %d", len(got), len(want))
	}
	for i := range want {
		if got[i].Digest != want[i].Digest {
			t.Errorf("%v differs (-kustomize +here):\n%s", want[i].Identity, cmp.Diff(want[i].Object, got[i].Object))
		}
	}
}
