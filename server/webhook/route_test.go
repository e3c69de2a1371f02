package webhook

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/server/store"
)

const (
	app  = 4242
	shaA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	shaB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	zero = "0000000000000000000000000000000000000000"
)

var (
	received = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	told     = time.Date(2026, 3, 1, 11, 0, 0, 0, time.UTC)
)

// In the payloads of the tables "…" stands for what all have.
const common = `"installation":{"id":7},"repository":{"id":1,"pushed_at":1772362800},"sender":{"id":5}`

func payloadOf(text string) []byte { return []byte(strings.ReplaceAll(text, "…", common)) }

func on(target store.Target, p store.Priority) store.Wake {
	return store.Wake{Target: target, Installation: 7, Priority: p}
}

func onPull(n int64, p store.Priority) store.Wake { return on(store.Target{Repository: 1, Pull: n}, p) }
func onAll(p store.Priority) store.Wake           { return on(RepositoryTarget(1), p) }
func onGroup(ref string) store.Wake {
	return on(store.Target{Repository: 1, Group: ref}, store.MergeGroup)
}

const pr = `"number":3,"pull_request":{"number":3,"head":{"sha":"` + shaA + `"},"base":{"ref":"main"},` +
	`"created_at":"2026-03-01T11:00:00Z","updated_at":"2026-03-01T11:00:00Z"}`

const reviewed = `"pull_request":{"number":3,"base":{"ref":"release/1"},"updated_at":"2026-03-01T11:00:00Z"},"review":{"id":9,` +
	`"user":{"id":6},"body":"/countersign hold","state":"approved","commit_id":"` + shaB + `","submitted_at":"2026-03-01T13:00:00+02:00"}`

func commented(body, more string) string {
	return `"issue":{"number":3,"pull_request":{"url":"u"}},"comment":{"id":8,"user":{"id":6,"type":"User"},"body":` +
		fmt.Sprintf("%q", body) + `,"created_at":"2026-03-01T11:00:00Z","updated_at":"2026-03-01T11:00:00Z"` + more + `}`
}

func said(body string, via int64) store.Facts {
	return store.Facts{Comments: []store.CommentSeen{{Repository: 1, ID: 8, Pull: 3, Person: 6, App: via, Created: told, Body: body}}}
}

func headed(h store.HeadSeen) store.Facts {
	h.Repository, h.Pull, h.SHA = 1, 3, shaA
	return store.Facts{Heads: []store.HeadSeen{h}}
}

func pushed(p store.PushSeen) store.Facts {
	p.Repository, p.Ref, p.After, p.Sender, p.At = 1, "refs/heads/main", shaA, 5, told
	return store.Facts{Pushes: []store.PushSeen{p}, Tips: []store.TipSeen{{Repository: 1, Ref: p.Ref, SHA: shaA, At: told}}}
}

type routeCase struct {
	event, payload string
	facts          store.Facts
	wakes          []store.Wake
	people         bool
	ignored        string // what the reason holds
}

func wakes(w ...store.Wake) []store.Wake { return w }

