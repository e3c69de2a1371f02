package github

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/go-github/v60/github"
)

// wire carries requests of one caller: the App, an installation, or nobody.
// A limit that one meets does not bind another.
type wire struct {
	app          *App
	installation int64
	http         *http.Client
	moved        func() // called when GitHub names another address; may be nil
	mu           sync.Mutex
	client       *github.Client
	until        time.Time // of a limit: nothing is asked before; zero without one
	budget       Budget
}

// ask is one request.
type ask struct {
	op, method string
	path       string // from the API's root, made by at; or a whole address
	query      url.Values
	body       any
	key        string // of a list: where it lies beside its total; "" when it is the whole answer
}

// at makes a path of segments.
func at(segments ...any) string {
	var parts []string
	for _, segment := range segments {
		parts = append(parts, url.PathEscape(fmt.Sprint(segment)))
	}
	return strings.Join(parts, "/")
}

// below is a path in a repository.
func (r Repository) below(segments ...any) string {
	return at(append([]any{"repos", r.Owner, r.Name}, segments...)...)
}

// named is a path whose last part is a branch's or ref's name, with its slashes.
func (r Repository) named(name string, segments ...any) string {
	for part := range strings.SplitSeq(name, "/") {
		segments = append(segments, part)
	}
	return r.below(segments...)
}

// limit keeps a limit, so that who does not wait is refused here.
func (w *wire) limit(until time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if until.After(w.until) {
		w.until = until
	}
}

// open is the client, once there is no limit any more. Its own memory of
// limits, which goes by the wall clock, ends with the limit.
func (w *wire) open(op string) (*github.Client, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.app.clock().Before(w.until) {
		return nil, &Error{Op: op, Kind: Limited, RetryAt: w.until, Err: errors.New("GitHub asked us to wait")}
	}
	if w.client == nil || !w.until.IsZero() {
		w.client, w.until = github.NewClient(w.http), time.Time{}
		w.client.BaseURL, w.client.UserAgent = w.app.base, "countersign/"+w.app.options.Version
	}
	return w.client, nil
}

// send asks and returns the answer's body. The response may be there beside an error.
func (w *wire) send(ctx context.Context, a ask) (*github.Response, []byte, error) {
	for segment := range strings.SplitSeq(a.path, "/") {
		if segment == "." || segment == ".." || segment == "" && !strings.Contains(a.path, "://") {
			return nil, nil, &Error{Op: a.op, Kind: Refused, Err: errors.New("a name in the path is empty or dots")}
		}
	}
	client, err := w.open(a.op)
	if err != nil {
		return nil, nil, err
	}
	address := a.path
	if len(a.query) > 0 {
		address += "?" + a.query.Encode()
	}
	request, err := client.NewRequest(a.method, address, a.body)
	if err != nil {
		return nil, nil, &Error{Op: a.op, Kind: Refused, Err: below(err)}
	}
	var text bytes.Buffer
	response, err := client.Do(context.WithValue(ctx, opKey{}, a.op), request, &text)
	if w.moved != nil && response != nil && response.Request != nil &&
		(response.StatusCode/100 == 3 || response.Request.URL.Path != request.URL.Path) {
		w.moved()
	}
	if err != nil {
		return response, nil, w.trouble(a.op, err)
	}
	return response, text.Bytes(), nil
}

// read asks for one value.
func read[J any](ctx context.Context, w *wire, a ask) (*J, error) {
	a.method = http.MethodGet
	return exchange[J](ctx, w, a)
}

// exchange sends a request whose answer is one value.
func exchange[J any](ctx context.Context, w *wire, a ask) (*J, error) {
	_, text, err := w.send(ctx, a)
	if err != nil {
		return nil, err
	}
	value, err := decode[J](text)
	if err != nil {
		return nil, shape(a.op, err)
	}
	return value, nil
}

// decode reads one JSON value that is not null.
func decode[J any](text []byte) (*J, error) {
	var value *J
	if err := json.Unmarshal(text, &value); err != nil {
		return nil, fmt.Errorf("decode: %w", err)
	}
	if value == nil {
		return nil, errors.New("it is null")
	}
	return value, nil
}

// A list that goes on for longer has no end.
const mostPages = 500

// each follows a list's pages and hands on its elements until take wants no
// more. It ends without an error only at the list's end or take's.
func each[J any](ctx context.Context, w *wire, a ask, take func(*J) (more bool, err error)) error {
	a.method = http.MethodGet
	a.query = maps.Clone(a.query)
	if a.query == nil {
		a.query = url.Values{}
	}
	a.query.Set("per_page", "100")
	seen := 0
	for range mostPages {
		response, text, err := w.send(ctx, a)
		if err != nil {
			return err
		}
		items, total, err := elements[J](a.key, text)
		if err != nil {
			return shape(a.op, err)
		}
		seen += len(items)
		for _, item := range items {
			more, err := take(item)
			if err != nil {
				return shape(a.op, err)
			}
			if !more {
				return nil
			}
		}
		switch following, err := turn(response, a.query); {
		case err != nil:
			return shape(a.op, err)
		case !following && total > seen:
			return shape(a.op, fmt.Errorf("the list holds %d of %d", seen, total))
		case !following:
			return nil
		}
	}
	return shape(a.op, errors.New("the list has no end"))
}

// elements are those of one page; none of them is null.
func elements[J any](key string, text []byte) (items []*J, total int, err error) {
	if key != "" {
		around, err := decode[map[string]json.RawMessage](text)
		if err != nil {
			return nil, 0, err
		}
		if err := json.Unmarshal((*around)["total_count"], &total); err != nil {
			return nil, 0, fmt.Errorf("total_count: %w", err)
		}
		text = (*around)[key]
	}
	found, err := decode[[]*J](text)
	if err != nil {
		return nil, 0, err
	}
	if slices.Contains(*found, nil) {
		return nil, 0, errors.New("an element is null")
	}
	return *found, total, nil
}

// turn makes a query that of the next page; false at the end.
func turn(response *github.Response, query url.Values) (bool, error) {
	for key, value := range map[string]string{"cursor": response.Cursor, "after": response.After} {
		if value != "" {
			if query.Get(key) == value {
				return false, errors.New("the list does not go on")
			}
			query.Set(key, value)
			return true, nil
		}
	}
	if response.NextPage == 0 {
		return false, nil
	}
	if now, _ := strconv.Atoi(query.Get("page")); response.NextPage <= now {
		return false, errors.New("the list does not go on")
	}
	query.Set("page", strconv.Itoa(response.NextPage))
	return true, nil
}

// all is a whole list.
func all[J, V any](ctx context.Context, w *wire, a ask, view func(*J) (V, error)) ([]V, error) {
	var found []V
	err := each(ctx, w, a, func(item *J) (bool, error) {
		value, err := view(item)
		found = append(found, value)
		return true, err
	})
	if err != nil {
		return nil, err
	}
	return found, nil
}
