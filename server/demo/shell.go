package demo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/server/github/githubtest"
)

// step is one step of the walk: why, and the line that a reader would type.
type step struct{ why, line string }

var walk = []step{
	{"Four pull requests are open. This is what the checks say:", "prs"},
	{"#2 makes a staging cluster with an SSH key on its nodes. A finding is fixed, never approved away:", "show 2"},
	{
		"#3 only adds two workers, but to production. Bob has approved, one more must. GitHub will not merge it:",
		"merge 3",
	},
	{"Carol approves as the second person:", "approve 3 carol"},
	{
		"Alice pushes again, and asks for sixty workers. Both approved six: their approvals do not count for this:",
		"push 3",
	},
	{"They look again, and approve what is there now:", "approve 3 bob"},
	{"", "approve 3 carol"},
	{"Now GitHub lets it in:", "merge 3"},
	{"Alice takes the SSH key out of #2. What is left needs two people:", "push 2"},
	{
		"Whoever doubts asks for another look; the bot answers with a reaction, not with noise:",
		"comment 2 carol /countersign recheck",
	},
	{"#4 would have the renderer read the cloud's credentials. It was never asked for, and is never green:", "show 4"},
	{"", "merge 4"},
}

const help = `  prs                      the open pull requests and their checks
  show N                   what the check of a pull request says
  approve N WHO            approve as bob or carol (alice wrote most of it; mallory is in no team)
  comment N WHO TEXT       comment, for example: comment 2 carol /countersign status
  push N                   the author of 2 or 3 pushes something else
  merge N                  press the merge button
  next                     the next step of the walk (or press Enter)
  quit
`

// Walk plays the whole story and tells it.
func (d *Demo) Walk(ctx context.Context) error {
	d.greet()
	for _, s := range walk {
		d.tell(s)
		if err := d.do(ctx, s.line); err != nil {
			return err
		}
	}
	fmt.Fprintln(d.out, "\nThat was it. In a terminal the demo waits for you to type.")
	return nil
}

// Talk does what a person types until they leave or the input ends.
func (d *Demo) Talk(ctx context.Context, in io.Reader) error {
	d.greet()
	fmt.Fprintf(d.out, "\nPress Enter for the next step of a walk, or type yourself:\n%s", help)
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(in); scanner.Scan(); {
			select {
			case lines <- strings.TrimSpace(scanner.Text()):
			case <-ctx.Done():
				return
			}
		}
	}()
	for next := 0; ; {
		fmt.Fprint(d.out, "\ndemo> ")
		var line string
		var open bool
		select {
		case line, open = <-lines:
		case <-ctx.Done():
		}
		switch {
		case !open, line == "quit", line == "exit":
			fmt.Fprintln(d.out)
			return nil
		case line == "" || line == "next":
			if next == len(walk) {
				fmt.Fprint(d.out, "The walk is over; type what you like:\n", help)
				continue
			}
			d.tell(walk[next])
			line = walk[next].line
			next++
		}
		if err := d.do(ctx, line); err != nil {
			return err
		}
	}
}

func (d *Demo) greet() {
	fmt.Fprintf(d.out, "A GitHub of your own is at %s, with the repository acme/clusters.\n"+
		"Countersign takes its webhooks at %s/webhook. No account is needed, nothing leaves this machine.\n",
		d.github.URL(), d.server.URL())
}

func (d *Demo) tell(s step) {
	if s.why != "" {
		fmt.Fprintf(d.out, "\n%s\n", s.why)
	}
	fmt.Fprintf(d.out, "\ndemo> %s\n", s.line)
}

// refusal is what GitHub or the demo says no to: it is shown, and goes on.
type refusal struct{ error }

// do runs one line. Its error is the world's: the demo cannot go on.
func (d *Demo) do(ctx context.Context, line string) error {
	word, rest, _ := strings.Cut(line, " ")
	err := d.act(ctx, word, strings.Fields(rest))
	if no, ok := errors.AsType[refusal](err); ok {
		fmt.Fprintf(d.out, "  %v\n", no)
		return nil
	}
	return err
}

func (d *Demo) act(ctx context.Context, word string, args []string) error {
	switch word {
	case "prs":
		return d.list(ctx)
	case "help":
		fmt.Fprint(d.out, help)
		return nil
	}
	if len(args) == 0 {
		return refusal{
			fmt.Errorf("%q is not known, or lacks the pull request's number; help lists the commands", word),
		}
	}
	number, err := strconv.Atoi(strings.TrimPrefix(args[0], "#"))
	if err != nil || number < 1 || number > len(pulls) {
		return refusal{fmt.Errorf("there is no pull request %q: 1 to %d are there", args[0], len(pulls))}
	}
	switch {
	case word == "show":
		return d.show(ctx, number)
	case word == "merge":
		return d.merge(ctx, number)
	case word == "push":
		return d.pushMore(ctx, number)
	case word == "approve" && len(args) == 2:
		_, err = d.repository.Review(number, githubtest.Review{Login: args[1], State: "approved"})
		return d.after(ctx, number, err)
	case word == "comment" && len(args) > 2:
		return d.comment(ctx, number, args[1], strings.Join(args[2:], " "))
	}
	return refusal{fmt.Errorf("%q is not known, or something is missing; help lists the commands", word)}
}

// after waits for the App to answer what was done, and shows the check.
func (d *Demo) after(ctx context.Context, number int, err error) error {
	if err != nil {
		return refusal{err}
	}
	if err := d.settle(ctx); err != nil {
		return err
	}
	return d.row(ctx, number)
}

func (d *Demo) pushMore(ctx context.Context, number int) error {
	change := d.pushed[number]
	if change == "" {
		return refusal{fmt.Errorf("nothing more is prepared for #%d", number)}
	}
	delete(d.pushed, number)
	p := pulls[number-1]
	return d.after(ctx, number, d.push(p.author, p.branch, change))
}

func (d *Demo) merge(ctx context.Context, number int) error {
	sha, err := d.repository.Merge(number, "alice")
	if err != nil {
		return refusal{fmt.Errorf("GitHub refuses: %w", err)}
	}
	fmt.Fprintf(d.out, "  merged #%d as %.10s\n", number, sha)
	return d.settle(ctx)
}

func (d *Demo) comment(ctx context.Context, number int, login, text string) error {
	id, err := d.repository.Comment(number, login, text)
	if err != nil {
		return refusal{err}
	}
	if err := d.settle(ctx); err != nil {
		return err
	}
	return d.answer(ctx, number, id)
}
