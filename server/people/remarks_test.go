package people

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign-dev/countersign/server/store"
)

func TestHolds(t *testing.T) {
	held := func(comments ...store.CommentSeen) func(*Facts) {
		return func(f *Facts) {
			f.twoApprove()
			f.Comments = comments
		}
	}
	change := func(c store.CommentSeen, edit func(*store.CommentSeen)) store.CommentSeen { edit(&c); return c }
	hold, free := said(1, "10:12", dave, "/countersign hold"), "approved +bob +carol"
	blocked := "blocked +bob +carol hold:dave"
	review := func(f *Facts, body string) {
		f.twoApprove()
		f.Seen[0].Body, f.Reviews[0].Body = body, "edited"
	}
	cases{
		"hold":                  {held(hold), blocked},
		"by an outsider":        {held(said(1, "10:12", zed, "/cs hold")), free},
		"by a robot":            {held(said(1, "10:12", copilot, "/cs hold")), free},
		"edited":                {held(change(hold, func(c *store.CommentSeen) { c.Edited = true })), free},
		"through an App":        {held(change(hold, func(c *store.CommentSeen) { c.App = 5 })), free},
		"nobody's":              {held(change(hold, func(c *store.CommentSeen) { c.Person = 0 })), free},
		"elsewhere":             {held(change(hold, func(c *store.CommentSeen) { c.Pull = 2 })), free},
		"released":              {held(hold, said(2, "10:13", dave, "/cs unhold")), free},
		"released by another":   {held(hold, said(2, "10:13", erin, "/cs unhold")), free},
		"not by the author":     {held(hold, said(2, "10:13", alice, "/cs unhold")), blocked},
		"not before it":         {held(hold, said(2, "10:11", dave, "/cs unhold")), blocked},
		"not by an edit":        {held(hold, change(said(2, "10:13", dave, "/cs unhold"), func(c *store.CommentSeen) { c.Edited = true })), blocked},
		"not through an App":    {held(hold, change(said(2, "10:13", dave, "/cs unhold"), func(c *store.CommentSeen) { c.App = 5 })), blocked},
		"of one second, by id":  {held(hold, said(2, "10:12", dave, "/cs unhold")), free},
		"of one second, before": {held(said(3, "10:12", dave, "/cs hold"), said(2, "10:12", dave, "/cs unhold")), blocked},
		"both in one text":      {held(said(1, "10:12", dave, "/cs unhold\n/cs hold")), blocked},
		"released and placed again on the same digest": {held(hold, said(2, "10:13", erin, "/cs unhold"),
			said(3, "10:14", dave, "/cs hold")), free},
		"released and placed again on another digest": {func(f *Facts) {
			held(hold, said(2, "10:13", erin, "/cs unhold"), said(3, "10:16", dave, "/cs hold"))(f)
			f.Published = append(f.Published, published(2, "10:15", "c1", "D2"))
		}, blocked},
		"in a review's text": {func(f *Facts) { review(f, "/cs hold") }, "blocked +carol -bob:hold hold:bob"},
		"a review of which no event told": {func(f *Facts) {
			review(f, "")
			f.Seen, f.Reviews[0].Body = f.Seen[1:], "/cs hold"
		}, "blocked +carol -bob:hold hold:bob"},
		"released in such a review": {func(f *Facts) {
			held(said(1, "10:05", bob, "/cs hold"))(f)
			f.Seen, f.Reviews[0].Body = f.Seen[1:], "/cs unhold"
		}, "blocked +carol -bob:hold hold:bob"},
		"a review and a comment of one second": {func(f *Facts) {
			review(f, "/cs hold")
			f.Comments = []store.CommentSeen{said(99, "10:10", bob, "/cs unhold")}
		}, "blocked +carol -bob:hold hold:bob"},
	}.run(t)
}

