package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/countersign-dev/countersign/server/doctor"
	"github.com/countersign-dev/countersign/server/sweep"
)

// top is the folder of the module, seen from here.
const top = "../.."

func fileAt(t *testing.T, name string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(top, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// overlays are what people apply.
var overlays = []string{"base", "overlays/example", "overlays/postgres"}

func TestOurOwnManifestsPassOurAudit(t *testing.T) {
	for _, overlay := range overlays {
		t.Run(path.Base(overlay), func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			tree := filepath.Join(top, "deploy")
			p := program{args: []string{"audit", "--all", "--fail-on", "low", "--format", "json", "--tree", tree,
				filepath.Join(tree, overlay)}, stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }}
			if exit := p.run(t.Context()); exit != exitPass {
				t.Fatalf("exit %d\n%s%s", exit, stdout.String(), stderr.String())
			}
			var got struct {
				Roots []struct {
					Path  string `json:"path"`
					State string `json:"state"`
				} `json:"roots"`
				Findings []json.RawMessage `json:"findings"`
			}
			if err := json.Unmarshal(stdout.Bytes(), &got); err != nil {
				t.Fatal(err)
			}
			if len(got.Findings) != 0 || !strings.Contains(stdout.String(), overlay) {
				t.Errorf("findings %s in %s", got.Findings, stdout.String())
			}
		})
	}
}

// build renders an overlay as kubectl apply -k does.
func buildOverlay(t *testing.T, overlay string) []map[string]any {
	t.Helper()
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).
		Run(filesys.MakeFsOnDisk(), filepath.Join(top, "deploy", overlay))
	if err != nil {
		t.Fatal(err)
	}
	var objects []map[string]any
	for _, r := range built.Resources() {
		object, err := r.Map()
		if err != nil {
			t.Fatal(err)
		}
		objects = append(objects, object)
	}
	return objects
}

// at looks into nested maps and lists; a number is an index.
func at(value any, keys ...any) any {
	for _, key := range keys {
		switch key := key.(type) {
		case string:
			m, _ := value.(map[string]any)
			value = m[key]
		case int:
			l, _ := value.([]any)
			if key >= len(l) {
				return nil
			}
			value = l[key]
		}
	}
	return value
}

func TestThePodIsConfined(t *testing.T) {
	for _, overlay := range overlays {
		t.Run(path.Base(overlay), func(t *testing.T) {
			kinds := map[string]map[string]any{}
			for _, object := range buildOverlay(t, overlay) {
				kinds[object["kind"].(string)] = object
			}
			if kinds["Secret"] != nil {
				t.Error("a Secret lies in the repository")
			}
			pod := at(kinds["Deployment"], "spec", "template", "spec")
			container := at(pod, "containers", 0)
			for _, c := range []struct {
				in   any
				keys []any
				want any
			}{
				{pod, []any{"automountServiceAccountToken"}, false},
				{kinds["ServiceAccount"], []any{"automountServiceAccountToken"}, false},
				{pod, []any{"securityContext", "runAsNonRoot"}, true},
				{pod, []any{"securityContext", "runAsUser"}, 10001},
				{pod, []any{"securityContext", "fsGroup"}, 10001},
				{pod, []any{"securityContext", "seccompProfile", "type"}, "RuntimeDefault"},
				{container, []any{"securityContext", "readOnlyRootFilesystem"}, true},
				{container, []any{"securityContext", "allowPrivilegeEscalation"}, false},
				{container, []any{"securityContext", "capabilities"}, map[string]any{"drop": []any{"ALL"}}},
				{container, []any{"livenessProbe", "httpGet", "path"}, "/healthz"},
				{container, []any{"readinessProbe", "httpGet", "path"}, "/readyz"},
				{container, []any{"resources", "limits", "memory"}, "4Gi"},
				{kinds["NetworkPolicy"], []any{"spec", "policyTypes"}, []any{"Ingress", "Egress"}},
				// A label that kustomize puts everywhere must not be in the selector of other pods.
				{kinds["NetworkPolicy"], []any{"spec", "egress", 0, "to", 0, "podSelector", "matchLabels"},
					map[string]any{"k8s-app": "kube-dns"}},
			} {
				if got := at(c.in, c.keys...); !reflect.DeepEqual(got, c.want) {
					t.Errorf("%v: %v, want %v", c.keys, got, c.want)
				}
			}
			labels := at(kinds["Deployment"], "spec", "template", "metadata", "labels")
			for name, selector := range map[string]any{
				"Deployment":          at(kinds["Deployment"], "spec", "selector", "matchLabels"),
				"Service":             at(kinds["Service"], "spec", "selector"),
				"NetworkPolicy":       at(kinds["NetworkPolicy"], "spec", "podSelector", "matchLabels"),
				"PodDisruptionBudget": at(kinds["PodDisruptionBudget"], "spec", "selector", "matchLabels"),
			} {
				if !reflect.DeepEqual(selector, labels) {
					t.Errorf("the %s selects %v, the pods have %v", name, selector, labels)
				}
			}
			if grace := at(pod, "terminationGracePeriodSeconds").(int); grace < 25+5 {
				t.Errorf("a stop of 25 s after a pause of 5 s is cut off after %d s", grace)
			}
		})
	}
}

