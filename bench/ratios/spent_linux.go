package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// spent returns the CPU time that this process and its descendants have used:
// those that have ended by what the kernel counted when they did, those that
// run by their clocks.
func spent() (time.Duration, error) {
	var ended unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_CHILDREN, &ended); err != nil {
		return 0, fmt.Errorf("getrusage: %w", err)
	}
	var own unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &own); err != nil {
		return 0, fmt.Errorf("clock_gettime: %w", err)
	}
	sum := time.Duration(ended.Utime.Nano() + ended.Stime.Nano() + own.Nano())
	running, err := descendants(os.Getpid())
	if err != nil {
		return 0, err
	}
	for _, pid := range running {
		var clock unix.Timespec
		// The number of a process's CPU clock, as clock_getcpuclockid(3) makes it.
		if err := unix.ClockGettime(int32(^pid<<3|2), &clock); err == nil {
			sum += time.Duration(clock.Nano())
		}
	}
	return sum, nil
}

// descendants lists the processes that a process started, and those they did.
func descendants(pid int) ([]int, error) {
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		return nil, err
	}
	var all []int
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ESRCH) {
			continue // it has ended
		}
		if err != nil {
			return nil, err
		}
		for _, field := range bytes.Fields(text) {
			child, err := strconv.Atoi(string(field))
			if err != nil {
				return nil, err
			}
			below, err := descendants(child)
			if err != nil {
				return nil, err
			}
			all = append(append(all, child), below...)
		}
	}
	return all, nil
}

// peak returns the most memory that a process has held so far, in bytes; 0
// when it has ended.
func peak(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range bytes.Lines(text) {
		if fields := bytes.Fields(line); len(fields) > 1 && string(fields[0]) == "VmHWM:" {
			kib, err := strconv.ParseInt(string(fields[1]), 10, 64)
			if err != nil {
				return 0
			}
			return kib << 10
		}
	}
	return 0
}
