package github_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/github/githubtest"
)

// teams makes acme/approvers with a child, and resolves it.
func (w *world) teams() []github.Team {
	w.t.Helper()
	check(w.t, w.org.Team("approvers", ""))
	check(w.t, w.org.Team("night-shift", "approvers"))
	check(w.t, w.org.TeamMember("approvers", "bob", "active"))
	check(w.t, w.org.TeamMember("night-shift", "carol", "active"))
	check(w.t, w.org.TeamMember("approvers", "dave", "pending"))
	return []github.Team{must[github.Team](w.t)(w.client.Team(w.t.Context(), "acme/approvers"))}
}

func (w *world) person(who policy.User, teams []github.Team, oldest time.Time) policy.Person {
	w.t.Helper()
	p, _, err := w.client.Person(w.t.Context(), w.r, who, teams, oldest)
	check(w.t, err)
	return p
}

func TestPeoplesRights(t *testing.T) {
	w := newWorld(t)
	teams := w.teams()
	w.org.Role("deployer", "write")
	check(t, w.repository.Permit("alice", "deployer"))
	check(t, w.org.Member("zed", "pending"))
	in := []string{"acme/approvers"}
	for login, want := range map[string]policy.Person{
		"alice": {Role: "deployer", Permission: "write", OrgMember: true},
		"bob":   {Role: "write", Permission: "write", OrgMember: true, Teams: in},
		"carol": {Role: "write", Permission: "write", OrgMember: true, Teams: in}, // of a child team
		"dave":  {Role: "admin", Permission: "admin", OrgMember: true},            // invited only
		"zed":   {Role: "none", Permission: "none"},
	} {
		want.User = w.user(login)
		if diff := cmp.Diff(want, w.person(want.User, teams, w.clock.now())); diff != "" {
			t.Errorf("%s: %s", login, diff)
		}
	}
}

func TestAUsersRepositoryHasNoOrganisation(t *testing.T) {
	w := newWorld(t)
	must[*githubtest.Repository](t)(w.AddRepository("zed", "own"))
	client := w.app.Client(must[*githubtest.Installation](t)(w.Install("zed")).ID)
	own := must[[]github.Repository](t)(client.Repositories(t.Context()))
	p, _, err := client.Person(t.Context(), own[0], w.user("alice"), nil, w.clock.now())
	if check(t, err); own[0].Organisation || !p.OrgMember || p.Role != "none" {
		t.Errorf("%+v in %+v", p, own[0])
	}
}

func TestFactsAreAsOldAsTheyMayBe(t *testing.T) {
	w := newWorld(t)
	teams := w.teams()
	start := w.clock.now()
	w.exchanges()
	w.person(w.user("bob"), teams, start)
	if got := ops(w.exchanges()); len(got) != 2 {
		t.Errorf("a first look asked for %v; membership in a team proves that in its organisation", got)
	}
	w.clock.move(time.Minute)
	p, at, err := w.client.Person(t.Context(), w.r, w.user("bob"), teams, start)
	if check(t, err); len(w.exchanges()) != 0 || !at.Equal(start) || len(p.Teams) != 1 {
		t.Errorf("facts of %v, %+v", at, p)
	}
	check(t, w.org.TeamMember("approvers", "bob", ""))
	check(t, w.repository.Permit("bob", "read"))
	now := w.clock.now()
	p, at, err = w.client.Person(t.Context(), w.r, w.user("bob"), teams, now)
	if check(t, err); !at.Equal(now) || len(p.Teams) != 0 || p.Role != "read" || !p.OrgMember {
		t.Errorf("facts of %v, %+v", at, p)
	}
	check(t, w.repository.Permit("bob", "write"))
	w.client.Forget()
	if p := w.person(w.user("bob"), teams, start); p.Role != "write" {
		t.Errorf("after Forget: %+v", p)
	}
	w.exchanges()
	w.clock.move(4 * time.Minute)
	must[github.Team](t)(w.client.Team(t.Context(), "acme/approvers"))
	must[[]github.Repository](t)(w.client.Repositories(t.Context()))
	w.clock.move(5 * time.Minute)
	must[github.Team](t)(w.client.Team(t.Context(), "acme/approvers"))
	if got := sorted(ops(w.exchanges())); !cmp.Equal(got, []string{"apps/list-repos-accessible-to-installation", "teams/get-by-name"}) {
		t.Errorf("asked %v", got)
	}
}

func TestWhatCannotBeReadIsUnknown(t *testing.T) {
	w := newWorld(t)
	teams := w.teams()
	who := w.user("bob")
	for op, want := range map[string]string{
		"repos/get-collaborator-permission-level": "permission in the repository (forbidden)",
		"teams/get-membership-for-user-in-org":    "membership in acme/approvers (forbidden)",
		"teams/get-by-name":                       "membership in acme/approvers (forbidden)",
	} {
		w.client.Forget()
		w.Fail(op, githubtest.Fault{Status: 403, Times: 9})
		p := w.person(who, teams, w.clock.now())
		if w.Heal(); len(p.Unknown) != 1 || p.Unknown[0] != want {
			t.Errorf("%s: %+v", op, p)
		}
		for _, fault := range []githubtest.Fault{{Status: 502}, {HTML: true}, {Half: true}} {
			w.client.Forget()
			w.Fail(op, fault)
			_, _, err := w.client.Person(t.Context(), w.r, who, teams, w.clock.now())
			wantKind(t, op+" in trouble "+fault.String(), err, github.Unavailable)
			w.Heal()
		}
	}
	w.client.Forget()
	w.Fail("orgs/get-membership-for-user", githubtest.Fault{Status: 403})
	if p := w.person(who, nil, w.clock.now()); p.OrgMember || len(p.Unknown) != 1 || !strings.HasPrefix(p.Unknown[0], "membership in the organisation") {
		t.Errorf("%+v", p)
	}
	w.Fail("orgs/get-membership-for-user", githubtest.Fault{Status: 403, RetryAfter: time.Minute})
	_, _, err := w.client.Person(t.Context(), w.r, who, nil, w.clock.now().Add(time.Second))
	wantKind(t, "a limit", err, github.Limited)
}

