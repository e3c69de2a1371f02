package synthetic_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/bench/synthetic"
)

// of asks git about a fleet.
func of(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("git %v: %v", args, err)
	}
	return string(out)
}

func write(t *testing.T, clusters int) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "fleet")
	if err := synthetic.Write(t.Context(), dir, clusters); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestTheSameNumberGivesTheSameCommits(t *testing.T) {
	once := of(t, write(t, 12), "for-each-ref", "--format=%(objectname) %(refname)")
	// What a user has configured must not leak into the commits.
	t.Setenv("GIT_AUTHOR_NAME", "Somebody Else")
	t.Setenv("GIT_COMMITTER_DATE", "2001-01-01T00:00:00Z")
	t.Setenv("HOME", hostileHome(t))
	again := of(t, write(t, 12), "for-each-ref", "--format=%(objectname) %(refname)")
	if diff := cmp.Diff(once, again); diff != "" {
		t.Error(diff)
	}
	if n := strings.Count(once, "\n"); n != 1+len(synthetic.Branches(12)) {
		t.Errorf("%d branches", n)
	}
	if of(t, write(t, 13), "rev-parse", "main") == of(t, write(t, 12), "rev-parse", "main") {
		t.Error("another number of clusters gives the same commit")
	}
}

func hostileHome(t *testing.T) string {
	home := t.TempDir()
	config := "[user]\n\tname = Somebody Else\n[core]\n\tautocrlf = true\n[init]\n\tdefaultBranch = trunk\n"
	if err := os.WriteFile(filepath.Join(home, ".gitconfig"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	return home
}

func TestTheWorkTreeIsMain(t *testing.T) {
	dir := write(t, 3)
	if status := of(t, dir, "status", "--porcelain", "--branch"); status != "## main\n" {
		t.Errorf("status %q", status)
	}
	for _, root := range synthetic.Roots(3) {
		if _, err := os.Stat(filepath.Join(dir, root)); err != nil {
			t.Error(err)
		}
	}
}

func TestBranchesChangeWhatTheySay(t *testing.T) {
	dir := write(t, 60)
	want := map[string]struct {
		files int
		below string
	}{
		"scale": {1, synthetic.Cluster(1)}, "resize": {1, synthetic.Cluster(0)}, "ssh": {1, synthetic.Cluster(0)},
		"fifty": {50, "clusters/"}, "upgrade": {2, "base/common/"}, "new": {3, synthetic.Cluster(60)}, "delete": {3, synthetic.Cluster(59)},
		"docs": {1, "docs/"},
	}
	for _, branch := range synthetic.Branches(60) {
		changed := strings.Fields(of(t, dir, "diff", "--name-only", "main", branch.Name))
		if len(changed) != want[branch.Name].files {
			t.Errorf("%s changes %d files, want %d", branch.Name, len(changed), want[branch.Name].files)
		}
		for _, file := range changed {
			if !strings.HasPrefix(file, want[branch.Name].below) {
				t.Errorf("%s changes %s", branch.Name, file)
			}
		}
	}
}

func TestCommitAddsABranchLater(t *testing.T) {
	dir := write(t, 3)
	if err := synthetic.Commit(t.Context(), dir, synthetic.Scale("later", 2, 7)); err != nil {
		t.Fatal(err)
	}
	if got := of(t, dir, "diff", "--name-only", "main", "later"); got != synthetic.Cluster(2)+"/size.yaml\n" {
		t.Errorf("later changes %q", got)
	}
	if of(t, dir, "rev-parse", "later^") != of(t, dir, "rev-parse", "main") {
		t.Error("later does not start from main")
	}
}

func TestWriteRefuses(t *testing.T) {
	full := t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "mine"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name     string
		ctx      context.Context
		dir      string
		clusters int
		want     string
	}{
		{"a full folder", t.Context(), full, 3, "is not empty"},
		{"no clusters", t.Context(), t.TempDir(), 0, "1 at least"},
		{"nobody who waits", ended, t.TempDir(), 3, "context canceled"},
	} {
		err := synthetic.Write(c.ctx, c.dir, c.clusters)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
