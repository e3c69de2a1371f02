// Command fleet writes a made-up fleet of Cluster API clusters as a git
// repository, to measure on and to try things out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/countersign-dev/countersign/bench/synthetic"
)

func main() {
	err := run(context.Background(), os.Args[1:], os.Stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "fleet:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("fleet", flag.ContinueOnError)
	clusters := flags.Int("clusters", 100, "how many clusters")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), "usage: go run ./bench/fleet [-clusters N] DIR\n\nDIR must not exist yet.\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("one folder is needed: go run ./bench/fleet -clusters 100 /tmp/fleet")
	}
	dir := flags.Arg(0)
	if err := synthetic.Write(ctx, dir, *clusters); err != nil {
		return err
	}
	fmt.Fprintf(out, "%s: %d clusters, %d roots, branch %s and\n", dir, *clusters,
		len(synthetic.Roots(*clusters)), synthetic.Main)
	for _, branch := range synthetic.Branches(*clusters) {
		fmt.Fprintf(out, "  %-8s %s\n", branch.Name, branch.What)
	}
	return nil
}
