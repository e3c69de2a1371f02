package reply_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/command"
	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/reply"
	"github.com/countersign-dev/countersign/server/store"
)

func must[T any](t testing.TB) func(T, error) T {
	return func(value T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// world is a pull request by alice on which bob (write), rita (read) and a bot talk.
type world struct {
	*githubtest.Server
	t       testing.TB
	repo    *githubtest.Repository
	now     time.Time
	replier *reply.Replier
	talk    reply.Conversation
	token   string
}

var people = map[string]policy.User{}

func init() {
	for i, login := range []string{"alice", "bob", "rita", "carol", "robot[bot]"} {
		people[login] = policy.User{ID: policy.UserID(101 + i), Login: login, Type: "User"}
	}
	robot := people["robot[bot]"]
	robot.Type = "Bot"
	people["robot[bot]"] = robot
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
	w.Server = githubtest.New(t, githubtest.Options{Clock: func() time.Time { return w.now }})
	for login, u := range people {
		must[int64](t)(w.AddUser(githubtest.User{ID: int64(u.ID), Login: login, Type: u.Type}))
	}
	must[*githubtest.Organisation](t)(w.AddOrganisation("acme"))
	w.repo = must[*githubtest.Repository](t)(w.AddRepository("acme", "clusters"))
	for login, role := range map[string]string{"alice": "write", "bob": "write", "carol": "write", "rita": "read", "robot[bot]": "write"} {
		check(t, w.repo.Permit(login, role))
	}
	root := must[string](t)(w.repo.Commit(githubtest.Commit{Author: "alice", Files: map[string]string{"a": "1"}}))
	check(t, w.repo.Push("alice", "main", root))
	head := must[string](t)(w.repo.Commit(githubtest.Commit{Parents: []string{root}, Author: "alice", Files: map[string]string{"a": "2"}}))
	check(t, w.repo.Push("alice", "topic", head))
	number := must[int](t)(w.repo.OpenPull(githubtest.OpenPull{Author: "alice", Head: "topic"}))
	installation := must[*githubtest.Installation](t)(w.Install("acme"))
	w.token = must[string](t)(w.UserToken("bob"))
	app := must[*github.App](t)(github.NewApp(github.Options{URL: w.URL(), App: w.AppID(), Key: w.AppKey(), Version: "test"}))
	kept := must[*store.Store](t)(store.Open(t.Context(), store.Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "s.db")}))
	t.Cleanup(func() { check(t, kept.Close()) })
	w.talk = reply.Conversation{Client: app.Client(installation.ID)}
	w.talk.Repository = must[github.Repository](t)(w.talk.Client.Repository(t.Context(), w.repo.ID()))
	w.talk.Pull = must[github.Pull](t)(w.talk.Client.Pull(t.Context(), w.talk.Repository, number))
	target := store.Target{Repository: w.repo.ID(), Pull: int64(number)}
	check(t, kept.Wake(t.Context(), store.Wake{Target: target, Installation: installation.ID, Priority: store.Command}))
	w.talk.Lease = must[[]store.Lease](t)(kept.Claim(t.Context(), store.Claimant{Owner: "t", Lease: time.Hour, Most: 1}))[0]
	w.talk.Users = map[policy.UserID]policy.User{}
	for _, u := range people {
		w.talk.Users[u.ID] = u
	}
	w.talk.Person = func(ctx context.Context, who policy.User) (policy.Person, error) {
		p, _, err := w.talk.Client.Person(ctx, w.talk.Repository, who, nil, time.Time{})
		return p, err
	}
	w.talk.Assessment = policy.Assessment{Digest: "sha256:d1", Entries: []policy.Entry{{Kind: "file", Name: "x", Digest: "d"}},
		Config: &config.Config{Override: &config.Override{Team: "acme/break-glass", Window: "15m"}}}
	w.talk.Verdict = policy.Verdict{State: policy.StateNeedsApproval, Title: "Waiting for 2 approvals",
		Approvals: policy.Approvals{Status: policy.StatusPending, Missing: 2, Required: 2}}
	w.replier = &reply.Replier{Store: kept, App: w.AppID(), Bot: must[github.Identity](t)(app.Identity(t.Context())).Bot,
		Clock: func() time.Time { return w.now }, Log: slog.New(slog.DiscardHandler),
		Explain: func(id string) (string, bool) {
			return "**CS-SSH-001** asks root@host that\n/countersign override never stands here\n```\n@code\n```", id == "CS-SSH-001"
		}}
	return w
}

