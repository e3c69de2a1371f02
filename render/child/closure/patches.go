package closure

import (
	"encoding/json"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/manifest"
	"github.com/countersign-dev/countersign/render/wire"
)

// Patch is one patch of a closure: the documents of a strategic merge, or a
// list of JSON patch operations, with where they were written. Above is how
// many lines of File come before the first of an inline patch; Target is nil
// where the documents name their own objects.
type Patch struct {
	Docs   []manifest.Doc
	File   string
	Above  int // lines of the file above the first of an inline patch
	Target *types.Selector
}

// Generator is one entry of a built-in generator.
type Generator struct {
	Kind, Name, Behavior string
	Literals             []string
	Files                []string
	// K is the kustomization that holds the entry, Steps its path in it: nil for
	// a plugin's configuration.
	K     *Kustomization
	Steps []any
	At    render.Source // the entry itself
}

// text is YAML inside a kustomization: an inline patch or plugin.
type text struct {
	naming
	content string
}

func (r *reading) patches() {
	for i, p := range r.k.PatchesStrategicMerge { //nolint:staticcheck // real trees use it
		n := naming{k: r.k, field: "patchesStrategicMerge", steps: []any{"patchesStrategicMerge", i}, value: string(p)}
		r.patchOrPath(n)
	}
	for i := range r.k.Patches {
		r.patch("patches", i, r.k.Patches[i])
	}
	for i, p := range r.k.PatchesJson6902 { //nolint:staticcheck // real trees use it
		r.patch("patchesJson6902", i, p)
	}
}

// patch reads one entry of a list of patches. What is neither file nor text
// is left to kustomize to refuse.
func (r *reading) patch(field string, i int, p types.Patch) {
	if p.Target != nil && p.Target.AnnotationSelector != "" {
		r.c.Watchful = true
	}
	if p.Path != "" {
		n := naming{k: r.k, field: field, steps: []any{field, i, "path"}, value: p.Path}
		r.patchFile(n, p.Target)
	}
	if p.Patch != "" {
		n := naming{k: r.k, field: field, steps: []any{field, i, "patch"}}
		r.inlinePatch(text{n, p.Patch}, p.Target)
	}
}

// patchOrPath reads an entry that is either a patch itself or names a file.
func (r *reading) patchOrPath(n naming) {
	if r.problem == nil && inline(n.value) {
		r.inlinePatch(text{n, n.value}, nil)
		return
	}
	r.patchFile(n, nil)
}

func (r *reading) patchFile(n naming, target *types.Selector) {
	if r.problem != nil {
		return
	}
	p, ok := r.find(n, false)
	if !ok {
		return
	}
	if docs, ok := r.documents(n, p); ok {
		r.keepPatch(Patch{Docs: docs, File: p.real, Target: target})
	}
}

func (r *reading) inlinePatch(t text, target *types.Selector) {
	docs, above, ok := r.Inside(t)
	if ok {
		r.keepPatch(Patch{Docs: docs, File: r.k.File, Above: above, Target: target})
	}
}

func (r *reading) keepPatch(p Patch) {
	r.c.Patches = append(r.c.Patches, p)
	r.total = r.total.plus(load{accumulations: 1})
	for _, doc := range p.Docs {
		r.c.watchPatch(doc.Value)
		if r.problem == nil && selfCopies(doc.Value) > maxSelfCopies {
			r.problem = &render.Problem{
				Cause: render.CauseLimit, Source: render.Source{File: p.File, Line: p.Above + doc.Line(nil)},
				Message: fmt.Sprintf("a JSON patch copies a value into itself more than %d times", maxSelfCopies),
				Remedy:  "write the values out",
			}
		}
	}
}

// maxSelfCopies is how often one JSON patch may double what it patches.
const maxSelfCopies = 8

// selfCopies counts the operations that copy a value into itself.
func selfCopies(patch any) int {
	copies := 0
	list, _ := patch.([]any)
	for _, item := range list {
		op := Object{Value: AsMap(item)}
		if from := op.Text("from"); op.Text("op") == "copy" && strings.HasPrefix(op.Text("path"), from) {
			copies++
		}
	}
	return copies
}

// inside decodes YAML that a kustomization holds as text.
func (r *reading) Inside(t text) (docs []manifest.Doc, above int, ok bool) {
	if r.problem != nil {
		return nil, 0, false
	}
	above = r.k.above(t.steps)
	if plainJSON([]byte(strings.TrimSpace(t.content))) {
		return jsonDocument(r.k.File, []byte(strings.TrimSpace(t.content))), above, true
	}
	docs, problem := manifest.Decode(r.k.File, []byte(t.content), manifest.Limits{Bytes: int(r.c.limits.File)})
	if problem != nil {
		problem.Source.Line += above
		problem.Message = fmt.Sprintf("the text in %s: %s", t.field, problem.Message)
		r.problem = problem
		return nil, 0, false
	}
	return docs, above, true
}

// above is how many lines of the file come before the first line of the text
// at a path.
func (k *Kustomization) above(steps []any) int {
	node := k.Doc.Node
	for _, step := range steps {
		node = ChildNode(node, step)
	}
	if node == nil {
		return max(0, k.Doc.Line(steps)-1)
	}
	if node.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		return node.Line
	}
	return node.Line - 1
}

// inline reports whether kustomize takes an entry for YAML rather than for a
// path.
func inline(entry string) bool {
	docs, problem := manifest.Decode("", []byte(entry), manifest.Limits{})
	if problem != nil {
		return strings.Contains(entry, "\n")
	}
	for _, doc := range docs {
		if _, ok := doc.Value.(map[string]any); !ok && doc.Node != nil {
			return false
		}
	}
	return true
}

