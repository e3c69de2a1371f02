package render

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/countersign-dev/countersign/render/scope"
)

// comparing is what a [Comparison] needs to grow.
type comparing struct {
	builder    Builder
	base, head *RootSet // base is nil in an audit
	affected   map[string]bool
}

// Compare says what changes between two trees: it finds the roots of both,
// builds on both sides those that the difference can reach (all of them with
// opts.All), and compares what they become, object by object.
//
// Trees and everything in them come from the pull request. Errors are
// [*PatternError] for the options (an include must match on one side at
// least), [*TreeError] for a tree as a whole, else the world's; a root that
// does not build is a value.
func Compare(ctx context.Context, builder Builder, base, head Tree, opts Options) (*Comparison, error) {
	s, err := scope.New(opts.globs())
	if err != nil {
		return nil, err
	}
	files, err := changedFiles(ctx, base, head)
	if err != nil {
		return nil, err
	}
	known := facts{}
	baseRoots, err := findRoots(ctx, builder, base, search{scope: s, known: known})
	if err != nil {
		return nil, fmt.Errorf("roots of the base: %w", err)
	}
	headRoots, err := findRoots(ctx, builder, head, search{scope: s, known: known})
	if err != nil {
		return nil, fmt.Errorf("roots of the head: %w", err)
	}
	if err := s.Unmatched(baseRoots.found, headRoots.found); err != nil {
		return nil, err
	}
	c := &Comparison{
		Base: newSide(base, baseRoots), Head: newSide(head, headRoots), Files: files,
		work: &comparing{builder: builder, base: baseRoots, head: headRoots},
	}
	c.work.affected = affected(baseRoots, headRoots, files)
	wanted := maps.Clone(c.work.affected)
	if opts.All {
		for _, root := range slices.Concat(baseRoots.Roots, headRoots.Roots) {
			wanted[root.Path] = true
		}
	}
	c.Affected = slices.Sorted(maps.Keys(c.work.affected))
	for i, file := range c.Files {
		c.Files[i].Governed = s.Governed(file.Path)
		c.Files[i].Protected = s.Protected(file.Path)
		c.Files[i].Ignored = s.Ignored(file.Path)
	}
	return c, c.Expand(ctx, slices.Sorted(maps.Keys(wanted))...)
}

func newSide(tree Tree, set *RootSet) Side {
	return Side{Tree: tree, Roots: set.Roots, Builds: map[string]Build{}, Notices: set.Notices}
}

// Closure lists the files that the judged root of a path may read, on both
// sides together, sorted; none when there is no such root.
func (c *Comparison) Closure(path string) []string {
	var files []string
	for _, set := range []*RootSet{c.work.base, c.work.head} {
		if set == nil {
			continue
		}
		if root, ok := set.Root(path); ok {
			files = append(files, set.Closure(root)...)
		}
	}
	slices.Sort(files)
	return slices.Compact(files)
}

// Expand builds further roots on both sides and brings what follows from the
// builds up to date. Paths that are no judged root's, and roots that were
// built before, cost nothing. It must not run while others use c; after an
// error c is as it was.
func (c *Comparison) Expand(ctx context.Context, paths ...string) error {
	var tasks []*task
	for _, path := range slices.Compact(slices.Sorted(slices.Values(paths))) {
		inHead := c.task(&tasks, &c.Head, c.work.head, path)
		if inHead != nil && c.work.base != nil && !c.work.affected[path] {
			inHead.sides = append(inHead.sides, &c.Base) // one look at equal files is enough
			continue
		}
		c.task(&tasks, &c.Base, c.work.base, path)
	}
	if err := c.run(ctx, tasks); err != nil {
		return err
	}
	for _, task := range tasks {
		for _, side := range task.sides {
			side.Builds[task.root.Path] = task.build
		}
	}
	c.conclude()
	return nil
}

// task is one build and the sides that it serves.
type task struct {
	tree  Tree
	root  Root
	sides []*Side
	build Build
}

// task adds the build of one root on one side, unless it is there already.
func (c *Comparison) task(tasks *[]*task, side *Side, set *RootSet, path string) *task {
	if set == nil {
		return nil
	}
	root, ok := set.Root(path)
	if _, built := side.Builds[path]; !ok || built {
		return nil
	}
	t := &task{tree: side.Tree, root: root, sides: []*Side{side}}
	*tasks = append(*tasks, t)
	return t
}

