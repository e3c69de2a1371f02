package main

import (
	"context"
	"fmt"
	"time"

	"github.com/countersign-dev/countersign/bench/synthetic"
	"github.com/countersign-dev/countersign/policy"
	"github.com/countersign-dev/countersign/policy/report"
)

// line is one line of the table.
type line struct {
	key, what, want string
	measure         func(context.Context, *lab) (row, error)
}

// row is what was measured for a line.
type row struct{ measured, result, verdict string }

var lines = []line{
	{"all", "one overlay changed, warm server, against building everything", "200 × less CPU", againstAll},
	{"root", "one overlay changed, warm server, against the peer on just that root", "5 × less wall", warmRoot},
	{"cold", "one overlay changed, cold command line, against the peer on just that root", "1.5 × less wall", coldRoot},
	{"fifty", "50 overlays changed, cold, against the peer on just those", "4 × less CPU", coldFifty},
	{"base", "the shared base changed, cold, against the peer on every cluster", "5 × less CPU", coldBase},
	{"nothing", "nothing affected, the largest fleet, warm", "≤ 5 ms, no growth with the fleet", nothing},
	{"size", "one overlay changed, warm, a large fleet against a small one", "≤ 1.3 ×", sizes},
	{"event", "a review of an assessed head, event to verdict", "0 renders, ≤ 20 ms CPU", event},
	{"rules", "122 rules on one root of 16 objects", "≤ 5 ms", allRules},
	{"memory", "the largest fleet rendered in full", "peak ≤ 512 MB over all processes", memory},
}

func verdict(reached bool) string {
	if reached {
		return "reached"
	}
	return "NOT reached"
}

// ratio says how many times less ours is than another's.
func ratio(ours, other time.Duration) float64 { return other.Seconds() / ours.Seconds() }

// times writes a ratio with the digits that say something.
func times(ratio float64) string {
	switch {
	case ratio >= 10:
		return fmt.Sprintf("%.0f ×", ratio)
	case ratio >= 1:
		return fmt.Sprintf("%.1f ×", ratio)
	}
	return fmt.Sprintf("%.2f ×", ratio)
}

// kinds are the two changes of one overlay that are measured: one that has to
// do with no other root, and one of a size, which fleet rules count.
var kinds = []struct {
	name   string
	change func(string, int, int) synthetic.Branch
}{{"machine type", synthetic.Resize}, {"pool size", synthetic.Scale}}

// pair is the cost of the two kinds.
type pair [2]cost

func (p pair) String() string {
	return fmt.Sprintf("%s: %v; %s: %v", kinds[0].name, p[0], kinds[1].name, p[1])
}

// against compares both kinds with another cost; the line is reached when both
// are. by picks wall or CPU time.
func (p pair) against(other cost, by func(cost) time.Duration, least float64) (result, word string) {
	first, second := ratio(by(p[0]), by(other)), ratio(by(p[1]), by(other))
	return times(first) + " and " + times(second) + " less", verdict(min(first, second) >= least)
}

func wallOf(c cost) time.Duration { return c.wall }

func usedBy(c cost) time.Duration { return c.cpu }

// warmOverlay reviews heads that the server has not seen.
func (l *lab) warmOverlay(ctx context.Context, f *repository) (pair, error) {
	var p pair
	for kind := range kinds {
		c, err := median(l.runs, func() (cost, error) {
			head, err := f.head(ctx, kinds[kind].change)
			if err != nil {
				return cost{}, err
			}
			return f.warm(ctx, synthetic.Main, head, 1)
		})
		if err != nil {
			return p, err
		}
		p[kind] = c
	}
	return p, nil
}

func againstAll(ctx context.Context, l *lab) (row, error) {
	f, err := l.fleet(ctx, l.clusters)
	if err != nil {
		return row{}, err
	}
	ours, err := l.warmOverlay(ctx, f)
	if err != nil {
		return row{}, err
	}
	all, err := inside(func() error {
		_, err := f.server.Render(ctx, synthetic.Main)
		return err
	})
	if err != nil {
		return row{}, err
	}
	result, word := ours.against(all, usedBy, 200)
	return row{fmt.Sprintf("%v; all roots of one side rendered by us, warm: %v", ours, all), result, word}, nil
}

func warmRoot(ctx context.Context, l *lab) (row, error) {
	f, err := l.fleet(ctx, l.clusters)
	if err != nil {
		return row{}, err
	}
	ours, err := l.warmOverlay(ctx, f)
	if err != nil {
		return row{}, err
	}
	return l.againstPeer(ctx, f, ours, 5)
}

