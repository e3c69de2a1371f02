package server_test

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/server/github/githubtest"
)

// The fleet of a story has one object for each label. A state with a label is
// one in which that label's object says so at the head and not at the base.
// A base that moves in a way that makes another change of the same head (a new
// label without a push) alters the same object in another line.

// change is what a label means: an object that says value, beside a base in
// that generation.
type change struct {
	object, value string
	generation    int
}

// tip is what a base says of an object.
type tip struct {
	value      string // "none" until the base takes a change over
	generation int
}

// base is a governed branch.
type base struct {
	tips  map[string]tip
	named bool // some commit of the story is its tip
}

const (
	noValue      = "none"
	policyFile   = ".countersign.yaml"
	defaultBase  = "main"
	organisation = "acme"
)

func objectFile(object string) string { return "fleet/" + object + "/placement.yaml" }

// manifest is an object of a kind that nobody knows: any change of it needs two.
func manifest(object string, says tip) string {
	return fmt.Sprintf(`apiVersion: fleet.acme.example/v1
kind: Placement
metadata:
  name: %s
  namespace: fleet
spec:
  head: %q
  one: 1
  two: 2
  three: 3
  generation: %d
`, object, says.value, says.generation)
}

// objectName is a name for the object of a label.
func objectName(label string) string {
	return "o-" + strings.ToLower(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, label))
}

// git runs git in the repository of the stateful GitHub.
func (p *play) git(args ...string) (string, error) {
	command := exec.Command("git", args...)
	command.Dir = p.repository.GitFolder()
	command.Env = []string{"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1"}
	var trouble bytes.Buffer
	command.Stderr = &trouble
	out, err := command.Output()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, trouble.String())
	}
	return strings.TrimSpace(string(out)), nil
}

func (p *play) isAncestor(a, b string) bool {
	_, err := p.git("merge-base", "--is-ancestor", a, b)
	return err == nil
}

// found makes the root commit, which all bases begin with.
func (p *play) found() error {
	files := map[string]string{policyFile: p.policy(p.story.Config.Required), "docs/about.md": "# A fleet\n"}
	for _, object := range p.objects {
		files[objectFile(object)] = manifest(object, tip{value: noValue})
		files["fleet/"+object+"/kustomization.yaml"] = "resources: [placement.yaml]\n"
	}
	root, err := p.repository.Commit(githubtest.Commit{Author: "operator", Files: files, Message: "the fleet"})
	if err != nil {
		return err
	}
	p.root = root
	for _, branch := range p.branches {
		if err := p.repository.Push("operator", branch, root); err != nil {
			return err
		}
		p.bases[branch] = &base{tips: map[string]tip{}}
	}
	return nil
}

// policy is the repository's settings as the story has them.
func (p *play) policy(required int) string {
	c := p.story.Config
	approvals := map[string]any{"required": required, "teams": orEmpty(c.Teams), "users": orEmpty(c.Users)}
	for key, list := range map[string][]string{"exclude": c.Exclude, "trusted_signers": c.ExemptUsers, "not_people": c.NotPeople} {
		if len(list) > 0 {
			approvals[key] = list
		}
	}
	for key, value := range map[string]string{"min_permission": c.MinPermission, "hold_permission": c.HoldMin} {
		if value != "" {
			approvals[key] = value
		}
	}
	all := map[string]any{"apiVersion": "countersign.dev/v1", "kind": "Config", "approvals": approvals,
		"bases": p.branches, "ignore": []string{"docs/**"}}
	if c.Override != nil {
		all["override"] = map[string]any{"team": c.Override.Team, "window": cmp.Or(c.Override.Window, "15m")}
	}
	text, err := json.MarshalIndent(all, "", "  ") // which is YAML, too
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text) + "\n"
}

func orEmpty(list []string) []string { return append([]string{}, list...) }

// says is what a base says of an object.
func (b *base) says(object string) tip {
	if says, known := b.tips[object]; known {
		return says
	}
	return tip{value: noValue}
}

