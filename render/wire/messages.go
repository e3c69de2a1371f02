package wire

import (
	"time"

	"github.com/countersign-dev/countersign/render"
)

// Limits are what a child must keep to; the parent chooses them. The child
// answers what exceeds a counted limit with [render.CauseLimit].
type Limits struct {
	CPU     time.Duration // per message; SIGXCPU kills beyond it
	Data    int64         // bytes of RLIMIT_DATA
	Heap    int64         // bytes that the garbage collector aims to stay under
	File    int64         // bytes of one file
	Bytes   int64         // bytes that one root may read
	Objects int           // objects that one root may become
	Frame   int           // bytes of one message, in either direction
}

// Hello is the first message to a child.
type Hello struct {
	Key    []byte // of the HMAC that stands for secret values
	KeyID  string // names the key without telling it
	Limits Limits
}

// Wall is one measure that confines a child, and whether it holds.
type Wall struct {
	Name  string // "no-new-privileges", "network" …
	Holds bool
	Why   string // why it does not hold, or how it was made; may be ""
}

// HelloResult is the child's answer.
type HelloResult struct {
	Walls []Wall
}

// File is a file to be looked at. Its content is the pull request's.
type File struct {
	Path    string
	Content []byte
}

// Scan asks what files are.
type Scan struct {
	Files []File
}

// ScanResult holds the facts of each file of a [Scan], in its order.
type ScanResult struct {
	Facts []render.FileFacts
}

// Parse asks for one YAML document, read strictly.
type Parse struct {
	Name    string
	Content []byte
}

// ParseResult is a document, or why there is none.
type ParseResult struct {
	Document render.Document
	Problem  *render.Problem
}

// Build asks for one root. Until its [BuildResult] the child may send any
// number of [FSRequest], each answered with an [FSReply].
type Build struct {
	Root render.Root
}

// BuildResult is what a root becomes. The build has no probes: the parent
// records them.
type BuildResult struct {
	Build render.Build
	// Tainted says that the build changed state of the whole process, such as
	// the OpenAPI schema: the child must never be used again.
	Tainted bool
	// Heap is how many bytes the child's heap holds, as a hint.
	Heap int64
}

// Op is what an [FSRequest] asks of the tree.
type Op byte

// The operations. All follow symlinks inside the tree.
const (
	OpStat Op = iota + 1
	OpReadFile
	OpReadDir
)

// FSRequest asks for a part of the tree.
type FSRequest struct {
	Op   Op
	Path string // slash-separated, relative to the top, which is ""
}

// Code says how an [FSRequest] ended.
type Code byte

// The codes.
const (
	CodeOK        Code = iota + 1
	CodeMissing        // nothing is there
	CodeDir            // asked for a file, found a directory
	CodeFile           // asked for a directory, found a file
	CodeTooLarge       // the file exceeds the limit of one file
	CodeOutside        // a symlink leaves the tree
	CodeLoop           // symlinks lead in a circle, or through too many
	CodeSubmodule      // the path is, or leads through, a submodule
	CodePointer        // the file is an LFS pointer, not content
	CodeBudget         // the root has read as much as it may
	CodeInvalid        // the path is not one of a tree
)

// Kind is what a path leads to.
type Kind byte

// The kinds.
const (
	KindFile Kind = iota + 1
	KindDir
)

// DirEntry is one name of a directory. Dir is false for a symlink, whatever
// it leads to: ask for its Stat.
type DirEntry struct {
	Name string
	Dir  bool
}

// FSReply answers an [FSRequest]. What the operation does not yield is zero.
type FSReply struct {
	Code Code
	// Path is where the path leads once symlinks are resolved.
	Path    string
	Kind    Kind
	Content []byte
	Entries []DirEntry
}

// Message is what travels in one frame: a pointer to one of this package's
// messages.
type Message interface {
	code(*codec)
}

func (m *Hello) code(c *codec) {
	c.bytes(&m.Key)
	c.text(&m.KeyID)
	number64(c, &m.Limits.CPU)
	number64(c, &m.Limits.Data)
	number64(c, &m.Limits.Heap)
	number64(c, &m.Limits.File)
	number64(c, &m.Limits.Bytes)
	c.int(&m.Limits.Objects)
	c.int(&m.Limits.Frame)
}

func (m *HelloResult) code(c *codec) {
	list(c, &m.Walls, func(c *codec, p *Wall) {
		c.text(&p.Name)
		c.bool(&p.Holds)
		c.text(&p.Why)
	})
}

func (m *Scan) code(c *codec) {
	list(c, &m.Files, func(c *codec, p *File) {
		c.raw(&p.Path)
		c.bytes(&p.Content)
	})
}

func (m *ScanResult) code(c *codec) { list(c, &m.Facts, (*codec).facts) }

func (m *Parse) code(c *codec) {
	c.raw(&m.Name)
	c.bytes(&m.Content)
}

func (m *ParseResult) code(c *codec) {
	c.document(&m.Document)
	optional(c, &m.Problem, (*codec).problem)
}

func (m *Build) code(c *codec) { c.root(&m.Root) }

func (m *BuildResult) code(c *codec) {
	c.build(&m.Build)
	c.bool(&m.Tainted)
	number64(c, &m.Heap)
}

func (m *FSRequest) code(c *codec) {
	c.byte((*byte)(&m.Op))
	c.raw(&m.Path)
}

func (m *FSReply) code(c *codec) {
	c.byte((*byte)(&m.Code))
	c.raw(&m.Path)
	c.byte((*byte)(&m.Kind))
	c.bytes(&m.Content)
	list(c, &m.Entries, func(c *codec, p *DirEntry) {
		c.raw(&p.Name)
		c.bool(&p.Dir)
	})
}

func number64[N ~int64](c *codec, p *N) {
	n := int(*p)
	c.int(&n)
	*p = N(n)
}

// kinds gives each message its number in a frame.
var kinds = []func() Message{
	func() Message { return new(Hello) },
	func() Message { return new(HelloResult) },
	func() Message { return new(Scan) },
	func() Message { return new(ScanResult) },
	func() Message { return new(Parse) },
	func() Message { return new(ParseResult) },
	func() Message { return new(Build) },
	func() Message { return new(BuildResult) },
	func() Message { return new(FSRequest) },
	func() Message { return new(FSReply) },
}

func kindOf(m Message) byte {
	switch m.(type) {
	case *Hello:
		return 0
	case *HelloResult:
		return 1
	case *Scan:
		return 2
	case *ScanResult:
		return 3
	case *Parse:
		return 4
	case *ParseResult:
		return 5
	case *Build:
		return 6
	case *BuildResult:
		return 7
	case *FSRequest:
		return 8
	}
	return 9
}
