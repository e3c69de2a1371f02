package mirror_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/render/git"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/github/mirror"
)

// folder is where the mirror of the world's repository lies.
func (w *world) folder() string { return filepath.Join(w.options.Folder, fmt.Sprint(w.repo.ID())) }

// restart closes the mirrors, lets something happen, and opens them again.
func (w *world) restart(meanwhile func()) {
	w.t.Helper()
	check(w.t, w.mirrors.Close())
	meanwhile()
	w.mirrors = must[*mirror.Mirrors](w.t)(mirror.Open(w.t.Context(), w.options))
}

// packs are the packs of the mirror.
func (w *world) packs() []string {
	w.t.Helper()
	return must[[]string](w.t)(filepath.Glob(filepath.Join(w.folder(), "objects/pack/*.pack")))
}

// overwrite changes a file that git made read-only.
func overwrite(t *testing.T, path string, content []byte) {
	t.Helper()
	check(t, os.Chmod(path, 0o600))
	check(t, os.WriteFile(path, content, 0o600))
}

func TestAFolderHasOneProcess(t *testing.T) {
	if folder := os.Getenv("MIRROR_TEST_FOLDER"); folder != "" {
		_, err := mirror.Open(t.Context(), mirror.Options{Folder: folder})
		fmt.Println("opened:", err)
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		return
	}
	folder := t.TempDir()
	cmd := exec.Command(os.Args[0], "-test.run=^TestAFolderHasOneProcess$")
	cmd.Env = append(os.Environ(), "MIRROR_TEST_FOLDER="+folder)
	must[io.WriteCloser](t)(cmd.StdinPipe()) // which keeps it alive
	out := bufio.NewReader(must[io.ReadCloser](t)(cmd.StdoutPipe()))
	check(t, cmd.Start())
	if line := must[string](t)(out.ReadString('\n')); line != "opened: <nil>\n" {
		t.Fatalf("the other process says %q", line)
	}
	_, err := mirror.Open(t.Context(), mirror.Options{Folder: folder})
	if err == nil || !strings.Contains(err.Error(), "another process") || !strings.Contains(err.Error(), folder) {
		t.Errorf("error %v", err)
	}
	check(t, cmd.Process.Kill())
	_ = cmd.Wait() // it was killed
	m := must[*mirror.Mirrors](t)(mirror.Open(t.Context(), mirror.Options{Folder: folder}))
	if _, err := mirror.Open(t.Context(), mirror.Options{Folder: folder}); err == nil {
		t.Error("opened twice by one process")
	}
	check(t, m.Close())
	check(t, must[*mirror.Mirrors](t)(mirror.Open(t.Context(), mirror.Options{Folder: folder})).Close())
}

// A server that is killed while git fetches leaves nothing that stops the next.
func TestAKilledServer(t *testing.T) {
	if folder := os.Getenv("MIRROR_TEST_KILLED"); folder != "" {
		id := must[int64](t)(strconv.ParseInt(os.Getenv("MIRROR_TEST_REPOSITORY"), 10, 64))
		mirrors := must[*mirror.Mirrors](t)(mirror.Open(t.Context(), mirror.Options{Folder: folder, Schemes: []string{"http"}}))
		m := must[*mirror.Mirror](t)(mirrors.Mirror(t.Context(), id, mirror.Remote{URL: os.Getenv("MIRROR_TEST_URL")}))
		_ = m.Bring(t.Context(), 1, strings.Repeat("12", 20)) // which never ends
		return
	}
	w := newWorld(t)
	w.bring(w.mirror(), 0, w.root)
	w.restart(func() {
		url, asked := stalled(t)
		cmd := exec.Command(os.Args[0], "-test.run=^TestAKilledServer$")
		cmd.Env = append(os.Environ(), "MIRROR_TEST_KILLED="+w.options.Folder, "MIRROR_TEST_URL="+url,
			fmt.Sprint("MIRROR_TEST_REPOSITORY=", w.repo.ID()))
		check(t, cmd.Start())
		<-asked
		check(t, cmd.Process.Kill())
		_ = cmd.Wait() // it was killed
		check(t, os.WriteFile(filepath.Join(w.folder(), "objects/pack/tmp_pack_killed"), []byte("PACK"), 0o400))
	})
	w.wants(0, "what was whole before", func() { w.bring(w.mirror(), 0, w.root) })
	head := w.child(w.root, map[string]string{"x": "1"})
	w.push("change", head)
	w.wants(1, "what is new", func() { w.bring(w.mirror(), 1, head) })
	if left, _ := filepath.Glob(filepath.Join(w.folder(), "objects/pack/tmp_*")); len(left) != 0 {
		t.Errorf("half packs are left: %v", left)
	}
}

