package githubtest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
)

// Ruleset is a repository's ruleset.
type Ruleset struct {
	Name        string
	Enforcement string   // "active", "evaluate" or "disabled"; empty means active
	Branches    []string // "refs/heads/main", patterns, "~DEFAULT_BRANCH", "~ALL"; none means the default branch
	Rules       []Rule
	Bypass      []Bypass
}

// Rule is one rule of a ruleset, of any of GitHub's types. The merge gate
// knows required_status_checks, pull_request and merge_queue.
type Rule struct {
	Type       string
	Parameters map[string]any // nil for types without
}

// Bypass names who may pass over a ruleset.
type Bypass struct {
	ActorID   int64  // of a role: 2 maintain, 4 write, 5 admin
	ActorType string // "RepositoryRole", "Team", "Integration" or "OrganizationAdmin"
	Mode      string // "always" or "pull_request"
}

// RequiredCheck asks for a green check with the name; from one App only where app is not 0.
func RequiredCheck(name string, app int64) Rule {
	check := object{"context": name}
	if app != 0 {
		check["integration_id"] = app
	}
	return Rule{"required_status_checks", object{"required_status_checks": []any{check},
		"strict_required_status_checks_policy": false, "do_not_enforce_on_create": false}}
}

// Guarded is a ruleset under which nothing is merged past a check of one App: it
// is required of that App alone and of what is up to date, with a review after
// the last push, and the branch can be neither rewritten nor deleted.
func Guarded(check string, app int64) Ruleset {
	required := RequiredCheck(check, app)
	required.Parameters["strict_required_status_checks_policy"] = true
	return Ruleset{Name: "countersign", Rules: []Rule{required, RequiredReviews(1, false, true),
		{Type: "deletion"}, {Type: "non_fast_forward"}}}
}

// RequiredReviews asks for a pull request with that many approvals.
func RequiredReviews(count int, dismissStale, lastPush bool) Rule {
	return Rule{"pull_request", object{"required_approving_review_count": count,
		"dismiss_stale_reviews_on_push": dismissStale,
		"require_last_push_approval":    lastPush, "require_code_owner_review": false,
		"required_review_thread_resolution": false, "allowed_merge_methods": []string{"merge", "squash", "rebase"}}}
}

// MergeQueue asks for the merge queue.
func MergeQueue() Rule {
	return Rule{"merge_queue", object{"check_response_timeout_minutes": 60, "grouping_strategy": "ALLGREEN",
		"max_entries_to_build": 5, "max_entries_to_merge": 5, "merge_method": "MERGE", "min_entries_to_merge": 1,
		"min_entries_to_merge_wait_minutes": 5}}
}

type storedRuleset struct {
	id int64
	Ruleset
}

// SetRuleset makes the ruleset of that name, or replaces it, and returns its id.
func (r *Repository) SetRuleset(set Ruleset) int64 {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	if set.Enforcement == "" {
		set.Enforcement = "active"
	}
	if len(set.Branches) == 0 {
		set.Branches = []string{"~DEFAULT_BRANCH"}
	}
	set.Rules = slices.Clone(set.Rules)
	for i, rule := range set.Rules {
		set.Rules[i].Parameters = onWire(rule.Parameters)
	}
	stored, action := &storedRuleset{Ruleset: set}, "created"
	if i := slices.IndexFunc(r.rulesets, func(o *storedRuleset) bool { return o.Name == set.Name }); i >= 0 {
		stored.id, action = r.rulesets[i].id, "edited"
		r.rulesets[i] = stored
	} else {
		stored.id = s.id("ruleset")
		r.rulesets = append(r.rulesets, stored)
	}
	s.emit(event{name: "repository_ruleset", action: action, repository: r, payload: object{
		"repository_ruleset": r.rulesetView(stored, true)}})
	return stored.id
}

