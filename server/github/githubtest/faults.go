package githubtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Fault is trouble on the wire instead of an answer or, with Apply, after the
// request was carried out: the write happened and its answer is lost.
type Fault struct {
	Status     int           // answer with this status
	RetryAfter time.Duration // with Status: the header; 403 and 429 then are GitHub's secondary limit
	HTML       bool          // answer 200 (or Status) with a page of HTML
	Reset      bool          // reset the connection
	Redirect   string        // answer 307 to this address, of any host
	Half       bool          // send half of the answer's body and close
	Stall      bool          // never answer; ends when the client or the server does
	Apply      bool          // carry the request out first
	Times      int           // how many requests it meets; 0 means one
}

// Fail plays a fault on the next requests of an operation ("pulls/get"), of
// "transport/upload-pack" and "transport/info-refs" for git, or "*" for any.
// Faults of one operation are played one after the other.
func (s *Server) Fail(operation string, fault Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fault.Times = max(1, fault.Times)
	s.faults[operation] = append(s.faults[operation], &fault)
}

// Heal forgets all faults that were not yet played.
func (s *Server) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.faults)
}

func (s *Server) takeFault(operation string) *Fault {
	for _, name := range []string{operation, "*"} {
		if queue := s.faults[name]; len(queue) > 0 {
			queue[0].Times--
			if queue[0].Times == 0 {
				s.faults[name] = queue[1:]
			}
			return queue[0]
		}
	}
	return nil
}

// String names the fault in records.
func (f *Fault) String() string {
	return fmt.Sprintf("status=%d html=%t reset=%t half=%t stall=%t redirect=%q apply=%t", f.Status, f.HTML, f.Reset,
		f.Half, f.Stall, f.Redirect, f.Apply)
}

func (f *Fault) answer() *answer {
	if (f.Status == http.StatusForbidden || f.Status == http.StatusTooManyRequests) && f.RetryAfter > 0 {
		a := secondary(f.RetryAfter)
		a.status = f.Status
		return a
	}
	status := f.Status
	if status == 0 {
		status = http.StatusOK
	}
	a := refuse(status, http.StatusText(status))
	if f.RetryAfter > 0 {
		a.header = http.Header{"Retry-After": {strconv.Itoa(int(f.RetryAfter.Seconds()))}}
	}
	return a
}

func (f *Fault) write(s *Server, w http.ResponseWriter, r *http.Request, a *answer) {
	switch {
	case f.Stall:
		select {
		case <-r.Context().Done():
		case <-s.stop:
		}
		panic(http.ErrAbortHandler)
	case f.Reset:
		reset(w)
	case f.HTML:
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.WriteHeader(f.answer().status)
		fmt.Fprint(w, "<!DOCTYPE html><html><body><h1>Unicorn!</h1>This page is taking too long to load.</body></html>")
	case f.Half:
		text, err := json.Marshal(a.body)
		if err != nil {
			panic(err)
		}
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		w.WriteHeader(a.status)
		fmt.Fprintf(w, "%s", text[:len(text)/2])
		// A client that saw nothing of an answer would silently ask again.
		if err := http.NewResponseController(w).Flush(); err != nil {
			panic(http.ErrAbortHandler) // the client is gone
		}
		panic(http.ErrAbortHandler)
	case f.Redirect != "":
		http.Redirect(w, r, f.Redirect, http.StatusTemporaryRedirect)
	case f.Apply && f.Status != 0:
		writeAnswer(w, f.answer())
	default:
		writeAnswer(w, a)
	}
}

// reset ends the connection the hard way: the client reads ECONNRESET. It
// comes in the middle of the header, for on a connection in use without
// any answer clients silently ask again.
func reset(w http.ResponseWriter) {
	connection, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	fmt.Fprint(connection, "HTTP/1.1 200 OK\r\nServer: GitHub.com\r\n")
	if tcp, isTCP := connection.(*net.TCPConn); isTCP {
		err = tcp.SetLinger(0)
	}
	if err = errors.Join(err, connection.Close()); err != nil {
		panic(http.ErrAbortHandler)
	}
}
