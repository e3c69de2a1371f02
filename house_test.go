// Package countersign_test holds the rules of the house as tests: who may
// import whom, how large things may grow, and that what is exported is
// documented. The reasons stand beside the rules; ARCHITECTURE.md has the picture.
package countersign_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/countersign-dev/countersign"

// file is one Go file of the project.
type file struct {
	path   string // from the top, with slashes
	dir    string
	test   bool
	lines  []string
	syntax *ast.File
	set    *token.FileSet
}

func goFiles(t *testing.T) []file {
	t.Helper()
	var files []file
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name = filepath.ToSlash(name)
		if entry.IsDir() && name != "." && (strings.HasPrefix(entry.Name(), ".") || entry.Name() == "testdata") {
			return fs.SkipDir
		}
		if entry.IsDir() || !strings.HasSuffix(name, ".go") {
			return nil
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		set := token.NewFileSet()
		syntax, err := parser.ParseFile(set, name, text, parser.ParseComments)
		if err != nil {
			return err
		}
		files = append(files, file{path: name, dir: path.Dir(name), test: strings.HasSuffix(name, "_test.go"),
			lines: strings.Split(string(text), "\n"), syntax: syntax, set: set})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 20 {
		t.Fatalf("only %d Go files found: the test looks in the wrong place", len(files))
	}
	return files
}

// doors says which rooms may import a heavy dependency. Everything else asks
// the room behind the door.
var doors = []struct {
	dependency string
	rooms      []string // a room stands for itself and what lies below it
	why        string
}{
	{
		"sigs.k8s.io/kustomize",
		[]string{"render/child", "render/manifest"},
		"it runs the author's input: only in a child, behind the walls",
	},
	{
		"go.yaml.in/yaml",
		[]string{"render/child", "render/manifest"},
		"the parent never parses YAML that came out of a repository",
	},
	{
		"github.com/open-policy-agent/opa",
		[]string{"policy/engine"},
		"rules fail open unless every answer is checked in one place",
	},
	{"github.com/spf13/cobra", []string{"cmd"}, "a library has no flags"},
	{"github.com/owenrumney/go-sarif", []string{"policy/report"}, "one format, one file"},
	{"github.com/google/go-github", []string{"server/github"}, "so that its version can move in one place"},
	{"github.com/bradleyfalzon/ghinstallation", []string{"server/github"}, "tokens are kept to one host in one place"},
	{"github.com/labstack/echo", []string{"server"}, "one place serves"},
	{"github.com/prometheus/client_golang", []string{"server"}, "one place counts"},
	{"github.com/getkin/kin-openapi", []string{"server/github/githubtest"}, "for tests only"},
	{"github.com/vektah/gqlparser", []string{"server/github/githubtest"}, "only the GitHub of the tests reads queries"},
	{"modernc.org/sqlite", []string{"server/store"}, "nobody else knows which database there is"},
	{"github.com/jackc/pgx", []string{"server/store"}, "nobody else knows which database there is"},
	{"database/sql", []string{"server/store"}, "nobody else writes SQL"},
	{"github.com/pressly/goose", []string{"server/store"}, "the tables belong to one room"},
	{
		"os/exec",
		[]string{"render/git", "render/sandbox", "render/worker", "bench", "server/github/githubtest", "server/github/mirror"},
		"processes are started behind walls",
	},
	{
		"net/http",
		[]string{"render/child", "render/sandbox", "server", "bench/app"},
		"only the server talks to a network, and who measures it; the walls must reach its transport",
	},
}

func TestDoors(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.test {
			continue
		}
		for _, imported := range f.syntax.Imports {
			name, _ := strconv.Unquote(imported.Path.Value)
			for _, door := range doors {
				if name != door.dependency && !strings.HasPrefix(name, door.dependency+"/") {
					continue
				}
				if !slices.ContainsFunc(door.rooms, func(room string) bool { return within(f.dir, room) }) {
					t.Errorf("%s imports %s, which only %v may: %s", f.path, name, door.rooms, door.why)
				}
			}
		}
	}
}

func within(dir, room string) bool { return dir == room || strings.HasPrefix(dir, room+"/") }

