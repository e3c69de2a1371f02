# METADATA
# title: Values and placeholders
# description: |
#   A string that still holds ${NAME} is a value that nobody knows: it is
#   there, so rules about presence take it as set, and rules about the value
#   answer "unknown". Defaults such as ${NAME:=x} have been applied before a
#   rule sees the object. Do not ask these of shell or cloud-init text, where
#   ${NAME} is shell. An absent field is undefined, which makes these calls
#   undefined too: read it with object.get(object, path, null) first.
package countersign.lib.value

# unknown reports whether x is a string that a placeholder decides.
unknown(x) if {
	is_string(x)
	contains(x, "${")
	regex.match(`(^|[^$])(\$\$)*\$\{[A-Za-z_][A-Za-z0-9_]*`, x)
}

# empty reports whether x is null, "", a blank string, [] or {}. false and 0
# are values.
empty(x) if x in {null, "", [], {}}

empty(x) if {
	is_string(x)
	trim_space(x) == ""
}

# set reports whether x says something: it is not empty. A placeholder does.
set(x) if not empty(x)

# known reports whether x is set and no placeholder decides it.
known(x) if {
	set(x)
	not unknown(x)
}

# confidence is what a hit about the value x may claim.
confidence(x) := "unknown" if {
	unknown(x)
} else := "certain"

# truthy reports whether x is true, written as a boolean or as a string.
truthy(x) if x == true

truthy(x) if {
	is_string(x)
	lower(trim_space(x)) == "true"
}

# falsy reports whether x is false, written as a boolean or as a string.
falsy(x) if x == false

falsy(x) if {
	is_string(x)
	lower(trim_space(x)) == "false"
}
