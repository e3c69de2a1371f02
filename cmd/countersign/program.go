package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/countersign-dev/countersign/render/git"
)

// The exit statuses that scripts rely on.
const (
	exitPass     = 0
	exitBlocked  = 1 // a finding blocks or approvals are missing
	exitUnjudged = 2 // something could not be judged
	exitUsage    = 3 // wrong usage, a bad revision or an invalid file given on the command line
)

// program is one run of the command line with all that is outside of it.
type program struct {
	args           []string
	stdout, stderr io.Writer
	getenv         func(string) string
	environ        []string // KEY=value each, for the server's settings
	// terminal says that stdout is a person's.
	terminal bool
	// exit is what the command that ran came to.
	exit int
}

// usageError is a mistake of who typed the command.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }

// run runs one command and returns the exit status. What went wrong is on
// stderr, one paragraph, with what to do.
func (p *program) run(ctx context.Context) int {
	root := p.command()
	root.SetArgs(p.args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return p.exit
	}
	fmt.Fprintf(p.stderr, "countersign: %s\n", sentence(err))
	if isUsage(err) {
		return exitUsage
	}
	return exitUnjudged
}

// isUsage reports whether who typed the command can mend it.
func isUsage(err error) bool {
	if _, ok := errors.AsType[usageError](err); ok {
		return true
	}
	_, revision := errors.AsType[*git.RevisionError](err)
	_, setup := errors.AsType[*git.SetupError](err)
	return revision || setup
}

// sentence makes an error fit for a terminal: characters of names that it
// quotes, and that do not show or turn the text around, are gone.
func sentence(err error) string { return printable(err.Error()) }

func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, text)
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

func (p *program) command() *cobra.Command {
	root := &cobra.Command{
		Use:   "countersign",
		Short: "Review changes to Cluster API fleets before they reach a cluster",
		Long: `Countersign renders the Kustomize manifests of both sides of a change, judges the
clusters that they describe by the security guidelines for Cluster API users, and
says which changes need two people.

Exit status: 0 passes, 1 a finding blocks or approvals are missing, 2 something
could not be judged, 3 wrong usage.`,
		Example: `  countersign review --repo . --base main --head my-branch
  countersign audit --repo .
  countersign rules show CS-SSH-001`,
		SilenceErrors: true, SilenceUsage: true,
		RunE: onlyHelp, Args: cobra.ArbitraryArgs,
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usagef("%w; %s --help shows the flags", err, c.CommandPath())
	})
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(p.reviewCommand(), p.auditCommand(), p.rootsCommand(), p.buildCommand(),
		p.rulesCommand(), p.configCommand(), p.serveCommand(), p.demoCommand(),
		p.doctorCommand(), p.versionCommand())
	return root
}

// onlyHelp is a command that only holds others: it shows them, and refuses what
// is none of them.
func onlyHelp(c *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("there is no command %q; %s --help lists them", args[0], c.CommandPath())
	}
	return c.Help()
}

// exactly refuses any other number of arguments, kindly.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != n {
			return usagef("%s takes %s; %s --help shows an example", c.CommandPath(), what, c.CommandPath())
		}
		return nil
	}
}
