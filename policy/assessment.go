package policy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/digest"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/ratchet"
	"github.com/countersign-dev/countersign/render"
)

// Assessment is all that follows from two trees and one policy: pure, stable
// JSON, no clock. It holds no secret and no HMAC.
type Assessment struct {
	Engine     Engine         `json:"engine"`
	Base       Revision       `json:"base"`
	Head       Revision       `json:"head"`
	MergedTree string         `json:"merged_tree"` // "" for an audit and after a conflict
	Audit      bool           `json:"audit"`       // one tree, no change
	Config     *config.Config `json:"config"`      // nil when it could not be read: then Problems says so
	Roots      []Root         `json:"roots"`       // sorted by path
	// Unaffected counts the roots that were not built because nothing that
	// they read changed.
	Unaffected int           `json:"unaffected"`
	Changes    []Change      `json:"changes"`  // sorted by destination and object
	Findings   []Finding     `json:"findings"` // sorted by rule, destination, object and path
	Rules      []RuleOutcome `json:"rules"`    // every rule, sorted by id
	Entries    []Entry       `json:"entries"`  // the privileged change (D11), sorted by digest
	// Digest hashes the sorted set of entries; "" when it is empty.
	Digest   string           `json:"digest"`
	Clusters []string         `json:"clusters"` // that the privileged entries reach, sorted
	Problems []Problem        `json:"problems"` // each makes the state error
	Notices  []render.Problem `json:"notices"`  // to be said; they decide nothing
	// Preview lists the settings that the change itself alters, as they would be
	// after merging; empty when it alters none.
	Preview []string `json:"preview,omitempty"`
}

// Engine names what judged: the same digests and trees, the same assessment.
type Engine struct {
	Version  string `json:"version"`
	Renderer string `json:"renderer"`
	Rules    string `json:"rules"`
	Config   string `json:"config"`
	KeyID    string `json:"key_id"`
}

// Revision is one side of the review.
type Revision struct {
	Rev    string `json:"rev"`    // as the caller named it; "" in the server
	Commit string `json:"commit"` // "" for a tree on disk
	Tree   string `json:"tree"`
}

// Root is a root's part in the assessment.
type Root struct {
	Path        string          `json:"path"`
	Destination string          `json:"destination"`
	Side        string          `json:"side"`   // both, base, head
	Status      string          `json:"status"` // unchanged, built, failed, unsupported, opaque
	Error       *render.Problem `json:"error"`
	Objects     int             `json:"objects"`
}

// Object names a resource in what people and programs read.
type Object struct {
	Group     string `json:"group"`
	Version   string `json:"version"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"` // as rendered
	Name      string `json:"name"`
}

// Change is a resource that differs, or (Object nil) a file or an opaque root
// that is an entry by itself.
type Change struct {
	Action      string        `json:"action"` // create, update, delete, move
	RenamedFrom *Object       `json:"renamed_from"`
	Object      Object        `json:"object"`
	Destination string        `json:"destination"`
	From        string        `json:"from,omitempty"` // the destination that a move leaves
	Cluster     string        `json:"cluster"`        // namespace/name; "" when none
	Clusters    []string      `json:"clusters,omitempty"`
	Roots       []string      `json:"roots"`
	Fields      []Field       `json:"fields"`
	Privileged  bool          `json:"privileged"`
	Reasons     []Reason      `json:"reasons"`            // why it is; for a harmless change, empty
	Harmless    []Reason      `json:"harmless,omitempty"` // why it is not privileged
	Source      render.Source `json:"source"`
}

// Field is one place where an object differs. Masked values are shown as
// "(secret: CLASS)", a value that is absent as null with the matching flag.
type Field struct {
	Path   string        `json:"path"`
	Before any           `json:"before"`
	After  any           `json:"after"`
	Source render.Source `json:"source"`
}

// Reason is a rule's word on a change.
type Reason struct {
	Rule     engine.RuleID   `json:"rule"`
	Severity engine.Severity `json:"severity"`
	Message  string          `json:"message"`
}

// State says how a finding stands against the base (D3).
type State = ratchet.State

// The states. Only new and worsened ones block under the ratchet.
const (
	New      = ratchet.New
	Worsened = ratchet.Worsened
	Existing = ratchet.Existing
	Fixed    = ratchet.Fixed
)

// Finding is what a guideline says of the fleet at the head (for Fixed: at
// the base).
type Finding struct {
	Rule        engine.RuleID     `json:"rule"`
	Title       string            `json:"title"`
	Severity    engine.Severity   `json:"severity"`
	Effect      engine.Effect     `json:"effect"`
	State       State             `json:"state"`
	Confidence  engine.Confidence `json:"confidence"`
	Object      Object            `json:"object"`
	Destination string            `json:"destination"`
	Cluster     string            `json:"cluster"` // namespace/name of the first; "" when none
	Clusters    []string          `json:"clusters,omitempty"`
	Path        string            `json:"path"`
	Field       string            `json:"field"` // absent or present
	Message     string            `json:"message"`
	Remediation string            `json:"remediation"`
	Guideline   string            `json:"guideline"`
	Source      render.Source     `json:"source"`
	Related     []Object          `json:"related,omitempty"`
	Roots       []string          `json:"roots"`
	Waiver      *Waiver           `json:"waiver"`
	Fingerprint string            `json:"fingerprint"`
}

// Waiver is the waiver that covers a finding. Waivers come with the
// guidelines; until then it is always nil.
type Waiver struct {
	File    string `json:"file"`
	Expires string `json:"expires"`
}

// RuleOutcome is how a rule fared over all inputs.
type RuleOutcome struct {
	ID engine.RuleID `json:"id"`
	// Outcome is passed, failed, warned, waived, not_applicable, error,
	// privileged or unknown.
	Outcome  string `json:"outcome"`
	Findings int    `json:"findings"`
}

// Entry is one member of the privileged change (D11).
type Entry struct {
	Kind   string `json:"kind"` // resource, file, root
	Name   string `json:"name"` // destination|group/Kind|namespace/name, path, or root path
	Digest string `json:"digest"`
}

// Problem is something that could not be judged.
type Problem struct {
	// Code groups problems: conflict, config, render, rule, roots …
	Code string        `json:"code"`
	Root string        `json:"root,omitempty"`
	Rule engine.RuleID `json:"rule,omitempty"`
	render.Problem
}

// The kinds of entries.
const (
	EntryResource = "resource"
	EntryFile     = "file"
	EntryRoot     = "root"
)

// newEntry makes a member of the privileged change. The parts are all that the
// approval covers: they are hashed with their lengths, so that no two lists of
// parts give the same digest.
func newEntry(kind, name string, parts ...string) Entry {
	return Entry{Kind: kind, Name: name, Digest: digest.Of(append([]string{kind, name}, parts...)...)}
}

// digestSet hashes a set of entry digests; "" for the empty set.
func digestSet(digests []string) string {
	set := slices.Clone(digests)
	slices.Sort(set)
	set = slices.Compact(set)
	if len(set) == 0 {
		return ""
	}
	return digest.Of(set...)
}

// seal sorts the entries and sets the digest of the privileged change.
func (a *Assessment) seal() {
	slices.SortFunc(a.Entries, func(x, y Entry) int {
		return cmp.Or(strings.Compare(x.Digest, y.Digest), strings.Compare(x.Name, y.Name))
	})
	a.Entries = slices.Compact(a.Entries)
	digests := make([]string, 0, len(a.Entries))
	for _, entry := range a.Entries {
		digests = append(digests, entry.Digest)
	}
	a.Digest = digestSet(digests)
}
