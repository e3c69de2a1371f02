package webhook

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"
)

// payload is what we read of payloads of all events. A field that is missing,
// null or of another type is its zero value: what follows from it does not
// happen, and the rest does.
type payload struct {
	Action       string
	Installation identified
	Repository   *struct {
		ID       int64
		PushedAt moment `json:"pushed_at"`
	}
	Sender  identified
	Changes struct {
		Base *struct{ Ref struct{ From string } }
	}

	Number      int64
	PullRequest pull `json:"pull_request"`
	Review      review
	Issue       struct {
		Number      int64
		PullRequest *struct{} `json:"pull_request"`
	}
	Comment    comment
	CheckRun   checkRun   `json:"check_run"`
	CheckSuite checkSuite `json:"check_suite"`
	MergeGroup mergeGroup `json:"merge_group"`
	Context    string     // of a status

	Ref, Before, After string // of a push; before and after of a synchronize, too
	Deleted, Forced    bool
}

type identified struct{ ID int64 }

type pull struct {
	Number  int64
	Head    struct{ SHA string }
	Base    struct{ Ref string }
	Created moment `json:"created_at"`
	Updated moment `json:"updated_at"`
}

type review struct {
	ID        int64
	User      identified
	Body      string
	State     string
	Commit    string `json:"commit_id"`
	Submitted moment `json:"submitted_at"`
}

type comment struct {
	ID   int64
	User struct {
		ID   int64
		Type string
	}
	App     identified `json:"performed_via_github_app"`
	Body    string
	Created moment `json:"created_at"`
	Updated moment `json:"updated_at"`
}

type checkRun struct {
	Name       string
	ExternalID string `json:"external_id"`
	App        identified
	Suite      checkSuite   `json:"check_suite"`
	Pulls      []listedPull `json:"pull_requests"`
}

type checkSuite struct {
	App        identified
	HeadBranch string       `json:"head_branch"`
	Pulls      []listedPull `json:"pull_requests"`
}

// listedPull is a pull request as checks list them; its base may lie in
// another repository.
type listedPull struct {
	Number int64
	Base   struct{ Repo identified }
}

type mergeGroup struct {
	HeadSHA string `json:"head_sha"`
	HeadRef string `json:"head_ref"`
	BaseSHA string `json:"base_sha"`
}

// moment is a time as GitHub writes it: RFC 3339 or, in pushes, seconds.
// Anything else is no time.
type moment struct{ time.Time }

// UnmarshalJSON never fails: what is no time is zero.
func (m *moment) UnmarshalJSON(text []byte) error {
	m.Time = time.Time{}
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		return nil // a number too large for float64
	}
	switch value := value.(type) {
	case string:
		if parsed, err := time.Parse(time.RFC3339, value); err == nil {
			m.Time = parsed.UTC()
		}
	case float64:
		if value > 0 && value < math.MaxUint32 && value == math.Trunc(value) {
			m.Time = time.Unix(int64(value), 0).UTC()
		}
	}
	return nil
}

var errNoObject = errors.New("the payload is no JSON object")

// decode reads a payload; an error says that it is no JSON object, and holds
// nothing of its text.
func decode(text []byte) (payload, error) {
	var p payload
	if !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("{")) {
		return payload{}, errNoObject
	}
	err := json.Unmarshal(text, &p)
	var mistyped *json.UnmarshalTypeError
	if err != nil && !errors.As(err, &mistyped) {
		return payload{}, err
	}
	return p, nil
}

// isCommit reports whether a text is a full SHA-1 or SHA-256, and not the zeros
// that stand for none.
func isCommit(sha string) bool {
	hex := strings.Trim(sha, "0123456789abcdef") == ""
	return hex && (len(sha) == 40 || len(sha) == 64) && strings.Trim(sha, "0") != ""
}
