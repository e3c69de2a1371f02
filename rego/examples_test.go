package rego_test

import (
	"context"
	"fmt"

	"github.com/countersign-dev/countersign/policy/config"
	"github.com/countersign-dev/countersign/policy/engine"
	"github.com/countersign-dev/countersign/policy/engine/enginetest"
	"github.com/countersign-dev/countersign/policy/fleet"
	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/manifest"
)

// whole makes examples' inputs as a review does: an example's documents are
// one root, with secrets masked, texts unpacked and references resolved.
type whole struct{ enginetest.Plain }

func (whole) Objects(_ context.Context, file string, content []byte) ([]engine.Object, error) {
	docs, problem := manifest.Decode(file, content, manifest.Limits{})
	if problem != nil {
		return nil, fmt.Errorf("%s:%d: %s", file, problem.Source.Line, problem.Message)
	}
	build := render.Build{Root: render.Root{Path: "example", Destination: "example"}, Status: render.StatusBuilt}
	for _, doc := range docs {
		object, ok := doc.Value.(map[string]any)
		if !ok {
			continue
		}
		resource, problem := manifest.Canonical(object, nil, nil)
		if problem != nil {
			return nil, fmt.Errorf("%s: %s", file, problem.Message)
		}
		build.Resources = append(build.Resources, resource)
	}
	index := fleet.New([]render.Build{build}, config.Config{})
	objects := make([]engine.Object, len(build.Resources))
	for i := range build.Resources {
		objects[i] = index.Object(&build.Resources[i], build.Root)
	}
	return objects, nil
}
