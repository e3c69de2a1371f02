package report

import (
	"cmp"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
)

// maxResults is how many results of a run code scanning shows.
const maxResults = 5000

// The parts of SARIF 2.1.0 that code scanning reads. Fields that it refuses
// when they are null or have a line of 0 are absent instead.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool             `json:"tool"`
		Bases       map[string]sarifWords `json:"originalUriBaseIds"`
		ColumnKind  string                `json:"columnKind"`
		Invocations []sarifInvocation     `json:"invocations"`
		Results     []sarifResult         `json:"results"`
		Properties  map[string]any        `json:"properties"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name    string      `json:"name"`
		Version string      `json:"version,omitempty"`
		URI     string      `json:"informationUri"`
		Rules   []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID            string         `json:"id"`
		Name          string         `json:"name"`
		Short         sarifText      `json:"shortDescription"`
		Full          sarifText      `json:"fullDescription"`
		Help          sarifText      `json:"help"`
		Configuration map[string]any `json:"defaultConfiguration"`
		Properties    map[string]any `json:"properties"`
	}
	sarifText struct {
		Text     string `json:"text"`
		Markdown string `json:"markdown,omitempty"`
	}
	sarifWords struct {
		Description sarifText `json:"description"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Notifications []sarifNotification `json:"toolExecutionNotifications"`
	}
	sarifNotification struct {
		Level      string            `json:"level"`
		Message    sarifText         `json:"message"`
		Descriptor map[string]string `json:"descriptor,omitempty"`
		Locations  []sarifLocation   `json:"locations,omitempty"`
	}
	sarifResult struct {
		Rule         string             `json:"ruleId"`
		Index        int                `json:"ruleIndex"`
		Level        string             `json:"level"`
		Message      sarifText          `json:"message"`
		Locations    []sarifLocation    `json:"locations"`
		Fingerprints map[string]string  `json:"partialFingerprints"`
		Baseline     string             `json:"baselineState,omitempty"`
		Suppressions []sarifSuppression `json:"suppressions,omitempty"`
		Properties   map[string]any     `json:"properties"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations,omitempty"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact  `json:"artifactLocation"`
		Region   map[string]int `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI  string `json:"uri"`
		Base string `json:"uriBaseId"`
	}
	sarifLogical struct {
		Name string `json:"fullyQualifiedName"`
		Kind string `json:"kind"`
	}
	sarifSuppression struct {
		Kind          string `json:"kind"`
		Status        string `json:"status"`
		Justification string `json:"justification"`
	}
)

const srcRoot = "%SRCROOT%"

// SARIF is the report in SARIF 2.1.0 as code scanning reads it: what blocks
// first, at most 5,000 results, with a notification when some were cut. What
// the change fixed is left out, for code scanning takes every result as one
// that stands. What could not be judged makes the execution unsuccessful.
func (r Report) SARIF() ([]byte, error) {
	findings := r.standing()
	shown := findings[:min(len(findings), maxResults)]
	rules, index := sarifRules(shown)
	results := make([]sarifResult, 0, len(shown))
	for _, f := range shown {
		results = append(results, sarifFinding(f, index[f.Rule], r.assessment.Audit))
	}
	run := sarifRun{
		Tool: sarifTool{sarifDriver{Name: "countersign", Version: r.assessment.Engine.Version,
			URI: "https://github.com/countersign-dev/countersign", Rules: rules}},
		Bases:      map[string]sarifWords{srcRoot: {sarifText{Text: "the top of the repository"}}},
		ColumnKind: "utf16CodeUnits", Results: results,
		Invocations: []sarifInvocation{{
			Successful:    r.verdict.State != policy.StateError && len(r.assessment.Problems) == 0,
			Notifications: r.sarifNotifications(len(findings) - len(shown))}},
		Properties: map[string]any{"state": r.verdict.State, "title": r.Title(), "observing": r.verdict.Observing},
	}
	log := sarifLog{Schema: "https://json.schemastore.org/sarif-2.1.0.json", Version: "2.1.0", Runs: []sarifRun{run}}
	out, err := encode(log)
	if err != nil {
		return nil, fmt.Errorf("encode SARIF: %w", err)
	}
	return out, nil
}

// standing are the findings that stand at the head, the gravest first.
func (r Report) standing() []policy.Finding {
	s := r.sorted()
	rest := slices.Concat(s.warnings, s.waived, s.existing)
	slices.SortStableFunc(rest, func(a, b policy.Finding) int { return b.Severity.Rank() - a.Severity.Rank() })
	return slices.Concat(s.blocking, rest)
}

