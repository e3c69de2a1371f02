package fleet

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
	"github.com/countersign-dev/countersign/render"
)

// parse reads the documents of a manifest as the child would hand them over.
func parse(t testing.TB, text string) []map[string]any {
	t.Helper()
	objects, err := documents(text)
	if err != nil {
		t.Fatal(err)
	}
	return objects
}

func documents(text string) ([]map[string]any, error) {
	var objects []map[string]any
	for doc := range strings.SplitSeq(text, "\n---") {
		raw, err := yaml.YAMLToJSON([]byte(doc))
		if err != nil {
			return nil, err
		}
		decoder := json.NewDecoder(bytes.NewReader(raw))
		decoder.UseNumber()
		var object map[string]any
		if err := decoder.Decode(&object); err != nil || object == nil || object["kind"] == nil {
			continue
		}
		objects = append(objects, object)
	}
	return objects, nil
}

// built makes the build of a root, each root its own destination.
func built(t testing.TB, root, text string) render.Build {
	t.Helper()
	return buildOf(root, parse(t, text))
}

func buildOf(root string, objects []map[string]any) render.Build {
	b := render.Build{
		Root:   render.Root{Path: root, Kind: render.RootKustomize, Destination: root},
		Status: render.StatusBuilt,
	}
	for _, object := range objects {
		b.Resources = append(b.Resources, resource(object))
	}
	slices.SortFunc(b.Resources, func(a, b render.Resource) int { return compareIdentities(a.Identity, b.Identity) })
	return b
}

func resource(object map[string]any) render.Resource {
	raw, _ := json.Marshal(object)
	sum := sha256.Sum256(raw)
	res := render.Resource{Object: object, Digest: hex.EncodeToString(sum[:]), Source: render.Source{File: "f.yaml",
		Line: 1}}
	res.Group = reference.GroupOf(field.Text(object, "apiVersion"))
	res.Kind = field.Text(object, "kind")
	res.Name = field.Text(object, "metadata", "name")
	res.RenderedNamespace = field.Text(object, "metadata", "namespace")
	if res.Namespace = res.RenderedNamespace; res.Namespace == "default" {
		res.Namespace = ""
	}
	return res
}

// object asks an index about the object of a kind and name in a root.
func object(t testing.TB, ix *Index, root, kind, name string) engine.Object {
	t.Helper()
	for _, n := range ix.nodes {
		if n.root.Path == root && n.res.Kind == kind && n.res.Name == name {
			return ix.Object(n.res, n.root)
		}
	}
	t.Fatalf("no %s %s in root %s", kind, name, root)
	return engine.Object{}
}

// linkText writes a link as "path role found Kind ns/name".
func linkText(l engine.Link) string {
	return strings.Join([]string{l.Path.String(), l.Role, l.Found, identityText(l.Target)}, " ")
}

func linkTexts(links []engine.Link) []string {
	out := []string{}
	for _, l := range links {
		out = append(out, linkText(l))
	}
	return out
}

func clusterNames(clusters []engine.Cluster) []string {
	out := []string{}
	for _, c := range clusters {
		out = append(out, c.Namespace+"/"+c.Name)
	}
	return out
}

var noConfig config.Config

func sortedStrings(list []string) []string {
	slices.Sort(list)
	return list
}
