package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/render"
)

// abuses are the attacks that the command line can meet, each by the id that
// it has wherever the project speaks of it.
var abuses = map[string]func(*testing.T){
	"AC-040": abuseOwnConfig, "AC-041": abuseConfigIsNoFile, "AC-042": abuseConfigUnreadable, "AC-047": abuseSilentRule,
	"AC-054": abuseAliasCycle, "AC-055": abuseAliasBomb, "AC-056": abuseFanOut, "AC-057": abuseSchema,
	"AC-058": abuseRemote, "AC-059": abuseSymlinks, "AC-060": abusePlugins, "AC-061": abusePaths,
	"AC-062": abuseHiddenContent, "AC-063": abuseLongChange, "AC-064": abuseIncludedLater, "AC-065": abuseRename,
	"AC-066": abuseConfusable, "AC-067": abuseBrokenBase, "AC-068": abuseMarks, "AC-069": abuseSecrets,
	"AC-070": abuseHuge, "AC-071": abuseMarkdown, "AC-073": abuseLongReport, "AC-074": abuseNothing,
}

// abusesLater are those of the same classes that need what is not built yet.
var abusesLater = map[string]string{
	"AC-043": "an organisation's settings come with the guidelines",
	"AC-044": "an organisation's own rules come with the guidelines",
	"AC-045": "an organisation's own rules come with the guidelines",
	"AC-046": "an organisation's own rules come with the guidelines",
	"AC-072": "comments come with the App",
	"AC-075": "GitHub's tokens come with the App",
}

// TestAbuse plays every attack through the command, on a real repository.
func TestAbuse(t *testing.T) {
	for _, id := range slices.Sorted(maps.Keys(abuses)) {
		t.Run(id, abuses[id])
	}
	for _, id := range slices.Sorted(maps.Keys(abusesLater)) {
		t.Logf("%s is not played: %s", id, abusesLater[id])
	}
}

// TestAbuseHasNoGaps holds the two lists against the range of ids: what gets
// an id is played, or it is said why not.
func TestAbuseHasNoGaps(t *testing.T) {
	for n := range 100 {
		id := fmt.Sprintf("AC-%03d", n)
		_, played := abuses[id]
		_, later := abusesLater[id]
		wanted := n >= 40 && n <= 47 || n >= 54 && n <= 75
		if played && later || wanted != (played || later) {
			t.Errorf("%s: played %v, later %v, wanted %v", id, played, later, wanted)
		}
	}
}

// tree holds the files of one side by path. "NAME (symlink)" is a link to its
// content, "NAME (submodule)" another repository's commit.
type tree map[string]string

// innocent is a root that an attack beside it must not touch: its containers
// merge rightly only under the built-in schema. The head moves one image on.
func innocent(tag string) tree {
	return tree{
		"parts/app/kustomization.yaml": "resources: [app.yaml]\n",
		"parts/app/app.yaml": `apiVersion: apps/v1
kind: Deployment
metadata: {name: innocent, namespace: apps}
spec:
  template:
    spec:
      containers:
      - {name: one, image: "one:1"}
      - {name: two, image: "two:1"}
      - {name: three, image: "three:1"}
`,
		"app/kustomization.yaml": `resources: [../parts/app]
patches:
- patch: |
    apiVersion: apps/v1
    kind: Deployment
    metadata: {name: innocent, namespace: apps}
    spec: {template: {spec: {containers: [{name: two, image: "two:` + tag + `"}]}}}
configMapGenerator:
- {name: settings, namespace: apps, literals: [a=b]}
`,
	}
}

// siege is a repository under attack, and all around it that must stay as it is.
type siege struct {
	*repository
	host   string // of the canary server
	hits   atomic.Int32
	ran    string // the file that canary programs write to
	temp   string
	before syscall.Rusage
}

// besiege makes a repository whose main branch holds base and the innocent root,
// and whose branch "change" holds head and that root with another image.
// HOST in the files is the canary server.
func besiege(t *testing.T, base, head tree) *siege {
	t.Helper()
	s := &siege{repository: newRepository(t), ran: filepath.Join(t.TempDir(), "ran"), temp: t.TempDir()}
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { s.hits.Add(1) }))
	t.Cleanup(server.Close)
	s.host = strings.TrimPrefix(server.URL, "http://")
	s.plant("main", base, innocent("2"))
	s.git("checkout", "--quiet", "-b", "change")
	s.plant("change", head, innocent("3"))
	s.surround()
	return s
}