func TestAFolderIsNeeded(t *testing.T) {
	if _, err := mirror.Open(t.Context(), mirror.Options{}); err == nil {
		t.Error("no folder was accepted")
	}
	file := filepath.Join(t.TempDir(), "file")
	check(t, os.WriteFile(file, nil, 0o600))
	if _, err := mirror.Open(t.Context(), mirror.Options{Folder: file}); err == nil || !strings.Contains(err.Error(), "writable") {
		t.Errorf("error %v", err)
	}
}

func TestWhatACrashLeft(t *testing.T) {
	for _, c := range []struct {
		name    string
		crash   func(w *world)
		fetches int
	}{
		{"locks and half packs", func(w *world) {
			for _, name := range []string{"config.lock", "shallow.lock", "packed-refs.lock", "objects/pack/tmp_pack_x",
				"objects/pack/.tmp-1-pack-x.pack", "refs/countersign/1/" + w.root + ".lock"} {
				check(w.t, os.WriteFile(filepath.Join(w.folder(), name), []byte("x"), 0o400))
			}
			check(w.t, os.MkdirAll(filepath.Join(w.options.Folder, "tmp/new-1"), 0o700))
		}, 0},
		{"no HEAD", func(w *world) { check(w.t, os.Remove(filepath.Join(w.folder(), "HEAD"))) }, 2},
		{"no config", func(w *world) { check(w.t, os.Remove(filepath.Join(w.folder(), "config"))) }, 2},
		{"no objects", func(w *world) { check(w.t, os.RemoveAll(filepath.Join(w.folder(), "objects"))) }, 2},
		{"no folder", func(w *world) { check(w.t, os.RemoveAll(w.folder())) }, 2},
		{"no refs", func(w *world) { check(w.t, os.RemoveAll(filepath.Join(w.folder(), "refs/countersign/1"))) }, 0},
		{"an odd config", func(w *world) {
			check(w.t, os.WriteFile(filepath.Join(w.folder(), "config"), []byte("[core\n"), 0o600))
		}, 2},
		{"a ref to nothing", func(w *world) {
			name := strings.Repeat("34", 20)
			check(w.t, os.WriteFile(filepath.Join(w.folder(), "refs/countersign/1", name), []byte(name+"\n"), 0o600))
		}, 2},
		{"no blobs", func(w *world) { w.dropPack(func(kinds string) bool { return !strings.Contains(kinds, "commit") }) }, 2},
		{"no history", func(w *world) { w.dropPack(func(kinds string) bool { return strings.Contains(kinds, "commit") }) }, 2},
		{"empty packs", func(w *world) {
			for _, pack := range w.packs() {
				overwrite(w.t.(*testing.T), pack, nil)
			}
		}, 2},
		{"half packs with names", func(w *world) {
			for _, pack := range w.packs() {
				content := must[[]byte](w.t)(os.ReadFile(pack))
				overwrite(w.t.(*testing.T), pack, content[:len(content)/2])
			}
		}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t)
			w.bring(w.mirror(), 1, w.root)
			w.restart(func() { c.crash(w) })
			w.wants(c.fetches, "after the crash", func() { w.bring(w.mirror(), 1, w.root) })
			m := w.mirror()
			if got := files(t, m, w.at(m, w.root).Tree); len(got) != 2 {
				t.Errorf("files %v", got)
			}
			head := w.child(w.root, map[string]string{"x": "1"})
			w.push("change", head)
			w.bring(m, 2, head)
		})
	}
}

// dropPack removes the packs that hold certain kinds of objects.
func (w *world) dropPack(which func(kinds string) bool) {
	w.t.Helper()
	for _, pack := range w.packs() {
		cmd := exec.Command("git", "verify-pack", "-v", pack)
		out, err := cmd.Output()
		check(w.t, err)
		if which(string(out)) {
			check(w.t, os.Remove(pack))
			check(w.t, os.Remove(strings.TrimSuffix(pack, ".pack")+".idx"))
		}
	}
}

