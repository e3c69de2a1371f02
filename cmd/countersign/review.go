package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/pull"
	"github.com/countersign-dev/countersign/policy/report"
	"github.com/countersign-dev/countersign/render/git"
)

// reviewFlags are what review is told.
type reviewFlags struct {
	repo, base, head, pull, format, config, now string
	all                                         bool
}

func (p *program) reviewCommand() *cobra.Command {
	var f reviewFlags
	c := &cobra.Command{
		Use:   "review --base REV --head REV",
		Short: "Judge a change as a pull request would be",
		Long: `Review judges the merge of HEAD into the tip of BASE: what changes in the clusters,
which guidelines it would break, and whether it needs two people.

Without --pull it says what approvals would be needed. With --pull it decides: a folder
of GitHub's own JSON as "gh api" returns it, or one YAML file of the same facts
(docs/pull.md shows both).`,
		Example: `  countersign review --base main --head my-branch
  countersign review --repo ../fleet --base origin/main --head HEAD --format markdown
  countersign review --base main --head pr-12 --pull pr-12.yaml`,
		Args: exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error { return p.review(c.Context(), f) },
	}
	flags := c.Flags()
	flags.StringVar(&f.repo, "repo", ".", "the repository, or any folder in it")
	flags.StringVar(&f.base, "base", "", "the revision that the change would be merged into (needed)")
	flags.StringVar(&f.head, "head", "", "the revision of the change (needed)")
	flags.StringVar(
		&f.pull,
		"pull",
		"",
		"a folder of GitHub's JSON or a YAML file: who wrote, pushed and reviewed it",
	)
	flags.StringVar(&f.now, "now", "", "the moment to decide at, as 2026-01-31T12:00:00Z (default: now)")
	addReportFlags(flags, &f.format, &f.config, &f.all)
	return c
}

func (p *program) review(ctx context.Context, f reviewFlags) (err error) {
	if f.base == "" || f.head == "" {
		return usagef("review needs --base REV and --head REV; countersign review --help shows an example")
	}
	if err := checkFormat(f.format); err != nil {
		return err
	}
	if _, err := os.Stat(f.pull); f.pull != "" && err != nil {
		return usagef("--pull: %w", err)
	}
	now, err := moment(f.now)
	if err != nil {
		return err
	}
	s, err := p.newJudge(ctx)
	if err != nil {
		return err
	}
	defer s.close(&err)
	assessment, err := s.assess(ctx, f)
	if err != nil {
		return err
	}
	var people policy.PullRequest
	if f.pull != "" {
		people, err = pull.Read(
			ctx,
			s.pool,
			f.pull,
			pull.Subject{Assessment: assessment, Now: now, Neutral: s.neutral},
		)
		if err != nil {
			return err
		}
	}
	verdict := policy.Decide(assessment, people)
	p.exit = verdict.Exit()
	return p.write(report.New(assessment, verdict, f.all), f.format)
}

// assess judges what the head would make of the base.
func (s *session) assess(ctx context.Context, f reviewFlags) (policy.Assessment, error) {
	defer s.program.progress("judging " + f.head)()
	sides, err := s.sides(ctx, f)
	if err != nil {
		return policy.Assessment{}, err
	}
	if err := s.withRules(); err != nil {
		return policy.Assessment{}, err
	}
	if sides.Config, err = s.givenConfig(ctx, f.config); err != nil {
		return policy.Assessment{}, err
	}
	return s.assessor.Review(ctx, sides)
}

// sides opens the repository, resolves the revisions and merges them.
func (s *session) sides(ctx context.Context, f reviewFlags) (policy.Sides, error) {
	if err := s.inRepo(ctx, f.repo); err != nil {
		return policy.Sides{}, err
	}
	base, err := s.repo.Commit(ctx, f.base)
	if err != nil {
		return policy.Sides{}, fmt.Errorf("--base: %w", err)
	}
	head, err := s.repo.Commit(ctx, f.head)
	if err != nil {
		return policy.Sides{}, fmt.Errorf("--head: %w", err)
	}
	merged, err := s.repo.Merge(ctx, base, head)
	if err != nil {
		return policy.Sides{}, err
	}
	sides := policy.Sides{
		Base:      revision(f.base, base),
		Head:      revision(f.head, head),
		BaseTree:  s.repo.Tree(base.Tree),
		Conflicts: merged.Conflicts,
		All:       f.all,
	}
	if merged.Tree != "" {
		sides.MergedTree = s.repo.Tree(merged.Tree)
	}
	return sides, nil
}

// neutral reports whether a commit is the merge that git itself would make of
// its two parents: such a commit adds nothing of its own.
func (s *session) neutral(ctx context.Context, sha string) bool {
	merge, err := s.repo.Commit(ctx, sha)
	if err != nil || len(merge.Parents) != 2 {
		return false
	}
	first, err := s.repo.Commit(ctx, merge.Parents[0])
	if err != nil {
		return false
	}
	second, err := s.repo.Commit(ctx, merge.Parents[1])
	if err != nil {
		return false
	}
	merged, err := s.repo.Merge(ctx, first, second)
	return err == nil && merged.Tree == merge.Tree
}

func revision(rev string, c git.Commit) policy.Revision {
	return policy.Revision{Rev: rev, Commit: c.ID, Tree: c.Tree}
}

// flagSet is the part of a command's flags that reports share.
type flagSet interface {
	StringVar(p *string, name, value, usage string)
	BoolVar(p *bool, name string, value bool, usage string)
}

func addReportFlags(flags flagSet, format, config *string, all *bool) {
	flags.StringVar(format, "format", "text", strings.Join(formats, ", "))
	flags.StringVar(config, "config", "", "settings to use instead of the repository's .countersign.yaml")
	flags.BoolVar(all, "all", false, "list existing findings and unchanged roots in full")
}

func checkFormat(format string) error {
	if !slices.Contains(formats, format) {
		return usagef("--format %q is none of %s", format, strings.Join(formats, ", "))
	}
	return nil
}

func moment(text string) (time.Time, error) {
	if text == "" {
		return time.Now().UTC(), nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, usagef("--now %q is not a moment such as 2026-01-31T12:00:00Z", text)
	}
	return at.UTC(), nil
}
