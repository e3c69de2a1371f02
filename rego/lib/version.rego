# METADATA
# title: Kubernetes versions
# description: |
#   Where objects say which Kubernetes they want, and how two versions relate.
#   Managed offerings leave the patch out; distributions add a build such as
#   +k3s1 or +rke2r1; a release candidate comes before its release.
package countersign.lib.version

import data.countersign.lib.change
import data.countersign.lib.field

paths := [
	["spec", "version"], ["spec", "template", "spec", "version"], ["spec", "topology", "version"],
	["spec", "controlPlaneVersion"], ["spec", "kubernetesVersion"], ["spec", "orchestratorVersion"],
	["spec", "agentConfig", "version"], ["spec", "template", "spec", "controlPlaneVersion"],
	["spec", "kubeadmConfigSpec", "clusterConfiguration", "kubernetesVersion"],
]

# places are the versions of an object by their path, with those of the
# resources that an AzureASOManagedControlPlane and its like hold.
places(x) := object.union(direct(x), nested(x))

direct(x) := {path: v | some path in paths; v := field.get(x, path); v != null}

nested(x) := {array.concat(["spec", "resources", i], path): v |
	some i, resource in field.list(field.get(x, ["spec", "resources"]))
	some path in paths
	v := field.get(resource, path)
	v != null
}

# parsed is a version in parts; undefined for what is no version.
parsed(text) := {"minor": [to_number(m[1]), to_number(m[2])], "patch": m[3], "rest": m[4]} if {
	is_string(text)
	some m in regex.find_all_string_submatch_n(
		`^v?([0-9]{1,4})\.([0-9]{1,4})(?:\.([0-9]{1,4}))?((?:[-+._~].{0,100})?)$`,
		trim_space(text), 1,
	)
}

# order is how b relates to a: -1 when it is older, 1 when it is newer.
order(a, b) := sign(a.minor, b.minor) if a.minor != b.minor

order(a, b) := sign(detail(a), detail(b)) if {
	a.minor == b.minor
	not vague(a, b)
}

order(a, b) := 0 if {
	a.minor == b.minor
	vague(a, b)
}

vague(a, b) if "" in {a.patch, b.patch}

sign(a, b) := -1 if b < a

sign(a, b) := 1 if b > a

sign(a, b) := 0 if a == b

detail(v) := [to_number(v.patch), stage(v.rest), build(v.rest)]

stage(rest) := 0 if regex.match(`^-(alpha|beta|rc)`, rest)

stage(rest) := 1 if not regex.match(`^-(alpha|beta|rc)`, rest)

build(rest) := 0 if count(regex.find_n(`[0-9]{1,9}`, rest, -1)) == 0

build(rest) := to_number(numbers[count(numbers) - 1]) if {
	numbers := regex.find_n(`[0-9]{1,9}`, rest, -1)
	count(numbers) > 0
}

# steps are the versions that differ between the sides, each with its way:
# down, skip, minor, patch or unclear.
steps contains {"path": path, "before": b, "after": a, "way": way(b, a)} if {
	change.stays
	was := places(change.before)
	now := places(change.after)
	some path in (object.keys(was) | object.keys(now))
	b := object.get(was, [path], null)
	a := object.get(now, [path], null)
	b != a
}

way(b, a) := "down" if {
	order(parsed(b), parsed(a)) < 0
} else := "skip" if {
	[x, y] := [parsed(b).minor, parsed(a).minor]
	x[0] == y[0]
	y[1] > x[1] + 1
} else := "minor" if {
	parsed(a).minor != parsed(b).minor
} else := "patch" if {
	is_number(order(parsed(b), parsed(a)))
} else := "unclear"
