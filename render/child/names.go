package child

import (
	"strings"

	"sigs.k8s.io/kustomize/api/resmap"

	"github.com/countersign-dev/countersign/render/child/closure"
)

// maxPeeled bounds what is spent on the names of one root: prefixes tried. What
// is left after that cannot be told from its name.
const maxPeeled = 1_000_000

// title is what an object is called, wherever it is.
type title struct{ group, kind, name string }

func titleOf(o closure.Object) title {
	return title{o.Group(), o.Text("kind"), o.Text("metadata", "name")}
}

// affix is what one kustomization puts around names.
type affix struct{ prefix, suffix string }

// names finds documents by what kustomize made of their names: it puts
// prefixes and suffixes around them, in whatever order the folders name each
// other, and each kustomization's once.
type names struct {
	documents map[title][]*closure.Object
	affixes   []affix
	left      int
	known     map[title][]*closure.Object
}

func newNames(c *closure.Closure, objects []closure.Object) *names {
	n := &names{documents: map[title][]*closure.Object{}, known: map[title][]*closure.Object{}, left: maxPeeled}
	for _, k := range c.Kustomizations {
		if k.NamePrefix != "" || k.NameSuffix != "" {
			n.affixes = append(n.affixes, affix{k.NamePrefix, k.NameSuffix})
		}
	}
	for i := range objects {
		at := titleOf(objects[i])
		n.documents[at] = append(n.documents[at], &objects[i])
	}
	return n
}

// of returns all documents that may have become an object of that title.
func (n *names) of(rendered title) []*closure.Object {
	found, known := n.known[rendered]
	if !known {
		seen := map[string]bool{}
		n.peel(rendered.name, make([]bool, len(n.affixes)), func(name string) {
			if !seen[name] {
				seen[name] = true
				found = append(found, n.documents[title{rendered.group, rendered.kind, name}]...)
			}
		})
		n.known[rendered] = found
	}
	return found
}

// peel yields a name without any of the affixes, then without each that may be
// the outermost, and so on.
func (n *names) peel(name string, used []bool, yield func(string)) {
	yield(name)
	for i, a := range n.affixes {
		if n.left--; n.left < 0 {
			return
		}
		bare, ok := strings.CutPrefix(name, a.prefix)
		if !ok || used[i] {
			continue
		}
		if bare, ok = strings.CutSuffix(bare, a.suffix); ok {
			used[i] = true
			n.peel(bare, used, yield)
			used[i] = false
		}
	}
}

// tell reports whether the name of each result tells which document it was
// written in.
func (n *names) tell(results resmap.ResMap) bool {
	for _, r := range results.Resources() {
		if len(n.of(title{r.GetGvk().Group, r.GetKind(), r.GetName()})) != 1 || n.left < 0 {
			return false
		}
	}
	return true
}
