package report

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/policy"
)

type source struct {
	File string `json:"file"`
	Line int    `json:"line"`
}

type object struct {
	Group, Version, Kind, Namespace, Name string
}

type problem struct {
	Code, Root, Rule, Cause, Message, Remedy string
	Source                                   source
}

type revision struct{ Rev, Commit, Tree string }

type reason struct{ Rule, Severity, Message string }

// contract mirrors what is promised to those who read the JSON: a name that
// goes or changes its shape breaks them and this.
type contract struct {
	Schema string
	Engine struct {
		Version, Renderer, Rules, Config string
		KeyID                            string `json:"key_id"`
	}
	Base       *revision
	Head       revision
	MergedTree string `json:"merged_tree"`
	Roots      []struct {
		Path, Destination, Side, Status string
		Error                           *problem
		Objects                         int
	}
	Unaffected int
	Changes    []struct {
		Action      string
		RenamedFrom *object `json:"renamed_from"`
		Object      object
		Destination string
		From        string
		Cluster     string
		Clusters    []string
		Roots       []string
		Fields      []struct {
			Path          string
			Before, After any
			Source        source
		}
		Privileged        bool
		Reasons, Harmless []reason
		Source            source
	}
	Findings []struct {
		Rule, Title, Severity, Effect, State, Confidence string
		Object                                           object
		Destination, Cluster                             string
		Clusters                                         []string
		Path, Field, Message, Remediation, Guideline     string
		Source                                           source
		Related                                          []object
		Roots                                            []string
		Waiver                                           *struct{ File, Expires string }
		Fingerprint                                      string
	}
	Rules []struct {
		ID, Outcome string
		Findings    int
	}
	Privileged struct {
		Needed   int
		Digest   string
		Clusters []string
		Entries  []struct{ Kind, Name, Digest string }
	}
	Approvals struct {
		Status   string
		Required int
		Counted  []struct {
			ID    int64
			Login string
		}
		Ignored []struct {
			ID            int64
			Login, Reason string
		}
		Missing   int
		BlockedBy []string `json:"blocked_by"`
		Audit     []string
		Override  *struct {
			By          []string
			Reason      string
			RequestedBy []string `json:"requested_by"`
			Required    int
		}
		MayApprove []string `json:"may_approve"`
	}
	Verdict struct {
		State, Title string
		Observing    bool
		ChangesAt    string `json:"changes_at"`
	}
	Problems []problem
	Notices  []problem
	Preview  []string
	Facts    []string
}

// nullable are the keys that may be null, by the contract.
var nullable = []string{"base", "error", "renamed_from", "before", "after", "waiver", "override"}

func TestJSONKeepsTheContract(t *testing.T) {
	reports := fixtures()
	reports["zero"] = New(policy.Assessment{Changes: make([]policy.Change, 1), Findings: make([]policy.Finding, 1)}, policy.Verdict{}, false)
	for name, r := range reports {
		text, err := r.JSON()
		if err != nil {
			t.Fatal(err)
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.DisallowUnknownFields()
		var got contract
		if err := decoder.Decode(&got); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var loose any
		if err := json.Unmarshal(text, &loose); err != nil {
			t.Fatal(err)
		}
		noNulls(t, name, "", loose)
		invariants(t, name, got, r)
	}
}

func noNulls(t *testing.T, name, key string, value any) {
	t.Helper()
	switch value := value.(type) {
	case nil:
		if !slices.Contains(nullable, key) {
			t.Errorf("%s: %q is null", name, key)
		}
	case map[string]any:
		for k, v := range value {
			if key != "before" && key != "after" {
				noNulls(t, name, k, v)
			}
		}
	case []any:
		for _, v := range value {
			noNulls(t, name, key+"[]", v)
		}
	}
}

func invariants(t *testing.T, name string, got contract, r Report) {
	t.Helper()
	demand := func(ok bool, what string) {
		t.Helper()
		if !ok {
			t.Errorf("%s: %s", name, what)
		}
	}
	a := r.assessment
	demand(got.Schema == "countersign.dev/review/v1", "schema")
	demand((got.Base == nil) == a.Audit, "base is null in an audit, and only there")
	demand(len(got.Changes) == len(a.Changes) && len(got.Findings) == len(a.Findings) && len(got.Roots) == len(a.Roots),
		"everything that was judged is there")
	demand(got.Privileged.Needed > 0 || len(a.Entries) == 0 || got.Approvals.Required == 0, "how many are needed")
	demand(len(a.Entries) > 0 || got.Privileged.Needed == 0, "nobody is needed for nothing")
	demand(got.Verdict.Observing == r.verdict.Observing && got.Verdict.State == r.verdict.State, "the verdict")
}

// Values survive the escaping of what cannot be seen.
func TestJSONEscapesButKeeps(t *testing.T) {
	for _, text := range evil {
		r := New(policy.Assessment{Preview: []string{text}}, policy.Verdict{}, false)
		out, err := r.JSON()
		if err != nil {
			t.Fatal(err)
		}
		if c := unseen(string(out)); c != 0 {
			t.Errorf("%q leaves %U", text, c)
		}
		var got contract
		if err := json.Unmarshal(out, &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(strings.ToValidUTF8(text, "\ufffd"), strings.ReplaceAll(got.Preview[0], "\ufffd\ufffd\ufffd", "\ufffd\ufffd")); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}
