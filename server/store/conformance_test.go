package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

func pull(n int64) Target { return Target{Repository: 1, Pull: n} }

func push(n int64) Wake { return Wake{Target: pull(n), Installation: 7, Priority: Push} }

func claimOne(t testing.TB, s *Store) Lease {
	t.Helper()
	leases := get(s.Claim(context.Background(), Claimant{Owner: "w", Lease: time.Minute, Most: 1}))(t)
	if len(leases) != 1 {
		t.Fatalf("claimed %d targets, want 1", len(leases))
	}
	return leases[0]
}

func claimNone(t testing.TB, s *Store, why string) {
	t.Helper()
	if leases := get(s.Claim(context.Background(), Claimant{Owner: "w", Lease: time.Minute, Most: 9}))(t); len(leases) > 0 {
		t.Fatalf("%s: claimed %+v", why, leases)
	}
}

func TestDeliveryAndItsWakeAreOne(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, clock *ticker) {
		ctx := t.Context()
		d := Delivery{GUID: "g1", Event: "pull_request", Action: "opened", Installation: 7, Repository: 1,
			Received: clock.Now(), Digest: []byte{1}}
		if fresh := get(s.Record(ctx, d, Facts{}, push(1)))(t); !fresh {
			t.Error("the first delivery is not new")
		}
		must(t, s.Settle(ctx, claimOne(t, s), Outcome{}))
		clock.Add(time.Hour)
		for range 1000 { // replayed an hour later
			facts := Facts{Heads: []HeadSeen{{Repository: 1, Pull: 1, SHA: "forged"}}}
			if fresh := get(s.Record(ctx, d, facts, push(1)))(t); fresh {
				t.Fatal("a replay is new")
			}
		}
		claimNone(t, s, "a replay woke")
		same(t, "facts of a replay", len(get(s.Heads(ctx, 1, 1))(t)), 0)
		same(t, "seen", get(s.Seen(ctx, "g1"))(t), true)
		same(t, "not seen", get(s.Seen(ctx, "g2"))(t), false)

		// What cannot wake is not recorded either.
		_, err := s.Record(ctx, Delivery{GUID: "g3"}, Facts{Tips: []TipSeen{{Repository: 1, Ref: "r", SHA: "s"}}},
			push(2), Wake{Target: pull(3), Priority: Quiet})
		if err == nil {
			t.Error("a wake without priority is accepted")
		}
		same(t, "half a record", get(s.Seen(ctx, "g3"))(t), false)
		same(t, "half a fact", len(get(s.Tips(ctx, 1, "r", 9))(t)), 0)
		claimNone(t, s, "half a record woke")
		if _, err := s.Record(ctx, Delivery{}, Facts{}); err == nil {
			t.Error("a delivery without GUID is accepted")
		}
	})
}

