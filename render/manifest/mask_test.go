package manifest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/render"
)

// Made up for these tests, in the shape of the real ones.
const (
	pemKey = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEAtestTESTtestTEST0123456789abcdef\n" +
		"ZZZZtestTESTtestTEST0123456789abcdefghijkl==\n-----END RSA PRIVATE KEY-----\n"
	pemCertificate = "-----BEGIN CERTIFICATE-----\nMIIDtestTESTtestTEST0123456789\n-----END CERTIFICATE-----\n"
	jwt            = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ0ZXN0ZXIifQ.c2lnbmF0dXJlVGVzdA"
	awsKey         = "AKIATESTTESTTESTTEST"
	kubeconfig     = "apiVersion: v1\nkind: Config\nclusters: []\ncontexts: []\nusers:\n- name: a\n  user:\n" +
		"    client-key-data: LS0tLS1CRUdJTiBSU0EgUFJJVkFURSBLRVktLS0tLQ==\n    token: abcdefghijklmnop\n"
)

// secretHost holds a secret in each of many places.
var secretHost = `apiVersion: controlplane.cluster.x-k8s.io/v1beta1
kind: KubeadmControlPlane
metadata:
  name: a
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: >-
      {"apiVersion":"v1","kind":"Secret","metadata":{"name":"b"},
      "data":{"p":"aHVudGVyMnNlY3JldA=="}}
spec:
  kubeadmConfigSpec:
    files:
    - path: /etc/k.pem
      content: |
` + indent(pemKey, 8) + `
    - path: /etc/creds
      encoding: base64
      content: ` + pack("aws_secret_access_key = wJalrXUtnFEMIabcdefghijkl0123456789ABCDE\n") + `
    - path: /etc/zipped.yaml
      encoding: gzip+base64
      content: ` + zip("apiVersion: v1\nkind: Secret\nmetadata: {name: z}\nstringData: {k: hunter3secret}\n") + `
    preKubeadmCommands:
    - 'curl -H "token: abcdef0123456789abcdef" https://user:hunter4secret@example.org/'
    users:
    - name: root
      passwd: $6$saltsalt$hashhashhashhash
`

func indent(text string, by int) string {
	return strings.Repeat(" ", by) + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n"+strings.Repeat(" ", by))
}

