package reply

import (
	"time"

	"github.com/countersign-dev/countersign/policy"
)

// The limits: how many comments with commands are answered at once, and how
// long it takes until one more is.
const (
	personBurst, personRefill = 5, 2 * time.Minute
	pullBurst, pullRefill     = 30, 20 * time.Second
)

// admitted is a request and what the limits say of it.
type admitted struct {
	request
	// over says that it is the first beyond its author's limit: it gets a
	// reaction, and those after it nothing.
	over bool
	// first says that the author wrote no command here before.
	first bool
}

// bucket is a token bucket: full at first.
type bucket struct {
	missing float64
	at      time.Time
}

func (b *bucket) take(now time.Time, burst int, refill time.Duration) bool {
	if !b.at.IsZero() && now.After(b.at) {
		b.missing = max(0, b.missing-float64(now.Sub(b.at))/float64(refill))
	}
	if now.After(b.at) {
		b.at = now
	}
	if b.missing > float64(burst)-1 {
		return false
	}
	b.missing++
	return true
}

// admit lets requests through within the limits of their authors and of the
// pull request. It goes by the comments' own times alone, so that all replicas
// come to the same answer, now and after a restart.
func admit(requests []request) []admitted {
	var list []admitted
	people := map[policy.UserID]*bucket{}
	told := map[policy.UserID]bool{}
	var pull bucket
	for _, q := range requests {
		b, known := people[q.from.ID]
		if !known {
			b = &bucket{}
			people[q.from.ID] = b
		}
		switch at := q.comment.Created; {
		case b.take(at, personBurst, personRefill):
			told[q.from.ID] = false
			if pull.take(at, pullBurst, pullRefill) {
				list = append(list, admitted{request: q, first: !known})
			}
		case !told[q.from.ID]:
			told[q.from.ID] = true
			list = append(list, admitted{request: q, over: true})
		}
	}
	return list
}
