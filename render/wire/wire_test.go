package wire

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/render"
)

// through encodes a message and decodes the bytes.
func through(t testing.TB, m Message) (Message, error) {
	t.Helper()
	enc := writer([]byte{kindOf(m)})
	m.code(enc)
	if enc.err != nil {
		return nil, enc.err
	}
	return decode(enc.out, &texts{})
}

func textGen() *rapid.Generator[string] {
	some := []string{"", "metadata", "spec", "a\x00b", "☃", strings.Repeat("x", 200)}
	return rapid.OneOf(rapid.String(), rapid.SampledFrom(some))
}

func pathGen() *rapid.Generator[render.Path] {
	step := rapid.OneOf(rapid.Custom(func(t *rapid.T) any { return rapid.IntRange(0, 1000).Draw(t, "index") }),
		rapid.Custom(func(t *rapid.T) any { return textGen().Draw(t, "key") }))
	return rapid.Custom(func(t *rapid.T) render.Path {
		steps := rapid.SliceOfN(step, 0, 6).Draw(t, "path")
		if len(steps) == 0 {
			return nil
		}
		return steps
	})
}

func valueGen(depth int) *rapid.Generator[any] {
	leaf := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Just[any](true), rapid.Just[any](false),
		rapid.Custom(func(t *rapid.T) any { return textGen().Draw(t, "text") }),
		rapid.Custom(func(t *rapid.T) any {
			some := []string{"0", "-1", "1.50", "1e400", "123456789012345678901234567890"}
			return json.Number(rapid.SampledFrom(some).Draw(t, "n"))
		}),
	}
	if depth == 0 {
		return rapid.OneOf(leaf...)
	}
	return rapid.OneOf(append(leaf,
		rapid.Custom(func(t *rapid.T) any { return rapid.SliceOfN(valueGen(depth-1), 0, 4).Draw(t, "list") }),
		rapid.Custom(func(t *rapid.T) any { return objectGen(depth-1).Draw(t, "map") }),
	)...)
}

func objectGen(depth int) *rapid.Generator[map[string]any] {
	return rapid.MapOfN(textGen(), valueGen(depth), 0, 4)
}

// some draws nil or a slice that may be empty.
func some[T any](t *rapid.T, g *rapid.Generator[T]) []T {
	if rapid.Bool().Draw(t, "nil") {
		return nil
	}
	return rapid.SliceOfN(g, 0, 3).Draw(t, "list")
}

func sourceGen() *rapid.Generator[render.Source] {
	return rapid.Custom(func(t *rapid.T) render.Source {
		raw := string(rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "file"))
		return render.Source{File: raw, Line: rapid.IntRange(0, 1<<40).Draw(t, "line")}
	})
}

func problemGen() *rapid.Generator[render.Problem] {
	return rapid.Custom(func(t *rapid.T) render.Problem {
		return render.Problem{
			Cause: render.Cause(textGen().Draw(t, "cause")), Message: textGen().Draw(t, "m"),
			Remedy: textGen().Draw(t, "r"), Source: sourceGen().Draw(t, "s"),
		}
	})
}

func resourceGen() *rapid.Generator[render.Resource] {
	return rapid.Custom(func(t *rapid.T) render.Resource {
		s := func(label string) string { return textGen().Draw(t, label) }
		r := render.Resource{
			Identity: render.Identity{Group: s("g"), Kind: s("k"), Namespace: s("ns"), Name: s("n")},
			Version:  s("v"), RenderedNamespace: s("rns"), Digest: s("d"), Source: sourceGen().Draw(t, "src"),
			Generated: s("gen"), Opaque: s("o"), Local: rapid.Bool().Draw(t, "local"),
		}
		if rapid.Bool().Draw(t, "object") {
			r.Object = objectGen(3).Draw(t, "o")
		}
		r.Positions = some(t, rapid.Custom(func(t *rapid.T) render.Position {
			return render.Position{Path: pathGen().Draw(t, "p"), Source: sourceGen().Draw(t, "s")}
		}))
		r.Masked = some(t, rapid.Custom(func(t *rapid.T) render.Masked {
			return render.Masked{Path: pathGen().Draw(t, "p"), Class: render.SecretClass(s("class")), Digest: s("d")}
		}))
		r.Nested = some(t, rapid.Custom(func(t *rapid.T) render.Nested {
			return render.Nested{
				Path: pathGen().Draw(t, "p"), Encoding: s("e"), Name: s("file"),
				Documents: some(t, valueGen(2)), Text: s("text"),
			}
		}))
		return r
	})
}

