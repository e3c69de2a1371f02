package engine

import "github.com/countersign-dev/countersign/render"

// Confidence says how sure a hit is.
type Confidence string

// The confidences. Unknown is never a pass and never an accusation.
const (
	Certain     Confidence = "certain"
	Conditional Confidence = "conditional"
	Unknown     Confidence = "unknown"
)

// Hit is one answer of a rule: what it says of its input.
type Hit struct {
	Rule RuleID
	// Object is the hit's object: the input's own unless the rule names another
	// (fleet rules always do). Destination goes with it.
	Object      render.Identity
	Destination string
	// Path is the field, or for an absent one the field to set.
	Path render.Path
	// Absent says that the field at Path does not exist.
	Absent bool
	// Collection says that the field at Path is a collection that lacks
	// something: a class patch that sets it need not bring that.
	Collection bool
	Message    string
	Severity   Severity // the rule's, unless the hit lowers or raises it
	Confidence Confidence
	// Evidence is the value that the rule objects to, for the ratchet (D3): a
	// changed value is "worsened". JSON-like, numbers as json.Number, and it may
	// hold masked values. nil when there is none.
	Evidence any
	// Measure is a set or a count that may grow (D3): []string, sorted, or
	// float64. nil when there is none.
	Measure any
	// Related are further places that belong to the hit.
	Related []render.Identity
	// Clusters are "namespace/name" of the clusters that it reaches, sorted:
	// those that the rule names, else those of the input.
	Clusters []string
	// ClassWrite is the class patch that makes it conditional; nil otherwise.
	ClassWrite *ClassWrite
}

// RuleError says that a rule could not be evaluated. It is never green.
type RuleError struct {
	Rule    RuleID
	Object  render.Identity // of the input that it failed on
	Message string
}

// Report is what the rules of one scope say of a batch of inputs.
type Report struct {
	// Hits are sorted by rule, destination, object and path.
	Hits []Hit
	// Evaluated counts the inputs that each applicable rule was asked about.
	Evaluated map[RuleID]int
	Errors    []RuleError // sorted; empty means that every rule answered
}
