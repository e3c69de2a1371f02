package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/countersign-dev/countersign/render"
)

const (
	header     = 4
	readBuffer = 32 << 10
	keptBuffer = 4 << 20 // a larger buffer is given back after use
)

// Conn sends and receives messages, one at a time. It is not safe for
// concurrent use, and of no use after an error.
type Conn struct {
	r     io.Reader
	w     io.Writer
	limit int
	texts texts
	in    bytes.Buffer
	out   []byte
}

// NewConn returns a connection that refuses frames longer than limit bytes,
// in both directions.
func NewConn(r io.Reader, w io.Writer, limit int) *Conn {
	return &Conn{r: bufio.NewReaderSize(r, readBuffer), w: w, limit: limit}
}

// Send writes one message. A message that cannot be sent, because a value is
// none of ours or because the frame would be too long, is [ErrMalformed], and
// nothing has been written then.
func (c *Conn) Send(m Message) error {
	enc := writer(append(c.out[:0], 0, 0, 0, 0, kindOf(m)))
	m.code(enc)
	if c.out = enc.out; cap(c.out) > keptBuffer {
		c.out = nil
	}
	n := len(enc.out) - header
	if enc.err == nil && n > c.limit {
		enc.fail("message of %d bytes, limit %d", n, c.limit)
	}
	if enc.err != nil {
		return enc.err
	}
	binary.BigEndian.PutUint32(enc.out, uint32(n))
	_, err := c.w.Write(enc.out)
	return err
}

// Receive reads one message. The error is io.EOF when the other side closed
// between messages, [ErrMalformed] when it sent something else, or the
// reader's own.
func (c *Conn) Receive() (Message, error) {
	var head [header]byte
	if _, err := io.ReadFull(c.r, head[:]); err != nil {
		return nil, err
	}
	n := int64(binary.BigEndian.Uint32(head[:]))
	if n == 0 || n > int64(c.limit) {
		return nil, fmt.Errorf("%w: message of %d bytes, limit %d", ErrMalformed, n, c.limit)
	}
	// The buffer grows with what arrives, not with what was announced.
	c.in.Reset()
	if _, err := io.CopyN(&c.in, c.r, n); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, err
	}
	m, err := decode(c.in.Bytes(), &c.texts)
	if c.in.Cap() > keptBuffer {
		c.in = bytes.Buffer{}
	}
	return m, err
}

// decode reads the kind and payload of one frame.
func decode(frame []byte, known *texts) (Message, error) {
	if len(frame) == 0 || int(frame[0]) >= len(kinds) {
		return nil, fmt.Errorf("%w: unknown kind of message", ErrMalformed)
	}
	m := kinds[frame[0]]()
	dec := reader(frame[1:], known)
	m.code(dec)
	if dec.err == nil && len(dec.in) > 0 {
		dec.fail("%d bytes too many", len(dec.in))
	}
	if dec.err != nil {
		return nil, dec.err
	}
	return m, nil
}

// Hello greets the child. It is the parent's first message.
func (c *Conn) Hello(m Hello) (HelloResult, error) {
	return ask[HelloResult](c, &m, nil)
}

// Scan asks the child what files are; the result has as many facts.
func (c *Conn) Scan(files []File) (ScanResult, error) {
	result, err := ask[ScanResult](c, &Scan{Files: files}, nil)
	if err == nil && len(result.Facts) != len(files) {
		err = fmt.Errorf("%w: facts of %d files for %d", ErrMalformed, len(result.Facts), len(files))
	}
	return result, err
}

// Parse asks the child for one document.
func (c *Conn) Parse(name string, content []byte) (ParseResult, error) {
	return ask[ParseResult](c, &Parse{Name: name, Content: content}, nil)
}

// Build asks the child for one root and answers its requests with serve. An
// error of serve ends the build and is returned.
func (c *Conn) Build(root render.Root, serve func(FSRequest) (FSReply, error)) (BuildResult, error) {
	return ask[BuildResult](c, &Build{Root: root}, serve)
}

func ask[R any](c *Conn, m Message, serve func(FSRequest) (FSReply, error)) (R, error) {
	var none R
	if err := c.Send(m); err != nil {
		return none, err
	}
	for {
		m, err := c.Receive()
		if err != nil {
			return none, err
		}
		if result, ok := any(m).(*R); ok {
			return *result, nil
		}
		request, ok := m.(*FSRequest)
		if !ok || serve == nil {
			return none, fmt.Errorf("%w: %T out of turn", ErrMalformed, m)
		}
		reply, err := serve(*request)
		if err != nil {
			return none, err
		}
		if err := c.Send(&reply); err != nil {
			return none, err
		}
	}
}
