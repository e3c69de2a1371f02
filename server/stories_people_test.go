package server_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/server/github/githubtest"
)

// settle makes the accounts, teams and rights that a story begins with.
func (p *play) settle() error {
	config := p.story.Config
	teams, parents := map[string]bool{}, map[string]string{}
	for _, person := range config.Directory {
		maps.Copy(parents, person.TeamParents)
		for _, team := range slices.Concat(person.Teams, person.PendingTeams) {
			teams[team] = true
		}
	}
	for _, team := range slices.Concat(config.Teams, slices.Collect(maps.Values(parents)), slices.Collect(maps.Keys(parents))) {
		teams[team] = true
	}
	if config.Override != nil && config.Override.Team != "" {
		teams[config.Override.Team] = true
	}
	for _, team := range slices.Sorted(maps.Keys(teams)) {
		if err := p.team(team, parents, map[string]bool{}); err != nil {
			return err
		}
	}
	if err := p.repository.Permit("operator", "admin"); err != nil {
		return err
	}
	for _, person := range p.everybody() {
		if err := p.join(person); err != nil {
			return fmt.Errorf("%s: %w", person.Login, err)
		}
	}
	return nil
}

// team makes a team, its parents first. Teams of other organisations are not there.
func (p *play) team(full string, parents map[string]string, made map[string]bool) error {
	slug, ours := strings.CutPrefix(full, organisation+"/")
	if !ours || p.teamsMade[slug] {
		return nil
	}
	above := strings.TrimPrefix(parents[full], organisation+"/")
	if above != "" && !made[full] {
		made[full] = true
		if err := p.team(parents[full], parents, made); err != nil {
			return err
		}
	}
	p.teamsMade[slug] = true
	return p.org.Team(slug, above)
}

// everybody is the directory and, as people who may read, those who act
// without being in it.
func (p *play) everybody() []storyPerson {
	all := slices.Clone(p.story.Config.Directory)
	known := map[string]bool{"github": true, "": true, "operator": true, "web-flow": true}
	for _, person := range all {
		known[strings.ToLower(person.Login)] = true
	}
	for _, e := range p.story.Events {
		known[strings.ToLower(e.NewLogin)] = true
	}
	for _, e := range p.story.Events {
		for _, login := range []string{e.Actor, e.Initiator, e.User} {
			if low := strings.ToLower(login); !known[low] {
				known[low] = true
				all = append(all, storyPerson{Login: login, ID: e.ActorID, Permission: "read"})
			}
		}
	}
	return all
}

func (p *play) join(person storyPerson) error {
	if person.Login == "web-flow" {
		return nil // is there
	}
	kind := cmp.Or(person.Type, "User")
	if strings.HasSuffix(person.Login, "[bot]") {
		kind = "Bot"
	}
	emails := append([]string{strings.NewReplacer("[", "", "]", "").Replace(person.Login) + "@acme.example"}, person.Emails...)
	if _, err := p.github.AddUser(githubtest.User{ID: person.ID, Login: person.Login, Type: kind, Emails: emails}); err != nil {
		return err
	}
	if kind == "User" && (person.OrgMember == nil || *person.OrgMember) {
		if err := p.org.Member(person.Login, "active"); err != nil {
			return err
		}
	}
	role := cmp.Or(person.RoleName, person.Permission)
	if person.RoleName != "" && person.RoleName != person.Permission {
		p.org.Role(person.RoleName, person.Permission)
	}
	if role != "" && role != "none" {
		if err := p.repository.Permit(person.Login, role); err != nil {
			return err
		}
	}
	for state, list := range map[string][]string{"active": person.Teams, "pending": person.PendingTeams} {
		for _, team := range list {
			if err := p.org.TeamMember(strings.TrimPrefix(team, organisation+"/"), person.Login, state); err != nil {
				return err
			}
		}
	}
	return nil
}

