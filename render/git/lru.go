package git

import (
	"container/list"
	"sync"
)

// cache remembers values by object id, up to a sum of costs in bytes; what
// was not used for longest goes first. It is safe for concurrent use.
type cache struct {
	mu    sync.Mutex
	limit int64
	cost  int64
	order *list.List // of *cached, the latest in front
	byID  map[string]*list.Element
}

type cached struct {
	id    string
	value any
	cost  int64
}

// overhead is about what an element costs besides its value.
const overhead = 200

func newCache(limit int64) *cache {
	return &cache{limit: limit, order: list.New(), byID: map[string]*list.Element{}}
}

// value returns what is known of an id, or nil.
func (c *cache) value(id string) any {
	c.mu.Lock()
	defer c.mu.Unlock()
	element, ok := c.byID[id]
	if !ok {
		return nil
	}
	c.order.MoveToFront(element)
	return element.Value.(*cached).value
}

// put remembers a value. One that would push out much else is not kept.
func (c *cache) put(id string, value any, cost int64) {
	cost += overhead
	if cost > c.limit/8 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.byID[id]; ok {
		return
	}
	c.byID[id] = c.order.PushFront(&cached{id, value, cost})
	c.cost += cost
	for c.cost > c.limit {
		oldest := c.order.Back()
		dropped := c.order.Remove(oldest).(*cached)
		delete(c.byID, dropped.id)
		c.cost -= dropped.cost
	}
}
