// Package glob matches the paths of a repository against patterns as people
// write them in a config: clusters/**, mgmt/*, **/*.md, {dev,prod}/[a-m]*.
//
// In goes a pattern, out comes a [Pattern] that reports whether a path
// matches. Patterns are anchored at the repository's top and compared segment
// by segment: ** as a whole segment stands for any number of segments, none
// among them; inside a segment * stands for any run of bytes, ? for one
// character, [a-z] and [^a-z] for a class, {a,b} for a choice, and \ takes the
// next character as it is. The pattern "." is the top itself.
//
// A pattern that cannot be what its author meant (an empty segment, "..", an
// open bracket) is an error, never one that quietly matches nothing. Paths are
// not trusted: the time to match grows with the product of the lengths of
// pattern and path and with nothing else. Patterns are immutable and safe for
// concurrent use.
package glob