// rules protect the bases as the product asks for; whoever may write passes
// over them, for stories tell of pushes and of queues that hold anything.
func (p *play) rules(checks []storyCheck) {
	queue := slices.ContainsFunc(p.story.Events, func(e storyEvent) bool {
		return e.Type == "pr_enqueued" || e.Type == "merge_group_checks_requested"
	})
	for _, branch := range p.branches {
		list := []any{}
		for _, check := range checks {
			one := map[string]any{"context": strings.ReplaceAll(cmp.Or(check.Context, check.Name), "("+defaultBase+")", "("+branch+")")}
			if id := cmp.Or(check.Integration, check.App); id != 0 {
				one["integration_id"] = id
			}
			list = append(list, one)
		}
		set := githubtest.Ruleset{Name: "fleet " + branch, Branches: []string{"refs/heads/" + branch},
			Bypass: []githubtest.Bypass{{ActorID: 4, ActorType: "RepositoryRole", Mode: "always"}}}
		if len(list) > 0 {
			set.Rules = append(set.Rules, githubtest.Rule{Type: "required_status_checks", Parameters: map[string]any{
				"strict_required_status_checks_policy": false, "do_not_enforce_on_create": false, "required_status_checks": list}})
		}
		if queue {
			set.Rules = append(set.Rules, githubtest.MergeQueue())
		}
		p.repository.SetRuleset(set)
	}
}

func (p *play) rulesetView(e *storyEvent) error {
	return p.told(e, func() error {
		p.rules(e.RequiredChecks)
		return nil
	})
}

func (p *play) userRenamed(e *storyEvent) error {
	return p.told(e, func() error { return p.github.RenameUser(e.UserID, e.NewLogin) })
}

// userDeleted deletes an account. The organisation's members change by it, of
// which the App is told; the account is gone by then.
func (p *play) userDeleted(e *storyEvent) error {
	id := e.UserID
	login := cmp.Or(e.User, p.loginOf(id))
	if id == 0 {
		id = p.github.UserID(login)
	}
	p.github.OnDelivery(func(githubtest.Delivery) githubtest.Fate { return githubtest.Fate{Hold: true} })
	err := p.org.Member(login, "")
	p.github.OnDelivery(nil)
	if err != nil {
		return err
	}
	if err := p.github.DeleteUser(id); err != nil {
		return err
	}
	for _, d := range p.github.Held() {
		if d.Event == "organization" && (e.Delivered == nil || *e.Delivered) {
			p.github.Release(d.ID)
		}
	}
	return nil
}

func (p *play) loginOf(id int64) string {
	login := ""
	for _, person := range p.story.Config.Directory {
		if person.ID == id {
			login = person.Login
		}
	}
	for _, e := range p.story.Events {
		if e.Type == "user_renamed" && e.UserID == id && p.github.UserID(e.NewLogin) == id {
			login = e.NewLogin
		}
	}
	return login
}

func (p *play) permissionChanged(e *storyEvent) error {
	role := strings.TrimSuffix(e.Permission, "none")
	return p.told(e, func() error { return p.repository.Permit(e.User, role) })
}

func (p *play) teamMember(e *storyEvent) error {
	state := map[bool]string{true: "active"}[e.Type == "team_member_added"]
	return p.told(e, func() error {
		return p.org.TeamMember(strings.TrimPrefix(e.Team, organisation+"/"), e.User, state)
	})
}

func (p *play) teamDeleted(e *storyEvent) error {
	return p.told(e, func() error { return p.org.DeleteTeam(strings.TrimPrefix(e.Team, organisation+"/")) })
}

func (p *play) orgMemberRemoved(e *storyEvent) error {
	return p.told(e, func() error { return p.org.Member(e.User, "") })
}

// policyChanged changes the settings on the base of the event's pull request,
// or on the default one.
func (p *play) policyChanged(e *storyEvent) error {
	branch := cmp.Or(e.BaseRef, defaultBase)
	if pull := p.pulls[e.PR]; pull != nil {
		branch = cmp.Or(e.BaseRef, pull.base)
	}
	var text string
	switch {
	case e.Raw != nil:
		text = *e.Raw
	case e.Required != nil:
		text = p.policy(*e.Required)
	default:
		return fmt.Errorf("neither required_approvals nor raw is given")
	}
	return p.told(e, func() error {
		return p.advance(branch, cmp.Or(e.BaseSHA, fmt.Sprintf("policy-%d", len(p.commits))), map[string]string{policyFile: text})
	})
}

