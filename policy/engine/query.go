package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/storage"
	"github.com/open-policy-agent/opa/v1/topdown"

	"github.com/countersign-dev/countersign/render"
)

// answer is the variable that a query binds: an object from rule id to its set.
const answer = ast.Var("answer")

// rememberedKinds bounds how many kinds are known by name: a pull request
// may invent as many as it likes.
const rememberedKinds = 4096

// query asks some rules of one scope together. Its body is compiled once.
type query struct {
	rules    []*Rule
	body     ast.Body
	compiler ast.QueryCompiler
	modules  *ast.Compiler // of the rules' scope
	alone    []*query      // one query a rule, made when one of them fails; by index
}

// queryFor returns the query for the rules of a scope that are asked about a
// kind; nil when there are none.
func (e *Engine) queryFor(scope Scope, id render.Identity) (*query, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	kind := string(scope) + " " + id.Group + "/" + id.Kind
	if q, ok := e.kinds[kind]; ok {
		return q, nil
	}
	var rules []*Rule
	for i := range e.set.Rules {
		if rule := &e.set.Rules[i]; rule.Scope == scope && rule.Applies(id) {
			rules = append(rules, rule)
		}
	}
	q, err := e.prepare(rules)
	if err == nil && len(e.kinds) < rememberedKinds {
		e.kinds[kind] = q
	}
	return q, err
}

// prepare compiles a query for some rules of one scope, once. The engine must be locked.
func (e *Engine) prepare(rules []*Rule) (*query, error) {
	if len(rules) == 0 {
		return nil, nil
	}
	terms := make([]string, len(rules))
	for i, rule := range rules {
		terms[i] = fmt.Sprintf("%q: data.countersign.rules.%s.%s",
			rule.ID, strings.ReplaceAll(rule.Slug, "/", "."), rule.Kind.SetName())
	}
	text := string(answer) + " = {" + strings.Join(terms, ", ") + "}"
	if q, ok := e.queries[text]; ok {
		return q, nil
	}
	body, err := ast.ParseBodyWithOpts(text, ast.ParserOptions{RegoVersion: ast.RegoV1})
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	modules := e.compilers[rules[0].Scope]
	compiler := modules.QueryCompiler()
	if body, err = compiler.Compile(body); err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	q := &query{rules: rules, body: body, compiler: compiler, modules: modules}
	e.queries[text] = q
	return q, nil
}

// singles returns a query for each of the rules of q.
func (e *Engine) singles(q *query) ([]*query, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if q.alone != nil {
		return q.alone, nil
	}
	alone := make([]*query, len(q.rules))
	for i, rule := range q.rules {
		var err error
		if alone[i], err = e.prepare([]*Rule{rule}); err != nil {
			return nil, err
		}
	}
	q.alone = alone
	return alone, nil
}

// session evaluates queries against one input after the other. It is one
// goroutine's.
type session struct {
	engine  *Engine
	txn     storage.Transaction
	convert *converter
	lost    *atomic.Int64 // the batch's nanoseconds in evaluations that ran out of time
}

// lostPatience is how many times the engine's patience a batch may lose to
// evaluations that do not end: whoever makes one slow can make a thousand.
const lostPatience = 6

var errTime = errors.New("ran out of time")

// errUndefined says that a query had no answer: one of its sets is undefined.
var errUndefined = errors.New("the rule's set is undefined")

// run evaluates one query; the answer is an object by rule id. It stops when
// ctx ends or the engine's patience does. The clock decides whether there is
// an answer, never what it says.
func (s *session) run(ctx context.Context, q *query, input *ast.Term) (ast.Object, error) {
	if ctx.Err() != nil || s.lost.Load() > lostPatience*int64(s.engine.patience) {
		return nil, errTime
	}
	start := time.Now()
	ctx, stop := context.WithTimeout(ctx, s.engine.patience)
	defer stop()
	cancel := topdown.NewCancel()
	defer context.AfterFunc(ctx, cancel.Cancel)()
	results, err := topdown.NewQuery(q.body).
		WithQueryCompiler(q.compiler).
		WithCompiler(q.modules).
		WithStore(s.engine.store).
		WithTransaction(s.txn).
		WithInput(input).
		WithCancel(cancel).
		WithInterQueryBuiltinValueCache(s.engine.patterns).
		WithStrictBuiltinErrors(true).WithIndexing(false).
		Run(ctx)
	switch {
	case topdown.IsCancel(err) || ctx.Err() != nil:
		s.lost.Add(int64(time.Since(start)))
		return nil, errTime
	case err != nil:
		return nil, err
	case len(results) != 1:
		return nil, errUndefined
	}
	object, ok := results[0][answer].Value.(ast.Object)
	if !ok {
		return nil, errUndefined
	}
	return object, nil
}

// outcome is what one rule said of one input: its set, or why there is none.
type outcome struct {
	rule *Rule
	set  ast.Set
	err  error
}

// ask puts one input to the rules of a query. Each of them has an outcome: if
// they cannot answer together they are asked one by one, so that one that
// fails does not silence the others.
func (s *session) ask(ctx context.Context, q *query, input *ast.Term) ([]outcome, error) {
	outcomes := make([]outcome, 0, len(q.rules))
	together, err := s.run(ctx, q, input)
	if err == nil {
		if together.Len() != len(q.rules) {
			err = fmt.Errorf("%d rules answered instead of %d", together.Len(), len(q.rules))
		}
		for _, rule := range q.rules {
			outcomes = append(outcomes, outcomeOf(rule, together, err))
		}
		return outcomes, nil
	}
	if len(q.rules) == 1 {
		return []outcome{{rule: q.rules[0], err: err}}, nil
	}
	alone, err := s.engine.singles(q)
	if err != nil {
		return nil, err
	}
	for i, rule := range q.rules {
		object, err := s.run(ctx, alone[i], input)
		outcomes = append(outcomes, outcomeOf(rule, object, err))
	}
	return outcomes, nil
}

// outcomeOf takes one rule's set out of an answer.
func outcomeOf(rule *Rule, object ast.Object, err error) outcome {
	if err != nil {
		return outcome{rule: rule, err: err}
	}
	term := object.Get(ast.StringTerm(string(rule.ID)))
	if term == nil {
		return outcome{rule: rule, err: errUndefined}
	}
	set, ok := term.Value.(ast.Set)
	if !ok {
		return outcome{rule: rule, err: fmt.Errorf("%s is no set", rule.Kind.SetName())}
	}
	return outcome{rule: rule, set: set}
}
