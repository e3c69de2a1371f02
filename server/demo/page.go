package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

type pullJSON struct {
	Title  string `json:"title"`
	State  string `json:"state"`
	Merged bool   `json:"merged"`
	User   struct {
		Login string `json:"login"`
	} `json:"user"`
	Head struct {
		SHA string `json:"sha"`
	} `json:"head"`
}

type checkJSON struct {
	Name       string `json:"name"`
	Status     string `json:"status"`
	Conclusion string `json:"conclusion"`
	Output     struct {
		Title   string `json:"title"`
		Summary string `json:"summary"`
		Text    string `json:"text"`
	} `json:"output"`
}

// read asks the demo's GitHub as alice does with her browser.
func (d *Demo) read(ctx context.Context, path string, into any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, d.github.URL()+"/repos/acme/clusters"+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+d.token)
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, answer.Status)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// look reads a pull request and its checks.
func (d *Demo) look(ctx context.Context, number int) (pullJSON, []checkJSON, error) {
	var pull pullJSON
	if err := d.read(ctx, fmt.Sprintf("/pulls/%d", number), &pull); err != nil {
		return pull, nil, err
	}
	var checks struct {
		Runs []checkJSON `json:"check_runs"`
	}
	err := d.read(ctx, "/commits/"+pull.Head.SHA+"/check-runs", &checks)
	return pull, checks.Runs, err
}

func (d *Demo) list(ctx context.Context) error {
	for number := range len(pulls) {
		if err := d.row(ctx, number+1); err != nil {
			return err
		}
	}
	return nil
}

// row is a pull request in two lines: what it is, and what its check says.
func (d *Demo) row(ctx context.Context, number int) error {
	pull, checks, err := d.look(ctx, number)
	if err != nil {
		return err
	}
	state := ""
	if pull.Merged {
		state = ", merged"
	}
	fmt.Fprintf(d.out, "  #%d %s (%s%s)\n", number, pull.Title, pull.User.Login, state)
	if len(checks) == 0 {
		fmt.Fprintln(d.out, "     no check: the branch is not governed")
	}
	for _, c := range checks {
		fmt.Fprintf(d.out, "     %s %s: %s\n", mark(c), c.Name, c.Output.Title)
	}
	return nil
}

// mark is what the merge box shows before a check's name.
func mark(c checkJSON) string {
	switch {
	case c.Status != "completed":
		return "●"
	case c.Conclusion == "success":
		return "✓"
	case c.Conclusion == "action_required":
		return "!"
	}
	return "✗"
}

func (d *Demo) show(ctx context.Context, number int) error {
	if err := d.row(ctx, number); err != nil {
		return err
	}
	_, checks, err := d.look(ctx, number)
	if err != nil {
		return err
	}
	for _, c := range checks {
		for line := range strings.Lines("\n" + c.Output.Summary + "\n" + c.Output.Text) {
			fmt.Fprint(d.out, "  │ "+line)
		}
		fmt.Fprintln(d.out)
	}
	return nil
}

// answer shows what the bot answered to a comment: its reactions, and the
// comments that came after.
func (d *Demo) answer(ctx context.Context, number int, comment int64) error {
	var reactions []struct {
		Content string `json:"content"`
	}
	if err := d.read(ctx, fmt.Sprintf("/issues/comments/%d/reactions", comment), &reactions); err != nil {
		return err
	}
	for _, r := range reactions {
		fmt.Fprintf(d.out, "  countersign reacts: %s\n", r.Content)
	}
	var comments []struct {
		ID   int64  `json:"id"`
		Body string `json:"body"`
	}
	if err := d.read(ctx, fmt.Sprintf("/issues/%d/comments", number), &comments); err != nil {
		return err
	}
	for _, c := range comments {
		if c.ID > comment {
			for line := range strings.Lines(c.Body + "\n") {
				fmt.Fprint(d.out, "  │ "+line)
			}
		}
	}
	return d.row(ctx, number)
}