func TestOverrides(t *testing.T) {
	two := func(f *Facts) {
		f.Comments = []store.CommentSeen{said(1, "10:12", dave, "/cs override outage"), said(2, "10:13", erin, "/cs override yes")}
		f.Now = at("10:14")
	}
	one := "pending override(erin)"
	cases{
		"two of the team":  {two, "approved override(dave,erin)"},
		"not the author":   {func(f *Facts) { two(f); f.Pull.Author = &dave }, one},
		"through an App":   {func(f *Facts) { two(f); f.Comments[0].App = 5 }, one},
		"edited":           {func(f *Facts) { two(f); f.Comments[0].Edited = true }, one},
		"elsewhere":        {func(f *Facts) { two(f); f.Comments[0].Repository = 8 }, one},
		"without a reason": {func(f *Facts) { two(f); f.Comments[0].Body = "/cs override" }, one},
		"one person twice": {func(f *Facts) { two(f); f.Comments[0].Person = int64(erin.ID) }, one},
		"two in one text": {func(f *Facts) {
			two(f)
			f.Comments = f.Comments[1:]
			f.Comments[0].Body = "/cs override a\n/cs override b"
		}, one},
		"nothing was published": {func(f *Facts) { two(f); f.Published = nil }, "pending"},
		"published in that very second": {func(f *Facts) { two(f); f.Published[0].At = at("10:12") },
			one},
		"another digest was shown": {func(f *Facts) { two(f); f.Published[0].Digest = "D2" }, "pending"},
		"another base was shown":   {func(f *Facts) { two(f); f.Published[0].BaseRef = "release" }, "pending"},
		"another pull request's":   {func(f *Facts) { two(f); f.Published[0].Pull = 2 }, "pending"},
		"a push came between": {func(f *Facts) {
			f.push("10:11", alice, by("c2", alice), "c1")
			two(f)
		}, "pending"},
		"a push came between, by the push alone": {func(f *Facts) {
			f.push("10:11", alice, by("c2", alice), "c1")
			f.Heads = f.Heads[:1]
			two(f)
		}, "pending"},
		"and went again": {func(f *Facts) {
			f.Heads = append(f.Heads, head("10:05", "c1", "c2", alice), head("10:06", "c2", "c1", alice))
			two(f)
		}, "pending"},
		"a push and its check": {func(f *Facts) {
			f.push("10:05", alice, by("c2", alice), "c1")
			f.Published = append(f.Published, published(2, "10:06", "c2", "D1"))
			two(f)
		}, "approved override(dave,erin)"},
		"a push and its check, by another clock": {func(f *Facts) {
			f.push("10:05:03", alice, by("c2", alice), "c1")
			f.Published = append(f.Published, published(2, "10:05", "c2", "D1"))
			two(f)
		}, "approved override(dave,erin)"},
		"a push after it, of the same content": {func(f *Facts) {
			two(f)
			f.push("10:13:30", alice, by("c2", alice), "c1")
		}, "approved override(dave,erin)"},
		"in the second of a push": {func(f *Facts) {
			two(f)
			f.push("10:12", alice, by("c2", alice), "c1")
			f.Published = append(f.Published, published(2, "10:12:30", "c2", "D1"))
		}, one},
		"no head is on record": {func(f *Facts) { two(f); f.Heads = nil }, "approved override(dave,erin)"},
		"no head is on record, and it moved": {func(f *Facts) { two(f); f.Heads, f.Published[0].HeadSHA = nil, "c0" },
			"pending"},
	}.run(t)
}

func TestAnOverrideWithoutReasonIsNoRequest(t *testing.T) {
	f := opened()
	f.Comments = []store.CommentSeen{said(1, "10:12", dave, "/cs override \n/cs override"), said(2, "10:13", erin, "/cs override why")}
	if got := PullRequest(f).Overrides; len(got) != 1 || got[0].By != erin {
		t.Errorf("requests %+v", got)
	}
}