func (p *play) statusPosted(e *storyEvent) error {
	sha, err := p.sha(e.SHA)
	if err != nil {
		return err
	}
	return p.told(e, func() error { return p.repository.PostStatus(e.Actor, sha, e.Context, e.State) })
}

func (p *play) prEnqueued(e *storyEvent) error {
	pull, err := p.pull(e)
	if err != nil {
		return err
	}
	return p.told(e, func() error { return p.repository.Enqueue(pull.number, "operator") })
}

func (p *play) prDequeued(e *storyEvent) error {
	pull, err := p.pull(e)
	if err != nil {
		return err
	}
	return p.told(e, func() error { return p.repository.Dequeue(pull.number, "operator") })
}

// groupRequested builds a merge group on its base: the members one after the
// other, and whatever else makes it differ from their union.
func (p *play) groupRequested(e *storyEvent) error {
	hidden := e.Resolve == "failed"
	members, branch := p.members(e)
	if len(members) == 0 {
		return fmt.Errorf("no pull request is in the group")
	}
	if _, isGroup := p.groups[e.BaseSHA]; !isGroup {
		if err := p.baseAt(branch, e.BaseSHA); err != nil {
			return err
		}
	}
	g := githubtest.Group{Base: branch, BaseSHA: cmp.Or(p.commits[e.BaseSHA], p.repository.Branch(branch))}
	if _, isGroup := p.groups[e.BaseSHA]; !isGroup {
		g.BaseSHA = p.repository.Branch(branch)
	}
	var union []string
	g.Head = g.BaseSHA
	for _, pull := range members {
		if pull.label != "" {
			union = append(union, pull.label)
		}
		g.Numbers = append(g.Numbers, pull.number)
		if err := p.onto(&g.Head, []string{g.Head, p.commits[pull.head]}, nil); err != nil {
			return err
		}
	}
	if label, given := e.label(); given && !same(e, label, union) {
		files, err := p.content(g.Head, label, p.bases[branch])
		if err == nil {
			err = p.onto(&g.Head, []string{g.Head}, files)
		}
		if err != nil {
			return err
		}
	}
	if hidden {
		squashed, err := p.repository.Commit(githubtest.Commit{Parents: []string{g.BaseSHA}, Tree: g.Head, Author: "web-flow", Verified: true})
		if err != nil {
			return err
		}
		g.Head = squashed
	}
	p.name(e.Head, g.Head)
	p.group = e.Head
	return p.told(e, func() error {
		made, err := p.repository.FormGroup(g, hidden)
		p.groups[e.Head] = made
		return err
	})
}

// same reports whether the label of a group is that of its members together.
func same(e *storyEvent, label string, union []string) bool {
	if e.DigestUnion != nil {
		return *e.DigestUnion
	}
	return label == "" && len(union) == 0 || len(union) == 1 && label == union[0]
}

// members are the pull requests of a group: those named or, of a group that
// tells nothing, all open ones.
func (p *play) members(e *storyEvent) (members []*storyPull, branch string) {
	numbers := e.PRs
	if len(numbers) == 0 {
		numbers = slices.Sorted(maps.Keys(p.pulls))
	}
	for _, pr := range numbers {
		if pull := p.pulls[pr]; pull != nil && (len(e.PRs) > 0 || pull.open) {
			members = append(members, pull)
		}
	}
	branch = e.BaseRef
	if branch == "" && len(members) > 0 {
		branch = members[0].base
	}
	return members, cmp.Or(strings.TrimPrefix(branch, "refs/heads/"), defaultBase)
}

// onto makes web-flow's commit of parents, merged, with files over them.
func (p *play) onto(head *string, parents []string, files map[string]string) error {
	made := githubtest.Commit{Parents: parents, Author: "operator", Committer: "web-flow", Verified: true, Message: "merge for the queue"}
	if len(parents) == 2 {
		tree, err := p.git("merge-tree", "--write-tree", "--no-messages", parents[0], parents[1])
		if err != nil {
			return err
		}
		made.Tree = tree
	} else {
		made.Files = files
	}
	sha, err := p.repository.Commit(made)
	*head = sha
	return err
}

