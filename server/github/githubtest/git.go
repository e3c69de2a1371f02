package githubtest

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Commit is a commit to make. Its content is the first parent's, changed by
// Files and Remove; or Tree.
type Commit struct {
	Parents []string          // full SHAs; none for a root commit
	Files   map[string]string // path → content, written over the first parent's tree
	Remove  []string          // paths taken out of it
	Tree    string            // SHA of a tree or commit to take instead; empty: not
	Message string            // empty means "change"
	Author  string            // a login, or "Name <address>" for anybody; empty means a login of no account
	// Committer is like Author; empty means the author.
	Committer string
	CoAuthors []string  // like Author; written as trailers
	At        time.Time // zero: the server's clock
	// Verified says that GitHub vouches for the signature. Web-flow's commits
	// are verified only with it.
	Verified bool
}

// metadata is a commit as git tells it.
type metadata struct {
	sha, tree, message string
	parents            []string
	author, committer  signature
}

type signature struct{ name, email, date string }

// git runs git in the repository. Nothing of the user's own configuration is
// used; input is its standard input.
func (s *Server) git(id int64, input []byte, args ...string) ([]byte, error) {
	command := exec.Command("git", args...)
	command.Dir = s.gitFolder(id)
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_CONFIG_GLOBAL=/dev/null", "LC_ALL=C", "TZ=UTC",
		"GIT_AUTHOR_NAME=GitHub", "GIT_AUTHOR_EMAIL=noreply@github.com",
		"GIT_COMMITTER_NAME=GitHub", "GIT_COMMITTER_EMAIL=noreply@github.com",
		"GIT_AUTHOR_DATE=" + stamp(s.now()), "GIT_COMMITTER_DATE=" + stamp(s.now())}
	command.Stdin = bytes.NewReader(input)
	var out, trouble bytes.Buffer
	command.Stdout, command.Stderr = &out, &trouble
	if err := command.Run(); err != nil {
		return out.Bytes(), fmt.Errorf("git %s: %w: %s", args[0], err, bytes.TrimSpace(trouble.Bytes()))
	}
	return out.Bytes(), nil
}

// same is git for questions about objects by full SHA: asked once.
func (r *Repository) same(args ...string) ([]byte, error) {
	key := strconv.FormatInt(r.store, 10) + "\x00" + strings.Join(args, "\x00")
	if known, found := r.server.immutable[key]; found {
		return known, nil
	}
	out, err := r.server.git(r.id, nil, args...)
	if err == nil {
		r.server.immutable[key] = out
	}
	return out, err
}

func (s *Server) createGit(r *Repository) error {
	if err := os.Mkdir(s.gitFolder(r.id), 0o755); err != nil {
		return err
	}
	if _, err := s.git(r.id, nil, "init", "--quiet", "--bare", "--initial-branch="+r.defaultBranch); err != nil {
		return err
	}
	for _, pair := range [][2]string{{"uploadpack.allowFilter", "true"}, {"uploadpack.allowAnySHA1InWant", "true"},
		{"http.receivepack", "false"}, {"gc.auto", "0"}, {"transfer.hideRefs", "refs/githubtest"},
		{"core.logAllRefUpdates", "false"}} {
		if _, err := s.git(r.id, nil, "config", pair[0], pair[1]); err != nil {
			return err
		}
	}
	if r.store == r.id {
		return nil
	}
	// A fork shares the objects of its network, as at GitHub.
	objects := filepath.Join(s.gitFolder(r.id), "objects")
	if err := os.RemoveAll(objects); err != nil {
		return err
	}
	return os.Symlink(filepath.Join(s.gitFolder(r.store), "objects"), objects)
}

func (s *Server) signature(who string) (name, email string) {
	if name, rest, raw := strings.Cut(who, "<"); raw {
		return strings.TrimSpace(name), strings.TrimSuffix(rest, ">")
	}
	switch u := s.login(who); {
	case u == nil:
		return cmp.Or(who, "nobody"), cmp.Or(who, "nobody") + "@unknown.example"
	case u.ID == webFlowID:
		return "GitHub", u.Emails[0]
	default:
		return u.Name, u.Emails[0]
	}
}

// Commit makes a commit in the repository, on no branch, and returns its SHA.
func (r *Repository) Commit(c Commit) (string, error) {
	r.server.mu.Lock()
	defer r.server.mu.Unlock()
	return r.commit(c)
}