// Bytes that an engine cannot hold must not make a delivery unstorable.
func TestHostileText(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, clock *ticker) {
		ctx := t.Context()
		nasty := "a\x00b\xff" + strings.Repeat("é", 4000)
		facts := Facts{
			Reviews:  []ReviewSeen{{Repository: 1, ID: 1, Pull: 1, Commit: nasty, State: nasty, Body: nasty}},
			Heads:    []HeadSeen{{Repository: 1, Pull: 1, SHA: nasty, Before: nasty}},
			Tips:     []TipSeen{{Repository: 1, Ref: nasty, SHA: nasty}},
			Comments: []CommentSeen{{Repository: 1, ID: 1, Pull: 1, Body: strings.Repeat("x", 1<<20)}},
			Pushes:   []PushSeen{{Repository: 1, Ref: nasty, After: nasty, Before: nasty}},
		}
		wakes := []Wake{{Target: Target{1, 1, nasty}, Priority: Push}, {Target: Target{1, 1, nasty + "2"}, Priority: Push}}
		for range 2 {
			get(s.Record(ctx, Delivery{GUID: nasty, Event: nasty, Action: nasty}, facts, wakes...))(t)
		}
		same(t, "long names", get(s.Seen(ctx, nasty))(t), true)
		same(t, "another long name", get(s.Seen(ctx, nasty+"2"))(t), false)
		review := get(s.Reviews(ctx, 1, 1))(t)[0]
		same(t, "a body", review.Body, "a\uFFFDb\uFFFD"+strings.Repeat("é", 4000))
		same(t, "a long body", len(get(s.Comments(ctx, 1, 1))(t)[0].Body), maxText)
		same(t, "a ref", len(get(s.Tips(ctx, 1, nasty, 9))(t)), 1)
		same(t, "pushes", len(get(s.Pushes(ctx, 1, nasty, 9))(t)), 1)
		for range 2 {
			must(t, s.Settle(ctx, claimOne(t, s), Outcome{}))
		}
		claimNone(t, s, "two groups")
		get(s.Begin(ctx, nasty, []byte(nasty)))(t)
		must(t, s.Finish(ctx, nasty, nil))
		must(t, s.KeepAssessment(ctx, nasty, []byte(nasty)))
		body, found, err := s.Assessment(ctx, nasty)
		must(t, err)
		same(t, "assessment", found && string(body) == nasty, true)
		get(s.Log(ctx, Entry{Kind: nasty, Body: []byte(nasty)}))(t)
		get(s.Publish(ctx, Publication{BaseRef: nasty, ExternalID: nasty, Conclusion: nasty}))(t)
		get(s.Bind(ctx, Binding{BaseRef: nasty, Digest: nasty}))(t)
	})
}

func TestFactsAreKeptAtFirstSight(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, clock *ticker) {
		ctx := t.Context()
		first, event := clock.Now(), clock.Now().Add(-time.Second)
		facts := Facts{
			Reviews: []ReviewSeen{{Repository: 1, ID: 5, Pull: 2, Person: 9, Commit: "c1", State: "approved", Submitted: event, Body: "ok"}},
			Heads:   []HeadSeen{{Repository: 1, Pull: 2, SHA: "c1", Before: "c0", Sender: 9, At: event}},
			Tips:    []TipSeen{{Repository: 1, Ref: "main", SHA: "t1", At: event}},
			Comments: []CommentSeen{{Repository: 1, ID: 6, Pull: 2, Person: 9, App: 3, Edited: true, Created: event,
				Body: "/countersign hold"}},
			Dismissals: []DismissalSeen{{Repository: 1, Review: 5, Pull: 2, Sender: 9, At: event}},
			Hands: []HandSeen{{Repository: 1, Pull: 2, Commit: "c1", Person: 9, How: "committer"},
				{Repository: 1, Pull: 2, Commit: "c1", Person: 10, How: "committer"}, {Repository: 1, Pull: 2, Commit: "c1", How: "pusher"}},
			Pushes: []PushSeen{{Repository: 1, Ref: "main", After: "t1", Before: "t0", Sender: 9, Forced: true, At: event}},
		}
		get(s.Record(ctx, Delivery{GUID: "g"}, facts))(t)
		clock.Add(time.Hour)
		later := facts
		later.Reviews = []ReviewSeen{{Repository: 1, ID: 5, Pull: 2, Person: 9, Commit: "moved", State: "dismissed", Body: "no"}}
		later.Comments = []CommentSeen{{Repository: 1, ID: 6, Pull: 2, Body: "edited"}}
		later.Dismissals = []DismissalSeen{{Repository: 1, Review: 5, Pull: 2, Sender: 10, At: clock.Now()}}
		later.Heads = append(later.Heads, HeadSeen{Repository: 1, Pull: 2, SHA: "c1", Before: "c0", Sender: 10, At: clock.Now()})
		must(t, s.Remember(ctx, later))

		want := facts
		want.Reviews[0].Seen, want.Heads[0].Seen, want.Tips[0].Seen = first, first, first
		want.Comments[0].Seen, want.Pushes[0].Seen, want.Dismissals[0].Seen = first, first, first
		for i := range want.Hands {
			want.Hands[i].Seen = first
		}
		same(t, "reviews", get(s.Reviews(ctx, 1, 2))(t), want.Reviews)
		same(t, "comments", get(s.Comments(ctx, 1, 2))(t), want.Comments)
		same(t, "dismissals", get(s.Dismissals(ctx, 1, 2))(t), want.Dismissals)
		same(t, "dismissals of others", len(get(s.Dismissals(ctx, 2, 2))(t))+len(get(s.Dismissals(ctx, 1, 3))(t)), 0)
		same(t, "hands", get(s.Hands(ctx, 1, 2))(t), want.Hands)
		same(t, "hands of others", len(get(s.Hands(ctx, 2, 2))(t))+len(get(s.Hands(ctx, 1, 3))(t)), 0)
		same(t, "tips", get(s.Tips(ctx, 1, "main", 9))(t), want.Tips)
		same(t, "pushes", get(s.Pushes(ctx, 1, "main", 9))(t), want.Pushes)
		same(t, "refs pushed to", get(s.PushedRefs(ctx, 1, want.Pushes[0].Seen))(t), []string{"main"})
		same(t, "refs pushed to later", len(get(s.PushedRefs(ctx, 1, want.Pushes[0].Seen.Add(time.Second)))(t)), 0)
		heads := get(s.Heads(ctx, 1, 2))(t)
		same(t, "the first head", heads[0], want.Heads[0])
		same(t, "two who pushed one commit", len(heads), 2)
		// Never across repositories or pull requests.
		same(t, "another repository", len(get(s.Reviews(ctx, 2, 2))(t))+len(get(s.Reviews(ctx, 1, 3))(t)), 0)
		same(t, "another ref", len(get(s.Tips(ctx, 1, "dev", 9))(t)), 0)
	})
}

