package mirror

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/git"
)

// Mirror is one repository's mirror. It is safe for concurrent use; one fetch
// runs at a time.
type Mirror struct {
	all    *Mirrors
	id     int64
	dir    string
	remote atomic.Pointer[Remote]
	used   atomic.Int64 // in nanoseconds

	// turn holds one token: who has it fetches, and changes the folder.
	turn chan struct{}
	gone bool // belongs to who has the turn

	// reading is held by those who use repo, and whole by who replaces it,
	// who has the turn, too.
	reading sync.RWMutex
	repo    *git.Repo // nil while at rest
	// generation counts how often repo was opened.
	generation atomic.Int64

	mu    sync.Mutex
	whole map[string]bool // commits that are here with all that Bring promises
	trees map[string]bool // trees whose blobs are here or in large
	late  []string        // some of trees, the newest last: to compare others with
	large map[string]bool // blobs that were left out for their size
	doubt bool            // something that must be here was not
}

func newMirror(all *Mirrors, id int64) *Mirror {
	m := &Mirror{all: all, id: id, dir: all.dir(id), turn: make(chan struct{}, 1)}
	m.blank()
	return m
}

// blank forgets all that was known of the folder.
func (m *Mirror) blank() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.whole, m.trees, m.large = map[string]bool{}, map[string]bool{}, map[string]bool{}
	m.late, m.doubt = nil, false
}

func (m *Mirror) use()               { m.used.Store(m.all.now().UnixNano()) }
func (m *Mirror) lastUse() time.Time { return time.Unix(0, m.used.Load()) }

// take waits for the turn; done gives it back.
func (m *Mirror) take(ctx context.Context) error {
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-m.all.lifetime.Done():
		return errClosed
	}
	if m.gone {
		m.done()
		return &Error{Kind: Unavailable, Repository: m.id, Err: errors.New("its mirror was removed meanwhile")}
	}
	return nil
}

func (m *Mirror) done() { <-m.turn }

// try takes the turn if nobody has it.
func (m *Mirror) try() bool {
	select {
	case m.turn <- struct{}{}:
		return true
	default:
		return false
	}
}

// with hands over the open repository.
func (m *Mirror) with(ctx context.Context, read func(*git.Repo) error) error {
	m.use()
	for {
		m.reading.RLock()
		if m.repo != nil {
			defer m.reading.RUnlock()
			return read(m.repo)
		}
		m.reading.RUnlock()
		if err := m.take(ctx); err != nil {
			return err
		}
		err := m.wake(ctx)
		m.done()
		if err != nil {
			return err
		}
	}
}

// wake opens the repository, made anew if what is there is no good. The
// caller has the turn.
func (m *Mirror) wake(ctx context.Context) error {
	if m.repo != nil {
		return nil
	}
	if format := formatOf(m.dir); format != "" {
		err := m.load(ctx)
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	return m.anew(ctx, "sha1")
}

// anew replaces the folder by an empty mirror. The caller has the turn.
func (m *Mirror) anew(ctx context.Context, format string) error {
	if err := errors.Join(m.shut(), os.RemoveAll(m.dir)); err != nil {
		return err
	}
	m.blank()
	if err := create(m.dir, m.all.temp(), format); err != nil {
		return fmt.Errorf("make the mirror of repository %d: %w", m.id, err)
	}
	return m.load(ctx)
}

// load opens the folder and looks whether all is there that was promised.
func (m *Mirror) load(ctx context.Context) error {
	if err := clean(m.dir); err != nil {
		return err
	}
	repo, err := git.Open(ctx, m.dir, git.Options{TempDir: m.all.temp(), CacheLimit: cacheLimit})
	if err != nil {
		return err
	}
	m.blank()
	if err := m.recall(ctx, repo); err != nil {
		return errors.Join(err, repo.Close())
	}
	m.reading.Lock()
	m.repo = repo
	m.generation.Add(1)
	m.reading.Unlock()
	return touch(m.dir, m.all.now())
}

// cacheLimit bounds the bytes that one mirror keeps in memory.
const cacheLimit = 32 << 20

// errDamaged says that a promise was broken.
var errDamaged = errors.New("objects are missing that were here")

// recall reads which commits the folder says are whole, and checks that they
// are there with their trees, and the blobs of these.
func (m *Mirror) recall(ctx context.Context, repo *git.Repo) error {
	shas, err := named(m.dir)
	if err != nil {
		return err
	}
	large, err := os.ReadFile(m.largeFile())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	m.mu.Lock()
	for id := range strings.FieldsSeq(string(large)) {
		m.large[id] = isID(id)
	}
	m.mu.Unlock()
	var trees []string
	for _, sha := range shas {
		c, known, err := repo.Known(ctx, sha)
		if err != nil || !known {
			return errors.Join(errDamaged, err)
		}
		trees = append(trees, c.Tree)
	}
	if len(trees) == 0 {
		return nil
	}
	absent, err := repo.Absent(ctx, trees, nil)
	if err != nil || len(m.small(absent)) > 0 {
		return errors.Join(errDamaged, err)
	}
	m.complete(shas, trees)
	return nil
}

func (m *Mirror) largeFile() string { return filepath.Join(m.dir, "countersign-large") }

// small returns those of the blobs that were not left out for their size.
func (m *Mirror) small(blobs []string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(blobs, func(id string) bool { return m.large[id] })
}

const (
	// keptLate is with how many trees a new one is compared.
	keptLate = 8
	// keptKnown is how many commits are remembered. What was forgotten is looked
	// at again, which costs a process and no fetch.
	keptKnown = 20_000
)

// complete remembers commits and trees that are here.
func (m *Mirror) complete(shas, trees []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.whole)+len(m.trees) > keptKnown {
		clear(m.whole)
		clear(m.trees)
		m.late = nil
	}
	for _, sha := range shas {
		m.whole[sha] = true
	}
	for _, id := range trees {
		if !m.trees[id] {
			m.trees[id] = true
			m.late = append(m.late, id)
		}
	}
	m.late = slices.Clone(m.late[max(0, len(m.late)-keptLate):])
}

// unfinished returns those of the trees whose blobs may not be here, and
// trees to compare them with.
func (m *Mirror) unfinished(trees []string) (rest, except []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	rest = slices.DeleteFunc(slices.Clone(trees), func(id string) bool { return m.trees[id] })
	return rest, slices.Clone(m.late)
}

// holds reports whether anything is whole.
func (m *Mirror) holds() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.whole) > 0
}

// here reports whether all commits are whole, and no doubt is left.
func (m *Mirror) here(shas []string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.doubt && !slices.ContainsFunc(shas, func(sha string) bool { return !m.whole[sha] })
}

// shut ends the processes. The caller has the turn.
func (m *Mirror) shut() error {
	m.reading.Lock()
	defer m.reading.Unlock()
	if m.repo == nil {
		return nil
	}
	err := m.repo.Close()
	m.repo = nil
	return err
}

// rest ends the processes of a mirror that nobody uses at the moment.
func (m *Mirror) rest() error {
	if !m.try() {
		return nil
	}
	defer m.done()
	return m.shut()
}

// close ends the processes for good.
func (m *Mirror) close() error {
	m.turn <- struct{}{}
	m.gone = true
	defer m.done()
	return m.shut()
}

// isID reports whether text is a full object id.
func isID(text string) bool {
	return (len(text) == 40 || len(text) == 64) && strings.Trim(text, "0123456789abcdef") == ""
}

var _ render.Tree = tree{}