// baseAt makes sure that a base holds the commit of that name: it makes one
// where the name is new. The first name of a base that has not moved is the root's.
func (p *play) baseAt(branch, commit string) error {
	b := p.bases[branch]
	if b == nil {
		return fmt.Errorf("there is no base %q", branch)
	}
	tip := p.repository.Branch(branch)
	sha, known := p.commits[commit]
	switch {
	case commit == "":
		return nil
	case !known && !b.named && tip == p.root:
		p.name(commit, p.root)
	case !known:
		return p.advance(branch, commit, nil)
	case p.isAncestor(sha, tip):
	case p.isAncestor(tip, sha):
		if err := p.repository.Push("operator", branch, sha); err != nil {
			return err
		}
	default:
		return fmt.Errorf("%s cannot be at %s: it has gone another way", branch, commit)
	}
	b.named = true
	return nil
}

// advance moves a base to a new commit with a document and those files.
func (p *play) advance(branch, commit string, files map[string]string) error {
	all := map[string]string{"docs/" + objectName(branch+" "+commit) + ".md": "the base at " + commit + "\n"}
	for file, text := range files {
		all[file] = text
	}
	sha, err := p.repository.Commit(githubtest.Commit{Parents: []string{p.repository.Branch(branch)}, Author: "operator", Files: all,
		Message: "base " + commit})
	if err != nil {
		return err
	}
	if commit != "" {
		p.name(commit, sha)
	}
	p.bases[branch].named = true
	return p.repository.Push("operator", branch, sha)
}

// moveBase moves a base so that a head whose change was of one label is of
// another: the same label needs no more than a document.
func (p *play) moveBase(branch, commit, from, to string) error {
	if _, known := p.commits[commit]; known || from == to || from == "" {
		return p.baseAt(branch, commit)
	}
	b, had := p.bases[branch], p.labels[from]
	says := b.says(had.object)
	if to == "" {
		says.value = had.value
	} else if meant, known := p.labels[to]; known {
		if meant.object != had.object || meant.value != had.value {
			return fmt.Errorf("no move of %s turns the change %s into %s", branch, from, to)
		}
		says = tip{noValue, meant.generation}
	} else {
		p.generations++
		says = tip{noValue, p.generations}
		p.labels[to] = change{had.object, had.value, p.generations}
	}
	b.tips[had.object] = says
	return p.advance(branch, commit, map[string]string{objectFile(had.object): manifest(had.object, says)})
}

// meaning is what a label means beside a base as it is now.
func (p *play) meaning(label string, b *base) (change, error) {
	meant, known := p.labels[label]
	if !known {
		meant = change{objectName(label), label, b.says(objectName(label)).generation}
		p.labels[label] = meant
	}
	if says := b.says(meant.object); says.generation != meant.generation || says.value == meant.value {
		return meant, fmt.Errorf("the base has moved so that no head makes the change %s any more", label)
	}
	return meant, nil
}

// content are the files by which a tree, which began at parent, makes the
// change of a label against a base. Its objects keep the generation they have.
func (p *play) content(parent, label string, b *base) (map[string]string, error) {
	var meant change
	if label != "" {
		var err error
		if meant, err = p.meaning(label, b); err != nil {
			return nil, err
		}
	}
	files := map[string]string{}
	for _, object := range p.objects {
		says := b.says(object)
		if object == meant.object {
			says.value = meant.value
		}
		text, err := p.git("show", parent+":"+objectFile(object))
		if err != nil {
			return nil, err
		}
		if _, rest, found := strings.Cut(text, "  generation: "); found {
			if _, err := fmt.Sscan(rest, &says.generation); err != nil {
				return nil, err
			}
		}
		if made := manifest(object, says); made != text+"\n" {
			files[objectFile(object)] = made
		}
	}
	return files, nil
}

// maker is the commit that makes the change of a head's label: the head or,
// where GitHub merged, what it merged the base into; "" if that was there before.
func maker(list []storyCommit, head string) string {
	for {
		i := slices.IndexFunc(list, func(c storyCommit) bool { return c.SHA == head })
		switch {
		case i < 0:
			return ""
		case list[i].AutoMerge == nil || !*list[i].AutoMerge || len(list[i].Parents) == 0:
			return head
		}
		head = list[i].Parents[0]
	}
}

