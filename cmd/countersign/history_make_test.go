package main

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
)

// garden is a fleet that grows, breaks and is mended at random.
type garden struct {
	*rand.Rand
	files tree
	lost  tree // what was broken and may be mended
	next  int
}

// makeHistory writes a history for git fast-import: the same seed, the same
// commits.
func makeHistory(seed uint64, commits int) string {
	g := &garden{Rand: rand.New(rand.NewPCG(seed, 7)), files: tree{}, lost: tree{}}
	for range 2 {
		g.addBase()
		g.addComponent()
	}
	for range 4 {
		g.addOverlay()
	}
	g.addPlain()
	g.addClass()
	g.files["README.md"] = "# A fleet\n"
	var stream strings.Builder
	g.commit(&stream, "first")
	deeds := g.deeds()
	for range commits {
		var did []string
		for range 1 + g.IntN(2) {
			deed := deeds[g.IntN(len(deeds))]
			deed.do()
			did = append(did, deed.name)
		}
		g.commit(&stream, strings.Join(did, ", "))
	}
	return stream.String()
}

type deed struct {
	name string
	do   func()
}

func (g *garden) deeds() []deed {
	return []deed{
		{"edit a base", func() { g.edit("bases/") }},
		{"edit a base", func() { g.edit("bases/") }},
		{"edit a component", func() { g.edit("components/") }},
		{"edit an overlay", func() { g.edit("clusters/") }},
		{"edit an overlay", func() { g.edit("clusters/") }},
		{"edit a plain folder", func() { g.edit("plain/") }},
		{"edit a class", func() { g.edit("classes/") }},
		{"edit words", func() { g.files["README.md"] += "More.\n" }},
		{"add a base", g.addBase}, {"add an overlay", g.addOverlay}, {"add a plain folder", g.addPlain},
		{"remove an overlay", func() { g.removeFolder("clusters/") }},
		{"remove a plain folder", func() { g.removeFolder("plain/") }},
		{"rename an overlay", func() { g.rename("clusters/", false) }},
		{"rename a base with all that name it", func() { g.rename("bases/", true) }},
		{"rename a base alone", func() { g.rename("bases/", false) }},
		{"rename a component with all that name it", func() { g.rename("components/", true) }},
		{"lose a file", g.lose}, {"lose a file", g.lose},
		{"mend", g.mend}, {"mend", g.mend}, {"mend", g.mend},
		{"name a file that is not there yet", g.promise},
		{"swap a link", g.link},
		{"generate", g.generate},
		{"patch", g.patch},
		{"cover a plain folder", g.cover},
		{"let Flux name a base", g.flux},
		{"change a prefix", g.prefix},
		{"turn a file into a folder", g.fold},
		{"write an object twice", g.twice},
		{"keep an object local", g.local},
		{"let Flux name it twice", g.fluxTwice},
	}
}

func (g *garden) number() int { g.next++; return g.next }

// pick returns one of the files whose path begins so and ends so; "" if none.
func (g *garden) pick(begins, ends string) string {
	var names []string
	for name := range g.files {
		if strings.HasPrefix(name, begins) && strings.HasSuffix(name, ends) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return names[g.IntN(len(names))]
}

func (g *garden) object(name string) string {
	kinds := []string{
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s, namespace: fleet}\ndata: {value: v%d}\n",
		"apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata: {name: %s, namespace: fleet}\n" +
			"spec: {topology: {class: shared, version: v1.33.%d}}\n",
		"apiVersion: infrastructure.cluster.x-k8s.io/v1beta1\nkind: OpenStackMachineTemplate\nmetadata: {name: %s, namespace: fleet}\n" +
			"spec: {template: {spec: {flavor: f%d}}}\n",
		"apiVersion: infrastructure.cluster.x-k8s.io/v1beta1\nkind: OpenStackMachineTemplate\nmetadata: {name: %s, namespace: fleet}\n" +
			"spec: {template: {spec: {sshKeyName: k%d}}}\n",
		"apiVersion: v1\nkind: Secret\nmetadata: {name: %s, namespace: fleet}\nstringData: {password: p%d}\n",
		"apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata: {name: %[1]s-n, namespace: fleet}\nspec:\n  infrastructureRef: " +
			"{apiVersion: infrastructure.cluster.x-k8s.io/v1beta1, kind: OpenStackCluster, name: %[1]s-n}\n---\n" +
			"apiVersion: infrastructure.cluster.x-k8s.io/v1beta1\nkind: OpenStackCluster\nmetadata: {name: %[1]s-n, namespace: fleet}\n" +
			"spec: {network: {id: net-%[2]d}, identityRef: {name: cloud-%[2]d, cloudName: a}}\n",
		"apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: %s}\n" +
			"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: r%d}\nsubjects: [{kind: User, name: alice}]\n",
		"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: %s, namespace: fleet}\n" +
			"spec: {template: {spec: {containers: [{name: a, image: \"i:%d\"}]}}}\n",
	}
	return fmt.Sprintf(kinds[g.IntN(len(kinds))], name, g.IntN(5))
}

