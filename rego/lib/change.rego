# METADATA
# title: What changes
# description: |
#   The change that a rule is asked about, in words and by place: both sides as
#   mappings, names fit for messages, and every place that differs, down to the
#   values inside of what was added or removed as a whole.
package countersign.lib.change

import data.countersign.lib.field

before := field.map(input.change.before)

after := field.map(input.change.after)

# thing is the object as it will be or, for a delete, as it was.
thing := after if is_object(input.change.after)

thing := before if not is_object(input.change.after)

was(path) := field.get(before, path)

now(path) := field.get(after, path)

# sides are the objects that exist, base first.
sides := [side | some side in [input.change.before, input.change.after]; is_object(side)]

# stays reports whether the object exists on both sides.
stays if input.change.action in {"update", "move"}

doing := {"create": "creates", "update": "changes", "delete": "deletes", "move": "moves"}[input.change.action]

# place is the object's name in its namespace.
place := placed(input.change)

placed(id) := field.word(id.name) if id.namespace == ""

placed(id) := sprintf("%s/%s", [field.word(id.namespace), field.word(id.name)]) if id.namespace != ""

# named is the object's kind and name.
named := sprintf("%s %s", [field.word(input.change.kind), place])

# edits are the places that differ: fields of the change and what lies in them.
edits contains {"path": array.concat(f.path, step), "before": b, "after": a} if {
	some f in input.change.fields
	some x in [f.before, f.after]
	walk(x, [step, _])
	b := inside(f.before, step)
	a := inside(f.after, step)
	b != a
}

inside(x, step) := object.get({"": x}, array.concat([""], step), null)

# under reports whether a path lies at or below a pattern, in which "*" is any
# key or index.
under(path, pattern) if {
	count(path) >= count(pattern)
	every i, step in pattern {
		step in {"*", path[i]}
	}
}

# edited are the edits at or below one of the patterns.
edited(patterns) := {e |
	some e in edits
	some pattern in patterns
	under(e.path, pattern)
}

# tops are those of the edits that lie below no other of them.
tops(some_edits) := {e |
	some e in some_edits
	every other in some_edits {
		not below(e.path, other.path)
	}
}

below(path, other) if {
	count(path) > count(other)
	under(path, other)
}

# dotted is a path, fit for a message.
dotted(path) := substring(concat(".", [field.word(step) | some step in path]), 0, 200)

# show is a value, fit for a message: short, and nothing of a secret.
show(x) := "nothing" if x == null

show(x) := "a secret" if secret(x)

show(x) := concat("", [field.word(x), more(x)]) if {
	x != null
	not secret(x)
	not is_object(x)
	not is_array(x)
}

show(x) := "other content" if {
	not secret(x)
	type_name(x) in {"object", "array"}
}

more(x) := "…" if count(field.text(x)) > 100

more(x) := "" if count(field.text(x)) <= 100

secret(x) if contains(json.marshal(x), "masked:")

# turns says what a value was and will be.
turns(b, a) := sprintf("%s → %s", [show(b), show(a)])

# listed are words, the first few of them where there are many.
listed(words) := concat(", ", sort(words)) if count(words) <= 6

listed(words) := sprintf("%s and %d more", [
	concat(", ", array.slice(sort(words), 0, 5)),
	count(words) - 5,
]) if {
	count(words) > 6
}

# names are the clusters that the change reaches.
names := {placed(cluster) | some cluster in input.clusters}

# labels and annotations of an object, as mappings.
labels(object) := field.map(field.get(object, ["metadata", "labels"]))

annotations(object) := field.map(field.get(object, ["metadata", "annotations"]))

# kept reports whether a deployer leaves the object alone when it goes from Git.
kept(object) if lower(field.text(annotations(object)["kustomize.toolkit.fluxcd.io/prune"])) == "disabled"

kept(object) if {
	options := annotations(object)["argocd.argoproj.io/sync-options"]
	regex.match(`(?i)(^|[\s,])(Prune|Delete)=false([\s,]|$)`, field.text(options))
}
