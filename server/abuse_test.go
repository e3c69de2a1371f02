package server_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign-dev/countersign/server"
	"github.com/countersign-dev/countersign/server/github/githubtest"
	"github.com/countersign-dev/countersign/server/store"
)

// abuses are the attacks that no story tells, each by the id that it has
// wherever the project speaks of it. Others are stories, in testdata/abuse.json.
var abuses = map[string]func(*testing.T){
	"AC-001": abuseUnsigned, "AC-002": abuseOldSignature, "AC-003": abuseLargeBodies, "AC-004": abuseSignedNonsense,
	"AC-005": abuseReplay, "AC-006": abuseForeignInstallation, "AC-007": abuseSlowloris, "AC-008": abuseStoreIsStuck,
	"AC-010": abuseRenamed, "AC-039": TestPushAudit, "AC-072": abuseForgedComment, "AC-075": abuseTokens,
	"AC-077": abuseSpam, "AC-078": abuseBots, "AC-086": abuseOperations, "AC-089": abuseTwoReplicas,
	"AC-091": TestADayOfOutageAC091, "AC-092": abusePoison, "AC-093": abuseBudget,
}

// abusesLater are those of the same classes that nothing here can meet.
var abusesLater = map[string]string{
	"AC-043": "an organisation's settings come with the guidelines",
	"AC-044": "an organisation's own rules come with the guidelines",
	"AC-045": "an organisation's own rules come with the guidelines",
	"AC-046": "an organisation's own rules come with the guidelines",
	"AC-048": "waivers come with the guidelines", "AC-049": "waivers come with the guidelines",
	"AC-050": "waivers come with the guidelines", "AC-051": "waivers come with the guidelines",
	"AC-052": "waivers come with the guidelines", "AC-053": "waivers come with the guidelines",
	"AC-082": "there are no pages yet", "AC-083": "there are no pages yet",
	"AC-084": "there are no pages yet", "AC-085": "there is no set-up page yet",
	"AC-090": "played as AC-008: a store that does not answer; the store's own tests fill the disk",
	"AC-094": "dependencies and images are the business of CI, not of a test",
}

// TestAbuse plays every attack on a real server.
func TestAbuse(t *testing.T) {
	told := map[string][]told{}
	for _, s := range readStories(t, "testdata/abuse.json") {
		id, _, _ := strings.Cut(s.ID, "/")
		told[id] = append(told[id], s)
	}
	for _, id := range sample(t, slices.Sorted(maps.Keys(abuses))) {
		t.Run(id, abuses[id])
	}
	for _, id := range sample(t, slices.Sorted(maps.Keys(told))) {
		t.Run(id, func(t *testing.T) {
			for _, s := range told[id] {
				_, part, _ := strings.Cut(s.ID, "/")
				t.Run(part, func(t *testing.T) {
					t.Parallel()
					if s.err != nil {
						t.Fatalf("the story cannot be read: %v", s.err)
					}
					playStory(t, &s.story)
				})
			}
		})
	}
	for _, id := range slices.Sorted(maps.Keys(abusesLater)) {
		t.Logf("%s is not played: %s", id, abusesLater[id])
	}
	noGaps(t, told)
}

// noGaps holds what is played against the range of ids. Those from 40 to 74 that
// are not named here meet the command line and are played there.
func noGaps(t *testing.T, told map[string][]told) {
	for n := 1; n <= 94; n++ {
		id := fmt.Sprintf("AC-%03d", n)
		_, played := abuses[id]
		_, later := abusesLater[id]
		elsewhere := n >= 40 && n <= 42 || n == 47 || n >= 54 && n <= 74 && n != 72
		if known := played || later || len(told[id]) > 0; known == elsewhere {
			t.Errorf("%s: played or said why not: %v, by the command line: %v", id, known, elsewhere)
		}
	}
}

// hook is a webhook of the attacker's making.
type hook struct {
	event, guid string
	body        []byte
	header      http.Header
}

func signed(event, guid, body string) hook {
	mac := hmac.New(sha256.New, []byte(webhookSecret))
	mac.Write([]byte(body))
	return hook{event: event, guid: guid, body: []byte(body),
		header: http.Header{"X-Hub-Signature-256": {"sha256=" + hex.EncodeToString(mac.Sum(nil))}}}
}

