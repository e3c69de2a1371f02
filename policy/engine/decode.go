package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"

	"github.com/countersign-dev/countersign/render"
)

// hitKeys are the keys that a member of a rule's set may have.
var hitKeys = []string{"path", "absent", "message", "severity", "confidence", "evidence", "measure",
	"object", "related", "clusters", "collection"}

// subject is what an input is about: a hit's object unless the rule says otherwise.
type subject struct {
	object      render.Identity
	destination string
	clusters    []string
}

// decodeSet turns a rule's set into hits. One malformed member fails the rule.
func decodeSet(rule *Rule, set ast.Set, about subject) ([]Hit, error) {
	hits := make([]Hit, 0, set.Len())
	err := set.Iter(func(member *ast.Term) error {
		hit, err := decodeHit(rule, member.Value, about)
		hits = append(hits, hit)
		return err
	})
	return hits, err
}

func decodeHit(rule *Rule, member ast.Value, about subject) (Hit, error) {
	object, ok := member.(ast.Object)
	if !ok {
		return Hit{}, fmt.Errorf("a member of %s is no object", rule.Kind.SetName())
	}
	hit := Hit{
		Rule: rule.ID, Object: about.object, Destination: about.destination, Clusters: about.clusters,
		Severity: rule.Severity, Confidence: Certain,
	}
	seen := map[string]bool{}
	err := object.Iter(func(key, value *ast.Term) error {
		name, ok := key.Value.(ast.String)
		if !ok || !slices.Contains(hitKeys, string(name)) {
			return fmt.Errorf("unknown key %s in a hit; known are %s", key, strings.Join(hitKeys, ", "))
		}
		seen[string(name)] = true
		if err := hit.set(string(name), value.Value); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	})
	if err != nil {
		return Hit{}, err
	}
	return hit, checkHit(rule, hit, seen)
}

// checkHit demands what each kind and scope needs.
func checkHit(rule *Rule, hit Hit, seen map[string]bool) error {
	switch {
	case !seen["message"]:
		return errors.New("a hit has no message")
	case rule.Kind == KindFinding && !seen["path"]:
		return errors.New("a finding has no path")
	case hit.Absent && len(hit.Path) == 0:
		return errors.New("an absent field has no path")
	case rule.Scope == ScopeFleet && !seen["object"]:
		return errors.New("a fleet rule's hit names no object")
	case rule.Scope != ScopeFleet && seen["object"]:
		return errors.New("only a fleet rule's hit names an object")
	case rule.Kind == KindHarmless && hit.Confidence != Certain:
		return errors.New("a harmless reason is certain, or it is none")
	}
	return nil
}

// set decodes one key of a hit.
func (h *Hit) set(name string, value ast.Value) (err error) {
	switch name {
	case "path":
		h.Path, err = decodePath(value)
	case "absent":
		absent, ok := value.(ast.Boolean)
		if h.Absent = bool(absent); !ok {
			err = errors.New("want true or false")
		}
	case "message":
		h.Message, err = decodeMessage(value)
	case "collection":
		collection, ok := value.(ast.Boolean)
		if h.Collection = bool(collection); !ok {
			err = errors.New("want true or false")
		}
	case "severity":
		text, _ := value.(ast.String)
		if h.Severity = Severity(text); h.Severity.Rank() == 0 {
			err = errors.New("want critical, high, medium or low")
		}
	case "confidence":
		text, _ := value.(ast.String)
		h.Confidence = Confidence(text)
		if !slices.Contains([]Confidence{Certain, Conditional, Unknown}, h.Confidence) {
			err = errors.New("want certain, conditional or unknown")
		}
	case "evidence":
		h.Evidence, err = ast.JSON(value)
	case "measure":
		h.Measure, err = decodeMeasure(value)
	case "object":
		h.Object, h.Destination, err = decodeTarget(value, true)
	case "related":
		h.Related, err = decodeRelated(value)
	case "clusters":
		h.Clusters, err = decodeStrings(value)
	}
	return err
}

