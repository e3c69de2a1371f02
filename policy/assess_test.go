package policy

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
)

const (
	head     = "apiVersion: countersign.dev/v1\nkind: Config\n"
	settled  = head + "roots: {include: [\"clusters/*\"]}\n"
	cluster  = "apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata: {name: eu-1, namespace: fleet}\n"
	workload = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\n"
)

// A config that cannot be read decides nothing: the mend of it is judged by the
// strict settings, not by what could be read of it.
func TestMendIsJudgedByTheStrictSettings(t *testing.T) {
	broken := map[string]string{
		"a link":                   "-> ../elsewhere.yaml",
		"a typo beside observe":    head + "mode: observe\naprovals: {required: 3}\n",
		"no pattern of it matches": head + "mode: observe\nroots: {include: [\"nowhere/*\"]}\n",
	}
	for name, text := range broken {
		t.Run(name, func(t *testing.T) {
			base := files{".countersign.yaml": text, "clusters/eu-1/cluster.yaml": cluster}
			mended := assess(t, base, base.with(files{".countersign.yaml": head}))
			if mended.Config == nil || mended.Config.Digest != config.Strict().Digest {
				t.Fatalf("judged by %+v", mended.Config)
			}
			v := Decide(mended, PullRequest{Given: true, Author: &alice, AuthorRole: "write", Base: "main"})
			if v.Exit() != 1 || v.Approvals.Missing != 2 || v.Observing {
				t.Errorf("exit %d, %d missing: %s", v.Exit(), v.Approvals.Missing, v.Title)
			}
			more := assess(t, base, base.with(files{".countersign.yaml": head, "clusters/eu-1/more.yaml": workload}))
			if got := Decide(more, PullRequest{}); got.Exit() != 2 {
				t.Errorf("a change of more than the settings: exit %d: %s", got.Exit(), got.Title)
			}
		})
	}
}

// The config that a change brings must fit the tree that it brings, or nothing
// could be judged after it.
func TestConfigToComeMustFit(t *testing.T) {
	base := files{".countersign.yaml": settled, "clusters/eu-1/cluster.yaml": cluster}
	for name, text := range map[string]string{
		"matches nothing":  head + "roots: {include: [\"nowhere/*\"]}\n",
		"is no pattern":    head + "ignore: [\"docs/[\"]\n",
		"is not a mapping": "- a\n",
	} {
		a := assess(t, base, base.with(files{".countersign.yaml": text}))
		if list := found(a, "CS-INP-003"); len(list) != 1 || list[0].Effect != engine.Block || list[0].State != New {
			t.Errorf("%s: %+v", name, list)
		}
	}
	if a := assess(t, base, base.with(files{".countersign.yaml": settled + "mode: observe\n"})); len(a.Preview) != 1 {
		t.Errorf("preview %q", a.Preview)
	}
}

// An object twice in one destination is a finding of its own for each object,
// and one that the base has already is an existing one.
func TestDuplicatesStandAgainstTheBase(t *testing.T) {
	at := func(namespace string) string { return strings.ReplaceAll(workload, "shop", namespace) }
	twice := func(namespaces ...string) string {
		var all []string
		for _, namespace := range namespaces {
			all = append(all, at(namespace), strings.ReplaceAll(at(namespace), "apps/v1", "apps/v1beta1"))
		}
		return strings.Join(all, "---\n")
	}
	base := files{"apps/web.yaml": twice("a")} // plain manifests: kustomize itself would refuse
	a := assess(t, base, base.with(files{"apps/web.yaml": twice("a", "b", "c")}))
	states := map[State]int{}
	for _, f := range found(a, "CS-GEN-004") {
		states[f.State]++
	}
	if states[Existing] != 1 || states[New] != 2 {
		t.Errorf("%v: %+v", states, found(a, "CS-GEN-004"))
	}
}

// A root that cannot be rendered and that nothing touched is said, and blocks
// nobody.
func TestUnaffectedRootThatFails(t *testing.T) {
	base := files{
		"clusters/eu-1/cluster.yaml":        cluster,
		"clusters/bad/kustomization.yaml":   "resources: [missing.yaml]\n",
		"clusters/other/kustomization.yaml": "resources: [cluster.yaml]\n",
		"clusters/other/cluster.yaml":       strings.ReplaceAll(cluster, "eu-1", "eu-2"),
	}
	a := assess(t, base, base.with(files{"clusters/eu-1/cluster.yaml": strings.ReplaceAll(cluster, "eu-1", "eu-3")}))
	if len(a.Problems) > 0 {
		t.Fatalf("problems: %+v", a.Problems)
	}
	listed := slices.ContainsFunc(a.Roots, func(r Root) bool { return r.Path == "clusters/bad" && r.Status == "failed" })
	if !listed || len(a.Notices) != 1 {
		t.Errorf("roots %+v, notices %+v", a.Roots, a.Notices)
	}
	touched := assess(t, base, base.with(files{"clusters/bad/kustomization.yaml": "resources: [gone.yaml]\n"}))
	if got := Decide(touched, PullRequest{}).Exit(); got != 2 {
		t.Errorf("a change of the bad root: exit %d", got)
	}
}

