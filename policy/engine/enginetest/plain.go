package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/fleet"
	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/manifest"
)

// Plain implements [engine.Examples] on manifests as they are. It is safe for
// concurrent use.
type Plain struct{}

// folder is the root that an example becomes, file the manifests in it.
const (
	folder = "example"
	file   = "manifests.yaml"
)

// Objects returns an input for each document of a file. They see each other.
func (Plain) Objects(ctx context.Context, content []byte) ([]engine.Object, error) {
	sides, err := compare(ctx, nil, content)
	if err != nil {
		return nil, err
	}
	build := sides.compared.Head.Builds[folder]
	objects := make([]engine.Object, len(build.Resources))
	for i := range build.Resources {
		objects[i] = sides.head.Object(&build.Resources[i], build.Root)
	}
	return objects, nil
}

// Changes compares two sides; a missing one is nil.
func (Plain) Changes(ctx context.Context, base, head []byte) ([]engine.Change, error) {
	sides, err := compare(ctx, base, head)
	if err != nil {
		return nil, err
	}
	changes := make([]engine.Change, len(sides.compared.Changes))
	for i := range sides.compared.Changes {
		changes[i] = sides.head.Change(&sides.compared.Changes[i], sides.base)
	}
	return changes, nil
}

// Fleet compares two sides; a missing one is nil. A line such as
// "# limits: {clusters: 3, nodes_added: 10}" at the head sets the config's limits.
func (Plain) Fleet(ctx context.Context, base, head []byte) (engine.Fleet, error) {
	sides, err := compare(ctx, base, head)
	if err != nil {
		return engine.Fleet{}, err
	}
	settings := config.Strict()
	for line := range bytes.Lines(head) {
		text, found := bytes.CutPrefix(line, []byte("# limits:"))
		if !found {
			continue
		}
		content := "apiVersion: countersign.dev/v1\nkind: Config\nlimits:" + string(text)
		document, problem := manifest.Parse("limits", []byte(content))
		if problem != nil {
			return engine.Fleet{}, errors.New(problem.Message)
		}
		var problems []render.Problem
		if settings, problems = config.Read(document, "example"); len(problems) > 0 {
			return engine.Fleet{}, errors.New(problems[0].Message)
		}
	}
	return sides.head.Fleet(sides.base, fleet.Question{Limits: settings.Limits}), nil
}

// errNoManifests says that there is nothing to judge: an example without
// objects would be silent for the wrong reason.
var errNoManifests = errors.New("no manifests; an example is manifests with apiVersion and kind, " +
	"for a change or a fleet on both sides in base.yaml and head.yaml: see rego/doc.go")

// sides are both sides of an example.
type sides struct {
	compared   *render.Comparison
	base, head *fleet.Index
}

func compare(ctx context.Context, base, head []byte) (sides, error) {
	compared, err := render.Compare(ctx, builder{}, tree(base), tree(head), render.Options{All: true})
	if err != nil {
		return sides{}, err
	}
	s := sides{compared: compared}
	if len(compared.Base.Builds)+len(compared.Head.Builds) == 0 {
		return s, errNoManifests
	}
	for _, side := range []struct {
		of    render.Side
		index **fleet.Index
	}{{compared.Base, &s.base}, {compared.Head, &s.head}} {
		var builds []render.Build
		for _, build := range side.of.Builds {
			if build.Problem != nil {
				return sides{}, fmt.Errorf("line %d: %s", build.Problem.Source.Line, build.Problem.Message)
			}
			builds = append(builds, build)
		}
		for _, notice := range side.of.Notices {
			return sides{}, errors.New(notice.Message)
		}
		*side.index = fleet.New(builds, config.Strict())
	}
	return s, nil
}

// tree is a repository with one file of manifests; nil is an empty one.
type tree []byte

// ID names the content.
func (t tree) ID() string {
	if t == nil {
		return "empty"
	}
	return "tree " + string(t)
}

// ReadDir lists the folder and its file.
func (t tree) ReadDir(_ context.Context, dir string) ([]render.Entry, error) {
	switch {
	case t == nil && dir == "":
		return nil, nil
	case t != nil && dir == "":
		return []render.Entry{{Name: folder, Mode: render.ModeDir, ID: t.ID()}}, nil
	case t != nil && dir == folder:
		return []render.Entry{{Name: file, Mode: render.ModeFile, ID: string(t)}}, nil
	}
	return nil, fs.ErrNotExist
}

// ReadFile returns the manifests.
func (t tree) ReadFile(_ context.Context, name string) ([]byte, error) {
	if t == nil || name != path.Join(folder, file) {
		return nil, fs.ErrNotExist
	}
	return t, nil
}

// builder is a render.Builder in this process, for plain roots.
type builder struct{}

// Scan says what files are.
func (builder) Scan(ctx context.Context, tree render.Tree, paths []string) ([]render.FileFacts, error) {
	facts := make([]render.FileFacts, len(paths))
	for i, name := range paths {
		content, err := tree.ReadFile(ctx, name)
		if err != nil {
			return nil, err
		}
		facts[i] = manifest.Scan(path.Base(name), content)
	}
	return facts, nil
}

// Build makes a plain root its objects.
func (builder) Build(ctx context.Context, tree render.Tree, root render.Root) (render.Build, error) {
	build := render.Build{Root: root, Status: render.StatusBuilt}
	var docs []manifest.Doc
	for _, name := range root.Files {
		content, err := tree.ReadFile(ctx, name)
		if err != nil {
			return build, err
		}
		found, problem := manifest.Decode(name, content, manifest.Limits{})
		if problem != nil {
			build.Status, build.Problem = render.StatusFailed, problem
			return build, nil
		}
		docs = append(docs, found...)
	}
	scopes := manifest.Scopes{}
	for _, doc := range docs {
		if object, ok := doc.Value.(map[string]any); ok {
			scopes.Add(object)
		}
	}
	for _, doc := range docs {
		if doc.Value == nil {
			continue
		}
		object, _ := doc.Value.(map[string]any)
		resource, problem := manifest.Canonical(object, manifest.Key("enginetest"), scopes)
		if problem != nil {
			problem.Source = render.Source{File: doc.Name, Line: doc.Line(nil)}
			build.Status, build.Problem, build.Resources = render.StatusFailed, problem, nil
			return build, nil
		}
		resource.Source = render.Source{File: doc.Name, Line: doc.Line(nil)}
		build.Resources = append(build.Resources, resource)
	}
	return build, nil
}

// Parse reads one document.
func (builder) Parse(_ context.Context, name string, content []byte) (render.Document, *render.Problem, error) {
	document, problem := manifest.Parse(name, content)
	return document, problem, nil
}
