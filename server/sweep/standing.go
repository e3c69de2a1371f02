package sweep

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/publish"
)

// fresh is how long the self-audit of a branch is believed.
const fresh = 5 * time.Minute

// The words for approvals.audit.
const (
	checkMissing   = "required_check_missing"
	checkNotPinned = "required_check_source_not_pinned"
)

// audited is what the self-audit of a branch found.
type audited struct {
	at      time.Time
	notices []string
	words   []string
	whole   bool // all of it could be read
	loose   bool // what is not up to date can be merged, as far as is known
}

func (a *audited) equal(b *audited) bool {
	return slices.Equal(a.notices, b.notices) && slices.Equal(a.words, b.words)
}

func (m *memory) stands(b branch) *audited {
	m.mu.Lock()
	defer m.mu.Unlock()
	if a, ok := m.standing[b]; ok {
		return &a
	}
	return nil
}

func (m *memory) stand(b branch, a audited) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.standing == nil {
		m.standing = map[branch]audited{}
	}
	m.standing[b] = a
}

// Standing is the self-audit of a branch, read at most every five minutes:
// notices for people and words for approvals.audit
// (required_check_missing, required_check_source_not_pinned). What GitHub does
// not tell is said as unknown; the error is the context's alone.
func (s *Sweeper) Standing(
	ctx context.Context, c *github.Client, r github.Repository, base string,
) (notices, audit []string, err error) {
	known := s.memory.stands(branch{r.ID, base})
	if known == nil || s.Clock().Sub(known.at) >= fresh || s.Clock().Before(known.at) {
		if known, err = s.audit(ctx, c, r, base); err != nil {
			return nil, nil, err
		}
	}
	return slices.Clone(known.notices), slices.Clone(known.words), nil
}

