package mirror

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxMemory bounds what one git process may hold, in KiB: deltas and trees
	// come out of a pack that its author chose.
	maxMemory = 2 << 20
	// maxStderr bounds what is kept of git's complaints.
	maxStderr = 16 << 10
	// reapDelay is how long a killed git may keep its pipes open.
	reapDelay = 2 * time.Second
)

// checkURL accepts an address that may be fetched from.
func (m *Mirrors) checkURL(text string) error {
	u, err := url.Parse(text)
	if err != nil {
		// The parser's own text repeats the address, which may hold a password.
		return errors.New("the address of the repository is not a URL")
	}
	switch {
	case u.User != nil:
		return errors.New("the address of the repository holds credentials: leave them out")
	case u.Scheme != "https" && !slices.Contains(m.options.Schemes, u.Scheme):
		return fmt.Errorf("the address of the repository begins with %.20q: only https is fetched", u.Scheme)
	case u.Host == "" || u.Opaque != "" || u.RawQuery != "" || u.Fragment != "":
		return errors.New("the address of the repository is not that of a repository")
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || r == '\\' }):
		return errors.New("the address of the repository holds odd characters")
	}
	return nil
}

// fixed is configuration of all that is run here.
var fixed = [][2]string{
	{"safe.directory", "*"},
	{"core.hooksPath", os.DevNull},
	{"core.attributesFile", os.DevNull},
	{"core.fsmonitor", "false"},
	{"core.askPass", ""},
	{"core.bigFileThreshold", "4m"},
	{"core.packedGitWindowSize", "32m"},
	{"core.packedGitLimit", "256m"},
	{"credential.helper", ""},
	{"fetch.recurseSubmodules", "false"},
	{"fetch.unpackLimit", "1"},
	{"fetch.writeCommitGraph", "false"},
	{"gc.auto", "0"},
	{"maintenance.auto", "false"},
	{"http.followRedirects", "false"},
	{"http.lowSpeedLimit", "1000"},
	{"http.lowSpeedTime", "30"},
	{"protocol.version", "2"},
	{"transfer.bundleURI", "false"},
	{"transfer.credentialsInUrl", "die"},
}

// passed are variables of ours that git may know: how to reach the world.
var passed = []string{"PATH", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY"}

// environment is all that a git process sees. Settings go through it, for
// arguments can be read by everybody on the machine and files stay.
func (m *Mirrors) environment(dir string, settings [][2]string) []string {
	env := []string{
		"HOME=" + m.home(), "XDG_CONFIG_HOME=" + m.home(), "TMPDIR=" + m.temp(), "LC_ALL=C",
		"GIT_DIR=" + dir, "PWD=" + dir,
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "GIT_ATTR_NOSYSTEM=1",
		"GIT_NO_REPLACE_OBJECTS=1", "GIT_NO_LAZY_FETCH=1", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0",
		"GIT_ALLOW_PROTOCOL=" + strings.Join(append([]string{"https"}, m.options.Schemes...), ":"),
	}
	for _, name := range passed {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	if bundle := os.Getenv("SSL_CERT_FILE"); bundle != "" {
		env = append(env, "GIT_SSL_CAINFO="+bundle)
	}
	settings = slices.Concat(fixed, settings)
	env = append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(len(settings)))
	for i, kv := range settings {
		env = append(env,
			fmt.Sprintf("GIT_CONFIG_KEY_%d=%s", i, kv[0]),
			fmt.Sprintf("GIT_CONFIG_VALUE_%d=%s", i, kv[1]))
	}
	return env
}

// fetch is one git fetch to be made.
type fetch struct {
	ids    []string // full object ids
	filter string
	anew   bool  // as if nothing were here
	blobs  bool  // no history is wanted: nothing is to be compared
	limit  int64 // bytes that it may write
}

func (f fetch) args() []string {
	args := []string{"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules",
		"--no-auto-maintenance", "--no-show-forced-updates", "--filter=" + f.filter}
	if f.anew {
		args = append(args, "--refetch")
	}
	return append(args, "--stdin", "--end-of-options", "origin")
}

// run makes a fetch. Its errors are of type *Error, or the context's.
func (m *Mirror) run(ctx context.Context, f fetch) error {
	for _, id := range f.ids {
		if !isID(id) {
			return fmt.Errorf("%.80q is no object id", id)
		}
	}
	remote := m.remote.Load()
	token, err := m.token(ctx, remote)
	if err != nil {
		return err
	}
	basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:" + token))
	settings := [][2]string{{"remote.origin.url", remote.URL}}
	if token != "" {
		settings = append(settings, [2]string{"http." + remote.URL + ".extraHeader", "Authorization: Basic " + basic})
	}
	if f.blobs {
		settings = append(settings, [2]string{"fetch.negotiationAlgorithm", "noop"})
	}
	bounded, cancel := m.all.during(ctx)
	defer cancel()
	cmd := m.all.command(bounded, m.dir, f.limit, f.args())
	cmd.Env = m.all.environment(m.dir, settings)
	cmd.Stdin = strings.NewReader(strings.Join(f.ids, "\n") + "\n")
	stderr := &head{limit: maxStderr}
	cmd.Stderr = stderr
	if err = runTied(cmd); err == nil {
		return nil
	}
	left := clean(m.dir)
	if ctx.Err() != nil {
		return errors.Join(context.Cause(ctx), left)
	}
	return errors.Join(m.failure(context.Cause(bounded), fit(stderr.String(), token, basic)), left)
}

// token asks for a token, which may be none at all.
func (m *Mirror) token(ctx context.Context, remote *Remote) (string, error) {
	if remote.Token == nil {
		return "", nil
	}
	token, err := remote.Token(ctx)
	if err != nil {
		return "", fmt.Errorf("token for repository %d: %w", m.id, err)
	}
	if strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", fmt.Errorf("token for repository %d: it holds odd characters", m.id)
	}
	return token, nil
}

