package sweep_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/sweep"
)

const check = "countersign (main)"

func (w *world) standing() (notices string, audit []string) {
	w.t.Helper()
	c := w.app.Client(w.installation.ID)
	r := must(c.Repository(w.t.Context(), w.repository.ID()))(w.t)
	list, audit, err := w.sweeper.Standing(w.t.Context(), c, r, "main")
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(list, "\n"), audit
}

// strict is a required check on an up-to-date branch.
func strict(name string, app int64) githubtest.Rule {
	rule := githubtest.RequiredCheck(name, app)
	rule.Parameters["strict_required_status_checks_policy"] = true
	return rule
}

func TestStanding(t *testing.T) {
	const ours = 4242
	still := []githubtest.Rule{{Type: "deletion"}, {Type: "non_fast_forward"}}
	reviews := githubtest.RequiredReviews(1, true, false)
	for name, c := range map[string]struct {
		rules    []githubtest.Rule
		want     []string // in the notices; none means that nothing is said
		not      []string
		audit    []string
		disabled bool
	}{
		"nothing": {audit: []string{"required_check_missing"}, want: []string{"does not require the check", "hidden from this App",
			"does not require a pull request", "up to date", "force-pushed", "deleted", `"integration_id": 4242`}},
		"right":          {rules: append(still, strict(check, ours), reviews)},
		"not in force":   {rules: append(still, strict(check, ours), reviews), disabled: true, audit: []string{"required_check_missing"}, want: []string{"does not require the check"}},
		"anyone's":       {rules: append(still, strict(check, 0), reviews), audit: []string{"required_check_source_not_pinned"}, want: []string{"can forge it"}, not: []string{"force-pushed"}},
		"another App's":  {rules: append(still, strict(check, 77), reviews), audit: []string{"required_check_source_not_pinned"}, want: []string{"from another App only"}},
		"another check":  {rules: append(still, strict("countersign (other)", ours), reviews), audit: []string{"required_check_missing"}, want: []string{"does not require the check"}},
		"queue":          {rules: append(still, githubtest.RequiredCheck(check, ours), reviews, githubtest.MergeQueue())},
		"not up to date": {rules: append(still, githubtest.RequiredCheck(check, ours), reviews), want: []string{"need not be up to date"}},
		"stale":          {rules: append(still, strict(check, ours), githubtest.RequiredReviews(1, false, false)), want: []string{"stale approvals"}},
		"last push":      {rules: append(still, strict(check, ours), githubtest.RequiredReviews(1, false, true))},
		"no pull":        {rules: append(still, strict(check, ours)), want: []string{"pushed to directly"}, not: []string{"stale approvals"}},
		"unknown rules":  {rules: append(still, strict(check, ours), reviews, githubtest.Rule{Type: "code_scanning", Parameters: map[string]any{"x": 1}})},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			set := githubtest.Ruleset{Name: "r", Rules: c.rules}
			if c.disabled {
				set.Enforcement = "disabled"
			}
			w.repository.SetRuleset(set)
			notices, audit := w.standing()
			if diff := cmp.Diff(c.audit, audit); diff != "" {
				t.Errorf("audit: %s", diff)
			}
			for _, want := range c.want {
				if !strings.Contains(notices, want) {
					t.Errorf("%q is not in:\n%s", want, notices)
				}
			}
			for _, not := range c.not {
				if strings.Contains(notices, not) {
					t.Errorf("%q is in:\n%s", not, notices)
				}
			}
			if len(c.want) == 0 && notices != "" {
				t.Errorf("says:\n%s", notices)
			}
		})
	}
}

// What we ask for is what silences us.
func TestTheRulesetThatWePrintIsEnough(t *testing.T) {
	w := newWorld(t)
	var set struct {
		Target, Enforcement string
		Bypass              []any `json:"bypass_actors"`
		Conditions          struct {
			Names struct{ Include []string } `json:"ref_name"`
		}
		Rules []githubtest.Rule
	}
	if err := json.Unmarshal(sweep.RulesetJSON(w.AppID(), "main"), &set); err != nil {
		t.Fatal(err)
	}
	if set.Target != "branch" || set.Enforcement != "active" || len(set.Bypass) > 0 {
		t.Errorf("ruleset: %+v", set)
	}
	w.repository.SetRuleset(githubtest.Ruleset{Name: "ours", Branches: set.Conditions.Names.Include, Rules: set.Rules})
	if notices, audit := w.standing(); notices != "" || audit != nil {
		t.Errorf("audit %v, says:\n%s", audit, notices)
	}
}

