package selector

import "github.com/countersign-dev/countersign/policy/fleet/field"

// Selector is a selector in a form that is compared quickly.
type Selector struct {
	labels       map[string]string
	requirements []requirement
}

// requirement is one of matchExpressions.
type requirement struct {
	key, operator string
	values        map[string]bool
}

// Read reads a selector; nil matches everything.
func Read(object map[string]any) Selector {
	s := Selector{labels: field.Texts(object, "matchLabels")}
	for _, expression := range field.List(object, "matchExpressions") {
		r := requirement{field.Text(expression, "key"), field.Text(expression, "operator"), map[string]bool{}}
		for _, value := range field.List(expression, "values") {
			r.values[field.Text(value)] = true
		}
		s.requirements = append(s.requirements, r)
	}
	return s
}

// Labels returns the labels that every match has; they must not be changed.
func (s Selector) Labels() map[string]string {
	return s.labels
}

// Parts returns how many conditions the selector has: what a comparison costs.
func (s Selector) Parts() int {
	return len(s.labels) + len(s.requirements)
}

// Match reports whether labels match.
func (s Selector) Match(labels map[string]string) bool {
	for key, want := range s.labels {
		if have, ok := labels[key]; !ok || have != want {
			return false
		}
	}
	for _, r := range s.requirements {
		if !r.fits(labels) {
			return false
		}
	}
	return true
}

func (r requirement) fits(labels map[string]string) bool {
	have, ok := labels[r.key]
	switch r.operator {
	case "In":
		return ok && r.values[have]
	case "NotIn":
		return !ok || !r.values[have]
	case "Exists":
		return ok
	case "DoesNotExist":
		return !ok
	}
	return true
}
