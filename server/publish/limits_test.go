package publish

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/server/github"
)

// The report is never cut for the notices; they are cut for it, whole, and
// counted.
func TestNoticesGiveWay(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := strings.Repeat("ü", rapid.IntRange(0, mostBytes/2).Draw(t, "body"))
		var notices []string
		for i := range rapid.IntRange(0, 6).Draw(t, "notices") {
			notices = append(notices, fmt.Sprintf("notice %d %s.", i, strings.Repeat("é", rapid.IntRange(0, 20000).Draw(t, "size"))))
		}
		unmarked := rapid.SampledFrom([]int{0, 17}).Draw(t, "unmarked")
		text := below(body, notices, unmarked)
		if len(text) > mostBytes || !utf8.ValidString(text) || !strings.HasPrefix(text, body) {
			t.Fatalf("%d bytes, whole runes: %t, report whole: %t", len(text), utf8.ValidString(text), strings.HasPrefix(text, body))
		}
		shown := 0
		for _, n := range notices {
			if strings.Contains(text, n) {
				shown++
			}
		}
		if mostBytes-len(body) > 400 && shown < len(notices) && !strings.Contains(text, fmt.Sprintf("%d of these notices are cut", len(notices)-shown)) {
			t.Fatalf("%d of %d notices are shown and the rest is not counted", shown, len(notices))
		}
		if mostBytes-len(body) > 400 && unmarked > 0 && !strings.Contains(text, "17 more findings") {
			t.Fatal("findings without a remark are not counted")
		}
	})
}

func TestSummaryIsNeverTooLong(t *testing.T) {
	long := strings.Repeat("x", mostBytes-10)
	if got := ahead("words", long); len(got) > mostBytes || !strings.HasSuffix(got, long) {
		t.Errorf("%d bytes", len(got))
	}
	if got := ahead("more words than fit", long); got != long {
		t.Errorf("the summary was cut to %d bytes", len(got))
	}
}

func TestRemarks(t *testing.T) {
	at := func(file string, line int, effect engine.Effect, state policy.State) policy.Finding {
		return policy.Finding{Rule: "CS-SSH-001", Title: "No key", Severity: engine.Critical, Effect: effect, State: state,
			Message: "m\u202e\x1b[2J", Source: render.Source{File: file, Line: line}, Fingerprint: "f"}
	}
	waived := at("waived.yaml", 1, engine.Block, policy.New)
	waived.Waiver = &policy.Waiver{}
	high := at("high.yaml", 1, engine.Block, policy.Worsened)
	high.Severity = engine.High
	a := policy.Assessment{Findings: []policy.Finding{
		at("warn.yaml", 1, engine.Warn, policy.New), high, at("block.yaml", 2, engine.Block, policy.New),
		at("block.yaml", 2, engine.Block, policy.New), // the same again
		at("existing.yaml", 1, engine.Block, policy.Existing), at("fixed.yaml", 1, engine.Block, policy.Fixed),
		at("info.yaml", 1, engine.Info, policy.New), at("noline.yaml", 0, engine.Block, policy.New),
		at("", 3, engine.Block, policy.New), at("bad\xff.yaml", 3, engine.Block, policy.New),
		at("bad\n.yaml", 3, engine.Block, policy.New), waived}}
	remarks, more := annotate(a)
	var got []string
	for _, r := range remarks {
		got = append(got, fmt.Sprintf("%s:%d %s", r.Path, r.Start, r.Level))
		if strings.ContainsAny(r.Message, "\u202e\x1b") {
			t.Errorf("%q holds what cannot be seen", r.Message)
		}
	}
	if want := "[block.yaml:2 failure high.yaml:1 failure warn.yaml:1 warning]"; fmt.Sprint(got) != want || more != 0 {
		t.Errorf("remarks %v, more %d, want %s", got, more, want)
	}
	a.Findings = nil
	for i := range 250 {
		a.Findings = append(a.Findings, at("warn.yaml", i+1, engine.Warn, policy.New), at("block.yaml", i+1, engine.Block, policy.New))
	}
	remarks, more = annotate(a)
	if len(remarks) != mostAnnotations || more != 300 {
		t.Errorf("%d remarks and %d more", len(remarks), more)
	}
	for _, r := range remarks {
		if r.Level != "failure" {
			t.Fatal("a warning took the place of what blocks")
		}
	}
}

func TestSeal(t *testing.T) {
	key := []byte("key")
	body := sealed(key, "comment/1/2", "text\nmore\n")
	for _, same := range []string{body, strings.ReplaceAll(body, "\n", "\r\n"), strings.TrimSpace(body), body + "\n\n"} {
		if !intact(key, "comment/1/2", same) {
			t.Errorf("%q is ours", same)
		}
	}
	for _, other := range []string{"", "x" + body, body + "x", strings.Replace(body, "more", "less", 1), sealMark,
		strings.TrimPrefix(body, sealMark)} {
		if intact(key, "comment/1/2", other) {
			t.Errorf("%q is not ours", other)
		}
	}
	if intact(key, "comment/1/3", body) || intact([]byte("other"), "comment/1/2", body) {
		t.Error("the seal of another pull request or key passes")
	}
}

func TestMarksTellRemarksApart(t *testing.T) {
	a := github.Annotation{Path: "a", Start: 1, End: 1, Level: "warning", Message: "m"}
	b := a
	b.Start = 2
	if m := marks([]github.Annotation{a, b, a}); m[0] == m[1] || m[0] != m[2] {
		t.Error(m)
	}
}