var pullCases = []routeCase{
	{"pull_request", `{"action":"opened",` + pr + `,…}`, headed(store.HeadSeen{Sender: 5, At: told}), wakes(onPull(3, store.Push)), false, ""},
	{"pull_request", `{"action":"reopened",` + pr + `,…}`, headed(store.HeadSeen{At: told}), wakes(onPull(3, store.Push)), false, ""},
	{"pull_request", `{"action":"synchronize","before":"` + shaB + `","after":"` + shaA + `",` + pr + `,…}`,
		headed(store.HeadSeen{Before: shaB, Sender: 5, At: told}), wakes(onPull(3, store.Push)), false, ""},
	// A push without its author, as by a deleted account: the head is known, who brought it is not.
	{"pull_request", `{"action":"synchronize","before":"` + shaB + `",` + pr + `,"installation":{"id":7},"repository":{"id":1},"sender":null}`,
		headed(store.HeadSeen{Before: shaB, At: told}), wakes(onPull(3, store.Push)), false, ""},
	{"pull_request", `{"action":"synchronize","before":"main","after":"` + shaA + `",` + pr + `,…}`, store.Facts{}, wakes(onPull(3, store.Push)), false, ""},
	{"pull_request", `{"action":"edited","changes":{"base":{"ref":{"from":"old"}}},` + pr + `,…}`, store.Facts{}, wakes(onPull(3, store.Push)), false, ""},
	{"pull_request", `{"action":"edited","changes":{"title":{"from":"old"}},` + pr + `,…}`, store.Facts{}, wakes(onPull(3, store.Review)), false, ""},
	{"pull_request", `{"action":"closed",` + pr + `,…}`, store.Facts{}, wakes(onPull(3, store.Push)), false, ""},
	{"pull_request", `{"action":"ready_for_review",` + pr + `,…}`, store.Facts{}, wakes(onPull(3, store.Review)), false, ""},
	{"pull_request", `{"action":"converted_to_draft",` + pr + `,…}`, store.Facts{}, wakes(onPull(3, store.Review)), false, ""},
	{"pull_request", `{"action":"assigned",` + pr + `,…}`, store.Facts{}, wakes(onPull(3, store.Review)), false, ""},
	{"pull_request", `{"action":"invented_tomorrow",` + pr + `,…}`, store.Facts{}, wakes(onPull(3, store.Review)), false, ""},
	{"pull_request", `{"action":"labeled",` + pr + `,…}`, store.Facts{}, nil, false, "no verdict"},
	// Which pull request is not to be read: all of the repository are looked at.
	{"pull_request", `{"action":"opened","number":"three","pull_request":[],…}`, store.Facts{}, wakes(onAll(store.Push)), false, ""},

	{"pull_request_review", `{"action":"submitted",` + reviewed + `,…}`, store.Facts{Reviews: []store.ReviewSeen{{Repository: 1, ID: 9,
		Pull: 3, Person: 6, BaseRef: "release/1", Commit: shaB, State: "APPROVED", Submitted: told, Body: "/countersign hold"}}},
		wakes(onPull(3, store.Review)), false, ""},
	{"pull_request_review", `{"action":"submitted",` + strings.Replace(reviewed, `{"id":6}`, "null", 1) + `,…}`, store.Facts{Reviews: []store.ReviewSeen{
		{Repository: 1, ID: 9, Pull: 3, BaseRef: "release/1", Commit: shaB, State: "APPROVED", Submitted: told, Body: "/countersign hold"}}},
		wakes(onPull(3, store.Review)), false, ""},
	// A review whose commit is not told is not made up: the first telling stands for ever.
	{"pull_request_review", `{"action":"submitted",` + strings.Replace(reviewed, shaB, "", 1) + `,…}`, store.Facts{}, wakes(onPull(3, store.Review)), false, ""},
	{"pull_request_review", `{"action":"edited",` + reviewed + `,…}`, store.Facts{}, wakes(onPull(3, store.Review)), false, ""},
	{"pull_request_review", `{"action":"dismissed",` + reviewed + `,…}`, store.Facts{Dismissals: []store.DismissalSeen{
		{Repository: 1, Review: 9, Pull: 3, Sender: 5, At: told}}}, wakes(onPull(3, store.Review)), false, ""},

	{"issue_comment", `{"action":"created",` + commented("/countersign recheck", "") + `,…}`, said("/countersign recheck", 0), wakes(onPull(3, store.Command)), false, ""},
	{"issue_comment", `{"action":"created",` + commented("x\n/CS hold", "") + `,…}`, said("x\n/CS hold", 0), wakes(onPull(3, store.Command)), false, ""},
	{"issue_comment", `{"action":"created",` + commented("/cs hold", `,"performed_via_github_app":{"id":11}`) + `,…}`, said("/cs hold", 11), wakes(onPull(3, store.Command)), false, ""},
	{"issue_comment", `{"action":"created",` + commented("/cs help", `,"performed_via_github_app":{"id":4242}`) + `,…}`, said("/cs help", 4242), nil, false, "our own"},
	{"issue_comment", `{"action":"created",` + commented("looks good", "") + `,…}`, said("looks good", 0), nil, false, "without a command"},
	{"issue_comment", `{"action":"created","issue":{"number":3},"comment":{"id":8,"body":"/cs hold"},…}`, store.Facts{}, nil, false, "on an issue"},
	{"issue_comment", `{"action":"created","issue":{"number":3,"pull_request":null},"comment":{"id":8,"body":"/cs hold"},…}`, store.Facts{}, nil, false, "on an issue"},
	{"issue_comment", `{"action":"edited",` + commented("/cs unhold", "") + `,…}`, store.Facts{}, nil, false, "first text"},
	{"issue_comment", `{"action":"deleted",` + commented("ours", `,"performed_via_github_app":{"id":4242}`) + `,…}`, store.Facts{}, wakes(onPull(3, store.Sweep)), false, ""},
	// Our own edit of our own comment, by our own account.
	{"issue_comment", `{"action":"edited",` + commented("ours", `,"performed_via_github_app":{"id":4242}`) +
		`,"installation":{"id":7},"repository":{"id":1},"sender":{"id":6}}`, store.Facts{}, nil, false, "first text"},
}