func TestDamageIsMendedByTheNextBring(t *testing.T) {
	w := newWorld(t)
	m := w.mirror()
	w.bring(m, 1, w.root)
	tree := m.Tree(w.at(m, w.root).Tree)
	w.dropPack(func(string) bool { return true })
	w.restart(func() {}) // nothing is in memory any more
	m = w.mirror()
	w.bring(m, 1, w.root)
	if _, err := tree.ReadFile(t.Context(), "b.yaml"); err == nil {
		t.Error("a mirror that was closed reads")
	}

	w.dropPack(func(string) bool { return true })
	tree = m.Tree(w.at(m, w.root).Tree)
	var missing *git.MissingError
	for _, path := range []string{"b.yaml", "a/one.yaml"} {
		if _, err := tree.ReadFile(t.Context(), path); err != nil && !errors.As(err, &missing) {
			t.Errorf("%s: %v", path, err)
		}
	}
	w.bring(m, 1, w.root)
	if got := files(t, m, w.at(m, w.root).Tree); len(got) != 2 {
		t.Errorf("files %v", got)
	}
}

func TestAHoleInHistoryIsNoAnswer(t *testing.T) {
	w := newWorld(t)
	m := w.mirror()
	w.bring(m, 0, w.root)
	first := w.packs()
	own := w.git("100644 blob "+w.git("x", "hash-object", "-w", "--stdin")+"\tx\n", "mktree")
	head := w.commit(githubtest.Commit{Parents: []string{w.root}, Tree: own}) // with nothing of what will be lost
	w.push("change", head)
	w.bring(m, 1, head)
	top, root := w.at(m, head), w.at(m, w.root)
	w.restart(func() {
		check(t, os.RemoveAll(filepath.Join(w.folder(), "refs/countersign/0")))
		for _, pack := range first {
			check(t, os.Remove(pack))
		}
	})
	m = w.mirror()
	w.wants(0, "all that is named", func() { w.bring(m, 1, head) })
	if _, err := m.Range(t.Context(), root, top, 0); err == nil {
		t.Error("a range was made up")
	}
	if got, err := m.MergeBase(t.Context(), top, root); err == nil {
		t.Errorf("a merge base was made up: %v", got)
	}
	w.bring(m, 1, head)
	if got := must[[]git.Commit](t)(m.Range(t.Context(), root, top, 0)); len(got) != 1 {
		t.Errorf("range %v", got)
	}
}

func TestBytesThatChangedAreNotRead(t *testing.T) {
	w := newWorld(t)
	m := w.mirror()
	noise := make([]byte, 20_000)
	rand.NewChaCha8([32]byte{}).Read(noise)
	head := w.child(w.root, map[string]string{"noise": string(noise)})
	w.push("change", head)
	w.bring(m, 1, head)
	for _, pack := range w.packs() {
		content := must[[]byte](t)(os.ReadFile(pack))
		if len(content) > len(noise) {
			content[len(content)/2] ^= 1
			overwrite(t, pack, content)
		}
	}
	w.restart(func() {})
	m = w.mirror()
	w.bring(m, 1, head)
	if _, err := m.Tree(w.at(m, head).Tree).ReadFile(t.Context(), "noise"); !errors.Is(err, git.ErrDamaged) {
		t.Errorf("error %v", err)
	}
	w.bring(m, 1, head)
	if got := files(t, m, w.at(m, head).Tree)["noise"]; got != string(noise) {
		t.Error("other bytes were read")
	}
}

func TestPruneGoesByLastUse(t *testing.T) {
	var now atomic.Int64
	now.Store(time.Date(2026, 1, 5, 10, 0, 0, 0, time.UTC).Unix())
	clock := func() time.Time { return time.Unix(now.Load(), 0) }
	w := newWorld(t, func(o *mirror.Options) { o.Clock = clock })
	other := must[*githubtest.Repository](t)(w.AddRepository("acme", "other"))
	check(t, other.Permit("alice", "write"))
	first := w.mirror()
	w.bring(first, 0, w.root)
	w.bring(first, 5, w.root)
	head := w.child(w.root, map[string]string{"x": "1"})
	w.push("change", head)
	w.bring(first, 5, head)
	now.Add(3600)
	second := must[*mirror.Mirror](t)(w.mirrors.Mirror(t.Context(), other.ID(), mirror.Remote{URL: w.remote().URL}))
	prune := func(ago time.Duration, want int) {
		t.Helper()
		if got := must[int](t)(w.mirrors.Prune(t.Context(), clock().Add(-ago))); got != want {
			t.Errorf("pruned %d, want %d", got, want)
		}
	}
	prune(2*time.Hour, 0)
	prune(30*time.Minute, 1)
	if _, err := os.Stat(w.folder()); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	if err := first.Bring(t.Context(), 0, w.child(head, map[string]string{"y": "1"})); kindOf(err) != mirror.Unavailable {
		t.Errorf("a mirror that was removed brings: %v", err)
	}
	w.wants(2, "a new mirror", func() { w.bring(w.mirror(), 0, w.root) })
	if err := second.Bring(t.Context(), 0); err != nil {
		t.Errorf("a mirror in use: %v", err)
	}

	w.bring(w.mirror(), 5, w.root)
	now.Add(3600)
	w.mirror()
	prune(30*time.Minute, 1) // the second
	if _, err := os.Stat(filepath.Join(w.folder(), "refs/countersign/5")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an old pull request is still named: %v", err)
	}
	w.wants(0, "what it held", func() { w.bring(w.mirror(), 5, w.root) })
	w.restart(func() { now.Add(3600) })
	prune(30*time.Minute, 1)
}

