package graph

import "slices"

// Bounds of inherited names: what has more, or longer ones, goes by its own.
const (
	maxNames = 16
	maxName  = 1024 // bytes
)

// Namer says that a place goes by another one's names.
type Namer struct {
	By   int    // the index of the place that names it
	Name string // added to each name; "" adds nothing
}

// Names lists, for each place, the names that it inherits from those that name
// it, sorted. A place that nothing names, or only itself in the end, goes by
// its own name. Chains and circles are the author's; neither makes the answer
// grow without bound.
func Names(own []string, namers [][]Namer) [][]string {
	n := naming{own, namers, make([][]string, len(own)), make([]bool, len(own))}
	for i := range own {
		n.of(i)
	}
	return n.known
}

type naming struct {
	own    []string
	namers [][]Namer
	known  [][]string
	open   []bool // being worked out: naming that comes back here says nothing
}

func (n *naming) of(i int) []string {
	if n.known[i] != nil {
		return n.known[i]
	}
	n.open[i] = true
	var names []string
	for _, namer := range n.namers[i] {
		if n.open[namer.By] {
			continue
		}
		for _, name := range n.of(namer.By) {
			if namer.Name != "" {
				name += " → " + namer.Name
			}
			if len(name) <= maxName {
				names = append(names, name)
			}
		}
	}
	n.open[i] = false
	slices.Sort(names)
	names = slices.Compact(names)
	if len(names) == 0 || len(names) > maxNames {
		names = []string{n.own[i]}
	}
	n.known[i] = names
	return names
}
