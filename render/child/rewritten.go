package child

import (
	"encoding/json"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/child/closure"
)

// rewritten finds the field of a kustomization that gave a value which neither
// a document nor a patch has: namespace, images, labels and the like. The
// outermost kustomization wins, as in kustomize.
func (w written) rewritten(value any, at render.Path) render.Source {
	key, _ := at[len(at)-1].(string)
	if w.generator != nil && len(at) == 2 {
		if source := generated(w.generator, at); source.File != "" {
			return source
		}
	}
	if s, ok := value.(string); ok && key == "name" && len(at) == 2 && w.document != nil &&
		strings.Contains(s, w.document.Text("metadata", "name")) {
		return render.Source{File: w.document.File, Line: closure.LineOf(w.document.Node, "metadata", "name")}
	}
	for _, k := range slices.Backward(w.trace.c.Kustomizations) {
		var source render.Source
		switch value := value.(type) {
		case string:
			source = text(k, key, value, at)
		case json.Number:
			source = replicas(k, key, value, w.rendered.Text("metadata", "name"))
		}
		if source.File != "" {
			return source
		}
	}
	if w.generator != nil && !bookkeeping[key] {
		return w.generator.At
	}
	return render.Source{}
}

// bookkeeping are the annotations that kustomize writes when it is asked to.
var bookkeeping = map[string]bool{
	"config.kubernetes.io/origin": true, "alpha.config.kubernetes.io/transformations": true,
}

// text finds the field that gives a string.
func text(k *closure.Kustomization, key, value string, at render.Path) render.Source {
	if key == "namespace" && value == k.Namespace && value != "" {
		return k.Source("namespace")
	}
	if key == "image" {
		return image(k, value)
	}
	if len(at) < 2 {
		return render.Source{}
	}
	switch at[len(at)-2] {
	case "labels", "matchLabels", "selector":
		if label, ok := k.CommonLabels[key]; ok && label == value { //nolint:staticcheck // real trees use it
			return k.Source("commonLabels", key)
		}
		for i, label := range k.Labels {
			if pair, ok := label.Pairs[key]; ok && pair == value {
				return k.Source("labels", i, "pairs", key)
			}
		}
	case "annotations":
		if annotation, ok := k.CommonAnnotations[key]; ok && annotation == value {
			return k.Source("commonAnnotations", key)
		}
	}
	return render.Source{}
}

func image(k *closure.Kustomization, value string) render.Source {
	for _, list := range []string{"images", "imageTags"} {
		images := k.Images
		if list == "imageTags" {
			images = k.ImageTags //nolint:staticcheck // real trees use it
		}
		for i, entry := range images {
			name := entry.NewName
			if name == "" {
				name = entry.Name
			}
			if strings.HasPrefix(value, name) && strings.HasSuffix(value, entry.NewTag) &&
				strings.Contains(value, entry.Digest) {
				return k.Source(list, i)
			}
		}
	}
	return render.Source{}
}

func replicas(k *closure.Kustomization, key string, value json.Number, name string) render.Source {
	for i, replica := range k.Replicas {
		if key == "replicas" && strings.Contains(name, replica.Name) &&
			value.String() == strconv.FormatInt(replica.Count, 10) {
			return k.Source("replicas", i)
		}
	}
	return render.Source{}
}

// generated is where a generated object's own fields come from: the file or
// literal of a key, the entry's name. It is nowhere for all others.
func generated(g *closure.Generator, at render.Path) render.Source {
	if at[0] == "metadata" && at[1] == "name" && g.Steps != nil {
		return g.K.Source(slices.Concat(g.Steps, []any{"name"})...)
	}
	if at[0] != "data" && at[0] != "binaryData" {
		return render.Source{}
	}
	for i, literal := range g.Literals {
		if key, _, _ := strings.Cut(literal, "="); key == at[1] && g.Steps != nil {
			return g.K.Source(slices.Concat(g.Steps, []any{"literals", i})...)
		}
	}
	for _, file := range g.Files {
		key, name, ok := strings.Cut(file, "=")
		if !ok {
			key, name = path.Base(file), file
		}
		if key != at[1] {
			continue
		}
		if in, err := closure.Inside(path.Join(closure.Outside(g.K.Dir), name)); err == nil {
			return render.Source{File: in, Line: 1}
		}
	}
	return render.Source{}
}