// anew is the same as another process sees it.
func (w *world) anew() {
	r := w.replier
	w.replier = &reply.Replier{Store: r.Store, App: r.App, Bot: r.Bot, Explain: r.Explain, Clock: r.Clock, Log: r.Log}
}

// write comments and records it as its webhook would.
func (w *world) write(login, body string) int64 {
	w.t.Helper()
	id := must[int64](w.t)(w.repo.Comment(w.talk.Pull.Number, login, body))
	w.talk.Comments = append(w.talk.Comments, store.CommentSeen{Repository: w.repo.ID(), ID: id, Pull: int64(w.talk.Pull.Number),
		Person: int64(people[login].ID), Created: w.now, Body: body})
	return id
}

func (w *world) answer() {
	w.t.Helper()
	check(w.t, w.replier.Answer(w.t.Context(), w.talk))
}

func (w *world) get(path string, into any) {
	w.t.Helper()
	request := must[*http.Request](w.t)(http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.URL()+"/repos/acme/clusters/issues/"+path, nil))
	request.Header.Set("Authorization", "Bearer "+w.token)
	answer := must[*http.Response](w.t)(http.DefaultClient.Do(request))
	check(w.t, errors.Join(json.NewDecoder(answer.Body).Decode(into), answer.Body.Close()))
}

// reactions are those of a comment, joined.
func (w *world) reactions(id int64) string {
	w.t.Helper()
	var list []struct{ Content string }
	w.get(fmt.Sprintf("comments/%d/reactions", id), &list)
	var all []string
	for _, r := range list {
		all = append(all, r.Content)
	}
	return strings.Join(all, " ")
}

// said are the bot's own comments.
func (w *world) said() []string {
	w.t.Helper()
	var list []struct {
		Body string
		User struct{ Type string }
	}
	w.get(fmt.Sprintf("%d/comments?per_page=100", w.talk.Pull.Number), &list)
	var all []string
	for _, c := range list {
		if strings.HasPrefix(c.Body, "<!-- countersign reply ") {
			all = append(all, c.Body)
		}
	}
	return all
}

func TestWhoMayWhat(t *testing.T) {
	for _, c := range []struct{ login, body, reaction, says string }{
		{"bob", "/countersign recheck", "rocket", ""},
		{"alice", "/cs recheck", "rocket", ""},
		{"rita", "/countersign recheck", "confused", "Only the author and people with write"},
		{"bob", "/countersign hold until Monday", "rocket", ""},
		{"alice", "/countersign hold", "rocket", ""},
		{"rita", "/countersign hold", "confused", "takes `write` permission"},
		{"bob", "/countersign unhold", "confused", "Nothing is held"},
		{"rita", "/countersign help", "rocket", "`/countersign explain RULE`"},
		{"rita", "/countersign", "rocket", "`/countersign explain RULE`"},
		{"rita", "/countersign status", "rocket", "**Waiting for 2 approvals**"},
		{"rita", "/countersign explain cs-ssh-001", "rocket", "**CS-SSH-001**"},
		{"bob", "/countersign explain", "confused", "Say which rule"},
		{"bob", "/countersign explain CS-NO-1 @acme/all", "confused", "There is no rule `CS-NO-1`"},
		{"bob", "/countersign frobnicate", "confused", "`frobnicate` is no command"},
		{"bob", "/countersign @acme/all<!--", "confused", "`@acme/all<!--` is no command"},
		{"bob", "/countersign override it burns", "confused", "Only members of `acme/break-glass`"},
		{"bob", "hello", "", ""},
		{"robot[bot]", "/countersign status", "", ""},
	} {
		w := newWorld(t)
		id := w.write(c.login, c.body)
		w.answer()
		got := w.said()
		if w.reactions(id) != c.reaction || (c.says == "") != (len(got) == 0) || len(got) > 1 {
			t.Errorf("%s: %q: reaction %q, comments %q", c.login, c.body, w.reactions(id), got)
			continue
		}
		for _, text := range got {
			if !strings.Contains(text, c.says) || len(command.Parse(text)) != 0 {
				t.Errorf("%s: %q: %q, commands %v", c.login, c.body, text, command.Parse(text))
			}
			if plain := strings.ReplaceAll(text, "`@acme/all<!--`", ""); strings.Contains(strings.Split(plain, "```")[0], " @") {
				t.Errorf("%q calls somebody", text)
			}
		}
	}
}

