package child

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/hasher"
	"sigs.k8s.io/kustomize/api/resmap"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/render/child/closure"
)

// injection says whether the results will carry kustomize's own note of where
// they came from, and whether that note is ours to remove.
type injection struct {
	asked, ours bool
}

// maxNoted bounds what it costs kustomize to note origins: it also writes down
// every transformation, anew each time, for every object.
const maxNoted = 100_000

// results builds the root. Kustomize is made to note the origin of every object
// only where names alone do not tell it: that costs more than all the rest.
func (b *builder) results(c *closure.Closure) (resmap.ResMap, injection, error) {
	top := c.Top()
	if slices.Contains(top.BuildMetadata, types.OriginAnnotations) {
		results, err := runKustomize(b.tree, top.Dir)
		return results, injection{asked: true}, err
	}
	var noted injection
	if ambiguous(c) {
		noted = b.inject(c, top)
	}
	results, err := runKustomize(b.tree, top.Dir)
	if err != nil || noted.asked || newTrace(b.tree, c).names.tell(results) {
		return results, noted, err
	}
	if noted = b.inject(c, top); noted.asked {
		results, err = runKustomize(b.tree, top.Dir)
	}
	return results, noted, err
}

// inject makes kustomize note the origin of every object, by showing it the
// root's kustomization with one more buildMetadata option. It does so only
// where the note cannot be seen by what the root does, and where it is not too
// dear; and only if the file means the same otherwise.
func (b *builder) inject(c *closure.Closure, top *closure.Kustomization) injection {
	if c.Watchful || noted(c) > maxNoted {
		return injection{}
	}
	bytes, err := b.tree.Read(top.File)
	if err != nil {
		return injection{}
	}
	shown, ok := withOrigins(bytes)
	if !ok {
		return injection{}
	}
	b.tree.Show(top.File, shown)
	return injection{asked: true, ours: true}
}

// ambiguous reports what shows before the build that names alone may not tell
// where an object was written: something generates or renames, or two documents
// have one name.
func ambiguous(c *closure.Closure) bool {
	if len(c.Generators) > 0 || c.Features["generators"] || c.Features["transformers"] || renames(c) {
		return true
	}
	known := map[title]bool{}
	for _, doc := range c.Resources {
		for _, o := range closure.Objects(doc) {
			at := titleOf(o)
			if known[at] {
				return true
			}
			known[at] = true
		}
	}
	return false
}

// renames reports whether something else than prefixes and suffixes may change
// what an object is called, as far as that can be seen.
func renames(c *closure.Closure) bool {
	for _, k := range c.Kustomizations {
		for _, p := range k.Patches {
			if p.Options != nil && (p.Options.AllowNameChange || p.Options.AllowKindChange) {
				return true
			}
		}
		for _, r := range k.Replacements {
			for _, target := range r.Targets {
				if target != nil && slices.ContainsFunc(target.FieldPaths, titular) {
					return true
				}
			}
		}
	}
	for _, p := range c.Patches {
		for _, doc := range p.Docs {
			list, _ := doc.Value.([]any)
			for _, item := range list {
				op := closure.Object{Value: closure.AsMap(item)}
				if titular(strings.ReplaceAll(strings.TrimPrefix(op.Text("path"), "/"), "/", ".")) {
					return true
				}
			}
		}
	}
	return false
}

// titular reports whether who writes a field may write what an object is called.
func titular(field string) bool {
	switch field {
	case "", "metadata", "metadata.name", "kind", "apiVersion":
		return true
	}
	return false
}

// noted is about how many transformations kustomize would write down in all.
func noted(c *closure.Closure) int {
	objects := len(c.Generators)
	for _, doc := range c.Resources {
		objects += len(closure.Objects(doc))
	}
	transformations := len(c.Patches) + len(c.Kustomizations)
	return objects * transformations * transformations
}

// withOrigins returns a kustomization that asks for origins and is otherwise
// the same; ok is false if there is none.
func withOrigins(bytes []byte) (shown []byte, ok bool) {
	asJSON, err := yaml.YAMLToJSON(bytes)
	if err != nil {
		return nil, false
	}
	fields := map[string]json.RawMessage{}
	var before types.Kustomization
	if json.Unmarshal(asJSON, &fields) != nil || before.Unmarshal(bytes) != nil {
		return nil, false
	}
	for key := range fields {
		if strings.EqualFold(key, "buildMetadata") {
			delete(fields, key)
		}
	}
	want := append(slices.Clone(before.BuildMetadata), types.OriginAnnotations)
	if fields["buildMetadata"], err = json.Marshal(want); err != nil {
		return nil, false
	}
	if shown, err = json.Marshal(fields); err != nil {
		return nil, false
	}
	var after types.Kustomization
	if after.Unmarshal(shown) != nil || !slices.Equal(after.BuildMetadata, want) {
		return nil, false
	}
	after.BuildMetadata = before.BuildMetadata
	return shown, reflect.DeepEqual(before, after)
}

// nameBeforeHash returns the name to which kustomize would have appended the
// hash that the object's name ends in: it must be the hash of this content
// under that name. It is "" for all others.
func nameBeforeHash(r *resource.Resource) (string, error) {
	at := strings.LastIndexByte(r.GetName(), '-')
	if kind := r.GetKind(); at <= 0 || kind != "ConfigMap" && kind != "Secret" {
		return "", nil
	}
	bare := r.DeepCopy()
	name := r.GetName()[:at]
	if err := bare.RNode.SetName(name); err != nil {
		return "", err
	}
	hash, err := new(hasher.Hasher).Hash(&bare.RNode)
	if err != nil || hash != r.GetName()[at+1:] {
		return "", err
	}
	return name, nil
}
