package countersign.rules.aud.short_retention_test

import data.countersign.rules.aud.short_retention as rule

params := {"CS-AUD-005": {"maxage": 30, "maxbackup": 10, "maxsize": 100}}

kubeadm(args) := {"params": params, "resource": {"kind": "KubeadmControlPlane", "object": {"spec": {
	"kubeadmConfigSpec": {"clusterConfiguration": {"apiServer": {"extraArgs": args}}},
}}}}

rke2(args) := {"params": params, "resource": {"kind": "RKE2ControlPlane", "object": {"spec": {
	"serverConfig": {"kubeAPIServer": {"extraArgs": args}},
}}}}

enough := {"audit-log-path": "/l", "audit-log-maxage": "30", "audit-log-maxbackup": "10", "audit-log-maxsize": "100"}

short(doc) := union({object.get(hit, "measure", {object.get(hit, "confidence", "")}) | some hit in found}) if {
	found := rule.findings with input as doc
}

test_enough if {
	short(kubeadm(enough)) == set()
	short(kubeadm([{"name": name, "value": text} | some name, text in enough])) == set()
}

test_unset if {
	short(kubeadm({"audit-log-path": "/l"})) == {"audit-log-maxage", "audit-log-maxbackup", "audit-log-maxsize"}
}

test_too_small_or_no_number if {
	every text in ["29", "0", "-1", "many", 1, "1e9"] {
		short(kubeadm(object.union(enough, {"audit-log-maxage": text}))) == {"audit-log-maxage"}
	}
}

test_no_file_no_finding if {
	every args in [null, {}, [], {"audit-log-path": "-"}, {"audit-log-path": ""}, {"audit-webhook-config-file": "/w"}] {
		short(kubeadm(args)) == set()
	}
}

test_a_placeholder_is_unknown if {
	short(kubeadm(object.union(enough, {"audit-log-maxage": "${AGE}"}))) == {"unknown"}
}

test_a_param_moves_the_limit if {
	short(object.union(kubeadm(enough), {"params": {"CS-AUD-005": {"maxage": 60}}})) == {"audit-log-maxage"}
}

test_rke2_has_its_own_defaults if {
	short(rke2(["audit-log-path=/l"])) == set()
	short(rke2(["audit-log-path=/l", "audit-log-maxage=1"])) == {"audit-log-maxage"}
}
