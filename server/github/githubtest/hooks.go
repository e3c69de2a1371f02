package githubtest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Delivery is one attempt to deliver a webhook.
type Delivery struct {
	ID           int64
	GUID         string // shared by all attempts
	Event        string // as in X-GitHub-Event
	Action       string // empty where the event has none
	Installation int64
	Repository   int64 // 0: of no repository
	At           time.Time
	Redelivery   bool
	StatusCode   int // 0: not sent yet
	Status       string
	Payload      []byte
	Response     []byte
}

// Fate is what becomes of a delivery. The zero value: it is sent once.
type Fate struct {
	Drop   bool // recorded as failed and never sent: the receiver is out of reach
	Vanish bool // neither sent nor recorded: GitHub lost the event
	Hold   bool // kept back until Release
	Times  int  // sent so often, with one GUID; 0 means once
}

type hooks struct {
	url, secret string
	all         []*Delivery
	queue, held []*Delivery
	fate        func(Delivery) Fate
	busy        bool
	change      *sync.Cond
	client      *http.Client
}

type event struct {
	name, action string
	repository   *Repository
	org          *Organisation
	installation *Installation
	sender       *User // nil: the operator
	payload      object
}

// the time that GitHub gives a receiver.
const hookTimeout = 10 * time.Second

func (h *hooks) start(s *Server) {
	h.url, h.secret = s.options.WebhookURL, s.options.WebhookSecret
	h.change = sync.NewCond(&s.mu)
	h.client = &http.Client{Transport: &http.Transport{}, Timeout: hookTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	s.done.Go(s.deliver)
	s.done.Go(func() {
		<-s.stop
		s.mu.Lock()
		h.change.Broadcast()
		s.mu.Unlock()
	})
}

// SetWebhook names the receiver of the App's webhooks and the secret.
func (s *Server) SetWebhook(url, secret string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.url, s.hooks.secret = url, secret
}

// OnDelivery decides the fate of each new delivery; nil sends all. It must not
// call the server.
func (s *Server) OnDelivery(fate func(Delivery) Fate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hooks.fate = fate
}

// Held are the deliveries kept back, oldest first.
func (s *Server) Held() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return values(s.hooks.held)
}

// Release sends held deliveries in the order given, by id; without ids all.
func (s *Server) Release(ids ...int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(ids) == 0 {
		for _, d := range s.hooks.held {
			ids = append(ids, d.ID)
		}
	}
	for _, id := range ids {
		i := slices.IndexFunc(s.hooks.held, func(d *Delivery) bool { return d.ID == id })
		if i < 0 {
			s.note("release: no held delivery %d", id)
			continue
		}
		s.hooks.queue = append(s.hooks.queue, s.hooks.held[i])
		s.hooks.held = slices.Delete(s.hooks.held, i, i+1)
	}
	s.hooks.change.Broadcast()
}

// Flush waits until all deliveries that are not held were attempted.
func (s *Server) Flush() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for (len(s.hooks.queue) > 0 || s.hooks.busy) && !s.stopped() {
		s.hooks.change.Wait()
	}
}

// Deliveries are all attempts so far, oldest first.
func (s *Server) Deliveries() []Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	return values(s.hooks.all)
}

func values(list []*Delivery) []Delivery {
	all := make([]Delivery, len(list))
	for i, d := range list {
		all[i] = *d
	}
	return all
}

// Send delivers a payload of the caller's own making, as it is: nothing of it
// is checked or completed.
func (s *Server) Send(name string, payload []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.enqueue(&Delivery{Event: name, Payload: payload})
}

func (s *Server) stopped() bool {
	select {
	case <-s.stop:
		return true
	default:
		return false
	}
}

