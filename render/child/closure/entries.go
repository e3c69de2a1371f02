package closure

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/types"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/manifest"
	"github.com/countersign-dev/countersign/render/wire"
)

// reading goes through what one kustomization names. After the first problem
// everything is a no-op.
type reading struct {
	c       *Closure
	k       *Kustomization
	total   load
	problem *render.Problem
}

// entries reads everything that a kustomization names.
func (c *Closure) entries(k *Kustomization, as role) (load, *render.Problem) {
	r := &reading{c: c, k: k}
	r.refuse()
	if as == asPlugin {
		r.each("resources", k.Resources, r.plugin)
		r.each("bases", k.Bases, r.plugin) //nolint:staticcheck // real trees use it
	} else {
		r.each("resources", k.Resources, r.resource)
		r.each("bases", k.Bases, r.resource) //nolint:staticcheck // real trees use it
	}
	r.each("configurations", k.Configurations, r.steering)
	r.each("crds", k.Crds, r.steering)
	r.generators()
	r.each("generators", k.Generators, r.plugin)
	r.each("components", k.Components, r.component)
	r.patches()
	r.replacements()
	r.vars()
	r.each("transformers", k.Transformers, r.plugin)
	r.each("validators", k.Validators, r.plugin)
	r.openapi()
	r.c.watch(k.CommonAnnotations)
	return r.total, r.problem
}

// each visits the entries of one field and notes the features that matter.
func (r *reading) each(field string, values []string, visit func(naming)) {
	if len(values) > 0 && steers[field] {
		r.c.Features[field] = true
	}
	for i, value := range values {
		if r.problem == nil {
			visit(naming{k: r.k, field: field, steps: []any{field, i}, value: value})
		}
	}
}

// steers are the fields that run code or rewrite at large.
var steers = map[string]bool{
	"configurations": true, "crds": true, "generators": true, "transformers": true, "validators": true,
}

func (r *reading) fail(n naming, cause render.Cause, why, remedy string) {
	if r.problem == nil {
		r.problem = &render.Problem{Cause: cause, Source: n.source(), Message: n.says() + why, Remedy: remedy}
	}
}

// refuse says what needs Helm.
func (r *reading) refuse() {
	for _, field := range []struct {
		name string
		used bool
	}{
		{"helmCharts", len(r.k.HelmCharts) > 0},
		{"helmChartInflationGenerator", len(r.k.HelmChartInflationGenerator) > 0},
	} {
		if field.used && r.problem == nil {
			r.problem = function(r.k.Source(field.name, 0), field.name+" needs Helm, which is never run")
		}
	}
}

const opaqueRemedy = ", or list the root under roots.opaque"

func function(at render.Source, message string) *render.Problem {
	return &render.Problem{
		Cause: render.CauseFunction, Source: at, Message: message,
		Remedy: "commit what it generates to the repository" + opaqueRemedy,
	}
}

func (r *reading) remote(n naming) {
	n.value = withoutCredentials(n.value)
	r.fail(n, render.CauseRemote, ", which is outside the repository: nothing is fetched",
		"copy it into the repository"+opaqueRemedy)
}

// withoutCredentials keeps of a URL what names the place.
func withoutCredentials(name string) string {
	name, _, _ = strings.Cut(name, "?")
	if u, err := url.Parse(name); err == nil {
		u.User, u.Fragment = nil, ""
		return u.String()
	}
	if at := strings.LastIndexByte(name, '@'); at >= 0 {
		return name[at+1:]
	}
	return name
}

// place is what an entry leads to.
type place struct {
	kind wire.Kind
	name string // as kustomize asks for it
	real string // with symlinks Resolved
}

// find resolves an entry; ok is false after a problem was recorded.
func (r *reading) find(n naming, folders bool) (place, bool) {
	if remoteFile(n.value) {
		r.remote(n)
		return place{}, false
	}
	if path.IsAbs(n.value) {
		r.fail(n, render.CauseMissing, ", an absolute path", "name it relative to the kustomization")
		return place{}, false
	}
	name, err := Inside(path.Join(Outside(r.k.Dir), n.value))
	if err == nil {
		var p place
		if p.kind, p.real, err = r.c.tree.Stat(name); err == nil {
			p.name = name
			return p, true
		}
	}
	switch {
	case folders && remoteFolder(n.value):
		r.remote(n)
	case errors.Is(err, errOutside):
		r.fail(n, render.CauseMissing, ", which leads out of the repository", "name a path inside the repository")
	case missing(err):
		r.fail(n, render.CauseMissing, ", which is not in the tree", "add it, or remove the entry")
	default:
		r.problem = Unreadable(err, n.source(), n.says()+", which")
	}
	return place{}, false
}

// resource is a file of objects, or a folder to build on.
func (r *reading) resource(n naming) {
	p, ok := r.find(n, true)
	if !ok {
		return
	}
	if p.kind == wire.KindDir {
		r.folder(n, p, asResource)
		return
	}
	docs, ok := r.documents(n, p)
	if !ok {
		return
	}
	bytes, _ := r.c.tree.Read(p.name) // it was just read
	l := load{accumulations: 1, bytes: len(bytes)}
	for _, doc := range docs {
		for _, object := range Objects(doc) {
			l.objects++
			r.c.watchObject(object.Value)
			r.c.noticeFunction(object)
		}
	}
	r.total = r.total.plus(l)
	r.c.remember(docs)
}

func (r *reading) component(n naming) {
	p, ok := r.find(n, true)
	if !ok {
		return
	}
	if p.kind != wire.KindDir {
		r.fail(n, render.CauseSyntax, ", which is a file; a component is a folder", "")
		return
	}
	r.folder(n, p, asComponent)
}

