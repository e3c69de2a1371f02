package sandbox

import (
	"errors"
	"fmt"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// fileRights are the rights over files that each version of Landlock knows,
// from the first on: a right that the kernel does not know makes it refuse.
var fileRights = []uint64{
	1: unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1,
	2: unix.LANDLOCK_ACCESS_FS_REFER<<1 - 1,
	3: unix.LANDLOCK_ACCESS_FS_TRUNCATE<<1 - 1,
	4: unix.LANDLOCK_ACCESS_FS_TRUNCATE<<1 - 1,
	5: unix.LANDLOCK_ACCESS_FS_IOCTL_DEV<<1 - 1,
}

// restrictSelf takes all rights over files, and those to TCP where the kernel
// knows them, from every thread: a ruleset that handles them and grants none.
func restrictSelf() error {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return fmt.Errorf("the kernel has no Landlock: %w", errno)
	}
	if version < 1 {
		return errors.New("the kernel has no Landlock")
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: fileRights[min(int(version), len(fileRights)-1)]}
	size := unsafe.Sizeof(attr.Handled_access_fs)
	if version >= 4 {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
		size += unsafe.Sizeof(attr.Handled_access_net)
	}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	runtime.KeepAlive(&attr)
	if errno != 0 {
		return fmt.Errorf("make a ruleset: %w", errno)
	}
	err := allThreads(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0)
	return errors.Join(err, unix.Close(int(fd)))
}
