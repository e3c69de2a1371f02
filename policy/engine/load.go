package engine

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/version"
)

// patience is how long the rules of one input may take together, and each of
// them when it is asked alone after that.
const patience = 2 * time.Second

// Where the files lie.
const (
	libraryGlob = "lib/*.rego"
	ruleGlob    = "*/*/rule.rego"
)

// Engine holds the compiled rules. It is safe for concurrent use.
type Engine struct {
	rules    []Rule // sorted by id
	compiler *ast.Compiler
	store    storage.Store
	digest   string
	patience time.Duration

	mu      sync.Mutex
	queries map[string]*query // by the scope and the ids that it asks
	kinds   map[string]*query // by scope, group and kind: a bounded memory
}

// New loads the rules of a file system that has lib, schemas and
// SECTION/NAME/rule.rego, as package rego embeds it. Tests and examples in it
// are left alone. Everything that is wrong is in the error, with file and line.
func New(fsys fs.FS) (*Engine, error) {
	parts, err := parse(fsys)
	if err != nil {
		return nil, err
	}
	if len(parts.rules) == 0 {
		return nil, errors.New("no rules: want SECTION/NAME/rule.rego")
	}
	caps, err := capabilities()
	if err != nil {
		return nil, err
	}
	compiler, err := parts.compile(caps)
	if err != nil {
		return nil, err
	}
	digest, err := parts.digest(fsys)
	if err != nil {
		return nil, err
	}
	return &Engine{
		rules: parts.rules, compiler: compiler, store: inmem.New(), digest: digest, patience: patience,
		queries: map[string]*query{}, kinds: map[string]*query{},
	}, nil
}

// Rules returns all rules, sorted by id. The caller must not change them.
func (e *Engine) Rules() []Rule { return slices.Clone(e.rules) }

// Rule returns the rule of that id, if there is one.
func (e *Engine) Rule(id RuleID) (Rule, bool) {
	i, ok := slices.BinarySearchFunc(e.rules, id, func(r Rule, id RuleID) int { return cmp.Compare(r.ID, id) })
	if !ok {
		return Rule{}, false
	}
	return e.rules[i], true
}

// Digest names everything that decides what the rules say: rules, library,
// schemas, OPA's version and the builtins. It is "sha256:" and hex.
func (e *Engine) Digest() string { return e.digest }

// parts are the files of a set of rules, parsed.
type parts struct {
	rules   []Rule // sorted by id
	modules map[string]*ast.Module
	sources map[string]source
	schemas *ast.SchemaSet
}

func parse(fsys fs.FS) (*parts, error) {
	p := &parts{modules: map[string]*ast.Module{}, sources: map[string]source{}}
	names, err := ruleFiles(fsys)
	if err != nil {
		return nil, err
	}
	var wrong []error
	owner := map[RuleID]string{}
	for _, name := range names {
		src, err := parseFile(fsys, name)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		p.modules[name], p.sources[name] = src.module, src
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
		p.rules = append(p.rules, rule)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	slices.SortFunc(p.rules, func(a, b Rule) int { return cmp.Compare(a.ID, b.ID) })
	p.schemas, err = readSchemas(fsys, p.rules)
	return p, err
}

// ruleFiles lists the library and the rules, sorted, without tests.
func ruleFiles(fsys fs.FS) ([]string, error) {
	library, err := fs.Glob(fsys, libraryGlob)
	if err != nil {
		return nil, err
	}
	rules, err := fs.Glob(fsys, ruleGlob)
	if err != nil {
		return nil, err
	}
	library = slices.DeleteFunc(library, func(name string) bool { return strings.HasSuffix(name, "_test.rego") })
	return slices.Sorted(slices.Values(slices.Concat(library, rules))), nil
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

// setName is the set that a rule of a kind must define.
func setName(kind Kind) string {
	if kind == KindFinding {
		return "findings"
	}
	return "reasons"
}

// checkSet demands that the rule defines its set, element by element: such a
// set is empty, never undefined, when nothing is found.
func checkSet(src source, rule Rule) error {
	want := setName(rule.Kind)
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

func (p *parts) compile(caps *ast.Capabilities) (*ast.Compiler, error) {
	compiler := p.compiler(caps)
	compiler.Compile(p.modules)
	if compiler.Failed() {
		return nil, compiler.Errors
	}
	return compiler, p.checkData(compiler)
}

func (p *parts) compiler(caps *ast.Capabilities) *ast.Compiler {
	return ast.NewCompiler().WithStrict(true).WithCapabilities(caps).WithSchemas(p.schemas).
		WithUseTypeCheckAnnotations(true).WithDefaultRegoVersion(ast.RegoV1)
}

// checkData refuses references under data that no rule defines: OPA would
// take them as undefined. Rules do not know each other.
func (p *parts) checkData(compiler *ast.Compiler) error {
	var wrong []error
	library := ast.MustParseRef("data.countersign.lib")
	for _, name := range slices.Sorted(maps.Keys(compiler.Modules)) {
		module := compiler.Modules[name]
		ast.WalkRefs(module, func(ref ast.Ref) bool {
			if !ref.HasPrefix(ast.DefaultRootRef) {
				return false
			}
			src, line := p.sources[name], module.Package.Location.Row
			if ref[0].Location != nil {
				line = ref[0].Location.Row
			}
			switch {
			case !ref.HasPrefix(library) && !ref.HasPrefix(module.Package.Path):
				wrong = append(wrong, src.mistake(line, "%s: a rule sees its own package and countersign.lib only", ref))
			case len(compiler.GetRules(ref)) == 0:
				wrong = append(wrong, src.mistake(line, "%s is not defined", ref))
			}
			return false
		})
	}
	return errors.Join(wrong...)
}

// digest hashes the files and what of OPA decides how they are read.
func (p *parts) digest(fsys fs.FS) (string, error) {
	names := slices.Collect(maps.Keys(p.sources))
	for _, scope := range []Scope{ScopeObject, ScopeChange, ScopeFleet} {
		names = append(names, "schemas/"+string(scope)+".json")
	}
	slices.Sort(names)
	hash := sha256.New()
	fmt.Fprintf(hash, "opa %s\n%d\n%s", version.Version, len(allowed), allowed)
	for _, name := range names {
		text, err := fs.ReadFile(fsys, name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%d %s%d\n%s", len(name), name, len(text), text)
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}
