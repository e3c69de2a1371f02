package server_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// story is one entry of a file of stories.
type story struct {
	ID          string          `json:"id"`
	Description string          `json:"description"`
	Config      storyConfig     `json:"config"`
	Events      []storyEvent    `json:"events"`
	Expected    storyExpected   `json:"expected"`
	Source      json.RawMessage `json:"source"`
}

// storyConfig is who is who, and what the repository's settings say.
type storyConfig struct {
	Required      int           `json:"required_approvals"`
	Teams         []string      `json:"approver_teams"`
	Users         []string      `json:"approver_users"`
	MinPermission string        `json:"approver_min_permission"`
	Exclude       []string      `json:"exclude"`
	ExemptUsers   []string      `json:"exempt_commit_users"`
	NotPeople     []string      `json:"not_people"`
	HoldMin       string        `json:"hold_min_permission"`
	Override      *storyPassage `json:"override"`
	RequiredCheck *storyCheck   `json:"required_check"`
	Directory     []storyPerson `json:"directory"`
	// What the product does whatever a repository says; see fixed.
	BindTo           []string        `json:"bind_to"`
	Methods          map[string]bool `json:"methods"`
	ChangesRequested string          `json:"changes_requested_blocks"`
	Unattributed     string          `json:"unattributed_commits"`
	CleanMerge       *bool           `json:"clean_update_merge_is_neutral"`
	PolicySource     string          `json:"policy_source"`
}

type storyPassage struct {
	Team           string `json:"team"`
	Required       int    `json:"required"`
	ReasonRequired bool   `json:"reason_required"`
	Window         string `json:"window"`
}

type storyCheck struct {
	Name        string `json:"name"`
	App         int64  `json:"app_id"`
	Context     string `json:"context"`
	Integration int64  `json:"integration_id"`
}

type storyPerson struct {
	Login        string            `json:"login"`
	ID           int64             `json:"id"`
	Type         string            `json:"type"`
	Permission   string            `json:"permission"`
	RoleName     string            `json:"role_name"`
	Teams        []string          `json:"teams"`
	PendingTeams []string          `json:"pending_teams"`
	TeamParents  map[string]string `json:"team_parents"`
	Emails       []string          `json:"emails"`
	OrgMember    *bool             `json:"org_member"`
}

// name is what a story calls a review or a comment: a text or a number.
type name string

func (n *name) UnmarshalJSON(text []byte) error {
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return err
	}
	switch value := value.(type) {
	case string:
		*n = name(value)
	case float64:
		*n = name(strconv.FormatFloat(value, 'f', -1, 64))
	case nil:
	default:
		return fmt.Errorf("%s is no name", text)
	}
	return nil
}

// storyEvent is one thing that happens, with the fields of all kinds of events.
type storyEvent struct {
	Type  string    `json:"type"`
	Actor string    `json:"actor"`
	At    time.Time `json:"at"`
	PR    int       `json:"pr"`
	// The transport of its webhooks.
	Delivered   *bool     `json:"delivered"`
	DeliveredAt time.Time `json:"delivered_at"`
	Deliveries  int       `json:"deliveries"`
	// Commits and what they hold.
	Head         string          `json:"head_sha"`
	Before       string          `json:"before"`
	BaseSHA      string          `json:"base_sha"`
	BaseRef      string          `json:"base_ref"`
	From         string          `json:"from"`
	To           string          `json:"to"`
	Ref          string          `json:"ref"`
	SHA          string          `json:"sha"`
	Commits      []storyCommit   `json:"commits"`
	BaseCommits  []storyCommit   `json:"base_commits"`
	Digest       json.RawMessage `json:"privileged_digest"`
	DigestUnion  *bool           `json:"digest_is_union"`
	TotalCommits int             `json:"total_commits"`
	Committed    time.Time       `json:"committer_date"`
	PolicyInHead *storyPolicy    `json:"policy_change_in_head"`
	Draft        *bool           `json:"draft"`
	Fork         bool            `json:"fork"`
	Forced       bool            `json:"forced"`
	Merged       bool            `json:"merged"`
	Initiator    string          `json:"initiator"`
	// Reviews, comments, labels.
	Review  name          `json:"review_id"`
	Comment name          `json:"comment_id"`
	State   string        `json:"state"`
	Commit  string        `json:"commit_id"`
	Body    string        `json:"body"`
	Label   string        `json:"label"`
	ActorID int64         `json:"actor_id"`
	Reviews []storyReview `json:"reviews"`
	// People.
	UserID     int64  `json:"user_id"`
	User       string `json:"user"`
	NewLogin   string `json:"new_login"`
	Team       string `json:"team"`
	Permission string `json:"permission"`
	// Policy and rules.
	Required       *int         `json:"required_approvals"`
	Raw            *string      `json:"raw"`
	RequiredChecks []storyCheck `json:"required_status_checks"`
	// Checks, statuses, groups.
	Context    string `json:"context"`
	Identifier string `json:"identifier"`
	Pulls      []any  `json:"pull_requests"`
	PRs        []int  `json:"prs"`
	Resolve    string `json:"resolve"`
	// The server and GitHub's moods.
	After       string `json:"after"`
	Endpoint    string `json:"endpoint"`
	Status      name   `json:"status"`
	RetryAfter  int    `json:"retry_after"`
	BasedOnHead string `json:"based_on_head"`
	Event       string `json:"event"`
	Count       int    `json:"count"`
	// present are the keys that were given.
	present map[string]bool
}