const (
	ourRun     = `"check_run":{"name":"countersign (main)","app":{"id":4242},"external_id":"%s","pull_requests":[{"number":4,"base":{"repo":{"id":1}}},{"number":5,"base":{"repo":{"id":2}}}]}`
	foreignRun = `"check_run":{"name":"Countersign (main)","app":{"id":11},"external_id":"1/3/main/x","pull_requests":[{"number":4}]}`
	groupRef   = "refs/heads/gh-readonly-queue/main/pr-3-" + shaB
)

var otherCases = []routeCase{
	{"check_run", `{"action":"rerequested",` + fmt.Sprintf(ourRun, "1/3/release/1/"+shaA) + `,…}`, store.Facts{}, wakes(onPull(3, store.Command)), false, ""},
	{"check_run", `{"action":"requested_action",` + fmt.Sprintf(ourRun, "1/3/main/"+shaA) + `,…}`, store.Facts{}, wakes(onPull(3, store.Command)), false, ""},
	{"check_run", `{"action":"requested_action",` + fmt.Sprintf(ourRun, "2/3/main/"+shaA) + `,…}`, store.Facts{}, wakes(onPull(4, store.Command)), false, ""},
	{"check_run", `{"action":"rerequested","check_run":{"app":{"id":4242},"external_id":"garbage"},…}`, store.Facts{}, wakes(onAll(store.Command)), false, ""},
	{"check_run", `{"action":"rerequested","check_run":{"app":{"id":4242},"external_id":"1/0/main/x","check_suite":{"head_branch":"gh-readonly-queue/main/pr-3-` + shaB + `"}},…}`,
		store.Facts{}, wakes(onGroup(groupRef)), false, ""},
	{"check_run", `{"action":"completed",` + fmt.Sprintf(ourRun, "1/3/main/"+shaA) + `,…}`, store.Facts{}, nil, false, "our own"},
	{"check_run", `{"action":"created",` + fmt.Sprintf(ourRun, "1/3/main/"+shaA) + `,…}`, store.Facts{}, nil, false, "our own"},
	{"check_run", `{"action":"completed",` + foreignRun + `,…}`, store.Facts{}, wakes(onPull(4, store.Review), onAll(store.Review)), false, ""},
	{"check_run", `{"action":"completed","check_run":{"name":"countersign (main)"},…}`, store.Facts{}, wakes(onAll(store.Review)), false, ""},
	{"check_run", `{"action":"completed","check_run":{"name":"build","app":{"id":11}},…}`, store.Facts{}, nil, false, "none of our"},
	{"check_suite", `{"action":"rerequested","check_suite":{"app":{"id":4242},"pull_requests":[{"number":4},{"number":6}]},…}`,
		store.Facts{}, wakes(onPull(4, store.Command), onPull(6, store.Command)), false, ""},
	{"check_suite", `{"action":"rerequested","check_suite":{"app":{"id":4242},"pull_requests":[]},…}`, store.Facts{}, wakes(onAll(store.Command)), false, ""},
	{"check_suite", `{"action":"rerequested","check_suite":{"app":{"id":11},"pull_requests":[]},…}`, store.Facts{}, nil, false, "another App"},
	{"check_suite", `{"action":"requested","check_suite":{"app":{"id":4242}},…}`, store.Facts{}, nil, false, "events of their own"},

	{"push", `{"ref":"refs/heads/main","before":"` + shaB + `","after":"` + shaA + `","forced":true,…}`, pushed(store.PushSeen{Before: shaB, Forced: true}), wakes(onAll(store.Push)), false, ""},
	{"push", `{"ref":"refs/heads/main","before":"` + zero + `","after":"` + shaA + `","created":true,…}`, pushed(store.PushSeen{Before: zero}), wakes(onAll(store.Push)), false, ""},
	{"push", `{"ref":"refs/heads/main","before":"` + shaB + `","after":"` + zero + `","deleted":true,…}`, store.Facts{}, nil, false, "deleted"},
	{"push", `{"ref":"refs/heads/main","before":"` + shaB + `","after":"` + zero + `",…}`, store.Facts{}, nil, false, "deleted"},
	{"push", `{"ref":"refs/tags/v1","after":"` + shaA + `",…}`, store.Facts{}, nil, false, "no branch"},
	// The queue's own branch: what its group's event tells must not be forestalled.
	{"push", `{"ref":"` + groupRef + `","before":"` + zero + `","after":"` + shaA + `",…}`, store.Facts{}, nil, false, "queue"},
	{"merge_group", `{"action":"checks_requested","merge_group":{"head_sha":"` + shaA + `","head_ref":"` + groupRef + `","base_sha":"` + shaB + `"},…}`,
		store.Facts{Pushes: []store.PushSeen{{Repository: 1, Ref: groupRef, After: shaA, Before: shaB, Sender: 5, At: received}}}, wakes(onGroup(groupRef)), false, ""},
	{"merge_group", `{"action":"destroyed","merge_group":{"head_sha":"` + shaA + `","head_ref":"` + groupRef + `","base_sha":"` + shaB + `"},…}`, store.Facts{}, wakes(onGroup(groupRef)), false, ""},
	{"merge_group", `{"action":"checks_requested","merge_group":null,…}`, store.Facts{}, wakes(onAll(store.MergeGroup)), false, ""},
	{"status", `{"context":"Countersign/main","state":"success",…}`, store.Facts{}, wakes(onAll(store.Review)), false, ""},
	{"status", `{"context":"ci","state":"success",…}`, store.Facts{}, nil, false, "none of our"},

	{"membership", `{"action":"removed","scope":"team","installation":{"id":7}}`, store.Facts{}, wakes(on(InstallationTarget(7), store.Review)), true, ""},
	{"team", `{"action":"edited",…}`, store.Facts{}, wakes(onAll(store.Review)), true, ""},
	{"team", `{"action":"deleted","installation":{"id":7}}`, store.Facts{}, wakes(on(InstallationTarget(7), store.Review)), true, ""},
	{"team_add", `{…}`, store.Facts{}, wakes(onAll(store.Review)), true, ""},
	{"member", `{"action":"removed",…}`, store.Facts{}, wakes(onAll(store.Review)), true, ""},
	{"organization", `{"action":"member_removed","installation":{"id":7}}`, store.Facts{}, wakes(on(InstallationTarget(7), store.Review)), true, ""},
	{"repository", `{"action":"transferred",…}`, store.Facts{}, wakes(onAll(store.Push)), true, ""},
	{"repository", `{"action":"deleted",…}`, store.Facts{}, nil, true, "nothing is left"},
	{"repository_ruleset", `{"action":"edited",…}`, store.Facts{}, wakes(onAll(store.Push)), false, ""},
	{"repository_ruleset", `{"action":"edited","installation":{"id":7}}`, store.Facts{}, wakes(on(InstallationTarget(7), store.Push)), false, ""},
	{"branch_protection_rule", `{"action":"deleted",…}`, store.Facts{}, wakes(onAll(store.Push)), false, ""},
	{"installation", `{"action":"created","installation":{"id":7}}`, store.Facts{}, wakes(on(InstallationTarget(7), store.Push)), true, ""},
	{"installation", `{"action":"suspend","installation":{"id":7}}`, store.Facts{}, nil, true, "no more"},
	{"installation_repositories", `{"action":"added","installation":{"id":7}}`, store.Facts{}, wakes(on(InstallationTarget(7), store.Push)), true, ""},

	{"ping", `{"zen":"keep it simple"}`, store.Facts{}, nil, false, "changes no check"},
	{"star", `{"action":"created",…}`, store.Facts{}, nil, false, "changes no check"},
	{"pull_request", `{"action":"opened",` + pr + `,"repository":{"id":1}}`, store.Facts{}, nil, false, "no installation"},
	{"pull_request", `{"action":"opened",` + pr + `,"installation":{"id":7}}`, store.Facts{}, nil, false, "no repository"},
	{"pull_request", `{"action":"opened",` + pr + `,"installation":{"id":"7"},"repository":{"id":1}}`, store.Facts{}, nil, false, "no installation"},
	{"pull_request", `{"action":"opened",` + pr + `,"installation":{"id":7},"repository":{"id":-1}}`, store.Facts{}, nil, false, "no repository"},
	{"pull_request", `{"action":"opened",` + pr + `,"installation":{"id":7},"repository":{"id":99999999999999999999}}`, store.Facts{}, nil, false, "no repository"},
}