// sarifRules are the rules that have results, by id, and where each stands.
func sarifRules(findings []policy.Finding) ([]sarifRule, map[engine.RuleID]int) {
	groups := byRule(findings)
	slices.SortFunc(groups, func(a, b ruleGroup) int { return cmp.Compare(a.rule, b.rule) })
	rules, index := []sarifRule{}, map[engine.RuleID]int{}
	for i, g := range groups {
		index[g.rule] = i
		first := g.findings[0]
		title := visible(cmp.Or(g.title, string(g.rule)))
		fix := visible(cmp.Or(first.Remediation, "countersign rules show "+string(g.rule)))
		tags := []string{"security", "cluster-api"}
		if first.Guideline != "" {
			tags = append(tags, visible(first.Guideline))
		}
		rules = append(rules, sarifRule{
			ID: string(g.rule), Name: string(g.rule), Short: sarifText{Text: title}, Full: sarifText{Text: title},
			Help: sarifText{Text: "To fix it: " + plainMessage(fix), Markdown: "**" + prose(title) + ".** To fix it: " +
				prose(fix) + "\n\nMore, with examples: " + code("countersign rules show "+string(g.rule))},
			Configuration: map[string]any{"level": sarifLevel(first.Effect)},
			Properties: map[string]any{"tags": tags, "security-severity": securitySeverity[g.severity],
				"problem.severity": sarifProblem[first.Effect]},
		})
	}
	return rules, index
}

var (
	securitySeverity = map[engine.Severity]string{engine.Critical: "9.5", engine.High: "8.0", engine.Medium: "5.5",
		engine.Low: "2.5", "": "0.0"}
	sarifProblem = map[engine.Effect]string{engine.Block: "error", engine.Warn: "warning",
		engine.Info: "recommendation"}
	sarifBaselines = map[policy.State]string{policy.New: "new", policy.Worsened: "updated",
		policy.Existing: "unchanged"}
)

func sarifLevel(e engine.Effect) string {
	switch e {
	case engine.Block:
		return "error"
	case engine.Warn:
		return "warning"
	}
	return "note"
}

func sarifFinding(f policy.Finding, index int, audit bool) sarifResult {
	message := f.Message
	if f.Remediation != "" {
		message = stop(message) + " To fix it: " + f.Remediation
	}
	place := sarifPlace(f.Source, f.Roots)
	name := strings.TrimSuffix(label(f.Object)+" "+visible(f.Path), " ")
	place.Logical = []sarifLogical{{Name: name, Kind: "resource"}}
	result := sarifResult{
		Rule: string(f.Rule), Index: index, Level: sarifLevel(f.Effect), Locations: []sarifLocation{place},
		Message: sarifText{Text: plainMessage(stop(message))},
		// The second is the one that code scanning tells results apart by.
		Fingerprints: map[string]string{"countersign/v1": f.Fingerprint,
			"primaryLocationLineHash": f.Fingerprint + ":1"},
		Properties: map[string]any{"severity": f.Severity, "confidence": f.Confidence, "effect": f.Effect,
			"state": f.State, "destination": visible(f.Destination), "clusters": list(f.Clusters)},
	}
	if !audit {
		result.Baseline = sarifBaselines[f.State]
	}
	if f.Waiver != nil {
		result.Suppressions = []sarifSuppression{{Kind: "external", Status: "accepted",
			Justification: plainMessage("waived until " + f.Waiver.Expires + " by " + f.Waiver.File)}}
	}
	return result
}

// plainMessage keeps a message from being read as a link.
func plainMessage(text string) string { return strings.ReplaceAll(visible(text), "](", "] (") }

// sarifPlace is a file and line. Code scanning wants a file: what has none is
// said of its root, else of the repository's top.
func sarifPlace(s render.Source, roots []string) sarifLocation {
	file := s.File
	if file == "" && len(roots) > 0 {
		file = roots[0]
	}
	at := sarifLocation{Physical: sarifPhysical{Artifact: sarifArtifact{URI: uri(file), Base: srcRoot}}}
	if s.File != "" && s.Line > 0 {
		at.Physical.Region = map[string]int{"startLine": s.Line}
	}
	return at
}

// uri writes a path as a relative reference: every byte that could mean
// something else is percent-encoded, and it cannot lead out of the tree.
func uri(file string) string {
	steps := strings.Split(strings.TrimPrefix(path.Clean("/"+file), "/"), "/")
	for i, step := range steps {
		steps[i] = strings.ReplaceAll(url.PathEscape(step), ":", "%3A")
	}
	return cmp.Or(strings.Join(steps, "/"), ".")
}

// sarifNotifications are what could not be judged, what was cut, and notices.
func (r Report) sarifNotifications(cut int) []sarifNotification {
	list := []sarifNotification{}
	say := func(level, id string, p render.Problem, roots ...string) {
		text := p.Message
		if p.Remedy != "" {
			text = stop(text) + " " + p.Remedy
		}
		n := sarifNotification{Level: level, Message: sarifText{Text: plainMessage(stop(text))}}
		if id != "" {
			n.Descriptor = map[string]string{"id": visible(id)}
		}
		if p.Source.File != "" || len(roots) > 0 {
			n.Locations = []sarifLocation{sarifPlace(p.Source, roots)}
		}
		list = append(list, n)
	}
	for _, p := range r.assessment.Problems {
		var roots []string
		if p.Root != "" {
			roots = []string{p.Root}
		}
		say("error", p.Code, p.Problem, roots...)
	}
	if len(list) == 0 && r.verdict.State == policy.StateError {
		say("error", "people", render.Problem{Message: r.Title()})
	}
	if cut > 0 {
		say("warning", "results_cut", render.Problem{
			Message: thousands(cut) + " results are left out because code scanning shows no more than " +
				thousands(maxResults), Remedy: "countersign with --format json lists them all"})
	}
	for _, n := range r.assessment.Notices {
		say("note", string(n.Cause), n)
	}
	return list
}
