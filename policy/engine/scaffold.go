package engine

import (
	"fmt"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/engine/ruleset"
	"github.com/countersign-dev/countersign/rego"
)

// Scaffold returns the files of a new rule, by path from the folder of all
// rules: a rule that loads and passes its tests, to be changed into what it
// should be. taken are ids in use besides those of the built-in ids.txt: the
// new id is the next one of the section's. section and name are lower case
// with underscores; others are an error.
func Scaffold(section, name string, taken []RuleID) (map[string][]byte, error) {
	slug := section + "/" + name
	if !ruleset.IsSlug(slug) || strings.HasSuffix(name, "_test") {
		return nil, fmt.Errorf("%s: write section and name in lower case with underscores", slug)
	}
	taken = slices.Clone(taken)
	for word := range strings.FieldsSeq(rego.IDs) {
		taken = append(taken, RuleID(word))
	}
	id, err := nextID(section, taken)
	if err != nil {
		return nil, err
	}
	replace := strings.NewReplacer("SECTION", section, "NAME", name, "CS-ID", string(id))
	files := map[string][]byte{}
	for file, text := range map[string]string{
		"rule.rego": scaffoldRule, "rule_test.rego": scaffoldTest,
		"good/set.yaml": scaffoldGood, "bad/absent.yaml": scaffoldBad,
	} {
		files[slug+"/"+file] = []byte(replace.Replace(text))
	}
	return files, nil
}

// nextID returns the section's next id: one more than the highest.
func nextID(section string, taken []RuleID) (RuleID, error) {
	prefix := "CS-" + strings.ToUpper(strings.ReplaceAll(section, "_", "")) + "-"
	highest := 0
	for _, id := range taken {
		number, ok := strings.CutPrefix(string(id), prefix)
		var n int
		if _, err := fmt.Sscanf(number, "%03d", &n); ok && err == nil {
			highest = max(highest, n)
		}
	}
	id := RuleID(fmt.Sprintf("%s%03d", prefix, highest+1))
	if !id.Valid() {
		return "", fmt.Errorf("%s: a section is two to five letters, and has at most 999 rules", section)
	}
	return id, nil
}

const scaffoldRule = `# METADATA
# scope: package
# title: One line that says what must be
# description: |
#   Why it must be, and what happens where it is not.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-ID
#   kind: finding
#   scope: object
#   severity: medium
#   guideline: section/anchor
#   kinds: [core/ConfigMap]
#   remediation: what to do about it
#   since: 0.1.0
package countersign.rules.SECTION.NAME

import data.countersign.lib.value

field := ["data", "owner"]

owner := object.get(input.resource.object, field, null)

findings contains {
	"path": field,
	"absent": owner == null,
	"message": sprintf("%s %s has no owner", [input.resource.kind, input.resource.name]),
} if {
	value.empty(owner)
}
`

const scaffoldTest = `package countersign.rules.SECTION.NAME_test

import data.countersign.rules.SECTION.NAME

config(fields) := {"resource": {"kind": "ConfigMap", "name": "c", "object": fields}}

test_empty if {
	every fields in [{}, {"data": null}, {"data": {"owner": null}}, {"data": {"owner": ""}}] {
		count(NAME.findings) == 1 with input as config(fields)
	}
}

test_set if {
	every owner in ["alice", "${OWNER}"] {
		count(NAME.findings) == 0 with input as config({"data": {"owner": owner}})
	}
}
`

const scaffoldGood = `apiVersion: v1
kind: ConfigMap
metadata:
  name: owned
data:
  owner: alice
`

const scaffoldBad = `# want: ConfigMap/orphan data.owner
apiVersion: v1
kind: ConfigMap
metadata:
  name: orphan
data: {}
`
