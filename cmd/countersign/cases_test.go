package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/pull"
	"github.com/countersign-dev/countersign/policy/report"
	"github.com/countersign-dev/countersign/rego"
	"github.com/countersign-dev/countersign/render/git"
	"github.com/countersign-dev/countersign/render/worker"
)

var update = flag.Bool("update", false, "rewrite what the cases want")

const casesDir = "../../testdata/cases"

// now is the moment of every case's decision.
var now = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// thorough tests play everything; others take a sample of what costs much. CI
// is thorough.
var thorough = os.Getenv("COUNTERSIGN_THOROUGH") != ""

// TestCases plays testdata/cases through the library, the command and the App:
// all must give the same text, and it must be what the case wants. The App
// plays every fourth case unless the tests are thorough.
func TestCases(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(casesDir, "*.txtar"))
	if err != nil || len(files) < 25 {
		t.Fatalf("%d cases, at least 25 (%v)", len(files), err)
	}
	l, a := newLibrary(t), newApp(t)
	t.Run("doors", func(t *testing.T) {
		for i, file := range files {
			third := a
			if !thorough && i%4 != 0 {
				third = nil
			}
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) { play(t, l, third, file) })
		}
	})
}

func play(t *testing.T, l *library, a *app, file string) {
	archive, err := txtar.ParseFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if len(bytes.TrimSpace(archive.Comment)) < 40 {
		t.Error("the case does not say in words what it is about")
	}
	t.Parallel()
	c := newCase(t, archive)
	fromLibrary, exit := l.play(t, c)
	got := map[string]string{}
	formats := []string{"text", "markdown"}
	if c.pull != "" {
		formats = append(formats, "json") // which holds the most where people are in it
	}
	for _, format := range formats {
		fromCommand, status := c.command(t, format)
		if fromLibrary[format] != fromCommand || exit != status {
			t.Errorf("%s: the library (exit %d) and the command (exit %d) differ: %s", format, exit, status,
				cmp.Diff(fromLibrary[format], fromCommand))
		}
		if format != "json" {
			got["want/"+format] = digests.ReplaceAllString(fromCommand, "${1}…")
		}
		got["want/exit"] = fmt.Sprintln(status)
	}
	if a != nil {
		a.play(t, l, c)
	}
	if *update {
		rewrite(t, file, archive, got)
		return
	}
	for name, text := range got {
		if diff := cmp.Diff(content(archive, name), text); diff != "" {
			t.Errorf("%s (-want +got, go test ./cmd/countersign -run Cases -update rewrites it):\n%s", name, diff)
		}
	}
}

// digests are what a text says of who judged: they change with every rule, and
// a case is not about them.
var digests = regexp.MustCompile(`(sha256:|key(?: |\s*` + "`" + `))[0-9a-f]{12}`)

func content(archive *txtar.Archive, name string) string {
	for _, f := range archive.Files {
		if f.Name == name {
			return string(f.Data)
		}
	}
	return ""
}

func rewrite(t *testing.T, file string, archive *txtar.Archive, got map[string]string) {
	t.Helper()
	archive.Files = slices.DeleteFunc(
		archive.Files,
		func(f txtar.File) bool { return strings.HasPrefix(f.Name, "want/") },
	)
	for _, name := range []string{"want/exit", "want/text", "want/markdown"} {
		archive.Files = append(archive.Files, txtar.File{Name: name, Data: []byte(got[name])})
	}
	if err := os.WriteFile(file, txtar.Format(archive), 0o644); err != nil {
		t.Fatal(err)
	}
}

// gitCase is a case as a repository: base is the fork point, tip what the base
// branch holds now, head the change.
type gitCase struct {
	repo *repository
	pull string // the file or folder of --pull; "" without
	all  bool
}

