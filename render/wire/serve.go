package wire

import (
	"errors"
	"fmt"
	"io"

	"github.com/countersign-dev/countersign/render"
)

// Handler is what a child does. Its methods are called one at a time, Hello
// first and once. They return values that can be sent: text in UTF-8.
type Handler interface {
	Hello(Hello) HelloResult
	Scan(files []File) []render.FileFacts
	Parse(name string, content []byte) ParseResult
	Build(root render.Root, tree *FS) BuildResult
}

// Serve answers the parent's messages until it closes r, which is no error.
// limit is the longest frame that is taken or sent; Hello's Limits.Frame
// replaces it. A result that cannot be sent becomes a failed one that says so.
func Serve(r io.Reader, w io.Writer, limit int, h Handler) error {
	c := NewConn(r, w, limit)
	greeted := false
	for {
		m, err := c.Receive()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read from parent: %w", err)
		}
		hello, isHello := m.(*Hello)
		if isHello == greeted {
			return fmt.Errorf("%w: %T out of turn", ErrMalformed, m)
		}
		if isHello {
			greeted = true
			c.limit = hello.Limits.Frame
		}
		if err := c.answer(m, h); err != nil {
			return fmt.Errorf("answer %T: %w", m, err)
		}
	}
}

func (c *Conn) answer(m Message, h Handler) error {
	switch m := m.(type) {
	case *Hello:
		result := h.Hello(*m)
		return c.Send(&result)
	case *Scan:
		result := ScanResult{Facts: h.Scan(m.Files)}
		return c.sendOr(&result, func(p *render.Problem) Message {
			facts := make([]render.FileFacts, len(m.Files))
			for i := range facts {
				facts[i].Problem = p
			}
			return &ScanResult{Facts: facts}
		})
	case *Parse:
		result := h.Parse(m.Name, m.Content)
		return c.sendOr(&result, func(p *render.Problem) Message {
			return &ParseResult{Problem: p}
		})
	case *Build:
		tree := &FS{conn: c}
		result := h.Build(m.Root, tree)
		if tree.broken != nil {
			return tree.broken
		}
		return c.sendOr(&result, func(p *render.Problem) Message {
			failed := render.Build{Root: m.Root, Status: render.StatusFailed, Problem: p}
			return &BuildResult{Build: failed, Tainted: result.Tainted, Heap: result.Heap}
		})
	}
	return fmt.Errorf("%w: %T is not a request", ErrMalformed, m)
}

// sendOr sends a result, or where it cannot be sent what failed makes of the
// reason.
func (c *Conn) sendOr(m Message, failed func(*render.Problem) Message) error {
	err := c.Send(m)
	if !errors.Is(err, ErrMalformed) {
		return err
	}
	return c.Send(failed(&render.Problem{
		Cause:   render.CauseLimit,
		Message: "the result cannot be handed over: it is too large, nested too deeply or holds text that is not UTF-8",
	}))
}

// FSError is an [FSReply] that is no success.
type FSError struct {
	Op   Op
	Path string // as asked for
	Code Code
	// Real is where symlinks led, as far as they could be followed.
	Real string
}

// Error names the path and the code, in our own words.
func (e *FSError) Error() string {
	return fmt.Sprintf("%s %q: %s", e.Op, e.Path, e.Code)
}

// FS is the tree as a child sees it during one build. Every look is a round
// trip to the parent: keep what was read. Not safe for concurrent use.
type FS struct {
	conn   *Conn
	broken error
}

// Stat says what a path leads to: its kind, and where it is once symlinks are
// resolved. Errors are *[FSError], or the pipe's, after which the child ends.
func (f *FS) Stat(path string) (Kind, string, error) {
	reply, err := f.ask(OpStat, path)
	return reply.Kind, reply.Path, err
}

// ReadFile returns a file's content. Errors as [FS.Stat].
func (f *FS) ReadFile(path string) ([]byte, error) {
	reply, err := f.ask(OpReadFile, path)
	return reply.Content, err
}

// ReadDir lists a directory, sorted by name in byte order. Errors as [FS.Stat].
func (f *FS) ReadDir(path string) ([]DirEntry, error) {
	reply, err := f.ask(OpReadDir, path)
	return reply.Entries, err
}

func (f *FS) ask(op Op, path string) (FSReply, error) {
	if f.broken != nil {
		return FSReply{}, f.broken
	}
	if f.broken = f.conn.Send(&FSRequest{Op: op, Path: path}); f.broken != nil {
		return FSReply{}, f.broken
	}
	m, err := f.conn.Receive()
	reply, ok := m.(*FSReply)
	if err == nil && !ok {
		err = fmt.Errorf("%w: %T out of turn", ErrMalformed, m)
	}
	if err != nil {
		f.broken = err
		return FSReply{}, err
	}
	if reply.Code != CodeOK {
		return FSReply{}, &FSError{Op: op, Path: path, Code: reply.Code, Real: reply.Path}
	}
	return *reply, nil
}

// String names the operation.
func (o Op) String() string {
	switch o {
	case OpStat:
		return "stat"
	case OpReadFile:
		return "read"
	case OpReadDir:
		return "list"
	}
	return "unknown operation"
}

// String says in words what happened.
func (c Code) String() string {
	switch c {
	case CodeOK:
		return "ok"
	case CodeMissing:
		return "not in the tree"
	case CodeDir:
		return "is a directory"
	case CodeFile:
		return "is not a directory"
	case CodeTooLarge:
		return "file is larger than the limit"
	case CodeOutside:
		return "symlink leaves the tree"
	case CodeLoop:
		return "symlinks lead in a circle"
	case CodeSubmodule:
		return "is in a submodule"
	case CodePointer:
		return "is an LFS pointer, not content"
	case CodeBudget:
		return "the root reads more than it may"
	case CodeInvalid:
		return "not a path of the tree"
	}
	return "unknown code"
}