// onWire is what parameters are on the wire, whatever Go types the caller chose.
func onWire(parameters map[string]any) map[string]any {
	text, err := json.Marshal(parameters)
	var out map[string]any
	if err == nil {
		err = json.Unmarshal(text, &out)
	}
	if err != nil {
		panic("githubtest: parameters that are no JSON: " + err.Error())
	}
	return out
}

// DeleteRuleset deletes the ruleset of that name.
func (r *Repository) DeleteRuleset(name string) {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, o := range r.rulesets {
		if o.Name == name {
			r.rulesets = slices.Delete(r.rulesets, i, i+1)
			s.emit(event{name: "repository_ruleset", action: "deleted", repository: r, payload: object{
				"repository_ruleset": r.rulesetView(o, true)}})
			return
		}
	}
}

// Protect sets a branch's classic protection, as GitHub's answer shows it
// (required_status_checks with checks, enforce_admins, …); nil takes it away.
// The merge gate knows required_status_checks and required_pull_request_reviews.
func (r *Repository) Protect(branch string, protection map[string]any) {
	s := r.server
	s.mu.Lock()
	defer s.mu.Unlock()
	action := map[bool]string{true: "created", false: "edited"}[r.protections[branch] == nil]
	rule := r.protectionRule(branch)
	if protection == nil {
		delete(r.protections, branch)
		action = "deleted"
	} else {
		r.protections[branch] = protection
		rule = r.protectionRule(branch)
	}
	s.emit(event{name: "branch_protection_rule", action: action, repository: r, payload: object{"rule": rule}})
}

// protectionRule is a classic protection as webhooks show it.
func (r *Repository) protectionRule(branch string) object {
	var g gate
	r.classic(branch, nil, &g)
	level := func(on bool) string { return map[bool]string{true: "everyone", false: "off"}[on] }
	names := []string{}
	for _, check := range g.checks {
		names = append(names, check.name)
	}
	rule := object{"id": r.id, "repository_id": r.id, "name": branch, "created_at": "2026-01-01T00:00:00.000Z",
		"updated_at": "2026-01-01T00:00:00.000Z", "pull_request_reviews_enforcement_level": level(g.pull),
		"required_approving_review_count": g.reviews, "dismiss_stale_reviews_on_push": g.dismissStale,
		"require_last_push_approval": g.lastPush, "required_status_checks": names,
		"required_status_checks_enforcement_level": level(len(names) > 0), "authorized_actor_names": []string{},
		"strict_required_status_checks_policy": g.strict}
	for _, key := range []string{"signature_requirement", "linear_history_requirement", "lock_branch",
		"allow_force_pushes", "allow_deletions", "merge_queue", "required_deployments"} {
		rule[key+"_enforcement_level"] = "off"
	}
	rule["required_conversation_resolution_level"] = "off"
	for _, key := range []string{"require_code_owner_review", "authorized_dismissal_actors_only", "admin_enforced",
		"ignore_approvals_from_contributors", "authorized_actors_only", "create_protected"} {
		rule[key] = false
	}
	return rule
}

func (r *Repository) applies(set *storedRuleset, ref string) bool {
	return slices.ContainsFunc(set.Branches, func(pattern string) bool {
		matched, err := path.Match(pattern, ref)
		return pattern == "~ALL" || pattern == "~DEFAULT_BRANCH" && ref == "refs/heads/"+r.defaultBranch ||
			err == nil && matched
	})
}

func (r *Repository) isProtected(ref string) bool {
	return r.protections[strings.TrimPrefix(ref, "refs/heads/")] != nil ||
		slices.ContainsFunc(r.rulesets, func(set *storedRuleset) bool {
			return set.Enforcement == "active" && r.applies(set, ref)
		})
}

func (c *call) showProtection() *answer {
	name := c.r.PathValue("branch")
	if c.repo.branch(name) == "" {
		return refuse(http.StatusNotFound, "Branch not found")
	}
	if c.repo.protections[name] == nil {
		return refuse(http.StatusNotFound, "Branch not protected")
	}
	return ok(c.repo.protections[name])
}

