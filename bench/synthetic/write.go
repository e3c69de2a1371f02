package synthetic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// Main is the branch that the others start from.
const Main = "main"

// when is the moment of all commits.
const when = "Fleet <fleet@example.com> 1767603600 +0000"

// Branch is a branch of the repository.
type Branch struct {
	Name string
	// What says what it changes, for a commit's message.
	What  string
	files files
}

// Branches lists the branches beside main, in the order of their commits.
func Branches(clusters int) []Branch {
	fifty := files{}
	for i := range min(50, clusters) {
		fifty.put(Cluster(i)+"/size.yaml", size(9+i%3))
	}
	return []Branch{
		Scale("scale", 1, 8),
		Resize("resize", 0, 4),
		{"fifty", "Scale many clusters", fifty},
		{"upgrade", "Upgrade Kubernetes everywhere", upgraded()},
		{"ssh", "Let the operators in", sshKey(0)},
		{"new", "Add a cluster", newCluster(clusters)},
		{"delete", "Remove a cluster", files{Cluster(clusters - 1): nil}},
		{"docs", "Write down how to upgrade", runbook()},
	}
}

// Scale is a branch with a new size of cluster i's general pool.
func Scale(branch string, i, replicas int) Branch {
	f := files{}
	f.put(Cluster(i)+"/size.yaml", size(replicas))
	return Branch{branch, "Scale " + name(i), f}
}

// Resize is a branch with other machines for cluster i: unlike the size of a
// pool, no other root and no rule about the fleet has to do with that.
func Resize(branch string, i, size int) Branch {
	kind, path, value := "AWSMachineTemplate", "instanceType", fmt.Sprintf("m6i.%dxlarge", size)
	if regions[i%len(regions)].provider == "vsphere" {
		kind, path, value = "VSphereMachineTemplate", "numCPUs", fmt.Sprint(size)
	}
	f := files{}
	f.put(Cluster(i)+"/kustomization.yaml", overlay(i, fmt.Sprintf(`- target:
    kind: %s
    name: general
  patch: |-
    - op: replace
      path: /spec/template/spec/%s
      value: %s
`, kind, path, value)))
	return Branch{branch, "Other machines for " + name(i), f}
}

func upgraded() files {
	f := files{}
	for _, file := range []string{"base/common/control-plane.yaml", "base/common/workers.yaml"} {
		// The file is embedded: reading it cannot fail.
		content, _ := shared.ReadFile("shared/" + file)
		f.put(file, strings.ReplaceAll(string(content), "v1.31.4", "v1.31.5"))
	}
	return f
}

func sshKey(i int) files {
	f := files{}
	f.put(Cluster(i)+"/kustomization.yaml", overlay(i, `- target:
    kind: AWSMachineTemplate
  patch: |-
    - op: replace
      path: /spec/template/spec/sshKeyName
      value: operators
`))
	return f
}

func newCluster(i int) files {
	f := files{}
	putCluster(f, i)
	return f
}

func runbook() files {
	f := files{}
	f.put("docs/upgrade.md", "# How to upgrade\n\nOne region after the other, and not on Fridays.\n")
	return f
}

// Write makes the repository of a fleet in dir, which must not exist yet or be
// empty, and checks main out there. Errors are of the file system and of git,
// which must be installed, and of a number of clusters below 1.
func Write(ctx context.Context, dir string, clusters int) error {
	if clusters < 1 {
		return fmt.Errorf("a fleet of %d clusters cannot be written: 1 at least", clusters)
	}
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty: name a folder that does not exist", dir)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	all, err := everything(clusters)
	if err != nil {
		return err
	}
	err = git(ctx, dir, nil, "init", "-q", "--template=", "--object-format=sha1", "--initial-branch="+Main)
	if err != nil {
		return err
	}
	first := Branch{Main, fmt.Sprintf("A fleet of %d clusters", clusters), all}
	if err := Commit(ctx, dir, append([]Branch{first}, Branches(clusters)...)...); err != nil {
		return err
	}
	return git(ctx, dir, nil, "reset", "-q", "--hard", Main)
}

// Commit adds branches to a repository that [Write] made, each one commit on
// top of main.
func Commit(ctx context.Context, dir string, branches ...Branch) error {
	var stream bytes.Buffer
	for _, branch := range branches {
		fmt.Fprintf(&stream, "commit refs/heads/%s\nauthor %s\ncommitter %s\n", branch.Name, when, when)
		fmt.Fprintf(&stream, "data %d\n%s\n\n", len(branch.What)+1, branch.What)
		if branch.Name != Main {
			fmt.Fprintf(&stream, "from refs/heads/%s\n", Main)
		}
		for _, path := range slices.Sorted(maps.Keys(branch.files)) {
			content := branch.files[path]
			if content == nil {
				fmt.Fprintf(&stream, "D %s\n", path)
				continue
			}
			fmt.Fprintf(&stream, "M 100644 inline %s\ndata %d\n%s\n", path, len(*content), *content)
		}
	}
	return git(ctx, dir, stream.Bytes(), "fast-import", "--quiet", "--force")
}

// Checkout puts a branch of a repository that [Write] made into a folder that
// does not exist yet.
func Checkout(ctx context.Context, dir, branch, to string) error {
	return git(ctx, dir, nil, "worktree", "add", "-q", "--detach", to, branch)
}

// git runs git as if nobody had ever configured it.
func git(ctx context.Context, dir string, input []byte, args ...string) error {
	home := filepath.Join(dir, ".git")
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir, cmd.Stdin = dir, bytes.NewReader(input)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "XDG_CONFIG_HOME=" + home, "LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_CEILING_DIRECTORIES=" + filepath.Dir(dir)}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(out))
	}
	return nil
}
