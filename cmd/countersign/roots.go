package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/yaml"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/render"
)

// rootsFlags are what roots is told.
type rootsFlags struct {
	repo, rev, changed, why string
}

func (p *program) rootsCommand() *cobra.Command {
	var f rootsFlags
	c := &cobra.Command{
		Use:   "roots",
		Short: "List the roots of a repository, and what a change or a path means to them",
		Long: `Roots lists what a deployer would apply: folders with a kustomization that no other
one uses, folders of plain manifests, and what Flux and Argo CD objects name.

With --changed it lists the roots that a change can reach; with --why the roots that
look at a path, and how each comes to it.`,
		Example: `  countersign roots
  countersign roots --changed main..my-branch
  countersign roots --why bases/cluster/cluster.yaml`,
		Args: exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error { return p.roots(c.Context(), f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.repo, "repo", ".", "the repository, or any folder in it")
	flags.StringVar(&f.rev, "rev", "HEAD", "the revision to look at")
	flags.StringVar(&f.changed, "changed", "", "BASE..HEAD: only roots that this change can reach")
	flags.StringVar(&f.why, "why", "", "a path: only roots that look at it, each with the way to it")
	return c
}

func (p *program) roots(ctx context.Context, f rootsFlags) (err error) {
	if f.changed != "" && f.why != "" {
		return usagef("roots takes --changed or --why, not both")
	}
	s, err := p.newSession(ctx)
	if err != nil {
		return err
	}
	defer s.close(&err)
	if err := s.inRepo(ctx, f.repo); err != nil {
		return err
	}
	if err := s.withRules(); err != nil {
		return err
	}
	if f.changed != "" {
		return s.changedRoots(ctx, f.changed)
	}
	commit, err := s.repo.Commit(ctx, f.rev)
	if err != nil {
		return fmt.Errorf("--rev: %w", err)
	}
	tree := s.repo.Tree(commit.Tree)
	options, err := s.options(ctx, tree)
	if err != nil {
		return err
	}
	set, err := render.Roots(ctx, s.pool, tree, options)
	if err != nil {
		return err
	}
	if f.why != "" {
		return p.why(set, f.why)
	}
	return p.listRoots(set.Roots)
}

// options are what the tree's own config says of its roots.
func (s *session) options(ctx context.Context, tree render.Tree) (render.Options, error) {
	c, mistakes, err := s.settings().Of(ctx, tree)
	if err != nil {
		return render.Options{}, err
	}
	if len(mistakes) > 0 {
		return render.Options{}, mistakesError(mistakes)
	}
	return policy.RenderOptions(c), nil
}

func (p *program) listRoots(roots []render.Root) error {
	for _, root := range roots {
		line := display(root.Path)
		if root.Kind != render.RootKustomize {
			line += "  (" + string(root.Kind) + ")"
		}
		if root.Destination != root.Path {
			line += "  → " + display(root.Destination)
		}
		if _, err := fmt.Fprintln(p.stdout, line); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) why(set *render.RootSet, path string) error {
	chains := set.Why(strings.TrimSuffix(strings.TrimPrefix(path, "./"), "/"))
	if len(chains) == 0 {
		_, err := fmt.Fprintf(p.stdout, "no root looks at %s\n", display(path))
		return err
	}
	for _, chain := range chains {
		if _, err := fmt.Fprintln(p.stdout, chain.String()); err != nil {
			return err
		}
	}
	return nil
}

func (s *session) changedRoots(ctx context.Context, changed string) error {
	from, to, ok := strings.Cut(changed, "..")
	if !ok || from == "" || to == "" || strings.HasPrefix(to, ".") {
		return usagef("--changed %q is not BASE..HEAD", changed)
	}
	base, err := s.repo.Commit(ctx, from)
	if err != nil {
		return fmt.Errorf("--changed: %w", err)
	}
	head, err := s.repo.Commit(ctx, to)
	if err != nil {
		return fmt.Errorf("--changed: %w", err)
	}
	merged, err := s.repo.Merge(ctx, base, head)
	if err != nil {
		return err
	}
	if len(merged.Conflicts) > 0 {
		return fmt.Errorf(
			"%s and %s conflict in %s; merge or rebase first",
			from,
			to,
			strings.Join(merged.Conflicts, ", "),
		)
	}
	baseTree := s.repo.Tree(base.Tree)
	options, err := s.options(ctx, baseTree)
	if err != nil {
		return err
	}
	compared, err := render.Compare(ctx, s.pool, baseTree, s.repo.Tree(merged.Tree), options)
	if err != nil {
		return err
	}
	roots := slices.Concat(compared.Base.Roots, compared.Head.Roots)
	slices.SortStableFunc(roots, func(a, b render.Root) int { return strings.Compare(a.Path, b.Path) })
	roots = slices.CompactFunc(roots, func(a, b render.Root) bool { return a.Path == b.Path })
	return s.program.listRoots(slices.DeleteFunc(roots, func(r render.Root) bool {
		return !slices.Contains(compared.Affected, r.Path)
	}))
}

// display writes a name from the tree for a terminal; the top is ".".
func display(path string) string {
	if path == "" {
		return "."
	}
	if quoted := fmt.Sprintf("%q", path); quoted != `"`+path+`"` {
		return quoted
	}
	return path
}

func (p *program) buildCommand() *cobra.Command {
	var repo, rev string
	c := &cobra.Command{
		Use:   "build ROOT",
		Short: "Print what one root becomes",
		Long: `Build renders one root as a review does and prints its objects as YAML. Values of
secrets are not shown.`,
		Example: `  countersign build clusters/eu-1
  countersign build --rev v1.4.0 clusters/eu-1`,
		Args: exactly(1, "one root"),
		RunE: func(c *cobra.Command, args []string) error { return p.build(c.Context(), repo, rev, args[0]) },
	}
	c.Flags().StringVar(&repo, "repo", ".", "the repository, or any folder in it")
	c.Flags().StringVar(&rev, "rev", "HEAD", "the revision to render")
	return c
}

func (p *program) build(ctx context.Context, repo, rev, path string) (err error) {
	s, err := p.newSession(ctx)
	if err != nil {
		return err
	}
	defer s.close(&err)
	if err := s.inRepo(ctx, repo); err != nil {
		return err
	}
	commit, err := s.repo.Commit(ctx, rev)
	if err != nil {
		return fmt.Errorf("--rev: %w", err)
	}
	compared, err := render.AuditPaths(ctx, s.pool, s.repo.Tree(commit.Tree), []string{cleanRoot(path)})
	if errors.Is(err, fs.ErrNotExist) {
		return usagef("there is no %s at %s; countersign roots lists what there is", display(path), rev)
	}
	if err != nil {
		return err
	}
	for _, root := range compared.Head.Roots {
		if err := p.printBuild(compared.Head.Builds[root.Path]); err != nil {
			return err
		}
	}
	return nil
}

func cleanRoot(path string) string {
	path = strings.TrimSuffix(strings.TrimPrefix(path, "./"), "/")
	if path == "." {
		return ""
	}
	return path
}

func (p *program) printBuild(build render.Build) error {
	if build.Problem != nil {
		return mistakesError([]render.Problem{*build.Problem})
	}
	for _, resource := range build.Resources {
		if resource.Local {
			continue
		}
		text, err := yaml.Marshal(policy.Shown(resource.Object))
		if err != nil {
			return fmt.Errorf("write %s/%s: %w", resource.Kind, resource.Name, err)
		}
		if p.terminal {
			text = []byte(printable(string(text)))
		}
		if _, err := fmt.Fprintf(p.stdout, "---\n%s", text); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) configCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "config", Short: "Check a repository's settings", RunE: onlyHelp, Args: cobra.ArbitraryArgs,
	}
	c.AddCommand(&cobra.Command{
		Use:     "validate FILE",
		Short:   "Say what is wrong with a .countersign.yaml, with the line of each mistake",
		Example: "  countersign config validate .countersign.yaml",
		Args:    exactly(1, "one file"),
		RunE:    func(c *cobra.Command, args []string) error { return p.validate(c.Context(), args[0]) },
	})
	return c
}

func (p *program) validate(ctx context.Context, file string) (err error) {
	s, err := p.newSession(ctx)
	if err != nil {
		return err
	}
	defer s.close(&err)
	if err := s.withRules(); err != nil {
		return err
	}
	c, err := s.givenConfig(ctx, file)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s is right: %s\n", display(file), settingsLine(*c))
	return err
}

// settingsLine is the config in a line, for somebody who wants to see that it
// says what they meant.
func settingsLine(c config.Config) string {
	return fmt.Sprintf(
		"mode %s, baseline %s, %d approvals, %d rules adjusted",
		c.Mode,
		c.Baseline,
		c.Approvals.Required,
		len(c.Rules),
	)
}
