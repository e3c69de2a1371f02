// Package enginetest makes inputs for rules' tests out of plain YAML, without
// kustomize: the objects as they stand, without placeholder defaults, links,
// masked values or class patches. In go example files, out come inputs. It is
// for tests and for authors of rules; nothing here sees a pull request.
package enginetest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
)

// Plain implements [engine.Examples] on the YAML alone. It is safe for
// concurrent use.
type Plain struct{}

var separator = regexp.MustCompile(`(?m)^---[ \t]*$`)

// Objects returns an input for each document of the file.
func (Plain) Objects(_ context.Context, file string, content []byte) ([]engine.Object, error) {
	resources, err := parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	objects := make([]engine.Object, len(resources))
	for i, resource := range resources {
		objects[i] = engine.Object{Resource: resource, Resolved: resource.Object}
	}
	return objects, nil
}

// Changes pairs the documents of both sides by identity and compares them.
func (Plain) Changes(_ context.Context, base, head []byte) ([]engine.Change, error) {
	sides := [2]map[render.Identity]*render.Resource{{}, {}}
	for i, content := range [][]byte{base, head} {
		resources, err := parse(content)
		if err != nil {
			return nil, err
		}
		for _, resource := range resources {
			sides[i][resource.Identity] = resource
		}
	}
	all := maps.Clone(sides[0])
	maps.Copy(all, sides[1])
	ids := slices.SortedFunc(maps.Keys(all), func(a, b render.Identity) int {
		return strings.Compare(fmt.Sprint(a), fmt.Sprint(b))
	})
	var changes []engine.Change
	for _, id := range ids {
		if change := compare(sides[0][id], sides[1][id]); change != nil {
			changes = append(changes, *change)
		}
	}
	return changes, nil
}

// Fleet reads one document: the fields of [engine.Fleet] by their Go names.
func (Plain) Fleet(_ context.Context, file string, content []byte) (engine.Fleet, error) {
	var fleet engine.Fleet
	if err := yaml.UnmarshalStrict(content, &fleet); err != nil {
		return fleet, fmt.Errorf("%s: %w", file, err)
	}
	return fleet, nil
}

func parse(content []byte) ([]*render.Resource, error) {
	var resources []*render.Resource
	for _, document := range separator.Split(string(content), -1) {
		text, err := yaml.YAMLToJSONStrict([]byte(document))
		if err != nil {
			return nil, err
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		var object map[string]any
		if err := decoder.Decode(&object); err != nil {
			return nil, err
		}
		if object == nil {
			continue
		}
		resources = append(resources, resourceOf(object))
	}
	return resources, nil
}

func resourceOf(object map[string]any) *render.Resource {
	field := func(path ...any) string {
		value, _ := render.Lookup(object, path)
		text, _ := value.(string)
		return text
	}
	group, version, found := strings.Cut(field("apiVersion"), "/")
	if !found {
		group, version = "", group
	}
	namespace := field("metadata", "namespace")
	resource := &render.Resource{
		Identity: render.Identity{
			Group: group, Kind: field("kind"), Namespace: namespace, Name: field("metadata", "name"),
		},
		Version: version, RenderedNamespace: namespace, Object: object,
	}
	if namespace == "default" {
		resource.Namespace = ""
	}
	return resource
}

// compare returns the change between two sides of an object; nil when there is none.
func compare(before, after *render.Resource) *engine.Change {
	change := &render.Change{Before: before, After: after}
	out := &engine.Change{Change: change}
	switch {
	case before == nil:
		change.Action, out.After = render.ActionCreate, after.Object
	case after == nil:
		change.Action, out.Before = render.ActionDelete, before.Object
	default:
		change.Action, out.Before, out.After = render.ActionUpdate, before.Object, after.Object
		change.Fields = diff(nil, before.Object, after.Object)
		if len(change.Fields) == 0 {
			return nil
		}
	}
	return out
}

// diff compares mappings key by key and everything else as a whole; lists of
// one length element by element.
func diff(path render.Path, before, after any) []render.Field {
	var fields []render.Field
	left, leftOK := before.(map[string]any)
	right, rightOK := after.(map[string]any)
	if leftOK && rightOK {
		all := maps.Clone(left)
		maps.Copy(all, right)
		for _, key := range slices.Sorted(maps.Keys(all)) {
			fields = append(fields, diff(slices.Concat(path, render.Path{key}), side(left, key), side(right, key))...)
		}
		return fields
	}
	leftList, leftOK := before.([]any)
	rightList, rightOK := after.([]any)
	if leftOK && rightOK && len(leftList) == len(rightList) {
		for i := range leftList {
			fields = append(fields, diff(slices.Concat(path, render.Path{i}), leftList[i], rightList[i])...)
		}
		return fields
	}
	if reflect.DeepEqual(before, after) {
		return nil
	}
	return []render.Field{{Path: path, Before: before, After: after}}
}

func side(object map[string]any, key string) any {
	if value, ok := object[key]; ok {
		return value
	}
	return render.Absent{}
}
