package main

import rego.v1

deny contains named("CS-SSH-007", "sshKeyName is absent, so the provider attaches the key pair named default") if {
	kind == "AWSMachine"
	not "sshKeyName" in object.keys(spec)
}

deny contains named("CS-SSH-007", "sshKeyName is absent, so the provider attaches the key pair named default") if {
	kind == "AWSMachinePool"
	not "sshKeyName" in object.keys(spec.awsLaunchTemplate)
}
