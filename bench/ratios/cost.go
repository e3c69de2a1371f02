package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/policy"
)

// cost is what one run took: time that passed, and CPU time of all processes.
type cost struct{ wall, cpu time.Duration }

func (c cost) add(d cost) cost { return cost{c.wall + d.wall, c.cpu + d.cpu} }

func (c cost) String() string { return short(c.wall) + " wall, " + short(c.cpu) + " CPU" }

func short(d time.Duration) string {
	switch {
	case d >= 10*time.Second:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d >= time.Second:
		return fmt.Sprintf("%.2f s", d.Seconds())
	case d >= 10*time.Millisecond:
		return fmt.Sprintf("%.0f ms", d.Seconds()*1e3)
	}
	return fmt.Sprintf("%.2f ms", d.Seconds()*1e3)
}

// enough ends the repeating of what takes long.
const enough = 10 * time.Second

// median runs something up to runs times and takes the median of wall and of
// CPU time, each by itself.
func median(runs int, once func() (cost, error)) (cost, error) {
	var walls, cpus []time.Duration
	for start := time.Now(); len(walls) < runs && (len(walls) == 0 || time.Since(start) < enough); {
		c, err := once()
		if err != nil {
			return cost{}, err
		}
		walls, cpus = append(walls, c.wall), append(cpus, c.cpu)
	}
	slices.Sort(walls)
	slices.Sort(cpus)
	return cost{walls[len(walls)/2], cpus[len(cpus)/2]}, nil
}

// inside is the cost of work in this process, its render children and git.
func inside(work func() error) (cost, error) {
	before, err := spent()
	if err != nil {
		return cost{}, err
	}
	start := time.Now()
	err = work()
	wall := time.Since(start)
	after, later := spent()
	return cost{wall, after - before}, errors.Join(err, later)
}

// warm is the cost of a review in a server that runs already. affected is how
// many roots it must find.
func (f *repository) warm(ctx context.Context, base, head string, affected int) (cost, error) {
	return inside(func() error {
		a, err := f.server.Review(ctx, base, head)
		if err != nil {
			return err
		}
		return check(a, affected)
	})
}

// check refuses to measure what is not the work that was asked for.
func check(a policy.Assessment, affected int) error {
	n := 0
	for _, root := range a.Roots {
		if root.Status == "failed" || root.Status == "unsupported" {
			return fmt.Errorf("root %s: %s: %v", root.Path, root.Status, root.Error)
		}
		if root.Status != "unchanged" {
			n++
		}
	}
	if n != affected || len(a.Problems) > 0 || len(a.Findings) > 0 {
		return fmt.Errorf("%d roots affected, want %d; %d findings; problems: %v", n, affected, len(a.Findings),
			a.Problems)
	}
	return nil
}

// cold is the cost of a review by the command line.
func (l *lab) cold(ctx context.Context, f *repository, base, head string) (cost, error) {
	cmd := exec.CommandContext(ctx, l.countersign, "review", "--repo", f.dir, "--base", base, "--head", head)
	cmd.Env = l.environment()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = nil, &said
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	// 0 and 1 are answers: 1 says that approvals are missing.
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && (!exited || cmd.ProcessState.ExitCode() != 1) {
		return cost{}, fmt.Errorf("countersign review: %w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	return cost{wall, cpuOf(cmd)}, nil
}

func (l *lab) environment() []string {
	return append(os.Environ(), "COUNTERSIGN_HMAC_KEY=0123456789abcdef0123456789abcdef")
}

func cpuOf(cmd *exec.Cmd) time.Duration {
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// peer is the cost of judging roots of base and head, one after the other, as
// a script with kustomize and conftest does.
func (l *lab) peer(ctx context.Context, f *repository, head string, roots []string) (cost, error) {
	var sum cost
	for _, root := range roots {
		for _, branch := range []string{"main", head} {
			tree, err := f.tree(ctx, branch)
			if err != nil {
				return cost{}, err
			}
			c, err := l.pipe(ctx, filepath.Join(tree, root))
			if err != nil {
				return cost{}, err
			}
			sum = sum.add(c)
		}
	}
	return sum, nil
}

// pipe runs kustomize build ROOT | conftest test -.
func (l *lab) pipe(ctx context.Context, root string) (cost, error) {
	build := exec.CommandContext(ctx, l.kustomize, "build", "--load-restrictor", "LoadRestrictionsNone", root)
	test := exec.CommandContext(ctx, l.conftest, "test", "--policy", l.policies, "-")
	reader, writer, err := os.Pipe()
	if err != nil {
		return cost{}, err
	}
	var said bytes.Buffer
	build.Stdout, test.Stdin, test.Stdout = writer, reader, &said
	start := time.Now()
	err = errors.Join(build.Start(), test.Start(), writer.Close(), reader.Close())
	if err != nil {
		return cost{}, err
	}
	err = errors.Join(build.Wait(), test.Wait())
	if err != nil {
		return cost{}, fmt.Errorf("kustomize build %s | conftest test: %w: %s", root, err,
			bytes.TrimSpace(said.Bytes()))
	}
	return cost{time.Since(start), cpuOf(build) + cpuOf(test)}, nil
}
