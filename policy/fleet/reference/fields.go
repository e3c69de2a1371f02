package reference

import (
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/render"
)

// spec lists fields below the spec of an object and below the
// spec.template.spec of its template.
type spec struct{ own, template []slot }

// below makes a spec from fields whose patterns are relative to it.
func below(fields []slot) spec {
	var s spec
	for _, f := range fields {
		own, template := f, f
		own.pattern = append([]string{"spec"}, f.pattern...)
		template.pattern = append([]string{"spec", "template", "spec"}, f.pattern...)
		s.own, s.template = append(s.own, own), append(s.template, template)
	}
	return s
}

func (s spec) of(kind string) []slot {
	if strings.HasSuffix(kind, "Template") {
		return s.template
	}
	return s.own
}

func entry(pattern, role string, read reader) slot {
	return slot{field.Keys(pattern), role, read, ""}
}

// machineFields are those of a MachineDeployment, MachineSet or MachinePool,
// below spec.template; a Machine has them at the top.
var machineFields = []slot{
	entry("spec.bootstrap.configRef", RoleBootstrap, objectRef),
	entry("spec.bootstrap.dataSecretName", RoleBootstrap, secretName("")),
	entry("spec.infrastructureRef", RoleMachineTemplate, objectRef),
}

var clusterFields = map[string][]slot{
	"Cluster": append([]slot{
		entry("spec.infrastructureRef", RoleInfrastructure, objectRef),
		entry("spec.controlPlaneRef", RoleControlPlane, objectRef),
		entry("spec.topology.classRef", RoleClass, fixed(GroupCluster, "ClusterClass")),
		{field.Keys("spec.topology"), RoleClass, classRef, "class"},
	}, remediationFields("spec.topology.controlPlane", "spec.topology.workers.machineDeployments.*")...),
	"ClusterClass":      classFields(),
	"Machine":           machineFields,
	"MachineSet":        templated(machineFields),
	"MachineDeployment": templated(machineFields),
	"MachinePool":       templated(machineFields),
	"MachineHealthCheck": {
		entry("spec.remediationTemplate", RoleRemediation, objectRef),
		entry("spec.remediation.templateRef", RoleRemediation, objectRef),
	},
}

// templated moves fields below spec.template.
func templated(fields []slot) []slot {
	moved := slices.Clone(fields)
	for i := range moved {
		moved[i].pattern = append([]string{"spec", "template"}, moved[i].pattern...)
	}
	return moved
}

// remediationFields are the health checks of both API shapes, below each base.
func remediationFields(bases ...string) []slot {
	var fields []slot
	for _, base := range bases {
		fields = append(fields,
			entry(base+".machineHealthCheck.remediationTemplate", RoleRemediation, objectRef),
			entry(base+".healthCheck.remediation.templateRef", RoleRemediation, objectRef))
	}
	return fields
}

// classFields are the references of a ClusterClass in both API shapes.
func classFields() []slot {
	fields := []slot{
		entry("spec.infrastructure.ref", RoleInfrastructure, objectRef),
		entry("spec.infrastructure.templateRef", RoleInfrastructure, objectRef),
		entry("spec.controlPlane.ref", RoleControlPlane, objectRef),
		entry("spec.controlPlane.templateRef", RoleControlPlane, objectRef),
		entry("spec.controlPlane.machineInfrastructure.ref", RoleMachineTemplate, objectRef),
		entry("spec.controlPlane.machineInfrastructure.templateRef", RoleMachineTemplate, objectRef),
	}
	for _, list := range []string{"spec.workers.machineDeployments.*", "spec.workers.machinePools.*"} {
		fields = append(fields,
			entry(list+".template.bootstrap.ref", RoleBootstrap, objectRef),
			entry(list+".bootstrap.templateRef", RoleBootstrap, objectRef),
			entry(list+".template.infrastructure.ref", RoleMachineTemplate, objectRef),
			entry(list+".infrastructure.templateRef", RoleMachineTemplate, objectRef))
	}
	return append(fields, remediationFields("spec.controlPlane", "spec.workers.machineDeployments.*",
		"spec.workers.machinePools.*")...)
}

// bootstrapPatterns are what a bootstrap config refers to, relative to it.
var bootstrapPatterns = []slot{
	entry("files.*.contentFrom.secret", RoleSecret, fixed("", "Secret")),
	entry("files.*.contentFrom.configMap", RolePayload, fixed("", "ConfigMap")),
	entry("users.*.passwdFrom.secret", RoleSecret, fixed("", "Secret")),
}

var bootstrapSpec = below(append(under("agentConfig", bootstrapPatterns), bootstrapPatterns...))

var controlPlaneSpec = below(slices.Concat(
	[]slot{
		entry("machineTemplate.infrastructureRef", RoleMachineTemplate, objectRef),
		entry("machineTemplate.spec.infrastructureRef", RoleMachineTemplate, objectRef),
		entry("infrastructureTemplate", RoleMachineTemplate, objectRef),
		entry("infrastructureRef", RoleMachineTemplate, objectRef),
		entry("manifestsConfigMapReference", RolePayload, fixed("", "ConfigMap")),
		entry("serverConfig.auditPolicySecret", RoleSecret, fixed("", "Secret")),
		entry("serverConfig.etcd.backupConfig.s3.s3CredentialSecret", RoleSecret, fixed("", "Secret")),
		entry("privateRegistriesConfig.configs.*.authSecret", RoleSecret, fixed("", "Secret")),
	},
	bootstrapPatterns,
	under("kubeadmConfigSpec", bootstrapPatterns),
	under("kthreesConfigSpec", bootstrapPatterns),
	infraPatterns,
))

