package child

import (
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/child/closure"
	"github.com/countersign-dev/countersign/render/manifest"
	"github.com/countersign-dev/countersign/render/sandbox"
	"github.com/countersign-dev/countersign/render/wire"
)

// firstFrame is the longest message before the parent has named a limit.
const firstFrame = 1 << 20

// Main confines this process for good and serves its parent: messages come
// from r, answers go to w. It returns nil when the parent closes r. It must
// run on the main goroutine, before the process has read anything else, and it
// takes os.Stdout away from everybody: pass the former as w.
//
// Everything in the messages but the Hello comes from pull requests. A build
// that panics is a failed one and its child tainted; what cannot be recovered
// from (a stack that overflows, log.Fatal, memory, CPU time) ends the process,
// and the parent says so.
func Main(r io.Reader, w io.Writer) error {
	walls := sandbox.Enter()
	return wire.Serve(r, w, firstFrame, &server{walls: walls})
}

// server answers the parent.
type server struct {
	walls  []wire.Wall
	limits wire.Limits
	key    manifest.Key
}

var _ wire.Handler = (*server)(nil)

// Hello takes the limits on.
func (s *server) Hello(m wire.Hello) wire.HelloResult {
	s.limits, s.key = m.Limits, m.Key
	return wire.HelloResult{Walls: append(s.walls, sandbox.Keep(m.Limits)...)}
}

// renew grants the time for one message. A process that gets none ends when
// what it has is used up, which the parent sees.
func (s *server) renew() {
	if err := sandbox.Renew(s.limits.CPU); err != nil {
		fmt.Fprintln(os.Stderr, "renew the CPU limit:", err)
	}
}

// Scan says what files are.
func (s *server) Scan(files []wire.File) []render.FileFacts {
	s.renew()
	facts := make([]render.FileFacts, len(files))
	for i, file := range files {
		facts[i] = manifest.Scan(file.Path, file.Content)
	}
	return facts
}

// Parse reads one document.
func (s *server) Parse(name string, content []byte) wire.ParseResult {
	s.renew()
	document, problem := manifest.Parse(name, content)
	return wire.ParseResult{Document: document, Problem: problem}
}

// Build renders one root.
func (s *server) Build(root render.Root, files *wire.FS) wire.BuildResult {
	s.renew()
	result := build(root, files, s.limits, s.key)
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	result.Heap = int64(memory.HeapAlloc)
	return result
}

// build renders one root, whatever happens on the way.
func build(root render.Root, files closure.Files, limits wire.Limits, key manifest.Key) (result wire.BuildResult) {
	b := &builder{tree: closure.NewTree(files), limits: limits, key: key, entry: root.Path}
	b.build.Root = root
	defer func() {
		if v := recover(); v != nil {
			b.fail(crash(b.entry))
			b.taints = true
		}
		result = wire.BuildResult{Build: b.build, Tainted: b.taints}
	}()
	b.run()
	return result
}
