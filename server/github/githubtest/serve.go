package githubtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// call is one request on its way through an operation, under the server's lock.
type call struct {
	*caller
	s    *Server
	op   *operation
	r    *http.Request
	body object        // nil where there is none
	repo *Repository   // of {owner}/{repo}
	org  *Organisation // of {org}
}

// answer is what GitHub says. A nil body is an empty one.
type answer struct {
	status int
	body   any
	header http.Header
}

func ok(body any) *answer      { return &answer{status: http.StatusOK, body: body} }
func created(body any) *answer { return &answer{status: http.StatusCreated, body: body} }
func notFound() *answer        { return refuse(http.StatusNotFound, "Not Found") }

func refuse(status int, message string) *answer {
	return &answer{status: status, body: object{"message": message, "status": strconv.Itoa(status),
		"documentation_url": "https://docs.github.com/rest"}}
}

// invalid is GitHub's 422 for a field.
func invalid(resource, field, message string) *answer {
	a := refuse(http.StatusUnprocessableEntity, "Validation Failed: "+field+" "+message)
	a.body.(object)["errors"] = []object{{"resource": resource, "field": field, "code": "invalid", "message": message}}
	return a
}

const maxRequest = 26 << 20

func (s *Server) handler() http.Handler {
	answer := s.byID(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if op := match(r); op != nil {
			s.serve(op, w, r)
			return
		}
		s.mu.Lock()
		s.note("%s %s: nothing here answers this request", r.Method, r.URL.RequestURI())
		s.requests = append(s.requests, Request{Method: r.Method, Path: r.URL.RequestURI(), Status: 404})
		s.mu.Unlock()
		writeAnswer(w, notFound())
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch path := r.URL.Path; {
		case strings.Contains(path, ".git/"):
			s.serveGit(w, r)
		case strings.HasPrefix(path, "/api/v3/"):
			http.StripPrefix("/api/v3", answer).ServeHTTP(w, r)
		case strings.HasPrefix(path, "/api/"):
			http.StripPrefix("/api", answer).ServeHTTP(w, r)
		default:
			answer.ServeHTTP(w, r)
		}
	})
}

// match finds the operation with the most literal segments that fits, and
// sets the path's values. Segments are unescaped after they are parted.
func match(r *http.Request) *operation {
	var best *operation
	var found map[string]string
	most := -1
	for i, op := range operations {
		method, path, _ := strings.Cut(op.path, " ")
		if method != r.Method {
			continue
		}
		if values, literals := fit(path, r.URL.EscapedPath()); values != nil && literals > most {
			best, found, most = &operations[i], values, literals
		}
	}
	for name, value := range found {
		r.SetPathValue(name, value)
	}
	return best
}

// Operation is GitHub's name of what a request asks for, as Fail and Count take
// it ("POST", "/repos/o/r/check-runs" → "checks/create"); empty if it is unknown here.
func Operation(method, path string) string {
	request, err := http.NewRequest(method, path, nil)
	if err != nil {
		return ""
	}
	if op := match(request); op != nil {
		return op.name
	}
	return ""
}

func fit(pattern, path string) (values map[string]string, literals int) {
	values = map[string]string{}
	want, have := strings.Split(pattern, "/"), strings.Split(path, "/")
	for i, segment := range want {
		name, isName := strings.CutPrefix(strings.TrimSuffix(segment, "}"), "{")
		rest, isRest := strings.CutSuffix(name, "...")
		if isRest && i < len(have) {
			have = append(have[:i:i], strings.Join(have[i:], "/"))
			name = rest
		}
		if i >= len(have) || !isName && segment != have[i] {
			return nil, 0
		}
		if !isName {
			literals++
			continue
		}
		value, err := url.PathUnescape(have[i])
		if err != nil || value == "" && !isRest {
			return nil, 0
		}
		values[name] = value
	}
	if len(have) != len(want) {
		return nil, 0
	}
	return values, literals
}

// byID serves /repositories/ID/…, to which GitHub redirects after a rename.
func (s *Server) byID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rest, byID := strings.CutPrefix(r.URL.EscapedPath(), "/repositories/")
		if !byID {
			next.ServeHTTP(w, r)
			return
		}
		number, rest, _ := strings.Cut(rest, "/")
		id, _ := strconv.ParseInt(number, 10, 64)
		s.mu.Lock()
		repository := s.repositories[id]
		s.mu.Unlock()
		to, err := url.Parse("/repos/unknown/repository")
		if repository != nil {
			to, err = url.Parse(strings.TrimSuffix("/repos/"+repository.fullName()+"/"+rest, "/"))
		}
		if err != nil {
			writeAnswer(w, notFound())
			return
		}
		to.RawQuery = r.URL.RawQuery
		r.URL = to
		next.ServeHTTP(w, r)
	})
}

