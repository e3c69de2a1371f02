package worker

import (
	"sync"

	"github.com/countersign-dev/countersign/render"
)

const remembered = 1 << 16

// key is what the facts of a file depend on.
type key struct{ base, id string }

// memory holds the facts of the files last asked for: between remembered and
// twice as many. Its zero value is empty. Safe for concurrent use.
type memory struct {
	mu       sync.Mutex
	new, old map[key]render.FileFacts
}

func (m *memory) recall(k key) (render.FileFacts, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	facts, ok := m.new[k]
	if !ok {
		if facts, ok = m.old[k]; ok {
			m.put(k, facts)
		}
	}
	return facts, ok
}

func (m *memory) remember(k key, facts render.FileFacts) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.put(k, facts)
}

func (m *memory) put(k key, facts render.FileFacts) {
	if m.new == nil || len(m.new) >= remembered {
		m.new, m.old = map[key]render.FileFacts{}, m.new
	}
	m.new[k] = facts
}
