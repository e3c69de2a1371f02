package doctor

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/sweep"
)

// Permissions are the least that the App needs, as GitHub names them.
var Permissions = map[string]string{
	"metadata": "read", "contents": "read", "pull_requests": "read", "checks": "write",
	"issues": "write", "members": "read", "merge_queues": "read",
}

// Events are those that the App must be told of.
var Events = []string{
	"branch_protection_rule", "check_run", "check_suite", "issue_comment", "member", "membership", "merge_group",
	"organization", "pull_request", "pull_request_review", "push", "repository", "repository_ruleset", "team",
}

// skew is how far this machine's clock may be from GitHub's: tokens are dated
// by it.
const skew = 30 * time.Second

// identity examines the App and its installations.
func (e *examination) identity(ctx context.Context) {
	who, err := e.app.Identity(ctx)
	if err != nil {
		e.bad("compare app_id and private key with the App's settings page, and github_url with your GitHub",
			"GitHub does not know us: %v", err)
		return
	}
	e.good("GitHub knows us as %s (App %d)", who.Slug, who.ID)
	e.clock(ctx)
	e.asked("the App's settings page", who.Permissions, who.Events)
	e.hook(ctx)
	installations, err := e.app.Installations(ctx)
	if err != nil {
		e.bad("try again", "the installations cannot be listed: %v", err)
		return
	}
	if len(installations) == 0 {
		e.bad("install it: the App's page, \"Install App\"", "the App is installed nowhere")
	}
	for _, i := range installations {
		e.installation(ctx, i)
	}
}

func (e *examination) clock(ctx context.Context) {
	theirs, err := e.app.Time(ctx)
	if err != nil {
		e.bad("try again", "GitHub's clock cannot be read: %v", err)
		return
	}
	if off := e.Clock().Sub(theirs); off.Abs() > skew {
		e.bad("set this machine's clock (NTP): GitHub refuses tokens from the future",
			"this machine's clock is off by %s", off.Round(time.Second))
		return
	}
	e.good("this machine's clock agrees with GitHub's")
}

// asked compares permissions and events with what is needed.
func (e *examination) asked(where string, permissions map[string]string, events []string) {
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(Permissions)) {
		if has := permissions[name]; has != Permissions[name] && has != "write" && has != "admin" {
			missing = append(missing, name+": "+Permissions[name])
		}
	}
	if len(missing) > 0 {
		e.bad("grant them in the App's settings; owners must then accept them", "%s: permissions are missing: %s",
			where, strings.Join(missing, ", "))
	}
	var untold []string
	for _, name := range Events {
		if !slices.Contains(events, name) {
			untold = append(untold, name)
		}
	}
	if len(untold) > 0 {
		e.bad(
			"subscribe to them in the App's settings",
			"%s: events are missing: %s",
			where,
			strings.Join(untold, ", "),
		)
	}
	if len(missing)+len(untold) == 0 {
		e.good("%s: all permissions and events that are needed", where)
	}
}

// hook examines the webhook's settings and sends a ping as GitHub would.
func (e *examination) hook(ctx context.Context) {
	hook, err := e.app.Hook(ctx)
	if err != nil {
		e.bad("try again", "the webhook's settings cannot be read: %v", err)
		return
	}
	address, err := url.Parse(hook.URL)
	switch {
	case err != nil || address.Host == "":
		e.bad("set it in the App's settings: https://YOUR-HOST/webhook", "the App has no webhook address")
		return
	case hook.ContentType != "json":
		e.bad("choose application/json in the App's settings", "the webhook's content type is %q", hook.ContentType)
	case hook.InsecureSSL:
		e.bad("enable SSL verification in the App's settings", "GitHub does not verify the webhook's certificate")
	}
	status, err := ping(ctx, hook.URL, e.Settings.WebhookSecrets[0])
	switch {
	case err != nil:
		e.bad("start the server, and see that GitHub and this machine can reach that address",
			"a test delivery to %s failed: %v", hook.URL, err)
	case status == http.StatusUnauthorized:
		e.bad("the server there was started with another secret: give it the same one",
			"a test delivery to %s was refused: its signature does not fit", hook.URL)
	case status != http.StatusAccepted:
		e.bad("see the server's log", "a test delivery to %s was answered with %d", hook.URL, status)
	default:
		e.good("a signed test delivery to %s was accepted", hook.URL)
	}
}

// ping delivers GitHub's ping with our secret.
func ping(ctx context.Context, address, secret string) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	body := []byte(`{"zen":"countersign doctor"}`)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-GitHub-Event", "ping")
	request.Header.Set("X-GitHub-Delivery", delivery())
	request.Header.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16))
	return answer.StatusCode, err
}

// delivery is a fresh id in GitHub's form.
func delivery() string {
	var id [16]byte
	rand.Read(id[:])
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}

func (e *examination) installation(ctx context.Context, i github.Installation) {
	if i.Suspended {
		e.bad("its owner can resume it in their settings", "%s: the installation is suspended", i.Account)
		return
	}
	e.asked("the installation on "+i.Account, i.Permissions, i.Events)
	client := e.app.Client(i.ID)
	repositories, err := client.Repositories(ctx)
	if err != nil {
		e.bad("try again", "%s: the repositories cannot be listed: %v", i.Account, err)
		return
	}
	if len(repositories) == 0 {
		e.bad("choose repositories in the installation's settings", "%s: no repository is covered", i.Account)
	} else {
		e.good("%s: %d repositories are covered", i.Account, len(repositories))
	}
	for _, r := range repositories {
		if !r.Archived {
			e.branch(ctx, client, r)
		}
	}
	if left := client.Budget(); !left.Reset.IsZero() && left.Remaining < left.Limit/5 {
		e.bad(
			"it fills up by itself at "+left.Reset.UTC().Format(time.TimeOnly)+" UTC; see who else uses the App's key",
			"%s: %d of %d requests are left in this hour",
			i.Account,
			left.Remaining,
			left.Limit,
		)
	} else if !left.Reset.IsZero() {
		e.good("%s: %d of %d requests are left in this hour", i.Account, left.Remaining, left.Limit)
	}
}

// branch examines what the default branch asks of a merge.
func (e *examination) branch(ctx context.Context, client *github.Client, r github.Repository) {
	s := sweep.Sweeper{App: e.app, Clock: e.Clock}
	notices, _, err := s.Standing(ctx, client, r, r.DefaultBranch)
	name := r.Owner + "/" + r.Name
	switch {
	case err != nil:
		e.bad("try again", "%s: the rules of %s cannot be read: %v", name, r.DefaultBranch, err)
	case len(notices) > 0:
		e.say(Line{What: name + ": " + strings.Join(notices, " "),
			Remedy: "apply the ruleset below (Settings, Rules, Import a ruleset)",
			Paste:  string(sweep.RulesetJSON(e.app.ID(), r.DefaultBranch))})
	default:
		e.good("%s: %s asks for our check, pinned to us, and nobody passes it by", name, r.DefaultBranch)
	}
}