// guidOf is an id as GitHub gives it: of one that is none, made from it.
func guidOf(text string) string {
	if strings.Count(text, "-") == 4 {
		return text
	}
	sum := sha256.Sum256([]byte(text))
	return fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
}

func (f *fleet) post(h hook) int {
	f.t.Helper()
	request := must(http.NewRequest(http.MethodPost, f.app.URL()+"/webhook", bytes.NewReader(h.body)))(f.t)
	request.Header = h.header.Clone()
	if request.Header == nil {
		request.Header = http.Header{}
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("X-GitHub-Event", h.event)
	request.Header.Set("X-GitHub-Delivery", guidOf(h.guid))
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	answer := must(client.Do(request))(f.t)
	check(f.t, answer.Body.Close())
	return answer.StatusCode
}

// serving is a fleet with a server and an open pull request that needs approval.
func serving(t *testing.T) (f *fleet, number int) {
	t.Helper()
	f = newFleet(t)
	f.start()
	number = f.open("alice", "change", map[string]string{"clusters/a/placement.yaml": placement(2)})
	f.rest()
	return f, number
}

func (f *fleet) verdicts() int {
	entries := must(f.store().Entries(context.Background(), store.LogQuery{Kind: "verdict"}))(f.t)
	return len(entries)
}

func abuseUnsigned(t *testing.T) {
	f, number := serving(t)
	for _, secrets := range [][]string{nil, {""}, {"too short"}} {
		weak := f.settings
		weak.WebhookSecrets, weak.Data = secrets, t.TempDir()
		s, err := server.New(t.Context(), server.Options{Settings: weak, Version: "test", RenderArgs: []string{renderChild}})
		if err == nil || s != nil {
			t.Errorf("a server starts with the secrets %q", secrets)
		}
	}
	body := fmt.Sprintf(`{"action":"synchronize","number":%d}`, number)
	if got := f.post(hook{event: "pull_request", guid: "unsigned", body: []byte(body)}); got != http.StatusUnauthorized {
		t.Errorf("unsigned: %d", got)
	}
	if must(f.store().Seen(t.Context(), guidOf("unsigned")))(t) {
		t.Error("an unsigned delivery was kept")
	}
}

func abuseOldSignature(t *testing.T) {
	f, _ := serving(t)
	body := []byte(`{"zen":"x"}`)
	mac := hmac.New(sha1.New, []byte(webhookSecret))
	mac.Write(body)
	old := hook{event: "ping", guid: "old", body: body, header: http.Header{"X-Hub-Signature": {"sha1=" + hex.EncodeToString(mac.Sum(nil))}}}
	if got := f.post(old); got != http.StatusUnauthorized {
		t.Errorf("signed by SHA-1 alone: %d", got)
	}
}

func abuseLargeBodies(t *testing.T) {
	f, _ := serving(t)
	var wait sync.WaitGroup
	codes := make([]int, 12)
	for n := range codes {
		wait.Go(func() {
			// No length is told: the body comes in chunks, 50 MiB of them.
			endless := io.LimitReader(zeros{}, 50<<20)
			answer, err := (&http.Client{Timeout: time.Minute}).Post(f.app.URL()+"/webhook", "application/json", endless)
			if err != nil {
				codes[n] = http.StatusRequestEntityTooLarge // hung up on
				return
			}
			codes[n] = answer.StatusCode
			_ = answer.Body.Close()
		})
	}
	began := time.Now()
	if got := f.post(signed("ping", "beside", `{"zen":"x"}`)); got != http.StatusAccepted {
		t.Errorf("a delivery beside large bodies: %d", got)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a delivery beside large bodies took %s", took)
	}
	wait.Wait()
	for _, code := range codes {
		if code != http.StatusRequestEntityTooLarge && code != http.StatusServiceUnavailable && code != http.StatusUnauthorized {
			t.Errorf("a body of 50 MiB: %d", code)
		}
	}
}

// zeros never end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func abuseSignedNonsense(t *testing.T) {
	f, number := serving(t)
	bodies := []string{`null`, `[]`, `{}`, `{"action":1}`, `{"repository":null,"installation":null}`, `{"repository":[],"pull_request":[]}`,
		`{"repository":{"id":"x"},"installation":{"id":-1}}`, `{`, strings.Repeat(`{"a":`, 20000), strings.Repeat("[", 100000), "\xff\xfe", ``,
		fmt.Sprintf(`{"installation":{"id":%d},"repository":{"id":%d},"pull_request":{"number":-5,"head":null}}`, f.installation.ID, f.repository.ID())}
	n := 0
	for _, event := range []string{"pull_request", "pull_request_review", "issue_comment", "check_run", "check_suite", "push", "merge_group",
		"status", "member", "team", "organization", "repository", "installation", "nothing_known"} {
		for _, body := range bodies {
			n++
			if got := f.post(signed(event, fmt.Sprintf("nonsense-%d", n), body)); got != http.StatusAccepted && got != http.StatusBadRequest {
				t.Errorf("%s %.60q: %d", event, body, got)
			}
		}
	}
	f.rest()
	f.approve(number, "bob", "carol")
	f.rest()
	if got := f.conclusion(number); got != "success" {
		t.Errorf("afterwards the check says %q", got)
	}
}

