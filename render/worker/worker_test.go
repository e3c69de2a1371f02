package worker

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/sandbox"
)

var small = map[string]string{"a.yaml": "content", "dir/b.yaml": "b"}

// Each way in which a child can end is the one root's failure, in our words.
func TestEndsOfChildren(t *testing.T) {
	p := pool(t, func(o *Options) { o.Children = 1 })
	short := pool(t, func(o *Options) { o.Children = 1; o.Limits.Wall = 300 * time.Millisecond })
	for _, c := range []struct {
		root  string
		pool  *Pool
		cause render.Cause
		says  string
	}{
		{"exit", p, render.CauseCrash, "the renderer died"},
		{"panic", p, render.CauseCrash, "the renderer died"},
		{"killed", p, render.CauseCrash, "the renderer died"},
		{"overflow", p, render.CauseCrash, "recursion"},
		{"spin", p, render.CauseDeadline, "more than 1s of CPU"},
		{"hang", short, render.CauseDeadline, "more than 300ms"},
		{"garbage", p, render.CauseCrash, "no answer"},
		{"announce", p, render.CauseCrash, "no answer"},
		{"endless", p, render.CauseLimit, "more than 1000 times"},
		{"status", p, render.CauseCrash, "no answer"},
		{"both", p, render.CauseCrash, "no answer"},
		{"many", p, render.CauseCrash, "no answer"},
		{"digest", p, render.CauseCrash, "no answer"},
	} {
		t.Run(c.root, func(t *testing.T) {
			b, err := c.pool.Build(t.Context(), newTree(small), root(c.root))
			if err != nil {
				t.Fatal(err)
			}
			if b.Status != render.StatusFailed || b.Problem == nil || len(b.Resources) > 0 {
				t.Fatalf("got %+v", b)
			}
			if b.Problem.Cause != c.cause || !strings.Contains(b.Problem.Message, c.says) {
				t.Errorf("problem %+v", b.Problem)
			}
			if strings.Contains(b.Problem.Message+b.Problem.Remedy, "author") || b.Problem.Source.File != c.root {
				t.Errorf("problem %+v", b.Problem)
			}
			if diff := cmp.Diff(root(c.root), b.Root); diff != "" {
				t.Error(diff)
			}
			// The next root is none the wiser.
			b, err = c.pool.Build(t.Context(), newTree(small), root("good"))
			if err != nil || b.Status != render.StatusBuilt {
				t.Errorf("the next root: %+v %v", b, err)
			}
		})
	}
}

func TestMemoryIsBounded(t *testing.T) {
	p := pool(t, func(o *Options) { o.Children = 1; o.Limits.CPU = 5 * time.Second })
	for _, w := range p.Walls() {
		if w.Name == sandbox.WallMemory && !w.Holds {
			t.Skipf("memory cannot be limited in this build: %s", w.Why)
		}
	}
	b, err := p.Build(t.Context(), newTree(small), root("eat"))
	if err != nil || b.Problem == nil || b.Problem.Cause != render.CauseMemory {
		t.Fatalf("%+v %v", b.Problem, err)
	}
	if want := "rendering took more than 512 MiB of memory"; b.Problem.Message != want {
		t.Errorf("message %q, want %q", b.Problem.Message, want)
	}
}

// A flood on standard error neither blocks nor shows.
func TestFloodedStderr(t *testing.T) {
	p := pool(t, nil)
	b, err := p.Build(t.Context(), newTree(small), root("flood"))
	if err != nil || b.Status != render.StatusBuilt {
		t.Fatalf("%+v %v", b, err)
	}
	_, err = New(t.Context(), Options{Args: []string{"worker-test-mute"}, Key: make([]byte, 32)})
	if err == nil || strings.ContainsRune(err.Error(), 0x1b) || !strings.Contains(err.Error(), "unknown [31m command") {
		t.Errorf("a child that does not greet: %v", err)
	}
}

