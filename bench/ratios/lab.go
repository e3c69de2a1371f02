package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/bench/joined"
	"github.com/countersign-dev/countersign/bench/peer"
	"github.com/countersign-dev/countersign/bench/synthetic"
)

// lab is where things are measured: fleets, programs, and a folder for both.
type lab struct {
	options
	dir                           string
	countersign                   string
	kustomize, conftest, policies string
	fleets                        map[int]*repository
}

// repository is one fleet with a warm server on it.
type repository struct {
	dir      string
	clusters int
	server   *joined.Server
	// trees are the folders that branches are checked out in.
	trees map[string]string
	heads int
}

func newLab(ctx context.Context, o options) (*lab, error) {
	dir, err := os.MkdirTemp("", "countersign-ratios-")
	if err != nil {
		return nil, err
	}
	l := &lab{options: o, dir: dir, fleets: map[int]*repository{}, countersign: filepath.Join(dir, "countersign"),
		policies: filepath.Join(dir, "policies")}
	err = os.CopyFS(l.policies, peer.FS)
	if err == nil {
		err = l.tools(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return l, nil
}

// tools builds our program and finds or installs the others.
func (l *lab) tools(ctx context.Context) error {
	err := goRun(ctx, "", "build", "-o", l.countersign, "github.com/countersign-dev/countersign/cmd/countersign")
	if err != nil {
		return err
	}
	bin := l.bin
	if bin == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			return err
		}
		bin = filepath.Join(cache, "countersign-bench", "kustomize-v5.8.2-conftest-v0.71.1")
	}
	for tool, module := range map[string]string{
		"kustomize": "sigs.k8s.io/kustomize/kustomize/v5@v5.8.2",
		"conftest":  "github.com/open-policy-agent/conftest@v0.71.1",
	} {
		if _, err := os.Stat(filepath.Join(bin, tool)); err == nil {
			continue
		}
		if l.bin != "" {
			return fmt.Errorf("there is no %s in %s", tool, bin)
		}
		if err := goRun(ctx, bin, "install", module); err != nil {
			return err
		}
	}
	l.kustomize, l.conftest = filepath.Join(bin, "kustomize"), filepath.Join(bin, "conftest")
	return nil
}

func goRun(ctx context.Context, bin string, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Env = append(os.Environ(), "GOFLAGS=", "CGO_ENABLED=0")
	if bin != "" {
		cmd.Env = append(cmd.Env, "GOBIN="+bin)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, bytes.TrimSpace(out))
	}
	return nil
}

// fleet returns the fleet of a size, with a server that has seen it once.
func (l *lab) fleet(ctx context.Context, clusters int) (*repository, error) {
	if f := l.fleets[clusters]; f != nil {
		return f, nil
	}
	dir := filepath.Join(l.dir, strconv.Itoa(clusters))
	if err := synthetic.Write(ctx, dir, clusters); err != nil {
		return nil, err
	}
	server, err := joined.Open(ctx, dir, "")
	if err != nil {
		return nil, err
	}
	f := &repository{dir: dir, clusters: clusters, server: server, trees: map[string]string{synthetic.Main: dir}}
	l.fleets[clusters] = f
	for _, branch := range []string{"docs", "resize"} {
		if _, err := server.Review(ctx, synthetic.Main, branch); err != nil {
			return nil, err
		}
	}
	return f, nil
}

// head commits a change that nobody has seen and returns its branch. Every
// second cluster scales by itself, so that the size of its pool is no fact of
// its own: the others are taken.
func (f *repository) head(ctx context.Context, change func(string, int, int) synthetic.Branch) (string, error) {
	f.heads++
	name := fmt.Sprint("head-", f.heads)
	return name, synthetic.Commit(ctx, f.dir, change(name, (2*f.heads+1)%max(f.clusters&^1, 1), 10+f.heads))
}

// tree returns a folder with a branch's files.
func (f *repository) tree(ctx context.Context, branch string) (string, error) {
	if at := f.trees[branch]; at != "" {
		return at, nil
	}
	at := f.dir + "-" + branch
	f.trees[branch] = at
	return at, synthetic.Checkout(ctx, f.dir, branch, at)
}

func (l *lab) close() error {
	var errs []error
	for _, f := range l.fleets {
		errs = append(errs, f.server.Close())
	}
	return errors.Join(append(errs, os.RemoveAll(l.dir))...)
}

// introduce says what was measured on what.
func (l *lab) introduce(out io.Writer) {
	fmt.Fprintf(out, "%s, %d CPUs, %s, %s/%s; load average %s\n", processor(), runtime.NumCPU(), runtime.Version(),
		runtime.GOOS, runtime.GOARCH, load())
	fmt.Fprintf(out, "fleets of %d clusters (%d roots), %d, %d and %d; medians of up to %d runs\n", l.clusters,
		len(synthetic.Roots(l.clusters)), l.small, l.large, l.huge, l.runs)
	fmt.Fprintln(out, "peer: kustomize v5.8.2 build | conftest v0.71.1 test, 20 rules, base then head, root by root")
}

func processor() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	for line := range strings.Lines(string(text)) {
		if name, value, _ := strings.Cut(line, ":"); strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown processor"
}

func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	fields := strings.Fields(string(text))
	if err != nil || len(fields) < 3 {
		return "unknown"
	}
	return strings.Join(fields[:3], " ")
}
