package github

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"github.com/countersign-dev/countersign/policy"
)

type appJSON struct {
	ID          int64             `json:"id"`
	Slug        string            `json:"slug"`
	Name        string            `json:"name"`
	Permissions map[string]string `json:"permissions"`
	Events      []string          `json:"events"`
}

// Identity asks who the App is. Its account is public on github.com; where it
// is not, an installation's client is asked.
func (a *App) Identity(ctx context.Context) (Identity, error) {
	found, err := read[appJSON](ctx, a.itself, ask{op: "apps/get-authenticated", path: "app"})
	if err != nil {
		return Identity{}, err
	}
	if found.ID != a.options.App || found.Slug == "" {
		return Identity{}, shape("apps/get-authenticated", errors.New("it is another App, or has no name"))
	}
	bot, err := a.bot(ctx, found.Slug+"[bot]")
	if err != nil {
		return Identity{}, err
	}
	return Identity{ID: found.ID, Slug: found.Slug, Name: found.Name, Bot: bot, Permissions: found.Permissions,
		Events: found.Events}, nil
}

func (a *App) bot(ctx context.Context, login string) (policy.User, error) {
	bot, err := userAt(ctx, a.nobody, ask{op: "users/get-by-username", path: at("users", login)})
	if err == nil {
		return bot, nil
	}
	installations, listing := a.Installations(ctx)
	if listing != nil {
		return bot, listing
	}
	for _, i := range installations {
		if !i.Suspended {
			return a.Client(i.ID).UserNamed(ctx, login)
		}
	}
	return bot, err
}

// Installations lists the accounts that the App is installed on.
func (a *App) Installations(ctx context.Context) ([]Installation, error) {
	type installation struct {
		ID          int64             `json:"id"`
		Account     *account          `json:"account"`
		Suspended   *time.Time        `json:"suspended_at"`
		Permissions map[string]string `json:"permissions"`
		Events      []string          `json:"events"`
	}
	return all(ctx, a.itself, ask{op: "apps/list-installations", path: "app/installations"},
		func(i *installation) (Installation, error) {
			view := Installation{ID: i.ID, Suspended: i.Suspended != nil, Permissions: i.Permissions, Events: i.Events}
			if i.Account != nil {
				view.Account = i.Account.Login
			}
			return view, needed(i.ID != 0, "an installation has no id")
		})
}

// Hook is the App's webhook as it is configured.
func (a *App) Hook(ctx context.Context) (Hook, error) {
	type hook struct {
		URL         string          `json:"url"`
		ContentType string          `json:"content_type"`
		Insecure    json.RawMessage `json:"insecure_ssl"` // "0", "1" or a number
	}
	h, err := read[hook](ctx, a.itself, ask{op: "apps/get-webhook-config-for-app", path: "app/hook/config"})
	if err != nil {
		return Hook{}, err
	}
	insecure := strings.Trim(string(h.Insecure), `"`)
	return Hook{URL: h.URL, ContentType: h.ContentType, InsecureSSL: insecure != "0" && insecure != ""}, nil
}

// Attempts lists deliveries since a moment, newest first.
func (a *App) Attempts(ctx context.Context, since time.Time) ([]Attempt, error) {
	type delivery struct {
		ID           int64     `json:"id"`
		GUID         string    `json:"guid"`
		Event        string    `json:"event"`
		Action       string    `json:"action"`
		Installation int64     `json:"installation_id"`
		Repository   int64     `json:"repository_id"`
		At           time.Time `json:"delivered_at"`
		Status       int       `json:"status_code"`
		Redelivery   bool      `json:"redelivery"`
	}
	var attempts []Attempt
	err := each(ctx, a.itself, ask{op: "apps/list-webhook-deliveries", path: "app/hook/deliveries"},
		func(d *delivery) (bool, error) {
			if d.ID == 0 || d.GUID == "" || d.At.IsZero() {
				return false, errors.New("a delivery has no id or no time")
			}
			if d.At.Before(since) {
				return false, nil
			}
			attempts = append(attempts, Attempt{ID: d.ID, GUID: d.GUID, Event: d.Event, Action: d.Action,
				Installation: d.Installation, Repository: d.Repository, At: d.At, OK: d.Status/100 == 2,
				Redelivery: d.Redelivery})
			return true, nil
		})
	if err != nil {
		return nil, err
	}
	return attempts, nil
}

// Redeliver asks GitHub to deliver once more what an attempt delivered.
func (a *App) Redeliver(ctx context.Context, attempt int64) error {
	const op = "apps/redeliver-webhook-delivery"
	client, err := a.itself.open(op)
	if err != nil {
		return err
	}
	_, _, err = client.Apps.RedeliverHookDelivery(context.WithValue(ctx, opKey{}, op), attempt)
	if _, accepted := errors.AsType[*github.AcceptedError](err); err == nil || accepted {
		return nil
	}
	return a.itself.trouble(op, err)
}

// Time is GitHub's clock, from the Date header of a cheap answer: of any
// answer, and one that needs no token, for those depend on the clock.
func (a *App) Time(ctx context.Context) (time.Time, error) {
	const op = "rate-limit/get"
	response, _, err := a.nobody.send(ctx, ask{op: op, method: http.MethodGet, path: "rate_limit"})
	if response != nil && response.Response != nil {
		if at, err := http.ParseTime(response.Header.Get("Date")); err == nil {
			return at, nil
		}
	}
	if err != nil {
		return time.Time{}, err
	}
	return time.Time{}, shape(op, errors.New("it has no date"))
}
