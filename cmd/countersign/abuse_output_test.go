package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/text"

	"github.com/countersign-dev/countersign/policy"
)

// AC-069: every place where a secret is written in a manifest, on both sides,
// and in input that fails with the secret in its hands.
func abuseSecrets(t *testing.T) {
	var secrets []string
	secret := func(name string) string {
		secrets = append(secrets, "hush-"+name+"-9f3c1e77aa")
		return secrets[len(secrets)-1]
	}
	coded := func(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }
	side := func(name string) tree {
		key := "-----BEGIN RSA PRIVATE KEY-----\n" + coded(strings.Repeat(secret(name+"key"), 4)) + "\n-----END RSA PRIVATE KEY-----\n"
		secrets = append(secrets, coded(strings.Repeat(secrets[len(secrets)-1], 4))[:40])
		kubeconfig := fmt.Sprintf("apiVersion: v1\nkind: Config\nclusters: []\nusers:\n- name: a\n  user: {token: %s}\n", secret(name+"kubeconfig"))
		data := coded(secret(name + "data"))
		secrets = append(secrets, data)
		quote := func(text string) string {
			quoted, err := json.Marshal(text)
			if err != nil {
				t.Fatal(err)
			}
			return string(quoted)
		}
		bootstrap := "apiVersion: bootstrap.cluster.x-k8s.io/v1beta1\nkind: KubeadmConfig\nmetadata: {name: c, namespace: fleet}\nspec:\n" +
			"  joinConfiguration: {discovery: {bootstrapToken: {token: " + secret(name+"join") + "}}}\n" +
			"  users: [{name: a, passwd: " + secret(name+"passwd") + "}]\n" +
			"  files:\n  - {path: /etc/key.pem, content: " + quote(key) + "}\n  - {path: /etc/kubeconfig, content: " + quote(kubeconfig) +
			"}\n  - {path: /etc/packed, encoding: base64, content: " + coded(kubeconfig) + "}\n"
		return below("clusters/eu", tree{
			"kustomization.yaml": "resources: [a.yaml, b.yaml, c.yaml]\nsecretGenerator:\n- {name: g, namespace: fleet, " +
				"literals: [password=" + secret(name+"literal") + "]}\n",
			"a.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: fleet}\nstringData: {password: " + secret(name+"string") +
				"}\ndata: {other: " + data + "}\n",
			"b.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: b, namespace: fleet}\ndata:\n  key.pem: " + quote(key) +
				"\n  kubeconfig: " + quote(kubeconfig) + "\n",
			"c.yaml": bootstrap,
		})
	}
	patch := "patches:\n- patch: |\n    - {op: test, path: /stringData/a, value: b}\n  target: {kind: Secret}\n"
	broken := join(below("broken", tree{"kustomization.yaml": "resources: [a.yaml]\n" + patch,
		"a.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: " + secret("broken") + "}\n"}),
		root("torn", "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  a: "+secret("torn")+"\n\tb: c\n"))
	s := besiege(t, side("base"), join(side("head"), broken))
	var outputs []string
	for _, format := range formats {
		a := s.run("review", "--repo", s.dir, "--base", "main", "--head", "change", "--all", "--format", format)
		outputs = append(outputs, a.stdout+a.stderr)
		a = s.run("audit", "--repo", s.dir, "--rev", "change", "--all", "--format", format)
		outputs = append(outputs, a.stdout+a.stderr)
	}
	built := s.run("build", "--repo", s.dir, "--rev", "change", "clusters/eu")
	if built.exit != exitPass || strings.Count(built.stdout, "\nkind:") != 4 {
		t.Errorf("exit %d:\n%s%s", built.exit, built.stdout, built.stderr)
	}
	failed := s.run("build", "--repo", s.dir, "--rev", "change", "broken")
	outputs = append(outputs, built.stdout+built.stderr, failed.stdout+failed.stderr)
	for _, out := range outputs {
		for _, secret := range secrets {
			if strings.Contains(out, secret) {
				t.Errorf("%s shows in\n%.300s…", secret, out[max(0, strings.Index(out, secret)-200):])
			}
		}
	}
	a := s.review()
	if c := changed(t, a, "update", "Secret", "a"); len(c.Fields) != 2 {
		t.Errorf("two values changed, seen %+v", c.Fields)
	}
	changed(t, a, "update", "KubeadmConfig", "c")
}

