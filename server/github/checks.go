package github

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

type checkJSON struct {
	ID         int64      `json:"id"`
	Name       string     `json:"name"`
	Head       string     `json:"head_sha"`
	ExternalID string     `json:"external_id"`
	Status     string     `json:"status"`
	Conclusion string     `json:"conclusion"`
	DetailsURL string     `json:"details_url"`
	Completed  *time.Time `json:"completed_at"`
	App        *struct {
		ID int64 `json:"id"`
	} `json:"app"`
	Output struct {
		Title       string `json:"title"`
		Summary     string `json:"summary"`
		Text        string `json:"text"`
		Annotations int    `json:"annotations_count"`
	} `json:"output"`
}

func (k *checkJSON) view() (Check, error) {
	if k.ID == 0 || k.Name == "" || k.Status == "" {
		return Check{}, errors.New("a check run has no id, name or status")
	}
	view := Check{ID: k.ID, Name: k.Name, Head: k.Head, ExternalID: k.ExternalID, Status: k.Status,
		Conclusion: k.Conclusion, Title: k.Output.Title, Summary: k.Output.Summary, Text: k.Output.Text,
		DetailsURL: k.DetailsURL, Annotated: k.Output.Annotations}
	if k.App != nil {
		view.App = k.App.ID
	}
	if k.Completed != nil {
		view.Completed = *k.Completed
	}
	return view, nil
}

// Checks lists check runs of a commit by name, of one App if app is not 0.
func (c *Client) Checks(ctx context.Context, r Repository, sha, name string, app int64) ([]Check, error) {
	query := url.Values{"check_name": {name}, "filter": {"all"}}
	if app != 0 {
		query.Set("app_id", strconv.FormatInt(app, 10))
	}
	return all(ctx, c.wire, ask{op: "checks/list-for-ref", path: r.below("commits", sha, "check-runs"), query: query,
		key: "check_runs"}, (*checkJSON).view)
}

// Statuses lists a commit's statuses, newest first. Forbidden without the
// optional permission statuses: read.
func (c *Client) Statuses(ctx context.Context, r Repository, sha string) ([]Status, error) {
	type status struct {
		Context string    `json:"context"`
		State   string    `json:"state"`
		Creator *account  `json:"creator"`
		At      time.Time `json:"created_at"`
	}
	return all(ctx, c.wire, ask{op: "repos/list-commit-statuses-for-ref", path: r.below("commits", sha, "statuses")},
		func(s *status) (Status, error) {
			return Status{Context: s.Context, State: s.State, Creator: s.Creator.user(), At: s.At},
				needed(s.State != "", "a status has no state")
		})
}

// What a check run is written with. Fields that are empty are left as they are.
type checkBody struct {
	Name       string       `json:"name,omitempty"`
	Head       string       `json:"head_sha,omitempty"`
	DetailsURL string       `json:"details_url,omitempty"`
	ExternalID string       `json:"external_id,omitempty"`
	Status     string       `json:"status,omitempty"`
	Conclusion string       `json:"conclusion,omitempty"`
	Completed  *time.Time   `json:"completed_at,omitempty"`
	Output     *outputBody  `json:"output,omitempty"`
	Actions    []actionBody `json:"actions,omitempty"`
}

type outputBody struct {
	Title       string           `json:"title"`
	Summary     string           `json:"summary"`
	Text        string           `json:"text,omitempty"`
	Annotations []annotationBody `json:"annotations,omitempty"`
}

type annotationBody struct {
	Path    string `json:"path"`
	Start   int    `json:"start_line"`
	End     int    `json:"end_line"`
	Level   string `json:"annotation_level"`
	Title   string `json:"title,omitempty"`
	Message string `json:"message"`
}

type actionBody struct {
	Label       string `json:"label"`
	Description string `json:"description"`
	Identifier  string `json:"identifier"`
}

// mostAnnotations is how many annotations one request takes.
const mostAnnotations = 50

// body is a check run with its first annotations, and those that are left.
func (k Check) body() (checkBody, []Annotation) {
	body := checkBody{Name: k.Name, DetailsURL: k.DetailsURL, ExternalID: k.ExternalID, Status: k.Status,
		Conclusion: k.Conclusion}
	if k.Status == "completed" && !k.Completed.IsZero() {
		at := k.Completed.UTC()
		body.Completed = &at
	}
	for _, a := range k.Actions {
		body.Actions = append(body.Actions, actionBody(a))
	}
	if k.Title == "" && k.Summary == "" {
		return body, nil
	}
	first := k.Annotations[:min(mostAnnotations, len(k.Annotations))]
	body.Output = k.output(first)
	return body, k.Annotations[len(first):]
}

func (k Check) output(annotations []Annotation) *outputBody {
	output := &outputBody{Title: k.Title, Summary: k.Summary, Text: k.Text}
	for _, a := range annotations {
		output.Annotations = append(output.Annotations, annotationBody(a))
	}
	return output
}

// CreateCheck makes a check run and returns its id, also beside an error when
// the run was made and only some of its annotations are missing.
func (c *Client) CreateCheck(ctx context.Context, r Repository, check Check) (int64, error) {
	const op = "checks/create"
	body, rest := check.body()
	body.Head = check.Head
	made, err := exchange[checkJSON](ctx, c.wire,
		ask{op: op, method: http.MethodPost, path: r.below("check-runs"), body: body})
	if err != nil {
		return 0, err
	}
	if made.ID == 0 {
		return 0, shape(op, errors.New("the check run has no id"))
	}
	check.ID = made.ID
	return made.ID, c.annotate(ctx, r, check, rest)
}

// UpdateCheck makes the one with check.ID equal; Annotations are appended by
// GitHub, so send only new ones. Without Actions the buttons stay.
func (c *Client) UpdateCheck(ctx context.Context, r Repository, check Check) error {
	body, rest := check.body()
	if err := c.update(ctx, r, check.ID, body); err != nil {
		return err
	}
	return c.annotate(ctx, r, check, rest)
}

func (c *Client) update(ctx context.Context, r Repository, id int64, body checkBody) error {
	const op = "checks/update"
	made, err := exchange[checkJSON](ctx, c.wire,
		ask{op: op, method: http.MethodPatch, path: r.below("check-runs", id), body: body})
	if err != nil {
		return err
	}
	if made.ID != id {
		return shape(op, errors.New("it is another check run"))
	}
	return nil
}

// annotate appends annotations, as many a request as it takes.
func (c *Client) annotate(ctx context.Context, r Repository, check Check, rest []Annotation) error {
	for len(rest) > 0 {
		n := min(mostAnnotations, len(rest))
		if err := c.update(ctx, r, check.ID, checkBody{Output: check.output(rest[:n])}); err != nil {
			return err
		}
		rest = rest[n:]
	}
	return nil
}