func (g *garden) addBase() {
	dir := fmt.Sprintf("bases/b%d", g.number())
	g.files[dir+"/a.yaml"] = g.object("a")
	g.files[dir+"/b.yaml"] = g.object("b") + "---\n" + g.object("c")
	g.files[dir+"/kustomization.yaml"] = "resources:\n- a.yaml\n- b.yaml\n"
}

func (g *garden) addComponent() {
	dir := fmt.Sprintf("components/c%d", g.number())
	g.files[dir+"/kustomization.yaml"] = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n" +
		fmt.Sprintf("commonAnnotations: {by: c%d}\n", g.number())
}

func (g *garden) addOverlay() {
	dir := fmt.Sprintf("clusters/k%d", g.number())
	text := fmt.Sprintf("namePrefix: k%d-\nresources:\n- own.yaml\n", g.next)
	if base := g.pick("bases/", "/kustomization.yaml"); base != "" {
		text += "- ../../" + path.Dir(base) + "\n"
	}
	if part := g.pick("components/", "/kustomization.yaml"); part != "" && g.IntN(2) == 0 {
		text += "components:\n- ../../" + path.Dir(part) + "\n"
	}
	g.files[dir+"/kustomization.yaml"] = text
	g.files[dir+"/own.yaml"] = g.object(fmt.Sprintf("own%d", g.next))
}

func (g *garden) addPlain() {
	dir := fmt.Sprintf("plain/p%d", g.number())
	g.files[dir+"/a.yaml"] = g.object(fmt.Sprintf("plain%d", g.next))
}

func (g *garden) addClass() {
	g.files["classes/class.yaml"] = "apiVersion: cluster.x-k8s.io/v1beta1\nkind: ClusterClass\nmetadata: {name: shared, namespace: fleet}\n" +
		"spec:\n  infrastructure: {ref: {apiVersion: infrastructure.cluster.x-k8s.io/v1beta1, kind: OpenStackClusterTemplate, name: shared}}\n"
	g.files["classes/infra.yaml"] = "apiVersion: infrastructure.cluster.x-k8s.io/v1beta1\nkind: OpenStackClusterTemplate\n" +
		"metadata: {name: shared, namespace: fleet}\nspec: {template: {spec: {tags: [v0]}}}\n"
}

// edit changes values in a file, or writes another object into it.
func (g *garden) edit(below string) {
	name := g.pick(below, ".yaml")
	switch {
	case name == "":
	case strings.HasSuffix(name, "kustomization.yaml"):
		g.files[name] += fmt.Sprintf("# remark %d\n", g.number())
	case g.IntN(3) == 0:
		g.files[name] += "---\n" + g.object(fmt.Sprintf("extra%d", g.number()))
	default:
		digit := func(n int) string { return fmt.Sprint(n) }
		g.files[name] = strings.NewReplacer("v0", "v"+digit(1+g.IntN(8)), "v1.33.", "v1.34.", "f0", "f9", "f1", "f8", "k1", "k7", "p1", "p9",
			"v2", "v6", "net-1", "net-2", "net-3", "net-2", "name: r1", "name: cluster-admin",
			"sshKeyName", "flavor", "flavor", "sshKeyName", "i:", "i:1").Replace(g.files[name])
	}
}

func (g *garden) removeFolder(below string) {
	if name := g.pick(below, ".yaml"); name != "" {
		maps.DeleteFunc(g.files, func(other, _ string) bool { return strings.HasPrefix(other, path.Dir(name)+"/") })
	}
}

func (g *garden) rename(below string, mend bool) {
	name := g.pick(below, "/kustomization.yaml")
	if name == "" {
		return
	}
	from, to := path.Dir(name), fmt.Sprintf("%sr%d", below, g.number())
	for _, file := range slices.Sorted(maps.Keys(g.files)) {
		content := g.files[file]
		if rest, ok := strings.CutPrefix(file, from+"/"); ok {
			delete(g.files, file)
			file = to + "/" + rest
		}
		if mend {
			content = strings.ReplaceAll(content, "../../"+from+"\n", "../../"+to+"\n")
		}
		g.files[file] = content
	}
}

func (g *garden) lose() {
	if name := g.pick("", ".yaml"); name != "" {
		g.lost[name] = g.files[name]
		delete(g.files, name)
	}
}

func (g *garden) mend() {
	for name, content := range g.lost {
		g.files[name] = content
	}
	clear(g.lost)
	for _, name := range slices.Sorted(maps.Keys(g.files)) {
		if at := strings.Index(g.files[name], "- later"); at >= 0 {
			later, _, _ := strings.Cut(g.files[name][at+2:], "\n")
			g.files[path.Dir(name)+"/"+later] = g.object(strings.TrimSuffix(later, ".yaml"))
		}
	}
}