func abuseReplay(t *testing.T) {
	f, number := serving(t)
	f.approve(number, "bob")
	f.rest()
	captured := f.github.Deliveries()
	last := captured[len(captured)-1]
	before, requests := f.verdicts(), len(f.github.Requests())
	f.at(f.clock.Now().Add(time.Hour))
	f.rest()
	idle := len(f.github.Requests()) - requests
	for range 300 {
		if got := f.post(signed(last.Event, last.GUID, string(last.Payload))); got != http.StatusAccepted {
			t.Fatalf("a replay: %d", got)
		}
	}
	f.rest()
	if got := f.verdicts(); got != before {
		t.Errorf("%d verdicts after the replays, %d before", got, before)
	}
	if got := len(f.github.Requests()) - requests - idle; got != 0 {
		t.Errorf("the replays led to %d requests", got)
	}
	if got := f.post(signed(last.Event, "forged", string(last.Payload))); got != http.StatusAccepted {
		t.Errorf("an old body under a new id: %d", got)
	}
	f.rest()
	if got := f.conclusion(number); got != "action_required" {
		t.Errorf("an old body under a new id makes the check %q", got)
	}
}

func abuseForeignInstallation(t *testing.T) {
	f, _ := serving(t)
	check(t, errors.Join(func() error { _, err := f.github.AddOrganisation("other"); return err }()))
	foreign := must(f.github.AddRepository("other", "clusters"))(t)
	installed := must(f.github.Install("other"))(t)
	f.rest()
	from := len(f.github.Requests())
	body := fmt.Sprintf(`{"action":"opened","number":1,"installation":{"id":%d},"repository":{"id":%d,"full_name":"acme/clusters"},`+
		`"pull_request":{"number":1,"head":{"sha":"%040d"}},"sender":{"id":1}}`, f.installation.ID, foreign.ID(), 7)
	if got := f.post(signed("pull_request", "foreign", body)); got != http.StatusAccepted {
		t.Errorf("a repository of another installation: %d", got)
	}
	f.rest()
	for _, r := range f.github.Requests()[from:] {
		if strings.Contains(r.Path, fmt.Sprintf("/%d/access_tokens", installed.ID)) || strings.Contains(r.Path, "/repos/other/") {
			t.Errorf("asked for %s %s", r.Method, r.Path)
		}
	}
	if !must(f.store().Seen(t.Context(), guidOf("foreign")))(t) {
		t.Error("the delivery was not kept")
	}
}

