package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/review"
	"github.com/countersign-dev/countersign/server/store"
)

var (
	crashes   = flag.Int("crashes", 5, "how often the server is killed")
	crashSeed = flag.Uint64("crash-seed", 1, "chooses what happens and where the server is killed")
)

// TestKilledAnywhere kills the real program with SIGKILL, each time after
// another request that it made of GitHub or delivery that it answered, while
// people push, approve and comment. Whatever the point: what was accepted is
// honoured, there is one check run for each head and at most one comment, and
// nothing is green that was not decided to pass. Now and then GitHub fails as
// well, before or after it did what it was asked for.
func TestKilledAnywhere(t *testing.T) {
	if testing.Short() {
		t.Skip("kills and starts the server many times")
	}
	w := newCrashWorld(t)
	for i := range *crashes {
		rnd := rand.New(rand.NewPCG(*crashSeed, uint64(i)))
		w.killAfter(rnd.IntN(24))
		what := w.act(rnd)
		if i%3 == 2 {
			what += ", while GitHub " + w.fail(rnd)
		}
		w.awaitDeathOrRest()
		w.github.Heal()
		w.restart()
		w.awaitRest(fmt.Sprintf("crash %d (seed %d): %s", i, *crashSeed, what))
		w.once()
		if i%4 == 3 {
			w.idle() // what is begun twenty times and never ends is given up: that is another test
		}
	}
	w.stop()
	w.greenWasDecided()
}

// crashWorld is a GitHub with one repository and the program beside it.
type crashWorld struct {
	t          *testing.T
	github     *githubtest.Server
	repository *githubtest.Repository
	dir        string
	port       string // where it listens, and its metrics
	operations string

	mu      sync.Mutex
	left    int // requests until the kill; negative: no kill
	process *os.Process
	died    chan struct{} // closed when process is gone
	changed chan struct{} // a request was answered
	logs    bytes.Buffer

	heads     map[int]string // the content at each pull request's head
	approvals map[int]map[string]string
	greens    map[string]bool // heads that were green at any time
}

const crashSecret = "the secret of the crash tests"

func newCrashWorld(t *testing.T) *crashWorld {
	t.Helper()
	port := freePort(t)
	w := &crashWorld{t: t, dir: t.TempDir(), port: port, operations: freePort(t), left: -1, changed: make(chan struct{}, 1),
		heads: map[int]string{}, approvals: map[int]map[string]string{}, greens: map[string]bool{}}
	w.github = githubtest.New(t, githubtest.Options{WebhookURL: "http://" + port + "/webhook", WebhookSecret: crashSecret})
	for i, login := range []string{"alice", "bob", "carol", "dave"} {
		w.must(w.github.AddUser(githubtest.User{ID: int64(101 + i), Login: login, Emails: []string{login + "@acme.example"}}))
	}
	acme := mustOf(w.github.AddOrganisation("acme"))(t)
	w.repository = mustOf(w.github.AddRepository("acme", "clusters"))(t)
	for _, login := range []string{"alice", "bob", "carol", "dave"} {
		w.check(acme.Member(login, "active"))
		w.check(w.repository.Permit(login, "write"))
	}
	root := mustOf(w.repository.Commit(githubtest.Commit{Files: crashFiles("3"), Author: "bob"}))(t)
	w.check(w.repository.Push("bob", "main", root))
	w.must(w.github.Install("acme", "clusters"))
	w.check(os.WriteFile(filepath.Join(w.dir, "key.pem"), w.github.AppKey(), 0o600))
	w.github.OnRequest(w.onRequest)
	w.github.OnDelivery(nil)
	w.restart()
	w.awaitRest("at the start")
	return w
}

// freePort is an address on loopback that nobody listens on just now.
func freePort(t *testing.T) string {
	t.Helper()
	listener := mustOf(net.Listen("tcp", "127.0.0.1:0"))(t)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	return listener.Addr().String()
}

