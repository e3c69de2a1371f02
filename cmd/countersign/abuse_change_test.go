package main

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/policy"
)

// AC-061: names that are one file to some and two to others, or that draw on
// the terminal.
func abusePaths(t *testing.T) {
	s := besiege(t, nil, join(
		root("twice", configMap), tree{"twice/Kustomization": "resources: [b.yaml]\n", "twice/b.yaml": configMap},
		root("case", configMap), tree{"case/A.yaml": configMap},
		below("form", tree{"kustomization.yaml": "resources: [\"caf\\u00e9.yaml\"]\n", "caf\u00e9.yaml": configMap, "cafe\u0301.yaml": configMap}),
		below("odd", tree{"kustomization.yaml": "resources: ['a\\b.yaml', 'dot.', CON, '..x.yaml']\n",
			`a\b.yaml`: configMap, "dot.": strings.ReplaceAll(configMap, "name: a", "name: b"),
			"CON": strings.ReplaceAll(configMap, "name: a", "name: c"), "..x.yaml": strings.ReplaceAll(configMap, "name: a", "name: d")}),
		tree{"draw\n\x1b[2K\r\u202egreen/a.yaml": configMap, "draw\xff\xfe/a.yaml": configMap}))
	a := s.review()
	if a.exit == exitPass {
		t.Error("passes")
	}
	finding(t, a, "CS-INP-001", `"A.yaml" and "a.yaml" differ only in case`)
	finding(t, a, "CS-INP-001", `"cafe\u0301.yaml" and "caf\u00e9.yaml" differ only in case or in Unicode form`)
	for _, r := range a.Roots {
		switch r.Path {
		case "twice":
			if r.Status == "built" {
				t.Error("a folder with two kustomizations is built by one of them")
			}
		case "odd":
			if r.Status != "built" || r.Objects != 4 {
				t.Errorf("legal names: %+v %+v", r, r.Error)
			}
		}
	}
	t.Run("crafted", abuseCraftedTrees)
	for _, format := range formats {
		out := s.run("review", "--repo", s.dir, "--base", "main", "--head", "change", "--format", format)
		if i := strings.IndexFunc(out.stdout+out.stderr, unprintable); i >= 0 {
			t.Errorf("%s holds %q", format, (out.stdout + out.stderr)[i:min(i+20, len(out.stdout+out.stderr))])
		}
	}
}

// craft commits a tree onto the branch "change" that git itself would never
// write: next to what is there, one entry of that name.
func (s *siege) craft(name string) {
	s.t.Helper()
	id := func(text string) string {
		raw, err := hex.DecodeString(text)
		if err != nil {
			s.t.Fatal(err)
		}
		return string(raw)
	}
	app := s.git("rev-parse", "change:app")
	file := filepath.Join(s.t.TempDir(), "tree")
	entries := "40000 " + name + "\x00" + id(app) + "40000 app\x00" + id(app)
	if err := os.WriteFile(file, []byte(entries), 0o644); err != nil {
		s.t.Fatal(err)
	}
	top := s.git("hash-object", "-t", "tree", "-w", "--literally", file)
	s.git("update-ref", "refs/heads/change", s.git("commit-tree", "-p", "main", "-m", "crafted", top))
}

// AC-061, in objects made by hand: names that leave the tree, and one name twice.
func abuseCraftedTrees(t *testing.T) {
	for _, name := range []string{"..", ".", ".git", "app", "a/b", ""} {
		t.Run(fmt.Sprintf("%q", name), func(t *testing.T) {
			s := besiege(t, nil, nil)
			s.craft(name)
			for _, args := range [][]string{{"review", "--base", "main", "--head", "change"}, {"audit", "--rev", "change"}} {
				a := s.judge(args...)
				wantProblem(t, a, "", "malformed git object")
			}
		})
	}
}

// unprintable are characters that do something to a terminal, or to the order
// in which text shows.
func unprintable(r rune) bool {
	return r != '\n' && r < ' ' || r >= 0x7f && r < 0xa0 || r >= 0x200b && r <= 0x200f || r >= 0x202a && r <= 0x202e ||
		r >= 0x2066 && r <= 0x2069 || r == 0xfeff || r == 0xfffd
}

