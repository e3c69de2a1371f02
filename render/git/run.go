package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"time"
)

const (
	// maxOutput bounds what one git command may answer.
	maxOutput = 64 << 20
	// maxStderr bounds what is kept of git's complaints.
	maxStderr = 16 << 10
	// reapDelay is how long a killed git may keep its pipes open.
	reapDelay = 2 * time.Second
)

// enforced is configuration that the user's repository cannot override: it is
// given as on the command line, where safe.directory is obeyed as well.
var enforced = [][2]string{
	{"safe.directory", "*"},
	{"core.fsmonitor", "false"},
	{"core.hooksPath", os.DevNull},
	{"core.attributesFile", os.DevNull},
	{"core.warnAmbiguousRefs", "true"},
	{"core.commitGraph", "false"},
	{"gc.auto", "0"},
	{"maintenance.auto", "false"},
}

// environment is all that a git process sees. PATH is inherited, for git may
// be a wrapper script; home is an empty folder.
func environment(home string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + home,
		"XDG_CONFIG_HOME=" + home,
		"TMPDIR=" + home,
		"LC_ALL=C",
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_ATTR_NOSYSTEM=1",
		"GIT_NO_REPLACE_OBJECTS=1",
		"GIT_NO_LAZY_FETCH=1",
		"GIT_ALLOW_PROTOCOL=none",
		"GIT_OPTIONAL_LOCKS=0",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_CONFIG_COUNT=" + strconv.Itoa(len(enforced)),
	}
	for i, kv := range enforced {
		env = append(env,
			fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, kv[0]),
			fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, kv[1]))
	}
	return env
}

// program is the git binary with the environment that it runs in.
type program struct {
	path string
	env  []string
}

// result is how a git command ended.
type result struct {
	stdout string
	stderr string
	code   int
}

// command prepares a git process in a folder; it is killed with the context.
func (p program) command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.path, args...)
	cmd.Dir = dir
	cmd.Env = slices.Concat(p.env, []string{"PWD=" + dir})
	cmd.WaitDelay = reapDelay
	return cmd
}

// run runs git to its end. An exit code other than 0 is a result, not an
// error: what it means is known only to the caller.
func (p program) run(ctx context.Context, dir string, args ...string) (result, error) {
	return finish(ctx, p.command(ctx, dir, args...))
}

func finish(ctx context.Context, cmd *exec.Cmd) (result, error) {
	stdout, stderr := &bounded{limit: maxOutput, strict: true}, &bounded{limit: maxStderr}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		return result{}, context.Cause(ctx)
	}
	var exit *exec.ExitError
	if err != nil && (!errors.As(err, &exit) || !exit.Exited()) {
		return result{}, fmt.Errorf("git %s: %w", verb(cmd), err)
	}
	return result{stdout: stdout.String(), stderr: stderr.String(), code: cmd.ProcessState.ExitCode()}, nil
}

// verb names a command in errors.
func verb(cmd *exec.Cmd) string {
	if len(cmd.Args) < 2 {
		return ""
	}
	return cmd.Args[1]
}

// failure is the error of a command that ended as it should not have.
func (r result) failure(operation string) error {
	return fmt.Errorf("git %s: exit %d: %s", operation, r.code, sentence(r.stderr))
}

// bounded keeps the first bytes that are written to it. When strict it fails
// on more, else it drops them.
type bounded struct {
	kept   bytes.Buffer
	limit  int
	strict bool
}

func (b *bounded) String() string { return b.kept.String() }

func (b *bounded) Write(p []byte) (int, error) {
	room := b.limit - b.kept.Len()
	if len(p) <= room {
		return b.kept.Write(p)
	}
	if b.strict {
		return 0, fmt.Errorf("answer exceeds %d bytes", b.limit)
	}
	b.kept.Write(p[:room])
	return len(p), nil
}