func TestBindingsStand(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, clock *ticker) {
		ctx := t.Context()
		b := Binding{Repository: 1, Review: 5, Pull: 2, Person: 9, BaseRef: "main", Commit: "c", Digest: "d",
			Entries: []byte(`["e"]`)}
		want := b
		want.At = clock.Now()
		same(t, "bound", get(s.Bind(ctx, b))(t), want)
		clock.Add(time.Hour)
		b.Digest = "other"
		same(t, "bound again", get(s.Bind(ctx, b))(t), want)
		same(t, "listed", get(s.Bindings(ctx, 1, 2))(t), []Binding{want})
		b.Repository = 2
		same(t, "the same review id elsewhere", get(s.Bind(ctx, b))(t).Digest, "other")
	})
}

func TestPublications(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, clock *ticker) {
		ctx := t.Context()
		p := Publication{Repository: 1, Pull: 2, BaseRef: "main", BaseSHA: "b1", HeadSHA: "h", TreeSHA: "t", Digest: "d",
			Assessment: "a", Conclusion: "success", ExternalID: "1/2/b1/h", CheckRun: 99}
		first := get(s.Publish(ctx, p))(t)
		p.ID, p.At = first.ID, clock.Now()
		same(t, "kept", first, p)
		between := clock.Add(time.Minute)
		other := p
		other.Pull, other.BaseSHA, other.TreeSHA, other.Conclusion = 3, "b2", "t2", "failure"
		other = get(s.Publish(ctx, other))(t)
		for what, c := range map[string]struct {
			q    PublicationQuery
			want []Publication
		}{
			"all, newest first": {PublicationQuery{Repository: 1}, []Publication{other, first}},
			"by pull":           {PublicationQuery{Repository: 1, Pull: 2}, []Publication{first}},
			"by head":           {PublicationQuery{Repository: 1, HeadSHA: "h"}, []Publication{other, first}},
			"by tree":           {PublicationQuery{Repository: 1, TreeSHA: "t", Conclusion: "success"}, []Publication{first}},
			"last before":       {PublicationQuery{Repository: 1, Before: between, Most: 1}, []Publication{first}},
			"other repository":  {PublicationQuery{Repository: 2}, nil},
			"no repository":     {PublicationQuery{}, nil},
			"by base":           {PublicationQuery{Repository: 1, BaseRef: "dev"}, nil},
		} {
			same(t, what, get(s.Publications(ctx, c.q))(t), c.want)
		}
	})
}