// surround puts canary programs on the PATH. Only git is a real one, and says
// who called it: the program itself may, a renderer may not.
func (s *siege) surround() {
	real := s.git("--exec-path") + "/git"
	programs := s.t.TempDir()
	for _, name := range []string{"git", "helm", "docker", "sh", "bash", "ssh", "kustomize", "kubectl", "evil"} {
		script := "#!/bin/sh\necho " + name + " by $PPID >> " + s.ran + "\n"
		if name == "git" {
			script += "exec " + real + " \"$@\"\n"
		}
		if err := os.WriteFile(filepath.Join(programs, name), []byte(script), 0o755); err != nil {
			s.t.Fatal(err)
		}
	}
	s.t.Setenv("PATH", programs)
	s.t.Setenv("TMPDIR", s.temp)
	s.t.Setenv("COUNTERSIGN_TEST_SECRET", hostSecret)
}

// hostSecret is in this process's environment and must never be seen.
const hostSecret = "of-the-host-7d1f4c"

// plant commits exactly these files onto a branch.
func (s *siege) plant(message string, sides ...tree) {
	s.t.Helper()
	s.git("rm", "--quiet", "-r", "-f", "--ignore-unmatch", ".")
	links := []string{}
	for _, files := range sides {
		for name, content := range files {
			if module, ok := strings.CutSuffix(name, " (submodule)"); ok {
				links = append(links, module)
				continue
			}
			s.write(name, strings.ReplaceAll(content, "HOST", s.host))
		}
	}
	s.git("add", "--all", "--force")
	for _, module := range links {
		s.git("update-index", "--add", "--cacheinfo", "160000,"+strings.Repeat("12", 20)+","+module)
	}
	s.git("commit", "--quiet", "--allow-empty", "--message", message)
}

// feed runs git with something to read.
func (r *repository) feed(input string, args ...string) {
	r.t.Helper()
	c := exec.Command("git", append([]string{"-C", r.dir}, args...)...)
	c.Stdin = strings.NewReader(input)
	if out, err := c.CombinedOutput(); err != nil {
		r.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

func (r *repository) write(name, content string) {
	r.t.Helper()
	target, link := strings.CutSuffix(name, " (symlink)")
	file := filepath.Join(r.dir, filepath.FromSlash(target))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		r.t.Fatal(err)
	}
	var err error
	if link {
		err = os.Symlink(content, file)
	} else {
		err = os.WriteFile(file, []byte(content), 0o644)
	}
	if err != nil {
		r.t.Fatal(err)
	}
}

// answer is what the command said.
type answer struct {
	exit           int
	stdout, stderr string
	Roots          []policy.Root        `json:"roots"`
	Unaffected     int                  `json:"unaffected"`
	Changes        []policy.Change      `json:"changes"`
	Findings       []policy.Finding     `json:"findings"`
	Rules          []policy.RuleOutcome `json:"rules"`
	Problems       []policy.Problem     `json:"problems"`
	Notices        []render.Problem     `json:"notices"`
	Preview        []string             `json:"preview"`
	Approvals      policy.Approvals     `json:"approvals"`
	Privileged     struct {
		Needed  int            `json:"needed"`
		Entries []policy.Entry `json:"entries"`
	} `json:"privileged"`
	Verdict struct {
		State string `json:"state"`
		Title string `json:"title"`
	} `json:"verdict"`
}

// command runs the program in this process, as main does.
func command(t *testing.T, args ...string) answer {
	t.Helper()
	var stdout, stderr bytes.Buffer
	p := program{args: args, stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }}
	return answer{exit: p.run(t.Context()), stdout: stdout.String(), stderr: stderr.String()}
}

// run runs a command and then looks at all that it must have left alone.
func (s *siege) run(args ...string) answer {
	s.t.Helper()
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &s.before); err != nil {
		s.t.Fatal(err)
	}
	start := time.Now()
	a := command(s.t, args...)
	s.intact(time.Since(start))
	if strings.Contains(a.stdout+a.stderr, hostSecret) || strings.Contains(a.stdout+a.stderr, "root:x:0") {
		s.t.Error("what is the machine's shows in the output")
	}
	return a
}

// intact checks the walls.
func (s *siege) intact(took time.Duration) {
	s.t.Helper()
	if n := s.hits.Load(); n > 0 {
		s.t.Errorf("the canary server was asked %d times", n)
	}
	ran, err := os.ReadFile(s.ran)
	if err != nil {
		s.t.Errorf("the program's own git did not run by way of the canary programs: %v", err)
	}
	for line := range strings.Lines(string(ran)) {
		if strings.TrimSpace(line) != fmt.Sprintf("git by %d", os.Getpid()) {
			s.t.Errorf("a program was started: %s", line)
		}
	}
	if left, err := os.ReadDir(s.temp); err != nil || len(left) > 0 {
		s.t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
	var after syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_CHILDREN, &after); err != nil || after.Maxrss > 2<<20 {
		s.t.Errorf("a child took %d KiB (%v)", after.Maxrss, err)
	}
	spent := time.Duration(after.Utime.Nano() + after.Stime.Nano() - s.before.Utime.Nano() - s.before.Stime.Nano())
	// CPU time is what the renderer takes; the clock also counts what a busy machine gives to others.
	if spent > 30*time.Second || took > 2*time.Minute {
		s.t.Errorf("children took %v of CPU, the command %v", spent, took)
	}
	s.t.Logf("children took %v of CPU, the command %v", spent.Round(time.Millisecond), took.Round(time.Millisecond))
}