func TestARestingMirrorHasNoProcess(t *testing.T) {
	var now atomic.Int64
	w := newWorld(t, func(o *mirror.Options) { o.Clock = func() time.Time { return time.Unix(now.Load(), 0) } })
	m := w.mirror()
	w.bring(m, 0, w.root)
	files(t, m, w.at(m, w.root).Tree)
	if len(children(t, "cat-file")) != 1 {
		t.Error("no process reads: this test looks in the wrong place")
	}
	now.Add(3600)
	other := must[*githubtest.Repository](t)(w.AddRepository("acme", "other"))
	must[*mirror.Mirror](t)(w.mirrors.Mirror(t.Context(), other.ID(), w.remote()))
	if left := children(t, "cat-file"); len(left) != 0 {
		t.Errorf("processes left: %v", left)
	}
	w.wants(0, "a mirror that rested", func() { w.bring(m, 0, w.root) })
	if got := files(t, m, w.at(m, w.root).Tree); len(got) != 2 {
		t.Errorf("files %v", got)
	}
}

func TestManyPacksBecomeOne(t *testing.T) {
	w := newWorld(t)
	m := w.mirror()
	w.bring(m, 0, w.root)
	head := w.root
	for i := range 62 {
		head = w.child(head, map[string]string{"x": fmt.Sprint(i)})
		w.push("change", head)
		w.bring(m, 1, head)
	}
	if len(w.packs()) <= 60 {
		t.Fatalf("only %d packs", len(w.packs()))
	}
	before := files(t, m, w.at(m, head).Tree)
	must[int](t)(w.mirrors.Prune(t.Context(), time.Now().Add(-time.Hour)))
	if len(w.packs()) != 1 {
		t.Errorf("%d packs are left", len(w.packs()))
	}
	if got := files(t, m, w.at(m, head).Tree); len(got) != len(before) || got["x"] != "61" {
		t.Errorf("files %v", got)
	}
	w.wants(0, "what was there", func() {
		w.bring(m, 1, w.root, head)
		w.restart(func() {})
		w.bring(w.mirror(), 1, w.root, head)
	})
	head = w.child(head, map[string]string{"x": "last"})
	w.push("change", head)
	w.wants(1, "what is new", func() { w.bring(w.mirror(), 1, head) })
}

func TestClosedMirrors(t *testing.T) {
	w := newWorld(t)
	m := w.mirror()
	w.bring(m, 1, w.root)
	ended := w.stall(t.Context(), strings.Repeat("56", 20))
	check(t, w.mirrors.Close())
	check(t, w.mirrors.Close())
	if err := <-ended; err == nil {
		t.Error("a fetch outlived its mirrors")
	}
	if left := append(children(t, "cat-file"), children(t, "fetch")...); len(left) != 0 {
		t.Errorf("processes left: %v", left)
	}
	if _, err := m.Commit(t.Context(), w.root); err == nil {
		t.Error("a closed mirror reads")
	}
	if _, err := w.mirrors.Mirror(t.Context(), 1, w.remote()); err == nil {
		t.Error("closed mirrors open one")
	}
	if _, err := w.mirrors.Prune(t.Context(), time.Now()); err == nil {
		t.Error("closed mirrors prune")
	}
	if entries, _ := os.ReadDir(filepath.Join(w.options.Folder, "tmp")); len(entries) != 0 {
		t.Errorf("temporary files left: %v", entries)
	}
}
