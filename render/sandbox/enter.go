package sandbox

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"github.com/countersign-dev/countersign/render/wire"
)

// The names of the walls, as they are shown.
const (
	WallHTTP        = "http"              // net/http refuses every request
	WallEnvironment = "environment"       // no variables, so no PATH and no credentials
	WallPrivileges  = "no-new-privileges" // no setuid or file capabilities
	WallCaps        = "capabilities"      // none held, not even in an own namespace
	WallNetwork     = "network"           // an empty network namespace
	WallFiles       = "files"             // an empty, read-only root folder
	WallProcesses   = "processes"         // sees no process but itself
	WallExec        = "exec"              // no program can be started
	WallParent      = "parent-death"      // dies with its parent
	WallCore        = "core-dumps"        // none are written
	WallFileSize    = "file-size"         // nothing can be written to a file
	WallOpenFiles   = "open-files"        // few descriptors
	WallCPU         = "cpu-time"          // bounded for each piece of work
	WallMemory      = "memory"            // bounded
	WallThreads     = "threads"           // bounded
	WallDescriptors = "descriptors"       // nothing that was open elsewhere is open here
	WallLandlock    = "landlock"          // the kernel refuses files and TCP, as a second wall
)

// ExitCPU is the child's exit status when its CPU time is used up.
const ExitCPU = 97

// gcPercent is how far a child's heap grows before it is collected: children
// are short of time rather than of memory, and [wire.Limits.Heap] holds the
// line.
const gcPercent = 400

// maxStack ends endless recursion long before it has eaten the memory limit.
const maxStack = 128 << 20

// ErrRefused is the answer to every HTTP request in a child.
var ErrRefused = errors.New("the renderer has no network: nothing outside the repository is read")

type refusing struct{}

// RoundTrip refuses.
func (refusing) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("%s: %w", r.URL.Redacted(), ErrRefused)
}

// Enter confines the calling process for good and says which walls hold. It
// must run before the process reads anything that is not its parent's, from
// the program's main goroutine and once. Afterwards os.Stdout is os.Stderr, so
// that no library can write between messages: keep the former before.
func Enter() []wire.Wall {
	os.Stdout = os.Stderr
	http.DefaultTransport = refusing{}
	http.DefaultClient = &http.Client{Transport: refusing{}}
	os.Clearenv()
	walls := []wire.Wall{
		{Name: WallHTTP, Holds: true},
		{Name: WallEnvironment, Holds: len(os.Environ()) == 0},
	}
	return append(walls, enter()...)
}

// Keep applies the limits that the parent chose.
func Keep(limits wire.Limits) []wire.Wall {
	debug.SetGCPercent(gcPercent)
	debug.SetMemoryLimit(limits.Heap)
	debug.SetMaxStack(maxStack)
	return keep(limits)
}

// Renew grants the process another stretch of CPU time, from now on: when it
// is used up the process exits with [ExitCPU].
func Renew(cpu time.Duration) error { return renew(cpu) }

// holds makes a wall of what building it said.
func holds(name string, err error) wire.Wall {
	if err != nil {
		return wire.Wall{Name: name, Why: err.Error()}
	}
	return wire.Wall{Name: name, Holds: true}
}
