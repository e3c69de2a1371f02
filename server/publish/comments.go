package publish

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/countersign-dev/countersign/server/github"
	"github.com/countersign-dev/countersign/server/store"
)

// comments are what this process knows of our comments, by pull request. What
// it does not know is read from GitHub. The zero value is ready.
type comments struct {
	mu    sync.Mutex
	known map[string]known
}

// known is a comment as we left it, and the publication that stood then: when
// another process published since, it may have written the comment as well.
type known struct {
	id          int64 // 0: somebody deleted it, and it stays so
	body        string
	publication int64
}

// mostKnown bounds the memory; who is forgotten is read again.
const mostKnown = 10_000

func (c *comments) recall(key string) (known, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k, is := c.known[key]
	return k, is
}

func (c *comments) keep(key string, k known) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= mostKnown {
		c.known = map[string]known{}
	}
	c.known[key] = k
}

func (c *comments) forget(key string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.known, key)
}

// patience is how many attempts at a target may fail for the sake of a courtesy.
// The check is written by then; it must not become "could not be judged".
const patience = 2

// Pressing reports whether an error of a courtesy (a comment, an answer) is one
// for its target: all that is not GitHub's, a limit, and at the first attempts
// an outage. What else GitHub does not take is given up.
func Pressing(err error, lease store.Lease) bool {
	switch github.KindOf(err) {
	case "", github.Limited:
		return err != nil
	case github.Unavailable:
		return lease.Attempts <= patience
	}
	return false
}

// comment makes our comment equal a wish. It is made once, when somebody must
// act for the first time; one that people deleted is not made again.
func (p *Publisher) comment(ctx context.Context, w Wish, published store.Publication) error {
	err := p.say(ctx, w, published)
	if err != nil {
		p.comments.forget(commentKey(w.Subject))
	}
	if err == nil || Pressing(err, w.Lease) {
		return err
	}
	p.Log.WarnContext(ctx, "the comment could not be written; the check is", slog.Int64("repository", w.Repository.ID),
		slog.Int("pull", w.Pull), slog.Any("error", err))
	return nil
}

func commentKey(s Subject) string { return fmt.Sprintf("comment/%d/%d", s.Repository.ID, s.Pull) }

// sticky is our comment as it is to be.
type sticky struct {
	Wish
	key       string
	body      string
	seal      []byte
	published store.Publication
}

func (p *Publisher) say(ctx context.Context, w Wish, published store.Publication) error {
	text, ask := commentOf(w, published.CheckRun)
	s := sticky{Wish: w, key: commentKey(w.Subject), published: published}
	made, begun, err := p.Store.Action(ctx, s.key)
	if err != nil || !begun && !ask {
		return err
	}
	seal, err := p.Store.Secret(ctx, "comment")
	if err != nil {
		return err
	}
	s.seal, s.body = seal.Value, sealed(seal.Value, s.key, text)
	if !begun {
		if made, err = p.Store.BeginUnder(ctx, w.Lease, s.key, nil); err != nil {
			return err
		}
	}
	if made.State == store.Begun {
		return p.post(ctx, s)
	}
	had, err := p.recall(ctx, s)
	switch {
	case err != nil:
		return err
	case made.State == store.Unsure || had == nil || w.Conversation != nil || w.Force:
		return p.look(ctx, s, made)
	case had.id == 0 || had.body == s.body:
		p.comments.keep(s.key, known{had.id, had.body, published.ID})
		return nil
	}
	return p.rewrite(ctx, s, had.id)
}

// recall is what we left, unless somebody else may have written since.
func (p *Publisher) recall(ctx context.Context, s sticky) (*known, error) {
	had, is := p.comments.recall(s.key)
	if !is {
		return nil, nil
	}
	newest, err := p.Store.Publications(ctx, store.PublicationQuery{Repository: s.Repository.ID, Pull: int64(s.Pull),
		Most: 2})
	if err != nil {
		return nil, err
	}
	for _, published := range newest {
		if published.ID > had.publication && published.ID != s.published.ID {
			return nil, nil
		}
	}
	return &had, nil
}

