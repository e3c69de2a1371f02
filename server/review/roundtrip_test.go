package review_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/report"
	"github.com/countersign-dev/countersign/render/git"
	"github.com/countersign-dev/countersign/server/review"
)

// folders writes a case's two trees to disk.
func folders(t *testing.T, file string) (base, head *git.Dir) {
	t.Helper()
	archive := must(txtar.ParseFile(file))(t)
	open := func(side string) *git.Dir {
		dir := t.TempDir()
		for _, f := range archive.Files {
			name, ok := strings.CutPrefix(f.Name, side+"/")
			if !ok {
				continue
			}
			path := filepath.Join(dir, filepath.FromSlash(name))
			check(t, os.MkdirAll(filepath.Dir(path), 0o755))
			check(t, os.WriteFile(path, f.Data, 0o644))
		}
		opened := must(git.Folder(dir, git.Options{}))(t)
		t.Cleanup(func() { check(t, opened.Close()) })
		return opened
	}
	return open("base"), open("head")
}

// What the store gives back says and decides the same as what was made, for
// every case there is.
func TestKeptAssessmentsAreTheSame(t *testing.T) {
	startPool(t)
	files := must(filepath.Glob("../../testdata/cases/*.txtar"))(t)
	if len(files) < 20 {
		t.Fatalf("%d cases", len(files))
	}
	assessor := &policy.Assessor{Builder: pool.Pool, Rules: pool.rules, Version: "test", Renderer: "test", KeyID: "test"}
	people := policy.PullRequest{Given: true, Repository: 1, Number: 1, Base: "main", Head: "c1",
		Author: &policy.User{ID: 1, Login: "alice", Type: "User"}, AuthorRole: "write", Now: time.Unix(1, 0).UTC(),
		People: map[policy.UserID]policy.Person{}}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			base, head := folders(t, file)
			made := must(assessor.Review(t.Context(), policy.Sides{BaseTree: base, MergedTree: head,
				Base: policy.Revision{Commit: "b1"}, Head: policy.Revision{Commit: "c1"}}))(t)
			kept := must(review.Decode(must(review.Encode(made))(t)))(t)
			again := must(review.Encode(kept))(t)
			if diff := cmp.Diff(string(must(review.Encode(made))(t)), string(again)); diff != "" {
				t.Errorf("the encoding is not stable:\n%s", diff)
			}
			verdict := policy.Decide(made, people)
			if diff := cmp.Diff(verdict, policy.Decide(kept, people)); diff != "" {
				t.Errorf("decides otherwise:\n%s", diff)
			}
			was, is := report.New(made, verdict, true), report.New(kept, verdict, true)
			for name, of := range map[string]func(report.Report) string{
				"markdown": report.Report.Markdown, "title": report.Report.Title,
				"text":  func(r report.Report) string { return r.Text(false) },
				"json":  func(r report.Report) string { return string(must(r.JSON())(t)) },
				"sarif": func(r report.Report) string { return string(must(r.SARIF())(t)) },
			} {
				if diff := cmp.Diff(of(was), of(is)); diff != "" {
					t.Errorf("%s differs:\n%s", name, diff)
				}
			}
		})
	}
}