func TestStandingByClassicProtection(t *testing.T) {
	w := newWorld(t)
	w.installation.SetPermissions(map[string]string{"metadata": "read", "administration": "read"})
	must(w.AddUser(githubtest.User{Login: "erin"}))(t)
	tip := must(w.repository.Commit(githubtest.Commit{Files: map[string]string{"README.md": "x"}}))(t)
	if err := errors.Join(w.repository.Permit("erin", "admin"), w.repository.Push("erin", "main", tip)); err != nil {
		t.Fatal(err)
	}
	protect := func(app any, admins bool) {
		w.repository.Protect("main", map[string]any{
			"required_status_checks": map[string]any{"strict": true, "contexts": []string{check}, "url": w.URL(),
				"contexts_url": w.URL(), "checks": []any{map[string]any{"context": check, "app_id": app}}},
			"enforce_admins": map[string]any{"enabled": admins, "url": w.URL()},
			"required_pull_request_reviews": map[string]any{"dismiss_stale_reviews": true, "url": w.URL(),
				"require_code_owner_reviews": false, "required_approving_review_count": 1, "require_last_push_approval": false},
			"allow_force_pushes": map[string]any{"enabled": false},
			"allow_deletions":    map[string]any{"enabled": true},
		})
		w.pass(6 * time.Minute)
	}
	protect(w.AppID(), true)
	if notices, audit := w.standing(); audit != nil || !strings.HasPrefix(notices, "The branch can be deleted.") {
		t.Errorf("audit %v, says:\n%s", audit, notices)
	}
	protect(nil, false)
	notices, audit := w.standing()
	if !cmp.Equal(audit, []string{"required_check_source_not_pinned"}) || !strings.Contains(notices, "administrators (classic protection) may bypass") {
		t.Errorf("audit %v, says:\n%s", audit, notices)
	}
}

func TestBypassIsNamedWhereGitHubTells(t *testing.T) {
	w := newWorld(t)
	w.repository.SetRuleset(githubtest.Ruleset{Name: "r", Bypass: []githubtest.Bypass{{ActorID: 5, ActorType: "RepositoryRole", Mode: "always"}},
		Rules: []githubtest.Rule{{Type: "deletion"}, {Type: "non_fast_forward"}, strict(check, 4242), githubtest.RequiredReviews(1, true, false)}})
	if notices, _ := w.standing(); notices != "" {
		t.Errorf("without administration: write it says:\n%s", notices)
	}
	w.installation.SetPermissions(map[string]string{"metadata": "read", "administration": "write"})
	w.app = must(newApp(w))(t) // tokens keep the permissions that they were made with
	w.restart()
	if notices, _ := w.standing(); !strings.Contains(notices, "RepositoryRole 5 (always) may bypass") {
		t.Errorf("says:\n%s", notices)
	}
}

// Trouble is said as unknown, and never turns what is known around.
func TestStandingThroughAnOutage(t *testing.T) {
	w := newWorld(t)
	const op = "repos/get-branch-rules"
	w.Fail(op, githubtest.Fault{Status: 502, Times: 10})
	notices, audit := w.standing()
	if !strings.Contains(notices, "is not known") || audit != nil {
		t.Errorf("audit %v, says:\n%s", audit, notices)
	}
	w.Heal()
	w.pass(6 * time.Minute)
	before, _ := w.standing()
	if !strings.Contains(before, "does not require the check") {
		t.Errorf("says:\n%s", before)
	}
	asked := w.Count(op)
	w.pass(4 * time.Minute)
	if w.standing(); w.Count(op) != asked {
		t.Error("asked again within five minutes")
	}
	w.pass(2 * time.Minute)
	w.Fail(op, githubtest.Fault{HTML: true, Times: 10})
	if after, _ := w.standing(); after != before {
		t.Errorf("the weather changed the text to:\n%s", after)
	}
}