func decodePath(value ast.Value) (render.Path, error) {
	array, ok := value.(*ast.Array)
	if !ok {
		return nil, errors.New("want a list of keys and indices")
	}
	path := make(render.Path, 0, array.Len())
	for i := range array.Len() {
		switch step := array.Elem(i).Value.(type) {
		case ast.String:
			path = append(path, string(step))
		case ast.Number:
			index, ok := step.Int()
			if !ok || index < 0 {
				return nil, fmt.Errorf("%s is no index", step)
			}
			path = append(path, index)
		default:
			return nil, fmt.Errorf("%s is neither a key nor an index", step)
		}
	}
	return path, nil
}

// decodeMessage refuses masked values: they hold a hash of the secret.
func decodeMessage(value ast.Value) (string, error) {
	text, ok := value.(ast.String)
	switch {
	case !ok || strings.TrimSpace(string(text)) == "":
		return "", errors.New("want a sentence")
	case strings.Contains(string(text), "masked:"):
		return "", errors.New("holds a masked value; name the field, not what is in it")
	}
	return string(text), nil
}

// decodeMeasure takes a set of strings ([]string, sorted) or a number (float64).
func decodeMeasure(value ast.Value) (any, error) {
	switch value := value.(type) {
	case ast.Number:
		n, err := json.Number(value).Float64()
		return n, err
	case ast.Set:
		return decodeStrings(value)
	}
	return nil, errors.New("want a set of strings or a number")
}

// decodeStrings takes a list or set of strings, sorts it and drops duplicates.
func decodeStrings(value ast.Value) ([]string, error) {
	items, err := elements(value)
	if err != nil {
		return nil, err
	}
	texts := make([]string, 0, len(items))
	for _, item := range items {
		text, ok := item.Value.(ast.String)
		if !ok {
			return nil, fmt.Errorf("%s is no string", item)
		}
		texts = append(texts, string(text))
	}
	slices.Sort(texts)
	return slices.Compact(texts), nil
}

func decodeRelated(value ast.Value) ([]render.Identity, error) {
	items, err := elements(value)
	if err != nil {
		return nil, err
	}
	related := make([]render.Identity, 0, len(items))
	for _, item := range items {
		id, _, err := decodeTarget(item.Value, false)
		if err != nil {
			return nil, err
		}
		related = append(related, id)
	}
	slices.SortFunc(related, compareIdentity)
	return slices.Compact(related), nil
}

func elements(value ast.Value) ([]*ast.Term, error) {
	switch value := value.(type) {
	case *ast.Array:
		items := make([]*ast.Term, 0, value.Len())
		value.Foreach(func(item *ast.Term) { items = append(items, item) })
		return items, nil
	case ast.Set:
		return value.Slice(), nil
	}
	return nil, errors.New("want a list or a set")
}

// decodeTarget takes an identity, with its destination where one is asked for.
func decodeTarget(value ast.Value, placed bool) (id render.Identity, destination string, err error) {
	object, ok := value.(ast.Object)
	if !ok {
		return id, "", errors.New("want {group, kind, namespace, name}")
	}
	into := map[string]*string{"group": &id.Group, "kind": &id.Kind, "namespace": &id.Namespace, "name": &id.Name}
	if placed {
		into["destination"] = &destination
	}
	if object.Len() != len(into) {
		return id, "", fmt.Errorf("want exactly the keys group, kind, namespace, name%s",
			map[bool]string{true: ", destination"}[placed])
	}
	err = object.Iter(func(key, value *ast.Term) error {
		name, _ := key.Value.(ast.String)
		text, isText := value.Value.(ast.String)
		field, known := into[string(name)]
		if !known || !isText {
			return fmt.Errorf("%s: unknown key or no string", key)
		}
		*field = string(text)
		return nil
	})
	return id, destination, err
}