func TestRoute(t *testing.T) {
	tested := map[string]bool{}
	for i, c := range slices.Concat(pullCases, otherCases) {
		tested[c.event] = true
		t.Run(fmt.Sprintf("%s %d", c.event, i), func(t *testing.T) {
			text := payloadOf(c.payload)
			if !json.Valid(text) {
				t.Fatalf("the test's own payload is no JSON: %s", text)
			}
			got, err := Route(app, c.event, text, received)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.facts, got.Facts); diff != "" {
				t.Errorf("facts (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.wakes, got.Wakes); diff != "" {
				t.Errorf("wakes (-want +got):\n%s", diff)
			}
			if got.People != c.people {
				t.Errorf("people is %t", got.People)
			}
			if (c.ignored == "") != (got.Ignored == "") || !strings.Contains(got.Ignored, c.ignored) {
				t.Errorf("ignored: %q, want %q", got.Ignored, c.ignored)
			}
		})
	}
	for name := range routes {
		if !tested[name] {
			t.Errorf("%s is routed and not tested", name)
		}
	}
}

func TestRouteRefusesWhatIsNoObject(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000)
	for _, text := range []string{"", " ", "null", "[]", "3", `"x"`, "{", `{"a":}`, "{}x", "\xff", deep, strings.Repeat("[", 1<<20)} {
		got, err := Route(app, "push", []byte(text), received)
		if err == nil || got.Ignored == "" || len(got.Wakes) > 0 {
			t.Errorf("%.20q is read as %+v", text, got)
		}
	}
}

