package sweep

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/store"
)

// Alert is something that people must look at now.
type Alert struct {
	Kind       string `json:"kind"`               // unreviewed_change, status_spoofed, parked
	Repository string `json:"repository"`         // OWNER/NAME
	Receiver   string `json:"receiver,omitempty"` // a name that the server's settings know; "" means all
	Text       string `json:"text"`               // for people; no secrets
	URL        string `json:"url,omitempty"`
}

const alertKey = "alert/"

// about is the place in the audit log of what an alert is about.
type about struct{ repository, pull int64 }

// raise says something once: to the audit log, the program's log and the
// receivers. key names the occasion. What receivers do not take now is sent
// again by Redeliver; the error is the store's alone.
func (s *Sweeper) raise(ctx context.Context, key string, at about, a Alert) error {
	intent, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("write the alert: %w", err)
	}
	action, err := s.Store.Begin(ctx, alertKey+key, intent)
	if err != nil || action.State != store.Begun {
		return err
	}
	entry := store.Entry{Repository: at.repository, Pull: at.pull, Kind: "alert", Body: intent}
	if _, err := s.Store.Log(ctx, entry); err != nil {
		return err
	}
	s.Log.Error("alert", "kind", a.Kind, "repository", a.Repository, "pull", at.pull, "text", a.Text)
	s.deliver(ctx, action.Key, a)
	return nil
}

// deliver tries once to tell the receivers.
func (s *Sweeper) deliver(ctx context.Context, key string, a Alert) {
	if s.Alert != nil {
		if err := s.Alert(ctx, a); err != nil {
			s.Log.Warn("an alert was not taken and is sent again", "kind", a.Kind, "error", err)
			return
		}
	}
	if err := s.Store.Finish(ctx, key, nil); err != nil {
		s.Log.Warn("an alert was taken and may be sent again", "kind", a.Kind, "error", err)
	}
}

// patience is how long an alert is sent again.
const patience = 3 * 24 * time.Hour

// remind sends alerts again that were not taken. Those of a moment ago may be
// on their way.
func (s *Sweeper) remind(ctx context.Context) error {
	actions, err := s.Store.Unfinished(ctx, s.Clock().Add(-30*time.Second))
	if err != nil {
		return fmt.Errorf("look for alerts: %w", err)
	}
	for _, action := range actions {
		var a Alert
		switch {
		case !strings.HasPrefix(action.Key, alertKey):
			continue
		case json.Unmarshal(action.Intent, &a) != nil, s.Clock().Sub(action.Begun) > patience:
			err = errors.Join(err, s.Store.Finish(ctx, action.Key, []byte("given up")))
		default:
			s.deliver(ctx, action.Key, a)
		}
	}
	return err
}

// Parked raises an alert: work was given up for a reason.
func (s *Sweeper) Parked(ctx context.Context, lease store.Lease, reason error) {
	name := "repository " + strconv.FormatInt(lease.Repository, 10)
	if lease.Repository == 0 {
		name = "installation " + strconv.FormatInt(lease.Installation, 10)
	} else if r, err := s.App.Client(lease.Installation).Repository(ctx, lease.Repository); err == nil {
		name = fullName(r)
	}
	what := name
	if lease.Pull > 0 {
		what = fmt.Sprintf("%s#%d", name, lease.Pull)
	} else if lease.Group != "" {
		what = name + " " + lease.Group
	}
	key := fmt.Sprintf("parked/%d/%d/%s/%d", lease.Repository, lease.Pull, lease.Group, lease.Fence)
	err := s.raise(ctx, key, about{lease.Repository, lease.Pull}, Alert{Kind: "parked", Repository: name,
		Text: fmt.Sprintf("Countersign gave up on %s after %d attempts: %v", what, lease.Attempts, reason)})
	if err != nil {
		s.Log.Error("an alert could not be kept", "kind", "parked", "what", what, "error", err)
	}
}

func fullName(r github.Repository) string { return r.Owner + "/" + r.Name }