func coldRoot(ctx context.Context, l *lab) (row, error) {
	f, err := l.fleet(ctx, l.clusters)
	if err != nil {
		return row{}, err
	}
	var ours pair
	for kind, branch := range []string{"resize", "scale"} {
		ours[kind], err = median(l.runs, func() (cost, error) { return l.cold(ctx, f, synthetic.Main, branch) })
		if err != nil {
			return row{}, err
		}
	}
	return l.againstPeer(ctx, f, ours, 1.5)
}

// againstPeer compares with the peer on one root, whose cost is the same for
// either kind.
func (l *lab) againstPeer(ctx context.Context, f *repository, ours pair, least float64) (row, error) {
	root := []string{synthetic.Cluster(0)}
	peer, err := median(l.runs, func() (cost, error) { return l.peer(ctx, f, "resize", root) })
	result, word := ours.against(peer, wallOf, least)
	return row{fmt.Sprintf("%v; peer: %v", ours, peer), result, word}, err
}

func coldFifty(ctx context.Context, l *lab) (row, error) {
	var roots []string
	for i := range min(50, l.clusters) {
		roots = append(roots, synthetic.Cluster(i))
	}
	return l.coldMany(ctx, "fifty", roots, 4)
}

func coldBase(ctx context.Context, l *lab) (row, error) {
	return l.coldMany(ctx, "upgrade", synthetic.Roots(l.clusters)[:l.clusters], 5)
}

// coldMany measures a branch that changes many roots. Of the peer, whose roots
// cost alike, a part is measured and the rest reckoned.
func (l *lab) coldMany(ctx context.Context, branch string, roots []string, least float64) (row, error) {
	f, err := l.fleet(ctx, l.clusters)
	if err != nil {
		return row{}, err
	}
	ours, err := median(min(l.runs, 3), func() (cost, error) { return l.cold(ctx, f, synthetic.Main, branch) })
	if err != nil {
		return row{}, err
	}
	part := min(l.sample, len(roots))
	peer, err := l.peer(ctx, f, branch, roots[:part])
	if err != nil {
		return row{}, err
	}
	told := fmt.Sprintf("on %d roots", len(roots))
	if part < len(roots) {
		told = fmt.Sprintf("reckoned for %d roots from %d", len(roots), part)
	}
	peer.wall = time.Duration(float64(peer.wall) * float64(len(roots)) / float64(part))
	peer.cpu = time.Duration(float64(peer.cpu) * float64(len(roots)) / float64(part))
	less := ratio(ours.cpu, peer.cpu)
	return row{fmt.Sprintf("ours: %v; peer, %s: %v", ours, told, peer), times(less) + " less",
		verdict(less >= least)}, nil
}

func nothing(ctx context.Context, l *lab) (row, error) {
	var costs []cost
	for _, clusters := range []int{l.huge, l.small} {
		f, err := l.fleet(ctx, clusters)
		if err != nil {
			return row{}, err
		}
		c, err := median(l.runs, func() (cost, error) { return f.warm(ctx, synthetic.Main, "docs", 0) })
		if err != nil {
			return row{}, err
		}
		costs = append(costs, c)
	}
	growth := costs[0].wall.Seconds() / costs[1].wall.Seconds()
	return row{fmt.Sprintf("%d clusters: %v; %d clusters: %v; no index is kept between reviews yet", l.huge, costs[0],
		l.small, costs[1]), fmt.Sprintf("%s, %.1f × the small fleet's", short(costs[0].wall), growth),
		verdict(costs[0].wall <= 5*time.Millisecond && growth <= 1.3)}, nil
}

func sizes(ctx context.Context, l *lab) (row, error) {
	var costs [2]pair
	for i, clusters := range []int{l.large, l.small} {
		f, err := l.fleet(ctx, clusters)
		if err != nil {
			return row{}, err
		}
		if costs[i], err = l.warmOverlay(ctx, f); err != nil {
			return row{}, err
		}
	}
	first, second := ratio(costs[1][0].wall, costs[0][0].wall), ratio(costs[1][1].wall, costs[0][1].wall)
	return row{fmt.Sprintf("%d clusters: %v; %d clusters: %v", l.large, costs[0], l.small, costs[1]),
		times(first) + " and " + times(second), verdict(max(first, second) <= 1.3)}, nil
}

func event(ctx context.Context, l *lab) (row, error) {
	f, err := l.fleet(ctx, l.clusters)
	if err != nil {
		return row{}, err
	}
	a, err := f.server.Review(ctx, synthetic.Main, "resize")
	if err != nil {
		return row{}, err
	}
	c, err := median(l.runs, func() (cost, error) {
		return inside(func() error {
			_ = report.New(a, policy.Decide(a, policy.PullRequest{}), false).Markdown()
			return nil
		})
	})
	return row{fmt.Sprintf("decision and report alone, from an assessment in memory: %v", c),
		"no server and no store of assessments yet", "not built yet"}, err
}