// A check may list as many pull requests as it likes.
func TestRouteBoundsWakes(t *testing.T) {
	var list []string
	for n := range 5000 {
		list = append(list, fmt.Sprintf(`{"number":%d}`, n+1))
	}
	got, err := Route(app, "check_suite", payloadOf(`{"action":"rerequested","check_suite":{"pull_requests":[`+
		strings.Join(list, ",")+`]},…}`), received)
	if err != nil || len(got.Wakes) != many {
		t.Errorf("%d wakes, %v", len(got.Wakes), err)
	}
}

// anyJSON is a payload of the names that we know, with values of any type.
func anyJSON() *rapid.Generator[any] {
	names := []string{"action", "installation", "repository", "id", "sender", "changes", "base", "ref", "from", "number",
		"pull_request", "pull_requests", "head", "sha", "created_at", "updated_at", "pushed_at", "review", "commit_id", "state",
		"submitted_at", "user", "body", "issue", "comment", "performed_via_github_app", "check_run", "check_suite", "app",
		"external_id", "name", "head_branch", "merge_group", "head_ref", "head_sha", "base_sha", "context", "before",
		"after", "deleted", "forced", "repo"}
	leaf := rapid.OneOf(
		rapid.Custom(func(t *rapid.T) any { return rapid.Int64().Draw(t, "number") }),
		rapid.Custom(func(t *rapid.T) any {
			return rapid.SampledFrom([]any{nil, true, 1, 1.5, 1e30, "", "main", shaA, zero, groupRef, "refs/heads/main", "opened",
				"created", "submitted", "synchronize", "dismissed", "edited", "rerequested", "checks_requested", "1/3/main/x",
				"countersign (main)", "2026-03-01T11:00:00Z", "/cs hold", 4242}).Draw(t, "value")
		}))
	var value func(depth int) *rapid.Generator[any]
	value = func(depth int) *rapid.Generator[any] {
		if depth == 0 {
			return leaf
		}
		inner := value(depth - 1)
		return rapid.OneOf(leaf, inner, inner,
			rapid.Custom(func(t *rapid.T) any { return rapid.SliceOfN(inner, 0, 3).Draw(t, "list") }),
			rapid.Custom(func(t *rapid.T) any {
				return rapid.MapOfN(rapid.SampledFrom(names), inner, 0, 12).Draw(t, "object")
			}))
	}
	return rapid.Custom(func(t *rapid.T) any {
		object := rapid.MapOfN(rapid.SampledFrom(names), value(3), 0, 20).Draw(t, "payload")
		if rapid.Bool().Draw(t, "whole") {
			object["installation"], object["repository"] = map[string]any{"id": 7}, map[string]any{"id": 1}
		}
		return object
	})
}