// What nobody could read on one side is an entry by its files, whatever lies in
// the way there.
func TestOpaqueRootBehindASubmodule(t *testing.T) {
	base := files{
		".countersign.yaml":         head + "roots: {opaque: [\"apps/*\"]}\n",
		"apps/a/kustomization.yaml": "resources: [../../lib/x]\nhelmCharts: [{name: c}]\n",
		"lib/x/kustomization.yaml":  "resources: [web.yaml]\n", "lib/x/web.yaml": workload,
	}
	a := assess(t, base, base.with(files{
		"lib/x/kustomization.yaml": "", "lib/x/web.yaml": "", "lib/x": "submodule"}))
	opaque := slices.ContainsFunc(a.Entries, func(e Entry) bool { return e.Kind == EntryRoot && e.Name == "apps/a" })
	if !opaque || len(a.Problems) > 0 {
		t.Errorf("entries %+v, problems %+v", a.Entries, a.Problems)
	}
}

// Where a placeholder is part of a name, the same text in another root is
// another object: an approval of one does not cover it.
func TestPlaceholderNamesAreApprovedByRoot(t *testing.T) {
	named := &render.Resource{Identity: render.Identity{Kind: "Cluster", Name: "${NAME}"}, Digest: "x"}
	plain := &render.Resource{Identity: render.Identity{Kind: "Cluster", Name: "eu"}, Digest: "x"}
	entry := func(r *render.Resource, root string) Entry {
		return resourceEntry(&render.Change{Action: render.ActionCreate, Destination: "d", After: r, Roots: []string{root}})
	}
	if entry(named, "a") == entry(named, "b") {
		t.Error("two roots' objects are one entry")
	}
	if entry(plain, "a") != entry(plain, "b") {
		t.Error("who renders an object is part of its entry")
	}
}

// What a ConfigMap is for may be written in a root that nothing touched.
func TestPayloadThatAnotherRootUses(t *testing.T) {
	payload := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: payload, namespace: fleet}\ndata: {a: x}\n"
	set := `---
apiVersion: addons.cluster.x-k8s.io/v1beta1
kind: ClusterResourceSet
metadata: {name: addons, namespace: fleet}
spec: {clusterSelector: {}, resources: [{kind: ConfigMap, name: payload}]}
`
	base := files{"apps/payload.yaml": payload, "clusters/eu-1/cluster.yaml": cluster + set}
	a := assess(t, base, base.with(files{"apps/payload.yaml": strings.ReplaceAll(payload, "a: x", "a: y")}))
	if len(a.Changes) != 1 || !a.Changes[0].Privileged || Decide(a, PullRequest{}).Exit() != 1 {
		t.Errorf("%+v", a.Changes)
	}
}

// A tree that git itself would not write is the author's fault, not the world's.
func TestMalformedTree(t *testing.T) {
	a := &Assessor{}
	rules, err := loaded()
	if err != nil {
		t.Fatal(err)
	}
	a.Rules = rules
	out, err := a.unjudged(a.blank(Revision{}, Revision{}), render.ErrMalformed)
	if err != nil || Decide(out, PullRequest{}).Exit() != 2 {
		t.Errorf("%v, %+v", err, out.Problems)
	}
}

// Neither tree nor conflict: no judgement, and no panic.
func TestNoMergedTree(t *testing.T) {
	a, err := assessor(t).Review(t.Context(), Sides{BaseTree: files{"a.md": "x"}})
	if err != nil || Decide(a, PullRequest{}).Exit() != 2 {
		t.Errorf("%v, %+v", err, a.Problems)
	}
}

// The same trees give the same bytes.
func TestAssessmentIsStable(t *testing.T) {
	base := files{"clusters/eu-1/cluster.yaml": cluster, "apps/web.yaml": workload, "ci.sh": "a"}
	change := base.with(files{"clusters/eu-1/cluster.yaml": cluster + "spec: {paused: true}\n", "ci.sh": "b",
		"clusters/eu-2/cluster.yaml": strings.ReplaceAll(cluster, "eu-1", "eu-2"), "apps/web.yaml": ""})
	var first string
	for range 3 {
		text, err := json.Marshal(assess(t, base, change))
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(text)
		} else if first != string(text) {
			t.Fatal("two answers to one question")
		}
	}
}
