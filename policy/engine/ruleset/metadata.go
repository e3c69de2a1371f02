package ruleset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/open-policy-agent/opa/v1/ast"
)

var (
	idPattern        = regexp.MustCompile(`^CS-[A-Z]{2,5}-[0-9]{3}$`)
	slugPattern      = regexp.MustCompile(`^[a-z][a-z0-9_]*/[a-z][a-z0-9_]*$`)
	guidelinePattern = regexp.MustCompile(`^[a-z0-9-]+(/[a-z0-9-]+)?$`)
	kindPattern      = regexp.MustCompile(`^[^/\s]+/[^/\s]+$`)
	versionPattern   = regexp.MustCompile(`^[0-9]+\.[0-9]+\.[0-9]+$`)
	topKeyPattern    = regexp.MustCompile(`^# ([A-Za-z_]+):`)
)

// Valid reports whether an id looks like CS-ABC-001.
func (id RuleID) Valid() bool { return idPattern.MatchString(string(id)) }

// IsSlug reports whether a folder may hold a rule: section/name in lower case
// with underscores.
func IsSlug(folder string) bool { return slugPattern.MatchString(folder) }

// custom is the METADATA block's "custom"; other keys do not load.
type custom struct {
	ID          RuleID         `json:"id"`
	Kind        Kind           `json:"kind"`
	Scope       Scope          `json:"scope"`
	Severity    Severity       `json:"severity"`
	Effect      Effect         `json:"effect"`
	Guideline   string         `json:"guideline"`
	Kinds       []string       `json:"kinds"`
	Providers   []string       `json:"providers"`
	Remediation string         `json:"remediation"`
	Params      map[string]any `json:"params"`
	Since       string         `json:"since"`
	Waivable    *bool          `json:"waivable"`
}

// source is one Rego file: its name in the file system, text and syntax.
type source struct {
	name   string
	text   []byte
	module *ast.Module
}

// mistake is a load error at a line of a file.
func (s source) mistake(line int, format string, args ...any) error {
	return fmt.Errorf("%s:%d: %s", s.name, line, fmt.Sprintf(format, args...))
}

// readRule takes a rule's identity from its METADATA block. slug is the
// folder, SECTION/NAME.
func readRule(src source, slug string) (Rule, error) {
	block, err := block(src)
	if err != nil {
		return Rule{}, err
	}
	line := block.Location.Row
	want := "data.countersign.rules." + strings.ReplaceAll(slug, "/", ".")
	switch {
	case !IsSlug(slug):
		return Rule{}, src.mistake(1, "folder %q: write section/name in lower case with underscores", slug)
	case src.module.Package.Path.String() != want:
		return Rule{}, src.mistake(src.module.Package.Location.Row, "package is %s; in this folder it must be %s",
			strings.TrimPrefix(src.module.Package.Path.String(), "data."), strings.TrimPrefix(want, "data."))
	case len(block.Organizations)+len(block.RelatedResources)+len(block.Authors)+len(block.Labels) > 0,
		block.Entrypoint, block.Compile != nil:
		return Rule{}, src.mistake(line, "only title, description, schemas and custom belong in METADATA")
	}
	meta, err := readCustom(src, block)
	if err != nil {
		return Rule{}, err
	}
	if err := checkSchema(src, block, meta.Scope); err != nil {
		return Rule{}, err
	}
	rule := Rule{
		ID: meta.ID, Slug: slug, Title: strings.TrimSpace(block.Title), Kind: meta.Kind, Scope: meta.Scope,
		Severity: meta.Severity, Effect: meta.Effect, Guideline: meta.Guideline, Kinds: meta.Kinds,
		Providers: meta.Providers, Description: strings.TrimSpace(block.Description),
		Remediation: strings.TrimSpace(meta.Remediation), Params: meta.Params, Since: meta.Since,
		Waivable: meta.Kind == KindFinding && (meta.Waivable == nil || *meta.Waivable),
	}
	if rule.Kind == KindFinding && rule.Effect == "" {
		rule.Effect = usualEffect(rule.Severity)
	}
	if wrong := checkRule(rule, meta); len(wrong) > 0 {
		return Rule{}, src.mistake(line, "%s", strings.Join(wrong, "; "))
	}
	return rule, nil
}