// infraPatterns are those of infrastructure objects of all providers; managed
// control planes have them too.
var infraPatterns = []slot{
	entry("identityRef", RoleIdentity, identityRef),
	entry("sourceIdentityRef", RoleIdentity, identityRef),
	entry("credentialsRef", RoleIdentity, fixed("", "Secret")),
	entry("hetznerSecretRef", RoleIdentity, fixed("", "Secret")),
	entry("infraClusterSecretRef", RoleIdentity, fixed("", "Secret")),
	entry("prismCentral.credentialRef", RoleIdentity, fixed("", "Secret")),
	entry("failureDomains.*.acsEndpoint", RoleIdentity, fixed("", "Secret")),
	entry("dataTemplate", RoleMachineTemplate, fixed(GroupInfra, "Metal3DataTemplate")),
}

var infraSpec = below(infraPatterns)

// identityFields are the secrets behind identity objects.
var identityFields = map[string][]slot{
	"AWSClusterRoleIdentity":   {entry("spec.sourceIdentityRef", RoleIdentity, identityRef)},
	"AWSClusterStaticIdentity": {entry("spec.secretRef", RoleSecret, secretOrName("capa-system"))},
	"AzureClusterIdentity":     {entry("spec.clientSecret", RoleSecret, fixed("", "Secret"))},
	"VSphereClusterIdentity":   {entry("spec.secretName", RoleSecret, secretOrName("capv-system"))},
	"OpenStackClusterIdentity": {entry("spec.secretRef", RoleSecret, fixed("", "Secret"))},
}

// asoFields are the credentials that Azure Service Operator objects name.
var asoFields = []slot{
	{[]string{"metadata", "annotations", AnnotationASO}, RoleIdentity, secretName(""), ""},
	{[]string{"spec", "resources", "*", "metadata", "annotations", AnnotationASO}, RoleIdentity,
		secretName(""), ""},
}

var addonFields = map[string][]slot{
	"ClusterResourceSet": {entry("spec.resources.*", RolePayload, payloadRef)},
	"HelmChartProxy": {
		entry("spec.credentials.secret", RoleSecret, fixed("", "Secret")),
		entry("spec.tlsConfig.caSecret", RoleSecret, fixed("", "Secret")),
	},
}

var operatorFields = []slot{
	entry("spec.configSecret", RoleSecret, fixed("", "Secret")),
	entry("spec.additionalManifests", RolePayload, fixed("", "ConfigMap")),
	entry("spec.additionalManifestsRef", RolePayload, fixed("", "ConfigMap")),
}

var certificateFields = []slot{entry("spec.issuerRef", RoleIssuer, issuerRef)}

// deployerFields are where deployers take values from, and the credentials
// with which they reach other clusters and their sources.
var deployerFields = []slot{
	entry("spec.postBuild.substituteFrom.*", RoleValues, payloadRef),
	entry("spec.valuesFrom.*", RoleValues, payloadRef),
	entry("spec.kubeConfig.secretRef", RoleSecret, fixed("", "Secret")),
	entry("spec.kubeConfig.configMapRef", RoleValues, fixed("", "ConfigMap")),
	entry("spec.secretRef", RoleSecret, fixed("", "Secret")),
	entry("spec.certSecretRef", RoleSecret, fixed("", "Secret")),
	entry("spec.decryption.secretRef", RoleSecret, fixed("", "Secret")),
	entry("spec.verify.secretRef", RoleSecret, fixed("", "Secret")),
}

// under moves fields below a key.
func under(key string, fields []slot) []slot {
	moved := slices.Clone(fields)
	for i := range moved {
		moved[i].pattern = append([]string{key}, moved[i].pattern...)
	}
	return moved
}

// fieldsOf returns where objects of a kind hold references.
func fieldsOf(id render.Identity) []slot {
	switch {
	case id.Group == GroupCluster:
		return clusterFields[id.Kind]
	case id.Group == GroupControlPlane:
		return withASO(id, controlPlaneSpec.of(id.Kind))
	case id.Group == GroupBootstrap:
		return bootstrapSpec.of(id.Kind)
	case id.Group == GroupInfra && identityFields[id.Kind] != nil:
		return identityFields[id.Kind]
	case id.Group == GroupInfra:
		return withASO(id, infraSpec.of(id.Kind))
	case id.Group == GroupAddons:
		return addonFields[id.Kind]
	case id.Group == GroupOperator:
		return operatorFields
	case id.Group == GroupCertManager && id.Kind == "Certificate":
		return certificateFields
	case strings.HasSuffix(id.Group, ".toolkit.fluxcd.io"):
		return deployerFields
	case strings.HasSuffix(id.Group, ".azure.com"):
		return asoFields[:1]
	}
	return nil
}

// withASO adds the annotations of objects that Azure Service Operator acts on.
func withASO(id render.Identity, fields []slot) []slot {
	if strings.HasPrefix(id.Kind, "AzureASO") {
		return slices.Concat(fields, asoFields)
	}
	return fields
}
