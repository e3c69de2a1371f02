package githubtest_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-github/v60/github"

	"github.com/countersign-dev/countersign/server/github/githubtest"
)

// arrived are the texts of the comments whose webhooks came, in order.
func (w *world) arrived() []string {
	w.Flush()
	w.received.mu.Lock()
	defer w.received.mu.Unlock()
	var all []string
	for _, g := range w.received.got {
		if e, is := g.payload.(*github.IssueCommentEvent); is {
			all = append(all, e.GetComment().GetBody())
		}
	}
	return all
}

func TestDeliveriesAreDroppedDoubledAndReordered(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	number, _ := w.open("grow")
	w.Flush()
	say := func(text string, fate githubtest.Fate) {
		t.Helper()
		w.OnDelivery(func(githubtest.Delivery) githubtest.Fate { return fate })
		must[int64](t)(w.repository.Comment(number, "bob", text))
	}
	say("one", githubtest.Fate{})
	say("dropped", githubtest.Fate{Drop: true})
	say("lost", githubtest.Fate{Vanish: true})
	say("twice", githubtest.Fate{Times: 2})
	say("late 1", githubtest.Fate{Hold: true})
	say("late 2", githubtest.Fate{Hold: true})
	say("three", githubtest.Fate{})
	if diff := cmp.Diff([]string{"one", "twice", "twice", "three"}, w.arrived()); diff != "" {
		t.Error(diff)
	}
	w.received.mu.Lock()
	var guids []string
	for _, g := range w.received.got {
		guids = append(guids, g.guid)
	}
	w.received.mu.Unlock()
	if unique := slices.Compact(slices.Clone(guids)); len(unique) != len(guids)-1 {
		t.Errorf("the two attempts of one delivery do not share their GUID: %v", guids)
	}
	held := w.Held()
	w.Release(held[1].ID, held[0].ID)
	if diff := cmp.Diff([]string{"one", "twice", "twice", "three", "late 2", "late 1"}, w.arrived()); diff != "" {
		t.Error(diff)
	}
}

// What failed is listed, and comes again on request under its GUID.
func TestRedelivery(t *testing.T) {
	w := newWorld(t, githubtest.Options{})
	number, _ := w.open("grow")
	w.Flush()
	w.received.mu.Lock()
	w.received.status = http.StatusServiceUnavailable
	w.received.mu.Unlock()
	must[int64](t)(w.repository.Comment(number, "bob", "hello"))
	w.Flush()
	w.received.mu.Lock()
	w.received.status = 0
	w.received.mu.Unlock()
	var failed []*github.HookDelivery
	options := &github.ListCursorOptions{PerPage: 2}
	seen := 0
	for {
		page, response, err := w.appClient().Apps.ListHookDeliveries(t.Context(), options)
		check(t, err)
		for _, d := range page {
			seen++
			if d.GetStatusCode() >= 400 {
				failed = append(failed, d)
			}
		}
		if response.Cursor == "" {
			break
		}
		options.Cursor = response.Cursor
	}
	if len(failed) != 1 || failed[0].GetEvent() != "issue_comment" || seen != len(w.Deliveries()) {
		t.Fatalf("%d failed of %d, %d delivered", len(failed), seen, len(w.Deliveries()))
	}
	one, _, err := w.appClient().Apps.GetHookDelivery(t.Context(), failed[0].GetID())
	check(t, err)
	if one.GetGUID() != failed[0].GetGUID() || one.Request == nil {
		t.Errorf("the delivery: %v", one)
	}
	_, response, err := w.appClient().Apps.RedeliverHookDelivery(t.Context(), failed[0].GetID())
	if response.StatusCode != http.StatusAccepted {
		t.Fatalf("redelivery: %d %v", response.StatusCode, err)
	}
	if diff := cmp.Diff([]string{"hello", "hello"}, w.arrived()); diff != "" {
		t.Error(diff)
	}
	again := w.Deliveries()[len(w.Deliveries())-1]
	if !again.Redelivery || again.GUID != failed[0].GetGUID() || again.StatusCode != http.StatusAccepted {
		t.Errorf("the second attempt: %+v", again)
	}
}

func TestAnAppIsToldOnlyWhatItAskedFor(t *testing.T) {
	w := newWorld(t, githubtest.Options{App: githubtest.App{Events: []string{"push"}}})
	must[*githubtest.Organisation](t)(w.AddOrganisation("rival"))
	elsewhere := must[*githubtest.Repository](t)(w.AddRepository("rival", "x"))
	check(t, elsewhere.Permit("bob", "write"))
	sha := must[string](t)(elsewhere.Commit(githubtest.Commit{Author: "bob", Files: map[string]string{"a": "b"}}))
	check(t, elsewhere.Push("bob", "main", sha))
	w.open("grow")
	if diff := cmp.Diff([]string{"installation.created", "push"}, w.events()); diff != "" {
		t.Error(diff)
	}
}
