package review_test

import (
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/server/store"
)

// asked are the operations since a number of requests that spent budget.
func (w *world) asked(since int) []string {
	var names []string
	for _, r := range w.Requests()[since:] {
		if r.Installation != 0 && r.Status != 304 && !strings.HasPrefix(r.Operation, "transport/") {
			names = append(names, r.Operation)
		}
	}
	return names
}

// What a review costs: bounded when nothing is known of the reviewer, few when
// it is, and nothing at all when nothing changed.
func TestRequests(t *testing.T) {
	w := newWorld(t)
	number, head := w.propose("more")
	w.run()
	w.approve(number, "bob")
	spent := func(what string, most int) {
		t.Helper()
		at := len(w.Requests())
		w.run()
		if asked := w.asked(at); len(asked) > most {
			t.Errorf("%s takes %d requests: %v", what, len(asked), asked)
		}
	}
	spent("somebody's first review", 6)
	w.approve(number, "carol")
	spent("the review that turns it green", 6)
	w.wants(head, "success")
	w.approve(number, "carol")
	spent("another review of one known", 4)
	w.wake(number, store.Review)
	spent("a look at what did not change", 0)
	w.commit("alice", "change-more", head, map[string]string{"docs/about.md": "# Ours\n"})
	spent("a push", 9)
}