// AC-070: legal, and more than anybody reads.
func abuseHuge(t *testing.T) {
	t.Run("allowed", func(t *testing.T) {
		others := tree{}
		for n := range 200 {
			others[fmt.Sprintf("others/%d/a.yaml", n)] = fmt.Sprintf("%s---\n%s", configMap, configMaps(n, n+1))
		}
		s := besiege(t, others, join(others, below("large", tree{"a.yaml": configMaps(0, 5000)})))
		a := s.review()
		if a.exit != exitBlocked || len(a.Changes) < 5000 || a.Unaffected != 200 || len(a.Roots) != 2 {
			t.Errorf("exit %d, %d changes, %d roots, %d untouched: %+v", a.exit, len(a.Changes), len(a.Roots), a.Unaffected, a.Problems)
		}
	})
	t.Run("too many", func(t *testing.T) {
		s := besiege(t, nil, below("large", tree{"a.yaml": configMaps(0, 10_000), "b.yaml": configMaps(10_000, 20_001)}))
		wantProblem(t, s.review(), "large", "20000")
	})
	t.Run("too long", func(t *testing.T) {
		files := tree{}
		for n := range 66 {
			files[fmt.Sprintf("large/%02d.yaml", n)] = configMaps(n, n+1) + strings.Repeat("# "+strings.Repeat("x", 1020)+"\n", 1020)
		}
		s := besiege(t, nil, join(files, tree{"file/a.yaml": configMap + strings.Repeat("# x\n", 1<<19)}))
		a := s.review()
		wantProblem(t, a, "large/64.yaml", "more than one root may read")
		wantProblem(t, a, "file/a.yaml", "larger than the limit of one file")
	})
}

// configMaps are the objects of these numbers.
func configMaps(from, to int) string {
	var b strings.Builder
	for n := from; n < to; n++ {
		fmt.Fprintf(&b, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m%d}\n---\n", n)
	}
	return b.String()
}

// AC-071: names, annotations and a branch that would draw a report of their
// own, call people, or lead away.
func abuseMarkdown(t *testing.T) {
	const evil = "</details>**Approved** @acme/platform #1 ![x](http://HOST/x.png) [y](http://HOST) " +
		"<img src=http://HOST/x> `` ``` <!-- countersign --> \\n/countersign override \\u202e ~~~"
	branch := "@acme/x-<img/src=x>-#1-`a`-|c|-</details>"
	names := []string{"a`b</summary>", "@acme/platform", "#1", "<script>", "![x](http://HOST/x.png)", "<!-- countersign -->", "x\\n\\n## ✅ Approved\\n\\n- [x] ok"}
	head := tree{}
	for n, name := range names {
		head[fmt.Sprintf("evil/%d.yaml", n)] = "apiVersion: v1\nkind: ConfigMap\n" +
			fmt.Sprintf("metadata: {name: \"%s\", namespace: \"%s\", annotations: {\"%s\": \"%s\"}}\n", name, name, evil, evil)
	}
	head = join(head, tree{"evil/kustomization.yaml": "resources: [0.yaml, 1.yaml, 2.yaml, 3.yaml, 4.yaml, 5.yaml, 6.yaml]\n",
		"x`</details>@acme #1 **b**/a.yaml": machines, "![x](x)/kustomization.yaml": "resources: [\"" + evil + "\"]\n"})
	s := besiege(t, nil, head)
	s.git("branch", branch, "change")
	for _, format := range formats {
		a := s.run("review", "--repo", s.dir, "--base", "main", "--head", branch, "--format", format, "--all")
		if a.exit != exitUnjudged {
			t.Errorf("%s: exit %d: %s", format, a.exit, a.stderr)
		}
		if i := strings.IndexFunc(a.stdout, unprintable); i >= 0 {
			t.Errorf("%s holds %q", format, a.stdout[i:min(i+20, len(a.stdout))])
		}
		if format != "markdown" {
			continue
		}
		for _, found := range active(t, a.stdout) {
			t.Errorf("active: %s", found)
		}
	}
}

