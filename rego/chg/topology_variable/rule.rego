# METADATA
# scope: package
# title: Variables of a topology
# description: |
#   The patches of a class write what variables say into every object of the
#   cluster: nothing of that stands in the file that changes. A variable that
#   gets the value it has by default says nothing new.
# schemas:
#   - input: schema.change
# custom:
#   id: CS-CHG-011
#   kind: privilege
#   scope: change
#   severity: high
#   guideline: second-pair-of-eyes
#   kinds: [cluster.x-k8s.io/Cluster]
#   providers: [all]
#   remediation: have two people approve who did not contribute to the change
#   since: 0.1.0
package countersign.rules.chg.topology_variable

import data.countersign.lib.change
import data.countersign.lib.field

# values are the variables by where they stand ("" for the cluster) and name.
values(x) := object.union(of_cluster(x), of_parts(x))

of_cluster(x) := {["", name]: found[0] |
	all := field.list(field.get(x, ["spec", "topology", "variables"]))
	some name in {name_of(v) | some v in all}
	found := [field.get(v, ["value"]) | some v in all; name_of(v) == name]
}

of_parts(x) := {[part, name]: found[0] |
	some [part, _] in overrides(x)
	some name in {name_of(v) | some [p, list] in overrides(x); p == part; some v in list}
	found := [field.get(v, ["value"]) | some [p, list] in overrides(x); p == part; some v in list; name_of(v) == name]
}

overrides(x) := {[part, list] |
	some [part, at] in array.concat(
		[
			["control plane", field.get(x, ["spec", "topology", "controlPlane"])],
		],
		pools(x),
	)
	list := field.list(field.get(at, ["variables", "overrides"]))
}

pools(x) := [[sprintf("pool %s", [name_of(pool)]), pool] |
	some list in ["machineDeployments", "machinePools"]
	some pool in field.list(field.get(x, ["spec", "topology", "workers", list]))
]

name_of(v) := field.text(field.get(v, ["name"]))

# defaults are what the class says where the cluster does not.
defaults := {name: found[0] |
	some name in {name_of(v) | some v in declared}
	found := [field.get(v, ["schema", "openAPIV3Schema", "default"]) | some v in declared; name_of(v) == name]
}

declared := [v |
	some link in input.related
	link.role == "class"
	some v in field.list(field.get(link.object, ["spec", "variables"]))
]

value(side, key) := object.get(side, [key], otherwise(key))

otherwise(key) := object.get(defaults, key[1], null) if key[0] == ""

otherwise(key) := null if key[0] != ""

turned := {words(key, b, a) |
	was := values(change.before)
	now := values(change.after)
	some key in (object.keys(was) | object.keys(now))
	b := value(was, key)
	a := value(now, key)
	b != a
}

words(key, b, a) := sprintf("%s %s", [field.word(key[1]), change.turns(b, a)]) if key[0] == ""

words(key, b, a) := sprintf("%s of %s %s", [field.word(key[1]), field.word(key[0]), change.turns(b, a)]) if key[0] != ""

reasons contains {
	"path": ["spec", "topology", "variables"],
	"message": sprintf("variables of the cluster %s: %s", [change.place, change.listed(turned)]),
} if {
	change.stays
	count(turned) > 0
}
