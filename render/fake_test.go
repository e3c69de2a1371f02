package render

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
)

// memory is a tree of a test: paths to contents; a content that begins with
// "-> " is a symlink, with "+x " an executable file.
type memory map[string]string

func (m memory) ID() string { return m.id("") }

func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

func (m memory) id(dir string) string {
	entries, _ := m.ReadDir(context.Background(), dir)
	return digest(fmt.Sprint(entries))
}

func (m memory) ReadDir(_ context.Context, dir string) ([]Entry, error) {
	found := map[string]Entry{}
	for name, content := range m {
		rest, ok := strings.CutPrefix(name, dir+"/")
		if dir == "" {
			rest, ok = name, true
		}
		if !ok {
			continue
		}
		first, _, below := strings.Cut(rest, "/")
		switch {
		case below:
			found[first] = Entry{Name: first, Mode: ModeDir, ID: m.id(path.Join(dir, first))}
		case strings.HasPrefix(content, "-> "):
			found[first] = Entry{Name: first, Mode: ModeSymlink, ID: digest(content)}
		case strings.HasPrefix(content, "+x "):
			found[first] = Entry{Name: first, Mode: ModeExecutable, ID: digest(content[3:])}
		default:
			found[first] = Entry{Name: first, Mode: ModeFile, ID: digest(content)}
		}
	}
	if len(found) == 0 && dir != "" {
		return nil, fs.ErrNotExist
	}
	return slices.SortedFunc(maps.Values(found), func(a, b Entry) int { return strings.Compare(a.Name, b.Name) }), nil
}

func (m memory) ReadFile(_ context.Context, name string) ([]byte, error) {
	content, ok := m[name]
	if !ok {
		return nil, fs.ErrNotExist
	}
	return []byte(strings.TrimPrefix(strings.TrimPrefix(content, "-> "), "+x ")), nil
}

// with returns the tree with some files set and, where "", removed.
func (m memory) with(edits map[string]string) memory {
	next := maps.Clone(m)
	for name, content := range edits {
		if next[name] = content; content == "" {
			delete(next, name)
		}
	}
	return next
}

// kustomization and manifests of tests are JSON, which is YAML, too.
type kustomization struct {
	Kind         string   `json:"kind,omitempty"`
	Resources    []string `json:"resources,omitempty"`
	Components   []string `json:"components,omitempty"`
	Patches      []string `json:"patches,omitempty"`
	Transformers []string `json:"transformers,omitempty"`
}

func (k kustomization) String() string {
	text, _ := json.Marshal(k)
	return string(text)
}

func kustomize(resources ...string) string { return kustomization{Resources: resources}.String() }

func manifest(kind, name string, extra ...string) string {
	const form = `{"apiVersion":"v1","kind":%q,"metadata":{"name":%q},"spec":{%s}}`
	return fmt.Sprintf(form, kind, name, strings.Join(extra, ","))
}

func flux(name, folder, kubeconfig string) string {
	return fmt.Sprintf(`{"apiVersion":"kustomize.toolkit.fluxcd.io/v1","kind":"Kustomization","metadata":{"name":%q},`+
		`"gitops":{"Kind":"flux","Path":%q,"Destination":%q}}`, name, folder, kubeconfig)
}

// fake is a builder that does what kustomize does with the tests' files:
// resources, components and patches, through symlinks, recording every look.
type fake struct {
	mu      sync.Mutex
	scanned []string
	built   []string
}