// commitAll makes the commits of an event. One of them makes the change of the
// label; the others write documents.
func (p *play) commitAll(list []storyCommit, branch string, e *storyEvent) error {
	label, given := e.label()
	made := map[string]bool{}
	for _, c := range list {
		made[c.SHA] = true
	}
	changer := maker(list, e.Head)
	for _, c := range list {
		if _, known := p.commits[c.SHA]; known {
			continue
		}
		auto := c.AutoMerge != nil && *c.AutoMerge
		for _, parent := range c.Parents {
			if _, known := p.commits[parent]; known || made[parent] {
				continue
			}
			var err error
			if auto && changer == "" && given {
				err = p.moveBase(branch, parent, p.labelOf(e), label)
			} else {
				err = p.baseAt(branch, parent)
			}
			if err != nil {
				return err
			}
		}
		at := cmp.Or(c.Committed, e.Committed)
		if err := p.commit(c, branch, at, c.SHA == changer && given, label); err != nil {
			return fmt.Errorf("commit %s: %w", c.SHA, err)
		}
	}
	return nil
}

// identity is an author or committer as git writes it.
func (p *play) identity(login *string, name, email string) string {
	switch {
	case email != "":
		return cmp.Or(name, "Somebody") + " <" + email + ">"
	case login == nil || *login == "":
		return "Nobody <nobody@nowhere.invalid>"
	}
	return *login
}

func (p *play) commit(c storyCommit, branch string, at time.Time, changes bool, label string) error {
	made := githubtest.Commit{Message: cmp.Or(c.Message, "commit "+c.SHA), Verified: c.Verified, CoAuthors: c.CoAuthors, At: at}
	for _, parent := range c.Parents {
		made.Parents = append(made.Parents, p.commits[parent])
	}
	if len(made.Parents) == 0 {
		made.Parents = []string{p.repository.Branch(branch)}
	}
	email := c.AuthorEmail
	made.Author = p.identity(c.Author, c.AuthorName, email)
	if c.Author != nil && *c.Author != "" && c.CommitterEmail == "" {
		email = "" // the author's address is not the committer's
	}
	if c.Committer != nil && *c.Committer != "" {
		email = ""
	}
	made.Committer = p.identity(c.Committer, c.CommitterName, cmp.Or(c.CommitterEmail, email))
	if len(made.Parents) == 2 {
		tree, err := p.git("merge-tree", "--write-tree", "--no-messages", made.Parents[0], made.Parents[1])
		if err != nil {
			return err
		}
		made.Tree = tree
	}
	if c.AutoMerge == nil || !*c.AutoMerge {
		files := map[string]string{"docs/" + objectName(c.SHA) + ".md": c.SHA + "\n"}
		if changes {
			more, err := p.content(made.Parents[0], label, p.bases[branch])
			if err != nil {
				return err
			}
			for file, text := range more {
				files[file] = text
			}
		}
		for file, text := range p.policyInHead[c.SHA] {
			files[file] = text
		}
		if err := p.filled(&made, files); err != nil {
			return err
		}
	}
	sha, err := p.repository.Commit(made)
	if err == nil {
		p.name(c.SHA, sha)
	}
	return err
}

// filled gives a commit its files; those of a merge go over the merged tree.
func (p *play) filled(made *githubtest.Commit, files map[string]string) error {
	made.Files = files
	if made.Tree == "" {
		return nil
	}
	merged, err := p.repository.Commit(githubtest.Commit{Parents: made.Parents[:1], Tree: made.Tree, Author: "operator"})
	if err != nil {
		return err
	}
	over, err := p.repository.Commit(githubtest.Commit{Parents: []string{merged}, Files: files, Author: "operator"})
	made.Tree, made.Files = over, nil
	return err
}

func (p *play) name(commit, sha string) {
	p.commits[commit] = sha
	if p.names[sha] == "" {
		p.names[sha] = commit
	}
}

// labelOf is the label that the event's pull request has now.
func (p *play) labelOf(e *storyEvent) string {
	if pull := p.pulls[e.PR]; pull != nil {
		return pull.label
	}
	return ""
}

// readable puts the story's names in the place of commits.
func (p *play) readable(text string) string {
	for sha, name := range p.names {
		text = strings.ReplaceAll(strings.ReplaceAll(text, sha, name), sha[:12], name)
	}
	return text
}

// collect finds the bases and labels of a story.
func (p *play) collect() {
	p.branches, p.objects = []string{defaultBase}, []string{"o-steady"}
	for _, e := range p.story.Events {
		for _, branch := range []string{e.BaseRef, e.From, e.To} {
			if branch != "" && !slices.Contains(p.branches, branch) {
				p.branches = append(p.branches, branch)
			}
		}
		if label, _ := e.label(); label != "" && !slices.Contains(p.objects, objectName(label)) {
			p.objects = append(p.objects, objectName(label))
		}
	}
}
