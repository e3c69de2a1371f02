package worker

import (
	"bytes"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/child"
	"github.com/countersign-dev/countersign/render/sandbox"
	"github.com/countersign-dev/countersign/render/wire"
)

// The test binary is the child, too: its first argument says which one.
const (
	fakeArg = "worker-test-fake"
	realArg = "worker-test-real"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 {
		switch os.Args[1] {
		case fakeArg:
			runFake(os.Stdin, os.Stdout)
		case realArg:
			if err := child.Main(os.Stdin, os.Stdout); err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			os.Exit(0)
		case "worker-test-mute":
			fmt.Fprintln(os.Stderr, "unknown\x1b[31m command")
			os.Exit(4)
		}
	}
	os.Exit(m.Run())
}

// runFake is a child that does what the name of the root, document or file
// tells it to.
func runFake(r io.Reader, w io.Writer) {
	walls := sandbox.Enter()
	f := &fake{out: w, walls: walls}
	if err := wire.Serve(r, w, 1<<20, f); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

type fake struct {
	out    io.Writer
	walls  []wire.Wall
	cpu    time.Duration
	builds int
}

func (f *fake) Hello(h wire.Hello) wire.HelloResult {
	f.cpu = h.Limits.CPU
	return wire.HelloResult{Walls: append(f.walls, sandbox.Keep(h.Limits)...)}
}

func (f *fake) renew() {
	if err := sandbox.Renew(f.cpu); err != nil {
		os.Exit(5)
	}
}

func (f *fake) Scan(files []wire.File) []render.FileFacts {
	f.renew()
	facts := make([]render.FileFacts, len(files))
	for i, file := range files {
		facts[i].Manifest = true
		facts[i].References = []render.Reference{{Field: string(file.Content), Path: file.Path, Line: len(files)}}
		if string(file.Content) == "bad" {
			at := render.Source{File: file.Path, Line: 3}
			facts[i].Problem = &render.Problem{Cause: render.CauseSyntax, Message: "bad\x1b[31m file", Source: at}
		}
		f.misbehave(string(file.Content), nil)
	}
	return facts
}

func (f *fake) Parse(name string, content []byte) wire.ParseResult {
	f.renew()
	f.misbehave(string(content), nil)
	elsewhere := []render.Position{{Source: render.Source{File: "/etc/passwd", Line: 1}}}
	return wire.ParseResult{Document: render.Document{Value: string(content), Positions: elsewhere}}
}

func (f *fake) Build(root render.Root, tree *wire.FS) wire.BuildResult {
	f.renew()
	f.builds++
	result := wire.BuildResult{Build: render.Build{Status: render.StatusBuilt}}
	result.Build.Features = []string{fmt.Sprint("pid ", f.pid()), fmt.Sprint("builds ", f.builds)}
	f.misbehave(root.Path, tree)
	f.claim(root.Path, tree, &result)
	return result
}

// pid tells children apart, where they cannot see their number: the address
// space is laid out anew for each.
func (f *fake) pid() string { return fmt.Sprintf("%p", f) + fmt.Sprint(started) }

var started = time.Now().UnixNano()

// misbehave ends, hangs or floods, as told.
func (f *fake) misbehave(what string, tree *wire.FS) {
	switch what {
	case "exit":
		os.Exit(1)
	case "panic":
		panic("a panic\x1b]0;title\a with the author's text")
	case "overflow":
		_ = overflow(0)
	case "killed":
		_ = syscall.Kill(os.Getpid(), syscall.SIGABRT)
		select {}
	case "spin":
		for { //nolint:staticcheck // spinning is what this child is for
		}
	case "hang":
		select {}
	case "eat":
		for kept := [][]byte(nil); ; {
			kept = append(kept, bytes.Repeat([]byte{1}, 16<<20)) //nolint:staticcheck // memory is all it wants
		}
	case "garbage":
		_, _ = f.out.Write(bytes.Repeat([]byte("garbage "), 100))
		select {}
	case "announce":
		_, _ = f.out.Write([]byte{0xff, 0xff, 0xff, 0xff})
		select {}
	case "flood":
		for range 1000 {
			fmt.Fprintln(os.Stderr, strings.Repeat("\x1b[31mflood ", 1000))
		}
	case "endless":
		for {
			_, _, err := tree.Stat("a.yaml")
			if err != nil {
				select {}
			}
		}
	}
}

func overflow(n int) int { return overflow(n+1) + n } //nolint:staticcheck // it ends the process, as meant

// claim says what is not so, or looks at the tree, as told.
func (f *fake) claim(what string, tree *wire.FS, r *wire.BuildResult) {
	b := &r.Build
	failed := func(err error) {
		b.Status, b.Problem = render.StatusFailed, &render.Problem{Cause: render.CauseSyntax, Message: err.Error()}
	}
	resource := func(name, file string) render.Resource {
		at := render.Source{File: file, Line: 1}
		return render.Resource{
			Identity: render.Identity{Kind: "ConfigMap", Name: name}, Object: map[string]any{"a": "b"},
			Digest: strings.Repeat("0", 64), Source: at,
			Positions: []render.Position{{Path: render.Path{"b"}, Source: at}, {Path: render.Path{"a"}}},
		}
	}
	verb, arg, _ := strings.Cut(what, ":")
	switch verb {
	case "taint":
		r.Tainted = true
	case "grow":
		r.Heap = 1 << 40
	case "root":
		b.Root = render.Root{Path: "another", Destination: "elsewhere"}
	case "status":
		b.Status = "splendid"
	case "both":
		b.Problem = &render.Problem{Cause: render.CauseSyntax}
	case "many":
		b.Resources = make([]render.Resource, 30)
	case "digest":
		b.Resources = []render.Resource{resource("x", "")}
		b.Resources[0].Digest = "short"
	case "unsorted":
		b.Resources = []render.Resource{resource("b", "/etc/passwd"), resource("a", "")}
	case "says":
		b.Status = render.StatusFailed
		b.Problem = &render.Problem{Cause: "nonsense", Message: "one\ntwo\x1b[31m\u202e three"}
		b.Problem.Source.File = "../x"
	case "read":
		content, err := tree.ReadFile(arg)
		if err != nil {
			failed(err)
			return
		}
		res := resource(string(content), arg)
		b.Resources = []render.Resource{res}
	case "list":
		entries, err := tree.ReadDir(arg)
		if err != nil {
			failed(err)
			return
		}
		for _, e := range entries {
			b.Features = append(b.Features, e.Name)
		}
	case "greedy":
		var err error
		for err == nil {
			_, err = tree.ReadFile("long.yaml")
		}
		failed(err)
	}
}

// memTree is a tree in memory; "-> x" is a symlink to x, "submodule" one.
type memTree struct {
	files map[string]string
	err   error
	reads map[string]int
}

func newTree(files map[string]string) *memTree {
	return &memTree{files: files, reads: map[string]int{}}
}

func id(s string) string { h := sha1.Sum([]byte(s)); return hex.EncodeToString(h[:]) }

func (m *memTree) ID() string { return id("top") }

func (m *memTree) ReadDir(_ context.Context, dir string) ([]render.Entry, error) {
	if m.err != nil {
		return nil, m.err
	}
	entries := map[string]render.Entry{}
	for name, content := range m.files {
		rest, ok := strings.CutPrefix(name, dir+"/")
		if dir == "" {
			rest, ok = name, true
		}
		if !ok {
			continue
		}
		first, _, deeper := strings.Cut(rest, "/")
		e := render.Entry{Name: first, Mode: render.ModeFile, ID: id(content)}
		switch {
		case deeper:
			e.Mode, e.ID = render.ModeDir, id("dir "+path.Join(dir, first))
		case strings.HasPrefix(content, "-> "):
			e.Mode = render.ModeSymlink
		case content == "submodule":
			e.Mode = render.ModeSubmodule
		}
		entries[first] = e
	}
	if len(entries) == 0 {
		return nil, fs.ErrNotExist
	}
	var list []render.Entry
	for _, e := range entries {
		list = append(list, e)
	}
	slices.SortFunc(list, func(a, b render.Entry) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

func (m *memTree) ReadFile(_ context.Context, name string) ([]byte, error) {
	if m.err != nil {
		return nil, m.err
	}
	content, ok := m.files[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(strings.TrimPrefix(content, "-> ")), nil
}

// pool starts a pool of fakes, and sees to it that nothing is left of it.
func pool(t *testing.T, change func(*Options)) *Pool {
	t.Helper()
	o := Options{
		Args: []string{fakeArg}, Key: bytes.Repeat([]byte("k"), 32), KeyID: "id",
		Limits: Limits{
			CPU: time.Second, Wall: 2 * time.Minute, Data: 512 << 20, Heap: 128 << 20,
			Objects: 20, Requests: 1000, Bytes: 64 << 10, File: 32 << 10,
		},
	}
	if change != nil {
		change(&o)
	}
	p, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

func root(name string) render.Root {
	return render.Root{Path: name, Kind: render.RootKustomize, Destination: name}
}
