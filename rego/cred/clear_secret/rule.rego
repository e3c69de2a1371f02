# METADATA
# scope: package
# title: No secret in clear text
# description: |
#   What is committed is known to everyone who can read the repository, now
#   and in its history. Judged by what the renderer found a value to be; empty
#   values, placeholders, encrypted values and public certificates are fine.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-CRED-006
#   kind: finding
#   scope: object
#   severity: critical
#   guideline: use-least-privileges
#   providers: [all]
#   remediation: rotate it now, then keep it with SOPS, an ExternalSecret or a SealedSecret
#   since: 0.1.0
#   waivable: true
package countersign.rules.cred.clear_secret

words := {
	"private-key": "a private key",
	"kubeconfig": "a kubeconfig with credentials",
	"token": "a token or password",
	"literal": "a secret value",
}

# found are [path, words] of the masked values; a document inside a string lies
# below the step "#".
found contains [field_of(entry.path), words[entry.class]] if {
	some entry in input.resource.masked
}

field_of(path) := array.slice(path, 0, nested[0]) if {
	nested := [i | some i, step in path; step == "#"]
	count(nested) > 0
} else := path

findings contains {
	"path": path,
	"message": sprintf("%s is committed in clear text", [concat(" and ", sort(classes))]),
	"measure": classes,
	"evidence": values(path),
} if {
	some [path, _] in found
	classes := {class | some [place, class] in found; place == path}
}

# values are the keyed hashes that stand for the secrets of a field: another
# secret in clear text is worse than the one that everybody has seen already.
values(path) := sort(regex.find_n(`masked:[a-z-]+:[0-9a-f]+`, text, -1)) if {
	text := object.get(input.resource.object, path, "")
	is_string(text)
} else := []