func messageGen() *rapid.Generator[Message] {
	return rapid.OneOf(
		rapid.Custom(func(t *rapid.T) Message {
			return &BuildResult{
				Build: render.Build{
					Root:      render.Root{Path: "\xff", Kind: "plain", Files: some(t, rapid.Just("a\xff"))},
					Status:    render.BuildStatus(textGen().Draw(t, "status")),
					Problem:   rapid.Ptr(problemGen(), true).Draw(t, "problem"),
					Resources: some(t, resourceGen()),
					Notices:   some(t, problemGen()),
					Features:  some(t, textGen()),
				},
				Tainted: rapid.Bool().Draw(t, "tainted"), Heap: rapid.Int64Min(0).Draw(t, "heap"),
			}
		}),
		rapid.Custom(func(t *rapid.T) Message {
			return &ParseResult{
				Document: render.Document{Value: valueGen(4).Draw(t, "v")},
				Problem:  rapid.Ptr(problemGen(), true).Draw(t, "problem"),
			}
		}),
		rapid.Custom(func(t *rapid.T) Message {
			return &ScanResult{Facts: some(t, rapid.Custom(func(t *rapid.T) render.FileFacts {
				return render.FileFacts{
					Kustomization: rapid.Bool().Draw(t, "k"), Component: rapid.Bool().Draw(t, "c"),
					Manifest: rapid.Bool().Draw(t, "m"), LocalConfig: rapid.Bool().Draw(t, "l"),
					References: some(t, rapid.Just(render.Reference{Field: "resources", Path: "../x", Line: 3})),
					GitOps:     some(t, rapid.Just(render.GitOps{Kind: "flux", Namespace: "a", Path: "c", Line: 9})),
					Problem:    rapid.Ptr(problemGen(), true).Draw(t, "problem"),
				}
			}))}
		}),
		rapid.Custom(func(t *rapid.T) Message {
			return &FSReply{
				Code: Code(rapid.Byte().Draw(t, "code")), Path: sourceGen().Draw(t, "p").File, Kind: KindDir,
				Content: rapid.SliceOf(rapid.Byte()).Draw(t, "content"),
				Entries: some(t, rapid.Just(DirEntry{Name: "\xff", Dir: true})),
			}
		}),
		rapid.Custom(func(t *rapid.T) Message {
			return &Scan{Files: some(t, rapid.Just(File{Path: "x", Content: []byte("y")}))}
		}),
		rapid.Just[Message](&Hello{Key: []byte("k"), KeyID: "id", Limits: Limits{1, 2, 3, 4, 5, 6, 7}}),
		rapid.Just[Message](&HelloResult{Walls: []Wall{{"network", true, "x"}}}),
		rapid.Just[Message](&Parse{Name: "n", Content: []byte{}}),
		rapid.Just[Message](&Build{Root: render.Root{Path: "p", Kind: "kustomize", Destination: "d"}}),
		rapid.Just[Message](&FSRequest{Op: OpReadDir, Path: "\xfe"}),
	)
}

// What was encoded decodes to equal values, nil and empty apart; and what is
// decoded encodes to the same bytes.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := messageGen().Draw(rt, "message")
		got, err := through(t, m)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(m, got); diff != "" {
			rt.Fatal(diff)
		}
	})
}

// Every prefix of a message, and every message with a byte more, is malformed.
func TestCutAndTrailing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := messageGen().Draw(rt, "message")
		enc := writer([]byte{kindOf(m)})
		m.code(enc)
		for n := range enc.out {
			if _, err := decode(enc.out[:n:n], &texts{}); !errors.Is(err, ErrMalformed) {
				rt.Fatalf("the first %d of %d bytes: %v", n, len(enc.out), err)
			}
		}
		if _, err := decode(append(enc.out, 0), &texts{}); !errors.Is(err, ErrMalformed) {
			rt.Fatalf("a byte too many: %v", err)
		}
	})
}