func (p *play) groupDestroyed(e *storyEvent) error {
	g, known := p.groups[cmp.Or(e.Head, p.group)]
	if !known {
		return fmt.Errorf("no group %s", e.Head)
	}
	return p.told(e, func() error { return p.repository.DestroyGroup(g) })
}

// apiError makes requests of an endpoint fail: once where GitHub says when to
// come again, else until something else happens. It concerns what the event
// before it at the same moment set going, so that ahead plays it before that.
func (p *play) apiError(*storyEvent) error { return nil }

func (p *play) fail(e *storyEvent) error {
	method, path, found := strings.Cut(e.Endpoint, " ")
	if !found {
		method, path = http.MethodGet, e.Endpoint
	}
	path, _, _ = strings.Cut(path, "?")
	operation := githubtest.Operation(method, path)
	if strings.Contains(path, "/teams/") && strings.Contains(path, "/members") {
		operation = askedBy["teams/list-members-in-org"][0]
	}
	if operation == "" {
		return fmt.Errorf("GitHub has no endpoint %q", e.Endpoint)
	}
	fault, err := faultOf(e)
	if err != nil {
		return err
	}
	p.faults = true
	for _, operation := range append([]string{operation}, askedBy[operation]...) {
		p.github.Fail(operation, fault)
	}
	return nil
}

// askedBy are the requests by which a server learns the same as by another, or
// does the same: those of both fail.
var askedBy = map[string][]string{
	"checks/create":                  {"checks/update"},
	"pulls/list-commits":             {"graphql"},
	"repos/get-content":              {"transport/info-refs", "transport/upload-pack"},
	"teams/list-members-in-org":      {"teams/get-membership-for-user-in-org"},
	"teams/get-by-name":              {"teams/get-membership-for-user-in-org"},
	"orgs/check-membership-for-user": {"orgs/get-membership-for-user"},
}

// faultOf is the trouble that an event's status names: a number, or a word.
func faultOf(e *storyEvent) (githubtest.Fault, error) {
	fault := githubtest.Fault{RetryAfter: time.Duration(e.RetryAfter) * time.Second}
	fault.Times = cmp.Or(e.Count, map[bool]int{true: 1, false: 1 << 20}[e.RetryAfter > 0])
	switch e.Status {
	case "timeout", "stall":
		fault.Stall = true
	case "reset", "connection_reset":
		fault.Reset = true
	case "html":
		fault.HTML = true
	case "":
		fault.Status = http.StatusBadGateway
	default:
		status, err := strconv.Atoi(string(e.Status))
		if err != nil {
			return fault, fmt.Errorf("%q is no status", e.Status)
		}
		fault.Status = status
	}
	return fault, nil
}

// stalls are where a server stands still before it is killed.
var stalls = map[string]map[string]githubtest.Fault{
	"evaluate": {"*": {Stall: true, Times: 1 << 20}},
	"post":     {"checks/create": {Stall: true, Times: 1 << 20}, "checks/update": {Stall: true, Times: 1 << 20}},
	"save": {"checks/create": {Stall: true, Apply: true, Times: 1 << 20},
		"checks/update": {Stall: true, Apply: true, Times: 1 << 20}},
}

// stallFor is where a server stands that is killed after that.
func stallFor(after string) (map[string]githubtest.Fault, error) {
	_, before, _ := strings.Cut(after, "_before_")
	switch {
	case after == "", unheard(after):
		return nil, nil
	case anyOf(before, "evaluat"), after == "ack":
		return stalls["evaluate"], nil
	case anyOf(before, "post", "publish"), after == "evaluate", after == "evaluated":
		return stalls["post"], nil
	case anyOf(before, "sav", "record", "stor"), anyOf(after, "post", "publish"):
		return stalls["save"], nil
	}
	return nil, fmt.Errorf("a server cannot be killed after %q", after)
}

// anyOf reports whether one of the words is in a text.
func anyOf(text string, words ...string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
}

// unheard reports whether a server that is killed after that never answered the
// webhook.
func unheard(after string) bool {
	return strings.HasPrefix(after, "receiv") || strings.HasSuffix(after, "_before_ack")
}

