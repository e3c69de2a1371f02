package countersign.rules.aud.files_not_mounted_test

import data.countersign.rules.aud.files_not_mounted as rule

control_plane(args, volumes, extra) := {"resource": {
	"kind": "KubeadmControlPlane", "nested": [],
	"object": {"spec": {"kubeadmConfigSpec": object.union(
		{"clusterConfiguration": {"apiServer": {"extraArgs": args, "extraVolumes": volumes}}},
		extra,
	)}},
}}

policy := {"audit-policy-file": "/etc/audit/policy.yaml", "audit-log-path": "-"}

mount := {"name": "audit", "hostPath": "/etc/audit", "mountPath": "/etc/audit", "readOnly": true}

written := {"files": [{"path": "/etc/audit/policy.yaml", "content": "x"}]}

hits(doc) := found if found := rule.findings with input as doc

test_silent_without_audit if {
	every args in [null, {}, [], {"audit-policy-file": ""}] {
		count(hits(control_plane(args, null, {}))) == 0
	}
}

test_mounted_and_written if {
	count(hits(control_plane(policy, [mount], written))) == 0
}

test_no_volumes if {
	every volumes in [null, [], [{"hostPath": "/etc/audits", "mountPath": "/etc/audits"}], "text", [null]] {
		some hit in hits(control_plane(policy, volumes, written))
		hit.path[count(hit.path) - 1] == "extraVolumes"
		hit.measure == {"no volume of the API server covers the audit policy"}
	}
}

test_absence_is_told_from_a_list_that_lacks_it if {
	some absent in hits(control_plane(policy, null, written))
	absent.absent == true
	some present in hits(control_plane(policy, [], written))
	present.absent == false
}

test_a_mount_of_the_file_itself if {
	file := {"hostPath": "/etc/audit/policy.yaml", "mountPath": "/etc/audit/policy.yaml", "pathType": "File"}
	count(hits(control_plane(policy, [file], written))) == 0
}

test_a_mount_may_have_another_name_on_the_host if {
	moved := {"hostPath": "/srv/audit", "mountPath": "/etc/audit"}
	count(hits(control_plane(policy, [moved], {"files": [{"path": "/srv/audit/policy.yaml"}]}))) == 0
	some hit in hits(control_plane(policy, [moved], written))
	hit.confidence == "unknown"
}

test_the_log_must_be_writable if {
	args := [{"name": "audit-log-path", "value": "/var/log/audit/a.log"}]
	volume := {"hostPath": "/var/log/audit", "mountPath": "/var/log/audit"}
	count(hits(control_plane(args, [volume], {}))) == 0
	some hit in hits(control_plane(args, [object.union(volume, {"readOnly": true})], {}))
	hit.measure == {"the audit log's volume is mounted read-only"}
}

test_the_log_must_be_mounted if {
	count(hits(control_plane({"audit-log-path": "/var/log/audit/a.log"}, [], {}))) == 1
}

test_kubeadm_mounts_its_certificates_itself if {
	args := {"audit-policy-file": "/etc/kubernetes/pki/audit.yaml", "audit-log-path": "-"}
	count(hits(control_plane(args, [], {"files": [{"path": "/etc/kubernetes/pki/audit.yaml"}]}))) == 0
}

test_other_ways_of_delivery if {
	count(hits(control_plane(policy, [mount], {"preKubeadmCommands": ["cp /opt/a /etc/audit/policy.yaml"]}))) == 0
	count(hits(control_plane(policy, [mount], {"mounts": [["LABEL=audit", "/etc/audit"]]}))) == 0
}

test_the_image_may_hold_the_policy if {
	some hit in hits(control_plane(policy, [mount], {}))
	hit.path == ["spec", "kubeadmConfigSpec", "files"]
	hit.absent == true
	hit.confidence == "unknown"
}

test_placeholders_are_unknown if {
	some named in hits(control_plane({"audit-policy-file": "${POLICY}", "audit-log-path": "-"}, [], {}))
	named.confidence == "unknown"
	some mounted in hits(control_plane(policy, [{"hostPath": "/x", "mountPath": "${DIR}"}], written))
	mounted.confidence == "unknown"
}