func mustOf[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

func (w *crashWorld) check(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *crashWorld) must(_ any, err error) {
	w.t.Helper()
	w.check(err)
}

// crashFiles is a fleet of one cluster with a number of control plane nodes.
func crashFiles(replicas string) map[string]string {
	return map[string]string{
		"prod/kustomization.yaml": "resources:\n- plane.yaml\n",
		"prod/plane.yaml": "apiVersion: controlplane.cluster.x-k8s.io/v1beta1\nkind: KubeadmControlPlane\n" +
			"metadata: {name: prod, namespace: prod}\nspec:\n  replicas: " + replicas + "\n  version: v1.33.2\n",
	}
}

// onRequest counts down to the kill.
func (w *crashWorld) onRequest(githubtest.Request) {
	w.mu.Lock()
	if w.left == 0 && w.process != nil {
		w.process.Kill() // it may be gone already
	}
	w.left--
	w.mu.Unlock()
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func (w *crashWorld) killAfter(requests int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.left = requests
}

// restart starts the program, after it died or to end the kill that was planned.
func (w *crashWorld) restart() {
	w.t.Helper()
	w.stop()
	command := exec.Command(os.Args[0], "serve")
	command.Env = append(os.Environ(),
		"COUNTERSIGN_APP_ID="+fmt.Sprint(w.github.AppID()), "COUNTERSIGN_PRIVATE_KEY_FILE="+filepath.Join(w.dir, "key.pem"),
		"COUNTERSIGN_WEBHOOK_SECRET="+crashSecret, "COUNTERSIGN_GITHUB_URL="+w.github.URL(), "COUNTERSIGN_LISTEN="+w.port,
		"COUNTERSIGN_OPERATIONS="+w.operations, "COUNTERSIGN_DATA="+w.dir)
	command.Stdout, command.Stderr = &w.logs, &w.logs
	w.check(command.Start())
	died := make(chan struct{})
	go func() {
		command.Wait() // it is killed
		close(died)
	}()
	w.mu.Lock()
	w.process, w.died = command.Process, died
	w.mu.Unlock()
	for end := time.Now().Add(30 * time.Second); ; {
		answer, err := http.Get("http://" + w.port + "/readyz")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-died:
			w.t.Fatalf("the server did not start:\n%s", w.logs.String())
		case <-time.After(20 * time.Millisecond): // it answers no sooner
		}
		if time.Now().After(end) {
			w.stop()
			w.t.Fatalf("the server is not ready after 30 s:\n%s", w.logs.String())
		}
	}
}

// stop kills the program if it is there still.
func (w *crashWorld) stop() {
	w.mu.Lock()
	process, died := w.process, w.died
	w.process, w.left = nil, -1
	w.mu.Unlock()
	if process != nil {
		process.Kill() // it may be gone already
		<-died
	}
}

// idle waits until the server has nothing under way.
func (w *crashWorld) idle() {
	w.t.Helper()
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); {
		busy := 0.0
		w.metrics("/metrics", func(name string, value float64) {
			if strings.HasPrefix(name, "countersign_queue") && (strings.Contains(name, `"leased"`) || strings.Contains(name, `"due"`)) {
				busy += value
			}
		})
		if busy == 0 {
			return
		}
		<-time.After(20 * time.Millisecond) // it tells no sooner
	}
	w.t.Error("the server is busy for ever")
}

// fail lets GitHub stumble at some of the next requests.
func (w *crashWorld) fail(rnd *rand.Rand) string {
	faults := []githubtest.Fault{{Status: 502}, {Status: 500, Apply: true}, {Reset: true}, {Reset: true, Apply: true},
		{Half: true}, {Half: true, Apply: true}, {HTML: true}}
	fault := faults[rnd.IntN(len(faults))]
	fault.Times = 1 + rnd.IntN(2)
	w.github.Fail("*", fault)
	return fault.String()
}

// act is what somebody does.
func (w *crashWorld) act(rnd *rand.Rand) string {
	w.t.Helper()
	number := 1 + rnd.IntN(max(1, len(w.heads)))
	who := []string{"bob", "carol", "dave"}[rnd.IntN(3)]
	branch := fmt.Sprintf("change-%d", number)
	switch kind := rnd.IntN(6); {
	case len(w.heads) == 0 || kind == 0 && len(w.heads) < 4:
		branch = fmt.Sprintf("change-%d", len(w.heads)+1)
		content := w.push(branch, rnd)
		number = mustOf(w.repository.OpenPull(githubtest.OpenPull{Author: "alice", Head: branch}))(w.t)
		w.heads[number], w.approvals[number] = content, map[string]string{}
		return fmt.Sprintf("alice opens #%d", number)
	case kind == 1:
		w.heads[number] = w.push(branch, rnd)
		return fmt.Sprintf("alice pushes %s to #%d", w.heads[number], number)
	case kind == 2:
		w.must(w.repository.Comment(number, who, "/countersign recheck"))
		return fmt.Sprintf("%s comments on #%d", who, number)
	}
	w.must(w.repository.Review(number, githubtest.Review{Login: who, State: "approved"}))
	w.approvals[number][who] = w.heads[number]
	return fmt.Sprintf("%s approves #%d", who, number)
}

func (w *crashWorld) push(branch string, rnd *rand.Rand) string {
	w.t.Helper()
	content := []string{"5", "7"}[rnd.IntN(2)]
	parent := w.repository.Branch(branch)
	if parent == "" {
		parent = w.repository.Branch("main")
	}
	files := crashFiles(content)
	files["README.md"] = fmt.Sprintf("%d\n", rnd.Uint64()) // so that each head is a new one
	sha := mustOf(w.repository.Commit(githubtest.Commit{Parents: []string{parent}, Files: files, Author: "alice"}))(w.t)
	w.check(w.repository.Push("alice", branch, sha))
	return content
}

