package webhook

import (
	"cmp"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

// What a body may be: GitHub's limit, and the sizes by which bodies wait.
const (
	maxBody  = 25 << 20
	smallest = 64 << 10 // nearly all deliveries; such a body costs little more than its connection
	medium   = 1 << 20
	mediums  = 32 // at once
	larges   = 3
)

// How long a body may wait for its turn and take to arrive. GitHub hangs up
// after ten seconds.
const (
	turnWithin = 3 * time.Second
	bodyWithin = 10 * time.Second
)

// intake reads bodies of whom nobody knows yet. Those above the smallest size
// take turns, the medium ones apart from the large: all that are read at once
// stay below 110 MiB, and whoever sends slowly holds up only his own kind. Its
// zero value is ready.
type intake struct {
	once          sync.Once
	medium, large chan struct{}
	turn, body    time.Duration // for tests; 0 means the constants
}

// read reads a body whole. The caller must call free, once or more often, when
// it needs the body no more.
func (i *intake) read(w http.ResponseWriter, req *http.Request) (body []byte, free func(), _ *refusal) {
	i.once.Do(func() { i.medium, i.large = make(chan struct{}, mediums), make(chan struct{}, larges) })
	// An error says that this is no socket, and nobody slow, or that it is gone. The server itself lifts
	// the deadline before the next request.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(cmp.Or(i.body, bodyWithin)))
	stream := http.MaxBytesReader(w, req.Body, maxBody)
	size := int(req.ContentLength)
	if size < 0 {
		size = maxBody // unknown
	}
	body = make([]byte, min(size, smallest))
	n, err := io.ReadFull(stream, body)
	if size <= smallest || err != nil {
		whole := err == nil || req.ContentLength < 0 && (errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF))
		return body[:n], func() {}, arrived(whole, err)
	}
	free, ok := i.enter(req, size)
	if !ok {
		return nil, free, &refusal{http.StatusServiceUnavailable, "unavailable", noRoom, nil}
	}
	body, err = rest(stream, body, size, req.ContentLength < 0)
	return body, free, arrived(err == nil, err)
}

// rest reads what follows the beginning of a body. One of unknown size grows.
func rest(stream io.Reader, beginning []byte, size int, unknown bool) ([]byte, error) {
	room := size
	if unknown {
		room = medium
	}
	body := append(make([]byte, 0, room), beginning...)
	for len(body) < size {
		if len(body) == cap(body) {
			body = append(make([]byte, 0, min(4*cap(body), size)), body...)
		}
		n, err := stream.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		switch {
		case errors.Is(err, io.EOF) && (unknown || len(body) == size):
			return body, nil
		case err != nil:
			return nil, err
		}
	}
	if !unknown {
		return body, nil
	}
	// As large as can be: the reader tells whether more follows.
	if _, err := io.ReadFull(stream, make([]byte, 1)); !errors.Is(err, io.EOF) {
		return nil, errors.Join(err, &http.MaxBytesError{Limit: maxBody})
	}
	return body, nil
}

// enter waits for a turn.
func (i *intake) enter(req *http.Request, size int) (leave func(), ok bool) {
	turns := i.large
	if size <= medium {
		turns = i.medium
	}
	patience := time.NewTimer(cmp.Or(i.turn, turnWithin))
	defer patience.Stop()
	select {
	case turns <- struct{}{}:
		return sync.OnceFunc(func() { <-turns }), true
	case <-patience.C:
	case <-req.Context().Done():
	}
	return func() {}, false
}

func arrived(whole bool, err error) *refusal {
	var over *http.MaxBytesError
	switch {
	case whole:
		return nil
	case errors.As(err, &over):
		return &refusal{http.StatusRequestEntityTooLarge, "too_large", tooLarge, nil}
	default:
		return &refusal{http.StatusBadRequest, "unsigned", incomplete, nil}
	}
}
