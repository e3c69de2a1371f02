package ruleset

// RuleID is a rule's name for ever, such as CS-SSH-001.
type RuleID string

// Kind says what a rule's hit means (D1, D2).
type Kind string

// The kinds of rules.
const (
	KindFinding   Kind = "finding"   // to be fixed or waived
	KindPrivilege Kind = "privilege" // why a change needs two people
	KindHarmless  Kind = "harmless"  // why a change does not
)

// SetName is the set that a rule of the kind defines.
func (k Kind) SetName() string {
	if k == KindFinding {
		return "findings"
	}
	return "reasons"
}

// Scope says what a rule is asked about: which input it takes.
type Scope string

// The scopes; each is an entry point with its own input schema.
const (
	ScopeObject Scope = "object" // one resource at a time: input/v1 object
	ScopeChange Scope = "change" // one change at a time: input/v1 change
	ScopeFleet  Scope = "fleet"  // all clusters of a side at once: input/v1 fleet
)

// Severity orders findings.
type Severity string

// The severities, worst first.
const (
	Critical Severity = "critical"
	High     Severity = "high"
	Medium   Severity = "medium"
	Low      Severity = "low"
)

// Rank is higher for worse severities; 0 for an unknown one.
func (s Severity) Rank() int {
	switch s {
	case Critical:
		return 4
	case High:
		return 3
	case Medium:
		return 2
	case Low:
		return 1
	}
	return 0
}

// Effect says what a finding does to the verdict.
type Effect string

// The effects.
const (
	Block Effect = "block"
	Warn  Effect = "warn"
	Info  Effect = "info"
)

// Rule is what a rule's metadata says of it.
type Rule struct {
	ID       RuleID   `json:"id"`
	Slug     string   `json:"slug"` // section/name, its folder in rego/
	Title    string   `json:"title"`
	Kind     Kind     `json:"kind"`
	Scope    Scope    `json:"scope"`
	Severity Severity `json:"severity"`
	// Effect is the metadata's, else follows the severity (D2): critical and
	// high block, medium warns, low informs.
	Effect Effect `json:"effect"`
	// Guideline is the anchor in the guidelines, such as limit-access/ssh-access.
	Guideline string `json:"guideline"`
	// Kinds are the "group/Kind" patterns that the rule is asked about
	// ("*.cluster.x-k8s.io/*" matches by group suffix); empty means all.
	Kinds       []string       `json:"kinds"`
	Providers   []string       `json:"providers"`
	Description string         `json:"description"`
	Remediation string         `json:"remediation"`
	Params      map[string]any `json:"params"` // names with their defaults
	Since       string         `json:"since"`
	Waivable    bool           `json:"waivable"`
}
