// Command app measures the App as a whole: the real server over HTTP, a
// stateful GitHub on loopback that answers at once, real git, SQLite with
// fsync. It prints what was asked for and what was reached.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/countersign-dev/countersign/bench/joined"
	"github.com/countersign-dev/countersign/render/child"
)

// options are what the program is told.
type options struct {
	clusters, reviews, pushes, burst int
	rate                             int
	acknowledge                      time.Duration
	soak                             time.Duration
}

func main() {
	child.Enter(joined.RenderChild)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "app:", err)
		os.Exit(1)
	}
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("app", flag.ContinueOnError)
	flags.IntVar(&o.clusters, "clusters", 400, "clusters of the fleet")
	flags.IntVar(&o.reviews, "reviews", 60, "reviews to measure")
	flags.IntVar(&o.pushes, "pushes", 20, "pushes to measure")
	flags.IntVar(&o.burst, "burst", 10000, "events of the burst on one pull request")
	flags.IntVar(&o.rate, "rate", 200, "deliveries a second to acknowledge")
	flags.DurationVar(&o.acknowledge, "acknowledge", 10*time.Second, "how long they come")
	flags.DurationVar(&o.soak, "soak", 0, "soak the server in events for so long, and watch its memory")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if flags.NArg() > 0 || min(o.clusters, o.reviews, o.pushes, o.burst, o.rate) < 1 || o.acknowledge < time.Second {
		return o, errors.New("numbers must be 1 or more, -acknowledge a second or more, and there are no arguments")
	}
	return o, nil
}

// line is one row of the table.
type line struct {
	what, asked, got string
	reached          bool
}

func run(ctx context.Context, args []string, out io.Writer) (err error) {
	o, err := parse(args)
	if err != nil {
		return err
	}
	s, err := start(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "fleet of %d clusters\tasked\tgot\t\n", o.clusters)
	for _, measure := range []func(context.Context, options) ([]line, error){
		s.first, s.reviews, s.pushes, s.burst, s.acknowledge, s.soak,
	} {
		lines, err := measure(ctx, o)
		if err != nil {
			return errors.Join(err, table.Flush())
		}
		for _, l := range lines {
			mark := "reached"
			switch {
			case l.asked == "":
				mark = ""
			case !l.reached:
				mark = "NOT REACHED"
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\n", l.what, l.asked, l.got, mark)
		}
		if err := table.Flush(); err != nil {
			return err
		}
	}
	return nil
}
