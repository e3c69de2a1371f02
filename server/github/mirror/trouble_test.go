package mirror_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/render/git"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/github/mirror"
)

// kindOf is the kind of an error of this room, "" for others.
func kindOf(err error) mirror.Kind {
	var e *mirror.Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return ""
}

func TestACommitThatIsGone(t *testing.T) {
	w := newWorld(t)
	gone := strings.Repeat("12", 20)
	err := w.mirror().Bring(t.Context(), 1, w.root, gone)
	var e *mirror.Error
	if !errors.As(err, &e) || e.Kind != mirror.NotThere || e.Commit != gone {
		t.Errorf("error %v", err)
	}
	w.bring(w.mirror(), 1, w.root)
}

func TestTroubleHasAKind(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault githubtest.Fault
		want  mirror.Kind
	}{
		{"503", githubtest.Fault{Status: 503}, mirror.Unavailable},
		{"500", githubtest.Fault{Status: 500}, mirror.Unavailable},
		{"429", githubtest.Fault{Status: 429, RetryAfter: time.Minute}, mirror.Unavailable},
		{"401", githubtest.Fault{Status: 401}, mirror.Refused},
		{"403", githubtest.Fault{Status: 403}, mirror.Refused},
		{"404", githubtest.Fault{Status: 404}, mirror.Refused},
		{"reset", githubtest.Fault{Reset: true}, mirror.Unavailable},
		{"html", githubtest.Fault{HTML: true}, mirror.Unavailable},
	} {
		for _, at := range []string{"transport/info-refs", "transport/upload-pack"} {
			t.Run(c.name+" of "+filepath.Base(at), func(t *testing.T) {
				w := newWorld(t)
				w.Fail(at, c.fault)
				err := w.mirror().Bring(t.Context(), 1, w.root)
				if kindOf(err) != c.want || strings.Contains(err.Error(), "gave no reason") {
					t.Errorf("error %v, want %s", err, c.want)
				}
				if c.fault.HTML {
					w.TakeProblems() // git tries the protocol of plain files, which no GitHub has
				}
				w.Heal()
				w.bring(w.mirror(), 1, w.root)
			})
		}
	}
}

