package worker

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/render/sandbox"
	"github.com/countersign-dev/countersign/render/wire"
)

const (
	startWall = 20 * time.Second
	burial    = 2 * time.Second
)

// process is one child. It serves one conversation at a time.
type process struct {
	cmd    *exec.Cmd
	conn   *wire.Conn
	input  *os.File // we write what the child reads
	output *os.File // we read what the child writes
	stderr *tail
	walls  []wire.Wall
	// spent says that the child must not be used again.
	spent bool
	// alone says that a process which failed ended without our doing.
	alone bool
	kill  func()
	// ended is closed when the process is gone and its end is known.
	ended chan struct{}
	end   error
	lost  func(cause string) // nil: nobody is told
}

// spawn starts a process at a level and greets it.
func spawn(ctx context.Context, o Options, level sandbox.Level) (*process, error) {
	p := &process{stderr: &tail{}, ended: make(chan struct{}), lost: o.Lost}
	if err := p.launch(o, level); err != nil {
		return nil, err
	}
	err := p.converse(ctx, startWall, func(c *wire.Conn) error {
		result, err := c.Hello(wire.Hello{Key: o.Key, KeyID: o.KeyID, Limits: o.Limits.wire()})
		p.walls = result.Walls
		return err
	})
	if err != nil {
		p.discard()
		// The child has read nothing of a repository: its words are our own.
		return nil, fmt.Errorf("greet the render child %s: %w; it said %q", o.Command, err, p.stderr.line())
	}
	return p, nil
}

func (p *process) launch(o Options, level sandbox.Level) error {
	childIn, input, err := os.Pipe()
	if err != nil {
		return err
	}
	output, childOut, err := os.Pipe()
	if err != nil {
		return errors.Join(err, childIn.Close(), input.Close())
	}
	p.cmd = exec.Command(o.Command, o.Args...)
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = childIn, childOut, p.stderr
	// What the child has passed on, if it could, does not keep us waiting.
	p.cmd.WaitDelay = time.Second
	wait, err := sandbox.Start(p.cmd, level)
	err = errors.Join(err, childIn.Close(), childOut.Close())
	if wait == nil {
		return errors.Join(err, input.Close(), output.Close())
	}
	p.input, p.output = input, output
	p.conn = wire.NewConn(output, input, o.Limits.Frame)
	p.kill = sync.OnceFunc(func() {
		// A process that is gone already cannot be killed, which is as well.
		_ = p.cmd.Process.Kill()
		// A read or write that is under way ends with this.
		_, _ = input.Close(), output.Close()
	})
	go func() {
		p.end = wait()
		close(p.ended)
	}()
	if err != nil {
		p.discard()
	}
	return err
}

// errWall is the cause when the wall clock ran out.
var errWall = errors.New("the wall clock ran out")

// converse runs talk until it ends, the context ends or the wall clock runs
// out; then the child is killed at once. After any error the child is spent
// and gone. The error is the context's where that ended.
func (p *process) converse(ctx context.Context, wall time.Duration, talk func(*wire.Conn) error) error {
	timed, cancel := context.WithTimeoutCause(ctx, wall, errWall)
	defer cancel()
	stop := context.AfterFunc(timed, p.kill)
	err := talk(p.conn)
	if !stop() {
		p.spent = true
	}
	if err == nil {
		return nil
	}
	p.bury()
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case timed.Err() != nil:
		return errWall
	}
	return err
}

// discard ends the process and waits until it is gone.
func (p *process) discard() {
	p.spent = true
	p.kill()
	<-p.ended
}

// bury waits until a process that failed is gone. One that closed its pipe
// gets a moment to end by itself, so that its own end is seen and not our kill.
func (p *process) bury() {
	patience := time.NewTimer(burial)
	defer patience.Stop()
	select {
	case <-p.ended:
		p.alone = true
	case <-patience.C:
	}
	p.discard()
}