// wanted is what the check of a pull request must come to.
func (w *crashWorld) wanted(number int) string {
	count := 0
	for _, content := range w.approvals[number] {
		if content == w.heads[number] {
			count++
		}
	}
	if count >= 2 {
		return "success"
	}
	return "action_required"
}

type crashCheck struct {
	Name       string `json:"name"`
	Status     string `json:"status"`
	Conclusion string `json:"conclusion"`
	External   string `json:"external_id"`
}

// checks are the check runs of a pull request's head.
func (w *crashWorld) checks(number int) (string, []crashCheck) {
	w.t.Helper()
	head := w.repository.Branch(fmt.Sprintf("change-%d", number))
	var answer struct {
		Runs []crashCheck `json:"check_runs"`
	}
	w.read("/commits/"+head+"/check-runs", &answer)
	return head, answer.Runs
}

// read asks GitHub as a person does, again where a fault met it.
func (w *crashWorld) read(path string, into any) {
	w.t.Helper()
	err := errors.New("not asked")
	for tries := 0; err != nil && tries < 5; tries++ {
		err = w.ask(path, into)
	}
	w.check(err)
}

func (w *crashWorld) ask(path string, into any) error {
	request, err := http.NewRequestWithContext(w.t.Context(), http.MethodGet, w.github.URL()+"/repos/acme/clusters"+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+mustOf(w.github.UserToken("alice"))(w.t))
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// awaitDeathOrRest ends when the planned kill happened, or when there is
// nothing left to be killed at.
func (w *crashWorld) awaitDeathOrRest() {
	w.mu.Lock()
	died := w.died
	w.mu.Unlock()
	w.await(died, "", 60*time.Second)
}

// awaitRest ends when every pull request's check says what it must.
func (w *crashWorld) awaitRest(when string) {
	w.t.Helper()
	if trouble := w.await(nil, when, 60*time.Second); trouble != "" {
		w.stop()
		w.t.Fatalf("%s: %s\n%s", when, trouble, w.logs.String())
	}
}

func (w *crashWorld) await(died <-chan struct{}, _ string, most time.Duration) string {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), most)
	defer cancel()
	for {
		trouble := w.trouble()
		if trouble == "" {
			return ""
		}
		select {
		case <-died:
			return trouble
		case <-w.changed:
		case <-time.After(time.Second): // a write of ours may have been the last request
		case <-ctx.Done():
			return trouble
		}
	}
}

// trouble says which check is not yet what it must be.
func (w *crashWorld) trouble() string {
	w.t.Helper()
	for number := range w.heads {
		head, runs := w.checks(number)
		green := false
		for _, run := range runs {
			green = green || run.Conclusion == "success"
		}
		if green {
			w.greens[head] = true
		}
		if len(runs) != 1 || runs[0].Status != "completed" || runs[0].Conclusion != w.wanted(number) {
			return fmt.Sprintf("#%d at %.8s: %v, wanted %s", number, head, runs, w.wanted(number))
		}
	}
	return ""
}

// once says that nothing was written twice.
func (w *crashWorld) once() {
	w.t.Helper()
	made := map[string]int{}
	for _, request := range w.github.Writes() {
		if request.Operation != "checks/create" || request.Status != http.StatusCreated {
			continue
		}
		var check crashCheck
		w.check(json.Unmarshal(request.Body, &check))
		made[check.External]++
		if made[check.External] > 1 {
			w.t.Errorf("check run %s was made %d times", check.External, made[check.External])
		}
	}
	for number := range w.heads {
		var comments []struct {
			User struct {
				Login string `json:"login"`
			} `json:"user"`
		}
		w.read(fmt.Sprintf("/issues/%d/comments?per_page=100", number), &comments)
		ours := 0
		for _, c := range comments {
			if strings.HasPrefix(c.User.Login, "countersign") {
				ours++
			}
		}
		if ours > 1 {
			w.t.Errorf("#%d has %d comments of ours", number, ours)
		}
	}
}

// greenWasDecided says that every green check rests on a recorded decision.
func (w *crashWorld) greenWasDecided() {
	w.t.Helper()
	s, err := store.Open(w.t.Context(), store.Options{URL: "sqlite:" + filepath.Join(w.dir, "countersign.db")})
	w.check(err)
	defer s.Close()
	passed := map[string]bool{}
	for after := int64(0); ; {
		entries, err := s.Entries(w.t.Context(), store.LogQuery{Kind: "verdict", After: after})
		w.check(err)
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			var d review.Decision
			w.check(json.Unmarshal(e.Body, &d))
			passed[d.Head] = passed[d.Head] || d.Verdict.State == "pass"
			after = e.ID
		}
	}
	for head := range w.greens {
		if !passed[head] {
			w.t.Errorf("%s was green, and no decision says so", head)
		}
	}
	if len(w.greens) == 0 && *crashes >= 12 {
		w.t.Error("nothing was ever green: the test asks for nothing")
	}
}