func (c *call) listBranchRules() *answer {
	type found struct {
		set  *storedRuleset
		rule Rule
	}
	var all []found
	for _, set := range c.repo.rulesets {
		if set.Enforcement == "active" && c.repo.applies(set, "refs/heads/"+c.r.PathValue("branch")) {
			for _, rule := range set.Rules {
				all = append(all, found{set, rule})
			}
		}
	}
	return page(c, "", all, func(f found) any {
		view := f.rule.view()
		view["ruleset_source_type"], view["ruleset_source"] = "Repository", c.repo.fullName()
		view["ruleset_id"] = f.set.id
		return view
	})
}

func (rule Rule) view() object {
	view := object{"type": rule.Type}
	if rule.Parameters != nil {
		view["parameters"] = rule.Parameters
	}
	return view
}

func (c *call) listRulesets() *answer {
	return page(c, "", c.repo.rulesets, func(set *storedRuleset) any { return c.repo.rulesetView(set, false) })
}

func (c *call) showRuleset() *answer {
	for _, set := range c.repo.rulesets {
		if set.id == c.number("ruleset_id") {
			view := c.repo.rulesetView(set, true)
			if c.installation != nil && !grants(c.permissions, "administration:write") {
				delete(view, "bypass_actors")
				view["current_user_can_bypass"] = "never"
			}
			return ok(view)
		}
	}
	return notFound()
}

func (r *Repository) rulesetView(set *storedRuleset, whole bool) object {
	self := r.api(fmt.Sprintf("/rulesets/%d", set.id))
	view := object{"id": set.id, "node_id": nodeID("RRS", set.id), "name": set.Name, "target": "branch",
		"source_type": "Repository", "source": r.fullName(), "enforcement": set.Enforcement,
		"created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
		"_links": object{"self": object{"href": self}, "html": object{"href": r.web(fmt.Sprintf("/rules/%d", set.id))}}}
	if !whole {
		return view
	}
	rules, actors := []any{}, []any{}
	for _, rule := range set.Rules {
		rules = append(rules, rule.view())
	}
	for _, b := range set.Bypass {
		actors = append(actors, object{"actor_id": b.ActorID, "actor_type": b.ActorType, "bypass_mode": b.Mode})
	}
	view["rules"], view["bypass_actors"] = rules, actors
	view["conditions"] = object{"ref_name": object{"include": set.Branches, "exclude": []string{}}}
	return view
}

// gate is what a branch asks for, from all that applies to it.
type gate struct {
	checks       []requiredCheck
	reviews      int
	pull, queue  bool
	strict       bool // the head must hold the base's tip
	dismissStale bool
	lastPush     bool
}

type requiredCheck struct {
	name string
	app  int64 // 0: anybody's
}

// whole is a number in the caller's parameters, whatever Go type it has.
func whole(value any) int64 {
	switch n := value.(type) {
	case int:
		return int64(n)
	case int64:
		return n
	case float64:
		return int64(n)
	}
	return 0
}

// gateOf reads the rules that bind a person (nil: anybody) on a branch.
func (r *Repository) gateOf(branch string, by *User) gate {
	var g gate
	for _, set := range r.rulesets {
		if set.Enforcement != "active" || !r.applies(set, "refs/heads/"+branch) || by != nil && r.bypasses(set, by) {
			continue
		}
		for _, rule := range set.Rules {
			p := rule.Parameters
			switch rule.Type {
			case "required_status_checks":
				g.strict = g.strict || p["strict_required_status_checks_policy"] == true
				list, _ := p["required_status_checks"].([]any)
				for _, item := range list {
					check, _ := item.(object)
					g.checks = append(g.checks, requiredCheck{check["context"].(string),
						whole(check["integration_id"])})
				}
			case "pull_request":
				g.pull, g.reviews = true, max(g.reviews, int(whole(p["required_approving_review_count"])))
				g.dismissStale = g.dismissStale || p["dismiss_stale_reviews_on_push"] == true
				g.lastPush = g.lastPush || p["require_last_push_approval"] == true
			case "merge_queue":
				g.queue = true
			}
		}
	}
	r.classic(branch, by, &g)
	return g
}

