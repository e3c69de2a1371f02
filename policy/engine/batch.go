package engine

import (
	"context"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/topdown/cache"
)

// A session is worth its memory for so many inputs; more sessions than this
// are not.
const (
	inputsEach   = 4
	mostSessions = 8
)

// each judges n inputs, some at the same time. Each session takes the next one
// when it is done with one, so what judge writes must be by index. It returns
// the error of the first input, by index, that has one.
func (e *Engine) each(ctx context.Context, n int, params Params, judge func(s *session, i int) error) error {
	if err := e.CheckParams(params); err != nil {
		return err
	}
	merged := e.merged(params)
	errs := make([]error, n)
	var next, lost atomic.Int64
	var failed atomic.Bool
	var working sync.WaitGroup
	defer e.tell(time.Now())
	defer working.Wait()
	for range min(runtime.GOMAXPROCS(0), mostSessions, 1+(n-1)/inputsEach) {
		s, done, err := e.open(ctx, merged, &lost)
		if err != nil {
			failed.Store(true)
			return err
		}
		working.Go(func() {
			defer done()
			for i := next.Add(1) - 1; i < int64(n) && !failed.Load(); i = next.Add(1) - 1 {
				if errs[i] = judge(s, int(i)); errs[i] != nil {
					failed.Store(true)
				}
			}
		})
	}
	working.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Watch has told called with the time that each batch of inputs takes, for who
// counts. It must be called before the engine is asked anything.
func (e *Engine) Watch(told func(took time.Duration)) { e.watch = told }

func (e *Engine) tell(begun time.Time) {
	if e.watch != nil {
		e.watch(time.Since(begun))
	}
}

// open starts a session; done ends it.
func (e *Engine) open(ctx context.Context, params map[string]any, lost *atomic.Int64) (*session, func(), error) {
	convert, err := newConverter(params)
	if err != nil {
		return nil, nil, fmt.Errorf("params: %w", err)
	}
	// The transaction is on an empty store and must outlive the deadline.
	ctx = context.WithoutCancel(ctx)
	txn, err := e.store.NewTransaction(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("rules: %w", err)
	}
	return &session{engine: e, txn: txn, convert: convert, lost: lost}, func() { e.store.Abort(ctx, txn) }, nil
}

// rememberedPatterns is how many compiled regular expressions are kept. OPA
// keeps 100 by itself, fewer than the rules have, and drops any of them.
const rememberedPatterns = 2000

func patterns() cache.InterQueryValueCache {
	most := rememberedPatterns
	return cache.NewInterQueryValueCache(context.Background(), &cache.Config{
		InterQueryBuiltinValueCache: cache.InterQueryBuiltinValueCacheConfig{MaxNumEntries: &most},
	})
}