func abuseSlowloris(t *testing.T) {
	f, _ := serving(t)
	address := strings.TrimPrefix(f.app.URL(), "http://")
	for range 100 {
		slow := must(net.Dial("tcp", address))(t)
		defer slow.Close()
		must(io.WriteString(slow, "POST /webhook HTTP/1.1\r\nHost: x\r\nX-A"))(t)
	}
	began := time.Now()
	if answer, _ := get(t, f.app.URL()+"/healthz"); answer.StatusCode != http.StatusOK {
		t.Errorf("health beside slow senders: %d", answer.StatusCode)
	}
	if got := f.post(signed("ping", "beside", `{"zen":"x"}`)); got != http.StatusAccepted {
		t.Errorf("a delivery beside slow senders: %d", got)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("beside slow senders it took %s", took)
	}
	slow := must(net.Dial("tcp", address))(t)
	defer slow.Close()
	must(io.WriteString(slow, "POST /webhook HTTP/1.1\r\nHost: x\r\n"))(t)
	check(t, slow.SetReadDeadline(time.Now().Add(10*time.Second)))
	if _, err := io.ReadAll(slow); errors.Is(err, os.ErrDeadlineExceeded) {
		t.Error("who never ends a header is not hung up on")
	}
}

// abuseStoreIsStuck has another process hold the database while a webhook comes.
func abuseStoreIsStuck(t *testing.T) {
	if os.Getenv("COUNTERSIGN_TEST_POSTGRES") != "" {
		t.Skip("holds the file of SQLite")
	}
	f, number := serving(t)
	db := must(sql.Open("sqlite", strings.TrimPrefix(f.settings.Database, "sqlite:")))(t)
	defer db.Close()
	held := must(db.Conn(t.Context()))(t)
	defer held.Close()
	must(held.ExecContext(t.Context(), "BEGIN IMMEDIATE"))(t)
	if got := f.post(signed("ping", "stuck", `{"zen":"x"}`)); got != http.StatusServiceUnavailable {
		t.Errorf("while the store is stuck: %d", got)
	}
	if answer, _ := get(t, f.app.URL()+"/readyz"); answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("ready while the store is stuck: %d", answer.StatusCode)
	}
	must(held.ExecContext(t.Context(), "ROLLBACK"))(t)
	if must(f.store().Seen(t.Context(), guidOf("stuck")))(t) {
		t.Error("what was refused is there")
	}
	f.approve(number, "bob", "carol")
	f.rest()
	if got := f.conclusion(number); got != "success" {
		t.Errorf("afterwards the check says %q", got)
	}
}

func abuseRenamed(t *testing.T) {
	f, number := serving(t)
	f.approve(number, "bob")
	f.rest()
	var old githubtest.Delivery
	for _, d := range f.github.Deliveries() {
		if d.Event == "pull_request_review" {
			old = d
		}
	}
	check(t, f.repository.Rename("fleets"))
	must(f.github.AddRepository("acme", "clusters"))(t) // another takes the name
	f.rest()
	if got := f.post(signed(old.Event, "late", string(old.Payload))); got != http.StatusAccepted {
		t.Errorf("an event of the old name: %d", got)
	}
	must(f.repository.Review(number, githubtest.Review{Login: "carol", State: "approved"}))(t)
	f.rest()
	runs := f.repository.CheckRuns(f.repository.Branch("change"))
	if len(runs) != 1 || runs[0].Conclusion != "success" {
		t.Errorf("checks after the rename: %+v", runs)
	}
	for _, d := range must(f.store().Entries(t.Context(), store.LogQuery{Kind: "verdict"}))(t) {
		if d.Repository != f.repository.ID() {
			t.Errorf("a verdict on repository %d", d.Repository)
		}
	}
}

var tokens = regexp.MustCompile(`gh[spou]_[A-Za-z0-9]{8}|eyJ[A-Za-z0-9_-]{10}`)

func abuseTokens(t *testing.T) {
	f, number := serving(t)
	for _, fault := range []githubtest.Fault{{Status: 401}, {Status: 403}, {Status: 500}, {Reset: true}, {HTML: true}, {Half: true}} {
		for _, operation := range []string{"apps/create-installation-access-token", "pulls/get", "checks/update", "transport/upload-pack"} {
			fault.Times = 2
			f.github.Fail(operation, fault)
		}
		f.push("alice", "change", f.repository.Branch("change"), map[string]string{"docs/x.md": fault.String()})
		for range 4 {
			f.rest()
			f.at(f.clock.Now().Add(10 * time.Minute))
		}
		f.github.Heal()
	}
	f.rest()
	shown := f.log.String()
	for _, run := range f.repository.CheckRuns(f.repository.Branch("change")) {
		shown += run.Title + run.Summary + run.Text
	}
	for _, c := range f.repository.Comments(number) {
		shown += c.Body
	}
	for _, e := range must(f.store().Entries(t.Context(), store.LogQuery{}))(t) {
		shown += string(e.Body)
	}
	if found := tokens.FindString(shown); found != "" {
		t.Errorf("a token is shown: %.12s…", found)
	}
	if strings.Contains(shown, webhookSecret) {
		t.Error("the webhook's secret is shown")
	}
}

