// Package wire is the bounded encoding that a render child and its parent
// speak over two pipes.
//
// In go the messages of this package, which hold the values of package
// render as they are; out come bytes: frames of a four-byte length, a kind
// and a payload. Either side trusts the other's bytes for nothing: a frame
// that is longer than the reader's limit, a length or count that exceeds what
// arrived, a value that is nested too deeply, a number that is none, a text
// that is not UTF-8, keys out of order and trailing bytes are all
// [ErrMalformed], and no more memory is taken than what arrived warrants.
// What was encoded decodes to equal values, nil and empty kept apart.
//
// The parent drives a child with [Conn.Hello], [Conn.Scan], [Conn.Build] and
// [Conn.Parse]; a child answers with [Serve] and reads the tree through [FS].
package wire
