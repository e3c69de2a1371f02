# METADATA
# title: Fields
# description: |
#   Reading an object without tripping over it: any field may be absent, null
#   or of another type than the API says, and a builtin that gets the wrong
#   type is an error of the rule. What these return is always of one type.
package countersign.lib.field

# absent says whether the input's object has nothing at path, true or false; an
# explicit null is nothing, as it is for the API server.
absent(path) := object.get(input.resource.object, path, null) == null

# at is what the input's object has at path, or null.
at(path) := object.get(input.resource.object, path, null)

# get is what x has at path, or null.
get(x, path) := object.get(x, path, null) if {
	is_object(x)
} else := null

# list is x, or no elements where x is not a list.
list(x) := x if {
	is_array(x)
} else := []

# map is x, or no fields where x is not a mapping.
map(x) := x if {
	is_object(x)
} else := {}

# text is a scalar as it would be written; "" for all else.
text(x) := x if {
	is_string(x)
} else := format_int(x, 10) if {
	is_number(x)
	x == floor(x)
} else := sprintf("%v", [x]) if {
	type_name(x) in {"number", "boolean"}
} else := ""

# line is a text out of the object, fit to be a message or to stand in one.
line(x) := substring(regex.replace(text(x), `[[:cntrl:]\x{2028}\x{2029}]|masked:`, " "), 0, 500)

# word is a name out of the object, fit to stand in a message.
word(x) := substring(line(x), 0, 100)

# prefix is where the specification of the input's object lies: that of a
# template is one level deeper.
prefix := ["spec", "template", "spec"] if {
	endswith(input.resource.kind, "Template")
} else := ["spec"]

# spec is that specification.
spec := map(at(prefix))