// block returns the one METADATA block, which must be the package's: a block
// at a rule could loosen the input's schema.
func block(src source) (*ast.Annotations, error) {
	if len(src.module.Annotations) == 0 {
		return nil, src.mistake(1, "no METADATA block before the package; see rego/doc.go for its keys")
	}
	for _, other := range src.module.Annotations[1:] {
		return nil, src.mistake(other.Location.Row, "a second METADATA block; a rule has one, before its package")
	}
	block := src.module.Annotations[0]
	if block.Scope != "package" {
		return nil, src.mistake(block.Location.Row, "METADATA has scope %s; write scope: package", block.Scope)
	}
	lines := bytes.Split(src.text, []byte("\n"))
	last := min(src.module.Package.Location.Row, len(lines))
	known := []string{"scope", "title", "description", "schemas", "custom"}
	for i := block.Location.Row; i < last; i++ {
		key := topKeyPattern.FindSubmatch(lines[i])
		if key != nil && !slices.Contains(known, string(key[1])) {
			return nil, src.mistake(i+1, "unknown METADATA key %q; known are %s", key[1], strings.Join(known, ", "))
		}
	}
	return block, nil
}

func readCustom(src source, block *ast.Annotations) (custom, error) {
	text, err := json.Marshal(block.Custom)
	if err != nil {
		return custom{}, src.mistake(block.Location.Row, "custom: %v", err)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	decoder.UseNumber()
	var meta custom
	if err := decoder.Decode(&meta); err != nil {
		text := strings.TrimPrefix(err.Error(), "json: ")
		return custom{}, src.mistake(customLine(src, block, err), "custom: %s", text)
	}
	return meta, nil
}

// customLine finds the line of the key that a decoding error names in quotes.
func customLine(src source, block *ast.Annotations, err error) int {
	_, rest, _ := strings.Cut(err.Error(), `"`)
	key, _, found := strings.Cut(rest, `"`)
	if !found {
		return block.Location.Row
	}
	for i, line := range strings.Split(string(src.text), "\n") {
		if i >= block.Location.Row && strings.HasPrefix(strings.TrimSpace(strings.TrimPrefix(line, "#")), key+":") {
			return i + 1
		}
	}
	return block.Location.Row
}

// checkSchema makes sure that the input is typed by its scope's schema and by
// nothing else: without it a typo in an input path would load.
func checkSchema(src source, block *ast.Annotations, scope Scope) error {
	want := "schema." + string(scope)
	if len(block.Schemas) == 1 && block.Schemas[0].Path.String() == "input" &&
		block.Schemas[0].Definition == nil && block.Schemas[0].Schema.String() == want {
		return nil
	}
	return src.mistake(block.Location.Row, "schemas must be exactly \"- input: %s\"", want)
}

// checkRule returns what is wrong with a rule's metadata.
func checkRule(rule Rule, meta custom) []string {
	var wrong []string
	demand := func(ok bool, what string) {
		if !ok {
			wrong = append(wrong, what)
		}
	}
	acts := rule.Kind != KindHarmless
	demand(rule.ID.Valid(), "custom.id must look like CS-ABC-001")
	demand(rule.Title != "", "title is missing")
	demand(rule.Description != "", "description is missing")
	demand(slices.Contains([]Kind{KindFinding, KindPrivilege, KindHarmless}, rule.Kind),
		"custom.kind must be finding, privilege or harmless")
	demand(slices.Contains([]Scope{ScopeObject, ScopeChange, ScopeFleet}, rule.Scope),
		"custom.scope must be object, change or fleet")
	demand(rule.Kind == KindFinding || rule.Scope == ScopeChange, "a "+string(rule.Kind)+" has scope change")
	demand(rule.Remediation != "" || !acts, "custom.remediation is missing")
	demand(guidelinePattern.MatchString(rule.Guideline),
		"custom.guideline must be an anchor such as limit-access/ssh-access")
	demand(rule.Severity.Rank() > 0 || rule.Severity == "" && rule.Kind != KindFinding,
		"custom.severity must be critical, high, medium or low")
	demand(rule.Effect == "" || rule.Kind == KindFinding && slices.Contains([]Effect{Block, Warn, Info}, rule.Effect),
		"custom.effect must be block, warn or info, and only findings have one")
	demand(versionPattern.MatchString(rule.Since), "custom.since must be a version such as 0.1.0")
	demand(rule.Scope != ScopeFleet || len(rule.Kinds) == 0, "a fleet rule has no kinds")
	demand(meta.Waivable == nil || rule.Kind == KindFinding, "only findings can be waivable")
	for _, kind := range rule.Kinds {
		demand(kindPattern.MatchString(kind), fmt.Sprintf("custom.kinds: %q must be group/Kind", kind))
	}
	for name, value := range rule.Params {
		demand(Shape(value) != "", fmt.Sprintf("custom.params.%s: write a default that shows its type", name))
	}
	slices.Sort(wrong)
	return wrong
}

// usualEffect is a finding's effect where its metadata names none.
func usualEffect(severity Severity) Effect {
	switch severity {
	case Critical, High:
		return Block
	case Medium:
		return Warn
	}
	return Info
}