// serve answers one request: fault, authentication, limits, permission, the
// operation, ETag, record; then writes the answer as the fault asks.
func (s *Server) serve(op *operation, w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		s.problem("%s: read the body: %v", op.name, err)
		return
	}
	s.mu.Lock()
	fault := s.takeFault(op.name)
	c := &call{caller: &caller{}, s: s, op: op, r: r}
	var a *answer
	if fault == nil || fault.Apply {
		a = c.answer(text)
	}
	if fault != nil && !fault.Apply {
		a = fault.answer()
	}
	if s.options.Description != nil && (fault == nil || fault.Apply) {
		s.check(c, text, a)
	}
	watch := s.record(c, text, a, fault)
	s.mu.Unlock()
	watch()
	if fault != nil {
		fault.write(s, w, r, a)
		return
	}
	writeAnswer(w, a)
}

// check notes what of an exchange is not GitHub's.
func (s *Server) check(c *call, request []byte, a *answer) {
	var answer []byte
	if a.body != nil {
		var err error
		if answer, err = json.Marshal(a.body); err != nil {
			s.note("%s: encode the answer: %v", c.op.name, err)
			return
		}
	}
	query := c.r.URL.Query()
	for _, problem := range s.options.Description.Exchange(c.op.name, query, request, a.status, answer) {
		s.note("%s", problem)
	}
}

// record keeps a request and returns how to tell who watches, once the lock is free.
func (s *Server) record(c *call, text []byte, a *answer, fault *Fault) (tell func()) {
	request := Request{Operation: c.op.name, Method: c.r.Method, Path: c.r.URL.RequestURI(), Status: a.status,
		Body: text}
	if c.installation != nil {
		request.Installation = c.installation.ID
	}
	if fault != nil {
		request.Fault = fault.String()
	}
	s.requests = append(s.requests, request)
	watch := s.watch
	return func() {
		if watch != nil {
			watch(request)
		}
	}
}

// OnRequest tells of each request after it was carried out and before it is
// answered: a client that is killed there never learns what became of it. Nil
// ends it.
func (s *Server) OnRequest(watch func(Request)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.watch = watch
}

func (c *call) answer(text []byte) *answer {
	a := c.respond(text)
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set("X-GitHub-Request-Id", fmt.Sprintf("FA4E:%06X", len(c.s.requests)+1))
	a.header.Set("X-GitHub-Media-Type", "github.v3; format=json")
	if c.r.Method == http.MethodGet && a.status == http.StatusOK {
		c.tag(a)
	}
	if i := c.installation; i != nil {
		if a.status != http.StatusNotModified && c.op.name != "rate-limit/get" && i.remaining() > 0 {
			i.spend(c.r.Method)
		}
		for name, value := range i.limits() {
			a.header.Set("X-RateLimit-"+name, fmt.Sprint(value))
		}
	}
	return a
}

// respond refuses, or lets the operation answer.
func (c *call) respond(text []byte) *answer {
	who, refusal := c.s.authenticate(c.r.Header.Get("Authorization"))
	if refusal != nil {
		return refusal
	}
	c.caller = who
	if i := c.installation; i != nil && c.op.name != "rate-limit/get" {
		if refusal := i.refusal(c.r.Method); refusal != nil {
			return refusal
		}
	}
	for _, refusal := range []func() *answer{c.resolve, c.permit, func() *answer { return c.decode(text) }} {
		if a := refusal(); a != nil {
			return a
		}
	}
	return c.op.handle(c)
}

func (c *call) tag(a *answer) {
	text, err := json.Marshal(a.body)
	if err != nil {
		c.s.note("%s: encode the answer: %v", c.op.name, err)
		return
	}
	sum := sha256.Sum256(text)
	tag := `W/"` + hex.EncodeToString(sum[:]) + `"`
	a.header.Set("ETag", tag)
	if given := c.r.Header.Get("If-None-Match"); strings.TrimPrefix(given, "W/") == strings.TrimPrefix(tag, "W/") {
		a.status, a.body = http.StatusNotModified, nil
	}
}

func (i *Installation) limits() object {
	return object{"Limit": i.limit(), "Remaining": i.remaining(), "Used": i.used,
		"Reset": i.window.Add(time.Hour).Unix(), "Resource": "core"}
}