func TestMalformed(t *testing.T) {
	deep := bytes.Repeat([]byte{tagList, 1}, maxDepth+2)
	parse := kindOf(&ParseResult{})
	for name, frame := range map[string][]byte{
		"empty":           {},
		"unknown kind":    {200},
		"flag of two":     {parse, tagNil, 2},
		"unknown value":   {parse, 99},
		"deep":            append([]byte{parse}, deep...),
		"long count":      {parse, tagList, 0xff, 0xff, 0xff, 0xff, 0x0f},
		"huge count":      {parse, tagList, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
		"padded number":   {parse, tagString, 0x80, 0},
		"long string":     {parse, tagString, 200, 1, 'x'},
		"not UTF-8":       {parse, tagString, 1, 0xff, 0, 0},
		"key not UTF-8":   {parse, tagMap, 1, 1, 0xff, tagNil, 0, 0},
		"no number":       {parse, tagNumber, 3, 'N', 'a', 'N', 0, 0},
		"padded JSON":     {parse, tagNumber, 2, ' ', '1', 0, 0},
		"keys descending": {parse, tagMap, 2, 1, 'b', tagNil, 1, 'a', tagNil, 0, 0},
		"key twice":       {parse, tagMap, 2, 1, 'a', tagNil, 1, 'a', tagNil, 0, 0},
		"path shares":     {parse, tagNil, 1, 1, 5, 0, 1, 0, 0},
	} {
		if m, err := decode(frame, &texts{}); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: decoded to %v, %v", name, m, err)
		}
	}
}

