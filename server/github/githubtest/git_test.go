package githubtest_test

import (
	"encoding/base64"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/server/github/githubtest"
)

// git runs a real git with nothing of the machine's configuration.
func git(t *testing.T, dir string, header string, args ...string) (string, error) {
	t.Helper()
	command := exec.Command("git", args...)
	command.Dir = dir
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_NO_LAZY_FETCH=1"}
	if header != "" {
		command.Env = append(command.Env, "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=http.extraHeader", "GIT_CONFIG_VALUE_0="+header)
	}
	out, err := command.CombinedOutput()
	return string(out), err
}

func TestRealFetches(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	number, head := w.open("grow")
	_, made := w.token(`{"permissions":{"contents":"read"}}`)
	header := "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("x-access-token:"+made["token"].(string)))
	mirror := t.TempDir()
	run := func(header string, args ...string) string {
		t.Helper()
		out, err := git(t, mirror, header, args...)
		if err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return out
	}
	run("", "init", "--quiet", "--bare")
	from := w.URL() + "/acme/clusters.git"
	if out, err := git(t, mirror, "", "fetch", from, "main"); err == nil || !strings.Contains(out, "could not read Username") {
		t.Errorf("a fetch without a token: %v %s", err, out)
	}
	if out, err := git(t, mirror, header, "fetch", w.URL()+"/acme/nowhere.git", "main"); err == nil {
		t.Errorf("a fetch of nothing: %s", out)
	}
	run("", "config", "remote.origin.url", from)
	run("", "config", "remote.origin.promisor", "true")
	run(header, "fetch", "--quiet", "--no-tags", "--filter=blob:none", "origin", head+":refs/pulls/1", "+refs/heads/main:refs/heads/main")
	if out := run("", "rev-list", "--objects", "--missing=print", "refs/pulls/1"); strings.Count(out, "?") != 3 {
		t.Errorf("blobs came with a fetch that asked for none:\n%s", out)
	}
	run(header, "fetch", "--quiet", "--filter=blob:none", "origin", "refs/pull/1/head:refs/pulls/ref")
	if got := strings.TrimSpace(run("", "rev-parse", "refs/pulls/ref")); got != head {
		t.Errorf("pull request %d is at %s, want %s", number, got, head)
	}
	blobs := run("", "rev-list", "--objects", "--missing=print", "refs/pulls/1")
	var wanted []string
	for line := range strings.Lines(blobs) {
		if sha, missing := strings.CutPrefix(strings.TrimSpace(line), "?"); missing {
			wanted = append(wanted, sha)
		}
	}
	run(header, append([]string{"-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", "--no-write-fetch-head", "--filter=blob:none",
		"origin"}, wanted...)...)
	if out := run("", "cat-file", "blob", "refs/pulls/1:grow.yaml"); out != "x: 1\n" {
		t.Errorf("the blob: %q", out)
	}
	if out, err := git(t, mirror, header, "push", "origin", "refs/heads/main:refs/heads/evil"); err == nil {
		t.Errorf("a push was taken: %s", out)
	}
	w.TakeProblems() // the push is none that is answered
	w.Fail("transport/upload-pack", githubtest.Fault{Reset: true})
	second := must[string](t)(w.repository.Commit(githubtest.Commit{Parents: []string{head}, Author: "bob", Files: map[string]string{"n": "1"}}))
	check(t, w.repository.Push("bob", "grow", second))
	if out, err := git(t, mirror, header, "fetch", "--quiet", "origin", second); err == nil {
		t.Errorf("the fault was not played: %s", out)
	}
	run(header, "fetch", "--quiet", "--filter=blob:none", "origin", second)
	if w.Count("transport/upload-pack") == 0 {
		t.Error("fetches are not recorded")
	}
}

// Objects of a fork are reachable in its parent, as in GitHub's shared store.
func TestForksShareObjects(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	w.repository.Public()
	must[int64](t)(w.AddUser(githubtest.User{Login: "outsider"}))
	fork := must[*githubtest.Repository](t)(w.repository.Fork("outsider"))
	secret := must[string](t)(fork.Commit(githubtest.Commit{Parents: []string{w.root}, Author: "outsider", Files: map[string]string{"z": "1"}}))
	mirror := t.TempDir()
	if out, err := git(t, mirror, "", "init", "--quiet", "--bare"); err != nil {
		t.Fatal(out)
	}
	if out, err := git(t, mirror, "", "fetch", "--quiet", w.URL()+"/acme/clusters.git", secret); err != nil {
		t.Errorf("a fork's commit by SHA: %v %s", err, out)
	}
}