func TestATeamThatIsGoneIsNotOneWithoutMembers(t *testing.T) {
	w := newWorld(t)
	teams := w.teams()
	check(t, w.org.RenameTeam("approvers", "signers"))
	w.clock.move(time.Second)
	if p := w.person(w.user("bob"), teams, w.clock.now()); len(p.Unknown) != 1 || len(p.Teams) != 0 {
		t.Errorf("renamed: %+v", p)
	}
	check(t, w.org.Team("approvers", ""))
	check(t, w.org.TeamMember("approvers", "zed", "active"))
	w.clock.move(time.Second)
	if p := w.person(w.user("zed"), teams, w.clock.now()); len(p.Unknown) != 1 || len(p.Teams) != 0 {
		t.Errorf("another team has the name: %+v", p)
	}
	check(t, w.org.DeleteTeam("approvers"))
	w.client.Forget()
	_, err := w.client.Team(t.Context(), "acme/approvers")
	wantKind(t, "deleted", err, github.NotFound)
}

func TestLoginsChangeHands(t *testing.T) {
	w := newWorld(t)
	teams := w.teams()
	bob := w.user("bob")
	check(t, w.RenameUser(int64(bob.ID), "robert"))
	p := w.person(bob, teams, w.clock.now())
	if p.ID != bob.ID || p.Login != "robert" || p.Role != "write" || len(p.Teams) != 1 || len(p.Unknown) != 0 {
		t.Errorf("renamed: %+v", p)
	}
	must[int64](t)(w.AddUser(githubtest.User{ID: 900, Login: "bob", Emails: []string{"other@acme.example"}}))
	check(t, w.repository.Permit("robert", "read"))
	check(t, w.repository.Permit("bob", "admin"))
	w.client.Forget()
	p = w.person(bob, teams, w.clock.now())
	if p.ID != bob.ID || p.Login != "robert" || p.Role != "read" || len(p.Teams) != 1 {
		t.Errorf("another has the old login: %+v", p)
	}
	check(t, w.DeleteUser(int64(bob.ID)))
	w.client.Forget()
	if p := w.person(bob, teams, w.clock.now()); p.ID != bob.ID || p.Role != "" || len(p.Unknown) == 0 || len(p.Teams) != 0 || p.OrgMember {
		t.Errorf("deleted: %+v", p)
	}
	_, err := w.client.User(t.Context(), bob.ID)
	wantKind(t, "deleted", err, github.NotFound)
	if u := must[policy.User](t)(w.client.UserNamed(t.Context(), "bob")); u.ID != 900 {
		t.Errorf("%+v", u)
	}
	if u := must[policy.User](t)(w.client.User(t.Context(), 101)); u != w.user("alice") {
		t.Errorf("%+v", u)
	}
}

func TestTheRepositoriesOfAnInstallation(t *testing.T) {
	w := newWorld(t)
	if r := w.r; r.Owner != "acme" || r.Name != "clusters" || !r.Organisation || !r.Private || r.DefaultBranch != "main" ||
		r.OwnerID == 0 || r.CloneURL != w.URL()+"/acme/clusters.git" {
		t.Errorf("%+v", r)
	}
	later := must[*githubtest.Repository](t)(w.AddRepository("acme", "later"))
	w.exchanges()
	if r := must[github.Repository](t)(w.client.Repository(t.Context(), later.ID())); r.Name != "later" {
		t.Errorf("%+v", r)
	}
	for range 5 {
		_, err := w.client.Repository(t.Context(), 777)
		wantKind(t, "no repository of ours", err, github.NotCovered)
	}
	if got := w.exchanges(); len(got) != 2 {
		t.Errorf("%v was asked: a miss asks once", ops(got))
	}
	check(t, w.installation.Select("clusters"))
	w.client.Forget()
	_, err := w.client.Repository(t.Context(), later.ID())
	wantKind(t, "no longer covered", err, github.NotCovered)
}

func TestARenamedRepository(t *testing.T) {
	w := newWorld(t)
	number := w.open("grow", githubtest.Commit{})
	check(t, w.repository.Rename("fleet"))
	if p := w.pull(number); p.Number != number {
		t.Errorf("%+v", p)
	}
	must[[]github.Review](t)(w.client.Reviews(t.Context(), w.r, number))
	writes := len(w.Writes())
	_, err := w.client.CreateComment(t.Context(), w.r, number, "x")
	wantKind(t, "a write to the old name", err, github.Unavailable)
	if len(w.Writes()) != writes {
		t.Error("it was written")
	}
	now := must[github.Repository](t)(w.client.Repository(t.Context(), w.repository.ID()))
	if now.Name != "fleet" {
		t.Errorf("the refused write taught nothing: %+v", now)
	}
	must[github.Comment](t)(w.client.CreateComment(t.Context(), now, number, "x"))
}