func newCase(t *testing.T, archive *txtar.Archive) *gitCase {
	c := &gitCase{repo: newRepository(t)}
	c.repo.commit(archive, "base")
	c.repo.git("checkout", "--quiet", "-b", "change")
	c.repo.commit(archive, "head")
	if slices.ContainsFunc(archive.Files, func(f txtar.File) bool { return strings.HasPrefix(f.Name, "tip/") }) {
		c.repo.git("checkout", "--quiet", "main")
		c.repo.commit(archive, "tip")
	}
	c.all = strings.Contains(content(archive, "flags"), "--all")
	facts := t.TempDir()
	head := c.repo.git("rev-parse", "change")
	for _, f := range archive.Files {
		name, ok := strings.CutPrefix(f.Name, "pull/")
		if f.Name != "pull.yaml" && !ok {
			continue
		}
		c.pull = facts
		if !ok {
			name = "pull.yaml"
			c.pull = filepath.Join(facts, name)
		}
		path := filepath.Join(facts, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, bytes.ReplaceAll(f.Data, []byte("$HEAD"), []byte(head)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// command plays a case through the command line.
func (c *gitCase) command(t *testing.T, format string) (string, int) {
	args := []string{"review", "--repo", c.repo.dir, "--base", "main", "--head", "change", "--format", format,
		"--now", now.Format(time.RFC3339)}
	if c.pull != "" {
		args = append(args, "--pull", c.pull)
	}
	if c.all {
		args = append(args, "--all")
	}
	var stdout, stderr bytes.Buffer
	p := program{args: args, stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }}
	exit := p.run(t.Context())
	if stderr.Len() > 0 {
		t.Errorf("stderr: %s", stderr.String())
	}
	return stdout.String(), exit
}

// library plays cases without the command line.
type library struct{ assessor *policy.Assessor }

func newLibrary(t *testing.T) *library {
	t.Helper()
	key, id, err := worker.Key("")
	if err != nil {
		t.Fatal(err)
	}
	renderer, err := worker.RendererDigest()
	if err != nil {
		t.Fatal(err)
	}
	pool, err := worker.New(t.Context(), worker.Options{Args: []string{renderChild}, Key: key, KeyID: id})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	rules, err := engine.New(rego.FS)
	if err != nil {
		t.Fatal(err)
	}
	return &library{&policy.Assessor{Builder: pool, Rules: rules, Version: version(), Renderer: renderer, KeyID: id}}
}

// assess is the assessment of a case whose sides are called by names.
func (l *library) assess(t *testing.T, c *gitCase, names [2]string, all bool) policy.Assessment {
	t.Helper()
	ctx := t.Context()
	repo, err := git.Open(ctx, c.repo.dir, git.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer repo.Close()
	base, err := repo.Commit(ctx, "main")
	if err != nil {
		t.Fatal(err)
	}
	head, err := repo.Commit(ctx, "change")
	if err != nil {
		t.Fatal(err)
	}
	merged, err := repo.Merge(ctx, base, head)
	if err != nil {
		t.Fatal(err)
	}
	sides := policy.Sides{Base: revision(names[0], base), Head: revision(names[1], head),
		BaseTree: repo.Tree(base.Tree), Conflicts: merged.Conflicts, All: all}
	if merged.Tree != "" {
		sides.MergedTree = repo.Tree(merged.Tree)
	}
	assessment, err := l.assessor.Review(ctx, sides)
	if err != nil {
		t.Fatal(err)
	}
	return assessment
}

// play returns the report in every format, and the exit status.
func (l *library) play(t *testing.T, c *gitCase) (map[string]string, int) {
	t.Helper()
	ctx := t.Context()
	assessment := l.assess(t, c, [2]string{"main", "change"}, c.all)
	var err error
	var people policy.PullRequest
	if c.pull != "" {
		people, err = pull.Read(ctx, l.assessor.Builder, c.pull, pull.Subject{Assessment: assessment, Now: now})
		if err != nil {
			t.Fatal(err)
		}
	}
	verdict := policy.Decide(assessment, people)
	r := report.New(assessment, verdict, c.all)
	text, err := r.JSON()
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"text": r.Text(false), "markdown": r.Markdown(), "json": string(text)}, verdict.Exit()
}
