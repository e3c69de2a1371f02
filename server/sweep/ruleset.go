package sweep

import (
	"encoding/json"
	"fmt"

	"github.com/countersign-dev/countersign/server/publish"
)

type object = map[string]any

// RulesetJSON is the ruleset that a branch needs, ready to import: our check
// required from our App alone on an up-to-date branch, a pull request whose
// last push somebody else approved, no force push, no deletion, no bypass.
func RulesetJSON(app int64, branch string) []byte {
	text, err := json.MarshalIndent(object{
		"name": "countersign (" + branch + ")", "target": "branch", "enforcement": "active",
		"conditions":    object{"ref_name": object{"include": []string{"refs/heads/" + branch}, "exclude": []string{}}},
		"bypass_actors": []string{},
		"rules": []object{
			{"type": "deletion"},
			{"type": "non_fast_forward"},
			{"type": "pull_request", "parameters": object{
				"required_approving_review_count": 1, "dismiss_stale_reviews_on_push": true,
				"require_code_owner_review": false, "require_last_push_approval": true,
				"required_review_thread_resolution": false,
			}},
			{"type": "required_status_checks", "parameters": object{
				"strict_required_status_checks_policy": true, "do_not_enforce_on_create": false,
				"required_status_checks": []object{{"context": publish.Name(branch), "integration_id": app}},
			}},
		},
	}, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("a ruleset of strings and numbers is always JSON: %v", err)) // a mistake in the lines above
	}
	return text
}

// paste is the notice that ends a self-audit with something to do.
func paste(app int64, branch string) string {
	return "To mend this, import this ruleset (Settings, Rules, Rulesets, New, Import):\n\n```json\n" +
		string(RulesetJSON(app, branch)) + "\n```"
}
