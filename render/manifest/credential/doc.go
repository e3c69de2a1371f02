// Package credential knows secrets by their looks and by the names before them.
//
// In go texts, keys and values of a pull request; out come classes and places.
// It replaces nothing itself and keeps nothing. All functions are pure and safe
// for concurrent use; time and memory are linear in the text.
package credential