// look reads the conversation and makes our comment right. A comment is ours
// only when our own account wrote it: what it says proves nothing.
func (p *Publisher) look(ctx context.Context, s sticky, made store.Action) error {
	conversation := s.Conversation
	if conversation == nil {
		var err error
		if conversation, err = s.Client.Comments(ctx, s.Repository, s.Pull, time.Time{}); err != nil {
			return err
		}
	}
	for _, c := range conversation {
		ours := c.User != nil && c.User.ID == p.Bot.ID
		if made.State == store.Finished && string(made.Result) != strconv.FormatInt(c.ID, 10) || !ours ||
			made.State == store.Unsure && !strings.HasPrefix(c.Body, sealMark) {
			continue
		}
		if made.State == store.Unsure {
			if err := p.Store.Finish(ctx, s.key, fmt.Append(nil, c.ID)); err != nil {
				return err
			}
		}
		return p.mend(ctx, s, c)
	}
	if made.State == store.Unsure {
		return p.post(ctx, s)
	}
	p.comments.keep(s.key, known{0, "", s.published.ID}) // deleted by people, who want none
	return nil
}

// mend rewrites a comment of ours that says something else. When that is
// nothing that we wrote, somebody with write access edited it: that is kept.
func (p *Publisher) mend(ctx context.Context, s sticky, c github.Comment) error {
	if plain(c.Body) == plain(s.body) {
		p.comments.keep(s.key, known{c.ID, s.body, s.published.ID})
		return nil
	}
	if !intact(s.seal, s.key, c.Body) {
		note, err := json.Marshal(map[string]any{"comment": c.ID, "edited_at": c.Updated})
		if err != nil {
			return err
		}
		if _, err := p.Store.Log(ctx, store.Entry{Repository: s.Repository.ID, Pull: int64(s.Pull),
			Kind: "comment_tampering", Body: note}); err != nil {
			return err
		}
	}
	return p.rewrite(ctx, s, c.ID)
}

func (p *Publisher) rewrite(ctx context.Context, s sticky, id int64) error {
	if err := p.Store.Holds(ctx, s.Lease); err != nil {
		return err
	}
	err := s.Client.UpdateComment(ctx, s.Repository, id, s.body)
	switch {
	case missing(err):
		p.comments.keep(s.key, known{0, "", s.published.ID})
		return nil
	case err == nil:
		p.comments.keep(s.key, known{id, s.body, s.published.ID})
	}
	return err
}

func (p *Publisher) post(ctx context.Context, s sticky) error {
	if err := p.Store.Holds(ctx, s.Lease); err != nil {
		return err
	}
	made, err := s.Client.CreateComment(ctx, s.Repository, s.Pull, s.body)
	if err != nil {
		return err
	}
	p.comments.keep(s.key, known{made.ID, s.body, s.published.ID})
	ctx, cancel := afterwards(ctx)
	defer cancel()
	return p.Store.Finish(ctx, s.key, fmt.Append(nil, made.ID))
}

// sealMark begins our comment; what follows it on its line tells our own words
// from what others made of them.
const sealMark = "<!-- countersign "

func sealed(seal []byte, key, text string) string {
	return sealMark + mac(seal, key, text) + " -->\n" + text
}

func intact(seal []byte, key, body string) bool {
	line, text, _ := strings.Cut(plain(body), "\n")
	return hmac.Equal([]byte(line), []byte(sealMark+mac(seal, key, text)+" -->"))
}

func mac(seal []byte, key, text string) string {
	h := hmac.New(sha256.New, seal)
	fmt.Fprintf(h, "%s\n%s", key, plain(text))
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// plain is a text as GitHub may give it back: line ends and spaces at the ends
// are its own.
func plain(text string) string {
	return strings.TrimSpace(strings.ReplaceAll(text, "\r\n", "\n"))
}
