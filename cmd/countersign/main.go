// Command countersign reviews pull requests to repositories that hold Cluster
// API fleets.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/countersign-dev/countersign/render/child"
)

// renderChild is the hidden first argument that makes this process a render
// child: it is looked at before anything else is set up.
const renderChild = "render-child"

func main() {
	if len(os.Args) == 2 && os.Args[1] == renderChild {
		if err := child.Main(os.Stdin, os.Stdout); err != nil {
			os.Stderr.WriteString(err.Error() + "\n") //nolint:errcheck // there is nobody left to tell
			os.Exit(1)
		}
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	p := program{
		args:     os.Args[1:],
		stdout:   os.Stdout,
		stderr:   os.Stderr,
		getenv:   os.Getenv,
		environ:  os.Environ(),
		terminal: isTerminal(os.Stdout),
	}
	os.Exit(p.run(ctx)) //nolint:gocritic // stop is of no use to a process that ends
}
