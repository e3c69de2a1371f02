package main

import rego.v1

deny contains named("CS-CRED-006", sprintf("%s is committed in clear text", [key])) if {
	input.kind == "Secret"
	not input.sops
	some part in ["data", "stringData"]
	some key, value in input[part]
	secret(part, value)
}

secret("stringData", value) if secret_text(value)

secret("data", value) if {
	base64.is_valid(value)
	secret_text(base64.decode(value))
}

secret_text(text) if {
	text != ""
	not regex.match(`^\$\{[^}]*\}$`, text)
	not startswith(text, "ENC[")
	not public(text)
}

public(text) if {
	startswith(text, "-----BEGIN CERTIFICATE-----")
	not contains(text, "PRIVATE KEY")
}

deny contains named("CS-CRED-006", "a private key is committed in clear text") if {
	some text in texts
	regex.match(`-----BEGIN [A-Z ]*PRIVATE KEY-----`, text)
}
