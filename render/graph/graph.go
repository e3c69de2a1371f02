package graph

import "slices"

// Graph is nodes by their folder.
type Graph map[string]*Node

// Node is a folder that uses things.
type Node struct {
	Links []Link
	Looks Looks
}

// Link is a reference of a node.
type Link struct {
	// To is where it leads, or would lead.
	To string
	// Node says that To is a node of the graph.
	Node bool
	// Uses says that it makes that node part of this one.
	Uses bool
	// Field and Text are what is written, in File at Line.
	Field, Text, File string
	Line              int
}

// Reach lists the nodes that one links to, directly or not, itself first.
func (g Graph) Reach(from string) []string {
	seen := map[string]bool{from: true}
	reached := []string{from}
	for i := 0; i < len(reached); i++ {
		for _, link := range g[reached[i]].Links {
			if link.Node && !seen[link.To] {
				seen[link.To] = true
				reached = append(reached, link.To)
			}
		}
	}
	return reached
}

// LooksOf is what a node and all that it reaches look at.
func (g Graph) LooksOf(from string) Looks {
	var all Looks
	for _, dir := range g.Reach(from) {
		all.Add(g[dir].Looks)
	}
	return all
}

// Touched are the nodes that see one of the changes, themselves or through
// what they reach.
func (g Graph) Touched(changes Changes) map[string]bool {
	users := map[string][]string{}
	touched := map[string]bool{}
	var pending []string
	for dir, node := range g {
		for _, link := range node.Links {
			if link.Node {
				users[link.To] = append(users[link.To], dir)
			}
		}
		if node.Looks.SeeAny(changes) {
			touched[dir] = true
			pending = append(pending, dir)
		}
	}
	for len(pending) > 0 {
		dir := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		for _, user := range users[dir] {
			if !touched[user] {
				touched[user] = true
				pending = append(pending, user)
			}
		}
	}
	return touched
}

// Chain is a shortest way from a node to one that looks at a path, and whether
// there is one. The last link leads to the path; it has no Field where the
// node looks at the path without naming it.
func (g Graph) Chain(from, name string) ([]Link, bool) {
	came := map[string]Link{from: {}}
	origin := map[string]string{}
	for pending := []string{from}; len(pending) > 0; pending = pending[1:] {
		dir := pending[0]
		if g[dir].Looks.See(name) {
			chain := []Link{g[dir].last(name)}
			for ; dir != from; dir = origin[dir] {
				chain = append(chain, came[dir])
			}
			slices.Reverse(chain)
			return chain, true
		}
		for _, link := range g[dir].Links {
			if _, ok := came[link.To]; link.Node && !ok {
				came[link.To], origin[link.To] = link, dir
				pending = append(pending, link.To)
			}
		}
	}
	return nil, false
}

// last is the link from a node that looks at a path to the path.
func (n *Node) last(name string) Link {
	for _, link := range n.Links {
		if link.To == name {
			return link
		}
	}
	return Link{To: name}
}