func TestTail(t *testing.T) {
	var whole []byte
	var tl tail
	for i := range 5000 {
		line := fmt.Appendf(nil, "line %d\n", i)
		whole = append(whole, line...)
		if n, err := tl.Write(line); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	if !bytes.Equal(tl.first, whole[:kept]) || !bytes.Equal(tl.last, whole[len(whole)-kept:]) {
		t.Errorf("kept %d and %d bytes, or other ones", len(tl.first), len(tl.last))
	}
	if _, err := tl.Write(whole); err != nil || !bytes.Equal(tl.last, whole[len(whole)-kept:]) {
		t.Error("one long write")
	}
}

// A tainted, grown or ended child is never used again; a good one is.
func TestReuse(t *testing.T) {
	p := pool(t, func(o *Options) { o.Children = 1 })
	child := func(name string) string {
		b, err := p.Build(t.Context(), newTree(small), root(name))
		if err != nil || b.Status != render.StatusBuilt {
			t.Fatalf("%s: %+v %v", name, b.Problem, err)
		}
		return b.Features[len(b.Features)-1]
	}
	first := child("good")
	if again := child("taint"); again != first {
		t.Fatal("a good child was not used again")
	}
	second := child("good")
	if second == first {
		t.Error("a tainted child was used again")
	}
	if child("grow") != second {
		t.Fatal("a good child was not used again")
	}
	if child("good") == second {
		t.Error("a grown child was used again")
	}
}

func TestWhatAChildSaysIsPutRight(t *testing.T) {
	p := pool(t, nil)
	b, err := p.Build(t.Context(), newTree(small), root("root"))
	if err != nil || b.Root.Path != "root" || b.Root.Destination != "root" {
		t.Errorf("root %+v %v", b.Root, err)
	}
	b, err = p.Build(t.Context(), newTree(small), root("says"))
	want := &render.Problem{Cause: render.CauseCrash, Message: "one two [31m three"}
	if diff := cmp.Diff(want, b.Problem); err != nil || diff != "" {
		t.Errorf("problem %s %v", diff, err)
	}
	b, err = p.Build(t.Context(), newTree(small), root("unsorted"))
	if err != nil || len(b.Resources) != 2 || b.Resources[0].Name != "a" {
		t.Fatalf("%+v %v", b, err)
	}
	for _, r := range b.Resources {
		nowhere := r.Source == render.Source{} && r.Positions[1].Source == render.Source{}
		if !nowhere || r.Positions[0].Path[0] != "a" {
			t.Errorf("a file that was never read, or unsorted positions: %+v", r)
		}
	}
}

func probes(b render.Build) []string {
	var lines []string
	for _, p := range b.Probes {
		line := p.Path
		if p.ID == "" {
			line += " missed"
		}
		if p.Dir {
			line += " listed"
		}
		lines = append(lines, line)
	}
	return lines
}

func TestFiles(t *testing.T) {
	tree := newTree(map[string]string{
		"a.yaml": "content", "dir/b.yaml": "b", "link": "-> dir/b.yaml", "dirlink": "-> dir",
		"out": "-> ../../etc/passwd", "abs": "-> /etc/passwd", "loop": "-> loop", "sub": "submodule",
		"lfs.yaml": "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
		"big.yaml": strings.Repeat("x", 33<<10), "long.yaml": strings.Repeat("x", 30<<10),
	})
	p := pool(t, nil)
	for _, c := range []struct{ what, says, probes string }{
		{"read:a.yaml", "", "a.yaml"},
		{"read:link", "", "dir dir/b.yaml link"},
		{"read:dirlink/b.yaml", "", "dir dir/b.yaml dirlink"},
		{"read:dir/none.yaml", "not in the tree", "dir dir/none.yaml missed"},
		{"read:none/deep.yaml", "not in the tree", "none missed none/deep.yaml missed"},
		{"read:dir", "is a directory", "dir"},
		{"read:out", "leaves the tree", "out"},
		{"read:abs", "leaves the tree", "abs"},
		{"read:../x", "leaves the tree", ""},
		{"read:/etc/passwd", "leaves the tree", ""},
		{"read:loop", "circle", "loop"},
		{"read:sub", "submodule", "sub"},
		{"read:sub/x", "submodule", "sub"},
		{"read:lfs.yaml", "LFS pointer", "lfs.yaml"},
		{"read:big.yaml", "larger than", "big.yaml"},
		{"read:a\x00b", "not a path", ""},
		{"list:dir", "", "dir listed"},
		{"list:dirlink", "", "dir listed dirlink"},
		{"list:", "", " listed"},
		{"list:a.yaml", "not a directory", "a.yaml"},
		{"greedy", "more than it may", "long.yaml"},
	} {
		t.Run(c.what, func(t *testing.T) {
			b, err := p.Build(t.Context(), tree, root(c.what))
			if err != nil {
				t.Fatal(err)
			}
			if c.says == "" && b.Status != render.StatusBuilt {
				t.Errorf("problem %+v", b.Problem)
			}
			if c.says != "" && (b.Problem == nil || !strings.Contains(b.Problem.Message, c.says)) {
				t.Errorf("problem %+v, want %q", b.Problem, c.says)
			}
			if got := strings.Join(probes(b), " "); got != c.probes {
				t.Errorf("probes %q, want %q", got, c.probes)
			}
			if len(b.Resources) > 0 && b.Resources[0].Source.File != strings.TrimPrefix(c.what, "read:") {
				t.Errorf("source %+v of a file that was read", b.Resources[0].Source)
			}
		})
	}
}

// What the tree cannot say is the world's error, not the content's.
func TestTreeError(t *testing.T) {
	tree := newTree(small)
	tree.err = errors.New("git died")
	p := pool(t, nil)
	if b, err := p.Build(t.Context(), tree, root("read:a.yaml")); !errors.Is(err, tree.err) {
		t.Errorf("%+v %v", b, err)
	}
	if _, err := p.Scan(t.Context(), tree, []string{"a.yaml"}); !errors.Is(err, tree.err) {
		t.Error(err)
	}
}

func TestParse(t *testing.T) {
	p := pool(t, nil)
	d, problem, err := p.Parse(t.Context(), "config.yaml", []byte("text"))
	if err != nil || problem != nil || d.Value != "text" || d.Positions[0].Source.File != "config.yaml" {
		t.Errorf("%+v %+v %v", d, problem, err)
	}
	d, problem, err = p.Parse(t.Context(), "config.yaml", []byte("exit"))
	crashed := problem != nil && problem.Cause == render.CauseCrash && problem.Source.File == "config.yaml"
	if err != nil || !crashed || d.Value != nil {
		t.Errorf("%+v %+v %v", d, problem, err)
	}
	_, problem, err = p.Parse(t.Context(), "config.yaml", make([]byte, 33<<10))
	if err != nil || problem == nil || problem.Cause != render.CauseLimit {
		t.Errorf("%+v %v", problem, err)
	}
}

// A context that ends kills the child at once, and is the error.
func TestCancel(t *testing.T) {
	p := pool(t, func(o *Options) { o.Children = 1 })
	for _, name := range []string{"hang", "spin"} {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		start := time.Now()
		_, err := p.Build(ctx, newTree(small), root(name))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) > 5*time.Second {
			t.Errorf("%s: %v after %v", name, err, time.Since(start))
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Build(ctx, newTree(small), root("good")); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := p.Scan(ctx, newTree(small), []string{"a.yaml"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Many at once, good and bad, and each gets its own answer.
func TestConcurrentBuilds(t *testing.T) {
	p := pool(t, nil)
	tree := newTree(small)
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			name := []string{"good", "read:a.yaml", "exit", "taint"}[i%4]
			b, err := p.Build(t.Context(), tree, root(name))
			if err != nil || (b.Status == render.StatusBuilt) == (name == "exit") || b.Root.Path != name {
				t.Errorf("%s: %+v %v", name, b, err)
			}
		})
	}
	all.Wait()
}

// After Close nothing is left: no process, no goroutine, no descriptor; and
// what was at work has ended.
func TestCloseLeavesNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("counts descriptors and processes in /proc")
	}
	options := pool(t, nil).options
	before := leftovers(t)
	p, err := New(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	working := make(chan error)
	for range 2 {
		go func() {
			_, err := p.Build(context.Background(), newTree(small), root("hang"))
			working <- err
		}()
	}
	p.Close()
	for range 2 {
		if err := <-working; !errors.Is(err, ErrClosed) {
			t.Error(err)
		}
	}
	p.Close()
	if _, err := p.Build(t.Context(), newTree(small), root("good")); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	if _, err := p.Scan(t.Context(), newTree(small), []string{"a.yaml"}); !errors.Is(err, ErrClosed) {
		t.Error(err)
	}
	after := leftovers(t)
	if after.children > before.children || after.descriptors > before.descriptors {
		t.Errorf("before %+v, after %+v", before, after)
	}
	stacks := make([]byte, 1<<20)
	stacks = stacks[:runtime.Stack(stacks, true)]
	if n := bytes.Count(stacks, []byte("sandbox.Start.func1")); n > after.children {
		t.Errorf("%d keepers of %d children:\n%s", n, after.children, stacks)
	}
}

type left struct{ children, descriptors int }

func leftovers(t *testing.T) left {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		t.Fatal(err)
	}
	children := 0
	for _, task := range tasks {
		list, err := os.ReadFile("/proc/self/task/" + task.Name() + "/children")
		if err == nil {
			children += len(strings.Fields(string(list)))
		}
	}
	return left{children, len(fds)}
}

func TestRendererDigest(t *testing.T) {
	a, err := RendererDigest()
	b, _ := RendererDigest()
	if err != nil || a != b || !strings.HasPrefix(a, "sha256:") || len(a) != 71 {
		t.Errorf("%q %q %v", a, b, err)
	}
}
