package ruleset

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/version"
)

var libraryRef = ast.MustParseRef("data.countersign.lib")

// Compile compiles the rules, each scope's by itself with as much of the library
// as they use: a rule sees no other, so the scopes may be compiled at the same
// time. There is a compiler for each scope that has rules. The error has file
// and line.
func (s *Set) Compile() (map[Scope]*ast.Compiler, error) {
	groups := s.groups()
	compilers := make(map[Scope]*ast.Compiler, len(groups))
	for scope := range groups {
		compiler, err := s.Compiler()
		if err != nil {
			return nil, err
		}
		compilers[scope] = compiler
	}
	var working sync.WaitGroup
	for scope, modules := range groups {
		working.Go(func() { compilers[scope].Compile(modules) })
	}
	working.Wait()
	var syntax ast.Errors
	for _, scope := range slices.Sorted(maps.Keys(compilers)) {
		for _, e := range compilers[scope].Errors {
			if !slices.ContainsFunc(syntax, e.Equal) {
				syntax = append(syntax, e)
			}
		}
	}
	if len(syntax) > 0 {
		return nil, syntax
	}
	var wrong []error
	for _, compiler := range compilers {
		wrong = append(wrong, s.checkData(compiler))
	}
	return compilers, errors.Join(wrong...)
}

// groups are the modules that each scope needs, by file. What of the library
// nobody uses goes with the first scope, since it must be right as well.
func (s *Set) groups() map[Scope]map[string]*ast.Module {
	groups := map[Scope]map[string]*ast.Module{}
	unused := map[string]bool{}
	for file := range s.Modules {
		if strings.HasPrefix(file, "lib/") {
			unused[file] = true
		}
	}
	for _, rule := range s.Rules {
		if groups[rule.Scope] == nil {
			groups[rule.Scope] = map[string]*ast.Module{}
		}
		s.add(groups[rule.Scope], rule.Slug+"/rule.rego")
	}
	for _, group := range groups {
		maps.DeleteFunc(unused, func(file string, _ bool) bool { return group[file] != nil })
	}
	for _, scope := range slices.Sorted(maps.Keys(groups))[:min(1, len(groups))] {
		for file := range unused {
			s.add(groups[scope], file)
		}
	}
	return groups
}

// add adds a file and what it uses of the library to a group.
func (s *Set) add(group map[string]*ast.Module, file string) {
	if group[file] != nil {
		return
	}
	group[file] = s.Modules[file]
	ast.WalkRefs(s.Modules[file], func(ref ast.Ref) bool {
		for other, module := range s.Modules {
			if strings.HasPrefix(other, "lib/") && mayMean(ref, module.Package.Path) {
				s.add(group, other)
			}
		}
		return false
	})
}

// mayMean reports whether a reference may lead to what a package holds: each
// step that both have is the same, or a variable.
func mayMean(ref, pkg ast.Ref) bool {
	if !ref.HasPrefix(ast.DefaultRootRef) {
		return false
	}
	for i := range min(len(ref), len(pkg)) {
		if _, constant := ref[i].Value.(ast.String); i > 0 && constant && !ref[i].Equal(pkg[i]) {
			return false
		}
	}
	return true
}

// Compiler returns a compiler that has compiled nothing yet: strict, typed by
// the schemas, with the allowed builtins and those that extra names.
func (s *Set) Compiler(extra ...string) (*ast.Compiler, error) {
	caps, err := capabilities(extra...)
	if err != nil {
		return nil, err
	}
	return ast.NewCompiler().WithStrict(true).WithCapabilities(caps).WithSchemas(s.schemas).
		WithUseTypeCheckAnnotations(true).WithDefaultRegoVersion(ast.RegoV1), nil
}

// checkData refuses references under data that no rule defines: OPA would
// take them as undefined. Rules do not know each other.
func (s *Set) checkData(compiler *ast.Compiler) error {
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(compiler.Modules)) {
		module := compiler.Modules[name]
		ast.WalkRefs(module, func(ref ast.Ref) bool {
			if !ref.HasPrefix(ast.DefaultRootRef) {
				return false
			}
			src, line := s.sources[name], module.Package.Location.Row
			if ref[0].Location != nil {
				line = ref[0].Location.Row
			}
			switch {
			case !ref.HasPrefix(libraryRef) && !ref.HasPrefix(module.Package.Path):
				wrong = append(wrong,
					src.mistake(line, "%s: a rule sees its own package and countersign.lib only", ref))
			case len(compiler.GetRules(ref)) == 0:
				wrong = append(wrong, src.mistake(line, "%s is not defined", ref))
			}
			return false
		})
	}
	return errors.Join(wrong...)
}

// Digest names everything that decides what the rules say: rules, library,
// schemas, OPA's version and the builtins. It is "sha256:" and hex.
func (s *Set) Digest() (string, error) {
	names := slices.Collect(maps.Keys(s.sources))
	for _, scope := range []Scope{ScopeObject, ScopeChange, ScopeFleet} {
		names = append(names, "schemas/"+string(scope)+".json")
	}
	slices.Sort(names)
	hash := sha256.New()
	fmt.Fprintf(hash, "opa %s\n%d\n%s", version.Version, len(allowed), allowed)
	for _, name := range names {
		text, err := fs.ReadFile(s.fsys, name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(hash, "%d %s%d\n%s", len(name), name, len(text), text)
	}
	return "sha256:" + hex.EncodeToString(hash.Sum(nil)), nil
}
