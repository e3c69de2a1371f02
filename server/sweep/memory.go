package sweep

import (
	"maps"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/server/github"
)

// memory is what one process need not look at again. Losing it costs requests,
// and no answer.
type memory struct {
	mu       sync.Mutex
	at       time.Time // up to where deliveries are known to be here
	written  time.Time // when that was last kept
	tries    map[string]try
	standing map[branch]audited
	looked   map[int64]looked
	deaf     map[int64]time.Time // installations that may not read statuses, until
}

// try is how often a delivery was asked for again.
type try struct {
	count int
	next  time.Time
}

type branch struct {
	repository int64
	name       string
}

// looked is what was seen of a repository at the last look.
type looked struct {
	full    time.Time
	main    string            // the default branch
	tips    map[string]string // of governed bases
	pulls   map[int]pullSeen
	audited map[string]bool // pushes, as REF@AFTER
}

// pullSeen is a pull request as it was when it was woken last.
type pullSeen struct {
	state   string
	woken   time.Time
	checked time.Time // for checks under our name
}

// stateOf is all of a pull request that a list tells, and its base's tip.
func stateOf(p github.Pull, tip string) string {
	return p.Head + " " + p.Base + " " + tip + " " + p.Updated.UTC().Format(time.RFC3339)
}

func (m *memory) place() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

// keep reports whether the place should be written down.
func (m *memory) keep(until, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = until
	for guid, t := range m.tries {
		if now.Sub(t.next) > keeps {
			delete(m.tries, guid)
		}
	}
	if now.Sub(m.written) < stored {
		return false
	}
	m.written = now
	return true
}

// due reports whether a delivery is to be asked for now: a few times at once,
// then ever more rarely, for who refuses it may go on refusing.
func (m *memory) due(guid string, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.tries[guid]
	if now.Before(t.next) {
		return false
	}
	t.count++
	if t.count > 3 {
		t.next = now.Add(time.Duration(min(t.count-3, 12)) * 5 * time.Minute)
	} else {
		t.next = now
	}
	if m.tries == nil {
		m.tries = map[string]try{}
	}
	m.tries[guid] = t
	return true
}

// of is a copy of what is remembered of a repository.
func (m *memory) of(repository int64) looked {
	m.mu.Lock()
	defer m.mu.Unlock()
	l := m.looked[repository]
	l.tips, l.pulls, l.audited = copied(l.tips), copied(l.pulls), copied(l.audited)
	return l
}

func copied[K comparable, V any](m map[K]V) map[K]V {
	out := make(map[K]V, len(m))
	maps.Copy(out, m)
	return out
}

// put remembers a repository as it was looked at.
func (m *memory) put(repository int64, l looked) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.looked == nil {
		m.looked = map[int64]looked{}
	}
	m.looked[repository] = l
}

// silence remembers that an installation does not let us read statuses. It
// reports whether that is news.
func (m *memory) silence(installation int64, until time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.deaf == nil {
		m.deaf = map[int64]time.Time{}
	}
	_, known := m.deaf[installation]
	m.deaf[installation] = until
	return !known
}

func (m *memory) silent(installation int64, now time.Time) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return now.Before(m.deaf[installation])
}
