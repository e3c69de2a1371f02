package main

import rego.v1

installers := [
	`(^|[\s;&|])(apt|apt-get|aptitude)\s+(-\S+\s+)*(install|upgrade|dist-upgrade)($|\s)`,
	`(^|[\s;&|])(yum|dnf|microdnf|tdnf)\s+(-\S+\s+)*(install|localinstall|upgrade|update)($|\s)`,
	`(^|[\s;&|])zypper\s+(-\S+\s+)*(install|in|update|up)($|\s)`,
	`(^|[\s;&|])apk\s+(-\S+\s+)*(add|upgrade)($|\s)`,
	`(^|[\s;&|])(snap|pip3?)\s+install($|\s)`,
	`(curl|wget)\b[^\n;]*\|\s*(sudo\s+)?([a-z/]*/)?(ba|z|da|k)?sh\b`,
]

deny contains named("CS-IMM-002", "software is installed when the node boots") if {
	some text in texts
	some pattern in installers
	regex.match(pattern, text)
}