// Many commands in one comment get one reaction and one comment.
func TestOneAnswerAComment(t *testing.T) {
	w := newWorld(t)
	id := w.write("rita", "/countersign help\n/countersign status\n/countersign help\n/countersign hold\n/countersign recheck\n/countersign explain CS-SSH-001")
	w.answer()
	w.answer()
	w.anew()
	w.answer()
	got := w.said()
	if w.reactions(id) != "confused" || len(got) != 1 {
		t.Fatalf("%q, %q", w.reactions(id), got)
	}
	if strings.Count(got[0], "speaks to the bot") != 1 || !strings.Contains(got[0], "Waiting for 2") || !strings.Contains(got[0], "CS-SSH-001") ||
		!strings.Contains(got[0], "takes `write`") || strings.Contains(got[0], "Only the author") {
		t.Errorf("%q", got[0])
	}
	if w.Count("reactions/create-for-issue-comment") != 1 || w.Count("issues/create-comment") != 1 {
		t.Error("more was written than needed")
	}
}

// Comments that no person wrote by hand, edited ones, old ones and those of
// accounts that are gone get nothing.
func TestAC078_IgnoredSilently(t *testing.T) {
	for name, change := range map[string]func(*world, *store.CommentSeen){
		"through an App": func(_ *world, c *store.CommentSeen) { c.App = 7 },
		"edited":         func(_ *world, c *store.CommentSeen) { c.Edited = true },
		"old":            func(w *world, _ *store.CommentSeen) { w.now = w.now.Add(25 * time.Hour) },
		"nobody":         func(_ *world, c *store.CommentSeen) { c.Person = 0 },
		"gone":           func(_ *world, c *store.CommentSeen) { c.Person = 999 },
		"ourselves": func(w *world, c *store.CommentSeen) {
			c.Person = int64(w.replier.Bot.ID)
			w.talk.Users[w.replier.Bot.ID] = policy.User{ID: w.replier.Bot.ID, Login: "countersign", Type: "User"}
		},
		"a bot": func(w *world, c *store.CommentSeen) { c.Person = int64(people["robot[bot]"].ID) },
	} {
		w := newWorld(t)
		w.write("bob", "/countersign frobnicate")
		change(w, &w.talk.Comments[0])
		w.answer()
		if w.Count("reactions/create-for-issue-comment") != 0 || w.Count("issues/create-comment") != 0 {
			t.Errorf("%s: it was answered", name)
		}
	}
}

// Somebody without a part in a public repository gets one reaction, whatever they write.
func TestAC077_OutsiderSpams(t *testing.T) {
	w := newWorld(t)
	w.repo.Public()
	w.talk.Repository.Private = false
	var ids []int64
	for range 60 {
		ids = append(ids, w.write("rita", "/countersign recheck"))
	}
	w.answer()
	w.now = w.now.Add(time.Hour)
	ids = append(ids, w.write("rita", "/countersign status"))
	w.answer()
	if w.Count("reactions/create-for-issue-comment") != 1 || w.reactions(ids[0]) != "confused" || len(w.said()) != 0 {
		t.Errorf("%d reactions, %q", w.Count("reactions/create-for-issue-comment"), w.said())
	}
}

// A member who writes too much is told once.
func TestLimits(t *testing.T) {
	w := newWorld(t)
	var ids []int64
	for range 20 {
		ids = append(ids, w.write("bob", "/countersign status"))
	}
	other := w.write("alice", "/countersign recheck")
	for range 3 {
		w.answer()
		w.anew()
	}
	if n := len(w.said()); n != 5 {
		t.Errorf("%d answers", n)
	}
	if w.reactions(ids[4]) != "rocket" || w.reactions(ids[5]) != "confused" || w.reactions(ids[6]) != "" || w.reactions(other) != "rocket" {
		t.Errorf("%q %q %q %q", w.reactions(ids[4]), w.reactions(ids[5]), w.reactions(ids[6]), w.reactions(other))
	}
	w.now = w.now.Add(10 * time.Minute)
	later := w.write("bob", "/countersign status")
	w.answer()
	if w.reactions(later) != "rocket" {
		t.Error("the limit does not end")
	}
}

