// Package worker keeps the render children: it is the parent's side, and
// implements [render.Builder].
//
// In go trees, roots and files of a pull request; out come builds, facts and
// documents. The parent parses none of it: a child, which is this same program
// behind the walls of render/sandbox, does, and asks the parent for the files
// it needs. The parent serves them from the tree alone, follows symlinks
// inside it, and records each look as a probe.
//
// What must stay true: a child that crashed, hung, ate its memory, changed
// state of its process or said what makes no sense is never used again. What
// a child says is bounded and checked, because hostile input may have taken
// it over. One root's end is that root's alone: it is tried once more in a
// fresh child, then it is a failed build with our own words. After
// [Pool.Close] no process, goroutine or file is left.
package worker