func (r *Repository) classic(branch string, by *User, g *gate) {
	classic := r.protections[branch]
	admins, _ := classic["enforce_admins"].(object)
	if classic == nil || by != nil && r.can(by, "admin") && admins["enabled"] != true {
		return
	}
	if required, given := classic["required_status_checks"].(object); given {
		g.strict = g.strict || required["strict"] == true
		list, _ := required["checks"].([]any)
		for _, item := range list {
			check, _ := item.(object)
			g.checks = append(g.checks, requiredCheck{check["context"].(string), max(0, whole(check["app_id"]))})
		}
	}
	if required, given := classic["required_pull_request_reviews"].(object); given {
		g.pull, g.reviews = true, max(g.reviews, int(whole(required["required_approving_review_count"])))
		g.dismissStale = g.dismissStale || required["dismiss_stale_reviews"] == true
		g.lastPush = g.lastPush || required["require_last_push_approval"] == true
	}
}

func (r *Repository) bypasses(set *storedRuleset, by *User) bool {
	roles := map[int64]string{2: "maintain", 4: "write", 5: "admin"}
	return slices.ContainsFunc(set.Bypass, func(b Bypass) bool {
		switch b.ActorType {
		case "RepositoryRole":
			return roles[b.ActorID] != "" && r.can(by, roles[b.ActorID])
		case "Team":
			return r.org != nil && r.org.teams[b.ActorID] != nil && r.org.state(r.org.teams[b.ActorID],
				by.ID) == "active"
		}
		return false
	})
}

// green reports whether a required check is satisfied on a commit: every
// latest run of that name, and every status unless an App is asked for.
func (r *Repository) green(sha string, check requiredCheck) bool {
	found := false
	for _, k := range latest(r.checksOn(sha)) {
		if k.name != check.name || check.app != 0 && k.app != check.app {
			continue
		}
		found = true
		if k.status != "completed" || !slices.Contains([]string{"success", "neutral", "skipped"}, k.conclusion) {
			return false
		}
	}
	if check.app != 0 {
		return found
	}
	for _, t := range r.statusesOn(sha) {
		if t.context == check.name {
			return t.state == "success"
		}
	}
	return found
}

func (r *Repository) missingChecks(g gate, sha string) []string {
	var missing []string
	for _, check := range g.checks {
		if !r.green(sha, check) {
			missing = append(missing, fmt.Sprintf("Required status check %q is expected.", check.name))
		}
	}
	return missing
}

// missing says what keeps a pull request from being merged, in GitHub's words.
func (r *Repository) missing(i *issue) []string { return r.missingFor(i, nil) }

func (r *Repository) missingFor(i *issue, by *User) []string {
	g, p := r.gateOf(i.pull.baseRef, by), i.pull
	missing := r.missingChecks(g, p.headSHA)
	if g.strict && !r.isAncestor(r.branch(p.baseRef), p.headSHA) {
		missing = append(missing, "The head branch is not up to date with the base branch.")
	}
	if !g.pull {
		return missing
	}
	approvals, others := 0, 0
	last := map[*User]*review{}
	for _, v := range p.reviews {
		if v.state != "COMMENTED" && v.state != "PENDING" && v.user != nil {
			last[v.user] = v
		}
	}
	for user, v := range last {
		if user.Deleted || !r.can(user, "write") {
			continue
		}
		switch v.state {
		case "APPROVED":
			approvals++
			if user != p.pusher {
				others++
			}
		case "CHANGES_REQUESTED":
			missing = append(missing, "Changes were requested by "+user.Login+".")
		}
	}
	if approvals < g.reviews {
		missing = append(missing,
			fmt.Sprintf("At least %d approving review is required by reviewers with write access.", g.reviews))
	}
	if g.lastPush && others == 0 {
		missing = append(missing, "New changes require approval from someone other than the last pusher.")
	}
	return missing
}
