package git

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/render"
)

// batch reads objects through one git process that lives on. It is started
// when first needed, again when it died, and serves one reader at a time.
type batch struct {
	program program
	dir     string
	shallow bool
	// lifetime ends with close, and every process with it.
	lifetime context.Context
	end      context.CancelFunc
	// turn holds one token; who has it owns child.
	turn  chan struct{}
	child *child
}

// child is a running git cat-file.
type child struct {
	cmd    *exec.Cmd
	in     io.WriteCloser
	out    *bufio.Reader
	stderr *bounded
}

// object is what git says of an id.
type object struct {
	kind    string
	size    int64
	content []byte
}

func newBatch(p program, dir string, shallow bool) *batch {
	lifetime, end := context.WithCancel(context.Background())
	return &batch{
		program: p, dir: dir, shallow: shallow,
		lifetime: lifetime, end: end, turn: make(chan struct{}, 1),
	}
}

// read returns an object's kind and content, checked against its id. One of
// more than limit bytes is render.ErrTooLarge, and no part of it is read.
func (b *batch) read(ctx context.Context, id string, limit int64) (object, error) {
	if !isID(id) {
		return object{}, fmt.Errorf("%.80q is no object id", id)
	}
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return object{}, context.Cause(ctx)
	}
	if ctx.Err() != nil {
		return object{}, context.Cause(ctx)
	}
	found, err := b.ask(ctx, id, limit)
	if errors.Is(err, errBroken) && ctx.Err() == nil && b.lifetime.Err() == nil {
		found, err = b.ask(ctx, id, limit)
	}
	switch {
	case b.lifetime.Err() != nil:
		return object{}, ErrClosed
	case ctx.Err() != nil:
		return object{}, context.Cause(ctx)
	case errors.Is(err, errBroken):
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return found, err
}

// errBroken says that the child died or said what it never should: another
// one may do better.
var errBroken = errors.New("git cat-file broke off")

// ask puts one question to the child, which a cancelled context kills.
func (b *batch) ask(ctx context.Context, id string, limit int64) (object, error) {
	if b.lifetime.Err() != nil {
		return object{}, ErrClosed
	}
	if b.child == nil {
		c, err := b.start()
		if err != nil {
			return object{}, err
		}
		b.child = c
	}
	c := b.child
	stop := context.AfterFunc(ctx, c.kill)
	found, err := c.exchange(id, limit)
	if alive := stop(); !alive || errors.Is(err, errBroken) {
		c.reap()
		b.child = nil
		if said := c.stderr.String(); said != "" && err != nil {
			err = fmt.Errorf("%w: %s", err, sentence(said))
		}
	}
	if errors.Is(err, errMissing) {
		err = &MissingError{Object: id, Shallow: b.shallow}
	}
	return found, err
}

func (b *batch) start() (*child, error) {
	cmd := b.program.command(b.lifetime, b.dir, "cat-file", "--batch-command")
	c := &child{cmd: cmd, stderr: &bounded{limit: maxStderr}}
	cmd.Stderr = c.stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("git cat-file: %w", err)
	}
	c.in, c.out = in, bufio.NewReaderSize(out, 64<<10)
	return c, nil
}

// close ends the child and waits until it is gone.
func (b *batch) close() {
	b.end()
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	if b.child != nil {
		b.child.reap()
		b.child = nil
	}
}

func (c *child) kill() {
	// The only error is that it has ended already.
	_ = c.cmd.Process.Kill()
}

// reap ends the process. How it ended says nothing: it was told to.
func (c *child) reap() {
	c.kill()
	_ = c.cmd.Wait()
}

var errMissing = errors.New("missing")

// exchange asks for the size first, so that neither git nor we ever hold an
// object that is too large.
func (c *child) exchange(id string, limit int64) (object, error) {
	found, err := c.header("info", id)
	if err != nil {
		return object{}, err
	}
	if found.size > limit {
		return found, fmt.Errorf("%s %s has %d bytes, the limit is %d: %w",
			found.kind, id, found.size, limit, render.ErrTooLarge)
	}
	again, err := c.header("contents", id)
	if err != nil {
		return object{}, err
	}
	if again.kind != found.kind || again.size != found.size {
		return object{}, fmt.Errorf("%w: two sizes for %s", errBroken, id)
	}
	content := make([]byte, found.size+1)
	if _, err := io.ReadFull(c.out, content); err != nil {
		return object{}, fmt.Errorf("%w: %w", errBroken, err)
	}
	if content[found.size] != '\n' {
		return object{}, fmt.Errorf("%w: %s does not end where it should", errBroken, id)
	}
	found.content = content[:found.size:found.size]
	h := newHash(len(id), found.kind, found.size)
	h.Write(found.content)
	if got := hex.EncodeToString(h.Sum(nil)); got != id {
		return object{}, fmt.Errorf("%w: %w", ErrDamaged, malformed(found.kind, id, "content has the id "+got))
	}
	return found, nil
}

// header sends a command and reads the first line of the answer.
func (c *child) header(command, id string) (object, error) {
	if _, err := io.WriteString(c.in, command+" "+id+"\n"); err != nil {
		return object{}, fmt.Errorf("%w: %w", errBroken, err)
	}
	line, err := c.out.ReadSlice('\n')
	if err != nil {
		return object{}, fmt.Errorf("%w: %w", errBroken, err)
	}
	fields := strings.Fields(string(line))
	if len(fields) == 2 && fields[0] == id && fields[1] == "missing" {
		return object{}, errMissing
	}
	if len(fields) != 3 || fields[0] != id {
		return object{}, fmt.Errorf("%w: unexpected answer for %s", errBroken, id)
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil || size < 0 {
		return object{}, fmt.Errorf("%w: no size for %s", errBroken, id)
	}
	return object{kind: fields[1], size: size}, nil
}
