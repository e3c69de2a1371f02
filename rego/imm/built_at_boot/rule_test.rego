package countersign.rules.imm.built_at_boot_test

import data.countersign.rules.imm.built_at_boot as rule

worker(spec) := {"resource": {
	"kind": "KubeadmConfigTemplate", "nested": [],
	"object": {"spec": {"template": {"spec": spec}}},
}}

command(text) := worker({"preKubeadmCommands": [text]})

hits(doc) := found if found := rule.findings with input as doc

test_installers if {
	every text in [
		"apt-get install -y containerd", "sudo apt install foo",
		"DEBIAN_FRONTEND=noninteractive apt-get -y -qq install foo",
		"yum -y update", "dnf upgrade -y", "zypper --non-interactive in foo", "apk add curl", "snap install foo --classic",
		"pip3 install foo", "true && apt-get upgrade", "bash -c 'apt-get install foo'", "apt-get \\\n  install foo",
		"rpm -ivh https://example.com/a.rpm", "curl -sfL https://get.example.com | sh -",
		"wget -qO- https://x | sudo -E bash",
		"curl https://x | /bin/bash", "bash <(curl -s https://x)", "sh -c \"$(curl -fsSL https://x)\"",
	] {
		some hit in hits(command(text))
		hit.path == ["spec", "template", "spec", "preKubeadmCommands", 0]
		hit.severity == "medium"
	}
}

test_what_installs_nothing if {
	every text in [
		"apt-mark hold kubelet", "apt-get update", "# apt-get install foo", "systemctl restart containerd", "",
		"echo see apt docs", "curl -o /run/x https://x", "yum-config-manager --disable x", "snapshot install",
		"curl https://x | jq .", "cat installed | sh",
	] {
		count(hits(command(text))) == 0
	}
	every spec in [null, {}, {"preKubeadmCommands": null}, {"files": [{"content": null}]}] {
		count(hits(worker(spec))) == 0
	}
}

test_commands_of_every_provider if {
	names := {"preRKE2Commands": "RKE2ControlPlane", "preBootstrapCommands": "EKSConfig", "bootCommands": "KubeadmConfig"}
	every name, kind in names {
		count(hits({"resource": {"kind": kind, "nested": [], "object": {"spec": {name: ["apt install x"]}}}})) == 1
	}
}

test_scripts if {
	text := "#!/bin/sh\nset -e\n# apt is slow\napt-get install -y foo\n"
	some plain in hits(worker({"files": [{"path": "/x.sh", "content": text}]}))
	plain.path == ["spec", "template", "spec", "files", 0, "content"]
	unpacked := {"path": plain.path, "encoding": "gzip+base64", "name": "/x.sh", "documents": [], "text": text}
	doc := worker({"files": [{"path": "/x.sh", "encoding": "gzip+base64", "content": "H4sI"}]})
	count(hits(object.union(doc, {"resource": object.union(doc.resource, {"nested": [unpacked]})}))) == 1
}

test_a_checked_checksum_weighs_less if {
	some script in hits(worker({"files": [{
		"path": "/x.sh",
		"content": "wget https://x/a.rpm\nsha256sum --check a.sum\nrpm -i a.rpm; yum install x",
	}]}))
	script.severity == "low"
	commands := ["curl -o a https://x", "echo 'd  a' | sha256sum -c", "apt-get install ./a"]
	some hit in hits(worker({"preKubeadmCommands": commands}))
	hit.severity == "low"
	some elsewhere in hits(worker({"preKubeadmCommands": ["sha256sum -c x"], "files": [{"content": "apt-get install x"}]}))
	elsewhere.severity == "medium"
}

cloud_init(document) := {"resource": {"kind": "RKE2ConfigTemplate", "object": {"spec": {}}, "nested": [{
	"path": ["spec", "template", "spec", "agentConfig", "additionalUserData", "config"],
	"encoding": "", "name": "", "text": "", "documents": [document],
}]}}

test_cloud_init if {
	every document in [
		{"packages": ["jq"]}, {"package_upgrade": true}, {"runcmd": ["apt-get install jq"]},
		{"runcmd": [["apt-get", "install", "jq"]]}, {"snap": {"commands": ["x"]}},
	] {
		count(hits(cloud_init(document))) == 1
	}
	every document in [{}, {"packages": []}, {"runcmd": ["true", ["echo"], 1]}, {"package_upgrade": false}, "x"] {
		count(hits(cloud_init(document))) == 0
	}
}
