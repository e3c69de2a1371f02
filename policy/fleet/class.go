package fleet

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fleet/classpatch"
	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
	"github.com/countersign-dev/countersign/render"
)

// seat is a place in a ClusterClass that a template sits in.
type seat struct {
	class *node
	match string // the key of matchResources that selects it
	name  string // the worker class, for the two worker seats
}

// Past these bounds patches count as one that cannot be computed: maxWrites
// bounds what the patches of a class say of one template, classBudget how many
// comparisons of patches with templates a whole side may take.
const (
	maxWrites   = 1024
	classBudget = 2_000_000
)

// readClasses reads the patches of the classes. Those that cost least are
// read first, so that an excessive class spends no other's share; one that is
// left out may write everything.
func (ix *Index) readClasses() {
	type cost struct {
		class   *node
		patches []classpatch.Patch
		work    int
	}
	var costs []cost
	for _, n := range ix.nodes {
		if !isClass(n) {
			continue
		}
		seats := 0
		for _, l := range n.links {
			seats += len(l.targets)
		}
		patches := classpatch.Read(n.object, func(at render.Path) render.Source { return sourceOf(n.res, at) })
		costs = append(costs, cost{n, patches, seats * classpatch.Work(patches)})
	}
	slices.SortStableFunc(costs, func(a, b cost) int { return cmp.Compare(a.work, b.work) })
	left := classBudget
	for _, c := range costs {
		if left -= c.work; left < 0 {
			return
		}
		ix.patches[c.class] = c.patches
	}
}

func isClass(n *node) bool {
	return n.spot.Group == reference.GroupCluster && n.spot.Kind == "ClusterClass"
}

// classWrites returns what the patches of ClusterClasses write into a
// template, by class and in the order of its patches.
func (ix *Index) classWrites(n *node) []engine.ClassWrite {
	var seats []seat
	direct := false // used without a class as well: no patch is certain
	for _, u := range ix.usersOf(n.spot) {
		switch {
		case !u.ofClass():
			direct = true
		case u.node == nil: // more classes than are told apart
			return []engine.ClassWrite{anything(engine.ClassWrite{Source: n.res.Source})}
		case u.link.role != reference.RoleRemediation:
			seats = append(seats, seatOf(u.node, u.link))
		}
	}
	slices.SortStableFunc(seats, func(a, b seat) int {
		return cmp.Or(strings.Compare(classTitle(a.class), classTitle(b.class)),
			strings.Compare(a.class.spot.destination, b.class.spot.destination),
			strings.Compare(a.class.root.Path, b.class.root.Path))
	})
	var writes []engine.ClassWrite
	for from := 0; from < len(seats); {
		to := from + 1
		for to < len(seats) && seats[to].class == seats[from].class {
			to++
		}
		writes = append(writes, ix.patchesOf(n, seats[from:to], len(seats))...)
		from = to
	}
	undo(writes)
	for i := range writes {
		writes[i].Conditional = writes[i].Conditional || direct
	}
	return writes
}

func classTitle(class *node) string {
	return cmp.Or(class.res.Namespace, "default") + "/" + class.res.Name
}

// seatOf returns where a link of a class puts its target.
func seatOf(class *node, l *link) seat {
	s := seat{class: class}
	switch l.path[1] {
	case "infrastructure":
		s.match = classpatch.SeatInfra
	case "controlPlane":
		s.match = classpatch.SeatControlPlane
	case "workers":
		s.match = classpatch.SeatDeployment
		if l.path[2] == "machinePools" {
			s.match = classpatch.SeatPool
		}
		worker, _ := render.Lookup(class.object, l.path[:4])
		s.name = field.Text(worker, "class")
	}
	return s
}

// patchesOf returns the writes of one class into a template in some of its
// seats. A patch that selects only some of all the template's seats is
// conditional: the others go without.
func (ix *Index) patchesOf(template *node, seats []seat, all int) []engine.ClassWrite {
	class := seats[0].class
	patches, read := ix.patches[class]
	if !read {
		return []engine.ClassWrite{anything(engine.ClassWrite{Class: classTitle(class), Source: class.res.Source})}
	}
	var writes []engine.ClassWrite
	for _, p := range patches {
		base := engine.ClassWrite{Class: classTitle(class), Patch: p.Name, Source: p.Source}
		if p.External || len(writes) > maxWrites {
			writes = append(writes, anything(base))
			continue
		}
		for _, d := range p.Definitions {
			hits := 0
			for _, s := range seats {
				if d.Of(template.spot.Identity) && d.Selects(s.match, s.name) {
					hits++
				}
			}
			if hits == 0 {
				continue
			}
			base.Conditional = p.Conditional || hits < all
			for _, step := range d.Steps {
				if writes = append(writes, writeOf(template, step, base)); len(writes) > maxWrites {
					return append(writes, anything(base))
				}
			}
		}
	}
	return writes
}

// anything is the write of what cannot be computed: it may change all of the
// template.
func anything(base engine.ClassWrite) engine.ClassWrite {
	base.Path, base.Op, base.Conditional = field.Path("spec", "template", "spec"), "external", true
	return base
}

// writeOf reads one step of a patch.
func writeOf(template *node, step classpatch.Step, base engine.ClassWrite) engine.ClassWrite {
	base.Source = step.Source
	path, ok := classpatch.Pointer(step.Path, template.object)
	if !ok {
		return anything(base)
	}
	base.Op, base.Path = step.Op, path
	base.Conditional = base.Conditional || step.Empty
	return base
}

// undo makes a write conditional where a later patch of its class may take
// back what it sets: by removing it, or by writing what is around it.
func undo(writes []engine.ClassWrite) {
	last, removed := map[string]int{}, map[string]int{}
	keys := make([]string, len(writes))
	around := make([][]int, len(writes)) // where in a key the paths around it end
	for i, w := range writes {
		if w.Op == "external" {
			continue
		}
		keys[i], around[i] = writeKey(w)
		last[keys[i]] = i
		if w.Op == "remove" {
			removed[keys[i]] = i
		}
	}
	for i, w := range writes {
		later := removed[keys[i]] > i
		for _, end := range around[i] {
			later = later || last[keys[i][:end]] > i
		}
		writes[i].Conditional = w.Conditional || later
	}
}

// writeKey returns a text that begins with those of the paths around it.
func writeKey(w engine.ClassWrite) (key string, around []int) {
	text := []byte(w.Class)
	for i, step := range w.Path {
		if i > 0 {
			around = append(around, len(text))
		}
		text = fmt.Appendf(append(text, 0), "%v", step)
	}
	return string(text), around
}

// sourceOf returns where a field of a resource was written: its own line, else
// that of the nearest field around it, else the resource's.
func sourceOf(res *render.Resource, path render.Path) render.Source {
	for ; len(path) > 0; path = path[:len(path)-1] {
		i, ok := slices.BinarySearchFunc(res.Positions, path, func(p render.Position, path render.Path) int {
			return p.Path.Compare(path)
		})
		if ok {
			return res.Positions[i].Source
		}
	}
	return res.Source
}
