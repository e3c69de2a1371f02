package githubtest

import (
	"cmp"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Installation is the App on an account.
type Installation struct {
	ID          int64
	server      *Server
	owner       string         // the account's login
	selected    map[int64]bool // nil: all repositories of the account
	permissions map[string]string
	suspended   time.Time
	window      time.Time // start of the hour that is counted
	used        int
	recent      []cost
	budget      int // of the window; 0: Limits.Hourly
}

type cost struct {
	at       time.Time
	points   int
	creation bool
}

// caller is who a request comes from. All fields zero: nobody.
type caller struct {
	app          bool
	installation *Installation
	user         *User
	permissions  map[string]string
	repositories map[int64]bool // nil: all of the installation
	expires      time.Time      // zero: never
}

// Install puts the App on an account, for the repositories named "name" or,
// with none, for all of the account's.
func (s *Server) Install(owner string, names ...string) (*Installation, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.login(owner) == nil && s.organisation(owner) == nil {
		return nil, fmt.Errorf("no account %q", owner)
	}
	i := &Installation{ID: s.id("installation"), server: s, owner: owner,
		permissions: maps.Clone(s.options.App.Permissions)}
	if len(names) > 0 {
		i.selected = map[int64]bool{}
	}
	for _, name := range names {
		r := s.repository(owner, name)
		if r == nil {
			return nil, fmt.Errorf("no repository %s/%s", owner, name)
		}
		i.selected[r.id] = true
	}
	s.installations[i.ID] = i
	s.emit(event{name: "installation", action: "created", org: s.organisation(owner), installation: i, payload: object{
		"installation": s.installationView(i), "repositories": s.shortRepositories(i.repositories()),
		"requester": nil}})
	return i, nil
}

// Suspend suspends the installation or takes that back.
func (i *Installation) Suspend(suspended bool) {
	i.server.mu.Lock()
	defer i.server.mu.Unlock()
	i.suspended = time.Time{}
	if suspended {
		i.suspended = i.server.now()
	}
}

// Select changes which repositories the installation covers: those of the
// account with these names, or all where none is given.
func (i *Installation) Select(names ...string) error {
	s := i.server
	s.mu.Lock()
	defer s.mu.Unlock()
	before := i.repositories()
	var selected map[int64]bool
	for _, name := range names {
		r := s.repository(i.owner, name)
		if r == nil {
			return fmt.Errorf("no repository %s/%s", i.owner, name)
		}
		if selected == nil {
			selected = map[int64]bool{}
		}
		selected[r.id] = true
	}
	i.selected = selected
	after := i.repositories()
	tell := func(action string, added, removed []*Repository) {
		if len(added)+len(removed) == 0 {
			return
		}
		view := s.installationView(i)
		s.emit(event{name: "installation_repositories", action: action, org: s.organisation(i.owner), installation: i,
			payload: object{"installation": view, "repository_selection": view["repository_selection"],
				"repositories_added":   s.shortRepositories(added),
				"repositories_removed": s.shortRepositories(removed), "requester": nil}})
	}
	tell("added", without(after, before), nil)
	tell("removed", nil, without(before, after))
	return nil
}

func without(all, gone []*Repository) []*Repository {
	return slices.DeleteFunc(slices.Clone(all), func(r *Repository) bool { return slices.Contains(gone, r) })
}

// Uninstall takes the App off the account; its tokens end.
func (i *Installation) Uninstall() {
	s := i.server
	s.mu.Lock()
	defer s.mu.Unlock()
	view, covered := s.installationView(i), s.shortRepositories(i.repositories())
	delete(s.installations, i.ID)
	s.emit(event{name: "installation", action: "deleted", org: s.organisation(i.owner), installation: i,
		payload: object{
			"installation": view, "repositories": covered, "requester": nil}})
}

// SetPermissions replaces what the installation grants; tokens made before keep theirs.
func (i *Installation) SetPermissions(permissions map[string]string) {
	i.server.mu.Lock()
	defer i.server.mu.Unlock()
	i.permissions = maps.Clone(permissions)
}

// SetRemaining says how many requests the installation has left in this hour.
func (i *Installation) SetRemaining(n int) {
	i.server.mu.Lock()
	defer i.server.mu.Unlock()
	i.roll()
	i.budget = i.used + n
}

func (i *Installation) repositories() []*Repository {
	var all []*Repository
	for _, id := range slices.Sorted(maps.Keys(i.server.repositories)) {
		if r := i.server.repositories[id]; i.covers(r) {
			all = append(all, r)
		}
	}
	return all
}

func (i *Installation) covers(r *Repository) bool {
	return strings.EqualFold(r.ownerLogin(), i.owner) && (i.selected == nil || i.selected[r.id])
}

func (s *Server) installationOf(r *Repository) *Installation {
	for _, i := range s.installations {
		if i.covers(r) {
			return i
		}
	}
	return nil
}

// UserToken is a token that acts as the person.
func (s *Server) UserToken(login string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	u, err := s.person(login)
	if err != nil {
		return "", err
	}
	return s.token("ghu_", &caller{user: u}), nil
}

// token is not a secret: it only must be hard to confuse with another.
func (s *Server) token(prefix string, c *caller) string {
	sum := sha256.Sum256([]byte(strconv.FormatInt(s.id("token"), 10)))
	name := prefix + hex.EncodeToString(sum[:18])
	s.tokens[name] = c
	return name
}

func unauthorized(message string) *answer {
	return &answer{status: http.StatusUnauthorized, body: object{"message": message, "status": "401",
		"documentation_url": "https://docs.github.com/rest"}}
}

// authenticate finds who asks; a refusal is the second value.
func (s *Server) authenticate(header string) (*caller, *answer) {
	if header == "" {
		return &caller{}, nil
	}
	kind, token, _ := strings.Cut(header, " ")
	if kind == "Basic" {
		plain, _ := base64.StdEncoding.DecodeString(token)
		_, token, _ = strings.Cut(string(plain), ":")
	}
	if strings.Count(token, ".") == 2 {
		if err := s.checkJWT(token); err != nil {
			return nil, unauthorized(err.Error())
		}
		return &caller{app: true}, nil
	}
	c := s.tokens[token]
	switch {
	case c == nil || c.user != nil && c.user.Deleted:
		return nil, unauthorized("Bad credentials")
	case !c.expires.IsZero() && !s.options.TokenClock().Before(c.expires):
		return nil, unauthorized("Bad credentials")
	case c.installation != nil && s.installations[c.installation.ID] == nil:
		return nil, unauthorized("Bad credentials")
	case c.installation != nil && !c.installation.suspended.IsZero():
		return nil, refuse(http.StatusForbidden, "This installation has been suspended")
	}
	return c, nil
}

func (s *Server) checkJWT(token string) error {
	parts := strings.Split(token, ".")
	var header struct{ Alg string }
	var claims struct {
		Iat, Exp float64
		Iss      any
	}
	for i, into := range []any{&header, &claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(text, into) != nil {
			return fmt.Errorf("A JSON web token could not be decoded")
		}
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || header.Alg != "RS256" ||
		rsa.VerifyPKCS1v15(&s.options.App.Key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return fmt.Errorf("A JSON web token could not be decoded")
	}
	now := float64(s.options.TokenClock().Unix())
	switch {
	case fmt.Sprint(claims.Iss) != strconv.FormatInt(s.options.App.ID, 10) &&
		claims.Iss != float64(s.options.App.ID):
		return fmt.Errorf("'Issuer' claim ('iss') must be an Integer")
	case claims.Iat > now+60:
		return fmt.Errorf(
			"'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
	case claims.Exp <= now:
		return fmt.Errorf("'Expiration time' claim ('exp') must be a numeric value representing the future time")
	case claims.Exp > now+600 || claims.Exp-claims.Iat > 660:
		return fmt.Errorf("'Expiration time' claim ('exp') is too far in the future")
	}
	return nil
}

var levels = []string{"", "read", "write", "admin"}

// grants reports whether permissions hold one of "checks:write|issues:read".
func grants(permissions map[string]string, needs string) bool {
	return slices.ContainsFunc(strings.Split(needs, "|"), func(need string) bool {
		name, level, _ := strings.Cut(need, ":")
		return slices.Index(levels, permissions[name]) >= slices.Index(levels, level)
	})
}

// permit refuses what the caller may not do, the way GitHub does: what may
// not be seen is not found, what may be seen but not done is forbidden.
func (c *call) permit() *answer {
	needs := c.op.needs
	switch {
	case needs == "":
		return nil
	case needs == "app" && !c.app:
		return unauthorized("A JSON web token could not be decoded")
	case needs == "app":
		return nil
	case c.app:
		return refuse(http.StatusForbidden, "This endpoint requires you to authenticate as an installation")
	case c.installation == nil && c.user == nil && (c.repo == nil || c.repo.private || c.r.Method != http.MethodGet):
		return unauthorized("Requires authentication")
	case c.user != nil:
		return c.permitUser()
	case c.installation == nil:
		return nil
	}
	forbidden := refuse(http.StatusForbidden, "Resource not accessible by integration")
	if c.repo != nil && !c.reaches(c.repo) {
		if !c.repo.private && c.r.Method == http.MethodGet {
			return nil
		}
		if c.repo.private {
			return notFound()
		}
		return forbidden
	}
	if c.org != nil && !strings.EqualFold(c.installation.owner, c.org.login) || !grants(c.permissions, needs) {
		return forbidden
	}
	return nil
}

func (c *caller) reaches(r *Repository) bool {
	return c.installation.covers(r) && (c.repositories == nil || c.repositories[r.id])
}

func (c *call) permitUser() *answer {
	if c.repo == nil {
		return nil
	}
	if !c.repo.can(c.user, "read") {
		return notFound()
	}
	role, ok := map[string]string{"administration": "admin", "statuses": "write"}[strings.Split(c.op.needs, ":")[0]]
	switch {
	case strings.HasPrefix(c.op.needs, "checks:write"):
		return refuse(http.StatusForbidden, "You must authenticate via a GitHub App.")
	case ok && !c.repo.can(c.user, role):
		return refuse(http.StatusForbidden, "Must have "+role+" rights to Repository.")
	}
	return nil
}

func (c *call) createToken() *answer {
	s := c.s
	i := s.installations[c.number("installation_id")]
	if i == nil {
		return notFound()
	}
	if !i.suspended.IsZero() {
		return refuse(http.StatusForbidden, "This installation has been suspended")
	}
	made := &caller{installation: i, permissions: maps.Clone(i.permissions),
		expires: s.options.TokenClock().Add(time.Hour)}
	if asked, ok := c.body["permissions"].(object); ok {
		made.permissions = map[string]string{"metadata": "read"}
		for name, level := range asked {
			text, _ := level.(string)
			if !grants(i.permissions, name+":"+cmp.Or(text, "admin")) {
				return refuse(http.StatusUnprocessableEntity,
					"The permissions requested are not granted to this installation.")
			}
			made.permissions[name] = text
		}
	}
	if c.body["repositories"] != nil || c.body["repository_ids"] != nil {
		made.repositories = map[int64]bool{}
		for _, r := range i.repositories() {
			made.repositories[r.id] = slices.Contains(c.texts("repositories"), r.name) ||
				slices.Contains(c.numbers("repository_ids"), r.id)
		}
		maps.DeleteFunc(made.repositories, func(_ int64, in bool) bool { return !in })
		if len(made.repositories) != len(c.texts("repositories"))+len(c.numbers("repository_ids")) {
			return refuse(http.StatusUnprocessableEntity,
				"There is at least one repository that does not exist or is not accessible to the parent installation.")
		}
	}
	selection := map[bool]string{true: "all", false: "selected"}[i.selected == nil && made.repositories == nil]
	return created(object{"token": s.token("ghs_", made), "expires_at": stamp(made.expires),
		"permissions": made.permissions, "repository_selection": selection})
}

func (i *Installation) roll() {
	if now := i.server.options.TokenClock(); now.Sub(i.window) >= time.Hour {
		i.window, i.used, i.budget = now, 0, 0
	}
}

func (i *Installation) limit() int { return cmp.Or(i.budget, i.server.options.Limits.Hourly) }

func costOf(method string) cost {
	if method == http.MethodGet {
		return cost{points: 1}
	}
	return cost{points: 5, creation: true}
}

// refusal is the limit that the next request meets, nil where there is room.
func (i *Installation) refusal(method string) *answer {
	if i.remaining() == 0 {
		return refuse(http.StatusForbidden, fmt.Sprintf("API rate limit exceeded for installation ID %d.", i.ID))
	}
	limits, now, this := i.server.options.Limits, i.server.options.TokenClock(), costOf(method)
	points, creations := this.points, 0
	i.recent = slices.DeleteFunc(i.recent, func(c cost) bool { return now.Sub(c.at) >= time.Minute })
	for _, c := range i.recent {
		points += c.points
		if c.creation {
			creations++
		}
	}
	if limits.PointsPerMinute > 0 && points > limits.PointsPerMinute ||
		limits.CreationsPerMinute > 0 && this.creation && creations >= limits.CreationsPerMinute {
		return secondary(time.Minute)
	}
	return nil
}

// spend counts a request that was answered.
func (i *Installation) spend(method string) {
	i.used++
	this := costOf(method)
	this.at = i.server.options.TokenClock()
	i.recent = append(i.recent, this)
}

// remaining is what is left of the hour.
func (i *Installation) remaining() int {
	i.roll()
	return max(0, i.limit()-i.used)
}

func secondary(wait time.Duration) *answer {
	a := refuse(http.StatusForbidden,
		"You have exceeded a secondary rate limit. Please wait a few minutes before you try again.")
	// go-github tells a secondary limit by the end of this address.
	a.body.(object)["documentation_url"] = "https://docs.github.com/rest/overview/rate-limits-for-the-rest-api" +
		"#about-secondary-rate-limits"
	a.header = http.Header{"Retry-After": {strconv.Itoa(int(wait.Seconds()))}}
	return a
}
