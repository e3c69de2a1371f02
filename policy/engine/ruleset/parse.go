package ruleset

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/open-policy-agent/opa/v1/ast"
)

// Where the files lie.
const (
	LibraryGlob = "lib/*.rego"    // the library and its tests
	RuleGlob    = "*/*/rule.rego" // the rules
)

// Set is a set of rules with their library and input schemas, parsed.
type Set struct {
	Rules []Rule // sorted by id
	// Modules are the rules and the library by file name, as parsed: compiling
	// copies them.
	Modules map[string]*ast.Module
	sources map[string]source
	schemas *ast.SchemaSet
	fsys    fs.FS
}

// Parse reads the rules of a file system that has lib, schemas and
// SECTION/NAME/rule.rego, as package rego embeds it. Tests and examples in it
// are left alone. The error holds everything that is wrong, with file and line.
func Parse(fsys fs.FS) (*Set, error) {
	p := &Set{fsys: fsys, Modules: map[string]*ast.Module{}, sources: map[string]source{}}
	names, err := Files(fsys)
	if err != nil {
		return nil, err
	}
	var wrong []error
	owner := map[RuleID]string{}
	sources, failures := parseFiles(fsys, names)
	for i, name := range names {
		src, err := sources[i], failures[i]
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		p.Modules[name], p.sources[name] = src.module, src
		if strings.HasPrefix(name, "lib/") {
			wrong = append(wrong, checkLibrary(src))
			continue
		}
		rule, err := readRule(src, path.Dir(name))
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		if other, taken := owner[rule.ID]; taken {
			wrong = append(wrong, src.mistake(src.module.Annotations[0].Location.Row,
				"id %s is taken by %s; ids are for ever, take the next one", rule.ID, other))
			continue
		}
		owner[rule.ID] = name
		wrong = append(wrong, checkSet(src, rule))
		p.Rules = append(p.Rules, rule)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	slices.SortFunc(p.Rules, func(a, b Rule) int { return cmp.Compare(a.ID, b.ID) })
	p.schemas, err = readSchemas(fsys, p.Rules)
	return p, err
}

// Files lists the library and the rules, sorted, without tests.
func Files(fsys fs.FS) ([]string, error) {
	library, err := fs.Glob(fsys, LibraryGlob)
	if err != nil {
		return nil, err
	}
	rules, err := fs.Glob(fsys, RuleGlob)
	if err != nil {
		return nil, err
	}
	library = slices.DeleteFunc(library, func(name string) bool { return strings.HasSuffix(name, "_test.rego") })
	return slices.Sorted(slices.Values(slices.Concat(library, rules))), nil
}

// ParseFile parses one file as rules are: strict Rego v1 with the allowed builtins.
func ParseFile(fsys fs.FS, name string) (*ast.Module, error) {
	src, err := parseFile(fsys, name)
	return src.module, err
}

// parseFiles parses files at the same time; what each gives is by its index.
func parseFiles(fsys fs.FS, names []string) ([]source, []error) {
	sources, failures := make([]source, len(names)), make([]error, len(names))
	var next atomic.Int64
	var working sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)) {
		working.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(names)); i = next.Add(1) - 1 {
				sources[i], failures[i] = parseFile(fsys, names[i])
			}
		})
	}
	working.Wait()
	return sources, failures
}

func parseFile(fsys fs.FS, name string) (source, error) {
	text, err := fs.ReadFile(fsys, name)
	if err != nil {
		return source{}, err
	}
	caps, err := capabilities()
	if err != nil {
		return source{}, err
	}
	module, err := ast.ParseModuleWithOpts(name, string(text), ast.ParserOptions{
		ProcessAnnotation: true, RegoVersion: ast.RegoV1, Capabilities: caps,
	})
	if err != nil {
		return source{}, err
	}
	return source{name: name, text: text, module: module}, nil
}

// checkLibrary holds the library to its room, and types its input: by the
// schema that its METADATA names, else as what any scope gets.
func checkLibrary(src source) error {
	if !strings.HasPrefix(src.module.Package.Path.String(), "data.countersign.lib.") {
		return src.mistake(src.module.Package.Location.Row, "a library's package is countersign.lib.NAME")
	}
	described := false
	for _, block := range src.module.Annotations {
		described = described || block.Scope == "package"
		switch {
		case block.Scope != "package" && len(block.Schemas) > 0:
			return src.mistake(block.Location.Row, "schemas belong to the package")
		case block.Scope == "package" && len(block.Schemas) == 0:
			block.Schemas = []*ast.SchemaAnnotation{{Path: ast.InputRootRef, Schema: anyInput}}
		}
	}
	if !described {
		return src.mistake(1, "no METADATA block before the package; write a title and a description")
	}
	return nil
}

// checkSet demands that the rule defines its set, element by element: such a
// set is empty, never undefined, when nothing is found.
func checkSet(src source, rule Rule) error {
	want := rule.Kind.SetName()
	for _, r := range src.module.Rules {
		if r.Head.Name.Equal(ast.Var(want)) {
			if r.Head.RuleKind() == ast.MultiValue && len(r.Head.Ref()) == 1 {
				return nil
			}
			return src.mistake(r.Location.Row, "write %s contains {…} if {…}", want)
		}
	}
	return src.mistake(1, "a rule of kind %s defines the set %q, and this one does not", rule.Kind, want)
}
