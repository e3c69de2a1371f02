package publish

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/report"
	"github.com/countersign-dev/countersign/server/github"
)

const (
	// mostAnnotations bounds the remarks of a check: who has more reads the report.
	mostAnnotations = 200
	mostRemark      = 1500
)

// annotate makes remarks of the findings that the change brought and that block
// or warn, the worst first, and counts those that have a place but no room.
func annotate(a policy.Assessment) (remarks []github.Annotation, more int) {
	findings := slices.DeleteFunc(slices.Clone(a.Findings), func(f policy.Finding) bool {
		brought := f.State == policy.New || f.State == policy.Worsened
		return !brought || f.Waiver != nil || f.Effect != engine.Block && f.Effect != engine.Warn ||
			f.Source.Line < 1 || !nameable(f.Source.File)
	})
	slices.SortStableFunc(findings, func(x, y policy.Finding) int {
		return cmp.Or(cmp.Compare(level(y), level(x)), y.Severity.Rank()-x.Severity.Rank(),
			cmp.Compare(x.Source.File, y.Source.File), cmp.Compare(x.Source.Line, y.Source.Line),
			cmp.Compare(x.Rule, y.Rule))
	})
	seen := map[github.Annotation]bool{}
	for _, f := range findings {
		remark := github.Annotation{Path: f.Source.File, Start: f.Source.Line, End: f.Source.Line, Level: "warning",
			Title:   report.Plain(string(f.Rule)+": "+f.Title, mostTitle),
			Message: report.Plain(words(f), mostRemark)}
		if f.Effect == engine.Block {
			remark.Level = "failure"
		}
		switch {
		case seen[remark]:
		case len(remarks) == mostAnnotations:
			more++
		default:
			remarks = append(remarks, remark)
		}
		seen[remark] = true
	}
	return remarks, more
}

func level(f policy.Finding) int {
	if f.Effect == engine.Block {
		return 1
	}
	return 0
}

func words(f policy.Finding) string {
	text := cmp.Or(strings.TrimSpace(f.Message), f.Title, string(f.Rule))
	if f.Remediation != "" {
		text += ". To fix it: " + f.Remediation
	}
	return text
}

// nameable reports whether GitHub can be told of a file by its name.
func nameable(file string) bool {
	return file != "" && utf8.ValidString(file) && !strings.ContainsFunc(file, unicode.IsControl)
}

// marks are short names of remarks, to remember which were sent.
func marks(remarks []github.Annotation) []string {
	list := make([]string, 0, len(remarks))
	for _, remark := range remarks {
		list = append(list, digest(remark)[:16])
	}
	return list
}

// digest names a value's content.
func digest(value any) string {
	text, err := json.Marshal(value)
	if err != nil {
		panic("publish: values of our own are always JSON: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}
