package main

import rego.v1

provider if {
	startswith(input.apiVersion, "operator.cluster.x-k8s.io/")
	endswith(input.kind, "Provider")
}

deny contains named("CS-IMM-009", "the provider floats: no version is named") if {
	provider
	lower(object.get(input.spec, "version", "")) in {"", "latest"}
}

deny contains named("CS-IMM-009", "the provider is fetched from a place that is not known") if {
	provider
	url := input.spec.fetchConfig.url
	not regex.match(`^https://(github|gitlab)\.com/`, url)
}

deny contains named("CS-IMM-009", "the provider runs another image than the one released") if {
	provider
	some container in input.spec.deployment.containers
	not blank(container.imageUrl)
}
