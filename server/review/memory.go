package review

import (
	"container/list"
	"sync"
	"time"
)

// memory is what runs of this process remember of commits, so that a review
// event costs no git and no render. All of it can be lost. The zero memory is
// ready; it is safe for concurrent use.
type memory struct {
	judged  recent[caseKey, judged]
	configs recent[configKey, settled]
	// decided is the last decision that was logged for a target.
	decided recent[targetKey, string]
	// listened is when a pull request's comments were last listed.
	listened recent[targetKey, time.Time]
	// neutral says of merges whether they add nothing; ids what names meant first.
	neutral recent[configKey, bool]
	ids     recent[string, int64]
}

type configKey struct {
	repository int64
	tip        string
}

type targetKey struct {
	repository, pull int64
	group            string
}

// maxMemory bounds each part of the memory, in what its users count.
const maxMemory = 64 << 20

// recent keeps what was used last, up to a cost. Its zero value is ready.
type recent[K comparable, V any] struct {
	mu    sync.Mutex
	order list.List // of *remembered[K, V], the latest first
	at    map[K]*list.Element
	cost  int
}

type remembered[K comparable, V any] struct {
	key   K
	value V
	cost  int
}

func (r *recent[K, V]) get(key K) (value V, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	found, ok := r.at[key]
	if !ok {
		return value, false
	}
	r.order.MoveToFront(found)
	return found.Value.(*remembered[K, V]).value, true
}

// put remembers a value; cost is about its size in bytes, at least an overhead
// for the bookkeeping.
func (r *recent[K, V]) put(key K, value V, cost int) {
	const overhead = 1 << 10
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.at == nil {
		r.at = map[K]*list.Element{}
	}
	r.drop(r.at[key])
	cost += overhead
	r.at[key] = r.order.PushFront(&remembered[K, V]{key, value, cost})
	r.cost += cost
	for r.cost > maxMemory && r.order.Len() > 1 {
		r.drop(r.order.Back())
	}
}

func (r *recent[K, V]) drop(e *list.Element) {
	if e == nil {
		return
	}
	gone := r.order.Remove(e).(*remembered[K, V])
	delete(r.at, gone.key)
	r.cost -= gone.cost
}
