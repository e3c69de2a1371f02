# METADATA
# scope: package
# title: Providers are pinned
# description: |
#   A provider without a version is whatever release is newest when the
#   operator looks. Other sources, other images and patches of its manifests
#   replace what the project released. A ConfigMap in the cluster is not fetched.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-IMM-009
#   kind: finding
#   scope: object
#   severity: high
#   guideline: prevent-runtime-updates
#   kinds:
#     - operator.cluster.x-k8s.io/*Provider
#   providers: [operator]
#   remediation: set spec.version to a release, and fetch it from the project's own releases
#   params:
#     known_hosts: [github.com, gitlab.com]
#   since: 0.1.0
#   waivable: true
package countersign.rules.imm.provider_floats

import data.countersign.lib.field
import data.countersign.lib.value

version_path := ["spec", "version"]

version := field.text(field.at(version_path))

findings contains {
	"path": version_path,
	"absent": field.absent(version_path),
	"message": "the provider floats: no version is named",
} if {
	lower(trim_space(version)) in {"", "latest"}
	value.empty(field.at(["spec", "fetchConfig", "selector"]))
}

url_path := ["spec", "fetchConfig", "url"]

url := field.text(field.at(url_path))

host := regex.find_all_string_submatch_n(`^[a-z]+://([^/@]*@)?([^/:?#]+)`, lower(url), 1)[0][2]

known if host in {h | some h in input.params["CS-IMM-009"].known_hosts}

findings contains {
	"path": url_path,
	"message": "the provider is fetched from a place that is not known",
	"confidence": value.confidence(url),
	"evidence": url,
} if {
	value.set(url)
	not known
}

findings contains {
	"path": ["spec", "fetchConfig", "oci"],
	"message": "the provider is fetched from a registry by a name that can move",
	"evidence": image,
} if {
	image := field.text(field.at(["spec", "fetchConfig", "oci"]))
	value.known(image)
	not pinned(image)
	lower(trim_space(version)) in {"", "latest"}
}

# pinned reports whether an image is named by a tag other than latest, or by
# its digest.
pinned(image) if contains(image, "@sha256:")

pinned(image) if {
	name := regex.replace(image, `^.*/`, "")
	parts := split(name, ":")
	count(parts) == 2
	not parts[1] in {"", "latest"}
}

findings contains {
	"path": ["spec", "deployment", "containers", i, "imageUrl"],
	"message": "the provider runs another image than the one released",
	"severity": image_severity(image),
	"evidence": image,
} if {
	some i, container in field.list(field.at(["spec", "deployment", "containers"]))
	image := field.text(field.get(container, ["imageUrl"]))
	value.set(image)
}

image_severity(image) := "medium" if {
	pinned(image)
} else := "medium" if {
	value.unknown(image)
} else := "high"

# telling are words of a patch that reaches rights, arguments or images.
telling := concat("|", [
	`(?i)kind["']?:\s*["']?(cluster)?role`,
	`"?(args|command|image|rules|subjects|roleRef|securityContext)"?\s*:`,
	`/(args|command|image|rules)`,
])

findings contains {
	"path": ["spec", name, i],
	"message": "a patch changes rights, arguments or images of the provider",
	"severity": "medium",
	"evidence": patch,
} if {
	some name in ["manifestPatches", "patches"]
	some i, patch in field.list(field.at(["spec", name]))
	regex.match(telling, text_of(patch))
}

text_of(patch) := patch if is_string(patch)

text_of(patch) := concat("\n", [json.marshal(patch), field.text(field.get(patch, ["patch"]))]) if is_object(patch)