// knows says what each room may import of the others; imports point one way.
// A room is the longest prefix that is listed.
var knows = []struct {
	room    string
	imports []string
	why     string
}{
	{"bench", []string{"bench", "cmd", "policy", "render", "rego", "server"}, "it measures the program from outside"},
	{"cmd", []string{"policy", "rego", "render", "server"}, "it only joins the rooms"},
	{"policy", []string{"policy", "rego", "render"}, "judging knows what is rendered, never how it is asked for"},
	{"policy/config", []string{"policy/config", "policy/decode", "render"}, "settings are values"},
	{"policy/decode", []string{"policy/decode", "render"}, "it knows no format of its own"},
	{"policy/engine", []string{"rego", "render", "policy/engine"}, "the engine knows resources and rules, no people"},
	{"policy/engine/ruleset", []string{"render", "policy/engine/ruleset"}, "it reads rules and asks none"},
	{"policy/engine/enginetest", []string{"policy", "render"}, "a rule's examples are judged as the real thing is"},
	{"policy/digest", nil, "a name for content"},
	{"policy/fact", []string{"policy/digest", "render"}, "objects that no manifest holds"},
	{
		"policy/ratchet",
		[]string{"policy/digest", "policy/engine", "render"},
		"hits against hits, whoever asked",
	},
	{
		"policy/fleet",
		[]string{"policy/config", "policy/engine", "policy/fleet", "render"},
		"it resolves, and judges nothing",
	},
	{"policy/command", nil, "a text in, commands out"},
	{"policy/pull", []string{"policy", "render"}, "facts about people"},
	{
		"policy/settings",
		[]string{"policy/config", "policy/engine", "policy/settings", "render"},
		"a config and the rules it speaks of",
	},
	{"policy/report", []string{"policy", "render"}, "words are made from assessment and verdict alone"},
	{"rego", nil, "the guidelines know nothing else"},
	{"render", []string{"render"}, "rendering knows no policy and no people"},
	{
		"render/child",
		[]string{"render", "render/child", "render/manifest", "render/sandbox", "render/wire"},
		"the child reaches nothing but its pipe",
	},
	{"render/git", []string{"render", "render/git"}, "trees only"},
	{"render/manifest", []string{"render", "render/manifest"}, "pure functions of bytes"},
	{"render/sandbox", []string{"render/sandbox", "render/wire"}, "walls report themselves over the wire"},
	{"render/wire", []string{"render", "render/wire"}, "an encoding of render's values"},
	{
		"render/worker",
		[]string{"render", "render/sandbox", "render/wire", "render/worker"},
		"the parent's side of the pipe parses nothing",
	},
	{
		"server/github/githubtest",
		[]string{"server/github/githubtest"},
		"a GitHub that knew our code would share its mistakes",
	},
	{"server", []string{"policy", "rego", "render", "server"}, "it joins the rooms of the App"},
	{"server/doctor", []string{"render", "server"}, "it examines, and judges nothing"},
	{
		"server/demo",
		[]string{"server"},
		"a GitHub and the App beside each other",
	},
	{"server/github", []string{"policy", "server/github/onehost"}, "facts in, checks out; it decides nothing"},
	{"server/github/onehost", nil, "it carries, and reads nothing"},
	{"server/github/mirror", []string{"render", "server/github/mirror"}, "git only: it knows no API"},
	{"server/people", []string{"policy", "server/github", "server/store"}, "pure: facts in, a value out"},
	{"server/publish", []string{"policy", "server/github", "server/store"}, "it makes GitHub equal a verdict"},
	{"server/reply", []string{"policy", "server/github", "server/publish", "server/store"}, "it answers, and changes no verdict"},
	{
		"server/review",
		[]string{"policy", "render", "server/github", "server/people", "server/publish", "server/reply", "server/store"},
		"the steps of one review",
	},
	{"server/settings", nil, "the operator's words"},
	{
		"server/sweep",
		[]string{"policy", "render", "server/github", "server/publish", "server/review", "server/store", "server/webhook"},
		"it looks where no event led",
	},
	{"server/webhook", []string{"server/store"}, "a payload only wakes: it needs no API"},
	{"server/work", []string{"server/store"}, "it runs what is due, whatever it is"},
	{"server/store", []string{"server/store"}, "it keeps plain values and knows none of our other packages"},
}

func TestImportsPointOneWay(t *testing.T) {
	for _, f := range goFiles(t) {
		if f.test || f.dir == "." {
			continue
		}
		room := -1
		for i, k := range knows {
			if within(f.dir, k.room) && (room < 0 || len(k.room) > len(knows[room].room)) {
				room = i
			}
		}
		if room < 0 {
			t.Errorf("%s lies in no room that the house knows", f.path)
			continue
		}
		for _, imported := range f.syntax.Imports {
			name, _ := strconv.Unquote(imported.Path.Value)
			other, ours := strings.CutPrefix(name, module+"/")
			if ours && !slices.ContainsFunc(knows[room].imports, func(r string) bool { return within(other, r) }) {
				t.Errorf(
					"%s imports %s, but %s may only import %v: %s",
					f.path,
					other,
					knows[room].room,
					knows[room].imports,
					knows[room].why,
				)
			}
		}
	}
}

// larger are what may exceed a size, each with its reason.
var larger = map[string]string{
	"server/github/githubtest (package)": "one state behind one lock: parts of GitHub that do not share it are no GitHub",
}

// The hard sizes.
const (
	maxFunction, maxFile, maxPackage, maxLine = 70, 500, 2500, 120
	maxParameters, maxDepth, maxRego          = 5, 3, 120
	// A row of a test's table reads best as one line.
	maxTestLine = 240
)

