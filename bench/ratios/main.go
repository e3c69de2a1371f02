// Command ratios measures the program against kustomize and conftest, and
// against itself on other sizes of fleet, in one run on one machine. Each line
// of its table says what was asked for and whether it is reached.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"github.com/countersign-dev/countersign/bench/joined"
	"github.com/countersign-dev/countersign/render/child"
)

// options are what the program is told.
type options struct {
	clusters, huge, large, small int
	runs, sample                 int
	bin                          string
	only                         *regexp.Regexp
}

func main() {
	child.Enter(joined.RenderChild)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "ratios:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("ratios", flag.ContinueOnError)
	flags.IntVar(&o.clusters, "clusters", 1000, "clusters of the fleet that most lines measure on")
	flags.IntVar(&o.huge, "huge", 0, "clusters of the largest fleet (default: 5 × -clusters)")
	flags.IntVar(&o.large, "large", 0, "clusters of the larger of two fleets compared (default: 4 × -clusters)")
	flags.IntVar(&o.small, "small", 40, "clusters of the smaller one")
	flags.IntVar(&o.runs, "runs", 5, "how often each thing is measured: the median is shown")
	flags.IntVar(&o.sample, "sample", 40, "of many roots the peer does so many, and the rest is reckoned")
	flags.StringVar(&o.bin, "bin", "", "folder with kustomize and conftest (default: install them into a cache folder)")
	only := flags.String("only", "", "measure only the lines whose key matches this expression")
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), "usage: go run ./bench/ratios [flags]\n\nKeys of the lines:")
		for _, line := range lines {
			fmt.Fprint(flags.Output(), " ", line.key)
		}
		fmt.Fprint(flags.Output(), "\n\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if o.huge == 0 {
		o.huge = 5 * o.clusters
	}
	if o.large == 0 {
		o.large = 4 * o.clusters
	}
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return o, fmt.Errorf("-only: %w", err)
	}
	if flags.NArg() > 0 || min(o.clusters, o.huge, o.large, o.small, o.runs, o.sample) < 1 {
		return o, errors.New("numbers are 1 at least, and there are no arguments; -help lists the flags")
	}
	return o, nil
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	l, err := newLab(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.close()) }()
	l.introduce(out)
	for _, line := range lines {
		if !o.only.MatchString(line.key) {
			fmt.Fprintf(out, "%-10s left out by -only\n", line.key)
			continue
		}
		r, err := line.measure(ctx, l)
		if err != nil {
			return fmt.Errorf("%s: %w", line.key, err)
		}
		fmt.Fprintf(out, "%-10s %s\n%10s %s\n", line.key, line.what, "", r.measured)
		fmt.Fprintf(out, "%10s %s; asked for: %s: %s\n", "", r.result, line.want, r.verdict)
	}
	fmt.Fprintf(out, "load average at the end: %s\n", load())
	return nil
}
