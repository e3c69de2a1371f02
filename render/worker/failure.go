package worker

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"syscall"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/sandbox"
	"github.com/countersign-dev/countersign/render/wire"
)

// worldError is an error of the tree or the machine, not of the content.
type worldError struct{ err error }

func (e worldError) Error() string { return e.err.Error() }
func (e worldError) Unwrap() error { return e.err }

// errBusy says that a child asked the tree for more than it may.
var errBusy = errors.New("too many looks at the tree")

// fault says in our own words why a child could not do its work. It is nil
// when the reason is the world's: then err is to be returned.
func (p *process) fault(ctx context.Context, err error, l Limits) *render.Problem {
	problem := p.reason(ctx, err, l)
	if problem != nil && p.lost != nil {
		p.lost(string(problem.Cause))
	}
	return problem
}

func (p *process) reason(ctx context.Context, err error, l Limits) *render.Problem {
	world, isWorld := errors.AsType[worldError](err)
	switch {
	case ctx.Err() != nil, isWorld && world.err != nil:
		return nil
	case errors.Is(err, errBusy):
		return &render.Problem{
			Cause:   render.CauseLimit,
			Message: fmt.Sprintf("rendering looked at the repository more than %d times", l.Requests),
			Remedy:  "split the root",
		}
	case errors.Is(err, errWall):
		return &render.Problem{
			Cause:   render.CauseDeadline,
			Message: fmt.Sprintf("rendering took more than %v", l.Wall),
			Remedy:  "look for what makes it repeat itself, or split the root",
		}
	}
	return p.death(err, l)
}

// exhausted is how Go and its threads say that memory ran out.
var exhausted = []string{
	"out of memory", "cannot allocate memory", "failed to create new OS thread", "pthread_create failed",
}

// death reads the end of a process.
func (p *process) death(err error, l Limits) *render.Problem {
	exit, _ := errors.AsType[*exec.ExitError](p.end)
	switch {
	case exit != nil && exit.ExitCode() == sandbox.ExitCPU:
		return &render.Problem{
			Cause:   render.CauseDeadline,
			Message: fmt.Sprintf("rendering took more than %v of CPU", l.CPU),
			Remedy:  "look for what makes it repeat itself, or split the root",
		}
	case p.alone && killed(exit):
		return &render.Problem{
			Cause:   render.CauseMemory,
			Message: "the renderer was killed from outside, most likely for want of memory",
			Remedy:  "give the machine more memory, or split the root",
		}
	case p.stderr.holds(exhausted...):
		return &render.Problem{
			Cause:   render.CauseMemory,
			Message: fmt.Sprintf("rendering took more than %d MiB of memory", l.Data>>20),
			Remedy:  "look for aliases, copies or replacements that multiply, or split the root",
		}
	case p.stderr.holds("stack overflow", "stack exceeds"):
		return &render.Problem{
			Cause:   render.CauseCrash,
			Message: "rendering never came to an end of its recursion",
			Remedy:  "look for an alias, a base or a schema that refers to itself",
		}
	case errors.Is(err, wire.ErrMalformed):
		return &render.Problem{
			Cause:   render.CauseCrash,
			Message: "the renderer answered with what is no answer, and was stopped",
		}
	}
	return &render.Problem{
		Cause:   render.CauseCrash,
		Message: "the renderer died",
		Remedy:  "take out what is unusual in this root, and tell the maintainers of Countersign",
	}
}

// killed reports whether a process was ended by SIGKILL.
func killed(exit *exec.ExitError) bool {
	if exit == nil {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
