# METADATA
# scope: package
# title: Node images are pinned
# description: |
#   An image that is looked up by name, family, tags or "latest" can change
#   without a change in Git, so that a node made tomorrow is another than one
#   made today. Managed pools follow their provider's releases and are not
#   judged. On vSphere a name without a version and without a snapshot weighs
#   little.
# schemas:
#   - input: schema.object
# custom:
#   id: CS-IMM-001
#   kind: finding
#   scope: object
#   severity: medium
#   guideline: prevent-runtime-updates
#   kinds:
#     - infrastructure.cluster.x-k8s.io/*Machine
#     - infrastructure.cluster.x-k8s.io/*MachineTemplate
#     - infrastructure.cluster.x-k8s.io/*MachinePool
#   providers: [aws, azure, gcp, hetzner, openstack, proxmox, vsphere]
#   remediation: name one image by its id, version or checksum
#   since: 0.1.0
#   waivable: true
package countersign.rules.imm.image_floats

import data.countersign.lib.field
import data.countersign.lib.value

kind := trim_suffix(input.resource.kind, "Template")

# missing are the fields without which the provider looks an image up.
missing contains ["ami", "id"] if kind == "AWSMachine"

missing contains ["awsLaunchTemplate", "ami", "id"] if kind == "AWSMachinePool"

missing contains ["image"] if {
	kind == "GCPMachine"
	value.empty(field.get(field.spec, ["imageFamily"]))
}

# floating are the fields that look one up when they are set.
floating := {
	"GCPMachine": [["imageFamily"]],
	"HCloudMachine": [["imageName"]],
	"HetznerBareMetalMachine": [["installImage", "image", "path"]],
	"OpenStackMachine": [["image", "filter"]],
	"ProxmoxMachine": [["templateSelector"]],
}

# versions are the fields that say which version; "latest" is none.
versions := {
	"AzureMachine": [["image", name, "version"] | some name in ["marketplace", "computeGallery", "sharedGallery"]],
	"AzureMachinePool": [["template", "image", name, "version"] |
		some name in ["marketplace", "computeGallery", "sharedGallery"]
	],
}

findings contains {
	"path": path,
	"absent": field.absent(path),
	"message": "the machine image is the newest that a lookup finds",
} if {
	some below in missing
	path := array.concat(field.prefix, below)
	value.empty(field.at(path))
}

findings contains hit(below) if {
	some below in floating[kind]
	value.set(field.get(field.spec, below))
}

# Older versions of the API take the image's name itself.
findings contains hit(["image"]) if {
	kind == "OpenStackMachine"
	image := field.get(field.spec, ["image"])
	is_string(image)
	value.set(image)
}

hit(below) := {
	"path": array.concat(field.prefix, below),
	"message": "the machine image is looked up and can change without a change in Git",
	"evidence": field.get(field.spec, below),
}

findings contains object.union(hit(below), {"confidence": value.confidence(version)}) if {
	some below in versions[kind]
	version := field.text(field.get(field.spec, below))
	latest(version)
}

latest(version) if lower(version) == "latest"

latest(version) if value.unknown(version)

findings contains object.union(hit(["template"]), {
	"severity": "low",
	"confidence": value.confidence(template),
}) if {
	kind == "VSphereMachine"
	template := field.text(field.get(field.spec, ["template"]))
	value.set(template)
	value.empty(field.get(field.spec, ["snapshot"]))
	not regex.match(`[0-9]+[._-]v?[0-9]+`, template)
}