func TestUnbound(t *testing.T) {
	subject := func(s Subject) Subject { return Subject{Commit: s.Commit, BaseRef: s.BaseRef, Published: s.Published} }
	for name, test := range map[string]struct {
		change func(*Facts)
		want   []Subject
	}{
		"bound":                                  {func(*Facts) {}, nil},
		"the first sight":                        {func(f *Facts) { f.Bindings, f.Reviews[0].Commit = nil, "moved" }, []Subject{{Commit: "c1", BaseRef: "main", Published: published(1, "10:01", "c1", "D1")}}},
		"first for a base":                       {func(f *Facts) { f.Bindings, f.Pull.Base = nil, "release" }, []Subject{{Commit: "c1", BaseRef: "main", Published: published(1, "10:01", "c1", "D1")}}},
		"never seen":                             {func(f *Facts) { f.Bindings, f.Seen = nil, nil }, []Subject{{Commit: "c1", BaseRef: "main", Published: published(1, "10:01", "c1", "D1")}}},
		"never seen, and the commit was no head": {func(f *Facts) { f.Bindings, f.Seen, f.Heads = nil, nil, nil }, nil},
		"never seen, and the commit came after":  {func(f *Facts) { f.Bindings, f.Seen, f.Heads[0].At = nil, nil, at("10:10") }, nil},
		"never seen, before any check":           {func(f *Facts) { f.Bindings, f.Seen, f.Published = nil, nil, nil }, []Subject{{Commit: "c1", BaseRef: "main"}}},
		"never seen, and retargeted": {func(f *Facts) { f.Bindings, f.Seen, f.Pull.Base = nil, nil, "release" },
			[]Subject{{Commit: "c1", BaseRef: "main", Published: published(1, "10:01", "c1", "D1")}}},
		"never seen, and nobody knows the base": {func(f *Facts) {
			f.Bindings, f.Seen, f.Pull.Base = nil, nil, "release"
			f.Published[0].At = at("10:30")
		}, nil},
		"a check in that very second is not before": {func(f *Facts) { f.Bindings, f.Published[0].At = nil, at("10:10") },
			[]Subject{{Commit: "c1", BaseRef: "main"}}},
		"the check of its commit": {func(f *Facts) {
			f.Bindings = nil
			f.Published = []store.Publication{published(3, "10:20", "c1", "D3"), published(2, "10:05", "c2", "D2"), published(1, "10:01", "c1", "D1")}
		}, []Subject{{Commit: "c1", BaseRef: "main", Published: published(1, "10:01", "c1", "D1")}}},
		"else the last": {func(f *Facts) {
			f.Bindings = nil
			f.Published = []store.Publication{published(1, "10:01", "c0", "D1"), published(2, "10:05", "c2", "D2")}
		}, []Subject{{Commit: "c1", BaseRef: "main", Published: published(2, "10:05", "c2", "D2")}}},
		"a check into another base is none": {func(f *Facts) { f.Bindings, f.Published[0].BaseRef = nil, "release" },
			[]Subject{{Commit: "c1", BaseRef: "main"}}},
		"no approval":              {func(f *Facts) { f.Bindings, f.Reviews[0].State = nil, "COMMENTED" }, nil},
		"nobody's":                 {func(f *Facts) { f.Bindings, f.Reviews[0].User = nil, nil }, nil},
		"dismissed":                {func(f *Facts) { f.Bindings, f.Reviews[0].State = nil, dismissed }, []Subject{{Commit: "c1", BaseRef: "main", Published: published(1, "10:01", "c1", "D1")}}},
		"a dismissed request":      {func(f *Facts) { f.Bindings, f.Reviews[0].State, f.Seen[0].State = nil, dismissed, "CHANGES_REQUESTED" }, nil},
		"another pull's sight":     {func(f *Facts) { f.Bindings, f.Heads = nil, nil; f.Seen[0].Pull = 2 }, nil},
		"another pull's binding":   {func(f *Facts) { f.Bindings[0].Pull = 2 }, []Subject{{Commit: "c1", BaseRef: "main", Published: published(1, "10:01", "c1", "D1")}}},
		"another pull's heads":     {func(f *Facts) { f.Bindings, f.Seen = nil, nil; f.Heads[0].Pull = 2 }, nil},
		"another pull's published": {func(f *Facts) { f.Bindings = nil; f.Published[0].Pull = 2 }, []Subject{{Commit: "c1", BaseRef: "main"}}},
	} {
		t.Run(name, func(t *testing.T) {
			f := opened()
			f.reviewed(11, "10:10", bob, approved, "D1")
			test.change(&f)
			var got []Subject
			for _, s := range Unbound(f) {
				if s.Review.ID != 11 {
					t.Errorf("subject %+v", s)
				}
				got = append(got, subject(s))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
