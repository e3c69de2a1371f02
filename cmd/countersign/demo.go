package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/server/demo"
)

func (p *program) demoCommand() *cobra.Command {
	var play bool
	c := &cobra.Command{
		Use:   "demo",
		Short: "See it at work: a GitHub with a fleet on this machine, no account needed",
		Long: `Starts a GitHub on loopback with a small fleet and four open pull requests (one
clean, one that breaks a guideline, one that waits for a second approval, one
hostile) and the bot beside it. In a terminal you approve, comment, push and merge
yourself; elsewhere, or with --play, the story plays by itself.`,
		Example: "  countersign demo\n  countersign demo --play",
		Args:    exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) (err error) {
			d, err := demo.Start(
				c.Context(),
				demo.Options{Version: version(), RenderArgs: []string{renderChild}, Out: p.stdout},
			)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, d.Close()) }()
			if play || !p.terminal || !isTerminal(os.Stdin) {
				return d.Walk(c.Context())
			}
			return d.Talk(c.Context(), os.Stdin)
		},
	}
	c.Flags().BoolVar(&play, "play", false, "play the whole story without asking")
	return c
}
