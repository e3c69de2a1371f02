package countersign.rules.chg.bootstrap_test

import data.countersign.rules.chg.bootstrap as rule

blank := {
	"action": "update", "group": "", "kind": "Thing", "namespace": "fleet", "name": "eu",
	"version_before": "v1", "version_after": "v1", "destination": "mgmt", "from": "", "generated": false,
	"opaque": "", "renamed_from": null, "before": null, "after": null, "fields": [],
	"masked_before": [], "masked_after": [], "nested_before": [], "nested_after": [],
}

around := {"clusters": [], "referenced_by": [], "namespace_role": "", "failing": [], "related": [], "params": {}}

subject(change) := object.union(around, {"change": object.union(blank, change)})

edit(path, b, a) := {"path": path, "before": b, "after": a, "before_absent": b == null, "after_absent": a == null}

hits(doc) := found if found := rule.reasons with input as doc

said(doc) := {hit.message | some hit in hits(doc)}

boot(x) := subject(object.union({"group": "bootstrap.cluster.x-k8s.io", "kind": "KubeadmConfigTemplate"}, x))

plane(fields) := subject({
	"group": "controlplane.cluster.x-k8s.io", "kind": "KubeadmControlPlane", "fields": fields,
})

test_templates if {
	said(boot({"fields": [edit(["spec", "template", "spec", "files", 0, "content"], "a", "b")]})) == {
		"what runs as root on the machines of KubeadmConfigTemplate fleet/eu: files.0.content",
	}
	said(boot({"kind": "KubeadmConfig", "fields": [edit(["spec", "preKubeadmCommands", 1], null, "reboot")]})) == {
		"what runs as root on the machines of KubeadmConfig fleet/eu: preKubeadmCommands.1",
	}
	count(said(boot({"fields": [edit(["spec"], null, {"files": []})]}))) == 1
}

test_control_planes if {
	every args in [["extraArgs", "audit-log-path"], ["extraArgs", 0, "value"]] {
		path := array.concat(["spec", "kubeadmConfigSpec", "clusterConfiguration", "apiServer"], args)
		count(said(plane([edit(path, "a", "b")]))) == 1
	}
	count(said(plane([edit(["spec"], null, {"files": [{"path": "a"}]})]))) == 1
	said(plane([edit(["spec", "replicas"], 1, 3)])) == set()
	said(plane([edit(["spec", "version"], "v1.33.2", "v1.34.1")])) == set()
}

test_user_data_of_machines if {
	user_data := [edit(["spec", "template", "spec", "additionalUserData"], null, "masked:token:00")]
	said(subject({
		"group": "infrastructure.cluster.x-k8s.io", "kind": "XMachineTemplate", "fields": user_data,
	})) == {
		"what runs as root on the machines of XMachineTemplate fleet/eu: additionalUserData",
	}
	said(subject({"group": "example.org", "fields": user_data})) == set()
}

test_space_at_the_end if {
	said(boot({"fields": [edit(["spec", "files", 0, "content"], "a\n", "a \n\n")]})) == set()
	every pair in [["a\n", "\na"], ["a", "b"], ["a b", "a  b"], [" a", "a"], [null, ""]] {
		count(said(boot({"fields": [edit(["spec", "files", 0, "content"], pair[0], pair[1])]}))) == 1
	}
}

test_what_is_new if {
	shown := {"KubeadmConfigTemplate fleet/eu brings what runs as root on new machines: files, users"}
	contents := {"files": [], "users": [{"name": "eve"}], "ntp": null}
	said(boot({"action": "create", "after": {"spec": {"template": {"spec": contents}}}})) == shown
	said(boot({"action": "create", "after": {"spec": contents}})) == shown
	every after in [{}, {"spec": null}, {"spec": {"template": {"spec": {}}}}] {
		said(boot({"action": "create", "after": after})) == set()
	}
	said(boot({"action": "delete", "before": {"spec": contents}})) == set()
}