func (f *fake) Scan(ctx context.Context, tree Tree, paths []string) ([]FileFacts, error) {
	var all []FileFacts
	for _, name := range paths {
		content, err := tree.ReadFile(ctx, name)
		if err != nil {
			return nil, err
		}
		all = append(all, scanFake(path.Base(name), content))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.scanned = append(f.scanned, paths...)
	return all, nil
}

func scanFake(base string, content []byte) FileFacts {
	facts := FileFacts{Kustomization: slices.Contains(kustomizationNames, base)}
	var k kustomization
	if err := json.Unmarshal(content, &k); err != nil {
		facts.Problem = &Problem{Cause: CauseSyntax, Message: "not JSON", Source: Source{File: base}}
		facts.Manifest = bytes.Contains(content, []byte("kind:"))
		return facts
	}
	var object struct {
		APIVersion string
		GitOps     *GitOps
		Reads      string
	}
	if json.Unmarshal(content, &object) == nil {
		facts.Manifest = object.APIVersion != ""
		if object.GitOps != nil {
			facts.GitOps = []GitOps{*object.GitOps}
		}
		if object.Reads != "" {
			facts.References = []Reference{{"path", object.Reads, 1}}
		}
	}
	if !facts.Kustomization {
		return facts
	}
	facts.Component = k.Kind == "Component"
	for field, paths := range map[string][]string{
		"resources": k.Resources, "components": k.Components, "patches": k.Patches, "transformers": k.Transformers,
	} {
		for i, path := range paths {
			facts.References = append(facts.References, Reference{field, path, i + 1})
		}
	}
	return facts
}

func (f *fake) Parse(context.Context, string, []byte) (Document, *Problem, error) {
	return Document{}, nil, nil
}

func (f *fake) Build(ctx context.Context, tree Tree, root Root) (Build, error) {
	f.mu.Lock()
	f.built = append(f.built, tree.ID()+":"+root.Path)
	f.mu.Unlock()
	b := &building{ctx: ctx, tree: tree, probes: map[string]Probe{}}
	switch root.Kind {
	case RootKustomize:
		b.folder(root.Path, nil)
	case RootPlain:
		for _, name := range root.Files {
			b.file(name)
		}
	case RootFile:
		b.file(root.Path)
	}
	build := Build{Root: root, Status: StatusBuilt, Resources: b.resources}
	if b.problem != nil {
		build.Status, build.Problem, build.Resources = StatusFailed, b.problem, nil
	}
	for _, name := range slices.Sorted(maps.Keys(b.probes)) {
		build.Probes = append(build.Probes, b.probes[name])
	}
	return build, nil
}

type building struct {
	ctx       context.Context
	tree      Tree
	probes    map[string]Probe
	resources []Resource
	problem   *Problem
}

func (b *building) fail(format string, args ...any) {
	if b.problem == nil {
		b.problem = &Problem{Cause: CauseSyntax, Message: fmt.Sprintf(format, args...)}
	}
}

func (b *building) resolve(name string) (Resolution, bool) {
	at, err := Resolve(b.ctx, b.tree, name)
	for _, probe := range at.Probes {
		b.probes[probe.Path] = probe
	}
	return at, err == nil
}

func (b *building) read(name string) []byte {
	at, ok := b.resolve(name)
	if !ok || at.Entry.Mode == ModeDir {
		b.fail("no file %q", name)
		return nil
	}
	content, err := b.tree.ReadFile(b.ctx, at.Path)
	if err != nil {
		b.fail("read %q: %v", name, err)
	}
	return content
}

func (b *building) folder(dir string, above []string) {
	if slices.Contains(above, dir) {
		b.fail("circle at %q", dir)
		return
	}
	var file string
	for _, name := range kustomizationNames {
		if at, ok := b.resolve(path.Join(dir, name)); ok && at.Entry.Mode != ModeDir {
			if file != "" {
				b.fail("two kustomizations in %q", dir)
			}
			file = path.Join(dir, name)
		}
	}
	if file == "" {
		b.fail("no kustomization in %q", dir)
		return
	}
	var k kustomization
	if content := b.read(file); json.Unmarshal(content, &k) != nil {
		b.fail("cannot parse %q", file)
	}
	for _, name := range slices.Concat(k.Resources, k.Components) {
		at, ok := b.resolve(path.Join(dir, name))
		switch {
		case !ok:
			b.fail("nothing at %q", path.Join(dir, name))
		case at.Entry.Mode == ModeDir:
			b.folder(at.Path, append(above, dir))
		default:
			b.file(at.Path)
		}
	}
	for _, name := range k.Patches {
		b.patch(string(b.read(path.Join(dir, name))))
	}
	for _, name := range k.Transformers {
		b.transform(dir, name, above)
	}
}

// transform runs a transformer whose configuration may name a further file,
// relative to the folder that uses it.
func (b *building) transform(dir, name string, above []string) {
	at, ok := b.resolve(path.Join(dir, name))
	if ok && at.Entry.Mode == ModeDir {
		b.folder(at.Path, append(above, dir))
		return
	}
	config := b.read(path.Join(dir, name))
	var object struct{ Reads string }
	if json.Unmarshal(config, &object) == nil && object.Reads != "" {
		b.patch(string(b.read(path.Join(dir, object.Reads))))
	}
	b.patch(string(config))
}

func (b *building) patch(text string) {
	for i := range b.resources {
		r := &b.resources[i]
		r.Object = maps.Clone(r.Object)
		r.Object["patched"] = fmt.Sprint(r.Object["patched"]) + text
		r.Digest = digest(fmt.Sprint(r.Object))
	}
}

func (b *building) file(name string) {
	var object map[string]any
	if json.Unmarshal(b.read(name), &object) != nil {
		b.fail("cannot parse %q", name)
		return
	}
	kind, _ := object["kind"].(string)
	metadata, _ := object["metadata"].(map[string]any)
	label, _ := metadata["name"].(string)
	b.resources = append(b.resources, Resource{
		Identity: Identity{Kind: kind, Name: label}, Version: "v1", Object: object,
		Digest: digest(fmt.Sprint(object)), Source: Source{File: name, Line: 1},
	})
}

// cloned reports paths of roots with their kinds, for short wants.
func list(roots []Root) []string {
	var all []string
	for _, root := range roots {
		text := string(root.Kind) + " " + root.Path
		if len(root.Files) > 0 {
			text += " " + strings.Join(root.Files, ",")
		}
		if root.Destination != root.Path {
			text += " to " + root.Destination
		}
		all = append(all, text)
	}
	return all
}

func rootsOfTree(t *testing.T, tree Tree, opts Options) *RootSet {
	t.Helper()
	set, err := Roots(t.Context(), &fake{}, tree, opts)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func compare(t *testing.T, base, head Tree) *Comparison {
	t.Helper()
	c, err := Compare(t.Context(), &fake{}, base, head, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}