func TestSizes(t *testing.T) {
	packages := map[string]int{}
	over := func(name string, has, may int) {
		if has > may && larger[name] == "" {
			t.Errorf("%s: %d, at most %d", name, has, may)
		}
	}
	for _, f := range goFiles(t) {
		wide := maxLine
		if f.test {
			wide = maxTestLine
		}
		over(f.dir+" (folders deep)", strings.Count(f.dir, "/")+1, maxDepth)
		for i, line := range f.lines {
			over(f.path+":"+strconv.Itoa(i+1)+" (line)", len([]rune(strings.ReplaceAll(line, "\t", "    "))), wide)
		}
		if f.test {
			continue
		}
		over(f.path+" (lines)", len(f.lines), maxFile)
		packages[f.dir] += len(f.lines)
		for _, decl := range f.syntax.Decls {
			fn, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			name := f.path + " " + fn.Name.Name
			over(name+" (lines)", f.set.Position(fn.End()).Line-f.set.Position(fn.Pos()).Line+1, maxFunction)
			over(name+" (parameters)", fn.Type.Params.NumFields(), maxParameters)
		}
	}
	for dir, lines := range packages {
		over(dir+" (package)", lines, maxPackage)
	}
	rules, err := filepath.Glob("rego/*/*/rule.rego")
	if err != nil || len(rules) == 0 {
		t.Fatalf("no rules found: %v", err)
	}
	for _, rule := range rules {
		text, err := os.ReadFile(rule)
		if err != nil {
			t.Fatal(err)
		}
		over(rule+" (lines)", strings.Count(string(text), "\n"), maxRego)
	}
}

// wellKnown are methods whose meaning an interface of the language gives.
var wellKnown = map[string]bool{"Error": true, "Unwrap": true}

func TestEverythingExportedIsDocumented(t *testing.T) {
	documented := map[string]bool{}
	for _, f := range goFiles(t) {
		if f.test || f.syntax.Name.Name == "main" {
			continue
		}
		documented[f.dir] = documented[f.dir] || f.syntax.Doc != nil && path.Base(f.path) == "doc.go"
		for _, decl := range f.syntax.Decls {
			switch decl := decl.(type) {
			case *ast.FuncDecl:
				if decl.Name.IsExported() && decl.Doc == nil && !wellKnown[decl.Name.Name] &&
					(decl.Recv == nil || exportedReceiver(decl)) {
					t.Errorf("%s: %s has no comment", f.path, decl.Name.Name)
				}
			case *ast.GenDecl:
				for _, spec := range decl.Specs {
					undocumented(t, f, decl, spec)
				}
			}
		}
	}
	for dir, ok := range documented {
		if !ok {
			t.Errorf("%s has no doc.go that says what goes in, what comes out and what must stay true", dir)
		}
	}
}

func exportedReceiver(fn *ast.FuncDecl) bool {
	expr := fn.Recv.List[0].Type
	if star, ok := expr.(*ast.StarExpr); ok {
		expr = star.X
	}
	name, ok := expr.(*ast.Ident)
	return ok && name.IsExported()
}

func undocumented(t *testing.T, f file, decl *ast.GenDecl, spec ast.Spec) {
	t.Helper()
	switch spec := spec.(type) {
	case *ast.TypeSpec:
		if spec.Name.IsExported() && decl.Doc == nil && spec.Doc == nil {
			t.Errorf("%s: %s has no comment", f.path, spec.Name.Name)
		}
	case *ast.ValueSpec:
		for _, name := range spec.Names {
			if name.IsExported() && decl.Doc == nil && spec.Doc == nil && spec.Comment == nil {
				t.Errorf("%s: %s has no comment", f.path, name.Name)
			}
		}
	}
}

var codeSpan = regexp.MustCompile("`([A-Za-z0-9_./*-]+/[A-Za-z0-9_./*-]*|[A-Za-z0-9_-]+\\.(?:go|md|rego|yaml|txt))`")

// Paths that the architecture names exist; a page that lies is worse than none.
func TestArchitectureNamesWhatExists(t *testing.T) {
	for _, page := range []string{"ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		if page == "ARCHITECTURE.md" {
			if n := strings.Count(string(text), "\n"); n > 250 {
				t.Errorf("%s has %d lines, at most 250", page, n)
			}
		}
		plain := regexp.MustCompile("(?s)```.*?```").ReplaceAllString(string(text), "")
		for _, match := range codeSpan.FindAllStringSubmatch(plain, -1) {
			name := strings.TrimSuffix(match[1], "/")
			if strings.HasPrefix(name, "clusters/") || strings.HasPrefix(name, ".countersign") ||
				name == "pull.yaml" || name == "want" || name == "pull" || name == "base" || name == "tip" ||
				strings.Contains(name, "github.com/") {
				continue // names in a user's repository, or of modules
			}
			if found, err := filepath.Glob(name); err != nil || len(found) == 0 {
				t.Errorf("%s names %s, which does not exist", page, match[1])
			}
		}
	}
}
