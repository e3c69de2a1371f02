package child

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/hasher"
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

// inject makes kustomize note the origin of every object, by showing it the
// root's kustomization with one more buildMetadata option. It does so only
// where the origin cannot be told from the names alone, where the note cannot
// be seen by what the root does, and where it is not too dear; and only if the
// file means the same otherwise.
func (b *builder) inject(c *closure.Closure, top *closure.Kustomization) injection {
	if slices.Contains(top.BuildMetadata, types.OriginAnnotations) {
		return injection{asked: true}
	}
	if c.Watchful || !ambiguous(c) || noted(c) > maxNoted {
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

// ambiguous reports whether names alone may not tell where an object was
// written: something generates or renames, or two documents have one name.
func ambiguous(c *closure.Closure) bool {
	if len(c.Generators) > 0 || c.Features["generators"] || c.Features["transformers"] {
		return true
	}
	for _, k := range c.Kustomizations {
		if k.NamePrefix != "" || k.NameSuffix != "" {
			return true
		}
	}
	known := map[[3]string]bool{}
	for _, doc := range c.Resources {
		for _, o := range closure.Objects(doc) {
			id := [3]string{o.Group(), o.Text("kind"), o.Text("metadata", "name")}
			if known[id] {
				return true
			}
			known[id] = true
		}
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
