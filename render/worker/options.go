package worker

import (
	"cmp"
	"os"
	"runtime"
	"time"

	"github.com/countersign-dev/countersign/render/wire"
)

// Options say how children are started and what they may take. The zero
// Options need a Key and are filled with what is right for production.
type Options struct {
	// Command is the program that is the child; "" is this program.
	Command string
	// Args are its arguments; nil means "render-child".
	Args []string
	// Children is how many run at the same time; 0 means 2.
	Children int
	// Key is the HMAC key that stands for secret values, KeyID its name. See
	// [Key].
	Key   []byte
	KeyID string
	// Limits bound each message to a child, which is one root or some files.
	Limits Limits
	// Lost is told of each child that is given up in the middle of its work, with
	// a cause of package render; nil means nobody is. It must not block.
	Lost func(cause string)
}

// Limits bound the work on one root; a zero field means the usual limit.
type Limits struct {
	CPU      time.Duration // 5 s
	Wall     time.Duration // 15 s
	Data     int64         // bytes of memory that end a child; 1 GiB
	Heap     int64         // bytes that its garbage collector aims at; 512 MiB
	File     int64         // bytes of one file; 1 MiB
	Bytes    int64         // bytes read for one root; 64 MiB
	Objects  int           // objects of one root; 20,000
	Requests int           // looks at the tree for one root; 200,000
	Frame    int           // bytes of one message; 64 MiB and a little
}

func (o Options) filled() Options {
	if o.Command == "" {
		o.Command = ownProgram()
	}
	if o.Args == nil {
		o.Args = []string{"render-child"}
	}
	o.Children = max(cmp.Or(o.Children, 2), 1)
	l := &o.Limits
	l.CPU = cmp.Or(l.CPU, 5*time.Second)
	l.Wall = cmp.Or(l.Wall, 15*time.Second)
	l.Data = cmp.Or(l.Data, 1<<30)
	l.Heap = cmp.Or(l.Heap, 512<<20)
	l.File = cmp.Or(l.File, 1<<20)
	l.Bytes = cmp.Or(l.Bytes, 64<<20)
	l.Objects = cmp.Or(l.Objects, 20_000)
	l.Requests = cmp.Or(l.Requests, 200_000)
	l.Frame = cmp.Or(l.Frame, 65<<20)
	return o
}

func (l Limits) wire() wire.Limits {
	return wire.Limits{
		CPU: l.CPU, Data: l.Data, Heap: l.Heap, File: l.File,
		Bytes: l.Bytes, Objects: l.Objects, Frame: l.Frame,
	}
}

// ownProgram names this program such that the child is the same build even
// when the file has been replaced since. Where that is not known, starting a
// child fails and says so.
func ownProgram() string {
	const self = "/proc/self/exe"
	if runtime.GOOS == "linux" {
		if _, err := os.Stat(self); err == nil {
			return self
		}
	}
	path, err := os.Executable()
	if err != nil {
		return self
	}
	return path
}
