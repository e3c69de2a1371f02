package main

import rego.v1

needs_image := {"AWSMachine": [["ami", "id"]], "AWSMachinePool": [["awsLaunchTemplate", "ami", "id"]]}

deny contains named("CS-IMM-001", "the machine image is the newest that a lookup finds") if {
	some path in needs_image[kind]
	blank(object.get(spec, path, null))
}

looks_up := {
	"GCPMachine": ["imageFamily"],
	"HCloudMachine": ["imageName"],
	"OpenStackMachine": ["image", "filter"],
	"ProxmoxMachine": ["templateSelector"],
}

deny contains named("CS-IMM-001", "the machine image is looked up") if {
	not blank(object.get(spec, looks_up[kind], null))
}

deny contains named("CS-IMM-001", "the machine image is the latest") if {
	kind == "AzureMachine"
	some source in ["marketplace", "computeGallery", "sharedGallery"]
	lower(spec.image[source].version) == "latest"
}

deny contains named("CS-IMM-001", "the machine template has no version") if {
	kind == "VSphereMachine"
	blank(object.get(spec, "snapshot", null))
	not regex.match(`[0-9]+[._-]v?[0-9]+`, spec.template)
}