func TestLostAnswersAreNotGivenTwice(t *testing.T) {
	for _, fault := range []githubtest.Fault{{Status: 502}, {Status: 502, Apply: true}, {Reset: true, Apply: true}, {Half: true, Apply: true},
		{Status: 403, RetryAfter: time.Minute}} {
		for _, op := range []string{"reactions/create-for-issue-comment", "issues/create-comment"} {
			if fault.RetryAfter > 0 && op == "reactions/create-for-issue-comment" {
				continue
			}
			w := newWorld(t)
			id := w.write("bob", "/countersign status")
			w.Fail(op, fault)
			if err := w.replier.Answer(t.Context(), w.talk); err == nil {
				t.Errorf("%s %s: no error", op, fault.String())
			}
			if fault.RetryAfter > 0 {
				continue // the client waits; that it says so is enough
			}
			w.anew()
			w.answer()
			if w.reactions(id) != "rocket" || len(w.said()) != 1 {
				t.Errorf("%s %s: %q, %q", op, fault.String(), w.reactions(id), w.said())
			}
		}
	}
}

// What GitHub refuses for good is given up: no run fails for it again.
func TestRefusedAnswerIsGivenUp(t *testing.T) {
	w := newWorld(t)
	w.write("bob", "/countersign status")
	w.Fail("issues/create-comment", githubtest.Fault{Status: 403, Times: 9})
	w.answer()
	w.Heal()
	w.anew()
	w.answer()
	if len(w.said()) != 0 {
		t.Error("it was answered later")
	}
	w = newWorld(t)
	w.write("bob", "/countersign status")
	w.Fail("issues/create-comment", githubtest.Fault{Status: 502, Times: 9})
	w.talk.Lease.Attempts = 3
	w.answer()
	w.Heal()
	w.answer()
	if len(w.said()) != 1 {
		t.Error("an outage was taken for a refusal")
	}
}

// Somebody else's comment with our mark is no answer of ours.
func TestForgedAnswer(t *testing.T) {
	w := newWorld(t)
	id := w.write("bob", "/countersign status")
	must[int64](t)(w.repo.Comment(w.talk.Pull.Number, "rita", fmt.Sprintf("<!-- countersign reply %d -->\n", id)))
	w.Fail("issues/create-comment", githubtest.Fault{Status: 502})
	if err := w.replier.Answer(t.Context(), w.talk); err == nil {
		t.Fatal("no error")
	}
	w.answer()
	if len(w.said()) != 2 {
		t.Errorf("%q", w.said())
	}
}

func TestStaleLeaseAnswersNothing(t *testing.T) {
	w := newWorld(t)
	w.write("bob", "/countersign status")
	w.talk.Lease.Fence--
	if err := w.replier.Answer(t.Context(), w.talk); !errors.Is(err, store.ErrStale) {
		t.Errorf("got %v", err)
	}
	if len(w.said()) != 0 || w.Count("reactions/create-for-issue-comment") != 0 {
		t.Error("it was answered")
	}
}

// Rights that cannot be read are asked for again later, and refuse nobody.
func TestUnknownRights(t *testing.T) {
	w := newWorld(t)
	id := w.write("bob", "/countersign hold")
	read := w.talk.Person
	w.talk.Person = func(context.Context, policy.User) (policy.Person, error) {
		return policy.Person{User: people["bob"], Role: "none", Unknown: []string{"permission"}}, nil
	}
	w.answer()
	if w.reactions(id) != "" {
		t.Errorf("%q", w.reactions(id))
	}
	w.talk.Person = read
	w.answer()
	if w.reactions(id) != "rocket" {
		t.Errorf("%q", w.reactions(id))
	}
}