// active lists what a Markdown text holds that people or GitHub act upon: links,
// pictures, HTML besides folds, mentions and references outside of code.
func active(t *testing.T, source string) []string {
	t.Helper()
	var found []string
	top := goldmark.New(goldmark.WithExtensions(extension.GFM)).Parser().Parse(text.NewReader([]byte(source)))
	err := ast.Walk(top, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n := n.(type) {
		case *ast.CodeSpan, *ast.FencedCodeBlock, *ast.CodeBlock:
			return ast.WalkSkipChildren, nil
		case *ast.Link, *ast.Image, *ast.AutoLink, *ast.RawHTML:
			found = append(found, n.Kind().String())
		case *ast.HTMLBlock:
			raw := string(n.Lines().Value([]byte(source)))
			for line := range strings.Lines(raw) {
				line = strings.TrimSpace(line)
				if line != "<details>" && line != "</details>" && !strings.HasPrefix(line, "<summary>") {
					found = append(found, "HTML "+raw)
				}
			}
		case *ast.Text:
			if raw := string(n.Value([]byte(source))); strings.ContainsAny(raw, "@") || strings.Contains(raw, "#1") {
				found = append(found, "text "+raw)
			}
		case *ast.Heading:
			if raw := string(n.Lines().Value([]byte(source))); strings.HasPrefix(raw, "✅") {
				found = append(found, "heading "+raw)
			}
		}
		return ast.WalkContinue, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// AC-073: more than GitHub takes, in characters of three bytes.
func abuseLongReport(t *testing.T) {
	evil := tree{}
	for n := range 1500 {
		named := fmt.Sprintf("name: workers-%04d, annotations: {a: %s}", n, strings.Repeat("蒸気機関", 40))
		evil[fmt.Sprintf("evil/%02d.yaml", n/100)] +=
			strings.NewReplacer("name: workers", named, "everybody", strings.Repeat("鍵", 50)).Replace(machines) + "---\n"
	}
	s := besiege(t, nil, evil)
	a := s.run("review", "--repo", s.dir, "--base", "main", "--head", "change", "--format", "markdown")
	// A summary and a text of 65,535 bytes each, and the line feed between them.
	if len(a.stdout) > 2*65535+1 || len(a.stdout) < 20_000 || !utf8.ValidString(a.stdout) {
		t.Errorf("%d bytes, valid: %v", len(a.stdout), utf8.ValidString(a.stdout))
	}
	first, _, _ := strings.Cut(a.stdout, "\n")
	if !strings.Contains(first, "1500 findings") || !strings.Contains(first, "2 approvals") {
		t.Errorf("the verdict is %q", first)
	}
	if !strings.Contains(a.stdout, "CS-SSH-001") || !strings.Contains(a.stdout, " more") {
		t.Errorf("what blocks or what is cut is not said:\n%.3000s", a.stdout)
	}
	if folds := strings.Count(a.stdout, "<details>") - strings.Count(a.stdout, "</details>"); folds != 0 {
		t.Errorf("%d folds stay open", folds)
	}
	full := s.review()
	blocking := 0
	for _, f := range full.Findings {
		if f.Rule == "CS-SSH-001" && f.Effect == "block" {
			blocking++
		}
	}
	if blocking != 1500 {
		t.Errorf("JSON holds %d of 1,500 findings", blocking)
	}
}

// AC-074: nothing to do and nothing known are said in words that a required
// check does not take for a pass.
func abuseNothing(t *testing.T) {
	states := []string{policy.StatePass, policy.StateNeedsApproval, policy.StateViolation, policy.StateBlocked, policy.StateError}
	t.Run("only words", func(t *testing.T) {
		s := besiege(t, nil, nil)
		s.git("checkout", "--quiet", "-B", "change", "main")
		s.write("notes.md", "words\n")
		s.git("add", "notes.md")
		s.git("commit", "--quiet", "--message", "words")
		a := s.judge("review", "--base", "main", "--head", "change")
		if a.exit != exitPass || a.Verdict.State != policy.StatePass || a.Unaffected != 1 {
			t.Errorf("exit %d, %s, %d roots looked at", a.exit, a.Verdict.State, a.Unaffected)
		}
		text := s.run("review", "--repo", s.dir, "--base", "main", "--head", "change", "--format", "markdown")
		if !strings.Contains(text.stdout, "1 not touched") {
			t.Errorf("nobody says what was looked at:\n%s", text.stdout)
		}
	})
	t.Run("no change", func(t *testing.T) {
		s := besiege(t, nil, nil)
		if a := s.judge("review", "--base", "main", "--head", "main"); a.exit != exitPass || a.Verdict.State != policy.StatePass {
			t.Errorf("exit %d, %s", a.exit, a.Verdict.State)
		}
	})
	t.Run("conflict", func(t *testing.T) {
		s := besiege(t, root("clusters/eu", configMap), root("clusters/eu", machines))
		s.git("checkout", "--quiet", "main")
		s.plant("meanwhile", innocent("2"), root("clusters/eu", aCluster))
		a := s.judge("review", "--base", "main", "--head", "change")
		wantProblem(t, a, "clusters/eu/a.yaml", "conflict")
		if !slices.Contains(states, a.Verdict.State) {
			t.Errorf("state %q", a.Verdict.State)
		}
	})
}