// promise names a file that a later mend adds.
func (g *garden) promise() {
	if name := g.pick("clusters/", "/kustomization.yaml"); name != "" {
		g.files[name] = strings.Replace(g.files[name], "resources:\n", fmt.Sprintf("resources:\n- later%d.yaml\n", g.number()), 1)
	}
}

// link lets an overlay's own file be a link to a base's, or to another.
func (g *garden) link() {
	name, base := g.pick("clusters/", "/own.yaml"), g.pick("bases/", ".yaml")
	if link := g.pick("clusters/", " (symlink)"); link != "" && g.IntN(2) == 0 {
		name = strings.TrimSuffix(link, " (symlink)")
		delete(g.files, link)
	}
	if name != "" && base != "" {
		delete(g.files, name)
		g.files[name+" (symlink)"] = "../../" + base
	}
}

func (g *garden) generate() {
	name := g.pick("clusters/", "/kustomization.yaml")
	if name == "" || strings.Contains(g.files[name], "configMapGenerator") {
		if file := g.pick("clusters/", "/settings.txt"); file != "" {
			g.files[file] += "more\n"
		}
		return
	}
	g.files[path.Dir(name)+"/settings.txt"] = "some\n"
	g.files[name] += "configMapGenerator:\n- {name: settings, namespace: fleet, files: [settings.txt]}\n"
}

func (g *garden) patch() {
	name := g.pick("clusters/", "/kustomization.yaml")
	if name == "" || strings.Contains(g.files[name], "patches:") {
		return
	}
	g.files[path.Dir(name)+"/patch.yaml"] = fmt.Sprintf("- {op: add, path: /metadata/annotations, value: {patched: p%d}}\n", g.number())
	g.files[name] += "patches:\n- {path: patch.yaml, target: {name: \"a|own.*\"}}\n"
}

// cover puts a kustomization over a plain folder, or takes it away.
func (g *garden) cover() {
	name := g.pick("plain/", "/a.yaml")
	if name == "" {
		return
	}
	cover := path.Dir(name) + "/kustomization.yml"
	if _, ok := g.files[cover]; ok {
		delete(g.files, cover)
	} else {
		g.files[cover] = "resources: [a.yaml]\n"
	}
}

// flux makes a base a root of its own, in another cluster, or no longer.
func (g *garden) flux() {
	const name = "plain/flux/sync.yaml"
	base := g.pick("bases/", "/kustomization.yaml")
	if _, ok := g.files[name]; ok || base == "" {
		delete(g.files, name)
		return
	}
	g.files[name] = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: sync, namespace: flux-system}\n" +
		"spec: {path: ./" + path.Dir(base) + ", kubeConfig: {secretRef: {name: other}}}\n"
}

// fluxTwice lets two objects apply the same folder to one place.
func (g *garden) fluxTwice() {
	const name = "plain/flux/other.yaml"
	if _, ok := g.files[name]; ok {
		delete(g.files, name)
	} else if plain := g.pick("plain/p", ".yaml"); plain != "" {
		g.files[name] = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: other, namespace: flux-system}\n" +
			"spec: {path: ./" + path.Dir(plain) + ", kubeConfig: {secretRef: {name: other}}}\n"
	}
}

// twice repeats a plain folder's objects, as they are or a little different.
func (g *garden) twice() {
	if name := g.pick("plain/p", "/a.yaml"); name != "" {
		again := strings.Replace(g.files[name], "cluster.x-k8s.io/v1beta1", "cluster.x-k8s.io/v1beta2", g.IntN(2))
		g.files[path.Dir(name)+"/again.yaml"] = again
	}
}

func (g *garden) local() {
	if name := g.pick("clusters/", "/own.yaml"); name != "" {
		g.files[name] = strings.Replace(g.files[name], "namespace: fleet}",
			"namespace: fleet, annotations: {config.kubernetes.io/local-config: \"true\"}}", 1)
	}
}

func (g *garden) prefix() {
	if name := g.pick("clusters/", "/kustomization.yaml"); name != "" {
		_, rest, _ := strings.Cut(g.files[name], "\n")
		g.files[name] = fmt.Sprintf("namePrefix: k%d-\n%s", g.number(), rest)
	}
}

// fold makes a folder of a plain file, of the same name.
func (g *garden) fold() {
	if name := g.pick("plain/", "a.yaml"); name != "" {
		g.files[name+"/a.yaml"] = g.files[name]
		delete(g.files, name)
	}
}

func (g *garden) commit(stream *strings.Builder, message string) {
	fmt.Fprintf(stream, "commit refs/heads/main\ncommitter a <a@example.com> %d +0000\ndata %d\n%s\ndeleteall\n",
		1767607200+g.number(), len(message), message)
	for _, name := range slices.Sorted(maps.Keys(g.files)) {
		target, link := strings.CutSuffix(name, " (symlink)")
		mode := "100644"
		if link {
			mode = "120000"
		}
		fmt.Fprintf(stream, "M %s inline %s\ndata %d\n%s\n", mode, target, len(g.files[name]), g.files[name])
	}
}