// emit completes an event's payload and delivers it where the App is told of such.
func (s *Server) emit(e event) {
	if e.repository != nil {
		e.installation, e.org = s.installationOf(e.repository), e.repository.org
	}
	if e.installation == nil && e.org != nil {
		for _, i := range s.installations {
			if strings.EqualFold(i.owner, e.org.login) {
				e.installation = i
			}
		}
	}
	always := strings.HasPrefix(e.name, "installation")
	if e.installation == nil || !e.installation.suspended.IsZero() ||
		!always && !slices.Contains(s.options.App.Events, e.name) {
		return
	}
	payload := maps.Clone(e.payload)
	if e.action != "" {
		payload["action"] = e.action
	}
	if e.repository != nil && payload["repository"] == nil {
		payload["repository"] = s.repositoryView(e.repository)
	}
	if e.org != nil {
		payload["organization"] = s.organisationView(e.org)
	}
	if !always {
		payload["installation"] = object{"id": e.installation.ID, "node_id": nodeID("I", e.installation.ID)}
	}
	payload["sender"] = s.userView(cmp.Or(e.sender, s.operator))
	text, err := json.Marshal(payload)
	if err != nil {
		s.note("encode %s: %v", e.name, err)
		return
	}
	if s.options.Description != nil {
		for _, problem := range s.options.Description.Webhook(e.name, e.action, text) {
			s.note("%s", problem)
		}
	}
	d := &Delivery{Event: e.name, Action: e.action, Installation: e.installation.ID, Payload: text}
	if e.repository != nil {
		d.Repository = e.repository.id
	}
	s.enqueue(d)
}

func (s *Server) enqueue(d *Delivery) {
	h := &s.hooks
	d.ID, d.At = s.id("delivery"), s.now()
	if d.GUID == "" {
		sum := sha256.Sum256([]byte(strconv.FormatInt(d.ID, 10)))
		d.GUID = fmt.Sprintf("%x-%x-%x-%x-%x", sum[:4], sum[4:6], sum[6:8], sum[8:10], sum[10:16])
	}
	var fate Fate
	if h.fate != nil {
		fate = h.fate(*d)
	}
	if fate.Vanish {
		return
	}
	for n := range max(1, fate.Times) {
		attempt := *d
		if n > 0 {
			attempt.ID = s.id("delivery")
		}
		h.all = append(h.all, &attempt)
		switch {
		case fate.Drop:
			attempt.StatusCode, attempt.Status = http.StatusBadGateway, "failed to connect to host"
		case fate.Hold:
			h.held = append(h.held, &attempt)
		default:
			h.queue = append(h.queue, &attempt)
		}
	}
	h.change.Broadcast()
}

// deliver sends what is queued, one after the other.
func (s *Server) deliver() {
	h := &s.hooks
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	s.done.Go(func() { <-s.stop; cancel() })
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for len(h.queue) == 0 && !s.stopped() {
			h.change.Wait()
		}
		if s.stopped() {
			return
		}
		d := h.queue[0]
		h.queue, h.busy = h.queue[1:], true
		to, secret, sent := h.url, h.secret, *d
		s.mu.Unlock()
		code, status, response := s.post(ctx, to, secret, sent)
		s.mu.Lock()
		d.StatusCode, d.Status, d.Response = code, status, response
		h.busy = false
		h.change.Broadcast()
	}
}

func (s *Server) post(ctx context.Context, to, secret string, d Delivery) (code int, status string, response []byte) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, to, bytes.NewReader(d.Payload))
	if err != nil || to == "" {
		return http.StatusBadGateway, "invalid url", nil
	}
	maps.Copy(request.Header, s.hookHeader(secret, d))
	answer, err := s.hooks.client.Do(request)
	if err != nil {
		if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
			return http.StatusGatewayTimeout, "timed out", nil
		}
		return http.StatusBadGateway, "failed to connect to host", nil
	}
	response, err = io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return http.StatusBadGateway, "failed to read the response", nil
	}
	return answer.StatusCode, cmp.Or(http.StatusText(answer.StatusCode), "unknown"), response
}