// Whatever comes: no panic, either a reason or a wake, only ids of the payload's
// own repository, and facts that name what they are about.
func TestRouteIsTotal(t *testing.T) {
	events := append(slices.Sorted(maps.Keys(routes)), "ping", "unknown")
	rapid.Check(t, func(t *rapid.T) {
		text, err := json.Marshal(anyJSON().Draw(t, "payload"))
		if err != nil {
			t.Fatal(err)
		}
		soundRoute(t, rapid.SampledFrom(events).Draw(t, "event"), text)
	})
}

type failer interface{ Fatalf(string, ...any) }

func soundRoute(t failer, name string, text []byte) {
	got, err := Route(app, name, text, received)
	if again, _ := Route(app, name, text, received); !cmp.Equal(got, again) {
		t.Fatalf("two answers: %+v and %+v", got, again)
	}
	if (got.Ignored == "") == (len(got.Wakes) == 0) || err != nil && got.Ignored == "" {
		t.Fatalf("neither ignored nor woken, or both: %+v, %v", got, err)
	}
	for _, w := range got.Wakes {
		whole := w.Target == InstallationTarget(got.Installation)
		if w.Installation != got.Installation || w.Installation <= 0 || w.Pull < 0 ||
			!whole && (w.Repository != got.Repository || w.Repository <= 0) || w.Priority < store.MergeGroup || w.Priority > store.Sweep {
			t.Fatalf("a wake that makes no sense: %+v", w)
		}
	}
	for _, r := range got.Facts.Reviews {
		if r.Repository != got.Repository || r.ID <= 0 || r.Pull <= 0 || !isCommit(r.Commit) {
			t.Fatalf("a review that makes no sense: %+v", r)
		}
	}
	for _, h := range got.Facts.Heads {
		if h.Repository != got.Repository || h.Pull <= 0 || !isCommit(h.SHA) || h.At.IsZero() {
			t.Fatalf("a head that makes no sense: %+v", h)
		}
	}
	for _, p := range got.Facts.Pushes {
		if p.Repository != got.Repository || !isCommit(p.After) || p.At.IsZero() {
			t.Fatalf("a push that makes no sense: %+v", p)
		}
	}
}

func FuzzRoute(f *testing.F) {
	for _, c := range slices.Concat(pullCases, otherCases) {
		f.Add(c.event, payloadOf(c.payload))
	}
	f.Fuzz(func(t *testing.T, name string, text []byte) { soundRoute(t, name, text) })
}
