package ruleset

import (
	_ "embed"
	"fmt"
	"strings"
	"sync"

	"github.com/open-policy-agent/opa/v1/ast"
)

// allowed is the list of builtins that rules may call, one a line. What an
// upgrade of OPA brings is not in it. Left out on purpose: the network and
// net.*, the process and its environment, clocks, chance, signing and keys,
// shifts of unbounded width, schema and token verification, and all parsing
// of packed text, which the render child has done.
//
//go:embed builtins.txt
var allowed string

// everyBuiltin is what OPA has, by name.
var everyBuiltin = sync.OnceValue(func() map[string]*ast.Builtin {
	known := map[string]*ast.Builtin{}
	for _, builtin := range ast.CapabilitiesForThisVersion().Builtins {
		known[builtin.Name] = builtin
	}
	return known
})

// capabilities returns what rules may use: the allowed builtins and no host.
// AllowNet is set here because JSON loses an empty list, and no list means
// every host. An allowed builtin that OPA no longer has is an error.
func capabilities(extra ...string) (*ast.Capabilities, error) {
	all := ast.CapabilitiesForThisVersion()
	known := everyBuiltin()
	all.Builtins = nil
	for _, name := range append(strings.Fields(allowed), extra...) {
		builtin, ok := known[name]
		if !ok {
			return nil, fmt.Errorf("builtins.txt: OPA has no builtin %q; remove the line", name)
		}
		all.Builtins = append(all.Builtins, builtin)
	}
	all.AllowNet = []string{}
	return all, nil
}
