package review

import (
	"context"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign-dev/countersign/server/github"
)

// longestGroup is how long a merge group can be looked for by its members.
const longestGroup = 30 * 24 * time.Hour

// membersFound are the pull requests that a group holds.
type membersFound struct {
	numbers []int // sorted
	// resolved says that every commit of the range belongs to one of them.
	resolved bool
}

// members finds the pull requests in base..group, by the queue, by the ref's
// name and by the heads that were merged. A commit that none of them explains
// leaves the group unresolved.
func (n *run) members(ctx context.Context, j judged) (membersFound, error) {
	queue, err := n.client.Queue(ctx, n.repository, j.base)
	switch github.KindOf(err) {
	case github.NotFound, github.Forbidden, github.Refused: // a queue that nobody tells us of
	default:
		if err != nil {
			return membersFound{}, err
		}
	}
	open, err := n.client.OpenPulls(ctx, n.repository, j.base)
	if err != nil {
		return membersFound{}, err
	}
	e := evidence{queue: queue, heads: map[string]int{}, head: j.head, named: namedPull(n.lease.Group),
		parents: map[string][]string{}, explained: map[string]bool{}}
	for _, pull := range open {
		e.heads[pull.Head] = pull.Number
	}
	for _, link := range j.links {
		e.parents[link.SHA] = link.Parents
	}
	return e.resolve(), nil
}

var pullRef = regexp.MustCompile(`^pr-([0-9]{1,9})-[0-9a-f]{40}`)

// namedPull is the number in a group's ref; 0 when there is none.
func namedPull(ref string) int {
	found := pullRef.FindStringSubmatch(ref[strings.LastIndexByte(ref, '/')+1:])
	if found == nil {
		return 0
	}
	number, err := strconv.Atoi(found[1])
	if err != nil {
		return 0
	}
	return number
}

// evidence is what tells of a group's members.
type evidence struct {
	queue   []github.QueueEntry
	heads   map[string]int      // of open pull requests with this base, by head
	head    string              // the group's commit
	named   int                 // in the ref's name
	parents map[string][]string // of the range's commits
	// explained are the commits that are known to be some member's.
	explained map[string]bool
	numbers   []int
}

// resolve walks the group's own line from its commit down to the base: each
// commit on it is what the queue made of one pull request, or a pull request's own.
func (e *evidence) resolve() membersFound {
	resolved := len(e.parents) > 0
	for at := e.head; e.parents[at] != nil; {
		next := e.parents[at][0]
		if !e.explained[at] && !e.explain(at) {
			resolved = false
		}
		at = next
	}
	slices.Sort(e.numbers)
	return membersFound{numbers: slices.Compact(e.numbers), resolved: resolved && len(e.numbers) > 0}
}

// explain finds whose a commit of the group's line is.
func (e *evidence) explain(at string) bool {
	var found []int
	for _, entry := range e.queue {
		if entry.Head == at {
			found = append(found, entry.Pull)
			e.cover(at, entry.Base)
		}
	}
	parents := e.parents[at]
	if len(parents) == 2 && e.heads[parents[1]] != 0 {
		found = append(found, e.heads[parents[1]])
	}
	if number := e.heads[at]; number != 0 {
		found = append(found, number)
		e.own(at)
	}
	if at == e.head && e.named != 0 {
		found = append(found, e.named)
	}
	e.numbers = append(e.numbers, found...)
	return len(found) > 0
}

// cover explains the commits from one down to, but not with, the commit that the
// queue built it on. Where a merge among them brought somebody else's head, that
// one is a member as well.
func (e *evidence) cover(from, base string) {
	line := []string{}
	for at := from; at != base; at = e.parents[at][0] {
		if e.parents[at] == nil {
			return // the base is not on this line: it tells nothing
		}
		line = append(line, at)
	}
	for _, at := range line {
		e.explained[at] = true
		if parents := e.parents[at]; len(parents) == 2 && e.heads[parents[1]] != 0 {
			e.numbers = append(e.numbers, e.heads[parents[1]])
		}
	}
}

// own explains a pull request's head and all that it brings.
func (e *evidence) own(head string) {
	for pending := []string{head}; len(pending) > 0; {
		at := pending[len(pending)-1]
		pending = pending[:len(pending)-1]
		if e.parents[at] == nil || e.explained[at] {
			continue
		}
		e.explained[at] = true
		pending = append(pending, e.parents[at]...)
	}
}