// AC-062: attributes, pointers and submodules, by which a checkout or an
// archive would show other content than what is committed.
func abuseHiddenContent(t *testing.T) {
	s := besiege(t, nil, join(
		tree{".gitattributes": "*.yaml ident filter=evil diff=evil merge=evil export-ignore\n"},
		root("clusters/eu", machines),
		root("pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:"+strings.Repeat("ab", 32)+"\nsize 12\n"),
		below("module", tree{"kustomization.yaml": "resources: [other]\n", "other (submodule)": ""}),
		below("modulefile", tree{"kustomization.yaml": "resources:\n- other/a.yaml\n", "other (submodule)": ""}),
		tree{"loose (submodule)": ""}))
	for _, key := range []string{"filter.evil.smudge", "filter.evil.clean", "filter.evil.process", "diff.evil.textconv",
		"diff.evil.command", "merge.evil.driver", "core.fsmonitor", "core.sshCommand"} {
		s.git("config", key, "evil")
	}
	a := s.review()
	finding(t, a, "CS-SSH-001", "")
	wantProblem(t, a, "pointer/kustomization.yaml:1", "LFS")
	wantProblem(t, a, "module/kustomization.yaml:1", "submodule")
	wantProblem(t, a, "modulefile/kustomization.yaml:2", "submodule")
	for _, file := range []string{".gitattributes", "loose"} {
		if !entry(a, policy.EntryFile, file) {
			t.Errorf("%s needs nobody's eyes", file)
		}
	}
}

