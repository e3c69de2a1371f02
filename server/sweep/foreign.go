package sweep

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/review"
	"github.com/countersign-dev/countersign/server/store"
)

// foreign looks for checks and statuses under our name on the heads of open
// pull requests, those first that were not looked at for longest.
func (l *look) foreign(ctx context.Context, pulls []github.Pull) error {
	if l.lease.Priority == store.Push {
		return nil // their own events wake us otherwise
	}
	pulls = slices.DeleteFunc(slices.Clone(pulls), func(p github.Pull) bool {
		return !review.Governed(l.config, l.repository, p.Base)
	})
	slices.SortStableFunc(pulls, func(a, b github.Pull) int {
		return l.seen.pulls[a.Number].checked.Compare(l.seen.pulls[b.Number].checked)
	})
	for _, p := range pulls[:min(len(pulls), checked)] {
		found, err := l.spoofs(ctx, p)
		if err != nil {
			return fmt.Errorf("look for others' checks of %.12s: %w", p.Head, err)
		}
		for _, spoof := range found {
			if err := l.expose(ctx, p, spoof); err != nil {
				return err
			}
		}
		seen := l.seen.pulls[p.Number]
		seen.checked = l.now
		l.seen.pulls[p.Number] = seen
	}
	return nil
}

// spoofs are the checks and statuses under our name that are not ours.
func (l *look) spoofs(ctx context.Context, p github.Pull) ([]review.Spoofed, error) {
	name := publish.Name(p.Base)
	checks, err := l.client.Checks(ctx, l.repository, p.Head, name, 0)
	if err != nil {
		return nil, err
	}
	var out []review.Spoofed
	for _, c := range checks {
		if c.App != l.App.ID() {
			out = append(out, review.Spoofed{Head: p.Head, Name: name, By: fmt.Sprintf("App %d", c.App)})
		}
	}
	if l.memory.silent(l.lease.Installation, l.now) {
		return out, nil
	}
	statuses, err := l.client.Statuses(ctx, l.repository, p.Head)
	if github.KindOf(err) == github.Forbidden {
		if l.memory.silence(l.lease.Installation, l.now.Add(time.Hour)) {
			l.Log.Info("commit statuses cannot be read: forged ones under our name go unseen; grant statuses: read",
				"installation", l.lease.Installation)
		}
		return out, nil
	}
	if err != nil {
		return nil, err
	}
	for _, status := range statuses {
		if strings.EqualFold(status.Context, name) {
			by := "an account that is gone"
			if status.Creator != nil {
				by = status.Creator.Login
			}
			out = append(out, review.Spoofed{Head: p.Head, Name: status.Context, By: by})
		}
	}
	return out, nil
}

// expose says once that somebody wrote under our name, and has the pull request
// judged again so that its check says so too.
func (l *look) expose(ctx context.Context, p github.Pull, spoof review.Spoofed) error {
	key := fmt.Sprintf("sweep/spoofed/%d/%s/%s/%s", l.repository.ID, spoof.Head, spoof.By, spoof.Name)
	action, err := l.Store.Begin(ctx, key, nil)
	if err != nil || action.State == store.Finished {
		return err
	}
	body, err := json.Marshal(spoof)
	if err != nil {
		return fmt.Errorf("write the entry: %w", err)
	}
	pull := int64(p.Number)
	_, err = l.Store.Log(ctx, store.Entry{Repository: l.repository.ID, Pull: pull,
		Kind: review.SpoofedKind, Body: body})
	if err != nil {
		return err
	}
	name := fullName(l.repository)
	err = l.raise(ctx, key, about{l.repository.ID, pull}, Alert{Kind: "status_spoofed", Repository: name,
		Receiver: l.config.Alerts.Receiver, URL: p.URL,
		Text: fmt.Sprintf("%s wrote a result under the name %q on %.12s (%s#%d), which is Countersign's alone. "+
			"Ask who that was, and pin the required check to this App.", spoof.By, spoof.Name, spoof.Head, name, pull)})
	if err != nil {
		return err
	}
	err = l.wake(ctx, []store.Wake{{Installation: l.lease.Installation, Priority: store.Review,
		Target: store.Target{Repository: l.repository.ID, Pull: pull}}})
	if err != nil {
		return err
	}
	return l.Store.Finish(ctx, key, nil)
}
