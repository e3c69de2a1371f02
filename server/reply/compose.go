package reply

import (
	"context"
	"fmt"
	"strings"

	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/command"
	"github.com/countersign-dev/countersign/policy/report"
	"github.com/countersign-dev/countersign/server/publish"
	"github.com/countersign-dev/countersign/server/store"
)

// answer is one reaction and, where words are needed, one comment.
type answer struct {
	to       store.CommentSeen
	reaction string
	parts    []string // Markdown, each a paragraph or more
}

// The reactions: done, and not done.
const done, refused = "rocket", "confused"

// mostText bounds an answer; GitHub takes 65,536 characters.
const mostText = 30_000

func (a *answer) say(part string) {
	for _, said := range a.parts {
		if said == part {
			return
		}
	}
	a.parts = append(a.parts, part)
}

// refuse says why something is not done: one reason a comment is enough.
func (a *answer) refuse(reason string) {
	if a.reaction != refused {
		a.say(reason)
	}
	a.reaction = refused
}

func (a *answer) mark() string { return fmt.Sprintf("<!-- countersign reply %d -->\n", a.to.ID) }

// text joins the parts; what does not fit is named.
func (a *answer) text() string {
	text := a.mark()
	for i, part := range a.parts {
		if i > 0 {
			text += "\n\n"
		}
		if len(text)+len(part) > mostText {
			text += "There was more to answer than fits here: ask in another comment."
			break
		}
		text += part
	}
	return harmless(text)
}

// harmless takes out of a text what would speak to the bot again: our own words
// hold no command, whatever a rule's text may.
func harmless(text string) string {
	if len(command.Parse(text)) == 0 {
		return text
	}
	return strings.NewReplacer("/countersign", "countersign", "/cs", "cs").Replace(text)
}

// compose makes the answer to a request; it is not ready while nobody can tell
// what its author may.
func (r *Replier) compose(ctx context.Context, c Conversation, q admitted) (a answer, ready bool, err error) {
	a = answer{to: q.comment, reaction: done}
	person, err := c.Person(ctx, q.from)
	if err != nil {
		return answer{}, false, err
	}
	asked := asker{Conversation: c, person: person, at: q.comment}
	asked.author = c.Pull.Author != nil && c.Pull.Author.ID == q.from.ID
	if asked.outsider() {
		a.reaction = ""
		if q.first {
			a.reaction = refused
		}
		return a, true, nil
	}
	if q.over {
		a.reaction = refused
		return a, true, nil
	}
	if len(person.Unknown) > 0 {
		return answer{}, false, nil
	}
	for _, cmd := range q.commands {
		r.one(&a, asked, cmd)
	}
	return a, true, nil
}

// asker is who asks, on which pull request.
type asker struct {
	Conversation
	person policy.Person
	author bool
	at     store.CommentSeen
}

// outsider reports whether somebody has no part in the repository: anybody may
// write on a public one, and the bot is not there to talk with everybody.
func (k asker) outsider() bool {
	member := k.Repository.Organisation && k.person.OrgMember
	return !k.Repository.Private && !member && !k.author && len(k.person.Unknown) == 0 && !k.person.AtLeast("triage")
}

func (r *Replier) one(a *answer, k asker, cmd command.Command) {
	switch {
	case cmd.Word == command.Help, cmd.Word == "" && cmd.Given == "":
		a.say(help)
	case cmd.Word == command.Status:
		a.say(k.status())
	case cmd.Word == command.Explain:
		r.explain(a, cmd)
	case cmd.Word == command.Recheck:
		if !k.author && !k.person.AtLeast("write") {
			a.refuse("Only the author and people with write permission may ask for another look.")
		}
	case cmd.Word == command.Hold:
		k.hold(a)
	case cmd.Word == command.Unhold:
		k.unhold(a)
	case cmd.Word == command.Override:
		k.override(a, cmd)
	default:
		a.refuse(report.Code(report.Plain(cmd.Given, 60)) + " is no command. Those that are:\n\n" + commands)
	}
}

func (r *Replier) explain(a *answer, cmd command.Command) {
	id, _, _ := strings.Cut(cmd.Rest, " ")
	if id == "" {
		a.refuse("Say which rule, for example `/countersign explain CS-SSH-001`. The check names those that matter " +
			"here.")
		return
	}
	if text, known := r.Explain(strings.ToUpper(id)); known {
		a.say(quiet(text))
		return
	}
	a.refuse("There is no rule " + report.Code(report.Plain(id, 60)) + ". The check names those that matter here; " +
		"`countersign rules list` has all.")
}

// quiet takes mentions out of a rule's text: nobody is to be called by it.
func quiet(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	fenced := false
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		} else if !fenced && strings.Contains(line, "@") {
			lines[i] = report.Prose(line)
		}
	}
	return strings.Join(lines, "\n")
}

const commands = "- `/countersign help` says this.\n" +
	"- `/countersign status` says how this pull request stands and what is to be done.\n" +
	"- `/countersign explain RULE` says what a rule wants and why.\n" +
	"- `/countersign recheck` looks again (the author, or write permission).\n" +
	"- `/countersign hold [REASON]` keeps it from being merged until it is released (write permission).\n" +
	"- `/countersign unhold` releases a hold (who placed it, or somebody who may approve and had no hand in the " +
	"change).\n" +
	"- `/countersign override REASON` asks for the emergency exit (two members of the team that the settings name).\n"

const help = "A line that begins with `/countersign` (or `/cs`) speaks to the bot:\n\n" + commands +
	"\nApproving is done by GitHub's reviews alone, never by a comment."

// mostSteps bounds what a status lists; the check has the rest.
const mostSteps = 8

func (k asker) status() string {
	r := report.New(k.Assessment, k.Verdict, false)
	var b strings.Builder
	b.WriteString("**" + report.Prose(r.Title()) + "**\n\n")
	steps := r.Steps()
	for i, step := range steps {
		if i == mostSteps {
			fmt.Fprintf(&b, "- And %d more.\n", len(steps)-i)
			break
		}
		b.WriteString("- " + step + "\n")
	}
	b.WriteString("\nJudged at commit " + report.Code(brief(k.Pull.Head)) + ". The check " +
		report.Code(publish.Name(k.Pull.Base)) + " says what changes and why.")
	return b.String()
}

// brief is a commit as people know it.
func brief(sha string) string { return sha[:min(12, len(sha))] }
