package ruleset

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/version"
)

// Compile compiles the rules. The error has file and line.
func (s *Set) Compile() (*ast.Compiler, error) {
	compiler, err := s.Compiler()
	if err != nil {
		return nil, err
	}
	compiler.Compile(s.Modules)
	if compiler.Failed() {
		return nil, compiler.Errors
	}
	return compiler, s.checkData(compiler)
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
	library := ast.MustParseRef("data.countersign.lib")
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
			case !ref.HasPrefix(library) && !ref.HasPrefix(module.Package.Path):
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