// AC-063: more files and commits than GitHub lists, with the change that
// matters in the last of them.
func abuseLongChange(t *testing.T) {
	s := besiege(t, root("clusters/eu", machines), root("clusters/eu", machines))
	var stream strings.Builder
	from := s.git("rev-parse", "change")
	for n := range 260 {
		fmt.Fprintf(&stream, "commit refs/heads/change\ncommitter a <a@example.com> 1767607200 +0000\ndata 1\nx\n")
		if n == 0 {
			fmt.Fprintf(&stream, "from %s\n", from)
		}
		for m := range 12 {
			fmt.Fprintf(&stream, "M 100644 inline docs/%d/%d.md\ndata 1\nx\n", n, m)
		}
	}
	evil := strings.ReplaceAll(machines, "everybody", "somebody-else")
	fmt.Fprintf(&stream, "M 100644 inline clusters/eu/a.yaml\ndata %d\n%s\n", len(evil), evil)
	s.feed(stream.String(), "fast-import", "--quiet", "--force")
	a := s.review()
	changed(t, a, "update", "OpenStackMachineTemplate", "workers")
	if a.exit != exitBlocked {
		t.Errorf("exit %d", a.exit)
	}
	// GitHub's own lists, cut at 250 commits.
	facts := t.TempDir()
	head := s.git("rev-parse", "change")
	commit := `{"sha": %q, "parents": [], "author": {"login": "alice", "id": 101, "type": "User"}, "committer": {"login": "alice",
"id": 101, "type": "User"}, "commit": {"message": "x", "author": {"email": "a@example.com"}, "committer": {"email": "a@example.com"}}}`
	person := `{"permission": "write", "role_name": "write", "user": {"login": %q, "id": %d, "type": "User"}}`
	review := `{"id": %d, "user": {"login": %q, "id": %d, "type": "User"}, "state": "APPROVED", "commit_id": %q,
"submitted_at": "2026-01-05T11:00:00Z", "body": "", "author_association": "MEMBER"}`
	for name, content := range map[string]string{
		"pull.json": fmt.Sprintf(`{"number": 7, "user": {"login": "alice", "id": 101, "type": "User"}, "commits": 261, "assignees": [],
"base": {"ref": "main", "repo": {"id": 1, "full_name": "acme/fleet", "owner": {"login": "acme", "type": "Organization"}}},
"head": {"sha": %q}}`, head),
		"commits.json":           "[" + strings.TrimSuffix(strings.Repeat(fmt.Sprintf(commit, head)+",", 250), ",") + "]",
		"reviews.json":           "[" + fmt.Sprintf(review, 1, "bob", 102, head) + "," + fmt.Sprintf(review, 2, "carol", 103, head) + "]",
		"permissions/alice.json": fmt.Sprintf(person, "alice", 101), "permissions/bob.json": fmt.Sprintf(person, "bob", 102),
		"permissions/carol.json": fmt.Sprintf(person, "carol", 103),
	} {
		file := filepath.Join(facts, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	a = s.review("--pull", facts, "--now", "2026-01-05T12:00:00Z")
	if a.exit != exitUnjudged || len(a.Approvals.Counted) > 0 || !strings.Contains(fmt.Sprint(a.Approvals.BlockedBy), "commit_list_incomplete") {
		t.Errorf("exit %d, approvals %+v", a.exit, a.Approvals)
	}
}

// AC-064: first a file that nothing takes, then one word that takes it.
func abuseIncludedLater(t *testing.T) {
	clean := root("clusters/eu", configMap)
	hidden := tree{"clusters/eu/later.yaml": machines}
	s := besiege(t, clean, join(clean, hidden))
	if a := s.review(); a.exit != exitBlocked || !entry(a, policy.EntryFile, "clusters/eu/later.yaml") {
		t.Errorf("exit %d: a file that nobody reads needs nobody's eyes: %+v", a.exit, a.Privileged.Entries)
	}
	s.git("checkout", "--quiet", "-B", "main", "change")
	s.plant("merged", clean, hidden, innocent("2"))
	s.git("checkout", "--quiet", "-B", "change")
	s.plant("later", clean, hidden, innocent("3"), tree{"clusters/eu/kustomization.yaml": "resources: [a.yaml, later.yaml]\n"})
	if err := os.Remove(s.ran); err != nil {
		t.Fatal(err)
	}
	a := s.review()
	changed(t, a, "create", "OpenStackMachineTemplate", "workers")
	finding(t, a, "CS-SSH-001", "")
	if a.exit != exitBlocked || a.Privileged.Needed != 2 {
		t.Errorf("exit %d, %d needed", a.exit, a.Privileged.Needed)
	}
}

const aCluster = `apiVersion: cluster.x-k8s.io/v1beta1
kind: Cluster
metadata: {name: eu, namespace: fleet}
spec: {paused: false, controlPlaneEndpoint: {host: a.example.com, port: 6443}}
`

// AC-065: what is a deletion, dressed as something else.
func abuseRename(t *testing.T) {
	edit := func(from, to string) tree { return root("clusters/eu", strings.Replace(aCluster, from, to, 1)) }
	for name, c := range map[string]struct {
		head           tree
		action, object string
	}{
		"name":      {edit("name: eu", "name: eu-2"), "delete", "eu"},
		"namespace": {edit("namespace: fleet", "namespace: other"), "delete", "eu"},
		"prefix": {join(edit("", ""), tree{"clusters/eu/kustomization.yaml": "resources: [a.yaml]\nnamePrefix: x-\n"}),
			"delete", "eu"},
		"group":           {edit("cluster.x-k8s.io/v1beta1", "cluster.x-k8s.example/v1beta1"), "delete", "eu"},
		"unknown version": {edit("cluster.x-k8s.io/v1beta1", "cluster.x-k8s.io/v9omega1"), "update", "eu"},
		"kind":            {edit("kind: Cluster", "kind: CLuster"), "delete", "eu"},
		"folder":          {root("clusters/us", aCluster), "move", "eu"},
	} {
		t.Run(name, func(t *testing.T) {
			s := besiege(t, root("clusters/eu", aCluster), c.head)
			a := s.review()
			changed(t, a, c.action, "Cluster", c.object)
			if a.exit != exitBlocked || a.Privileged.Needed != 2 {
				t.Errorf("exit %d, %d needed", a.exit, a.Privileged.Needed)
			}
		})
	}
}

// AC-066: names that look like others.
func abuseConfusable(t *testing.T) {
	named := func(name string) string { return strings.Replace(configMap, "name: a", "name: \""+name+"\"", 1) }
	s := besiege(t, nil, join(root("cyrillic", named(`pr\u043ed`)), root("zero", named(`pro\u200bd`)), root("bidi", named(`\u202edorp`)),
		root("space", strings.Replace(configMap, "namespace: apps", `namespace: "a\u0440ps"`, 1)),
		root("kind", strings.Replace(configMap, "kind: ConfigMap", `kind: "\u0421onfigMap"`, 1))))
	a := s.review()
	for _, folder := range []string{"cyrillic", "zero", "bidi", "space", "kind"} {
		found := false
		for _, f := range a.Findings {
			found = found || f.Rule == "CS-INP-001" && strings.HasPrefix(f.Source.File, folder+"/")
		}
		if !found {
			t.Errorf("nothing said of %s: %+v", folder, a.Problems)
		}
	}
	for _, format := range formats {
		out := s.run("review", "--repo", s.dir, "--base", "main", "--head", "change", "--format", format)
		if i := strings.IndexFunc(out.stdout, unprintable); i >= 0 {
			t.Errorf("%s holds %q", format, out.stdout[i:min(i+20, len(out.stdout))])
		}
	}
}

// AC-067: a base that cannot be built, so that nobody knows what is deleted.
func abuseBrokenBase(t *testing.T) {
	broken := join(root("clusters/eu", aCluster), tree{"clusters/eu/kustomization.yaml": "resources: [a.yaml, gone.yaml]\n"})
	s := besiege(t, broken, root("clusters/eu", configMap))
	a := s.review()
	if a.exit != exitBlocked || a.Verdict.State != policy.StateNeedsApproval || !entry(a, policy.EntryRoot, "clusters/eu") {
		t.Errorf("exit %d, %s, entries %+v", a.exit, a.Verdict.State, a.Privileged.Entries)
	}
	pull := filepath.Join(t.TempDir(), "pull.yaml")
	text := fmt.Sprintf(`base: main
author: alice
people:
  alice: {id: 101, permission: write}
  bob: {id: 102, permission: write}
  carol: {id: 103, permission: write}
commits:
- {sha: %[1]s, author: alice, committer: alice}
reviews:
- {user: bob, state: APPROVED, commit: %[1]s, at: 2026-01-05T11:00:00Z}
- {user: carol, state: APPROVED, commit: %[1]s, at: 2026-01-05T11:01:00Z}
`, s.git("rev-parse", "change"))
	if err := os.WriteFile(pull, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	if a := s.review("--pull", pull, "--now", "2026-01-05T12:00:00Z"); a.exit != exitPass {
		t.Errorf("exit %d: %s: two people cannot let the mend pass: %+v", a.exit, a.Verdict.Title, a.Approvals)
	}
}

// AC-068: marks by which a controller is told to look away.
func abuseMarks(t *testing.T) {
	for name, metadata := range map[string]string{
		"prune":     "annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}",
		"reconcile": "annotations: {kustomize.toolkit.fluxcd.io/reconcile: disabled}",
		"paused":    "annotations: {cluster.x-k8s.io/paused: \"true\"}",
		"deletion":  "deletionTimestamp: \"2026-01-05T10:00:00Z\"",
	} {
		t.Run(name, func(t *testing.T) {
			marked := strings.Replace(aCluster, "namespace: fleet}", "namespace: fleet, "+metadata+"}", 1)
			marked = strings.Replace(marked, "a.example.com", "b.example.com", 1)
			s := besiege(t, root("clusters/eu", aCluster), root("clusters/eu", marked))
			a := s.review()
			if c := changed(t, a, "update", "Cluster", "eu"); len(c.Fields) < 2 {
				t.Errorf("the mark or the change is not shown: %+v", c.Fields)
			}
			if a.exit != exitBlocked {
				t.Errorf("exit %d", a.exit)
			}
		})
	}
	t.Run("pause alone", func(t *testing.T) {
		s := besiege(t, root("clusters/eu", aCluster), root("clusters/eu", strings.Replace(aCluster, "paused: false", "paused: true", 1)))
		changed(t, s.review(), "update", "Cluster", "eu")
	})
	t.Run("marked before it goes", func(t *testing.T) {
		marked := strings.Replace(aCluster, "namespace: fleet}", "namespace: fleet, deletionTimestamp: \"2026-01-05T10:00:00Z\"}", 1)
		s := besiege(t, root("clusters/eu", marked), nil)
		changed(t, s.review(), "delete", "Cluster", "eu")
	})
}