func (e *storyEvent) UnmarshalJSON(text []byte) error {
	type plain storyEvent
	if err := strict(text, (*plain)(e)); err != nil {
		return err
	}
	var keys map[string]json.RawMessage
	if err := json.Unmarshal(text, &keys); err != nil {
		return err
	}
	e.present = map[string]bool{}
	for key := range keys {
		e.present[key] = true
	}
	return nil
}

// label is the state of the privileged change after the event: "" for none.
// given says that the event names one.
func (e *storyEvent) label() (label string, given bool) {
	if len(e.Digest) == 0 {
		return "", false
	}
	if string(e.Digest) == "null" {
		return "", true
	}
	return strings.Trim(string(e.Digest), `"`), true
}

// line is the event for people.
func (e *storyEvent) line() string {
	text, err := json.Marshal(e)
	if err != nil {
		return err.Error()
	}
	var all map[string]any
	if err := json.Unmarshal(text, &all); err != nil {
		return err.Error()
	}
	out := e.At.Format("15:04:05") + " " + e.Type
	if e.Actor != "" {
		out += " by " + e.Actor
	}
	for _, key := range slices.Sorted(func(yield func(string) bool) {
		for key := range e.present {
			if !yield(key) {
				return
			}
		}
	}) {
		if value := all[key]; !slices.Contains([]string{"type", "actor", "at"}, key) && value != nil && value != false && value != "" {
			short, _ := json.Marshal(value)
			out += " " + key + "=" + string(short)
		}
	}
	return out
}

type storyCommit struct {
	SHA            string    `json:"sha"`
	Parents        []string  `json:"parents"`
	Author         *string   `json:"author"`
	Committer      *string   `json:"committer"`
	AuthorEmail    string    `json:"author_email"`
	CommitterEmail string    `json:"committer_email"`
	AuthorName     string    `json:"author_name"`
	CommitterName  string    `json:"committer_name"`
	CoAuthors      []string  `json:"co_authors"`
	ViaWeb         bool      `json:"via_web"`
	Verified       bool      `json:"verified"`
	AutoMerge      *bool     `json:"tree_equals_auto_merge"`
	Committed      time.Time `json:"committer_date"`
	Authored       time.Time `json:"author_date"`
	Message        string    `json:"message"`
}

type storyReview struct {
	Review name   `json:"review_id"`
	Actor  string `json:"actor"`
	State  string `json:"state"`
	Commit string `json:"commit_id"`
	Body   string `json:"body"`
}

type storyPolicy struct {
	Required *int     `json:"required_approvals"`
	Teams    []string `json:"approver_teams"`
	Users    []string `json:"approver_users"`
	Raw      *string  `json:"raw"`
}

// storyExpected is what must hold at the end. What is not given is not checked.
type storyExpected struct {
	Status       string            `json:"status"`
	Approvers    *[]string         `json:"approvers"`
	Ignored      map[string]string `json:"ignored"`
	Missing      *int              `json:"missing"`
	BlockedBy    *[]string         `json:"blocked_by"`
	Audit        []string          `json:"audit"`
	CheckOnSHA   json.RawMessage   `json:"check_on_sha"`
	Override     json.RawMessage   `json:"override"`
	PR           int               `json:"pr"`
	OtherPRs     map[string]string `json:"other_prs"`
	MustNotBe    texts             `json:"conclusion_must_not_be"`
	PostedTimes  *int              `json:"posted_times"`
	PostedByView *int              `json:"posted_by_view"`
	Retry        *bool             `json:"retry"`
	AuditRows    *int              `json:"audit_rows_for_review"`
}