// settingNames are the settings as the code reads them.
func settingNames(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, found := range regexp.MustCompile(`json:"([a-z_]+)" +env:`).FindAllStringSubmatch(
		fileAt(t, "server/settings/load.go"), -1) {
		names = append(names, found[1])
	}
	if len(names) < 15 {
		t.Fatalf("only %v: this test looks in the wrong place", names)
	}
	return names
}

func TestManifestsUseSettingsThatExist(t *testing.T) {
	names := settingNames(t)
	text := fileAt(t, "deploy/base/deployment.yaml") + fileAt(t, "deploy/overlays/example/kustomization.yaml") +
		fileAt(t, "deploy/overlays/postgres/deployment.yaml") + fileAt(t, "docs/operations.md")
	for _, found := range regexp.MustCompile(`COUNTERSIGN_([A-Z_]+)`).FindAllStringSubmatch(text, -1) {
		name := strings.ToLower(found[1])
		if !slices.Contains(names, name) && name != "name" && name != "name_file" {
			t.Errorf("there is no setting %s", found[0])
		}
	}
}

func TestTheImageFitsTheManifests(t *testing.T) {
	docker := fileAt(t, "Dockerfile")
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(fileAt(t, "go.mod"))[1]
	for _, want := range []string{"FROM --platform=$BUILDPLATFORM golang:" + version + "-", "CGO_ENABLED=0", "USER 10001:10001",
		"install -d -o 10001 -g 10001 -m 0700 /var/lib/countersign", "ca-certificates git", `CMD ["serve"]`} {
		if !strings.Contains(docker, want) {
			t.Errorf("the Dockerfile lacks %q", want)
		}
	}
	// What is tracked and left out would make the binary's version end in "+dirty".
	for line := range strings.Lines(fileAt(t, ".dockerignore")) {
		pattern := strings.TrimPrefix(strings.TrimPrefix(strings.TrimSpace(line), "**/"), "/")
		if pattern == "" || strings.HasPrefix(pattern, "#") {
			continue
		}
		out, err := exec.Command("git", "-C", top, "ls-files", "--", pattern, "**/"+pattern).Output()
		if err != nil {
			t.Skip("no repository around this: ", err)
		}
		if len(out) != 0 {
			t.Errorf("%s leaves out %s", pattern, out)
		}
	}
}

func TestOperationsAreAsTheCodeIs(t *testing.T) {
	page := fileAt(t, "docs/operations.md")
	has := func(what, text string) {
		t.Helper()
		if !strings.Contains(page, text) {
			t.Errorf("docs/operations.md lacks %s: %s", what, text)
		}
	}
	for name, access := range doctor.Permissions {
		row := regexp.MustCompile("(?m)^\\| `" + name + "`[^|]*\\| " + access + " \\|")
		if !row.MatchString(page) {
			t.Errorf("docs/operations.md lacks the permission %s: %s", name, access)
		}
	}
	for _, event := range doctor.Events {
		has("the event", "`"+event+"`")
	}
	has("the ruleset as it is printed", "```json\n"+string(sweep.RulesetJSON(123456, "main"))+"\n```")
	for _, name := range settingNames(t) {
		if !strings.HasSuffix(name, "_file") {
			has("the setting", "| `"+name+"`")
		}
	}
	metrics := regexp.MustCompile(`(?:counter|histogram)\("([a-z_]+)"|Name: "([a-z_]+)"|NewDesc\("countersign_([a-z_]+)"`).
		FindAllStringSubmatch(fileAt(t, "server/metrics.go")+strings.ReplaceAll(fileAt(t, "server/metrics.go"), "(\n\t\t\t", "("), -1)
	if len(metrics) < 15 {
		t.Fatalf("only %d metrics: this test looks in the wrong place", len(metrics))
	}
	for _, m := range metrics {
		has("the metric", "| `countersign_"+m[1]+m[2]+m[3]+"`")
	}
	for _, m := range regexp.MustCompile(`countersign_[a-z_]+`).FindAllString(page, -1) {
		if !strings.Contains(fileAt(t, "server/metrics.go"), strings.TrimPrefix(m, "countersign_")) {
			t.Errorf("there is no metric %s", m)
		}
	}
	for _, kind := range alertKinds(t) {
		has("the alert", "| `"+kind+"` |")
	}
	for _, found := range regexp.MustCompile(`\]\(#([a-z-]+)\)`).FindAllStringSubmatch(page, -1) {
		heading := regexp.MustCompile("(?mi)^##+ " + strings.ReplaceAll(found[1], "-", " ") + "$")
		if !heading.MatchString(page) {
			t.Errorf("a link leads to #%s, which is not there", found[1])
		}
	}
}

// alertKinds are the kinds of alerts that the sweep raises.
func alertKinds(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(top, "server/sweep/*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`Alert\{Kind: "([a-z_]+)"`).FindAllSubmatch(text, -1) {
			kinds = append(kinds, string(found[1]))
		}
	}
	if len(kinds) < 3 {
		t.Fatalf("only the alerts %v: this test looks in the wrong place", kinds)
	}
	return kinds
}