// serverKilled kills the server where it stands: what came before it at the
// same moment was taken and led no further than the event says.
func (p *play) serverKilled(*storyEvent) error {
	p.github.Flush()
	if p.app == nil {
		return fmt.Errorf("no server runs")
	}
	if err := p.app.kill(); err != nil {
		return err
	}
	p.app = nil
	p.github.Heal()
	return nil
}

func (p *play) serverStarted(*storyEvent) error {
	p.github.OnDelivery(nil)
	p.start()
	return nil
}

// gate lets a server stand still: once it is armed, the first reading of a pull
// request passes and everything after it waits.
type gate struct {
	mu      sync.Mutex
	armed   bool
	held    chan struct{} // closed when those who wait may go on; nil: nobody is to wait
	waiting bool
	stands  chan struct{} // closed once somebody waits
}

func (g *gate) RoundTrip(r *http.Request) (*http.Response, error) {
	g.mu.Lock()
	wait := g.held
	if g.armed && wait == nil && r.Method == http.MethodGet && onePull.MatchString(r.URL.Path) {
		g.held = make(chan struct{})
	}
	if g.armed && wait != nil && !g.waiting {
		g.waiting = true
		close(g.stands)
	}
	if !g.armed {
		wait = nil
	}
	g.mu.Unlock()
	if wait != nil {
		select {
		case <-wait:
		case <-r.Context().Done():
			return nil, r.Context().Err()
		}
	}
	return http.DefaultTransport.RoundTrip(r)
}

var onePull = regexp.MustCompile(`/pulls/[0-9]+$`)

func (g *gate) arm() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.armed, g.stands, g.waiting = true, make(chan struct{}), false
}

// pass lets everybody pass but those who wait already.
func (g *gate) pass() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.armed = false
}

// free lets those go on who wait.
func (g *gate) free() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.armed = false; g.held != nil {
		close(g.held)
		g.held = nil
	}
}

func (p *play) slowWorkerPosts(*storyEvent) error {
	p.gate.free()
	p.slow = false
	return nil
}

// stormy are the events that can be made to happen any number of times.
var stormy = []string{"label_added", "comment_created", "comment_edited", "review_edited", "review_submitted",
	"check_requested_action", "check_rerequested", "status_posted", "draft_changed"}

// eventStorm sends one kind of event again and again: as another such thing
// happening, or as the payload that was last sent of it.
func (p *play) eventStorm(e *storyEvent) error {
	kind, action, _ := strings.Cut(e.Event, ".")
	whole := *e
	if e = &whole; e.PR == 0 && len(p.pulls) > 0 { // of the only one, or of the first
		e.PR = slices.Min(slices.Collect(maps.Keys(p.pulls)))
	}
	if e.Actor == "github" {
		e.Actor = "operator"
	}
	if happen := happenings[e.Event]; slices.Contains(stormy, e.Event) {
		for n := range e.Count {
			one := *e
			one.Type, one.Comment, one.Review = e.Event, name(fmt.Sprintf("storm-%d", n)), name(fmt.Sprintf("storm-%d", n))
			one.Label, one.Body = cmp.Or(e.Label, fmt.Sprintf("label-%d", n)), cmp.Or(e.Body, "storm")
			if err := happen(p, &one); err != nil {
				return err
			}
		}
		return nil
	}
	for _, d := range slices.Backward(p.github.Deliveries()) {
		if d.Event != kind || action != "" && d.Action != action {
			continue
		}
		for range e.Count {
			p.github.Send(d.Event, d.Payload)
		}
		return nil
	}
	// Nothing of the kind happened yet: the last of any kind, under its name.
	sent := p.github.Deliveries()
	if len(sent) == 0 {
		return fmt.Errorf("nothing was sent yet that could be sent again")
	}
	var payload map[string]any
	if err := json.Unmarshal(sent[len(sent)-1].Payload, &payload); err != nil {
		return err
	}
	payload["action"] = cmp.Or(action, "edited")
	text, err := json.Marshal(payload)
	for range e.Count {
		p.github.Send(kind, text)
	}
	return err
}