func TestAssessments(t *testing.T) {
	for _, e := range engines {
		t.Run(e.name, func(t *testing.T) {
			clock, ctx := newTicker(), t.Context()
			s := open(t, Options{URL: e.url(t), Clock: clock.Now, AssessmentBytes: 100})
			has := func(key string) bool {
				t.Helper()
				_, found, err := s.Assessment(ctx, key)
				must(t, err)
				return found
			}
			keep := func(key string, size int) {
				t.Helper()
				clock.Add(time.Hour)
				must(t, s.KeepAssessment(ctx, key, bytes.Repeat([]byte{1}, size)))
			}
			keep("a", 40)
			keep("b", 40)
			clock.Add(time.Hour)
			same(t, "a is used", has("a"), true)
			keep("c", 40) // b was used longest ago
			same(t, "after eviction", []bool{has("a"), has("b"), has("c")}, []bool{true, false, true})
			keep("huge", 101)
			same(t, "larger than all room", []bool{has("huge"), has("a"), has("c")}, []bool{false, true, true})
			keep("a", 10)
			keep("d", 50)
			same(t, "a body that shrank", []bool{has("a"), has("c"), has("d")}, []bool{true, true, true})
			keep("full", 100)
			same(t, "the one just kept stays", []bool{has("full"), has("a")}, []bool{true, false})

			must(t, s.KeepAssessment(ctx, "zz", make([]byte, 100))) // at the same moment, last by name
			same(t, "the one just kept stays, at one moment", []bool{has("full"), has("zz")}, []bool{false, true})

			for _, damage := range []string{`UPDATE assessment SET body = $1`, `UPDATE assessment SET sum = $1`} {
				keep("e", 3)
				get(s.write.ExecContext(ctx, damage, []byte("x")))(t)
				same(t, "damaged", has("e"), false)
				var n int
				must(t, s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM assessment WHERE id = 'e'`).Scan(&n))
				same(t, "the damaged row is gone", n, 0)
			}
			keep("f", 3)
			get(s.write.ExecContext(ctx, `UPDATE assessment SET id = 'g' WHERE id = 'f'`))(t)
			same(t, "a row under another's key", has("g"), false)
			if err := s.KeepAssessment(ctx, "", nil); err == nil {
				t.Error("an assessment without key is kept")
			}
		})
	}
}

func TestOutbox(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, clock *ticker) {
		ctx := t.Context()
		start := clock.Now()
		want := Action{Key: "check/1", State: Begun, Intent: []byte("i"), Begun: start}
		same(t, "begun", get(s.Begin(ctx, "check/1", []byte("i")))(t), want)
		want.State = Unsure
		clock.Add(time.Minute)
		same(t, "begun before", get(s.Begin(ctx, "check/1", []byte("other")))(t), want)
		same(t, "unfinished", get(s.Unfinished(ctx, clock.Now()))(t), []Action{want})
		same(t, "none older", len(get(s.Unfinished(ctx, start))(t)), 0)
		same(t, "unfinished of a kind", get(s.UnfinishedUnder(ctx, "check/"))(t), []Action{want})
		same(t, "none of another kind", len(get(s.UnfinishedUnder(ctx, "check/1/"))(t))+len(get(s.UnfinishedUnder(ctx, "heck"))(t)), 0)
		must(t, s.Finish(ctx, "check/1", []byte("r")))
		want.State, want.Result, want.Finished = Finished, []byte("r"), clock.Now()
		clock.Add(time.Minute)
		must(t, s.Finish(ctx, "check/1", []byte("second")))
		same(t, "finished", get(s.Begin(ctx, "check/1", nil))(t), want)
		same(t, "none unfinished", len(get(s.Unfinished(ctx, clock.Now()))(t))+len(get(s.UnfinishedUnder(ctx, "check/"))(t)), 0)
		if err := s.Finish(ctx, "never", nil); !errors.Is(err, ErrUnknown) {
			t.Errorf("finishing what never began: %v", err)
		}

		must(t, s.Wake(ctx, push(1)))
		lease := claimOne(t, s)
		same(t, "under a lease", get(s.BeginUnder(ctx, lease, "c", nil))(t).State, Begun)
		clock.Add(time.Hour)
		if _, err := s.BeginUnder(ctx, lease, "d", nil); !errors.Is(err, ErrStale) {
			t.Errorf("under a lease that ran out: %v", err)
		}
		same(t, "nothing recorded", get(s.Begin(ctx, "d", nil))(t).State, Begun)
	})
}

func TestAudit(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, clock *ticker) {
		ctx := t.Context()
		var kept []Entry
		for i := range int64(5) {
			kept = append(kept, get(s.Log(ctx, Entry{Repository: 1 + i%2, Pull: i, Kind: fmt.Sprint("k", i%2), Body: []byte("{}")}))(t))
			clock.Add(time.Minute)
		}
		for what, c := range map[string]struct {
			q    LogQuery
			want []Entry
		}{
			"all":        {LogQuery{}, kept},
			"going on":   {LogQuery{After: kept[1].ID, Most: 2}, kept[2:4]},
			"repository": {LogQuery{Repository: 2}, []Entry{kept[1], kept[3]}},
			"pull":       {LogQuery{Repository: 1, Pull: 2}, kept[2:3]},
			"kind":       {LogQuery{Kind: "k1", From: kept[2].At}, kept[3:4]},
			"range":      {LogQuery{From: kept[1].At, To: kept[3].At}, kept[1:3]},
			"none":       {LogQuery{Repository: 9}, nil},
			"newest":     {LogQuery{Newest: true, Most: 2}, []Entry{kept[len(kept)-1], kept[len(kept)-2]}},
		} {
			same(t, what, get(s.Entries(ctx, c.q))(t), c.want)
		}
		if _, err := s.Log(ctx, Entry{}); err == nil {
			t.Error("an entry without kind is kept")
		}
	})
}

// Who reads on from the last number it saw must miss nothing, whoever writes.
func TestAuditHasNoGaps(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, _ *ticker) {
		var writers sync.WaitGroup
		for range 8 {
			writers.Go(func() {
				for range 10 {
					if _, err := s.Log(t.Context(), Entry{Kind: "k"}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		done := make(chan struct{})
		go func() { writers.Wait(); close(done) }()
		var last int64
		for last < 80 {
			for _, e := range get(s.Entries(t.Context(), LogQuery{After: last}))(t) {
				if e.ID != last+1 {
					t.Fatalf("entry %d follows %d", e.ID, last)
				}
				last = e.ID
			}
			if t.Failed() {
				break
			}
		}
		<-done
	})
}

func TestSecrets(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, clock *ticker) {
		ctx := t.Context()
		secrets := make([]Secret, 8)
		var askers sync.WaitGroup
		for i := range secrets {
			askers.Go(func() {
				var err error
				if secrets[i], err = s.Secret(ctx, "fingerprint"); err != nil {
					t.Error(err)
				}
			})
		}
		askers.Wait()
		for _, secret := range secrets {
			same(t, "shared", secret, secrets[0])
		}
		if len(secrets[0].Value) != 32 || secrets[0].Generation != 1 || bytes.Equal(secrets[0].Value, make([]byte, 32)) {
			t.Errorf("a weak key: %d bytes, generation %d", len(secrets[0].Value), secrets[0].Generation)
		}
		other := get(s.Secret(ctx, "other"))(t)
		if bytes.Equal(other.Value, secrets[0].Value) {
			t.Error("two names share a key")
		}
		second := get(s.Rotate(ctx, "fingerprint", 1))(t)
		same(t, "generation", second.Generation, int64(2))
		same(t, "rotated by another meanwhile", get(s.Rotate(ctx, "fingerprint", 1))(t), second)
		same(t, "in force", get(s.Secret(ctx, "fingerprint"))(t), second)
		if _, err := s.Rotate(ctx, "fingerprint", 3); err == nil {
			t.Error("a generation that does not exist is rotated")
		}
		third := get(s.Rotate(ctx, "fingerprint", 2))(t)
		same(t, "long out of date", get(s.Rotate(ctx, "fingerprint", 1))(t), third)
		var n int
		must(t, s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM secret WHERE name = 'fingerprint'`).Scan(&n))
		same(t, "the old key is deleted", n, 1)
	})
}

func TestPrune(t *testing.T) {
	onEach(t, func(t *testing.T, s *Store, clock *ticker) {
		ctx := t.Context()
		fill := func(n int64) {
			facts := Facts{Reviews: []ReviewSeen{{ID: n}}, Heads: []HeadSeen{{Pull: n}}, Tips: []TipSeen{{Repository: n}},
				Comments: []CommentSeen{{ID: n}}, Pushes: []PushSeen{{Repository: n}},
				Dismissals: []DismissalSeen{{Review: n}}, Hands: []HandSeen{{Pull: n}}}
			get(s.Record(ctx, Delivery{GUID: fmt.Sprint(n)}, facts))(t)
			get(s.Publish(ctx, Publication{Repository: 1}))(t)
			get(s.Bind(ctx, Binding{Review: n}))(t)
			must(t, s.KeepAssessment(ctx, fmt.Sprint(n), nil))
			get(s.Begin(ctx, fmt.Sprint("done", n), nil))(t)
			must(t, s.Finish(ctx, fmt.Sprint("done", n), nil))
			get(s.Begin(ctx, fmt.Sprint("open", n), nil))(t)
			get(s.Log(ctx, Entry{Kind: "k"}))(t)
		}
		fill(1)
		for i, end := range []Outcome{{}, {End: Retry, After: time.Second}, {End: Park, Reason: "r"}, {Again: clock.Now().Add(1000 * time.Hour)}} {
			must(t, s.Wake(ctx, push(int64(i))))
			must(t, s.Settle(ctx, claimOne(t, s), end))
		}
		clock.Add(48 * time.Hour)
		fill(2)
		day := 24 * time.Hour
		if n := get(s.Prune(ctx, Retention{}))(t); n != 0 {
			t.Errorf("a retention for ever removed %d rows", n)
		}
		same(t, "removed", get(s.Prune(ctx, Retention{day, day, day, day, day, day, day, day}))(t), int64(14))
		counts := map[string]int{"delivery": 1, "work": 3, "review_seen": 1, "head_seen": 1, "tip_seen": 1,
			"comment_seen": 1, "push_seen": 1, "dismissal_seen": 1, "hand_seen": 1, "publication": 1, "binding": 1, "assessment": 1, "outbox": 3, "audit": 1}
		for table, want := range counts {
			var n int
			must(t, s.read.QueryRowContext(ctx, `SELECT COUNT(*) FROM `+table).Scan(&n))
			same(t, table, n, want)
		}
		for n := range int64(1100) {
			get(s.Record(ctx, Delivery{GUID: fmt.Sprint("many", n)}, Facts{}))(t)
		}
		clock.Add(48 * time.Hour)
		same(t, "many at once", get(s.Prune(ctx, Retention{Deliveries: day}))(t), int64(1101))
	})
}