// failure says why a fetch failed.
func (m *Mirror) failure(cause error, said string) error {
	switch {
	case errors.Is(cause, errClosed):
		return errClosed
	case cause != nil:
		return &Error{Kind: Unavailable, Repository: m.id, Err: cause}
	}
	kind, commit := classify(said)
	return &Error{Kind: kind, Repository: m.id, Commit: commit, Err: errors.New(said)}
}

// during is a context that ends with the caller's, with the mirrors, and when
// a git process took too long.
func (m *Mirrors) during(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(m.lifetime, func() { cancel(errClosed) })
	tooLong := fmt.Errorf("git took longer than %s and was stopped", m.options.Timeout)
	ctx, end := context.WithTimeoutCause(ctx, m.options.Timeout, tooLong)
	return ctx, func() { end(); stop(); cancel(nil) }
}

// command prepares a git process that is killed, with all that it started,
// when its context ends, and that can write no file above a limit.
func (m *Mirrors) command(ctx context.Context, dir string, limit int64, args []string) *exec.Cmd {
	const blocks = 512 // the unit of ulimit -f
	// Where more memory than a hard limit is asked for, that limit holds. Without
	// the signal git says why it stops.
	script := fmt.Sprintf(`trap "" XFSZ; ulimit -c 0; ulimit -d %d 2>/dev/null; ulimit -f %d && exec "$@"`,
		maxMemory, (limit+blocks-1)/blocks)
	cmd := exec.CommandContext(ctx, m.shell, slices.Concat([]string{"-c", script, "git", m.git}, args)...)
	cmd.Dir = dir
	cmd.WaitDelay = reapDelay
	apart(cmd)
	return cmd
}

// runTied runs a process that ends with us. For the kernel "us" is the thread
// that started it: so nobody else gets that thread, and ends it, meanwhile.
func runTied(cmd *exec.Cmd) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return cmd.Run()
}

// head keeps the first bytes that are written to it and drops the rest.
type head struct {
	kept  bytes.Buffer
	limit int
}

func (b *head) String() string { return b.kept.String() }

func (b *head) Write(p []byte) (int, error) {
	room := min(len(p), b.limit-b.kept.Len())
	b.kept.Write(p[:room])
	return len(p), nil
}