func (s *Server) hookHeader(secret string, d Delivery) http.Header {
	sign := func(kind func() hash.Hash) string {
		mac := hmac.New(kind, []byte(secret))
		mac.Write(d.Payload)
		return hex.EncodeToString(mac.Sum(nil))
	}
	header := http.Header{}
	header.Set("Content-Type", "application/json")
	header.Set("User-Agent", "GitHub-Hookshot/fa4e000")
	header.Set("X-GitHub-Event", d.Event)
	header.Set("X-GitHub-Delivery", d.GUID)
	header.Set("X-GitHub-Hook-ID", "1")
	header.Set("X-GitHub-Hook-Installation-Target-ID", strconv.FormatInt(s.options.App.ID, 10))
	header.Set("X-GitHub-Hook-Installation-Target-Type", "integration")
	if secret != "" {
		header.Set("X-Hub-Signature", "sha1="+sign(sha1.New))
		header.Set("X-Hub-Signature-256", "sha256="+sign(sha256.New))
	}
	return header
}

// Header is what GitHub sends with a delivery, for tests that post it themselves.
func (s *Server) Header(d Delivery) http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hookHeader(s.hooks.secret, d)
}

func (s *Server) deliveryView(d *Delivery, whole bool) object {
	view := object{"id": d.ID, "guid": d.GUID, "delivered_at": stamp(d.At), "redelivery": d.Redelivery, "duration": 0.1,
		"status": cmp.Or(d.Status, "pending"), "status_code": d.StatusCode, "event": d.Event,
		"action": textOrNull(d.Action), "installation_id": nil, "repository_id": nil, "throttled_at": nil}
	if d.Installation != 0 {
		view["installation_id"] = d.Installation
	}
	if d.Repository != 0 {
		view["repository_id"] = d.Repository
	}
	if !whole {
		return view
	}
	header := object{}
	for name, value := range s.hookHeader(s.hooks.secret, *d) {
		header[name] = value[0]
	}
	view["url"] = s.hooks.url
	view["request"] = object{"headers": header, "payload": json.RawMessage(d.Payload)}
	view["response"] = object{"headers": object{}, "payload": string(d.Response)}
	return view
}

// listDeliveries pages by cursor, newest first. What is still on its way is not listed.
func (c *call) listDeliveries() *answer {
	size, after := 30, int64(0)
	if n, err := strconv.Atoi(c.query("per_page")); err == nil && n > 0 {
		size = min(n, 100)
	}
	if cursor := c.query("cursor"); cursor != "" {
		n, err := strconv.ParseInt(strings.TrimPrefix(cursor, "v1_"), 10, 64)
		if err != nil {
			return refuse(http.StatusBadRequest, "Invalid cursor")
		}
		after = n
	}
	found := []any{}
	header := http.Header{}
	for _, d := range slices.Backward(c.s.hooks.all) {
		failed := d.StatusCode < 200 || d.StatusCode > 399
		if d.StatusCode == 0 || after != 0 && d.ID >= after || c.query("status") == "success" && failed ||
			c.query("status") == "failure" && !failed {
			continue
		}
		if len(found) == size {
			query := url.Values{"per_page": {strconv.Itoa(size)},
				"cursor": {fmt.Sprintf("v1_%d", found[size-1].(object)["id"])}}
			if c.query("status") != "" {
				query.Set("status", c.query("status"))
			}
			header.Set("Link", fmt.Sprintf(`<%s?%s>; rel="next"`, c.s.api("/app/hook/deliveries"), query.Encode()))
			break
		}
		found = append(found, c.s.deliveryView(d, false))
	}
	return &answer{status: http.StatusOK, body: found, header: header}
}

func (c *call) delivery() *Delivery {
	for _, d := range c.s.hooks.all {
		if d.ID == c.number("delivery_id") {
			return d
		}
	}
	return nil
}

func (c *call) showDelivery() *answer {
	if d := c.delivery(); d != nil {
		return ok(c.s.deliveryView(d, true))
	}
	return notFound()
}

func (c *call) redeliver() *answer {
	d := c.delivery()
	if d == nil {
		return notFound()
	}
	again := *d
	again.Redelivery, again.StatusCode, again.Status, again.Response = true, 0, "", nil
	c.s.enqueue(&again)
	return &answer{status: http.StatusAccepted, body: object{}}
}