func TestUnhold(t *testing.T) {
	by := func(logins ...string) (holds []policy.Hold) {
		for _, login := range logins {
			holds = append(holds, policy.Hold{By: people[login]})
		}
		return holds
	}
	for _, c := range []struct {
		name          string
		holds         []policy.Hold
		standing      []string
		reaction, say string
	}{
		{"released", by("carol"), nil, "rocket", ""},
		{"own released, another stands", by("bob", "carol"), []string{"hold:carol"}, "rocket", ""},
		{"another's stands", by("carol"), []string{"hold:carol", "changes_requested:bob"}, "confused", "by `carol` stands"},
		{"own placed again", by("bob"), []string{"hold:bob"}, "confused", "placed after this"},
		{"none", nil, nil, "confused", "Nothing is held"},
	} {
		w := newWorld(t)
		id := w.write("bob", "/countersign unhold")
		w.talk.Facts.Holds, w.talk.Verdict.Approvals.BlockedBy = c.holds, c.standing
		w.answer()
		if got := strings.Join(w.said(), ""); w.reactions(id) != c.reaction || !strings.Contains(got, c.say) || (c.say == "") != (got == "") {
			t.Errorf("%s: %q, %q", c.name, w.reactions(id), got)
		}
	}
}

func TestOverride(t *testing.T) {
	request := func(w *world) *policy.OverrideRequest { return &w.talk.Facts.Overrides[0] }
	for _, c := range []struct {
		name     string
		change   func(*world)
		reaction string
		says     []string
	}{
		{"asked for", func(w *world) {
			w.talk.Verdict.Approvals.Override = &policy.OverrideState{RequestedBy: []string{"bob"}, Required: 2}
		}, "rocket", []string{"asked for by `bob`", "`sha256:d1`", "One more member of `acme/break-glass`"}},
		{"in force", func(w *world) {
			w.talk.Verdict.Approvals.Override = &policy.OverrideState{By: []string{"carol", "bob"}, Reason: "r"}
		}, "rocket", []string{"in force for the privileged change `sha256:d1`", "`carol` and `bob`"}},
		{"AC-080: a push came between", func(w *world) { request(w).Superseded = true }, "confused", []string{"a push came between", "commit `%HEAD%`"}},
		{"AC-080: another digest", func(w *world) { request(w).Digest = "sha256:old" }, "confused", []string{"`sha256:old`", "`sha256:d1`", "commit `%HEAD%`"}},
		{"nothing published", func(w *world) { request(w).Digest = "" }, "confused", []string{"no check of this change had been published"}},
		{"no request of it", func(w *world) { w.talk.Facts.Overrides = nil }, "confused", []string{"ask again"}},
		{"had a hand in it", func(*world) {}, "confused", []string{"whoever opened, wrote or pushed"}},
		{"nothing to override", func(w *world) { w.talk.Assessment.Entries = nil }, "confused", []string{"nothing to override"}},
		{"off", func(w *world) { w.talk.Assessment.Config.Override = nil }, "confused", []string{"switched off"}},
		{"no config", func(w *world) { w.talk.Assessment.Config = nil }, "confused", []string{"switched off"}},
		{"no reason", func(w *world) { w.talk.Comments[0].Body = "/countersign override" }, "confused", []string{"Say why"}},
	} {
		w := newWorld(t)
		id := w.write("bob", "/countersign override eu-1 is down")
		w.talk.Facts.Overrides = []policy.OverrideRequest{{By: people["bob"], Reason: "eu-1 is down", At: w.now, Digest: "sha256:d1"}}
		read := w.talk.Person
		w.talk.Person = func(ctx context.Context, who policy.User) (policy.Person, error) {
			p, err := read(ctx, who)
			p.Teams = []string{"Acme/Break-Glass"}
			return p, err
		}
		c.change(w)
		w.answer()
		got := strings.Join(w.said(), "")
		for _, says := range c.says {
			if says = strings.ReplaceAll(says, "%HEAD%", w.talk.Pull.Head[:12]); !strings.Contains(got, says) {
				t.Errorf("%s: %q does not say %q", c.name, got, says)
			}
		}
		if w.reactions(id) != c.reaction || len(w.said()) != 1 || len(command.Parse(got)) != 0 {
			t.Errorf("%s: %q, %q", c.name, w.reactions(id), got)
		}
	}
}
