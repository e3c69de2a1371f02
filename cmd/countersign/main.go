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
	child.Enter(renderChild)
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
