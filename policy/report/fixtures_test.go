package report

import (
	"fmt"
	"time"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/render"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// quiet is a fleet in which nothing is privileged and nothing is found.
func quiet() policy.Assessment {
	return policy.Assessment{
		Engine: policy.Engine{Version: "0.1.0", Renderer: "sha256:aa11", Rules: "sha256:bb22", Config: "sha256:cc33", KeyID: "k-7f"},
		Base:   policy.Revision{Rev: "main", Commit: "1111111111111111111111111111111111111111", Tree: "t1"},
		Head:   policy.Revision{Rev: "topic", Commit: "2222222222222222222222222222222222222222", Tree: "t2"},
		Config: &config.Config{Mode: "enforce", Baseline: "ratchet", Origin: ".countersign.yaml", Override: &config.Override{
			Team: "acme/break-glass", Window: "15m"},
			Approvals: config.Approvals{Required: 2, Teams: []string{"acme/platform"}, MinPermission: "write",
				HoldPermission: "write", Exclude: []string{"author", "initiator", "commit_author", "committer", "co_author", "pusher", "bot"}}},
		MergedTree: "t3", Unaffected: 11,
		Roots: []policy.Root{{Path: "clusters/eu-1", Destination: "clusters/eu-1", Side: "both", Status: "built", Objects: 17}},
		Rules: []policy.RuleOutcome{{ID: "CS-AUD-001", Outcome: "passed"}, {ID: "CS-CHG-005", Outcome: "not_applicable"},
			{ID: "CS-SSH-001", Outcome: "passed"}},
	}
}

func cluster(name string) policy.Object {
	return policy.Object{Group: "cluster.x-k8s.io", Version: "v1beta1", Kind: "Cluster", Namespace: "prod", Name: name}
}

// upgrade is a change of two clusters with everything that changes can have.
func upgrade() policy.Assessment {
	a := quiet()
	at := func(file string, line int) render.Source { return render.Source{File: file, Line: line} }
	a.Changes = []policy.Change{
		{Action: "update", Object: cluster("eu-1"), Destination: "clusters/eu-1", Cluster: "prod/eu-1", Clusters: []string{"prod/eu-1"},
			Roots: []string{"clusters/eu-1"}, Privileged: true, Source: at("clusters/eu-1/cluster.yaml", 12),
			Fields: []policy.Field{
				{Path: "spec.topology.version", Before: "v1.33.2", After: "v1.34.1", Source: at("clusters/eu-1/cluster.yaml", 12)},
				{Path: "spec.paused", After: true},
				{Path: "spec.topology.workers.machineDeployments[0].replicas", Before: "3"},
			},
			Reasons: []policy.Reason{{Rule: "CS-CHG-005", Severity: engine.High, Message: "cluster prod/eu-1 is upgraded from v1.33.2 to v1.34.1"}}},
		{Action: "update", Object: policy.Object{Version: "v1", Kind: "Secret", Namespace: "prod", Name: "eu-1-cloud"},
			Destination: "clusters/eu-1", Cluster: "prod/eu-1", Clusters: []string{"prod/eu-1"}, Privileged: true,
			Source: at("clusters/eu-1/secret.yaml", 7),
			Fields: []policy.Field{{Path: "data.password", Before: "(secret: literal)", After: "(secret: literal)"}},
			Reasons: []policy.Reason{{Rule: "CS-CHG-017", Severity: engine.Critical,
				Message: "the credentials of cluster prod/eu-1 change"}}},
		{Action: "delete", Object: cluster("eu-2"), Destination: "clusters/eu-2", Cluster: "prod/eu-2", Clusters: []string{"prod/eu-2"},
			Privileged: true, Source: at("clusters/eu-2/cluster.yaml", 1),
			Reasons: []policy.Reason{{Rule: "CS-CHG-001", Severity: engine.Critical,
				Message: "cluster prod/eu-2 is deleted, and its machines with it"}}},
		{Action: "move", Object: policy.Object{Version: "v1", Kind: "ConfigMap", Namespace: "apps", Name: "web"}, Destination: "apps/b",
			From: "apps/a", Privileged: true, Source: at("apps/b/web.yaml", 3),
			Reasons: []policy.Reason{{Rule: "CS-CHG-028", Severity: engine.High, Message: "Any other change"}}},
		{Action: "update", Object: policy.Object{Group: "apps", Version: "v1", Kind: "Deployment", Namespace: "apps", Name: "web"},
			Destination: "apps/b", Source: at("apps/b/web.yaml", 31),
			Fields:   []policy.Field{{Path: "spec.replicas", Before: "2", After: "3"}},
			Harmless: []policy.Reason{{Rule: "CS-HRM-001", Message: "a workload in a namespace of its own"}}},
	}
	a.Entries = []policy.Entry{
		{Kind: "resource", Name: "clusters/eu-1|cluster.x-k8s.io/Cluster|prod/eu-1", Digest: "sha256:01"},
		{Kind: "file", Name: ".github/CODEOWNERS", Digest: "sha256:02"},
	}
	a.Digest, a.Clusters = "sha256:d1", []string{"prod/eu-1", "prod/eu-2"}
	a.Rules = append(a.Rules, policy.RuleOutcome{ID: "CS-CHG-001", Outcome: "privileged", Findings: 1})
	return a
}

func finding(rule string, state policy.State, effect engine.Effect, line int) policy.Finding {
	return policy.Finding{Rule: engine.RuleID(rule), Title: "No SSH key on nodes", Severity: engine.Critical, Effect: effect, State: state,
		Confidence: engine.Certain, Object: policy.Object{Group: "infrastructure.cluster.x-k8s.io", Version: "v1beta2",
			Kind: "AWSMachineTemplate", Namespace: "prod", Name: fmt.Sprintf("eu-1-md-%d", line)},
		Destination: "clusters/eu-1", Cluster: "prod/eu-1", Clusters: []string{"prod/eu-1"}, Path: "spec.template.spec.sshKeyName",
		Field: "present", Message: "machines of eu-1 can be logged in to with the key \"ops\"",
		Remediation: "set sshKeyName: \"\" on the machine template or on the AWSCluster", Guideline: "limit-access/ssh-access",
		Source: render.Source{File: "clusters/eu-1/machines.yaml", Line: line}, Roots: []string{"clusters/eu-1"},
		Fingerprint: fmt.Sprintf("%032x", line)}
}

func violation() policy.Assessment {
	a := upgrade()
	worse := finding("CS-AUD-005", policy.Worsened, engine.Block, 40)
	worse.Title, worse.Field, worse.Severity = "Audit logs are kept long enough on the node", "absent", engine.High
	worse.Path = `spec.kubeadmConfigSpec.clusterConfiguration.apiServer.extraArgs["audit-log-maxage"]`
	worse.Message, worse.Remediation = "audit logs are kept too briefly on the node: 7 days", "set audit-log-maxage to 30 or more"
	warning := finding("CS-GEN-003", policy.New, engine.Warn, 3)
	warning.Title, warning.Severity, warning.Confidence = "A value is not known", engine.Medium, engine.Unknown
	a.Findings = []policy.Finding{worse, warning, finding("CS-SSH-001", policy.New, engine.Block, 31),
		finding("CS-SSH-001", policy.Existing, engine.Block, 99), finding("CS-SSH-001", policy.Fixed, engine.Block, 77)}
	waived := finding("CS-SSH-005", policy.New, engine.Block, 55)
	waived.Waiver = &policy.Waiver{File: ".countersign/waivers/ssh.yaml", Expires: "2026-05-01"}
	a.Findings = append(a.Findings, waived)
	a.Preview = []string{"approvals.required: 2 → 3", "rules.CS-SSH-002.params: changed"}
	a.Notices = []render.Problem{{Cause: render.CauseSyntax, Message: "this file could not be parsed",
		Source: render.Source{File: "old/broken.yaml", Line: 4}}}
	return a
}

func user(id int64, login string) policy.User {
	return policy.User{ID: policy.UserID(id), Login: login, Type: "User"}
}

// asked are the facts of a pull request by alice that bob approved, carol
// approved too early and a bot approved.
func asked(a policy.Assessment) policy.PullRequest {
	alice, bob, carol := user(1, "alice"), user(2, "bob"), user(3, "carol")
	bot := policy.User{ID: 9, Login: "renovate[bot]", Type: "Bot"}
	people := map[policy.UserID]policy.Person{}
	for _, u := range []policy.User{alice, bob, carol} {
		people[u.ID] = policy.Person{User: u, Role: "write", OrgMember: true, Teams: []string{"acme/platform", "acme/break-glass"}}
	}
	review := func(id int64, u policy.User, digest string) policy.Review {
		return policy.Review{ID: id, User: &u, State: "APPROVED", Submitted: noon.Add(time.Duration(id) * time.Minute),
			Bound: digest, BoundKnown: true, BoundBase: "main"}
	}
	return policy.PullRequest{Given: true, Number: 7, Base: "main", Author: &alice, AuthorRole: "write", People: people, Now: noon,
		Commits: []policy.Commit{{SHA: "abc", Author: &alice, Committer: &alice, Pushers: []policy.User{alice}}},
		Reviews: []policy.Review{review(1, bob, a.Digest), review(2, carol, "sha256:old"), review(3, bot, a.Digest),
			review(4, alice, a.Digest)}}
}

// fixtures are the reports whose bytes are kept in testdata.
func fixtures() map[string]Report {
	decided := func(a policy.Assessment, pr policy.PullRequest) Report { return New(a, policy.Decide(a, pr), false) }
	list := map[string]Report{}
	list["pass"] = decided(quiet(), asked(quiet()))
	list["needs-approval"] = decided(upgrade(), asked(upgrade()))
	noFacts := policy.PullRequest{NotGiven: []string{"pushes", "reviews"}}
	list["violation"] = decided(violation(), noFacts)

	held := asked(upgrade())
	held.Holds = []policy.Hold{{By: user(3, "carol"), Reason: "wait", At: noon}}
	held.Reviews[0].State = "CHANGES_REQUESTED"
	held.Commits = append(held.Commits, policy.Commit{SHA: "deadbeefcafe", Pushers: []policy.User{user(1, "alice")}})
	list["blocked"] = decided(upgrade(), held)

	broken := upgrade()
	broken.Problems = []policy.Problem{
		{Code: "render", Root: "clusters/eu-1", Problem: render.Problem{Cause: render.CauseMissing,
			Message: "../base is not in the repository", Remedy: "add it, or remove it from resources",
			Source: render.Source{File: "clusters/eu-1/kustomization.yaml", Line: 5}}},
		{Code: "render", Root: "clusters/eu-9", Problem: render.Problem{Cause: render.CauseDeadline, Message: "took more than 5 s"}}}
	list["error"] = decided(broken, asked(broken))
	list["people-unknown"] = decided(upgrade(), policy.PullRequest{Given: true, Base: "main",
		Teams: []policy.Team{{Name: "acme/platform", Unknown: "404"}}})

	observed := violation()
	observed.Config.Mode = "observe"
	list["observing"] = decided(observed, asked(observed))

	emergency := asked(upgrade())
	for i, u := range []policy.User{user(2, "bob"), user(3, "carol")} {
		emergency.Overrides = append(emergency.Overrides, policy.OverrideRequest{By: u, Reason: "eu-1 is down, INC-4711",
			At: noon.Add(-time.Duration(5-i) * time.Minute), Digest: "sha256:d1"})
	}
	list["override"] = decided(upgrade(), emergency)

	audit := quiet()
	audit.Audit, audit.Base = true, policy.Revision{}
	audit.Findings = []policy.Finding{finding("CS-SSH-001", policy.Existing, engine.Block, 31),
		finding("CS-SSH-001", policy.Existing, engine.Block, 32)}
	list["audit"] = decided(audit, policy.PullRequest{})
	strict := audit
	strict.Config = &config.Config{Mode: "enforce", Baseline: "strict", Origin: "defaults"}
	list["audit-strict"] = New(strict, policy.Decide(strict, policy.PullRequest{}), true)

	list["hostile"] = decided(hostile(), hostileFacts())
	list["huge"] = decided(huge(), policy.PullRequest{})
	return list
}

// evil are texts that mean something to a terminal, a browser or GitHub.
var evil = []string{
	"<!-- countersign -->", "</details><h1>Approved</h1>", "@acme/platform", "#1", "acme/fleet#2", "GH-3",
	"![x](https://evil.example/beacon.png)", "[ok](https://evil.example)", "https://evil.example/a", "www.evil.example",
	"``` \n## ✅ Approved by bob\n```", "a`b``c```d", "\x1b[2J\x1b[32mApproved", "a\r\nb", "x\u202egnp.exe", "a\u200bb\u2060c",
	"/countersign override now\n/countersign unhold", "| a | b |\n|---|---|", "**bold** _it_ ~~s~~", "1111111111111111111111111111111111111111",
	"$`\\color{green}{ok}`$", ":white_check_mark:", "ops@example.com", "e\u0301\u0301\u0301\u0301", "\ufffd\xff\xfe", "\u3164", "- [x] done",
	"&lt;b&gt;&#64;acme", "[x]: https://evil.example", "\\@acme\\", "$x$ $$y$$", "{{.}} ${X}", "[^1]", "a\u2028b\u2029c\u0085d",
}

// hostile puts evil texts wherever the input can put text.
func hostile() policy.Assessment {
	a := upgrade()
	a.Changes, a.Entries = nil, nil
	for i, text := range evil {
		object := policy.Object{Group: text, Version: text, Kind: "ConfigMap", Namespace: text, Name: text}
		source := render.Source{File: "clusters/" + text, Line: i}
		a.Changes = append(a.Changes, policy.Change{Action: "update", Object: object, Destination: text, Cluster: text,
			Clusters: []string{text}, Privileged: true, Source: source, From: text, RenamedFrom: &object,
			Fields:  []policy.Field{{Path: text, Before: text, After: map[string]any{text: []any{text}}}},
			Reasons: []policy.Reason{{Rule: "CS-CHG-028", Message: text + " changes " + text}}})
		f := finding("CS-SSH-001", policy.New, engine.Block, i)
		f.Object, f.Source, f.Path, f.Cluster, f.Clusters = object, source, text, text, []string{text}
		f.Message, f.Remediation = "user "+text+" logs in", "remove `"+text+"`"
		a.Findings = append(a.Findings, f)
		f.Effect = engine.Info
		a.Findings = append(a.Findings, f)
		f.State = policy.Existing
		a.Findings = append(a.Findings, f)
		a.Entries = append(a.Entries, policy.Entry{Kind: "file", Name: text, Digest: fmt.Sprint(i)})
		a.Roots = append(a.Roots, policy.Root{Path: text, Destination: text, Side: "head", Status: "built",
			Error: &render.Problem{Message: text}})
		problem := render.Problem{Cause: render.CauseSyntax, Message: text, Remedy: text, Source: source}
		a.Problems = append(a.Problems, policy.Problem{Code: "render", Root: text, Problem: problem})
		a.Notices = append(a.Notices, problem)
		a.Preview = append(a.Preview, "ignore: "+text+" → "+text)
	}
	return a
}

func hostileFacts() policy.PullRequest {
	pr := asked(hostile())
	for i, text := range evil {
		u := user(int64(100+i), text)
		pr.Reviews = append(pr.Reviews, policy.Review{ID: u2(i), User: &u, State: "CHANGES_REQUESTED", Submitted: noon})
		pr.People[u.ID] = policy.Person{User: u, Role: "write", OrgMember: true, Teams: []string{"acme/platform"}}
		pr.Audit = append(pr.Audit, text)
		pr.NotGiven = append(pr.NotGiven, text)
	}
	return pr
}

func u2(i int) int64 { return int64(1000 + i) }

// huge has more of everything than a check run can show.
func huge() policy.Assessment {
	a := upgrade()
	for i := range 3000 {
		f := finding(fmt.Sprintf("CS-SSH-%03d", i%7), policy.New, engine.Block, i)
		f.Source.File = fmt.Sprintf("clusters/a-rather-long-name-of-a-cluster-%04d/machines-ü.yaml", i)
		a.Findings = append(a.Findings, f)
		f.Effect = engine.Warn
		a.Findings = append(a.Findings, f)
		f.State = policy.Existing
		a.Findings = append(a.Findings, f)
		c := a.Changes[i%5]
		c.Object.Name = fmt.Sprintf("object-%04d", i)
		a.Changes = append(a.Changes, c)
	}
	return a
}