func abuseForgedComment(t *testing.T) {
	f, number := serving(t)
	ours := ""
	for _, c := range f.repository.Comments(number) {
		if strings.HasSuffix(c.Login, "[bot]") {
			ours = c.Body
		}
	}
	if ours == "" {
		t.Fatal("nobody was told that somebody must act")
	}
	forged := must(f.repository.Comment(number, "alice", ours))(t)
	for _, c := range f.repository.Comments(number) {
		if strings.HasSuffix(c.Login, "[bot]") {
			check(t, f.repository.EditComment(c.ID, "erin", "All approved."))
		}
	}
	f.rest()
	f.approve(number, "bob")
	f.rest()
	mine := 0
	for _, c := range f.repository.Comments(number) {
		switch {
		case c.ID == forged && c.Body != ours:
			t.Error("the forged comment was taken for ours")
		case strings.HasSuffix(c.Login, "[bot]"):
			mine++
			if strings.Contains(c.Body, "All approved.") {
				t.Error("the edited comment was left as it was")
			}
		}
	}
	if mine != 1 {
		t.Errorf("%d comments of ours", mine)
	}
	if got := f.conclusion(number); got != "action_required" {
		t.Errorf("the check says %q", got)
	}
}

func abuseSpam(t *testing.T) {
	f := newFleet(t)
	f.repository.Public()
	must(f.github.AddUser(githubtest.User{Login: "outsider"}))(t)
	f.start()
	number := f.open("alice", "change", map[string]string{"clusters/a/placement.yaml": placement(2)})
	f.rest()
	before := len(f.github.Writes())
	for range 100 {
		must(f.repository.Comment(number, "outsider", "/countersign recheck"))(t)
	}
	f.rest()
	replies, reactions := 0, 0
	for _, c := range f.repository.Comments(number) {
		reactions += len(c.Reactions)
		if strings.HasSuffix(c.Login, "[bot]") {
			replies++
		}
	}
	if replies != 1 || reactions > 1 || len(f.github.Writes())-before > 1 { // the one that says what is to be done
		t.Errorf("%d comments of ours, %d reactions, %d writes", replies, reactions, len(f.github.Writes())-before)
	}
}

func abuseBots(t *testing.T) {
	f, number := serving(t)
	must(f.github.AddUser(githubtest.User{Login: "helper[bot]", Type: "Bot"}))(t)
	check(t, f.repository.Permit("helper[bot]", "write"))
	check(t, f.repository.Permit("countersign[bot]", "write"))
	f.rest()
	before := len(f.github.Writes())
	must(f.repository.Comment(number, "helper[bot]", "/countersign hold"))(t)
	must(f.repository.Comment(number, "countersign[bot]", "/countersign help"))(t)
	f.rest()
	if got := len(f.github.Writes()) - before; got != 0 {
		t.Errorf("%d writes for commands of bots", got)
	}
	for _, c := range f.repository.Comments(number) {
		if regexp.MustCompile(`(?m)^\s*/(countersign|cs)\b`).MatchString(c.Body) && c.Login == "countersign[bot]" &&
			c.Body != "/countersign help" {
			t.Errorf("a comment of ours holds a command: %q", c.Body)
		}
	}
	f.approve(number, "bob", "carol")
	f.rest()
	if got := f.conclusion(number); got != "success" {
		t.Errorf("the bot's hold holds: %q", got)
	}
}

func abuseOperations(t *testing.T) {
	f, _ := serving(t)
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/heap", "/version"} {
		answer, text := get(t, f.app.URL()+path)
		if answer.StatusCode != http.StatusNotFound || strings.Contains(text, "go1.") {
			t.Errorf("%s in public: %d %q", path, answer.StatusCode, text)
		}
	}
	if answer, _ := get(t, operations(f.world)+"/metrics"); answer.StatusCode != http.StatusOK {
		t.Errorf("metrics for operators: %d", answer.StatusCode)
	}
}

