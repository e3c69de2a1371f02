package countersign.rules.imm.image_floats_test

import data.countersign.rules.imm.image_floats as rule

machine(kind, spec) := {"resource": {"kind": kind, "object": {"spec": spec}}}

hits(doc) := found if found := rule.findings with input as doc

paths(kind, spec) := {array.slice(hit.path, 1, count(hit.path)) | some hit in hits(machine(kind, spec))}

test_aws if {
	every spec in [{}, null, {"ami": null}, {"ami": {}}, {"ami": {"id": ""}}, {"ami": {"eksLookupType": "AmazonLinux"}}] {
		paths("AWSMachine", spec) == {["ami", "id"]}
	}
	some hit in hits(machine("AWSMachineTemplate", {"template": {"spec": {}}}))
	hit.path == ["spec", "template", "spec", "ami", "id"]
	hit.absent == true
	every id in ["ami-0123", "${AMI_ID}"] {
		paths("AWSMachine", {"ami": {"id": id}}) == set()
	}
	paths("AWSMachinePool", {"awsLaunchTemplate": {"ami": {}}}) == {["awsLaunchTemplate", "ami", "id"]}
}

test_gcp if {
	paths("GCPMachine", {}) == {["image"]}
	paths("GCPMachine", {"imageFamily": "capi"}) == {["imageFamily"]}
	paths("GCPMachine", {"image": "projects/p/global/images/capi-1"}) == set()
}

test_azure if {
	every source in ["marketplace", "computeGallery", "sharedGallery"] {
		paths("AzureMachine", {"image": {source: {"version": "latest"}}}) == {["image", source, "version"]}
		paths("AzureMachine", {"image": {source: {"version": "1.2.3"}}}) == set()
		some hit in hits(machine("AzureMachine", {"image": {source: {"version": "${VERSION}"}}}))
		hit.confidence == "unknown"
	}
	paths("AzureMachine", {"image": null}) == set()
	pool := {"template": {"image": {"marketplace": {"version": "Latest"}}}}
	count(paths("AzureMachinePool", pool)) == 1
}

test_openstack if {
	paths("OpenStackMachine", {"image": {"filter": {"name": "ubuntu"}}}) == {["image", "filter"]}
	paths("OpenStackMachine", {"image": "ubuntu"}) == {["image"]}
	every image in [{"id": "0-0"}, {"imageRef": {"name": "x"}}, {"filter": null}, null, ""] {
		paths("OpenStackMachine", {"image": image}) == set()
	}
}

test_hetzner_and_proxmox if {
	paths("HCloudMachine", {"imageName": "ubuntu-24.04"}) == {["imageName"]}
	metal := {"installImage": {"image": {"path": "/root/images/ubuntu"}}}
	paths("HetznerBareMetalMachine", metal) == {["installImage", "image", "path"]}
	paths("ProxmoxMachine", {"templateSelector": {"matchTags": ["v1"]}}) == {["templateSelector"]}
	paths("ProxmoxMachine", {"templateID": 100}) == set()
}

test_vsphere if {
	some hit in hits(machine("VSphereMachine", {"template": "ubuntu"}))
	hit.severity == "low"
	some guess in hits(machine("VSphereMachine", {"template": "${TEMPLATE}"}))
	guess.confidence == "unknown"
	every spec in [{}, {"template": "ubuntu-2404-kube-v1.33.4"}, {"template": "ubuntu", "snapshot": "gold"}] {
		paths("VSphereMachine", spec) == set()
	}
}

test_managed_pools_are_not_judged if {
	every kind in ["AWSManagedMachinePool", "AzureManagedMachinePool", "GCPManagedMachinePool", "DockerMachine"] {
		paths(kind, {}) == set()
	}
}