// texts is one text or a list of them.
type texts []string

func (t *texts) UnmarshalJSON(text []byte) error {
	if !bytes.HasPrefix(text, []byte("[")) {
		text = slices.Concat([]byte("["), text, []byte("]"))
	}
	return json.Unmarshal(text, (*[]string)(t))
}

// strict decodes JSON whose keys are all known.
func strict(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	return decoder.Decode(into)
}

// cast are the people of stories that name none.
var cast = []storyPerson{
	{Login: "alice", ID: 101, Permission: "write", Teams: []string{"acme/cluster-approvers"}},
	{Login: "bob", ID: 102, Permission: "write", Teams: []string{"acme/cluster-approvers"}},
	{Login: "carol", ID: 103, Permission: "write", Teams: []string{"acme/cluster-approvers"}},
	{Login: "dave", ID: 104, Permission: "write", Teams: []string{"acme/cluster-approvers", "acme/break-glass"}},
	{Login: "erin", ID: 105, Permission: "admin", Teams: []string{"acme/break-glass"}},
	{Login: "mallory", ID: 106, Permission: "write"},
	{Login: "zed", ID: 107, Permission: "read"},
	{Login: "renovate[bot]", ID: 201, Permission: "write"},
	{Login: "copilot-swe-agent[bot]", ID: 203, Permission: "write"},
}

// complete fills in what a story says nothing about.
func (c *storyConfig) complete() {
	if len(c.Directory) == 0 {
		c.Directory = cast
	}
	if c.Required == 0 {
		c.Required, c.Teams = 2, []string{"acme/cluster-approvers"}
		c.Override = &storyPassage{Team: "acme/break-glass"}
	}
	if c.RequiredCheck == nil {
		c.RequiredCheck = &storyCheck{Name: "countersign (main)", App: 4242}
	}
}

// fixed says what a story asks for that no setting can give; "" when nothing.
func (c *storyConfig) fixed() string {
	switch {
	case c.BindTo != nil && !slices.Equal(c.BindTo, []string{"pull_request", "base_ref", "privileged_digest"}):
		return fmt.Sprintf("approvals bound to %v", c.BindTo)
	case c.ChangesRequested != "" && c.ChangesRequested != "eligible_approvers":
		return "changes requested that block as " + c.ChangesRequested
	case c.Unattributed != "" && c.Unattributed != "block":
		return "unattributed commits: " + c.Unattributed
	case c.CleanMerge != nil && !*c.CleanMerge:
		return "updates of the branch that are not neutral"
	case c.PolicySource != "" && c.PolicySource != "base_branch":
		return "a policy from " + c.PolicySource
	case c.Override != nil && c.Override.Required != 0 && c.Override.Required != 2:
		return fmt.Sprintf("an override by %d", c.Override.Required)
	}
	return ""
}

// told is a story as it was read; err is why it cannot be played.
type told struct {
	story
	err error
}

// hasEvents reports whether an element of a list means to be a story.
func hasEvents(one json.RawMessage) bool {
	var keys map[string]json.RawMessage
	return json.Unmarshal(one, &keys) == nil && keys["events"] != nil
}

// readStories reads the stories of a file, or of all *.json of a folder. One
// that cannot be read is kept with its error; a file of something else, which
// may lie beside them, is passed over.
func readStories(t *testing.T, place string) []told {
	t.Helper()
	files := []string{place}
	if stat := must(os.Stat(place))(t); stat.IsDir() {
		files = must(filepath.Glob(filepath.Join(place, "*.json")))(t)
	}
	var all []told
	for _, file := range files {
		var list []json.RawMessage
		text := must(os.ReadFile(file))(t)
		err := json.Unmarshal(text, &list)
		if err != nil && json.Valid(text) || err == nil && !slices.ContainsFunc(list, hasEvents) {
			t.Logf("%s is no list of stories: passed over", file)
			continue
		}
		if err != nil {
			t.Errorf("%s cannot be read: %v", file, err)
			continue
		}
		for n, one := range list {
			var s told
			if s.err = strict(one, &s.story); s.err != nil {
				var named struct{ ID, Description string }
				_ = json.Unmarshal(one, &named) // the first error says it
				s.story = story{ID: named.ID, Description: named.Description}
			}
			if s.ID == "" {
				s.ID = fmt.Sprintf("%s-%d", strings.TrimSuffix(filepath.Base(file), ".json"), n)
			}
			all = append(all, s)
		}
	}
	return all
}
