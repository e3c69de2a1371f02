package report

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/policy"
)

// said collects from the decision's source the strings that it can put into a
// verdict: what functions named return, what calls named are given first, what
// fields named are set to, and what is appended to a list of words.
func said(t *testing.T) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	set := token.NewFileSet()
	keep := func(e ast.Expr) {
		ast.Inspect(e, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				if text, err := strconv.Unquote(lit.Value); err == nil && text != "" {
					found[strings.TrimSuffix(text, ":")] = true
				}
			}
			return true
		})
	}
	for _, file := range []string{"../people.go", "../decide.go", "../override.go"} {
		syntax, err := parser.ParseFile(set, file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(syntax, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				if n.Name.Name == "refusal" {
					ast.Inspect(n, func(n ast.Node) bool {
						if r, ok := n.(*ast.ReturnStmt); ok {
							keep(r.Results[0])
						}
						return true
					})
				}
			case *ast.CallExpr:
				name, _ := n.Fun.(*ast.Ident)
				if name != nil && slices.Contains([]string{"mark", "each", "blockers"}, name.Name) {
					keep(n.Args[0])
				}
				if name != nil && name.Name == "append" && slices.Contains([]string{"words", "out.Audit"}, nameOf(n.Args[0])) {
					for _, arg := range n.Args[1:] {
						keep(arg)
					}
				}
			case *ast.KeyValueExpr:
				if nameOf(n.Key) == "Reason" {
					keep(n.Value)
				}
			case *ast.AssignStmt:
				for i, left := range n.Lhs {
					if nameOf(left) == "out.BlockedBy" {
						keep(n.Rhs[min(i, len(n.Rhs)-1)])
					}
					if nameOf(left) == "out.Status" && len(n.Rhs) == len(n.Lhs) && len(n.Lhs) > 1 {
						keep(n.Rhs[len(n.Rhs)-1])
					}
				}
			}
			return true
		})
	}
	for _, noise := range []string{"members of ", "anyone with ", " permission"} {
		delete(found, noise)
	}
	return found
}

func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return nameOf(e.X) + "." + e.Sel.Name
	}
	return ""
}

// Every reason that the decision can give has words, and so has every one of
// the design that only the server can give.
func TestEveryReasonHasWords(t *testing.T) {
	used := said(t)
	if len(used) < 15 {
		t.Fatalf("only %d reasons found: the test looks in the wrong place: %v", len(used), used)
	}
	known := map[string]bool{}
	for _, table := range []map[string]string{ignoredWords, blockedWords, auditWords} {
		for key := range table {
			known[key] = true
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(used)) {
		if !known[reason] {
			t.Errorf("%q has no words", reason)
		}
	}
	for _, reason := range []string{"author", "initiator", "commit_author", "committer", "co_author", "pusher", "bot", "not_eligible",
		"unknown_user", "dismissed", "changes_requested", "hold", "stale", "unattributed_commit", "unattributed_author",
		"pusher_unknown", "commit_list_incomplete", "merge_group_digest_not_approved", "override", "status_spoofed",
		"required_check_missing", "required_check_source_not_pinned", "config_unresolvable", "comment_tampering"} {
		if !known[reason] {
			t.Errorf("%q has no words", reason)
		}
	}
}

// What nobody has words for is shown as it is, not swallowed.
func TestUnknownReasonsAreShown(t *testing.T) {
	for want, got := range map[string]string{
		"flew_away": ignored(policy.Ignored{Login: "bob", Reason: "flew_away"}), "storm:now": blocked("storm:now"), "odd": audited("odd"),
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	if got := ignored(policy.Ignored{Login: "<deleted>", Reason: "unknown_user"}); !strings.HasPrefix(got, "a deleted account") {
		t.Errorf("a deleted account is called %q", got)
	}
}

// In every state the reader is told what to do, also in one that is not known.
func TestEveryStateHasANextStep(t *testing.T) {
	for name, r := range fixtures() {
		if steps := r.next(); len(steps) == 0 || steps[0] == "" {
			t.Errorf("%s: no next step", name)
		}
	}
	for _, state := range []string{"error", "blocked", "needs_approval", "pass", "", "new_state"} {
		r := New(policy.Assessment{}, policy.Verdict{State: state}, false)
		steps := r.next()
		if len(steps) == 0 {
			t.Errorf("state %q: no next step", state)
		}
		if merge := strings.Contains(strings.Join(steps, " "), "may be merged"); merge != (state == "pass") {
			t.Errorf("state %q: %q", state, steps)
		}
	}
	zero := New(policy.Assessment{}, policy.Verdict{State: "violation"}, false)
	if len(zero.next()) == 0 {
		t.Error("a violation without findings has no next step")
	}
}
