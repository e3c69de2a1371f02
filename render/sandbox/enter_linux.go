package sandbox

import (
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/countersign-dev/countersign/render/wire"
)

const (
	openFiles  = 32
	ownThreads = 256
)

// mapped is how many bytes were mapped for data when the process entered.
var mapped int64

// enter goes from the outside in: what needs the old root folder or a
// capability comes before these are given up.
func enter() []wire.Wall {
	mapped = dataMapped()
	descriptors := closeInherited()
	orphan := diesWithParent()
	confined := orphan == nil && os.Getpid() == 1
	walls := []wire.Wall{
		holds(WallNetwork, noNetwork()),
		holds(WallFiles, emptyRoot(confined)),
		{Name: WallProcesses, Holds: confined, Why: unless(confined, "no process namespace")},
		holds(WallParent, orphan),
		holds(WallPrivileges, noNewPrivileges()),
		holds(WallCaps, dropCapabilities()),
		holds(WallDescriptors, descriptors),
		holds(WallCore, limit(unix.RLIMIT_CORE, 0)),
		holds(WallFileSize, limit(unix.RLIMIT_FSIZE, 0)),
		holds(WallOpenFiles, limit(unix.RLIMIT_NOFILE, openFiles)),
	}
	if confined {
		// Elsewhere the count would include the user's other processes.
		walls = append(walls, holds(WallThreads, limit(unix.RLIMIT_NPROC, ownThreads)))
	}
	landlock := restrictSelf()
	walls = append(walls, holds(WallLandlock, landlock))
	exec := nothingToRun()
	if exec != nil && landlock == nil {
		exec = nil
	}
	return append(walls, holds(WallExec, exec))
}

func unless(ok bool, why string) string {
	if ok {
		return ""
	}
	return why
}

// noNetwork reports whether the process is alone in its network: a loopback
// that is down, and nothing else.
func noNetwork() error {
	found, err := net.Interfaces()
	if err != nil {
		return err
	}
	for _, i := range found {
		if i.Flags&net.FlagLoopback == 0 || i.Flags&net.FlagUp != 0 {
			return errors.New("no network namespace: the machine's interfaces can be seen")
		}
	}
	return nil
}

// emptyRoot makes an empty, read-only folder in memory the root of the
// process's own mount namespace, and lets go of all others.
func emptyRoot(confined bool) error {
	if err := unix.Chdir("/"); err != nil {
		return err
	}
	if !confined {
		return errors.New("no mount namespace: the machine's files can be seen")
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_RDONLY
	const spot = "/proc"
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("countersign", spot, "tmpfs", flags, "size=4k"); err != nil {
		return fmt.Errorf("mount an empty folder: %w", err)
	}
	if err := unix.Chdir(spot); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("change the root folder: %w", err)
	}
	// The old root now lies on top of the new one at the same place.
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("let go of the old root folder: %w", err)
	}
	return unix.Chdir("/")
}

// nothingToRun reports whether there is no file at all, so no program.
func nothingToRun() error {
	entries, err := os.ReadDir("/")
	if err != nil {
		return err
	}
	if len(entries) > 0 {
		return errors.New("programs of the machine can be reached by their full path")
	}
	return nil
}

// noNewPrivileges sets the flag on every thread where Go can; the parent's
// [Start] has set it before in any case, and threads inherit it.
func noNewPrivileges() error {
	set, err := unix.PrctlRetInt(unix.PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0)
	if err == nil && set == 1 {
		return nil
	}
	return allThreads(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0)
}

// diesWithParent reports whether [Start] tied the process to its parent. Only
// then were the namespaces made for it, and are its own to change.
func diesWithParent() error {
	var signal int32
	if err := unix.Prctl(unix.PR_GET_PDEATHSIG, uintptr(unsafe.Pointer(&signal)), 0, 0, 0); err != nil {
		return err
	}
	if signal != int32(unix.SIGKILL) {
		return errors.New("not started as a render child")
	}
	return nil
}

// dropCapabilities empties the sets of every thread.
func dropCapabilities() error {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var none, now [2]unix.CapUserData
	if err := unix.Capget(&head, &now[0]); err == nil && now == none {
		return nil
	}
	err := allThreads(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&head)), uintptr(unsafe.Pointer(&none[0])), 0)
	runtime.KeepAlive(&head)
	runtime.KeepAlive(&none)
	return err
}

// allThreads makes a system call on all threads of the process, as those that
// change only the calling thread need it.
func allThreads(trap, a1, a2, a3 uintptr) error {
	_, _, errno := syscall.AllThreadsSyscall6(trap, a1, a2, a3, 0, 0, 0)
	if errno == syscall.ENOTSUP {
		return errors.New("this program was built with cgo: threads cannot be changed together")
	}
	if errno != 0 {
		return errno
	}
	return nil
}

func limit(resource int, value uint64) error {
	return unix.Setrlimit(resource, &unix.Rlimit{Cur: value, Max: value})
}

func keep(limits wire.Limits) []wire.Wall {
	memory := fmt.Errorf("the program maps %d MiB from the start", mapped>>20)
	// Instrumented programs map more than any limit; one more page would be
	// refused, and the first allocation would end them.
	if mapped >= 0 && mapped < limits.Data/2 {
		memory = limit(unix.RLIMIT_DATA, uint64(limits.Data))
	}
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, unix.SIGXCPU)
	go func() {
		<-ended
		os.Exit(ExitCPU)
	}()
	return []wire.Wall{holds(WallMemory, memory), holds(WallCPU, renew(limits.CPU))}
}

func renew(cpu time.Duration) error {
	var usage unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &usage); err != nil {
		return err
	}
	used := time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
	var now unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CPU, &now); err != nil {
		return err
	}
	now.Cur = min(uint64(math.Ceil((used + cpu).Seconds())), now.Max)
	return unix.Setrlimit(unix.RLIMIT_CPU, &now)
}

// closeInherited closes what the parent's own parent left open for its
// children: files and sockets. What the Go runtime opened for itself stays.
func closeInherited() error {
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return err
	}
	for _, entry := range open {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil || fd <= 2 {
			continue
		}
		// The folder that was just listed is gone again.
		target, err := os.Readlink("/proc/self/fd/" + entry.Name())
		if err != nil || strings.HasPrefix(target, "anon_inode:") {
			continue
		}
		if err := unix.Close(fd); err != nil {
			return err
		}
	}
	return nil
}

// dataMapped returns how much RLIMIT_DATA would count, or -1.
func dataMapped() int64 {
	text, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return -1
	}
	var size, resident, shared, code, lib, data int64
	if _, err := fmt.Sscan(string(text), &size, &resident, &shared, &code, &lib, &data); err != nil {
		return -1
	}
	return data * int64(os.Getpagesize())
}
