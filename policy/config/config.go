package config

// Path is the config's place in the repository.
const Path = ".countersign.yaml"

// Config is a repository's settings, complete: every default is filled in.
type Config struct {
	Mode       string            `json:"mode"` // enforce or observe
	Roots      Roots             `json:"roots"`
	Clusters   Clusters          `json:"clusters"`
	Approvals  Approvals         `json:"approvals"`
	Override   *Override         `json:"override"` // nil: off
	Rules      map[string]Rule   `json:"rules"`
	Baseline   string            `json:"baseline"` // ratchet or strict
	Limits     Limits            `json:"limits"`
	Substitute map[string]string `json:"substitute"`
	Bases      []string          `json:"bases"` // globs of governed branches besides the default one
	Ignore     []string          `json:"ignore"`
	Protect    []string          `json:"protect"`
	Alerts     Alerts            `json:"alerts"`
	// Origin says where it comes from: the file's path, "--config FILE", or
	// "defaults" when there is none.
	Origin string `json:"origin"`
	// Digest is the SHA-256 of the effective settings, "sha256:…".
	Digest string `json:"digest"`
}

// Roots says which folders are judged, and how.
type Roots struct {
	Include  []string `json:"include"`
	Exclude  []string `json:"exclude"`
	Opaque   []string `json:"opaque"`
	Renderer string   `json:"renderer"` // kustomize, flux or argo
}

// Clusters says who is who.
type Clusters struct {
	Management       []string `json:"management"` // patterns of root paths, or of namespace/name
	EnvironmentLabel string   `json:"environment_label"`
	Production       []string `json:"production"` // label values, or path patterns
}

// Approvals says who may approve, and how many must.
type Approvals struct {
	Required         int      `json:"required"`
	Teams            []string `json:"teams"` // ORG/SLUG
	Users            []string `json:"users"`
	MinPermission    string   `json:"min_permission"`
	NotPeople        []string `json:"not_people"`
	Agents           []string `json:"agents"`
	Exclude          []string `json:"exclude"` // author, initiator, commit_author, committer, co_author, pusher, bot
	TrustedSigners   []string `json:"trusted_signers"`
	HoldPermission   string   `json:"hold_permission"`
	RequireOrgMember bool     `json:"require_org_member"`
}

// Override is the emergency exit (A17).
type Override struct {
	Team   string `json:"team"`
	Window string `json:"window"` // a Go duration, at most 60m; 15m by default
}

// Rule is what the config says of one rule.
type Rule struct {
	Effect   string         `json:"effect"`   // "" leaves the rule's own
	Severity string         `json:"severity"` // "" leaves the rule's own
	Params   map[string]any `json:"params"`
}

// Limits are counts that a pull request may not exceed; nil: none.
type Limits struct {
	Clusters   *int `json:"clusters"`
	NodesAdded *int `json:"nodes_added"`
	Deletions  *int `json:"deletions"`
}

// Alerts names a receiver that the server knows.
type Alerts struct {
	Receiver string `json:"receiver"`
}