func TestHalfAPackIsNone(t *testing.T) {
	w := newWorld(t)
	upstream := must[*url.URL](t)(url.Parse(w.URL()))
	proxy := httputil.NewSingleHostReverseProxy(upstream)
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	proxy.ModifyResponse = func(r *http.Response) error {
		body, err := io.ReadAll(r.Body)
		if r.Request.Method == http.MethodPost {
			body = body[:len(body)*2/3]
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		r.Header.Del("Content-Length")
		return err
	}
	half := httptest.NewServer(proxy)
	t.Cleanup(half.Close)
	remote := w.remote()
	remote.URL = strings.Replace(remote.URL, w.URL(), half.URL, 1)
	m := must[*mirror.Mirror](t)(w.mirrors.Mirror(t.Context(), w.repo.ID(), remote))
	if err := m.Bring(t.Context(), 1, w.root); kindOf(err) != mirror.Unavailable {
		t.Errorf("error %v", err)
	}
	w.wants(2, "the whole of it", func() { w.bring(w.mirror(), 1, w.root) })
}

func TestNoAccess(t *testing.T) {
	w := newWorld(t)
	ask := func(url, token string) error {
		remote := mirror.Remote{URL: url, Token: func(context.Context) (string, error) { return token, nil }}
		m, err := w.mirrors.Mirror(t.Context(), w.repo.ID(), remote)
		if err != nil {
			return err
		}
		return m.Bring(t.Context(), 1, w.root)
	}
	url := w.remote().URL
	for name, err := range map[string]error{
		"a bad token":            ask(url, "bad"),
		"no token":               ask(url, ""),
		"no repository":          ask(w.URL()+"/acme/none.git", w.token),
		"credentials in it":      ask(strings.Replace(url, "://", "://x:secret@", 1), w.token),
		"a file":                 ask("file://"+w.repo.GitFolder(), w.token),
		"a path":                 ask(w.repo.GitFolder(), w.token),
		"ssh":                    ask("ssh://localhost/x", w.token),
		"a helper":               ask("ext::sh -c true", w.token),
		"an option":              ask("--upload-pack=x", w.token),
		"a line break":           ask(url+"\n[core]", w.token),
		"a query":                ask(url+"?x", w.token),
		"nothing":                ask("", w.token),
		"another case of a file": ask("FILE://"+w.repo.GitFolder(), w.token),
	} {
		if kindOf(err) != mirror.Refused || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if err := ask(url, "two\r\nX-Lines: 1"); err == nil {
		t.Error("a token with a line break was sent")
	}
	errNone := errors.New("no token today")
	m := must[*mirror.Mirror](t)(w.mirrors.Mirror(t.Context(), w.repo.ID(), mirror.Remote{URL: url,
		Token: func(context.Context) (string, error) { return "", errNone }}))
	if err := m.Bring(t.Context(), 1, w.root); !errors.Is(err, errNone) {
		t.Errorf("error %v", err)
	}
}

func TestPlainHTTPIsRefusedUnlessAllowed(t *testing.T) {
	w := newWorld(t, func(o *mirror.Options) { o.Schemes = nil })
	if _, err := w.mirrors.Mirror(t.Context(), w.repo.ID(), w.remote()); kindOf(err) != mirror.Refused {
		t.Errorf("error %v", err)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	w := newWorld(t)
	var asked atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(other.Close)
	for _, at := range []string{"transport/info-refs", "transport/upload-pack"} {
		w.Fail(at, githubtest.Fault{Redirect: other.URL + "/acme/clusters.git/info/refs?service=git-upload-pack"})
		if err := w.mirror().Bring(t.Context(), 1, w.root); kindOf(err) != mirror.Refused {
			t.Errorf("%s redirected: %v", at, err)
		}
		w.Heal()
	}
	if asked.Load() != 0 {
		t.Errorf("the other host was asked %d times", asked.Load())
	}
}

func TestAStalledServerEndsByTimeout(t *testing.T) {
	w := newWorld(t, func(o *mirror.Options) { o.Timeout = 500 * time.Millisecond })
	w.Fail("transport/upload-pack", githubtest.Fault{Stall: true})
	start := time.Now()
	err := w.mirror().Bring(t.Context(), 1, w.root)
	if kindOf(err) != mirror.Unavailable || !strings.Contains(err.Error(), "longer than") || time.Since(start) > 10*time.Second {
		t.Errorf("after %s: %v", time.Since(start), err)
	}
	if left := children(t, "fetch"); len(left) != 0 {
		t.Errorf("processes left: %v", left)
	}
}

func TestReadingIsBoundedInTime(t *testing.T) {
	w := newWorld(t)
	head := w.child(w.root, map[string]string{"x": "1"})
	w.push("change", head)
	w.bring(w.mirror(), 1, w.root, head)
	base, top := w.at(w.mirror(), w.root), w.at(w.mirror(), head)
	w.restart(func() { w.options.Timeout = time.Nanosecond })
	m := w.mirror()
	w.bring(m, 1, w.root, head)
	_, ranged := m.Range(t.Context(), base, top, 0)
	_, merged := m.Merge(t.Context(), base, top)
	for what, err := range map[string]error{"a range": ranged, "a merge": merged} {
		if kindOf(err) != mirror.Unavailable || !strings.Contains(err.Error(), "longer than") {
			t.Errorf("%s: %v", what, err)
		}
	}
	w.restart(func() { w.options.Timeout = 0 })
	must[git.Merged](t)(w.mirror().Merge(t.Context(), base, top))
}

func TestACallerWhoLeavesEndsTheFetch(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := w.stall(ctx, w.root)
	if len(children(t, "fetch")) == 0 {
		t.Error("no process fetches: this test looks in the wrong place")
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if left := children(t, "fetch"); len(left) != 0 {
		t.Errorf("processes left: %v", left)
	}
	w.bring(w.mirror(), 1, w.root)
}

func TestOtherMirrorsDoNotWait(t *testing.T) {
	w := newWorld(t)
	other := must[*githubtest.Repository](t)(w.AddRepository("acme", "other"))
	check(t, other.Permit("alice", "write"))
	sha := must[string](t)(other.Commit(githubtest.Commit{Author: "alice", Files: map[string]string{"x": "1"}}))
	check(t, other.Push("alice", "main", sha))
	ctx, cancel := context.WithCancel(t.Context())
	ended := w.stall(ctx, w.root)
	remote := w.remote()
	remote.URL = w.URL() + "/acme/other.git"
	m := must[*mirror.Mirror](t)(w.mirrors.Mirror(t.Context(), other.ID(), remote))
	w.bring(m, 1, sha)
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

func TestAFetchThatIsKilled(t *testing.T) {
	w := newWorld(t)
	ended := w.stall(t.Context(), w.root)
	for _, pid := range append(children(t, "git-remote-http"), children(t, "fetch")...) {
		// One of them may have ended with the other.
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if err := <-ended; kindOf(err) != mirror.Unavailable {
		t.Errorf("error %v", err)
	}
	m := w.mirror()
	w.bring(m, 1, w.root)
	if got := files(t, m, w.at(m, w.root).Tree); len(got) != 2 {
		t.Errorf("files %v", got)
	}
}

func TestTheTokenIsNowhere(t *testing.T) {
	w := newWorld(t)
	m := w.mirror()
	w.bring(m, 0, w.root)
	head := w.child(w.root, map[string]string{"x": "1"})
	w.push("change", head)
	ctx, cancel := context.WithCancel(t.Context())
	ended := w.stall(ctx, head)
	pids := append(children(t, "git-remote-http"), children(t, "fetch")...)
	secrets := []string{w.token, base64.StdEncoding.EncodeToString([]byte("x-access-token:" + w.token))}
	held := false
	for _, pid := range pids {
		args, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		environ, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		for _, secret := range secrets {
			held = held || bytes.Contains(environ, []byte(secret))
			if bytes.Contains(args, []byte(secret)) {
				t.Errorf("arguments of %d hold the token: %q", pid, args)
			}
		}
		for _, name := range []string{"GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0", "GIT_NO_LAZY_FETCH=1"} {
			if !bytes.Contains(environ, []byte(name)) {
				t.Errorf("environment of %d lacks %s", pid, name)
			}
		}
	}
	if !held {
		t.Error("no process had the token: this test looks in the wrong place")
	}
	noneIn(t, w.options.Folder, secrets)
	cancel()
	err := <-ended
	w.token = "bad-" + w.token
	err = errors.Join(err, w.mirror().Bring(t.Context(), 1, head))
	for _, secret := range append(secrets, w.token) {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("an error holds the token: %v", err)
		}
	}
	noneIn(t, w.options.Folder, secrets)
}

// noneIn fails the test for files that hold a secret.
func noneIn(t *testing.T, folder string, secrets []string) {
	t.Helper()
	seen := 0
	check(t, filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		seen++
		for _, secret := range secrets {
			if bytes.Contains(content, []byte(secret)) || strings.Contains(path, secret) {
				t.Errorf("%s holds the token", path)
			}
		}
		return err
	}))
	if seen < 5 {
		t.Errorf("only %d files were looked at", seen)
	}
}

// children lists our processes, and theirs, whose arguments hold a word.
func children(t *testing.T, word string) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Skip("no /proc to look for processes in: ", err)
	}
	parents := map[int]int{}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			continue // it ended
		}
		fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
		parents[pid], _ = strconv.Atoi(fields[1])
	}
	var found []int
	for pid := range parents {
		at := pid
		for at > 1 && at != os.Getpid() {
			at = parents[at]
		}
		args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		if err == nil && at == os.Getpid() && pid != at && bytes.Contains(args, []byte(word)) {
			found = append(found, pid)
		}
	}
	return found
}

// stalled is a server that says when it was asked, and never answers.
func stalled(t *testing.T) (url string, asked <-chan struct{}) {
	t.Helper()
	c := make(chan struct{}, 10)
	ctx, cancel := context.WithCancel(context.Background())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		c <- struct{}{}
		select {
		case <-r.Context().Done():
		case <-ctx.Done():
		}
	}))
	t.Cleanup(func() { cancel(); server.Close() })
	return server.URL + "/acme/clusters.git", c
}

// stall begins to bring a commit from a server that stalls, and returns once
// that was asked.
func (w *world) stall(ctx context.Context, sha string) <-chan error {
	w.t.Helper()
	url, asked := stalled(w.t.(*testing.T))
	remote := w.remote()
	remote.URL = url
	m := must[*mirror.Mirror](w.t)(w.mirrors.Mirror(ctx, w.repo.ID(), remote))
	ended := make(chan error, 1)
	go func() { ended <- m.Bring(ctx, 1, sha) }()
	<-asked
	return ended
}