func pack(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func zip(text string) string {
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	_, _ = writer.Write([]byte(text))
	_ = writer.Close()
	return base64.StdEncoding.EncodeToString(out.Bytes())
}

func listMasked(resource render.Resource) []string {
	var found []string
	for _, masked := range resource.Masked {
		found = append(found, fmt.Sprintf("%s %s", masked.Path, masked.Class))
	}
	return found
}

func TestMaskedPlaces(t *testing.T) {
	resource := canonical(t, secretHost, nil)
	want := []string{
		`metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]["#"][0].data.p literal`,
		`spec.kubeadmConfigSpec.files[0].content private-key`,
		`spec.kubeadmConfigSpec.files[1].content literal`,
		`spec.kubeadmConfigSpec.files[2].content["#"][0].stringData.k literal`,
		`spec.kubeadmConfigSpec.preKubeadmCommands[0] token`,
		`spec.kubeadmConfigSpec.preKubeadmCommands[0] literal`,
		`spec.kubeadmConfigSpec.users[0].passwd literal`,
	}
	if diff := cmp.Diff(want, listMasked(resource)); diff != "" {
		t.Error(diff)
	}
	for _, secret := range []string{
		"hunter2secret", "hunter3secret", "hunter4secret", "wJalrXUtnFEMI", "MIIEowIBAAKC", "ZZZZtest",
		"abcdef0123456789abcdef", "hashhashhash", "aHVudGVyMnNl",
	} {
		if leak := leaks(resource, secret); leak != "" {
			t.Errorf("AC-069 %s is in %s", secret, leak)
		}
	}
}

var secretClasses = []struct {
	value string
	class render.SecretClass
}{
	{"", render.SecretEmpty},
	{" \n", render.SecretEmpty},
	{"${X}", render.SecretPlaceholder},
	{"${X:=}", render.SecretPlaceholder},
	{`${X:=""}`, render.SecretPlaceholder},
	{"${X:=hunter2}", render.SecretLiteral},
	{"${A}${B}\n", render.SecretPlaceholder},
	{"<your-password>", render.SecretPlaceholder},
	{"{{ .password }}", render.SecretPlaceholder},
	{"prefix-${X}", render.SecretLiteral},
	{"changeme", render.SecretLiteral},
	{"REPLACE_ME", render.SecretLiteral},
	{"$HOME", render.SecretLiteral},
	{"true", render.SecretLiteral},
	{"masked:empty:00", render.SecretLiteral},
	{"ENC[AES256_GCM,data:x,type:str]", render.SecretSOPS},
	{"ENC[x] and hunter2", render.SecretLiteral},
	{pemCertificate, render.SecretCA},
	{pemCertificate + pemCertificate, render.SecretCA},
	{pemCertificate + "hunter2", render.SecretLiteral},
	{pemCertificate + pemKey, render.SecretPrivateKey},
	{pemKey, render.SecretPrivateKey},
	{"-----BEGIN OPENSSH PRIVATE KEY-----\nabc", render.SecretPrivateKey},
	{kubeconfig, render.SecretKubeconfig},
	{jwt, render.SecretToken},
	{awsKey, render.SecretToken},
	{"hunter2", render.SecretLiteral},
	{"user = ${U}\npassword = \"${P}\"\nport = 443\n[a]\n", render.SecretPlaceholder},
	{"user = ${U}\npassword = hunter2\n", render.SecretLiteral},
	{"user = ${U}\nother = hunter2hunter2hunter2\n", render.SecretLiteral},
	{"${X}\nhunter2hunter2", render.SecretLiteral},
	{"${HOST}:${PORT}:${USER}:${PASS}", render.SecretPlaceholder},
	{"https://${USER}:${PASS}@host", render.SecretLiteral},
	{
		"[\n  {\n    \"type\": \"basic_auth\",\n    \"x\":{\n      \"username\": \"${U}\",\n " +
			"\"password\": \"${P}\"\n}\n}\n]\n",
		render.SecretPlaceholder,
	},
	{"[\n  {\n    \"username\": \"${U}\",\n \"password\": \"hunter2\"\n}\n]\n", render.SecretLiteral},
	{"# set by CI\nuser = ${U}\n", render.SecretPlaceholder},
	{"# password = hunter2\nuser = ${U}\n", render.SecretLiteral},
}

func TestSecretClasses(t *testing.T) {
	for _, test := range secretClasses {
		for _, field := range []string{"data", "stringData"} {
			value := test.value
			if field == "data" {
				value = pack(value)
			}
			object := map[string]any{
				"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "a"},
				field: map[string]any{"v": value},
			}
			resource, failure := Canonical(object, testKey, nil)
			if failure != nil || len(resource.Masked) != 1 || resource.Masked[0].Class != test.class {
				t.Errorf("%s %q: %v", field, test.value, listMasked(resource))
			}
			got, _ := render.Lookup(resource.Object, render.Path{field, "v"})
			if want := "masked:" + string(test.class) + ":" + resource.Masked[0].Digest; got != want {
				t.Errorf("%v, want %s", got, want)
			}
		}
	}
}

func TestEqualValuesHaveEqualHashes(t *testing.T) {
	a := canonical(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\n"+
		"data: {x: aGVsbG8=, y: aGVs\\nbG8=}\nstringData: {z: hello}", nil)
	same := object("Secret", "stringData", map[string]any{"z": "hello"})
	b, _ := Canonical(same, Key("other"), nil)
	if a.Masked[0].Digest != a.Masked[2].Digest {
		t.Error("equal values, different hashes")
	}
	if a.Masked[0].Digest == b.Masked[0].Digest {
		t.Error("the key does not matter")
	}
}

func TestWhatIsNotASecret(t *testing.T) {
	for _, text := range []string{
		"apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nmetadata: {name: a}\nspec: " +
			"{data: [{secretKey: password, remoteRef: {key: prod/db, property: password}}]}",
		"apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata: {name: a}\nspec: " +
			"{encryptedData: {password: AgBy3i4OJSWK+PiTySYZZA9rO43cGDEq}}",
		"apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{env: [{name: " +
			"DB_PASSWORD, value: $(OTHER)}, {name: P_PASSWORD, valueFrom: {secretKeyRef: {name: a, " +
			"key: password}}}]}]}",
		"apiVersion: example.org/v1\nkind: X\nmetadata: {name: a}\nspec: {passwordSecretRef: " +
			"{name: a}, passwordKey: pw, token: /var/run/token, lockPassword: 'true', adminPassword: " +
			"'', rootPassword: '${P}'}",
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {run.sh: \"export " +
			"PASSWORD=$PW TOKEN=$(cat /token) password=${X:-} pw=`x`\"}",
		"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: " +
			"a}\nspec: {description: 'password: the password', default: {password: word}}",
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {ca.crt: \"" +
			strings.ReplaceAll(pemCertificate, "\n", `\n`) + "\"}",
		"apiVersion: v1\nkind: X\nmetadata: {name: a}\nspec: {url: 'https://example.org/a:b@c', " +
			"sudo: 'ALL=(ALL) NOPASSWD:ALL', repo: 'ssh://git@example.org/x', image: " +
			"'ghcr.io/a/b:v1@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef'}",
	} {
		if masked := listMasked(canonical(t, text, nil)); strings.Contains(text, "SealedSecret") != (len(masked) == 1) {
			t.Errorf("%s: %v", text, masked)
		}
	}
}

func TestNestedDocuments(t *testing.T) {
	resource := canonical(t, secretHost, nil)
	var got []string
	for _, nested := range resource.Nested {
		got = append(got, fmt.Sprintf("%s|%s|%s|%d|%v",
			nested.Path, nested.Encoding, nested.Name, len(nested.Documents), nested.Text != ""))
	}
	want := []string{
		`metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]|||1|false`,
		`spec.kubeadmConfigSpec.files[0].content||/etc/k.pem|0|true`,
		`spec.kubeadmConfigSpec.files[1].content|base64|/etc/creds|0|true`,
		`spec.kubeadmConfigSpec.files[2].content|gzip+base64|/etc/zipped.yaml|1|false`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestUserData holds that what RKE2 merges into cloud-init is read without the
// header, and that text which is no mapping stays text.
func TestUserData(t *testing.T) {
	bomb := "{a0: &a0 [x]"
	for i := range 6 {
		bomb += fmt.Sprintf(", a%d: &a%d [%s*a%d]", i+1, i+1, strings.Repeat(fmt.Sprintf("*a%d, ", i), 9), i)
	}
	resource := canonical(t, strings.Replace(`apiVersion: controlplane.cluster.x-k8s.io/v1beta1
kind: RKE2ControlPlane
metadata: {name: a}
spec:
  agentConfig:
    additionalUserData:
      config: |
        users:
        - name: capv
          plain_text_passwd: hunter2secret
      strict: true
      data:
        ntp: "enabled: true"
        users: "- name: x"
        script: "echo hello"
        bomb: "BOMB"
        password: hunter3secret
`, "BOMB", bomb+"}", 1), nil)
	var got []string
	for _, nested := range resource.Nested {
		got = append(got, fmt.Sprintf("%s|%d|%s", nested.Path, len(nested.Documents), nested.Text))
	}
	want := []string{
		"spec.agentConfig.additionalUserData.config|1|",
		"spec.agentConfig.additionalUserData.data.ntp|1|",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if text := fmt.Sprint(resource.Object, resource.Nested); strings.Contains(text, "hunter") {
		t.Errorf("a password is shown: %s", text)
	}
	if resource.Opaque == "" {
		t.Error("an alias bomb in cloud-init is not said")
	}
}

// payload holds a Secret and a ConfigMap.
const payload = "apiVersion: v1\nkind: Secret\nmetadata: {name: b}\nstringData: {p: %s}\n---\n" +
	"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {k: v}\n"

var payloads = []struct {
	name, head, field, value string
	masked                   []string
	documents                int
}{
	{
		"config map",
		"kind: ConfigMap",
		"data",
		fmt.Sprintf(payload, "hunter2secret"),
		[]string{`data.m["#"][0].stringData.p literal`},
		2,
	},
	{
		"config map, placeholder",
		"kind: ConfigMap",
		"data",
		fmt.Sprintf(payload, "'${P}'"),
		[]string{`data.m["#"][0].stringData.p placeholder`},
		2,
	},
	{
		"resource set",
		"kind: Secret\ntype: addons.cluster.x-k8s.io/resource-set",
		"stringData",
		fmt.Sprintf(payload, "hunter2secret"),
		[]string{`stringData.m["#"][0].stringData.p literal`},
		2,
	},
	{
		"packed resource set",
		"kind: Secret\ntype: addons.cluster.x-k8s.io/resource-set",
		"data",
		pack(fmt.Sprintf(payload, "hunter2secret")),
		[]string{`data.m["#"][0].stringData.p literal`},
		2,
	},
	{
		"resource set with no manifest",
		"kind: Secret\ntype: addons.cluster.x-k8s.io/resource-set",
		"stringData",
		"hunter2secret",
		[]string{"stringData.m literal"},
		0,
	},
	{
		"plain secret",
		"kind: Secret",
		"stringData",
		fmt.Sprintf(payload, "hunter2secret"),
		[]string{"stringData.m literal"},
		0,
	},
	{
		"broken manifest",
		"kind: ConfigMap",
		"data",
		fmt.Sprintf(payload, "hunter2secret\n  q: [${X}]"),
		[]string{"data.m literal", "data.m placeholder"},
		0,
	},
	{
		"packed",
		"kind: ConfigMap",
		"binaryData",
		pack(fmt.Sprintf(payload, "hunter2secret")),
		[]string{`binaryData.m["#"][0].stringData.p literal`},
		2,
	},
	{"properties", "kind: ConfigMap", "data", "a=b\ndb.password=hunter2secret\n", []string{"data.m literal"}, 0},
	{
		"kubeconfig",
		"kind: ConfigMap",
		"data",
		kubeconfig,
		[]string{`data.m["#"][0].users[0].user.client-key-data kubeconfig`, `data.m["#"][0].users[0].user.token kubeconfig`},
		1,
	},
	{
		"JSON",
		"kind: ConfigMap",
		"data",
		`{"a": {"password": "hunter2secret"}}`,
		[]string{`data.m["#"][0].a.password literal`},
		1,
	},
	{"word", "kind: ConfigMap", "data", "word", nil, 0},
	{
		"four deep",
		"kind: ConfigMap",
		"data",
		deepPayload(4),
		[]string{`data.m["#"][0].data.m["#"][0].data.m["#"][0].data.m literal`},
		1,
	},
}

func TestPayloads(t *testing.T) {
	for _, test := range payloads {
		t.Run(test.name, func(t *testing.T) {
			object := decodeOne(t, "apiVersion: v1\nmetadata: {name: a}\n"+test.head)
			object[test.field] = map[string]any{"m": test.value}
			resource, failure := Canonical(object, testKey, nil)
			if failure != nil {
				t.Fatal(failure)
			}
			if diff := cmp.Diff(test.masked, listMasked(resource)); diff != "" {
				t.Error(diff)
			}
			documents := 0
			if len(resource.Nested) > 0 {
				documents = len(resource.Nested[0].Documents)
			}
			if documents != test.documents {
				t.Errorf("%d documents", documents)
			}
			for _, secret := range []string{"hunter2secret", "hunter2secret\n", "abcdefghijklmnop", "LS0tLS1CRUdJ"} {
				if leak := leaks(resource, secret); leak != "" {
					t.Errorf("%s is in %s", secret, leak)
				}
			}
		})
	}
}

// deepPayload is a Secret in a ConfigMap in a ConfigMap and so on.
func deepPayload(depth int) string {
	text := "apiVersion: v1\nkind: Secret\nmetadata:\n  name: b\nstringData:\n  p: hunter2secret\n"
	for range depth - 1 {
		text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: b\ndata:\n  m: |\n" + indent(text, 4) + "\n"
	}
	return text
}

func TestZipBomb(t *testing.T) {
	object := decodeOne(t, "apiVersion: v1\nkind: X\nmetadata: {name: a}")
	packed := zip(strings.Repeat("A", 64<<20))
	files := []any{}
	for range 50 {
		files = append(files, map[string]any{"path": "/x", "encoding": "gzip+base64", "content": packed})
	}
	object["spec"] = map[string]any{"files": files}
	result := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			resource, _ := Canonical(object, testKey, nil)
			if resource.Opaque != "a packed text larger than the limit" {
				b.Fatal(resource.Opaque)
			}
		}
	})
	if result.AllocedBytesPerOp() > 128<<20 {
		t.Error(result, result.MemString())
	}
}

func BenchmarkCanonical(b *testing.B) {
	objects := []map[string]any{decodeOne(b, secretHost)}
	for range 15 { // with the one above, the objects of a usual cluster's root
		objects = append(objects, decodeOne(b, `apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata: {name: a, namespace: b, labels: {a: b, c: d}}
spec:
  clusterNetwork: {pods: {cidrBlocks: [10.0.0.0/16]}, services: {cidrBlocks: [10.1.0.0/16]}}
  topology:
    class: x
    version: v1.32.0
    controlPlane: {replicas: 3}
    workers: {machineDeployments: [{class: a, name: md-0, replicas: 5}, {class: a, name: md-1, replicas: 5}]}
    variables: [{name: a, value: b}, {name: region, value: eu-west-1}]
`))
	}
	b.ReportAllocs()
	for b.Loop() {
		for _, object := range objects {
			if _, failure := Canonical(object, testKey, nil); failure != nil {
				b.Fatal(failure)
			}
		}
	}
}
