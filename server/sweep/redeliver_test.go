package sweep_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/store"
)

const redeliver = "apps/redeliver-webhook-delivery"

func (w *world) sweep() {
	w.t.Helper()
	if err := w.sweeper.Redeliver(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	w.Flush()
}

// fail makes a delivery that reaches nobody.
func (w *world) fail(owner string) {
	w.t.Helper()
	must(w.AddOrganisation(owner))(w.t)
	must(w.AddRepository(owner, "x"))(w.t)
	before := len(w.Deliveries())
	must(w.Install(owner))(w.t)
	w.Flush()
	if len(w.Deliveries()) == before {
		w.t.Fatal("nothing was delivered")
	}
}

// arrive records all deliveries as if they had come by another way.
func (w *world) arrive() {
	w.t.Helper()
	w.Flush()
	for _, d := range w.Deliveries() {
		delivery := store.Delivery{GUID: d.GUID, Event: d.Event, Installation: 1, Received: w.clock(), Digest: []byte{1}}
		if _, err := w.store.Record(w.t.Context(), delivery, store.Facts{}); err != nil {
			w.t.Fatal(err)
		}
	}
}

// A delivery that is refused again and again is asked for ever more rarely, is
// never given up before GitHub does, and keeps nothing else from coming.
func TestWhatKeepsFailing(t *testing.T) {
	w := newWorld(t)
	w.fail("more")
	failed := w.Deliveries() // of two installations, to nobody
	each := len(failed)
	w.pass(time.Minute)
	for n := range 3 {
		w.sweep()
		if got := w.Count(redeliver); got != each*(n+1) {
			t.Fatalf("after %d sweeps asked %d times for %d deliveries", n+1, got, each)
		}
		w.pass(5 * time.Minute)
	}
	before := w.Count(redeliver)
	for range 24 * 12 { // a day
		w.sweep()
		w.pass(5 * time.Minute)
	}
	if got := (w.Count(redeliver) - before) / each; got < 20 || got > 60 {
		t.Errorf("asked %d times in a day", got)
	}
	w.arrive()
	before = w.Count(redeliver)
	w.pass(2 * time.Hour)
	w.sweep()
	if got := w.Count(redeliver); got != before {
		t.Errorf("asked %d times for what is here", got-before)
	}
}

// Another process goes on where the last one left off, and what is older than
// GitHub keeps is not looked for.
func TestThePlaceIsKept(t *testing.T) {
	w := newWorld(t)
	w.arrive()
	w.sweep()
	w.pass(30 * time.Hour)
	w.sweep()
	entries := must(w.store.Entries(t.Context(), store.LogQuery{Kind: "deliveries_checked"}))(t)
	if len(entries) != 2 || !strings.Contains(string(entries[1].Body), "2026-03-02T18:00:00Z") {
		t.Errorf("entries: %+v", entries)
	}
	w.fail("more")
	w.pass(time.Hour)
	w.restart()
	w.sweep()
	if w.Count(redeliver) == 0 {
		t.Error("a new process looks for nothing")
	}
	w.pass(10 * 24 * time.Hour)
	w.restart()
	before := w.Count(redeliver)
	w.sweep()
	if got := w.Count(redeliver); got != before {
		t.Errorf("asked %d times for what GitHub forgot", got-before)
	}
}

func TestAnOutageOfTheListIsAnError(t *testing.T) {
	w := newWorld(t)
	w.Fail("apps/list-webhook-deliveries", githubtest.Fault{HTML: true, Times: 9})
	if err := w.sweeper.Redeliver(t.Context()); err == nil {
		t.Error("a page of HTML passes for an empty list")
	}
}

// All installations that work are woken, and looks that were given up once more.
func TestReconcile(t *testing.T) {
	w := newWorld(t)
	must(w.AddOrganisation("sleepy"))(t)
	must(w.AddRepository("sleepy", "x"))(t)
	must(w.Install("sleepy"))(t).Suspend(true)
	claim := func() []store.Lease {
		return must(w.store.Claim(t.Context(), store.Claimant{Owner: "t", Lease: time.Minute, Most: 10}))(t)
	}
	reconcile := func() {
		t.Helper()
		if err := w.sweeper.Reconcile(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	reconcile()
	leases := claim()
	if len(leases) != 1 || leases[0].Installation != w.installation.ID || leases[0].Repository != 0 {
		t.Fatalf("leases: %+v", leases)
	}
	if _, err := w.sweeper.Run(t.Context(), leases[0]); err != nil {
		t.Fatal(err)
	}
	repositories := claim()
	if len(repositories) != 1 || repositories[0].Repository != w.repository.ID() || repositories[0].Priority != store.Sweep {
		t.Fatalf("leases: %+v", repositories)
	}
	park := store.Outcome{End: store.Park, Reason: "it is broken"}
	if err := errors.Join(w.store.Settle(t.Context(), leases[0], store.Outcome{}), w.store.Settle(t.Context(), repositories[0], park)); err != nil {
		t.Fatal(err)
	}
	w.sweeper.Parked(t.Context(), repositories[0], errors.New("it is broken"))
	w.sweeper.Parked(t.Context(), repositories[0], errors.New("it is broken"))
	if len(w.alerts) != 1 || w.alerts[0].Kind != "parked" || w.alerts[0].Repository != "acme/clusters" {
		t.Errorf("alerts: %+v", w.alerts)
	}
	freed := func() bool {
		reconcile()
		return slices.ContainsFunc(claim(), func(l store.Lease) bool { return l.Repository == w.repository.ID() })
	}
	w.pass(30 * time.Minute)
	if freed() {
		t.Error("what was given up is tried again at once")
	}
	w.pass(31 * time.Minute)
	if !freed() {
		t.Error("what was given up is never tried again")
	}
}

// An outage of GitHub ends no work for good.
func TestOutagesPostpone(t *testing.T) {
	w := newWorld(t)
	w.Fail("*", githubtest.Fault{Status: 502, Times: 50})
	for _, lease := range []store.Lease{
		{Installation: w.installation.ID},
		{Installation: w.installation.ID, Target: store.Target{Repository: w.repository.ID()}},
	} {
		outcome, err := w.sweeper.Run(t.Context(), lease)
		if err != nil || outcome.End != store.Postpone || outcome.After <= 0 {
			t.Errorf("%+v: %+v, %v", lease, outcome, err)
		}
	}
}
