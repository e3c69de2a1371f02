package render

import (
	"context"
	"fmt"
	"strings"
)

// Chain is the shortest way on which a root comes to look at a path.
type Chain struct {
	Root  string
	Steps []Step
}

// Step is one reference of a chain.
type Step struct {
	// To is where it leads, from the repository's top.
	To string
	// Field and Written are the kustomization's field and its text; "" where
	// the step is no reference: a file of a plain root, a symlink, a name
	// that kustomize looks for.
	Field, Written string
	// Source is the reference's line; zero where there is none.
	Source Source
}

// String writes the chain as a person reads it:
// clusters/eu-1 → ../base (resources, line 3) → deploy.yaml (resources, line 2).
// Names are the author's; they are quoted where they are not plain.
func (c Chain) String() string {
	var b strings.Builder
	b.WriteString(plain(c.Root))
	for _, step := range c.Steps {
		if step.Field == "" {
			b.WriteString(" → " + plain(step.To))
			continue
		}
		fmt.Fprintf(&b, " → %s (%s, line %d)", plain(step.Written), plain(step.Field), step.Source.Line)
	}
	return b.String()
}

// plain quotes a name unless it is printable and cannot be taken for more than
// a name.
func plain(name string) string {
	if quoted := fmt.Sprintf("%q", name); quoted != `"`+name+`"` || name == "" || strings.Contains(name, " → ") {
		return quoted
	}
	return name
}

// Why says which judged roots look at a path, and how each comes to it; sorted
// by root. The path need not exist: what a build would take if it were there
// matters, too.
func (s *RootSet) Why(name string) []Chain {
	var chains []Chain
	for _, root := range s.Roots {
		if root.Kind != RootKustomize {
			if looks := s.graph.looksOf(root); looks.See(name) {
				chains = append(chains, Chain{Root: root.Path, Steps: []Step{{To: name}}})
			}
			continue
		}
		links, ok := s.graph.nodes.Chain(root.Path, name)
		if !ok {
			continue
		}
		chain := Chain{Root: root.Path}
		for _, link := range links {
			step := Step{To: link.To, Field: link.Field, Written: link.Text, Source: Source{link.File, link.Line}}
			chain.Steps = append(chain.Steps, step)
		}
		chains = append(chains, chain)
	}
	return chains
}

// Why is [RootSet.Why] for a tree that is not searched yet. Errors are those of
// [Roots].
func Why(ctx context.Context, builder Builder, tree Tree, opts Options, name string) ([]Chain, error) {
	set, err := Roots(ctx, builder, tree, opts)
	if err != nil {
		return nil, err
	}
	return set.Why(name), nil
}
