package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"time"

	"github.com/countersign-dev/countersign/bench/synthetic"
	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fleet"
	"github.com/countersign-dev/countersign/render"
)

// allRules puts the objects of one root to the rules that there are.
func allRules(ctx context.Context, l *lab) (row, error) {
	f, err := l.fleet(ctx, l.small)
	if err != nil {
		return row{}, err
	}
	compared, err := f.server.Render(ctx, synthetic.Main)
	if err != nil {
		return row{}, err
	}
	build := compared.Head.Builds[synthetic.Cluster(1)]
	index := fleet.New([]render.Build{build}, config.Strict())
	var inputs []engine.Object
	for i := range build.Resources {
		inputs = append(inputs, index.Object(&build.Resources[i], build.Root))
	}
	c, err := median(20*l.runs, func() (cost, error) {
		return inside(func() error {
			_, err := f.server.Rules.Objects(ctx, inputs, nil)
			return err
		})
	})
	rules := len(f.server.Rules.Rules())
	word := fmt.Sprintf("so far with %d rules: %s", rules, verdict(c.wall <= 5*time.Millisecond))
	if rules < 122 && c.wall <= 5*time.Millisecond {
		word = fmt.Sprintf("reached so far with %d rules; the others are not built yet", rules)
	}
	return row{fmt.Sprintf("%d rules, %d objects: %v", rules, len(inputs), c), short(c.wall), word}, err
}

// memory lets the program audit the largest fleet and adds up the most memory
// that each of its processes has held.
func memory(ctx context.Context, l *lab) (row, error) {
	f, err := l.fleet(ctx, l.huge)
	if err != nil {
		return row{}, err
	}
	cmd := exec.CommandContext(ctx, l.countersign, "audit", "--repo", f.dir, "--rev", synthetic.Main)
	cmd.Env = l.environment()
	var said bytes.Buffer
	cmd.Stderr = &said
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return row{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	peaks := map[int]int64{}
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		select {
		case err := <-ended:
			tick.Stop()
			if err != nil {
				return row{}, fmt.Errorf("countersign audit: %w: %s", err, bytes.TrimSpace(said.Bytes()))
			}
			return memoryRow(l.huge, peaks, cost{time.Since(start), cpuOf(cmd)}), nil
		case <-tick.C:
			if err := sample(cmd.Process.Pid, peaks); err != nil {
				return row{}, errors.Join(err, cmd.Process.Kill())
			}
		}
	}
}

func sample(pid int, peaks map[int]int64) error {
	below, err := descendants(pid)
	for _, p := range append(below, pid) {
		peaks[p] = max(peaks[p], peak(p))
	}
	return err
}

func memoryRow(clusters int, peaks map[int]int64, c cost) row {
	var sum, most int64
	for _, p := range peaks {
		sum, most = sum+p, max(most, p)
	}
	return row{fmt.Sprintf("audit of %d clusters: %v; %d processes, the largest %d MB", clusters, c, len(peaks),
		most/1e6),
		fmt.Sprintf("%d MB", sum/1e6), verdict(sum <= 512e6)}
}