// resolve finds the repository and organisation of the path.
func (c *call) resolve() *answer {
	if login := c.r.PathValue("org"); login != "" {
		if c.org = c.s.organisation(login); c.org == nil {
			return notFound()
		}
	}
	owner, name := c.r.PathValue("owner"), c.r.PathValue("repo")
	if owner == "" {
		return nil
	}
	if c.repo = c.s.repository(owner, name); c.repo != nil {
		return nil
	}
	id, moved := c.s.moved[strings.ToLower(owner+"/"+name)]
	if target := c.s.repositories[id]; moved && target != nil {
		rest := strings.TrimPrefix(c.r.URL.EscapedPath(), "/repos/"+url.PathEscape(owner)+"/"+url.PathEscape(name))
		to := c.s.api(fmt.Sprintf("/repositories/%d%s", target.id, rest))
		a := refuse(http.StatusMovedPermanently, "Moved Permanently")
		a.body.(object)["url"] = to
		a.header = http.Header{"Location": {to}}
		return a
	}
	return notFound()
}

// decode reads the body and refuses what the operation does not know.
func (c *call) decode(text []byte) *answer {
	for key := range c.r.URL.Query() {
		if key != "per_page" && key != "page" && !slices.Contains(strings.Fields(c.op.query), key) {
			c.s.note("%s: unknown query parameter %q", c.op.name, key)
			return invalid("Query", key, "is not known")
		}
	}
	trimmed := bytes.TrimSpace(text)
	if len(trimmed) == 0 || bytes.Equal(trimmed, []byte("null")) {
		c.body = object{}
		return nil
	}
	if err := json.Unmarshal(text, &c.body); err != nil {
		c.s.note("%s: the body is no JSON object: %v", c.op.name, err)
		return refuse(http.StatusBadRequest, "Problems parsing JSON")
	}
	if unknown := unknownKey("", c.body, strings.Fields(c.op.body)); unknown != "" {
		c.s.note("%s: unknown key %q in the body", c.op.name, unknown)
		return invalid("Body", unknown, "is not a permitted key")
	}
	return nil
}

func unknownKey(prefix string, value any, known []string) string {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			if unknown := unknownKey(prefix, item, known); unknown != "" {
				return unknown
			}
		}
	case object:
		for key, below := range value {
			name := prefix + key
			if slices.Contains(known, prefix+"*") {
				continue
			}
			if !slices.Contains(known, name) {
				return name
			}
			if unknown := unknownKey(name+".", below, known); unknown != "" {
				return unknown
			}
		}
	}
	return ""
}

func (c *call) number(name string) int64 {
	n, err := strconv.ParseInt(c.r.PathValue(name), 10, 64)
	if err != nil {
		return -1
	}
	return n
}

func (c *call) query(name string) string { return c.r.URL.Query().Get(name) }

func (c *call) text(key string) string {
	text, _ := c.body[key].(string)
	return text
}

func (c *call) texts(key string) []string {
	var all []string
	list, _ := c.body[key].([]any)
	for _, item := range list {
		text, _ := item.(string)
		all = append(all, text)
	}
	return all
}

func (c *call) numbers(key string) []int64 {
	var all []int64
	list, _ := c.body[key].([]any)
	for _, item := range list {
		n, _ := item.(float64)
		all = append(all, int64(n))
	}
	return all
}

// page answers one page of items, as shown by view, with GitHub's Link header.
// With a key, the list lies below that key beside the total.
func page[T any](c *call, key string, items []T, view func(T) any) *answer {
	size, number := 30, 1
	if n, err := strconv.Atoi(c.query("per_page")); err == nil && n > 0 {
		size = min(n, 100)
	}
	if n, err := strconv.Atoi(c.query("page")); err == nil && n > 0 {
		number = n
	}
	last := max(1, (len(items)+size-1)/size)
	list := make([]any, 0, size)
	for _, item := range items[min((number-1)*size, len(items)):min(number*size, len(items))] {
		list = append(list, view(item))
	}
	a := ok(list)
	if key != "" {
		a.body = object{"total_count": len(items), key: list}
	}
	var links []string
	link := func(rel string, page int) {
		query := c.r.URL.Query()
		query.Set("page", strconv.Itoa(page))
		links = append(links, fmt.Sprintf(`<%s?%s>; rel="%s"`, c.s.api(c.r.URL.EscapedPath()), query.Encode(), rel))
	}
	if number > 1 {
		link("prev", number-1)
		link("first", 1)
	}
	if number < last {
		link("next", number+1)
		link("last", last)
	}
	if len(links) > 0 {
		a.header = http.Header{"Link": {strings.Join(links, ", ")}}
	}
	return a
}

func writeAnswer(w http.ResponseWriter, a *answer) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.body == nil {
		w.WriteHeader(a.status)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(a.status)
	if err := json.NewEncoder(w).Encode(a.body); err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
}
