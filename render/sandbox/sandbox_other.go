//go:build !linux

package sandbox

import (
	"errors"
	"os"
	"os/exec"
	"time"

	"github.com/countersign-dev/countersign/render/wire"
)

// Level says how far the kernel lets a parent confine a child.
type Level int

// LevelNamespaces is the level that is asked for first; here it is the only one.
const LevelNamespaces Level = 0

// Start starts a child with an empty environment. The returned function waits
// for its end like [exec.Cmd.Wait] and must be called once.
func Start(cmd *exec.Cmd, _ Level) (wait func() error, err error) {
	cmd.Env = []string{}
	cmd.Dir = os.TempDir()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return cmd.Wait, nil
}

// Refuses reports false: there is no other level.
func (l Level) Refuses(error) (more bool) { return false }

var errPlatform = errors.New("only Linux has it")

func enter() []wire.Wall {
	var walls []wire.Wall
	for _, name := range []string{
		WallNetwork, WallFiles, WallProcesses, WallParent, WallPrivileges, WallCaps, WallDescriptors,
		WallCore, WallFileSize, WallOpenFiles, WallLandlock, WallExec,
	} {
		walls = append(walls, holds(name, errPlatform))
	}
	return walls
}

func keep(wire.Limits) []wire.Wall {
	return []wire.Wall{holds(WallMemory, errPlatform), holds(WallCPU, errPlatform)}
}

func renew(time.Duration) error { return nil }
