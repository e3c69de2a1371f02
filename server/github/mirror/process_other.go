//go:build !linux

package mirror

import (
	"os/exec"
	"syscall"
)

// apart puts a process into a group of its own, so that it ends with all that
// it started.
func apart(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
}
