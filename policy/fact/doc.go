// Package fact puts what no manifest holds before the rules as objects of our
// own group: files that change, roots that cannot be rendered, notices, objects
// that stand twice, a config's mistakes.
//
// In go values of package render; out come resources. Whatever they hold comes
// from the pull request and is not trusted; a manifest of our group is no fact,
// and callers keep the two apart.
package fact
