package mirror

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/render/git"
)

// Options say where mirrors lie.
type Options struct {
	Folder string // holds the mirrors; needed; used by one process at a time
	// Schemes are allowed besides https; tests allow http.
	Schemes []string
	Clock   func() time.Time // nil means the wall clock
	// Timeout bounds one git process; 0 means 2 minutes.
	Timeout time.Duration
	// Limit bounds the bytes that one fetch may write; 0 means 1 GiB.
	Limit int64
}

func (o Options) complete() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Timeout == 0 {
		o.Timeout = 2 * time.Minute
	}
	if o.Limit == 0 {
		o.Limit = 1 << 30
	}
	return o
}

// Mirrors are all mirrors of this process. They are safe for concurrent use.
type Mirrors struct {
	options Options
	git     string
	shell   string
	lock    *os.File
	// lifetime ends with Close, and every process with it.
	lifetime context.Context
	end      context.CancelFunc

	mu     sync.Mutex
	open   map[int64]*Mirror
	closed bool
}

// Open opens the folder, locks it, and removes what a crash left. Where it
// cannot, the error says what to do. The result must be closed.
func Open(ctx context.Context, o Options) (*Mirrors, error) {
	o = o.complete()
	if o.Folder == "" {
		return nil, errors.New("no folder for mirrors: name one that only this process uses")
	}
	folder, err := filepath.Abs(o.Folder)
	if err != nil {
		return nil, fmt.Errorf("open mirrors: %w", err)
	}
	o.Folder = folder
	m := &Mirrors{options: o, open: map[int64]*Mirror{}}
	m.lifetime, m.end = context.WithCancel(context.Background())
	if m.git, err = exec.LookPath("git"); err != nil {
		return nil, errors.New("git was not found: install git 2.38 or later and put it on the PATH")
	}
	if m.shell, err = exec.LookPath("sh"); err != nil {
		return nil, errors.New("sh was not found: fetches are limited through it; put it on the PATH")
	}
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, fmt.Errorf("open mirrors: %w; the folder must be writable", err)
	}
	if m.lock, err = lockFolder(folder); err != nil {
		return nil, err
	}
	if err := m.sweep(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open mirrors: %w; the folder must be writable", err), m.lock.Close())
	}
	return m, nil
}

// sweep removes what a process that was killed left, and makes the folders
// that are never kept.
func (m *Mirrors) sweep(ctx context.Context) error {
	for _, dir := range []string{m.temp(), m.home()} {
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			return err
		}
	}
	ids, err := m.kept()
	if err != nil {
		return err
	}
	for _, id := range ids {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := clean(m.dir(id)); err != nil {
			return err
		}
	}
	return nil
}

func (m *Mirrors) temp() string { return filepath.Join(m.options.Folder, "tmp") }
func (m *Mirrors) home() string { return filepath.Join(m.options.Folder, "home") }
func (m *Mirrors) dir(id int64) string {
	return filepath.Join(m.options.Folder, strconv.FormatInt(id, 10))
}
func (m *Mirrors) now() time.Time { return m.options.Clock() }

// kept lists the repositories that have a mirror on disk.
func (m *Mirrors) kept() ([]int64, error) {
	entries, err := os.ReadDir(m.options.Folder)
	if err != nil {
		return nil, err
	}
	var ids []int64
	for _, entry := range entries {
		id, err := strconv.ParseInt(entry.Name(), 10, 64)
		if err == nil && id > 0 && entry.IsDir() && strconv.FormatInt(id, 10) == entry.Name() {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// Remote says where a repository is fetched from.
type Remote struct {
	URL   string // without credentials
	Token func(ctx context.Context) (string, error)
}

// errClosed says that the mirrors were closed.
var errClosed = errors.New("mirrors are closed")

// Mirror returns the mirror of a repository, made at first use. A later
// remote takes an earlier one's place: repositories are renamed.
func (m *Mirrors) Mirror(ctx context.Context, repository int64, remote Remote) (*Mirror, error) {
	if repository <= 0 {
		return nil, fmt.Errorf("%d is no repository's id", repository)
	}
	if err := m.checkURL(remote.URL); err != nil {
		return nil, &Error{Kind: Refused, Repository: repository, Err: err}
	}
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil, errClosed
	}
	mirror := m.open[repository]
	if mirror == nil {
		mirror = newMirror(m, repository)
		m.open[repository] = mirror
	}
	mirror.use()
	mirror.remote.Store(&remote)
	idle := m.idle()
	m.mu.Unlock()
	for _, each := range idle {
		if err := each.rest(); err != nil {
			return nil, fmt.Errorf("mirror of repository %d: %w", each.id, err)
		}
	}
	return mirror, mirror.with(ctx, func(*git.Repo) error { return nil })
}

// restAfter is how long a mirror keeps its processes without being asked for.
const restAfter = 15 * time.Minute

// idle lists the mirrors whose processes may end.
func (m *Mirrors) idle() []*Mirror {
	var idle []*Mirror
	for _, each := range m.open {
		if m.now().Sub(each.lastUse()) > restAfter {
			idle = append(idle, each)
		}
	}
	return idle
}

// Prune removes mirrors that nobody used since a moment and returns how many;
// of the others, what was kept for pull requests since then forgotten.
func (m *Mirrors) Prune(ctx context.Context, before time.Time) (int, error) {
	ids, err := m.kept()
	if err != nil {
		return 0, fmt.Errorf("prune mirrors: %w", err)
	}
	removed := 0
	for _, id := range ids {
		if ctx.Err() != nil {
			return removed, context.Cause(ctx)
		}
		gone, err := m.prune(ctx, id, before)
		if err != nil {
			return removed, fmt.Errorf("prune the mirror of repository %d: %w", id, err)
		}
		if gone {
			removed++
		}
	}
	return removed, nil
}

// prune removes one mirror if nobody used it, else makes it smaller.
func (m *Mirrors) prune(ctx context.Context, id int64, before time.Time) (bool, error) {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return false, errClosed
	}
	mirror := m.open[id]
	if mirror == nil {
		defer m.mu.Unlock() // so that nobody opens it meanwhile
		used, err := lastUsed(m.dir(id))
		if err != nil || used.Before(before) {
			return err == nil, errors.Join(err, os.RemoveAll(m.dir(id)))
		}
		return false, forgetPulls(m.dir(id), before)
	}
	if !mirror.lastUse().Before(before) || !mirror.try() {
		m.mu.Unlock()
		return false, mirror.tidy(ctx, before)
	}
	defer mirror.done()
	grave := filepath.Join(m.temp(), "pruned-"+strconv.FormatInt(id, 10))
	mirror.gone = true
	delete(m.open, id)
	err := os.Rename(m.dir(id), grave)
	m.mu.Unlock()
	return err == nil, errors.Join(err, mirror.shut(), os.RemoveAll(grave))
}

// Close ends all git processes and gives the folder free. Whatever is under
// way fails.
func (m *Mirrors) Close() error {
	m.mu.Lock()
	if m.closed {
		m.mu.Unlock()
		return nil
	}
	m.closed = true
	open := m.open
	m.open = nil
	m.mu.Unlock()
	m.end()
	var errs []error
	for _, mirror := range open {
		errs = append(errs, mirror.close())
	}
	errs = append(errs, os.RemoveAll(m.temp()), m.lock.Close())
	return errors.Join(errs...)
}

// lastUsed is when a mirror on disk was last used.
func lastUsed(dir string) (time.Time, error) {
	stat, err := os.Stat(filepath.Join(dir, usedFile))
	if errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	return stat.ModTime(), nil
}
