package engine

import (
	"cmp"
	"errors"
	"io/fs"
	"slices"
	"sync"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/storage/inmem"
	"github.com/open-policy-agent/opa/v1/topdown/cache"

	"github.com/countersign-dev/countersign/policy/engine/ruleset"
)

// patience is how long the rules of one input may take together, and each of
// them when it is asked alone after that.
const patience = 2 * time.Second

// Engine holds the compiled rules. It is safe for concurrent use.
type Engine struct {
	set *ruleset.Set
	// Compiled modules by scope.
	compilers map[Scope]*ast.Compiler
	store     storage.Store
	digest    string
	patience  time.Duration
	patterns  cache.InterQueryValueCache
	watch     func(took time.Duration) // nil: nobody is told

	mu      sync.Mutex
	queries map[string]*query // by the scope and the ids that it asks
	kinds   map[string]*query // by scope, group and kind: a bounded memory
}

// New loads the rules of a file system that has lib, schemas and
// SECTION/NAME/rule.rego, as package rego embeds it. Tests and examples in it
// are left alone. Everything that is wrong is in the error, with file and line.
func New(fsys fs.FS) (*Engine, error) {
	set, err := ruleset.Parse(fsys)
	if err != nil {
		return nil, err
	}
	if len(set.Rules) == 0 {
		return nil, errors.New("no rules: want SECTION/NAME/rule.rego")
	}
	compilers, err := set.Compile()
	if err != nil {
		return nil, err
	}
	digest, err := set.Digest()
	if err != nil {
		return nil, err
	}
	return &Engine{
		set: set, compilers: compilers, store: inmem.New(), digest: digest, patience: patience, patterns: patterns(),
		queries: map[string]*query{}, kinds: map[string]*query{},
	}, nil
}

// Digest returns the [Engine.Digest] of the rules of a file system, and how many
// there are, without compiling them: mistakes that only that finds are not told.
func Digest(fsys fs.FS) (digest string, rules int, err error) {
	set, err := ruleset.Parse(fsys)
	if err != nil {
		return "", 0, err
	}
	digest, err = set.Digest()
	return digest, len(set.Rules), err
}

// Rules returns all rules, sorted by id. The caller must not change them.
func (e *Engine) Rules() []Rule { return slices.Clone(e.set.Rules) }

// Rule returns the rule of that id, if there is one.
func (e *Engine) Rule(id RuleID) (Rule, bool) {
	i, ok := slices.BinarySearchFunc(e.set.Rules, id, func(r Rule, id RuleID) int { return cmp.Compare(r.ID, id) })
	if !ok {
		return Rule{}, false
	}
	return e.set.Rules[i], true
}

// Digest names everything that decides what the rules say: rules, library,
// schemas, OPA's version and the builtins. It is "sha256:" and hex.
func (e *Engine) Digest() string { return e.digest }
