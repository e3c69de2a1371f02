package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/tools/txtar"
)

// Scripts call the test binary by the program's name, and then it is that.
func init() {
	if filepath.Base(os.Args[0]) == "countersign" {
		main()
		os.Exit(exitPass)
	}
}

// TestScripts plays testdata/script: the command line as somebody uses it, in
// processes of its own. "go test ./cmd/countersign -run Scripts -update"
// rewrites the transcripts that they compare with.
func TestScripts(t *testing.T) {
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script", UpdateScripts: *update, RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(e *testscript.Env) error { return setUpScript(e, binary) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "complete": completeJSON, "commit": commitAll,
		},
	})
}

func setUpScript(e *testscript.Env, binary string) error {
	programs := filepath.Join(e.WorkDir, ".bin")
	if err := os.MkdirAll(programs, 0o755); err != nil {
		return err
	}
	if err := os.Symlink(binary, filepath.Join(programs, "countersign")); err != nil {
		return err
	}
	e.Setenv("PATH", programs+string(os.PathListSeparator)+e.Getenv("PATH"))
	e.Setenv("HOME", filepath.Join(e.WorkDir, ".home"))
	e.Setenv("COUNTERSIGN_HMAC_KEY", testKey)
	e.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	for _, who := range []string{"AUTHOR", "COMMITTER"} {
		e.Setenv("GIT_"+who+"_NAME", "a")
		e.Setenv("GIT_"+who+"_EMAIL", "a@example.com")
		e.Setenv("GIT_"+who+"_DATE", "2026-01-05T10:00:00Z")
	}
	return nil
}

// exits STATUS PROGRAM [ARG…] runs a program that must end with that status
// and, when it is 3, must say why on standard error, in words without control
// characters or a trace, and nothing on standard output.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS PROGRAM [ARG…]")
	}
	status := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		status = exit.ExitCode()
	}
	stdout, stderr := ts.ReadFile("stdout"), ts.ReadFile("stderr")
	if fmt.Sprint(status) != args[0] {
		ts.Fatalf("exit status %d, want %s\n%s", status, args[0], stderr)
	}
	if status == exitUsage && (stdout != "" || !strings.HasPrefix(stderr, "countersign: ")) {
		ts.Fatalf("wrong usage is not explained, or with output: %q, %q", stdout, stderr)
	}
	if strings.Contains(stderr, "goroutine ") || strings.ContainsFunc(stderr, unprintable) {
		ts.Fatalf("standard error is not for people: %q", stderr)
	}
}

// complete STATE says that standard output is one JSON document of a review or
// an audit, with every part and this state.
func completeJSON(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: complete STATE")
	}
	var document map[string]json.RawMessage
	if err := json.Unmarshal([]byte(ts.ReadFile("stdout")), &document); err != nil {
		ts.Fatalf("%v", err)
	}
	for _, key := range []string{"schema", "engine", "base", "head", "merged_tree", "roots", "changes", "findings", "rules",
		"privileged", "approvals", "verdict", "problems", "notices", "facts"} {
		if _, ok := document[key]; !ok {
			ts.Fatalf("the JSON lacks %q", key)
		}
	}
	var verdict struct{ State, Title string }
	if err := json.Unmarshal(document["verdict"], &verdict); err != nil || verdict.State != args[0] || verdict.Title == "" {
		ts.Fatalf("verdict %s, want %s (%v)", document["verdict"], args[0], err)
	}
}

// commit MESSAGE makes the current folder a repository if it is none, and
// commits all that is in it.
func commitAll(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: commit MESSAGE")
	}
	if _, err := os.Stat(ts.MkAbs(".git")); err != nil {
		ts.Check(ts.Exec("git", "init", "--quiet", "--initial-branch=main"))
	}
	ts.Check(ts.Exec("git", "add", "--all"))
	ts.Check(ts.Exec("git", "commit", "--quiet", "--allow-empty", "--message", args[0]))
}

// Colour is for terminals, and for people who did not ask to be spared.
func TestColour(t *testing.T) {
	r := newRepository(t)
	r.commit(&txtar.Archive{Files: []txtar.File{{Name: "base/a.yaml", Data: []byte(machines)}}}, "base")
	for _, c := range []struct {
		terminal bool
		env      []string
		coloured bool
	}{
		{true, nil, true}, {true, []string{"NO_COLOR=1"}, false}, {true, []string{"TERM=dumb"}, false}, {false, nil, false},
	} {
		var stdout, stderr bytes.Buffer
		p := program{args: []string{"audit", "--repo", r.dir}, stdout: &stdout, stderr: &stderr, terminal: c.terminal,
			getenv: func(name string) string {
				i := slices.IndexFunc(c.env, func(pair string) bool { return strings.HasPrefix(pair, name+"=") })
				if i < 0 {
					return ""
				}
				return c.env[i][len(name)+1:]
			}}
		if exit := p.run(t.Context()); exit != exitPass || !strings.Contains(stdout.String(), "CS-SSH-001") {
			t.Fatalf("exit %d: %s%s", exit, stdout.String(), stderr.String())
		}
		if coloured := strings.Contains(stdout.String(), "\x1b["); coloured != c.coloured {
			t.Errorf("terminal %v, environment %v: coloured %v", c.terminal, c.env, coloured)
		}
	}
}
