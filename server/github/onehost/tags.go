package onehost

import (
	"bytes"
	"container/list"
	"io"
	"maps"
	"net/http"
	"sync"
)

// mostCached is how many bytes of answers are kept.
const mostCached = 8 << 20

// tags keeps answers with their ETags, the most recently used ones: what has
// not changed costs nothing of the budget. It is never asked instead of GitHub.
type tags struct {
	next  http.RoundTripper
	mu    sync.Mutex
	bytes int
	order *list.List // of *tagged, most recently used first
	all   map[string]*list.Element
}

type tagged struct {
	key    string
	tag    string
	header http.Header
	body   []byte
}

// Tagged keeps what next answers, 8 MiB of it, and asks whether it still holds
// by its ETag: what has not changed comes from memory and costs no budget.
func Tagged(next http.RoundTripper) http.RoundTripper {
	return &tags{next: next, order: list.New(), all: map[string]*list.Element{}}
}

func (t *tags) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Method != http.MethodGet {
		return t.next.RoundTrip(request)
	}
	key := request.URL.String() + "\n" + request.Header.Get("Accept")
	known := t.find(key)
	if known != nil {
		request = request.Clone(request.Context())
		request.Header.Set("If-None-Match", known.tag)
	}
	response, err := t.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusNotModified && known != nil {
		if err := response.Body.Close(); err != nil {
			return nil, err
		}
		header := maps.Clone(known.header)
		maps.Copy(header, response.Header)
		header["Content-Type"] = known.header["Content-Type"]
		response.Status, response.StatusCode, response.Header = "200 OK", http.StatusOK, header
		response.Body, response.ContentLength = io.NopCloser(bytes.NewReader(known.body)), int64(len(known.body))
		return response, nil
	}
	return response, t.keep(key, response)
}

func (t *tags) find(key string) *tagged {
	t.mu.Lock()
	defer t.mu.Unlock()
	element := t.all[key]
	if element == nil {
		return nil
	}
	t.order.MoveToFront(element)
	return element.Value.(*tagged)
}

// keep remembers an answer that has a tag.
func (t *tags) keep(key string, response *http.Response) error {
	tag := response.Header.Get("ETag")
	if response.StatusCode != http.StatusOK || tag == "" {
		return nil
	}
	body, err := io.ReadAll(response.Body) // from memory: see Transport
	if err != nil {
		return err
	}
	response.Body = io.NopCloser(bytes.NewReader(body))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.remove(t.all[key])
	if entry := (&tagged{key, tag, response.Header.Clone(), body}); entry.size() <= mostCached/4 {
		t.all[key] = t.order.PushFront(entry)
		t.bytes += entry.size()
	}
	for t.bytes > mostCached {
		t.remove(t.order.Back())
	}
	return nil
}

func (t *tags) remove(element *list.Element) {
	if element == nil {
		return
	}
	entry := t.order.Remove(element).(*tagged)
	delete(t.all, entry.key)
	t.bytes -= entry.size()
}

// size counts a header as a kilobyte.
func (e *tagged) size() int { return len(e.key) + len(e.body) + 1024 }
