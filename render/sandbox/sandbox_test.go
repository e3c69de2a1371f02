//go:build linux

package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/countersign-dev/countersign/render/wire"
)

// The test binary is the child, too, when its first argument says so.
const childArg = "sandbox-test-child"

func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == childArg {
		out, before := os.Stdout, os.Environ()
		walls := append(Enter(), Keep(testLimits)...)
		if err := json.NewEncoder(out).Encode(outcome(os.Args[2:], walls, before)); err != nil {
			os.Exit(3)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

var testLimits = wire.Limits{CPU: time.Second, Data: 1 << 30, Heap: 64 << 20}

// report is what a child found out about itself.
type report struct {
	Walls  []wire.Wall
	Errors map[string]string // what was tried, and what it was refused with
	Env    []string          // before and after
	Dir    string
}

func outcome(args []string, walls []wire.Wall, env []string) report {
	r := report{Walls: walls, Errors: map[string]string{}, Env: append(env, os.Environ()...)}
	r.Dir, _ = os.Getwd()
	try := func(what string, err error) {
		r.Errors[what] = ""
		if err != nil {
			r.Errors[what] = err.Error()
		}
	}
	switch args[0] {
	case "try":
		canary := args[1]
		_, err := net.DialTimeout("tcp", canary, time.Second)
		try("dial", err)
		_, err = http.Get("http://" + canary + "/")
		try("http", err)
		_, err = (&http.Client{}).Get("http://" + canary + "/")
		try("client", err)
		try("exec", exec.Command("/bin/true").Run())
		try("read", second(os.ReadFile("/etc/passwd")))
		try("write", os.WriteFile("/tmp/countersign-sandbox-canary", []byte("x"), 0o600))
		// The test leaves its third descriptor open for us.
		try("inherited", second(unix.Pread(3, make([]byte, 1), 0)))
		try("list", second(os.ReadDir("/proc/self")))
		parent, _ := strconv.Atoi(args[2])
		try("kill", syscall.Kill(parent, 0))
		// Where this succeeds the process is another one from here on.
		if wall(report{Walls: walls}, WallExec).Holds {
			try("execve", syscall.Exec("/bin/true", []string{"true"}, nil))
		}
	case "spin":
		for start := time.Now(); time.Since(start) < time.Minute; {
		}
	case "renew":
		for range 3 {
			if err := Renew(time.Second); err != nil {
				try("renew", err)
			}
			for used := cpu(); cpu()-used < 700*time.Millisecond; {
			}
		}
	case "eat":
		var kept [][]byte
		for {
			b := make([]byte, 16<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			kept = append(kept, b) //nolint:staticcheck // memory is all it wants
		}
	}
	return r
}

func second[T any](_ T, err error) error { return err }

func cpu() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// run starts the child at the strictest level that this machine allows, or at
// the level given.
func run(t *testing.T, level Level, args ...string) (report, *exec.Cmd, error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for {
		cmd := exec.Command(self, append([]string{childArg}, args...)...)
		var out, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &stderr
		cmd.ExtraFiles = []*os.File{open(t)}
		wait, err := Start(cmd, level)
		if err != nil && level.Refuses(err) {
			t.Logf("level %d is refused here: %v", level, err)
			level++
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		err = wait()
		var r report
		if err == nil {
			if err := json.Unmarshal(out.Bytes(), &r); err != nil {
				t.Fatalf("child said %q, %v", out.String(), err)
			}
		}
		t.Logf("stderr: %.300s", stderr.String())
		return r, cmd, err
	}
}

// open returns a file that a child is not to keep.
func open(t *testing.T) *os.File {
	t.Helper()
	f, err := os.Open("/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func wall(r report, name string) wire.Wall {
	i := slices.IndexFunc(r.Walls, func(w wire.Wall) bool { return w.Name == name })
	if i < 0 {
		return wire.Wall{Name: name, Why: "not said"}
	}
	return r.Walls[i]
}

func canary(t *testing.T) (address string, visits func() int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	seen := make(chan int, 1)
	go func() {
		n := 0
		for {
			c, err := l.Accept()
			if err != nil {
				seen <- n
				return
			}
			n++
			_ = c.Close()
		}
	}()
	return l.Addr().String(), func() int { _ = l.Close(); return <-seen }
}

// A wall that is said to hold must hold, at every level; and at the strictest
// all of those that matter do.
func TestWalls(t *testing.T) {
	for level := range levels {
		address, visits := canary(t)
		r, _, err := run(t, level, "try", address, strconv.Itoa(os.Getpid()))
		if err != nil {
			t.Fatal(err)
		}
		for _, w := range r.Walls {
			t.Logf("level %d %s: %v %s", level, w.Name, w.Holds, w.Why)
		}
		refusedBy := map[string][]string{
			"dial": {WallNetwork}, "http": {WallHTTP}, "client": {WallHTTP},
			"exec": {WallExec}, "execve": {WallExec}, "read": {WallFiles, WallLandlock},
			"write": {WallFileSize}, "list": {WallFiles, WallLandlock}, "kill": {WallProcesses},
			"inherited": {WallDescriptors},
		}
		for what, names := range refusedBy {
			held := slices.ContainsFunc(names, func(n string) bool { return wall(r, n).Holds })
			if held && r.Errors[what] == "" {
				t.Errorf("level %d: %s succeeded although %v hold", level, what, names)
			}
		}
		if n := visits(); wall(r, WallNetwork).Holds && n > 0 {
			t.Errorf("level %d: the canary saw %d visits", level, n)
		}
		if len(r.Env) > 0 || r.Dir != "/" {
			t.Errorf("level %d: environment %q, folder %q", level, r.Env, r.Dir)
		}
		if !strings.Contains(r.Errors["http"], "no network") {
			t.Errorf("level %d: http error %q", level, r.Errors["http"])
		}
		if _, err := os.Stat("/tmp/countersign-sandbox-canary"); err == nil {
			data, _ := os.ReadFile("/tmp/countersign-sandbox-canary")
			if len(data) > 0 {
				t.Errorf("level %d: the child wrote a file", level)
			}
			_ = os.Remove("/tmp/countersign-sandbox-canary")
		}
	}
}

// Without namespaces the rest of this test says nothing: the machine is told.
func TestStrictestLevelHolds(t *testing.T) {
	address, visits := canary(t)
	r, _, err := run(t, LevelNamespaces, "try", address, strconv.Itoa(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	if !wall(r, WallNetwork).Holds {
		t.Skipf("this machine gives no namespaces: %s", wall(r, WallNetwork).Why)
	}
	for _, name := range []string{
		WallHTTP, WallEnvironment, WallPrivileges, WallNetwork, WallFiles, WallProcesses,
		WallExec, WallParent, WallCore, WallDescriptors, WallFileSize, WallOpenFiles, WallCPU, WallThreads,
	} {
		if w := wall(r, name); !w.Holds {
			t.Errorf("wall %s does not hold: %s", name, w.Why)
		}
	}
	for _, what := range []string{"dial", "http", "client", "exec", "execve", "read", "write", "list", "inherited"} {
		if r.Errors[what] == "" {
			t.Errorf("%s succeeded", what)
		}
	}
	if n := visits(); n > 0 {
		t.Errorf("the canary saw %d visits", n)
	}
}

func TestCPULimitEndsTheChild(t *testing.T) {
	_, cmd, err := run(t, LevelNamespaces, "spin")
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != ExitCPU {
		t.Fatalf("spinning child ended with %v, want status %d", err, ExitCPU)
	}
	if used := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(); used > 4*time.Second {
		t.Errorf("used %v of CPU under a limit of 1 s", used)
	}
}

func TestCPULimitIsRenewed(t *testing.T) {
	r, _, err := run(t, LevelNamespaces, "renew")
	if err != nil || len(r.Errors) > 0 {
		t.Fatalf("2.1 s in three stretches of 1 s: %v %v", err, r.Errors)
	}
}

func TestMemoryLimitEndsTheChild(t *testing.T) {
	r, _, err := run(t, LevelNamespaces, "try", "127.0.0.1:1", "1")
	if err != nil {
		t.Fatal(err)
	}
	if w := wall(r, WallMemory); !w.Holds {
		t.Skipf("memory cannot be limited in this build: %s", w.Why)
	}
	_, cmd, err := run(t, LevelNamespaces, "eat")
	if err == nil {
		t.Fatal("a child that eats all memory lived")
	}
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok || usage.Maxrss > 1200<<10 {
		t.Errorf("the child took %d KiB under a limit of 1 GiB", usage.Maxrss)
	}
}
