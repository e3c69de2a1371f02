package webhook

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"
)

// serve puts a desk behind a real listener.
func serve(t *testing.T, d *desk) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	return server
}

// dial sends the head of a delivery and the beginning of its body, and no more.
func dial(t *testing.T, server *httptest.Server, length string, beginning []byte) net.Conn {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	head := "POST /webhook HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256=" + strings.Repeat("0", 64) + "\r\n" + length + "\r\n\r\n"
	// The server may have refused and hung up before all of it is written.
	_, _ = c.Write(append([]byte(head), beginning...))
	return c
}

func status(t *testing.T, c net.Conn) int {
	t.Helper()
	answer, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}

func post(t *testing.T, server *httptest.Server, n int, body []byte) int {
	t.Helper()
	req := delivery("push", guid(n), body)
	req.RequestURI, req.URL.Scheme, req.URL.Host = "", "http", server.Listener.Addr().String()
	answer, err := server.Client().Do(req.WithContext(t.Context()))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, answer.Body); err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode
}

func TestSizes(t *testing.T) {
	d := newDesk(t)
	server := serve(t, d)
	for i, size := range []int{2, smallest - 1, smallest, smallest + 1, medium, medium + 1, maxBody - 1, maxBody} {
		body := append(bytes.Repeat([]byte(" "), size-2), "{}"...)
		if got := post(t, server, 2*i, body); got != http.StatusAccepted {
			t.Errorf("%d bytes: answered %d", size, got)
		}
		chunked := delivery("push", guid(2*i+1), body, func(r *http.Request) { r.ContentLength = -1 })
		if got := d.post(chunked).Code; got != http.StatusAccepted {
			t.Errorf("%d bytes of unknown length: answered %d", size, got)
		}
	}
	body := bytes.Repeat([]byte(" "), maxBody+1)
	chunked := delivery("push", guid(99), body, func(r *http.Request) { r.ContentLength = -1 })
	if got := d.post(chunked).Code; got != http.StatusRequestEntityTooLarge {
		t.Errorf("too large, of unknown length: answered %d", got)
	}
	if len(d.intake.medium)+len(d.intake.large) != 0 {
		t.Error("turns are not given back")
	}
}

// 200 who send large bodies slowly, half of them said to be too large: they
// cost little, and neither small deliveries nor middling ones wait for them.
func TestSlowUploadsHoldUpNobodyElse(t *testing.T) {
	d := newDesk(t)
	d.intake.turn, d.intake.body = 500*time.Millisecond, time.Minute
	server := serve(t, d)
	before := heap()
	beginning := bytes.Repeat([]byte("x"), 2*smallest)
	var refused, waiting []net.Conn
	for i := range 200 {
		switch {
		case i%2 == 0:
			refused = append(refused, dial(t, server, fmt.Sprintf("Content-Length: %d", 50<<20), nil))
		case i%4 == 1:
			waiting = append(waiting, dial(t, server, fmt.Sprintf("Content-Length: %d", 20<<20), beginning))
		default:
			chunk := append(fmt.Appendf(nil, "%x\r\n", len(beginning)), beginning...)
			waiting = append(waiting, dial(t, server, "Transfer-Encoding: chunked", append(chunk, "\r\n"...)))
		}
	}
	for _, c := range refused {
		if got := status(t, c); got != http.StatusRequestEntityTooLarge {
			t.Errorf("50 MiB are answered %d", got)
		}
	}
	for n := range 20 {
		if got := post(t, server, n, []byte("{}")); got != http.StatusAccepted {
			t.Errorf("a small delivery is answered %d", got)
		}
	}
	if got := post(t, server, 20, append(bytes.Repeat([]byte(" "), medium/2), "{}"...)); got != http.StatusAccepted {
		t.Errorf("a middling delivery is answered %d", got)
	}
	unavailable := 0
	for range len(waiting) - larges {
		c := waiting[0]
		waiting = waiting[1:]
		if err := c.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
			t.Fatal(err)
		}
		// Three of them have their turn and are silent for a minute.
		if answer, err := http.ReadResponse(bufio.NewReader(c), nil); err == nil {
			_ = answer.Body.Close()
			if answer.StatusCode != http.StatusServiceUnavailable {
				t.Errorf("a large delivery without a turn is answered %d", answer.StatusCode)
			}
			unavailable++
		}
	}
	if unavailable < 100-2*larges {
		t.Errorf("only %d were sent away", unavailable)
	}
	if grown := heap() - before; grown > 110<<20 {
		t.Errorf("memory grew by %d MiB", grown>>20)
	}
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Who sends a byte now and then is sent away, and gives his turn back.
func TestSlowBodiesEnd(t *testing.T) {
	d := newDesk(t)
	d.intake.body = 200 * time.Millisecond
	server := serve(t, d)
	for _, length := range []string{"Content-Length: 100", fmt.Sprintf("Content-Length: %d", 20<<20), "Transfer-Encoding: chunked"} {
		c := dial(t, server, length, bytes.Repeat([]byte("1"), 3))
		if got := status(t, c); got != http.StatusBadRequest {
			t.Errorf("%s: answered %d", length, got)
		}
	}
	large := dial(t, server, fmt.Sprintf("Content-Length: %d", 20<<20), bytes.Repeat([]byte("x"), 2*smallest))
	if got := status(t, large); got != http.StatusBadRequest {
		t.Errorf("large: answered %d", got)
	}
	if len(d.intake.large) != 0 {
		t.Error("a turn is not given back")
	}
	if got := post(t, server, 1, []byte("{}")); got != http.StatusAccepted {
		t.Errorf("afterwards a delivery is answered %d", got)
	}
}
