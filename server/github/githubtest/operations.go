package githubtest

// operation is one thing that GitHub can be asked for.
type operation struct {
	name string // GitHub's own operation id
	path string // "METHOD /path" as net/http's patterns; all of it is known to the description
	// needs is the permission: "checks:write", alternatives with "|", "app"
	// for the App's JWT, "" for nothing.
	needs  string
	query  string // the query's keys, besides per_page and page
	body   string // the body's keys, nested ones dotted; "" where there is no body
	handle func(*call) *answer
}

const checkKeys = "name head_sha details_url external_id status started_at conclusion completed_at output actions " +
	"output.title output.summary output.text output.annotations output.images " +
	"output.annotations.path output.annotations.start_line output.annotations.end_line " +
	"output.annotations.start_column output.annotations.end_column output.annotations.annotation_level " +
	"output.annotations.message output.annotations.title output.annotations.raw_details " +
	"output.images.alt output.images.image_url output.images.caption " +
	"actions.label actions.description actions.identifier"

const repo = " /repos/{owner}/{repo}"

const comments, discuss = "issues:read|pull_requests:read", "issues:write|pull_requests:write"

// operations are all that is answered. Each line is one promise to behave
// like GitHub; what is not here is a problem.
var operations = []operation{
	{"apps/get-authenticated", "GET /app", "app", "", "", (*call).showApp},
	{"apps/get-webhook-config-for-app", "GET /app/hook/config", "app", "", "", (*call).showHook},
	{"apps/list-installations", "GET /app/installations", "app", "since outdated", "", (*call).listInstallations},
	{"apps/get-installation", "GET /app/installations/{installation_id}", "app", "", "", (*call).showInstallation},
	{"apps/create-installation-access-token", "POST /app/installations/{installation_id}/access_tokens", "app", "",
		"repositories repository_ids permissions permissions.*", (*call).createToken},
	{"apps/get-repo-installation", "GET" + repo + "/installation", "app", "", "", (*call).showRepositoryInstallation},
	{"apps/get-org-installation", "GET /orgs/{org}/installation", "app", "", "", (*call).showOrgInstallation},
	{"apps/list-repos-accessible-to-installation", "GET /installation/repositories", "metadata:read", "", "",
		(*call).listInstallationRepositories},
	{"apps/list-webhook-deliveries", "GET /app/hook/deliveries", "app", "cursor status", "", (*call).listDeliveries},
	{"apps/get-webhook-delivery", "GET /app/hook/deliveries/{delivery_id}", "app", "", "", (*call).showDelivery},
	{"apps/redeliver-webhook-delivery", "POST /app/hook/deliveries/{delivery_id}/attempts", "app", "", "",
		(*call).redeliver},
	{"rate-limit/get", "GET /rate_limit", "", "", "", (*call).showLimits},

	{"repos/get", "GET" + repo, "metadata:read", "", "", (*call).showRepository},
	{"repos/list-branches", "GET" + repo + "/branches", "contents:read", "protected", "", (*call).listBranches},
	{"repos/get-branch", "GET" + repo + "/branches/{branch}", "contents:read", "", "", (*call).showBranch},
	{"repos/get-branch-protection", "GET" + repo + "/branches/{branch}/protection", "administration:read", "", "",
		(*call).showProtection},
	{"repos/get-branch-rules", "GET" + repo + "/rules/branches/{branch...}", "metadata:read", "", "",
		(*call).listBranchRules},
	{"repos/get-repo-rulesets", "GET" + repo + "/rulesets", "metadata:read", "includes_parents targets", "",
		(*call).listRulesets},
	{"repos/get-repo-ruleset", "GET" + repo + "/rulesets/{ruleset_id}", "metadata:read", "includes_parents", "",
		(*call).showRuleset},
	{"repos/get-commit", "GET" + repo + "/commits/{ref}", "contents:read", "", "", (*call).showCommit},
	{"repos/compare-commits", "GET" + repo + "/compare/{basehead...}", "contents:read", "", "", (*call).compare},
	{"repos/list-pull-requests-associated-with-commit", "GET" + repo + "/commits/{commit_sha}/pulls",
		"pull_requests:read", "", "", (*call).listPullsOfCommit},
	{"repos/get-content", "GET" + repo + "/contents/{path...}", "contents:read", "ref", "", (*call).showContent},
	{"repos/list-activities", "GET" + repo + "/activity", "contents:read",
		"direction before after ref actor time_period activity_type", "", (*call).listActivities},
	{"repos/get-collaborator-permission-level", "GET" + repo + "/collaborators/{username}/permission",
		"metadata:read", "", "", (*call).showPermission},
	{"repos/get-combined-status-for-ref", "GET" + repo + "/commits/{ref}/status", "statuses:read", "", "",
		(*call).showCombinedStatus},
	{"repos/list-commit-statuses-for-ref", "GET" + repo + "/commits/{ref}/statuses", "statuses:read", "", "",
		(*call).listStatuses},
	{"repos/create-commit-status", "POST" + repo + "/statuses/{sha}", "statuses:write", "",
		"state target_url description context", (*call).createStatus},
	{"git/get-ref", "GET" + repo + "/git/ref/{ref...}", "contents:read", "", "", (*call).showRef},
	{"git/list-matching-refs", "GET" + repo + "/git/matching-refs/{ref...}", "contents:read", "", "",
		(*call).listRefs},
	{"git/get-commit", "GET" + repo + "/git/commits/{commit_sha}", "contents:read", "", "", (*call).showGitCommit},
	{"git/get-tree", "GET" + repo + "/git/trees/{tree_sha}", "contents:read", "recursive", "", (*call).showTree},
	{"git/get-blob", "GET" + repo + "/git/blobs/{file_sha}", "contents:read", "", "", (*call).showBlob},

	{"pulls/list", "GET" + repo + "/pulls", "pull_requests:read", "state head base sort direction", "",
		(*call).listPulls},
	{"pulls/get", "GET" + repo + "/pulls/{pull_number}", "pull_requests:read", "", "", (*call).showPull},
	{"pulls/list-commits", "GET" + repo + "/pulls/{pull_number}/commits", "pull_requests:read", "", "",
		(*call).listPullCommits},
	{"pulls/list-files", "GET" + repo + "/pulls/{pull_number}/files", "pull_requests:read", "", "",
		(*call).listPullFiles},
	{"pulls/list-reviews", "GET" + repo + "/pulls/{pull_number}/reviews", "pull_requests:read", "", "",
		(*call).listReviews},
	{"pulls/get-review", "GET" + repo + "/pulls/{pull_number}/reviews/{review_id}", "pull_requests:read", "", "",
		(*call).showReview},
	{"pulls/create-review", "POST" + repo + "/pulls/{pull_number}/reviews", "pull_requests:write", "",
		"commit_id body event", (*call).createReview},
	{"pulls/dismiss-review", "PUT" + repo + "/pulls/{pull_number}/reviews/{review_id}/dismissals",
		"pull_requests:write", "", "message event", (*call).dismissReview},
	{"pulls/merge", "PUT" + repo + "/pulls/{pull_number}/merge", "contents:write|pull_requests:write", "",
		"commit_title commit_message sha merge_method", (*call).mergePull},
	{"pulls/request-reviewers", "POST" + repo + "/pulls/{pull_number}/requested_reviewers", "pull_requests:write",
		"", "reviewers team_reviewers", (*call).requestReviewers},

	{"issues/create", "POST" + repo + "/issues", "issues:write", "", "title body labels assignees",
		(*call).createIssue},
	{"issues/get", "GET" + repo + "/issues/{issue_number}", comments, "", "", (*call).showIssue},
	{"issues/list-comments", "GET" + repo + "/issues/{issue_number}/comments", comments, "since", "",
		(*call).listComments},
	{"issues/create-comment", "POST" + repo + "/issues/{issue_number}/comments", discuss, "", "body",
		(*call).createComment},
	{"issues/get-comment", "GET" + repo + "/issues/comments/{comment_id}", comments, "", "", (*call).showComment},
	{"issues/update-comment", "PATCH" + repo + "/issues/comments/{comment_id}", discuss, "", "body",
		(*call).updateComment},
	{"issues/delete-comment", "DELETE" + repo + "/issues/comments/{comment_id}", discuss, "", "",
		(*call).deleteComment},
	{"reactions/list-for-issue-comment", "GET" + repo + "/issues/comments/{comment_id}/reactions", comments,
		"content", "", (*call).listReactions},
	{"reactions/create-for-issue-comment", "POST" + repo + "/issues/comments/{comment_id}/reactions", discuss, "",
		"content", (*call).createReaction},

	{"checks/create", "POST" + repo + "/check-runs", "checks:write", "", checkKeys, (*call).createCheck},
	{"checks/update", "PATCH" + repo + "/check-runs/{check_run_id}", "checks:write", "", checkKeys,
		(*call).updateCheck},
	{"checks/get", "GET" + repo + "/check-runs/{check_run_id}", "checks:read", "", "", (*call).showCheck},
	{"checks/list-annotations", "GET" + repo + "/check-runs/{check_run_id}/annotations", "checks:read", "", "",
		(*call).listAnnotations},
	{"checks/list-for-ref", "GET" + repo + "/commits/{ref}/check-runs", "checks:read",
		"check_name status filter app_id", "", (*call).listChecks},
	{"checks/list-suites-for-ref", "GET" + repo + "/commits/{ref}/check-suites", "checks:read",
		"app_id check_name", "", (*call).listSuites},
	{"checks/get-suite", "GET" + repo + "/check-suites/{check_suite_id}", "checks:read", "", "", (*call).showSuite},

	{"orgs/get", "GET /orgs/{org}", "metadata:read", "", "", (*call).showOrg},
	{"orgs/get-membership-for-user", "GET /orgs/{org}/memberships/{username}", "members:read", "", "",
		(*call).showOrgMembership},
	{"orgs/check-membership-for-user", "GET /orgs/{org}/members/{username}", "members:read", "", "",
		(*call).checkOrgMember},
	{"teams/list", "GET /orgs/{org}/teams", "members:read", "", "", (*call).listTeams},
	{"teams/get-by-name", "GET /orgs/{org}/teams/{team_slug}", "members:read", "", "", (*call).showTeam},
	{"teams/list-child-in-org", "GET /orgs/{org}/teams/{team_slug}/teams", "members:read", "", "",
		(*call).listChildTeams},
	{"teams/list-members-in-org", "GET /orgs/{org}/teams/{team_slug}/members", "members:read", "role", "",
		(*call).listTeamMembers},
	{"teams/get-membership-for-user-in-org", "GET /orgs/{org}/teams/{team_slug}/memberships/{username}",
		"members:read", "", "", (*call).showTeamMembership},
	{"users/get-by-username", "GET /users/{username}", "", "", "", (*call).showUser},
	{"users/get-by-id", "GET /user/{account_id}", "", "", "", (*call).showUserByID},

	{"graphql", "POST /graphql", "metadata:read", "", "query variables variables.* operationName", (*call).graphql},
}
