package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/report"
	"github.com/countersign-dev/countersign/render/git"
)

// auditFlags are what audit is told.
type auditFlags struct {
	repo, rev, tree, format, config, failOn string
	all                                     bool
}

func (p *program) auditCommand() *cobra.Command {
	var f auditFlags
	c := &cobra.Command{
		Use:   "audit [PATH…]",
		Short: "Judge a whole fleet as it stands",
		Long: `Audit judges every root of a repository at a commit or, given paths, roots and
manifest files on disk, for which no git is needed.

Findings are those that stand today, so they fail the command only under
"baseline: strict" in the config or from --fail-on SEVERITY up.`,
		Example: `  countersign audit --repo .
  countersign audit --repo . --rev v1.4.0 --fail-on critical
  countersign audit clusters/eu-1 cluster.yaml`,
		RunE: func(c *cobra.Command, args []string) error {
			given := func(name string) bool { return c.Flags().Changed(name) }
			if (len(args) > 0 || given("tree")) && (given("repo") || given("rev")) {
				return usagef("audit takes --repo and --rev, or paths on disk and --tree, not both")
			}
			return p.audit(c.Context(), f, args)
		},
	}
	flags := c.Flags()
	flags.StringVar(&f.repo, "repo", ".", "the repository, or any folder in it")
	flags.StringVar(&f.rev, "rev", "HEAD", "the revision to judge")
	flags.StringVar(
		&f.tree,
		"tree",
		"",
		"with paths: the folder that bounds what they may read (default: the work tree, else this folder)",
	)
	flags.StringVar(&f.failOn, "fail-on", "", "exit 1 from this severity up: critical, high, medium, low")
	addReportFlags(flags, &f.format, &f.config, &f.all)
	return c
}

func (p *program) audit(ctx context.Context, f auditFlags, paths []string) (err error) {
	if err := checkFormat(f.format); err != nil {
		return err
	}
	if f.failOn != "" && engine.Severity(f.failOn).Rank() == 0 {
		return usagef("--fail-on %q is none of critical, high, medium, low", f.failOn)
	}
	s, err := p.newJudge(ctx)
	if err != nil {
		return err
	}
	defer s.close(&err)
	if err := s.withRules(); err != nil {
		return err
	}
	var assessment policy.Assessment
	if len(paths) > 0 || f.tree != "" {
		assessment, err = s.auditDisk(ctx, f, paths)
	} else {
		assessment, err = s.auditCommit(ctx, f)
	}
	if err != nil {
		return err
	}
	verdict := policy.Decide(assessment, policy.PullRequest{})
	p.exit = verdict.Exit()
	if p.exit == exitPass && f.failOn != "" && reaches(assessment, engine.Severity(f.failOn)) {
		p.exit = exitBlocked
	}
	return p.write(report.New(assessment, verdict, f.all), f.format)
}

// reaches reports whether a finding that is not waived is at least that severe.
func reaches(a policy.Assessment, severity engine.Severity) bool {
	return slices.ContainsFunc(a.Findings, func(f policy.Finding) bool {
		return f.Waiver == nil && f.Severity.Rank() >= severity.Rank()
	})
}

func (s *session) auditCommit(ctx context.Context, f auditFlags) (policy.Assessment, error) {
	defer s.program.progress("judging " + f.rev)()
	if err := s.inRepo(ctx, f.repo); err != nil {
		return policy.Assessment{}, err
	}
	given, err := s.givenConfig(ctx, f.config)
	if err != nil {
		return policy.Assessment{}, err
	}
	commit, err := s.repo.Commit(ctx, f.rev)
	if err != nil {
		return policy.Assessment{}, fmt.Errorf("--rev: %w", err)
	}
	return s.assessor.Audit(ctx, revision(f.rev, commit), s.repo.Tree(commit.Tree), given)
}

func (s *session) auditDisk(ctx context.Context, f auditFlags, paths []string) (policy.Assessment, error) {
	defer s.program.progress("judging")()
	top, err := bound(f.tree, paths)
	if err != nil {
		return policy.Assessment{}, err
	}
	within, err := relative(top, paths)
	if err != nil {
		return policy.Assessment{}, err
	}
	if s.folder, err = git.Folder(top, git.Options{}); err != nil {
		return policy.Assessment{}, err
	}
	given, err := s.givenConfig(ctx, f.config)
	if err != nil {
		return policy.Assessment{}, err
	}
	assessment, err := s.assessor.Audit(ctx, policy.Revision{Rev: strings.Join(paths, " ")}, s.folder, given, within...)
	if errors.Is(err, fs.ErrNotExist) {
		return assessment, usagef("%w: an empty folder and a link to nowhere hold nothing to judge", err)
	}
	return assessment, err
}

// bound is the folder that paths may read from: the one given, else the git
// work tree around the first path, else the current folder.
func bound(given string, paths []string) (string, error) {
	if given != "" {
		return filepath.Abs(given)
	}
	dir, err := filepath.Abs(paths[0])
	if err != nil {
		return "", fmt.Errorf("find %s: %w", paths[0], err)
	}
	for ; filepath.Dir(dir) != dir; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir, nil
		}
	}
	return os.Getwd()
}

// relative writes paths as the tree names them.
func relative(top string, paths []string) ([]string, error) {
	real, err := filepath.EvalSymlinks(top)
	if err != nil {
		return nil, usagef("%w", err)
	}
	within := make([]string, 0, len(paths))
	for _, path := range paths {
		absolute, err := filepath.Abs(path)
		if err != nil {
			return nil, fmt.Errorf("find %s: %w", path, err)
		}
		if _, err := os.Lstat(absolute); err != nil {
			return nil, usagef("%s: %w", path, errors.Unwrap(err))
		}
		if folder, err := filepath.EvalSymlinks(filepath.Dir(absolute)); err == nil {
			absolute = filepath.Join(folder, filepath.Base(absolute))
		}
		inside, err := filepath.Rel(real, absolute)
		if err != nil || inside == ".." || strings.HasPrefix(inside, "../") {
			return nil, usagef("%s lies outside %s; name a folder that holds both with --tree DIR", path, top)
		}
		if inside == "." {
			inside = ""
		}
		within = append(within, filepath.ToSlash(inside))
	}
	return within, nil
}