func (r *Repository) commit(c Commit) (string, error) {
	s := r.server
	at := c.At
	if at.IsZero() {
		at = s.now()
	}
	message := cmp.Or(c.Message, "change")
	for i, who := range c.CoAuthors {
		name, email := s.signature(who)
		message += map[bool]string{true: "\n\n", false: "\n"}[i == 0] + fmt.Sprintf("Co-authored-by: %s <%s>", name,
			email)
	}
	tree, err := r.treeOf(c)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	fmt.Fprintf(&text, "tree %s\n", tree)
	for _, parent := range c.Parents {
		fmt.Fprintf(&text, "parent %s\n", parent)
	}
	name, email := s.signature(c.Author)
	fmt.Fprintf(&text, "author %s <%s> %d +0000\n", name, email, at.Unix())
	name, email = s.signature(cmp.Or(c.Committer, c.Author))
	fmt.Fprintf(&text, "committer %s <%s> %d +0000\n\n%s\n", name, email, at.Unix(), message)
	out, err := s.git(r.id, []byte(text.String()), "hash-object", "-t", "commit", "-w", "--stdin")
	if err != nil {
		return "", err
	}
	sha := strings.TrimSpace(string(out))
	if c.Verified {
		s.verified[sha] = at
	}
	return sha, nil
}

// scratch is a reference that fast-import wants and nobody is told of.
const scratch = "refs/githubtest/scratch"

// treeOf finds or builds the commit's tree.
func (r *Repository) treeOf(c Commit) (string, error) {
	if c.Tree != "" {
		return r.resolveObject(c.Tree, "tree")
	}
	var stream strings.Builder
	fmt.Fprintf(&stream, "commit %s\ncommitter x <x@x> 0 +0000\ndata 0\n", scratch)
	if len(c.Parents) > 0 {
		fmt.Fprintf(&stream, "from %s\n", c.Parents[0])
	}
	for _, name := range c.Remove {
		fmt.Fprintf(&stream, "D %s\n", quoted(name))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Files)) {
		fmt.Fprintf(&stream, "M 100644 inline %s\ndata %d\n%s\n", quoted(name), len(c.Files[name]), c.Files[name])
	}
	stream.WriteString("ls \"\"\ndone\n")
	out, err := r.server.git(r.id, []byte(stream.String()), "fast-import", "--quiet", "--done", "--force")
	if err != nil {
		return "", err
	}
	entry := strings.Fields(string(out))
	if len(entry) < 3 || !fullSHA(entry[2]) {
		return "", fmt.Errorf("git fast-import told no tree: %q", out)
	}
	return entry[2], nil
}

func quoted(name string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(name) + `"`
}

// resolveObject turns a full SHA into that of its tree, commit, …; names are never resolved.
func (r *Repository) resolveObject(sha, kind string) (string, error) {
	if !fullSHA(sha) {
		return "", fmt.Errorf("%q is no full SHA", sha)
	}
	out, err := r.same("rev-parse", "--verify", "--quiet", "--end-of-options", sha+"^{"+kind+"}")
	return strings.TrimSpace(string(out)), err
}

func fullSHA(text string) bool {
	return len(text) == 40 && strings.Trim(text, "0123456789abcdef") == ""
}

// metadata reads a commit; nil where the repository has none of that name.
func (r *Repository) metadata(sha string) *metadata {
	if _, err := r.resolveObject(sha, "commit"); err != nil {
		return nil
	}
	out, err := r.same("cat-file", "commit", sha)
	if err != nil {
		r.server.note("read commit %s: %v", sha, err)
		return nil
	}
	head, message, _ := strings.Cut(string(out), "\n\n")
	m := &metadata{sha: sha, message: strings.TrimSuffix(message, "\n")}
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		switch key {
		case "tree":
			m.tree = value
		case "parent":
			m.parents = append(m.parents, value)
		case "author":
			m.author = parseSignature(value)
		case "committer":
			m.committer = parseSignature(value)
		}
	}
	return m
}

func parseSignature(text string) signature {
	name, rest, _ := strings.Cut(text, " <")
	email, rest, _ := strings.Cut(rest, "> ")
	seconds, _, _ := strings.Cut(rest, " ")
	unix, _ := strconv.ParseInt(seconds, 10, 64)
	return signature{name, email, stamp(time.Unix(unix, 0))}
}

// between lists the commits of base..head over all parents, oldest first.
func (r *Repository) between(base, head string) []string {
	out, err := r.same("rev-list", "--reverse", "--topo-order", head, "^"+base)
	if err != nil {
		r.server.note("list commits: %v", err)
	}
	return strings.Fields(string(out))
}

// mergeBase is empty for unrelated histories.
func (r *Repository) mergeBase(a, b string) string {
	out, err := r.same("merge-base", a, b)
	if err != nil {
		r.unexpected(err)
		return ""
	}
	return strings.TrimSpace(string(out))
}

// unexpected notes what git says besides no, which is 1.
func (r *Repository) unexpected(err error) {
	if exit, ended := errors.AsType[*exec.ExitError](err); !ended || exit.ExitCode() != 1 {
		r.server.note("%v", err)
	}
}

func (r *Repository) isAncestor(a, b string) bool { return r.mergeBase(a, b) == a }

// mergeTree is the tree of the automatic merge, empty on a conflict.
func (r *Repository) mergeTree(base, head string) string {
	out, err := r.same("merge-tree", "--write-tree", "--no-messages", base, head)
	if err != nil {
		r.unexpected(err)
		return ""
	}
	return strings.TrimSpace(string(out))
}

