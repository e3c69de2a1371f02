package publish_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/publish"
)

var errCut = errors.New("the process is gone")

// crash plans the end of the process at its nth request from now: before it is
// sent, with its answer lost, or right after its answer. The store ends first,
// so that nothing can be put right afterwards.
func (w *world) crash(nth int, how string) {
	w.wire.mu.Lock()
	defer w.wire.mu.Unlock()
	n, gone := 0, false
	w.wire.cut = func(r *http.Request) func(func() (*http.Response, error)) (*http.Response, error) {
		if gone {
			return func(func() (*http.Response, error)) (*http.Response, error) { return nil, errCut }
		}
		if strings.Contains(r.URL.Path, "access_tokens") {
			return nil
		}
		if n++; n < nth {
			return nil
		}
		gone = true
		return func(send func() (*http.Response, error)) (*http.Response, error) {
			if how == "before" {
				return nil, errors.Join(errCut, w.store.Close())
			}
			answer, err := send()
			err = errors.Join(err, w.store.Close())
			if how == "after" || err != nil {
				return answer, err
			}
			return nil, errors.Join(errCut, answer.Body.Close())
		}
	}
}

// recover starts the process anew after a crash, if there was one.
func (w *world) recover() {
	w.wire.mu.Lock()
	w.wire.cut = nil
	w.wire.mu.Unlock()
	w.start()
}

// AC-087 for what is published: killed at any request, before it, after it or
// with its answer on the way, each wish ends in exactly one check run and one
// comment that say it.
func TestAC087_KilledBetweenAnyTwoSteps(t *testing.T) {
	for _, how := range []string{"before", "lost", "after"} {
		for nth := 1; nth <= 2; nth++ {
			t.Run(fmt.Sprint(how, nth), func(t *testing.T) {
				w := newWorld(t)
				for _, state := range []string{policy.StateNeedsApproval, policy.StatePass, policy.StateViolation} {
					w.crash(nth, how)
					_, err := w.publisher.Publish(w.ctx, w.wish(state))
					w.recover()
					t.Logf("%s: %v", state, err)
					published := w.publish(w.wish(state))
					got := w.only(t)
					if got.ID != published.CheckRun || got.Conclusion != publish.Conclusion(verdict(state), false) {
						t.Errorf("%s: the check is %+v, kept %+v", state, got, published)
					}
					if state == policy.StateViolation && got.Output.Annotations != 1 {
						t.Errorf("%d remarks", got.Output.Annotations)
					}
					if n := len(w.comments(t)); n != 1 {
						t.Errorf("%s: %d comments", state, n)
					}
				}
			})
		}
	}
}

// Whatever is decided and wherever the process dies: one check run for each
// head, at most one comment, and green only when the last thing that was
// decided is a pass.
func TestNeverTwoAndNeverAFalseGreen(t *testing.T) {
	w := newWorld(t)
	lives := 0
	states := []string{policy.StatePass, policy.StateNeedsApproval, policy.StateBlocked, policy.StateViolation, policy.StateError}
	rapid.Check(t, func(t *rapid.T) {
		lives++
		if lives > 25 {
			return // a world takes its time
		}
		w.wire.cut = nil
		w.number, w.head = w.open(fmt.Sprintf("branch-%d", lives))
		w.fresh()
		shown := "" // by GitHub
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			how := rapid.SampledFrom([]string{"", "", "before", "lost", "after"}).Draw(t, "crash")
			if how != "" {
				w.crash(rapid.IntRange(1, 3).Draw(t, "at"), how)
			}
			var err error
			want := ""
			step := rapid.SampledFrom([]string{"publish", "publish", "publish", "trouble", "park", "withdraw"}).Draw(t, "step")
			switch step {
			case "publish":
				state := rapid.SampledFrom(states).Draw(t, "state")
				want = publish.Conclusion(verdict(state), false)
				_, err = w.publisher.Publish(w.ctx, w.wish(state))
			case "withdraw":
				want = publish.ActionRequired
				err = w.publisher.Withdraw(w.ctx, w.subject(), "closed")
			default:
				want = map[string]string{"trouble": publish.InProgress, "park": publish.Failure}[step]
				err = w.publisher.Trouble(w.ctx, w.subject(), "GitHub is down", step == "park")
			}
			if how != "" {
				w.recover()
			}
			runs := w.runs(t, w.head)
			if len(runs) > 1 || len(w.comments(t)) > 1 {
				t.Fatalf("%d check runs, %d comments", len(runs), len(w.comments(t)))
			}
			is := ""
			if len(runs) == 1 {
				if is = runs[0].Conclusion; is == "" {
					is = runs[0].Status
				}
			}
			allowed := []string{want}
			if err != nil {
				allowed = append(allowed, shown) // it may not have come so far
			} else if step == "withdraw" && shown != publish.Success {
				allowed = append(allowed, shown) // what is not green may stay
			}
			if !slices.Contains(allowed, is) {
				t.Fatalf("after %s (%v) GitHub shows %q, not one of %q", step, err, is, allowed)
			}
			shown = is
		}
		published, err := w.publisher.Publish(w.ctx, w.wish(policy.StateViolation))
		if err != nil {
			t.Fatal(err)
		}
		if got := w.only(t); got.ID != published.CheckRun || got.Conclusion != "failure" || got.Output.Annotations != 1 {
			t.Fatalf("%+v", got)
		}
	})
}
