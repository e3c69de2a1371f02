package sandbox

import (
	"errors"
	"os/exec"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// Level says how far the kernel lets a parent confine a child.
type Level int

// The levels, the strictest first. The zero Level is the strictest.
const (
	LevelNamespaces Level = iota // all namespaces of its own
	LevelNetwork                 // a user and a network namespace
	LevelProcess                 // only what a process can do to itself
	levels
)

// namespaces are the flags of each level.
var namespaces = [levels]uintptr{
	LevelNamespaces: unix.CLONE_NEWUSER | unix.CLONE_NEWNET | unix.CLONE_NEWNS |
		unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS,
	LevelNetwork: unix.CLONE_NEWUSER | unix.CLONE_NEWNET,
}

// Start starts a child at a level: with an empty environment, tied to the
// life of this process, unable to gain privileges. The returned function
// waits for its end like [exec.Cmd.Wait] and must be called once. An error
// that [Refuses] accepts means that a laxer level may work.
func Start(cmd *exec.Cmd, level Level) (wait func() error, err error) {
	cmd.Env = []string{}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Pdeathsig:  syscall.SIGKILL,
		Cloneflags: namespaces[level],
	}
	if namespaces[level] != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: syscall.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: syscall.Getgid(), Size: 1}}
	}
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		// The thread is the child's parent for the kernel: it carries the flag
		// that the child inherits, lives as long as the child, and ends with this
		// goroutine because it is never unlocked.
		runtime.LockOSThread()
		err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
		if err == nil {
			err = cmd.Start()
		}
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return func() error { return <-ended }, nil
}

// Refuses reports whether a kernel or container refused a level, so that the
// next one is worth a try; more reports whether there is one.
func (l Level) Refuses(err error) (more bool) {
	refused := errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EINVAL) ||
		errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.ENOSYS) || errors.Is(err, syscall.EACCES)
	return refused && l+1 < levels
}