// review judges the change and checks that the innocent root was judged with it.
func (s *siege) review(flags ...string) answer {
	s.t.Helper()
	a := s.judge(append([]string{"review", "--base", "main", "--head", "change"}, flags...)...)
	s.innocent(a)
	return a
}

// judge runs a command that reports and reads its JSON.
func (s *siege) judge(args ...string) answer {
	s.t.Helper()
	a := s.run(append(args, "--repo", s.dir, "--format", "json")...)
	if err := json.Unmarshal([]byte(a.stdout), &a); err != nil {
		s.t.Fatalf("exit %d, incomplete JSON: %v\n%s\n%s", a.exit, err, a.stdout, a.stderr)
	}
	return a
}

// innocent checks that the root beside the attack changed in one field, as
// it would without an attack.
func (s *siege) innocent(a answer) {
	s.t.Helper()
	at := slices.IndexFunc(a.Roots, func(r policy.Root) bool { return r.Path == "app" })
	if at < 0 || a.Roots[at].Status != "built" || a.Roots[at].Objects != 2 {
		s.t.Fatalf("the innocent root was not judged: %+v\n%+v", a.Roots, a.Problems)
	}
	var seen []string
	for _, change := range a.Changes {
		for _, field := range change.Fields {
			if change.Destination == "app" {
				seen = append(seen, fmt.Sprintf("%s %s %s: %v to %v", change.Action, change.Object.Name, field.Path,
					field.Before, field.After))
			}
		}
	}
	want := "update innocent spec.template.spec.containers[0].image: two:2 to two:3"
	if len(seen) != 1 || seen[0] != want {
		s.t.Errorf("the innocent root changed in %q, want %q", seen, want)
	}
}

// wantProblem checks that the review could not judge, and says so in words at
// a file and line ("FILE:LINE", or "FILE" alone where no line can be known).
func wantProblem(t *testing.T, a answer, at, says string) {
	t.Helper()
	if a.exit != exitUnjudged || a.Verdict.State != "error" {
		t.Errorf("exit %d, state %q, want 2 and error: %s", a.exit, a.Verdict.State, a.Verdict.Title)
	}
	for _, p := range a.Problems {
		place := fmt.Sprintf("%s:%d", p.Source.File, p.Source.Line)
		if (place == at || p.Source.File == at) && strings.Contains(p.Message, says) {
			return
		}
	}
	t.Errorf("no problem at %s says %q:", at, says)
	for _, p := range a.Problems {
		t.Logf("  %s %s:%d: %s [%s]", p.Code, p.Source.File, p.Source.Line, p.Message, p.Remedy)
	}
}

// changed returns the change of one object, which must be there and privileged.
func changed(t *testing.T, a answer, action, kind, name string) policy.Change {
	t.Helper()
	for _, c := range a.Changes {
		if c.Action == action && c.Object.Kind == kind && c.Object.Name == name {
			if !c.Privileged || len(c.Reasons) == 0 {
				t.Errorf("%s %s %s needs nobody's approval", action, kind, name)
			}
			return c
		}
	}
	t.Errorf("no %s of %s %s among:", action, kind, name)
	for _, c := range a.Changes {
		t.Logf("  %s %s %s in %s", c.Action, c.Object.Kind, c.Object.Name, c.Destination)
	}
	return policy.Change{}
}

// entry reports whether the privileged change holds a member of this name.
func entry(a answer, kind, name string) bool {
	return slices.ContainsFunc(a.Privileged.Entries, func(e policy.Entry) bool { return e.Kind == kind && e.Name == name })
}

// finding returns the first finding of a rule, which must be there.
func finding(t *testing.T, a answer, rule, says string) policy.Finding {
	t.Helper()
	for _, f := range a.Findings {
		if string(f.Rule) == rule && strings.Contains(f.Message, says) {
			return f
		}
	}
	t.Errorf("no finding of %s says %q:", rule, says)
	for _, f := range a.Findings {
		t.Logf("  %s %s %s: %s", f.Rule, f.State, f.Source.File, f.Message)
	}
	return policy.Finding{}
}

// below puts files into a folder.
func below(folder string, files tree) tree {
	moved := tree{}
	for name, content := range files {
		moved[path.Join(folder, name)] = content
	}
	return moved
}

// join makes one tree of several.
func join(trees ...tree) tree {
	all := tree{}
	for _, t := range trees {
		maps.Copy(all, t)
	}
	return all
}
