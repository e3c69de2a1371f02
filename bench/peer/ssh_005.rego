package main

import rego.v1

deny contains named("CS-SSH-005", sprintf("user %s is root by sudo on nodes", [user.name])) if {
	some user in bootstrap.users
	regex.match(`NOPASSWD|ALL\s*=\s*\(?\s*ALL`, user.sudo)
}

deny contains named("CS-SSH-005", "a file of sudo rules is written on nodes") if {
	some file in bootstrap.files
	regex.match(`^/etc/sudoers(\.d/|$)`, file.path)
}

deny contains named("CS-SSH-005", "a boot script gives root by sudo on nodes") if {
	some text in texts
	contains(text, "/etc/sudoers")
}
