package child_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/child"
	"github.com/countersign-dev/countersign/render/worker"
)

func TestMain(m *testing.M) {
	child.Enter("render-child")
	os.Exit(m.Run())
}

// forest is a tree in memory.
type forest map[string]leaf

type leaf struct {
	mode    render.Mode
	content string
}

func (f forest) ID() string { return fmt.Sprintf("%040x", len(f)) }

func (f forest) entry(name string) (render.Entry, bool) {
	l, ok := f[name]
	if ok {
		return render.Entry{Name: path.Base(name), Mode: l.mode, ID: id(l.content)}, true
	}
	for other := range f {
		if strings.HasPrefix(other, name+"/") {
			return render.Entry{Name: path.Base(name), Mode: render.ModeDir, ID: id(name)}, true
		}
	}
	return render.Entry{}, false
}

func id(s string) string { return fmt.Sprintf("%040x", len(s)+1) }

func (f forest) ReadDir(_ context.Context, dir string) ([]render.Entry, error) {
	names := map[string]bool{}
	for name := range f {
		below, ok := strings.CutPrefix(name, dir+"/")
		if dir == "" {
			below, ok = name, true
		}
		if first, _, _ := strings.Cut(below, "/"); ok {
			names[path.Join(dir, first)] = true
		}
	}
	if len(names) == 0 {
		return nil, fs.ErrNotExist
	}
	var entries []render.Entry
	for name := range names {
		e, _ := f.entry(name)
		entries = append(entries, e)
	}
	slices.SortFunc(entries, func(a, b render.Entry) int { return strings.Compare(a.Name, b.Name) })
	return entries, nil
}

func (f forest) ReadFile(_ context.Context, name string) ([]byte, error) {
	l, ok := f[name]
	switch {
	case ok && l.mode == render.ModeSubmodule:
		return nil, render.ErrNotFile
	case ok:
		return []byte(l.content), nil
	}
	if _, ok := f.entry(name); ok {
		return nil, render.ErrNotFile
	}
	return nil, fs.ErrNotExist
}

// attack is one case of testdata/hostile: its comment says in plain words what
// is tried, and in "key: value" lines what must happen to each root.
type attack struct {
	name   string
	want   map[string][]string
	forest forest
}

func readAttacks(t *testing.T, canary string) []attack {
	t.Helper()
	files, err := filepath.Glob("../../testdata/hostile/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	var attacks []attack
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		a := attack{name: strings.TrimSuffix(filepath.Base(file), ".txtar"), want: map[string][]string{}, forest: forest{}}
		for _, f := range archive.Files {
			content := strings.ReplaceAll(string(f.Data), "CANARY", canary)
			a.forest[f.Name] = leaf{render.ModeFile, content}
		}
		for line := range strings.Lines(string(archive.Comment)) {
			key, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
			if ok && !strings.Contains(key, " ") {
				a.want[key] = append(a.want[key], value)
			}
		}
		for _, link := range a.want["symlink"] {
			name, target, _ := strings.Cut(link, " ")
			a.forest[name] = leaf{render.ModeSymlink, target}
		}
		for _, name := range a.want["submodule"] {
			a.forest[name] = leaf{mode: render.ModeSubmodule}
		}
		attacks = append(attacks, a)
	}
	return attacks
}

// theVictim is an innocent root whose containers only merge rightly under the
// built-in schema.
var theVictim = forest{
	"base/kustomization.yaml": {render.ModeFile, "resources: [d.yaml]\n"},
	"base/d.yaml": {render.ModeFile, `apiVersion: apps/v1
kind: Deployment
metadata: {name: victim}
spec:
  template:
    spec:
      containers:
      - {name: one, image: one:1}
      - {name: two, image: two:1}
      - {name: three, image: three:1}
`},
	"app/kustomization.yaml": {render.ModeFile, `resources: [../base]
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: victim}
    spec: {template: {spec: {containers: [{name: two, image: two:2}]}}}
configMapGenerator:
- name: settings
  literals: [a=b]
`},
}

// arena is a pool with everything around it that an attack must not reach.
type arena struct {
	pool   *worker.Pool
	hits   atomic.Int32
	canary string
	temp   string
	ran    string
	before string
}