// changed is one file of a comparison.
type changed struct {
	path, from, status, blob string
	additions, deletions     int
}

// files are the changes from a to b with renames found.
func (r *Repository) files(a, b string) []changed {
	raw, err := r.same("diff-tree", "-r", "-M", "-z", "--raw", "--numstat", a, b)
	if err != nil {
		r.server.note("compare %s with %s: %v", a, b, err)
		return nil
	}
	var all []changed
	fields := strings.Split(strings.TrimSuffix(string(raw), "\x00"), "\x00")
	counts := 0
	for i := 0; i < len(fields) && fields[i] != ""; i++ {
		if fields[i][0] == ':' {
			part := strings.Fields(fields[i][1:])
			f := changed{path: fields[i+1], blob: part[3], status: map[byte]string{'A': "added", 'D': "removed",
				'M': "modified", 'T': "changed", 'R': "renamed", 'C': "copied"}[part[4][0]]}
			i++
			if f.status == "removed" {
				f.blob = part[2]
			}
			if f.status == "renamed" {
				f.from, f.path = f.path, fields[i+1]
				i++
			}
			all = append(all, f)
			continue
		}
		part := strings.SplitN(fields[i], "\t", 3)
		all[counts].additions, _ = strconv.Atoi(part[0])
		all[counts].deletions, _ = strconv.Atoi(part[1])
		if part[2] == "" {
			i += 2
		}
		counts++
	}
	return all
}

// setRef moves, makes or (to "") deletes a reference.
func (r *Repository) setRef(name, sha string) error {
	args := []string{"update-ref", name, sha}
	if sha == "" {
		args = []string{"update-ref", "-d", name}
	}
	if _, err := r.server.git(r.id, nil, args...); err != nil {
		return err
	}
	if sha == "" {
		delete(r.refs, name)
	} else {
		r.refs[name] = sha
	}
	return nil
}

// serveGit hands a fetch to git http-backend. Pushes are refused: people act
// by methods.
func (s *Server) serveGit(w http.ResponseWriter, r *http.Request) {
	path, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), ".git/")
	asked := "transport/" + map[bool]string{true: "upload-pack", false: "info-refs"}[rest == "git-upload-pack"]
	owner, name, _ := strings.Cut(path, "/")
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		s.problem("%s: read the body: %v", asked, err)
		return
	}
	s.mu.Lock()
	fault := s.takeFault(asked)
	c := &call{caller: &caller{}, s: s, op: &operation{name: asked, needs: "contents:read"}, r: r}
	refusal := c.admitGit(owner, name)
	a := cmp.Or(refusal, ok(nil))
	watch := s.record(c, nil, a, fault)
	known := rest == "git-upload-pack" || rest == "info/refs" && r.URL.Query().Get("service") == "git-upload-pack"
	if !known {
		s.note("%s %s: only fetches are answered", r.Method, r.URL.RequestURI())
		a = notFound()
		refusal = a
	}
	s.mu.Unlock()
	watch()
	switch {
	case fault != nil:
		fault.write(s, w, r, fault.answer())
		return
	case refusal != nil:
		if refusal.status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
		}
		writeAnswer(w, refusal)
		return
	}
	s.backend(w, r, body, fmt.Sprintf("/%d.git/%s", c.repo.id, rest))
}

func (c *call) admitGit(owner, name string) *answer {
	who, refusal := c.s.authenticate(c.r.Header.Get("Authorization"))
	if refusal != nil {
		return refusal
	}
	c.caller = who
	if c.repo = c.s.repository(owner, name); c.repo == nil {
		if id, moved := c.s.moved[strings.ToLower(owner+"/"+name)]; moved {
			c.repo = c.s.repositories[id]
		}
	}
	if c.repo == nil {
		if c.installation == nil && c.user == nil {
			return unauthorized("Requires authentication")
		}
		return notFound()
	}
	get := c.r.Clone(c.r.Context())
	get.Method = http.MethodGet // a fetch's POST reads
	c.r = get
	return c.permit()
}

func (s *Server) backend(w http.ResponseWriter, r *http.Request, body []byte, path string) {
	request := r.Clone(r.Context())
	request.URL.Path = path
	request.Body = io.NopCloser(bytes.NewReader(body))
	request.ContentLength, request.TransferEncoding = int64(len(body)), nil
	core, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		s.problem("find git: %v", err)
		writeAnswer(w, refuse(http.StatusInternalServerError, "no git"))
		return
	}
	handler := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(core)), "git-http-backend"), Root: "/",
		Env: []string{"GIT_PROJECT_ROOT=" + s.folder, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1",
			"GIT_CONFIG_GLOBAL=/dev/null", "GIT_PROTOCOL=" + r.Header.Get("Git-Protocol"),
			"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
		Stderr: io.Discard,
	}
	handler.ServeHTTP(w, request)
}