func TestUnsendable(t *testing.T) {
	deep := any("x")
	for range maxDepth + 2 {
		deep = []any{deep}
	}
	for name, v := range map[string]any{
		"int": 1, "float": 1.5, "struct": struct{}{}, "bad text": "\xff", "bad key": map[string]any{"\xff": 1},
		"bad number": json.Number("1x"), "deep": deep, "wrong map": map[any]any{},
	} {
		if _, err := through(t, &ParseResult{Document: render.Document{Value: v}}); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, p := range []render.Path{{-1}, {1.5}, {"\xff"}} {
		doc := render.Document{Positions: []render.Position{{Path: p}}}
		if _, err := through(t, &ParseResult{Document: doc}); !errors.Is(err, ErrMalformed) {
			t.Errorf("path %v: %v", p, err)
		}
	}
}

// Nil lists and maps are null, as encoding/json has it.
func TestNilContainersAreNull(t *testing.T) {
	for _, v := range []any{[]any(nil), map[string]any(nil)} {
		got, err := through(t, &ParseResult{Document: render.Document{Value: v}})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(Message(&ParseResult{}), got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestFrameLimit(t *testing.T) {
	var pipe bytes.Buffer
	small := NewConn(&pipe, &pipe, 16)
	if err := small.Send(&Parse{Content: make([]byte, 100)}); !errors.Is(err, ErrMalformed) || pipe.Len() > 0 {
		t.Fatalf("sent a frame over the limit: %v, %d bytes written", err, pipe.Len())
	}
	if err := NewConn(nil, &pipe, 1<<20).Send(&Parse{Content: make([]byte, 100)}); err != nil {
		t.Fatal(err)
	}
	if _, err := small.Receive(); !errors.Is(err, ErrMalformed) {
		t.Fatalf("took a frame over the limit: %v", err)
	}
}

// A frame that announces much and brings little must not take memory for what
// it announced.
func TestAnnouncedIsNotAllocated(t *testing.T) {
	head := []byte{0x40, 0, 0, 0}
	c := NewConn(io.MultiReader(bytes.NewReader(head), strings.NewReader("x")), io.Discard, 1<<31-1)
	if _, err := c.Receive(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	if c.in.Cap() > 1<<20 {
		t.Fatalf("a buffer of %d bytes", c.in.Cap())
	}
}

// Paths that share all with the one before cost two bytes each and must not
// expand without end.
func TestMemoryIsBounded(t *testing.T) {
	long := make([]byte, 0, 3*maxDepth)
	for range maxDepth {
		long = append(long, 1)
	}
	frame := []byte{kindOf(&ParseResult{}), tagNil, 1}
	const paths = 10_000
	enc := writer(frame)
	n := paths
	enc.int(&n)
	frame = slices.Concat(enc.out, []byte{0, 0x80, 0x02}, long)
	frame = append(frame, 1, 0)
	for range paths - 1 {
		frame = append(frame, 0x80, 0x02, 0, 1, 0)
	}
	frame = append(frame, 0)
	dec := reader(frame[1:], &texts{})
	dec.left = 16 << 20
	if new(ParseResult).code(dec); dec.err == nil || !strings.Contains(dec.err.Error(), "memory") {
		t.Fatalf("%d bytes became %d steps: %v", len(frame), paths*maxDepth, dec.err)
	}
}

// A list of empty maps is the dearest thing to decode for its bytes.
func TestEmptyMapsAreBounded(t *testing.T) {
	const maps, budget = 1 << 20, 16 << 20
	enc := writer([]byte{tagList})
	n := maps
	enc.int(&n)
	dec := reader(append(enc.out, bytes.Repeat([]byte{tagMap, 0}, maps)...), &texts{})
	dec.left = budget + maps*valueSize
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	new(ParseResult).code(dec)
	runtime.ReadMemStats(&after)
	if dec.err == nil || !strings.Contains(dec.err.Error(), "memory") {
		t.Fatal(dec.err)
	}
	// The list itself grows by copying.
	if took := after.TotalAlloc - before.TotalAlloc; took > 3*budget {
		t.Errorf("decoding took %d MiB", took>>20)
	}
}

type handler struct{ t *testing.T }

func (handler) Hello(h Hello) HelloResult { return HelloResult{Walls: []Wall{{Name: h.KeyID}}} }

func (handler) Scan(files []File) []render.FileFacts { return make([]render.FileFacts, len(files)) }

func (handler) Parse(name string, content []byte) ParseResult {
	return ParseResult{Document: render.Document{Value: string(content)}}
}

func (h handler) Build(root render.Root, tree *FS) BuildResult {
	kind, real, err := tree.Stat("link")
	if err != nil || kind != KindFile || real != "target" {
		h.t.Errorf("stat: %v %q %v", kind, real, err)
	}
	content, err := tree.ReadFile("target")
	if err != nil || string(content) != "content" {
		h.t.Errorf("read: %q %v", content, err)
	}
	_, err = tree.ReadDir("gone")
	if e, ok := errors.AsType[*FSError](err); !ok || e.Code != CodeMissing || e.Op != OpReadDir {
		h.t.Errorf("list: %v", err)
	}
	return BuildResult{Build: render.Build{Root: root, Features: []string{root.Path}}, Heap: 7}
}

func TestConversation(t *testing.T) {
	toChild, fromParent := io.Pipe()
	toParent, fromChild := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- Serve(toChild, fromChild, 1<<20, handler{t}) }()
	c := NewConn(toParent, fromParent, 1<<20)
	hello, err := c.Hello(Hello{KeyID: "k", Limits: Limits{Frame: 1 << 20}})
	if err != nil || len(hello.Walls) != 1 || hello.Walls[0].Name != "k" {
		t.Fatal(hello, err)
	}
	if r, err := c.Scan(make([]File, 3)); err != nil || len(r.Facts) != 3 {
		t.Fatal(r, err)
	}
	if r, err := c.Parse("n", []byte("v")); err != nil || r.Document.Value != "v" {
		t.Fatal(r, err)
	}
	// What cannot be handed over is said, and the child lives on.
	if r, err := c.Parse("n", []byte("\xff")); err != nil || r.Problem == nil || r.Problem.Cause != render.CauseLimit {
		t.Fatal(r, err)
	}
	r, err := c.Build(render.Root{Path: "root"}, func(q FSRequest) (FSReply, error) {
		switch q.Op {
		case OpStat:
			return FSReply{Code: CodeOK, Kind: KindFile, Path: "target"}, nil
		case OpReadFile:
			return FSReply{Code: CodeOK, Content: []byte("content")}, nil
		}
		return FSReply{Code: CodeMissing}, nil
	})
	if err != nil || r.Heap != 7 || r.Build.Root.Path != "root" {
		t.Fatal(r, err)
	}
	if err := fromParent.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// A child that is not greeted, or twice, refuses to work.
func TestGreetingComesFirstAndOnce(t *testing.T) {
	for _, messages := range [][]Message{
		{&Parse{}},
		{&Hello{Limits: Limits{Frame: 100}}, &Hello{}},
		{&FSReply{}},
	} {
		var in bytes.Buffer
		c := NewConn(nil, &in, 1<<20)
		for _, m := range messages {
			if err := c.Send(m); err != nil {
				t.Fatal(err)
			}
		}
		if err := Serve(&in, io.Discard, 1<<20, handler{t}); !errors.Is(err, ErrMalformed) {
			t.Errorf("%T: %v", messages[0], err)
		}
	}
}

// typical is what a cluster root becomes: 16 objects.
func typical() *BuildResult {
	b := render.Build{Status: render.StatusBuilt}
	for i := range 16 {
		labels, list := map[string]any{}, []any{}
		r := render.Resource{}
		r.Group, r.Kind, r.Namespace, r.Name = "cluster.x-k8s.io", "Cluster", "fleet", fmt.Sprint("c", i)
		for j := range 20 {
			key := fmt.Sprintf("label.example.com/%d", j)
			labels[key] = fmt.Sprintf("value %d of %d", j, i)
			list = append(list, map[string]any{"name": key, "value": json.Number("12"), "on": true})
			at := render.Source{File: "clusters/eu/cluster.yaml", Line: j}
			for _, key := range []string{"name", "value", "on"} {
				r.Positions = append(r.Positions, render.Position{Path: render.Path{"spec", "list", j, key}, Source: at})
			}
			r.Positions = append(r.Positions, render.Position{Path: render.Path{"metadata", "labels", key}, Source: at})
		}
		r.Object = map[string]any{
			"apiVersion": "v1", "kind": "Cluster",
			"metadata": map[string]any{"labels": labels}, "spec": map[string]any{"list": list},
		}
		b.Resources = append(b.Resources, r)
	}
	return &BuildResult{Build: b}
}

func BenchmarkDecodeRoot(b *testing.B) {
	m := typical()
	enc := writer([]byte{kindOf(m)})
	m.code(enc)
	b.SetBytes(int64(len(enc.out)))
	var known texts
	for b.Loop() {
		if _, err := decode(enc.out, &known); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeRoot(b *testing.B) {
	m := typical()
	var out []byte
	for b.Loop() {
		enc := writer(out[:0])
		if m.code(enc); enc.err != nil {
			b.Fatal(enc.err)
		}
		out = enc.out
	}
}

// Whatever arrives: no panic, and what decodes means the same encoded again.
func FuzzDecode(f *testing.F) {
	small := typical()
	small.Build.Resources = small.Build.Resources[:1]
	small.Build.Resources[0].Positions = small.Build.Resources[0].Positions[:4]
	for _, m := range []Message{
		small, &Hello{Key: []byte("k")}, &ScanResult{Facts: make([]render.FileFacts, 2)},
		&FSReply{Code: CodeOK, Entries: []DirEntry{{"a", true}}}, &Build{Root: render.Root{Files: []string{"a"}}},
		&ParseResult{Document: render.Document{Value: map[string]any{"a": []any{nil, true, "x", json.Number("1.5")}}}},
	} {
		enc := writer([]byte{kindOf(m)})
		m.code(enc)
		f.Add(enc.out)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		m, err := decode(frame, &texts{})
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Fatalf("%v is not ErrMalformed", err)
			}
			return
		}
		first := writer([]byte{kindOf(m)})
		if m.code(first); first.err != nil {
			t.Fatalf("what was decoded cannot be encoded: %v", first.err)
		}
		again, err := decode(first.out, &texts{})
		if err != nil {
			t.Fatalf("what was encoded cannot be decoded: %v", err)
		}
		second := writer([]byte{kindOf(again)})
		if again.code(second); !bytes.Equal(first.out, second.out) {
			t.Fatalf("%x encoded again is %x", first.out, second.out)
		}
	})
}