func abuseTwoReplicas(t *testing.T) {
	f, number := serving(t)
	other := f.settings
	other.Data = t.TempDir()
	second := &world{t: t, clock: f.clock, settings: other, log: &logBook{}}
	s, err := startHere(second)
	check(t, err)
	defer func() { check(t, s.end()) }()
	for n := range 6 {
		f.approve(number, []string{"bob", "carol"}[n%2])
	}
	f.rest()
	check(t, s.Quiet(t.Context()))
	runs := f.repository.CheckRuns(f.head(number))
	if len(runs) != 1 || runs[0].Conclusion != "success" {
		t.Errorf("checks with two replicas: %d", len(runs))
	}
}

// abusePoison is a pull request that can never be read, beside another.
func abusePoison(t *testing.T) {
	f := newFleet(t)
	poison := regexp.MustCompile(`/pulls/1/commits`)
	f.transport = transport(func(r *http.Request) (*http.Response, error) {
		if poison.MatchString(r.URL.Path) {
			return nil, errors.New("poison")
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	f.start()
	bad := f.open("alice", "bad", map[string]string{"clusters/a/placement.yaml": placement(2)})
	good := f.open("alice", "good", map[string]string{"docs/x.md": "fine\n"})
	for range 12 {
		f.rest()
		f.at(f.clock.Now().Add(10 * time.Minute))
	}
	f.rest()
	if got := f.conclusion(good); got != "success" {
		t.Errorf("the other pull request: %q", got)
	}
	if got := f.conclusion(bad); got != "failure" {
		t.Errorf("what can never be judged: %q", got)
	}
	parked := must(f.store().Parked(t.Context()))(t)
	if len(parked) != 1 || parked[0].Attempts > 5 {
		t.Errorf("parked: %+v", parked)
	}
}

type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// abuseBudget lets a bot open many pull requests while little is left to ask.
func abuseBudget(t *testing.T) {
	f, number := serving(t)
	for n := range 12 {
		f.open("alice", fmt.Sprintf("many-%d", n), map[string]string{fmt.Sprintf("docs/%d.md", n): "x\n"})
	}
	f.rest()
	writes := map[string]int{}
	for _, w := range f.github.Writes() {
		var body struct {
			Head string `json:"head_sha"`
		}
		if json.Unmarshal(w.Body, &body) == nil && body.Head != "" {
			writes[body.Head]++
		}
	}
	for head, n := range writes {
		if n > 1 {
			t.Errorf("%d check runs for %s", n, head)
		}
	}
	// A fifth is kept for reviews and merge groups.
	f.installation.SetRemaining(22)
	f.approve(number, "bob") // by which we hear of it
	f.rest()
	waits := f.open("alice", "waits", map[string]string{"docs/waits.md": "x\n"})
	f.approve(number, "carol")
	f.rest()
	if got := f.conclusion(number); got != "success" {
		t.Errorf("a review within the reserve: the check says %q", got)
	}
	if got := f.conclusion(waits); got != "" {
		t.Errorf("a new pull request spends the reserve: its check says %q", got)
	}
	f.installation.SetRemaining(4000)
	f.at(f.clock.Now().Add(2 * time.Hour))
	f.approve(number, "bob") // by which we hear of it
	f.rest()
	f.at(f.clock.Now().Add(2 * time.Hour))
	f.rest()
	if got := f.conclusion(waits); got != "success" {
		t.Errorf("with a budget again the new pull request's check says %q", got)
	}
	f.installation.SetRemaining(3)
	f.push("alice", "change", f.repository.Branch("change"), map[string]string{"docs/late.md": "x\n"})
	f.rest()
	if got := f.conclusion(number); got == "success" {
		t.Errorf("without a budget the check says %q", got)
	}
	f.installation.SetRemaining(4000)
	f.at(f.clock.Now().Add(2 * time.Hour))
	f.approve(number, "bob", "carol")
	f.rest()
	if got := f.conclusion(number); got != "success" {
		t.Errorf("with a budget again the check says %q", got)
	}
}
