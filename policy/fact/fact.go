package fact

import (
	"encoding/json"
	"strconv"

	"github.com/countersign-dev/countersign/policy/digest"
	"github.com/countersign-dev/countersign/render"
)

// Group is the group of facts (package rego names their kinds).
const Group = "countersign.dev"

func of(kind, name string, spec map[string]any, source render.Source) *render.Resource {
	return &render.Resource{
		Identity: render.Identity{Group: Group, Kind: kind, Name: name}, Version: "v1", Source: source,
		Object: map[string]any{"apiVersion": Group + "/v1", "kind": kind,
			"metadata": map[string]any{"name": name}, "spec": spec},
	}
}

// Notice is an oddity of a root. Its name says what it says, so that each is a
// finding of its own and stays the same one while its neighbours come and go.
func Notice(root string, notice render.Problem) *render.Resource {
	name := root + "#" + digest.Short(string(notice.Cause), notice.Message, notice.Source.File)
	return of("Notice", name, map[string]any{"cause": string(notice.Cause), "message": notice.Message,
		"file": notice.Source.File, "line": number(notice.Source.Line)}, notice.Source)
}

// Duplicate is an object that stands twice in one destination.
func Duplicate(d render.Duplicate) *render.Resource {
	object := map[string]any{"group": d.Group, "kind": d.Kind, "namespace": d.Namespace, "name": d.Name,
		"destination": d.Destination}
	var files []any
	for _, source := range d.Sources {
		files = append(files, source.File)
	}
	var source render.Source
	if len(d.Sources) > 0 {
		source = d.Sources[0]
	}
	r := of("Duplicate", d.Group+"/"+d.Kind+"/"+d.Name,
		map[string]any{"object": object, "roots": texts(d.Roots), "files": files}, source)
	r.Namespace = d.Namespace
	return r
}

// File is one side of a file that changes; mode is that side's.
func File(f render.FileChange, mode render.Mode) *render.Resource {
	return of("File", f.Path, map[string]any{"path": f.Path, "mode": Mode(mode), "governed": f.Governed,
		"protected": f.Protected, "ignored": f.Ignored, "read_by": texts(f.ReadBy)}, render.Source{File: f.Path})
}

// Root is one side of a root that is judged by its files. listed says that the
// config allows that.
func Root(b render.Build, listed bool) *render.Resource {
	spec := map[string]any{"path": b.Root.Path, "status": string(b.Status), "listed": listed,
		"cause": "", "message": ""}
	source := render.Source{File: b.Root.Path}
	if b.Problem != nil {
		spec["cause"], spec["message"], source = string(b.Problem.Cause), b.Problem.Message, b.Problem.Source
	}
	return of("Root", b.Root.Path, spec, source)
}

// Config is a config that has mistakes, at least one.
func Config(path string, mistakes []render.Problem) *render.Resource {
	list := make([]any, 0, len(mistakes))
	for _, m := range mistakes {
		list = append(list, map[string]any{"message": m.Message, "line": number(m.Source.Line)})
	}
	return of("Config", path, map[string]any{"mistakes": list}, mistakes[0].Source)
}

// Mode is a mode in a word; "" for that of nothing.
func Mode(m render.Mode) string {
	switch m {
	case render.ModeFile:
		return "file"
	case render.ModeExecutable:
		return "executable"
	case render.ModeSymlink:
		return "symlink"
	case render.ModeSubmodule:
		return "submodule"
	}
	return ""
}

func number(n int) json.Number { return json.Number(strconv.Itoa(n)) }

func texts(list []string) []any {
	values := make([]any, 0, len(list))
	for _, text := range list {
		values = append(values, text)
	}
	return values
}