// run builds a few roots at a time; the builder itself decides how many of
// them run at once.
func (c *Comparison) run(ctx context.Context, tasks []*task) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(2 * runtime.GOMAXPROCS(0))
	for _, task := range tasks {
		group.Go(func() error {
			build, err := c.work.builder.Build(ctx, task.tree, task.root)
			if err != nil {
				return fmt.Errorf("build root %q: %w", task.root.Path, err)
			}
			build.Root = task.root
			task.build = build
			return nil
		})
	}
	return group.Wait()
}

// conclude derives changes, duplicates, unknown sides and readers from the
// builds.
func (c *Comparison) conclude() {
	c.UnknownBase, c.UnknownHead = c.Base.failed(), c.Head.failed()
	head := c.Head.objects(&c.Base)
	c.Duplicates = duplicates(head)
	if c.work.base != nil {
		base := c.Base.objects(&c.Head)
		c.BaseDuplicates = duplicates(base)
		c.Changes = changes(base, head)
	}
	readers := c.readers()
	for i, file := range c.Files {
		c.Files[i].ReadBy = readers[file.Path]
	}
}

// failed are the roots of a side that did not build, sorted.
func (s *Side) failed() []string {
	var roots []string
	for path, build := range s.Builds {
		if build.Status != StatusBuilt {
			roots = append(roots, path)
		}
	}
	slices.Sort(roots)
	return roots
}

// objects are what a side's roots become; certain where the other side of the
// root built or does not exist.
func (s *Side) objects(other *Side) []object {
	var all []object
	for path, build := range s.Builds {
		if build.Status != StatusBuilt {
			continue
		}
		counterpart, exists := other.Builds[path]
		certain := !exists || counterpart.Status == StatusBuilt
		for i := range build.Resources {
			all = append(all, object{&build.Resources[i], build.Root.Destination, []string{path}, certain})
		}
	}
	return all
}

// readers lists, for each path, the roots that read it on either side and
// built: a root that failed has judged nothing.
func (c *Comparison) readers() map[string][]string {
	changed := map[string]bool{}
	for _, file := range c.Files {
		changed[file.Path] = true
	}
	readers := map[string][]string{}
	for _, side := range []*Side{&c.Base, &c.Head} {
		for path, build := range side.Builds {
			if build.Status != StatusBuilt {
				continue
			}
			for _, probe := range build.Probes {
				if changed[probe.Path] && probe.ID != "" && !probe.Dir {
					readers[probe.Path] = append(readers[probe.Path], path)
				}
			}
		}
	}
	for name, roots := range readers {
		slices.Sort(roots)
		readers[name] = slices.Compact(roots)
	}
	return readers
}

// changes compares all objects of two sides.
func changes(base, head []object) []Change {
	p := pairPlaces(base, head)
	p.pairGenerated()
	p.pairMoved()
	p.rest()
	slices.SortFunc(p.changes, Change.compare)
	return p.changes
}

// compare orders changes by destination and identity, and by what they are
// where several concern one identity.
func (c Change) compare(d Change) int {
	r, q := c.Resource(), d.Resource()
	return cmp.Or(strings.Compare(c.Destination, d.Destination), r.Identity.compare(q.Identity),
		strings.Compare(string(c.Action), string(d.Action)), strings.Compare(c.From, d.From),
		strings.Compare(r.Digest, q.Digest), strings.Compare(c.Before.digest(), d.Before.digest()),
		slices.Compare(c.Roots, d.Roots))
}

func (r *Resource) digest() string {
	if r == nil {
		return ""
	}
	return r.Digest
}

// duplicates are the objects that one destination has twice or more.
func duplicates(objects []object) []Duplicate {
	var all []Duplicate
	for place, same := range byPlace(objects) {
		if len(same) < 2 || place.local {
			continue
		}
		d := Duplicate{Destination: place.destination, Identity: place.Identity, Roots: rootsOf(same...)}
		for _, o := range same {
			d.Sources = append(d.Sources, o.Source)
		}
		slices.SortFunc(d.Sources, func(a, b Source) int {
			return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line)
		})
		all = append(all, d)
	}
	slices.SortFunc(all, func(a, b Duplicate) int {
		return cmp.Or(strings.Compare(a.Destination, b.Destination), a.Identity.compare(b.Identity))
	})
	return all
}