// audit reads the rules of a branch now. Where GitHub is out of reach, what was
// found before stands: a check must not change its text with the weather.
func (s *Sweeper) audit(ctx context.Context, c *github.Client, r github.Repository, base string) (*audited, error) {
	g := &gate{name: publish.Name(base), app: s.App.ID()}
	err := g.rulesets(ctx, c, r, base)
	if err == nil {
		err = g.classic(ctx, c, r, base)
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if err != nil {
		s.Log.Warn("the rules of a branch could not be read", "repository", r.ID, "branch", base, "error", err)
		if before := s.memory.stands(branch{r.ID, base}); before != nil && before.whole {
			return before, nil
		}
		g.unknown = true
	}
	found := audited{at: s.Clock(), whole: err == nil, loose: !g.strict && !g.queue}
	found.notices, found.words = g.words()
	if len(found.notices) > 0 {
		found.notices = append(found.notices, paste(s.App.ID(), base))
	}
	s.memory.stand(branch{r.ID, base}, found)
	return &found, nil
}

// gate is what a branch asks of who wants to merge.
type gate struct {
	name string // of our check
	app  int64

	unknown    bool // the rules could not be read
	classicDim bool // the classic protection could not be read

	required, pinned, foreign bool // our check: asked for, from us alone, from another App
	strict, queue             bool
	pull, dismissed, lastPush bool
	forced, deleted           bool // neither is possible
	bypass                    []string
}

// rulesets reads the rules that hold for the branch. Types that are not known
// here ask for nothing that we need.
func (g *gate) rulesets(ctx context.Context, c *github.Client, r github.Repository, base string) error {
	rules, err := c.Rules(ctx, r, base)
	if err != nil {
		return err
	}
	sets := map[int64]bool{}
	for _, rule := range rules {
		if rule.Ruleset != 0 && g.take(rule) {
			sets[rule.Ruleset] = true
		}
	}
	for id := range sets {
		set, err := c.Ruleset(ctx, r, id)
		switch github.KindOf(err) {
		case github.Forbidden, github.NotFound:
			continue // an organisation's own: who may bypass is for its owners to see
		}
		if err != nil {
			return err
		}
		for _, b := range set.Bypass {
			g.bypass = append(g.bypass, fmt.Sprintf("%s %d (%s)", b.ActorType, b.ActorID, b.Mode))
		}
	}
	slices.Sort(g.bypass)
	g.bypass = slices.Compact(g.bypass)
	return nil
}

// take reads one rule and reports whether it is one that matters here. What
// cannot be read asks for nothing.
func (g *gate) take(rule github.Rule) bool {
	switch rule.Type {
	case "required_status_checks":
		var p struct {
			Strict bool `json:"strict_required_status_checks_policy"`
			Checks []struct {
				Context string `json:"context"`
				App     int64  `json:"integration_id"`
			} `json:"required_status_checks"`
		}
		if json.Unmarshal(rule.Parameters, &p) != nil {
			return false
		}
		for _, check := range p.Checks {
			g.check(check.Context, check.App)
		}
		g.strict = g.strict || p.Strict
	case "pull_request":
		var p struct {
			Dismiss  bool `json:"dismiss_stale_reviews_on_push"`
			LastPush bool `json:"require_last_push_approval"`
		}
		if json.Unmarshal(rule.Parameters, &p) != nil {
			return false
		}
		g.pull, g.dismissed, g.lastPush = true, g.dismissed || p.Dismiss, g.lastPush || p.LastPush
	case "merge_queue":
		g.queue = true
	case "non_fast_forward":
		g.forced = true
	case "deletion":
		g.deleted = true
	default:
		return false
	}
	return true
}

func (g *gate) check(context string, app int64) {
	if context != g.name {
		return
	}
	g.required = true
	g.pinned = g.pinned || app == g.app
	g.foreign = g.foreign || app > 0 && app != g.app
}

// protection is a branch's classic protection, as far as it matters here.
type protection struct {
	Checks *struct {
		Strict bool `json:"strict"`
		Checks []struct {
			Context string `json:"context"`
			App     *int64 `json:"app_id"`
		} `json:"checks"`
	} `json:"required_status_checks"`
	Admins struct {
		Enabled bool `json:"enabled"`
	} `json:"enforce_admins"`
	Reviews *struct {
		Dismiss  bool `json:"dismiss_stale_reviews"`
		LastPush bool `json:"require_last_push_approval"`
	} `json:"required_pull_request_reviews"`
	Force struct {
		Enabled bool `json:"enabled"`
	} `json:"allow_force_pushes"`
	Deletions struct {
		Enabled bool `json:"enabled"`
	} `json:"allow_deletions"`
}

// classic reads the classic protection, which only an App with
// administration: read may see.
func (g *gate) classic(ctx context.Context, c *github.Client, r github.Repository, base string) error {
	text, err := c.Protection(ctx, r, base)
	switch github.KindOf(err) {
	case github.NotFound:
		return nil
	case github.Forbidden:
		g.classicDim = true
		return nil
	}
	if err != nil || len(text) == 0 {
		return err
	}
	var p protection
	if err := json.Unmarshal(text, &p); err != nil {
		g.classicDim = true
		return nil //nolint:nilerr // a shape that is not known is said as unknown
	}
	if p.Checks != nil {
		for _, check := range p.Checks.Checks {
			app := int64(0)
			if check.App != nil {
				app = *check.App
			}
			g.check(check.Context, app)
		}
		g.strict = g.strict || p.Checks.Strict
	}
	if p.Reviews != nil {
		g.pull, g.dismissed, g.lastPush = true, g.dismissed || p.Reviews.Dismiss, g.lastPush || p.Reviews.LastPush
	}
	g.forced, g.deleted = g.forced || !p.Force.Enabled, g.deleted || !p.Deletions.Enabled
	if !p.Admins.Enabled {
		g.bypass = append(g.bypass, "administrators (classic protection)")
	}
	return nil
}

// words are the notices, most important first, and the words for the audit.
func (g *gate) words() (notices, audit []string) {
	if g.unknown {
		return []string{"GitHub did not tell which rules this branch has: " +
			"whether this check is required is not known."}, nil
	}
	say := func(wrong bool, format string, args ...any) {
		if wrong {
			notices = append(notices, fmt.Sprintf(format, args...))
		}
	}
	dim := ""
	if g.classicDim && !g.required {
		dim = " (no ruleset does; classic protection is hidden from this App without administration: read)"
	}
	switch {
	case !g.required:
		say(true, "The branch does not require the check `%s`%s: anyone with write access can merge past it.",
			g.name, dim)
		audit = append(audit, checkMissing)
	case !g.pinned && g.foreign:
		say(true, "The branch takes the check `%s` from another App only, not from this one.", g.name)
		audit = append(audit, checkNotPinned)
	case !g.pinned:
		say(true, "The branch takes the check `%s` from anyone: who has write access can forge it.", g.name)
		audit = append(audit, checkNotPinned)
	}
	say(!g.pull, "The branch does not require a pull request: it can be pushed to directly.")
	say(g.pull && !g.dismissed && !g.lastPush && !g.queue,
		"Neither are stale approvals dismissed nor must the last push be approved: "+
			"other content can be merged by pushing it.")
	say(!g.strict && !g.queue,
		"Branches need not be up to date and there is no merge queue: "+
			"two harmless changes can add up to a harmful one.")
	say(!g.forced, "The branch can be force-pushed.")
	say(!g.deleted, "The branch can be deleted.")
	for _, actor := range g.bypass {
		say(true, "%s may bypass these rules.", actor)
	}
	return notices, audit
}
