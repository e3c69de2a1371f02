package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/policy"
)

const ownSettings = ".countersign.yaml"

const settingsHead = "apiVersion: countersign.dev/v1\nkind: Config\n"

// machines is a template with an SSH key, which CS-SSH-001 blocks.
const machines = `apiVersion: infrastructure.cluster.x-k8s.io/v1beta1
kind: OpenStackMachineTemplate
metadata: {name: workers, namespace: fleet}
spec:
  template:
    spec:
      sshKeyName: everybody
`

// AC-040: a change that loosens the settings by which it would be judged.
func abuseOwnConfig(t *testing.T) {
	strict := settingsHead + "approvals: {required: 3, teams: [acme/platform]}\n"
	loose := settingsHead + `mode: observe
ignore: ["**"]
roots: {exclude: ["**"]}
approvals: {required: 2}
rules: {CS-SSH-001: {effect: info}}
`
	s := besiege(t, tree{ownSettings: strict}, join(tree{ownSettings: loose}, root("clusters/eu", machines),
		tree{".countersign/waivers/all.yaml": "rule: CS-SSH-001\n", ".countersign/policies/mine.rego": "package x\n"}))
	a := s.review()
	if a.exit != exitBlocked || a.Approvals.Required != 3 {
		t.Errorf("exit %d, %d approvals: judged by the change's own settings", a.exit, a.Approvals.Required)
	}
	if f := finding(t, a, "CS-SSH-001", ""); f.Effect != "block" || f.State != policy.New {
		t.Errorf("the key is %s, %s", f.Effect, f.State)
	}
	for _, file := range []string{ownSettings, ".countersign/waivers/all.yaml", ".countersign/policies/mine.rego"} {
		if !entry(a, policy.EntryFile, file) {
			t.Errorf("%s changes and needs nobody", file)
		}
	}
	preview := strings.Join(a.Preview, "\n")
	for _, want := range []string{"approvals.required: 3 → 2", `mode: "enforce" → "observe"`, "CS-SSH-001"} {
		if !strings.Contains(preview, want) {
			t.Errorf("the preview lacks %q: %s", want, preview)
		}
	}
	text := s.run("review", "--repo", s.dir, "--base", "main", "--head", "change")
	if !strings.Contains(text.stdout, "After merging") {
		t.Errorf("the text does not say what would hold after merging:\n%s", text.stdout)
	}
}

// AC-041: settings that are anything but a file of settings.
func abuseConfigIsNoFile(t *testing.T) {
	for name, base := range map[string]tree{
		"link to the machine": {ownSettings + " (symlink)": "../../../etc/passwd"},
		"link in the tree":    {ownSettings + " (symlink)": "docs/settings.yaml", "docs/settings.yaml": settingsHead},
		"submodule":           {ownSettings + " (submodule)": ""},
		"folder":              {ownSettings + "/settings.yaml": settingsHead},
		"too large":           {ownSettings: settingsHead + "# " + strings.Repeat("x", 256<<10) + "\n"},
	} {
		t.Run(name, func(t *testing.T) {
			s := besiege(t, base, join(base, root("clusters/eu", machines)))
			wantProblem(t, s.judge("review", "--base", "main", "--head", "change"), ownSettings, ownSettings)
			wantProblem(t, s.judge("audit", "--rev", "main"), ownSettings, ownSettings)
		})
	}
}

// AC-042: settings that cannot be read, or are gone.
func abuseConfigUnreadable(t *testing.T) {
	for name, c := range map[string]struct{ content, at, says string }{
		"syntax":        {settingsHead + "mode: [\n", ownSettings, ""},
		"unknown key":   {settingsHead + "mode: enforce\napprovalls: {required: 2}\n", ownSettings + ":4", "approvalls"},
		"key below":     {settingsHead + "approvals:\n  required: 2\n  teems: []\n", ownSettings + ":5", "teems"},
		"key twice":     {settingsHead + "mode: enforce\nmode: observe\n", ownSettings + ":4", "mode"},
		"two documents": {settingsHead + "---\nmode: observe\n", ownSettings, "document"},
		"nobody":        {settingsHead + "approvals: {required: 0}\n", ownSettings + ":3", "below 2"},
		"alias cycle":   {settingsHead + "rules: &a {CS-SSH-001: *a}\n", ownSettings + ":3", ""},
		"empty":         {"", ownSettings, "empty"},
		"pattern":       {settingsHead + "roots: {include: [\"[\"]}\n", ownSettings, "["},
		"no root":       {settingsHead + "roots: {include: [nowhere]}\n", ownSettings, "nowhere"},
	} {
		t.Run(name, func(t *testing.T) {
			s := besiege(t, tree{ownSettings: c.content}, join(tree{ownSettings: c.content}, root("clusters/eu", machines)))
			wantProblem(t, s.judge("review", "--base", "main", "--head", "change"), c.at, c.says)
			wantProblem(t, s.judge("audit", "--rev", "main"), c.at, c.says)
		})
	}
	t.Run("gone", func(t *testing.T) {
		s := besiege(t, nil, root("clusters/eu", machines))
		a := s.review()
		finding(t, a, "CS-SSH-001", "")
		if a.exit != exitBlocked || a.Approvals.Required != 2 {
			t.Errorf("exit %d, %d approvals without settings", a.exit, a.Approvals.Required)
		}
	})
	t.Run("deleted by the change", func(t *testing.T) {
		s := besiege(t, tree{ownSettings: settingsHead + "approvals: {required: 4}\n"}, root("clusters/eu", machines))
		if a := s.review(); a.Approvals.Required != 4 || !entry(a, policy.EntryFile, ownSettings) {
			t.Errorf("%d approvals, entries %+v", a.Approvals.Required, a.Privileged.Entries)
		}
	})
}

// AC-047: rules that say nothing because they are wrong.
func abuseSilentRule(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if a := command(t, "rules", "new", "ssh", "silent"); a.exit != exitPass {
		t.Fatalf("exit %d: %s", a.exit, a.stderr)
	}
	if a := command(t, "rules", "test", "."); a.exit != exitPass {
		t.Fatalf("exit %d: the rule as it is made fails:\n%s%s", a.exit, a.stdout, a.stderr)
	}
	file := filepath.Join("ssh", "silent", "rule.rego")
	good, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for name, edit := range map[string][2]string{
		"a typing mistake in the input":  {"input.resource.object", "input.resource.objekt"},
		"data that is not there":         {"value.empty(owner)", "data.countersign.lib.value.emty(owner)"},
		"a builtin that fails":           {"value.empty(owner)", `to_number("x") == 1`},
		"findings under another name":    {"findings contains", "findngs contains"},
		"a finding without its message":  {`"message":`, `"mesage":`},
		"a builtin that asks a network":  {"value.empty(owner)", `http.send({"method": "GET", "url": "http://127.0.0.1"}).status_code == 200`},
		"a clock":                        {"value.empty(owner)", "time.now_ns() > 0"},
		"a package that is not a rule's": {"package countersign.rules.ssh.silent", "package countersign.rules.ssh.other"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(string(good), edit[0], edit[1], 1)
			if text == string(good) {
				t.Fatalf("the rule does not hold %q", edit[0])
			}
			if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			a := command(t, "rules", "test", ".")
			if a.exit == exitPass || !strings.Contains(a.stdout+a.stderr, "ssh/silent/") {
				t.Errorf("exit %d:\n%s%s", a.exit, a.stdout, a.stderr)
			}
		})
	}
}