func newArena(t *testing.T) *arena {
	t.Helper()
	a := &arena{temp: t.TempDir(), ran: filepath.Join(t.TempDir(), "ran")}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { a.hits.Add(1) }))
	t.Cleanup(server.Close)
	a.canary = strings.TrimPrefix(server.URL, "http://")
	programs := t.TempDir()
	for _, name := range []string{"git", "helm", "docker", "sh", "ssh", "evil.sh", "kustomize"} {
		script := "#!/bin/sh\necho " + name + " >> " + a.ran + "\n"
		if err := os.WriteFile(filepath.Join(programs, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", programs)
	t.Setenv("TMPDIR", a.temp)
	pool, err := worker.New(t.Context(), worker.Options{
		Key: []byte("a key of the tests, long enough for HMAC"), KeyID: "test",
		// Less than usual, so that the test does not wait for what is killed.
		Limits: worker.Limits{CPU: 2 * time.Second, Data: 512 << 20, Heap: 256 << 20},
	})
	if err != nil {
		t.Fatal(err)
	}
	a.pool = pool
	t.Cleanup(a.check(t))
	a.before = a.victim(t)
	return a
}

// check says what an attack left behind.
func (a *arena) check(t *testing.T) func() {
	return func() {
		a.pool.Close()
		if n := a.hits.Load(); n > 0 {
			t.Errorf("the canary server was asked %d times", n)
		}
		if names, err := os.ReadFile(a.ran); err == nil {
			t.Errorf("programs were started: %s", names)
		}
		if left, err := os.ReadDir(a.temp); err != nil || len(left) > 0 {
			t.Errorf("left in the temporary folder: %v, %v", left, err)
		}
		var usage syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &usage); err != nil || usage.Maxrss > 2<<20 {
			t.Errorf("a child took %d KiB (%v)", usage.Maxrss, err)
		}
	}
}

// victim builds the innocent root and returns all of it as text.
func (a *arena) victim(t *testing.T) string {
	t.Helper()
	b, err := a.pool.Build(t.Context(), theVictim, render.Root{Path: "app", Kind: render.RootKustomize})
	if err != nil || b.Status != render.StatusBuilt {
		t.Errorf("the innocent root: %v, %+v", err, b.Problem)
	}
	text, err := json.Marshal(b)
	if err != nil {
		t.Error(err)
	}
	return string(text)
}

func (a *arena) build(t *testing.T, tree render.Tree, root string) render.Build {
	t.Helper()
	b, err := a.pool.Build(t.Context(), tree, render.Root{Path: root, Kind: render.RootKustomize})
	if err != nil {
		t.Fatal(err)
	}
	if after := a.victim(t); after != a.before {
		t.Errorf("the innocent root changed:\n%s\n%s", a.before, after)
	}
	return b
}

// TestHostile runs every attack through the real pool and real children, and
// after each builds an innocent root.
func TestHostile(t *testing.T) {
	arena := newArena(t)
	for _, attack := range readAttacks(t, arena.canary) {
		t.Run(attack.name, func(t *testing.T) {
			for _, root := range attack.want["root"] {
				t.Run(root, func(t *testing.T) {
					attack.judge(t, arena.build(t, attack.forest, root))
				})
			}
		})
	}
}

func (a *attack) judge(t *testing.T, b render.Build) {
	t.Helper()
	oneOf := func(key, got string) {
		if len(a.want[key]) > 0 && !slices.Contains(strings.Fields(a.want[key][0]), got) {
			t.Errorf("%s is %q, want %s: %+v", key, got, a.want[key][0], b.Problem)
		}
	}
	oneOf("status", string(b.Status))
	if p := b.Problem; p != nil {
		oneOf("cause", string(p.Cause))
		t.Logf("%s:%d: %s [%s]", p.Source.File, p.Source.Line, p.Message, p.Remedy)
		at := p.Source.File + ":" + strconv.Itoa(p.Source.Line)
		for _, want := range a.want["at"] {
			if at != want && p.Source.File != want {
				t.Errorf("at %s, want %s", at, want)
			}
		}
		if p.Cause == render.CauseRemote && p.Source.Line == 0 && strings.Contains(p.Message, "names") {
			t.Error("no line")
		}
		for _, want := range a.want["says"] {
			if !strings.Contains(p.Message, want) {
				t.Errorf("%q does not say %q", p.Message, want)
			}
		}
	}
	for _, want := range a.want["feature"] {
		if !slices.Contains(b.Features, want) {
			t.Errorf("features %q lack %q", b.Features, want)
		}
	}
	for _, want := range a.want["notice"] {
		if !slices.ContainsFunc(b.Notices, func(p render.Problem) bool { return strings.Contains(p.Message, want) }) {
			t.Errorf("notices %+v lack %q", b.Notices, want)
		}
	}
	text, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range a.want["hides"] {
		if strings.Contains(string(text), secret) {
			t.Errorf("%q leaves the child: %s", secret, text)
		}
	}
	if strings.Contains(string(text), "/repository") {
		t.Errorf("the mount shows: %s", text)
	}
}

// TestInnocentWhileHostile builds the innocent root while attacks run in the
// other children: every answer is the same, byte for byte.
func TestInnocentWhileHostile(t *testing.T) {
	arena := newArena(t)
	var group sync.WaitGroup
	for _, attack := range readAttacks(t, arena.canary) {
		if !strings.HasPrefix(attack.name, "R4") && !strings.HasPrefix(attack.name, "R11") {
			continue
		}
		group.Go(func() {
			for _, root := range attack.want["root"] {
				r := render.Root{Path: root, Kind: render.RootKustomize}
				if _, err := arena.pool.Build(t.Context(), attack.forest, r); err != nil {
					t.Error(err)
				}
			}
		})
		group.Go(func() {
			if after := arena.victim(t); after != arena.before {
				t.Errorf("the innocent root changed:\n%s\n%s", arena.before, after)
			}
		})
	}
	group.Wait()
}
