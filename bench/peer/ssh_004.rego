package main

import rego.v1

deny contains named("CS-SSH-004", sprintf("user %s can log in on nodes", [user.name])) if {
	some user in bootstrap.users
	some field in ["sshAuthorizedKeys", "ssh_authorized_keys"]
	count(user[field]) > 0
}

deny contains named("CS-SSH-004", sprintf("user %s can log in with a password on nodes", [user.name])) if {
	some user in bootstrap.users
	not blank(object.get(user, "passwd", null))
	object.get(user, "lockPassword", true) == false
}

deny contains named("CS-SSH-004", "a file of authorized SSH keys is written on nodes") if {
	some file in bootstrap.files
	contains(file.path, "authorized_keys")
}

deny contains named("CS-SSH-004", "boot scripts write authorized SSH keys on nodes") if {
	some text in texts
	regex.match(`(^|[^_])authorized_keys`, text)
}