func (r *reading) replacements() {
	if len(r.k.Replacements) > 0 {
		r.c.Features["replacements"] = true
	}
	for i := range r.k.Replacements {
		replacement := &r.k.Replacements[i]
		if replacement.Path == "" {
			value := plain(replacement.Replacement)
			r.c.watchSteering(value)
			r.selfReplacements(value, r.k.Source("replacements"))
			continue
		}
		if r.problem != nil {
			return
		}
		r.steering(naming{
			k: r.k, field: "replacements", steps: []any{"replacements", i, "path"}, value: replacement.Path,
		})
	}
}

// selfReplacements counts the replacements that copy a field into itself.
func (r *reading) selfReplacements(value any, at render.Source) {
	list, ok := value.([]any)
	if !ok {
		list = []any{value}
	}
	for _, item := range list {
		replacement := Object{Value: AsMap(item)}
		from := replacement.Text("source", "fieldPath")
		targets, _ := replacement.Value["targets"].([]any)
		for _, target := range targets {
			paths, _ := AsMap(target)["fieldPaths"].([]any)
			for _, path := range paths {
				if to, ok := path.(string); ok && from != "" && strings.HasPrefix(to, from+".") {
					r.c.selfReplaced++
				}
			}
		}
	}
	if r.problem == nil && r.c.selfReplaced > maxSelfCopies {
		r.problem = &render.Problem{
			Cause: render.CauseLimit, Source: at,
			Message: fmt.Sprintf("more than %d replacements copy a field into itself", maxSelfCopies),
			Remedy:  "write the values out",
		}
	}
}

func (r *reading) vars() {
	vars := r.k.Vars //nolint:staticcheck // real trees use it
	if len(vars) > 0 {
		r.c.Features["vars"] = true
		r.c.watchSteering(plain(vars))
	}
}

// plain turns a kustomize type into values.
func plain(v any) any {
	bytes, err := json.Marshal(v)
	var value any
	if err == nil {
		err = json.Unmarshal(bytes, &value)
	}
	if err != nil {
		return "annotations" // what cannot be looked through is watched
	}
	return value
}

// plugin is the configuration of a generator, transformer or validator: text,
// a file, or a folder whose objects are configurations.
func (r *reading) plugin(n naming) {
	if inline(n.value) {
		if docs, above, ok := r.Inside(text{n, n.value}); ok {
			r.plugins(docs, r.k.File, above)
		}
		return
	}
	p, ok := r.find(n, true)
	if !ok {
		return
	}
	if p.kind == wire.KindDir {
		r.folder(n, p, asPlugin)
		return
	}
	if docs, ok := r.documents(n, p); ok {
		r.plugins(docs, p.real, 0)
	}
}

// plugins refuses what is not built in and reads what the others name. The
// paths are relative to the kustomization that uses them.
func (r *reading) plugins(docs []manifest.Doc, file string, above int) {
	r.total = r.total.plus(load{accumulations: 1})
	for _, doc := range docs {
		for _, object := range Objects(doc) {
			if r.problem == nil {
				r.builtin(object, render.Source{File: file, Line: above + object.Line()})
			}
		}
	}
}

// named are the fields of the built-in plugins that hold paths or YAML. Keys
// are matched as kustomize matches them: without regard to case.
type named struct {
	types.GeneratorArgs
	Path           string
	Patch          string
	JSONOp         string `json:"jsonOp"`
	Paths          []string
	Patches        string
	TargetFilePath string
	Replacements   []types.ReplacementField
}

func (r *reading) builtin(o Object, at render.Source) {
	r.c.watchSteering(o.Value)
	kind, _ := o.Value["kind"].(string)
	if version, _ := o.Value["apiVersion"].(string); version != "builtin" {
		r.problem = function(at, fmt.Sprintf("the plugin %s is not one of kustomize's own: no function, "+
			"container or program of a repository is run", Quoted(kind)))
		return
	}
	if kind == "HelmChartInflationGenerator" {
		r.problem = function(at, "HelmChartInflationGenerator needs Helm, which is never run")
		return
	}
	var fields named
	if bytes, err := json.Marshal(o.Value); err != nil || json.Unmarshal(bytes, &fields) != nil {
		return // kustomize will say what is wrong with its shape
	}
	r.fields(&fields, naming{k: r.k, field: kind})
	if kind == "ConfigMapGenerator" || kind == "SecretGenerator" {
		r.c.Generators = append(r.c.Generators, Generator{
			Kind: strings.TrimSuffix(kind, "Generator"), Name: o.Text("metadata", "name"), Behavior: fields.Behavior,
			Literals: fields.LiteralSources, Files: fields.FileSources, K: r.k, At: at,
		})
		r.total = r.total.plus(load{objects: 1})
	}
}

func (r *reading) fields(f *named, by naming) {
	name := func(value string) naming {
		by.value = value
		return by
	}
	paths := append(oneOf(f.TargetFilePath), f.EnvSources...)
	for _, file := range f.FileSources {
		if _, name, ok := strings.Cut(file, "="); ok {
			file = name
		}
		paths = append(paths, file)
	}
	for _, value := range append(paths, oneOf(f.EnvSource)...) {
		if r.problem != nil {
			return
		}
		if p, ok := r.find(name(value), false); ok {
			r.raw(name(value), p)
		}
	}
	for _, value := range append(f.Paths, oneOf(f.Path)...) {
		r.patchOrPath(name(value))
	}
	for _, content := range []string{f.Patch, f.JSONOp, f.Patches} {
		if content != "" {
			r.inlinePatch(text{by, content}, nil)
		}
	}
	for i := range f.Replacements {
		if value := f.Replacements[i].Path; value != "" && r.problem == nil {
			r.steering(name(value))
		}
	}
}