func (r *reading) folder(n naming, p place, as role) {
	if remoteFolder(n.value) {
		r.remote(n)
		return
	}
	if ambiguous(n.value) {
		r.fail(n, render.CauseSyntax,
			", which kustomize takes for two list items that ran together: a name with \"..\" in it",
			"correct the indentation, or rename the folder")
		return
	}
	below, problem := r.c.folder(p.real, as, n)
	r.problem = problem
	r.total = r.total.plus(below)
}

// ambiguous reports whether kustomize refuses a folder because a part of its
// path holds "..", as two list items do that ran together.
func ambiguous(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if part != ".." && strings.Contains(part, "..") {
			return true
		}
	}
	return false
}

// documents reads a file as YAML, as kustomize will.
func (r *reading) documents(n naming, p place) ([]manifest.Doc, bool) {
	bytes, ok := r.raw(n, p)
	if !ok {
		return nil, false
	}
	if plainJSON(bytes) {
		// JSON has no aliases, and some of it is no YAML.
		return jsonDocument(p.real, bytes), true
	}
	docs, problem := r.c.decode(p.real, bytes)
	r.problem = problem
	return docs, problem == nil
}

// plainJSON reports whether kustomize would read a file as JSON, not YAML.
func plainJSON(bytes []byte) bool {
	return len(bytes) > 0 && bytes[0] == '[' && json.Valid(bytes)
}

func jsonDocument(name string, bytes []byte) []manifest.Doc {
	docs, problem := manifest.Decode(name, bytes, manifest.Limits{Bytes: len(bytes)})
	if problem == nil {
		return docs
	}
	doc := manifest.Doc{Name: name}
	decoder := json.NewDecoder(strings.NewReader(string(bytes)))
	decoder.UseNumber()
	if decoder.Decode(&doc.Value) != nil {
		return nil
	}
	return []manifest.Doc{doc}
}

// raw reads a file as it is.
func (r *reading) raw(n naming, p place) ([]byte, bool) {
	if p.kind == wire.KindDir {
		r.fail(n, render.CauseSyntax, ", which is a folder; a file is needed here", "")
		return nil, false
	}
	bytes, err := r.c.tree.Read(p.name)
	if err != nil {
		r.problem = Unreadable(err, n.source(), n.says()+", which")
		return nil, false
	}
	return bytes, true
}

// steering is a file that tells kustomize what fields mean.
func (r *reading) steering(n naming) {
	p, ok := r.find(n, false)
	if !ok {
		return
	}
	docs, ok := r.documents(n, p)
	if ok && len(docs) == 0 {
		r.fail(n, render.CauseSyntax, ", which is empty", "remove the entry")
	}
	for _, doc := range docs {
		r.c.watchSteering(doc.Value)
		if n.field == "replacements" {
			r.selfReplacements(doc.Value, render.Source{File: p.real, Line: doc.Line(nil)})
		}
	}
}

// openapi is the one field whose effect outlives the build.
func (r *reading) openapi() {
	if len(r.k.OpenAPI) == 0 || r.problem != nil {
		return
	}
	r.c.Features["openapi"] = true
	r.c.Tainting = true
	r.c.Notices = append(r.c.Notices, render.Problem{
		Cause: render.CauseSyntax, Source: r.k.Source("openapi"),
		Message: "the root brings a schema of its own, which changes how lists are merged",
		Remedy:  "review the rendered objects with care",
	})
	name, ok := r.k.OpenAPI["path"]
	if !ok {
		return
	}
	n := naming{k: r.k, field: "openapi.path", steps: []any{"openapi", "path"}, value: name}
	if p, ok := r.find(n, false); ok {
		if bytes, ok := r.raw(n, p); ok && !json.Valid(bytes) {
			r.documents(n, p)
		}
	}
}

// generators reads the files of the built-in generators.
func (r *reading) generators() {
	for i := range r.k.ConfigMapGenerator {
		g := &r.k.ConfigMapGenerator[i]
		r.generator("configMapGenerator", i, "ConfigMap", &g.GeneratorArgs)
	}
	for i := range r.k.SecretGenerator {
		g := &r.k.SecretGenerator[i]
		r.generator("secretGenerator", i, "Secret", &g.GeneratorArgs)
	}
	if r.k.GeneratorOptions != nil {
		r.c.watch(r.k.GeneratorOptions.Annotations)
	}
}

func (r *reading) generator(field string, i int, kind string, g *types.GeneratorArgs) {
	at := []any{field, i}
	r.pairs(at, g.FileSources, slices.Concat(g.EnvSources, oneOf(g.EnvSource)))
	if g.Options != nil {
		r.c.watch(g.Options.Annotations)
	}
	r.c.Generators = append(r.c.Generators, Generator{
		Kind: kind, Name: g.Name, Behavior: g.Behavior, Literals: g.LiteralSources, Files: g.FileSources,
		K: r.k, Steps: at, At: r.k.Source(at...),
	})
	r.total = r.total.plus(load{objects: 1, accumulations: 1})
}

func oneOf(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// pairs reads what a generator takes its keys and values from.
func (r *reading) pairs(at []any, files, envs []string) {
	visit := func(field, name string, i int) {
		if r.problem != nil {
			return
		}
		n := naming{k: r.k, field: fmt.Sprintf("%s.%s", at[0], field), value: name}
		n.steps = append(append(n.steps, at...), field, i)
		if p, ok := r.find(n, false); ok {
			bytes, _ := r.raw(n, p)
			r.total = r.total.plus(load{bytes: len(bytes)})
		}
	}
	for i, file := range files {
		if key, name, ok := strings.Cut(file, "="); ok && key != "" && name != "" {
			file = name
		}
		visit("files", file, i)
	}
	for i, env := range envs {
		visit("envs", env, i)
	}
}
