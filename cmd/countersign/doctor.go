package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/countersign-dev/countersign/server/doctor"
	"github.com/countersign-dev/countersign/server/settings"
)

func (p *program) doctorCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Examine the App's installation, each line with what to do",
		Long: `Examines what serve needs: the App's key and id, the clock, the webhook with a
signed test delivery, permissions and events, the repositories and their rulesets
(printed ready to apply), the store, and the walls around the render child, which
it attacks. Exit status 0 only when all of it holds.`,
		Example: "  countersign doctor --config /etc/countersign/server.yaml",
		Args:    exactly(0, "no arguments"),
		RunE: func(c *cobra.Command, _ []string) error {
			s, err := settings.Load(file, p.environ)
			if err != nil {
				return usageError{err}
			}
			ok := doctor.Examine(c.Context(), doctor.Options{Settings: s, Version: version(),
				RenderArgs: []string{renderChild}}, p.line)
			if !ok {
				p.exit = exitBlocked
			}
			return nil
		},
	}
	c.Flags().StringVar(&file, "config", "", "the server's own settings; COUNTERSIGN_* variables win over it")
	return c
}

// line writes one thing that the doctor looked at.
func (p *program) line(l doctor.Line) {
	mark := "✓"
	if !l.OK {
		mark = "✗"
	}
	fmt.Fprintf(p.stdout, "%s %s\n", mark, printable(l.What))
	if l.Remedy != "" {
		fmt.Fprintf(p.stdout, "  → %s\n", printable(l.Remedy))
	}
	if l.Paste != "" {
		fmt.Fprintln(p.stdout, l.Paste)
	}
}
