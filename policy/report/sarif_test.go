package report

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
)

func sarifOf(t *testing.T, r Report) sarifRun {
	t.Helper()
	text, err := r.SARIF()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "null") {
		t.Errorf("null in %.2000s", text)
	}
	var log sarifLog
	if err := json.Unmarshal(text, &log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || len(log.Runs) != 1 {
		t.Fatalf("version %q, %d runs", log.Version, len(log.Runs))
	}
	return log.Runs[0]
}

// What code scanning demands of a run holds for every report.
func TestSARIFIsWhatCodeScanningReads(t *testing.T) {
	for name, r := range fixtures() {
		run := sarifOf(t, r)
		if run.Invocations[0].Successful == (r.verdict.State == policy.StateError) {
			t.Errorf("%s: state %s, successful %v", name, r.verdict.State, run.Invocations[0].Successful)
		}
		if r.verdict.State == policy.StateError && len(run.Invocations[0].Notifications) == 0 {
			t.Errorf("%s: an error without a notification", name)
		}
		for i, rule := range run.Tool.Driver.Rules {
			if i > 0 && run.Tool.Driver.Rules[i-1].ID >= rule.ID {
				t.Errorf("%s: rules are not sorted", name)
			}
			if rule.Short.Text == "" || rule.Full.Text == "" || rule.Help.Text == "" || rule.Properties["security-severity"] == "" {
				t.Errorf("%s: %s lacks words", name, rule.ID)
			}
			if found := active(rule.Help.Markdown); len(found) > 0 {
				t.Errorf("%s: help of %s is active: %q", name, rule.ID, found)
			}
		}
		for _, result := range run.Results {
			if run.Tool.Driver.Rules[result.Index].ID != result.Rule {
				t.Errorf("%s: index %d is not %s", name, result.Index, result.Rule)
			}
			at := result.Locations[0].Physical
			parsed, err := url.Parse(at.Artifact.URI)
			if err != nil || parsed.IsAbs() || parsed.Host != "" || strings.HasPrefix(parsed.Path, "/") || at.Artifact.Base != "%SRCROOT%" {
				t.Errorf("%s: uri %q: %v", name, at.Artifact.URI, err)
			}
			if line, ok := at.Region["startLine"]; ok && line < 1 {
				t.Errorf("%s: line %d", name, line)
			}
			if result.Message.Text == "" || strings.Contains(result.Message.Text, "](") || result.Fingerprints["countersign/v1"] == "" {
				t.Errorf("%s: result %+v", name, result)
			}
		}
	}
}

func TestSARIFStates(t *testing.T) {
	run := sarifOf(t, New(violation(), policy.Decide(violation(), policy.PullRequest{}), false))
	got := map[string]string{}
	suppressed := 0
	for _, result := range run.Results {
		got[fmt.Sprint(result.Rule, result.Locations[0].Physical.Region["startLine"])] = result.Level + " " + result.Baseline
		suppressed += len(result.Suppressions)
	}
	want := map[string]string{"CS-SSH-00131": "error new", "CS-AUD-00540": "error updated", "CS-GEN-0033": "warning new",
		"CS-SSH-00199": "error unchanged", "CS-SSH-00555": "error new"}
	if fmt.Sprint(got) != fmt.Sprint(want) || suppressed != 1 {
		t.Errorf("got %v, want %v; %d suppressed", got, want, suppressed)
	}
}

// What blocks comes first, and a cut is said.
func TestSARIFLimit(t *testing.T) {
	a := quiet()
	for i := range maxResults + 500 {
		effect := engine.Info
		if i >= maxResults {
			effect = engine.Block
		}
		a.Findings = append(a.Findings, finding("CS-SSH-001", policy.New, effect, i+1))
	}
	run := sarifOf(t, New(a, policy.Decide(a, policy.PullRequest{}), false))
	blocking := 0
	for _, result := range run.Results[:500] {
		if result.Level == "error" {
			blocking++
		}
	}
	if len(run.Results) != maxResults || blocking != 500 {
		t.Errorf("%d results, %d of the first 500 block", len(run.Results), blocking)
	}
	if text := run.Invocations[0].Notifications[0].Message.Text; !strings.HasPrefix(text, "500 results are left out") {
		t.Errorf("the cut says %q", text)
	}
}

func TestURI(t *testing.T) {
	for file, want := range map[string]string{
		"clusters/eu-1/a.yaml": "clusters/eu-1/a.yaml", "a b/c%d#e?f.yaml": "a%20b/c%25d%23e%3Ff.yaml", "c:/x": "c%3A/x", "": ".",
		"../../etc/passwd": "etc/passwd", "a\nb\\c": "a%0Ab%5Cc", "//evil.example/x": "evil.example/x", "\xff": "%FF",
	} {
		if got := uri(file); got != want {
			t.Errorf("uri(%q) = %q, want %q", file, got, want)
		}
	}
	at := sarifPlace(render.Source{}, []string{"clusters/eu-1"})
	if at.Physical.Artifact.URI != "clusters/eu-1" || at.Physical.Region != nil {
		t.Errorf("a finding without a file is at %+v", at)
	}
}
