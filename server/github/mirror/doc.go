// Package mirror keeps bare, blobless mirrors of repositories and brings
// commits into them, by full SHA and in batches.
//
// In go a repository's id and address, a source of tokens and commits that
// the API named; out come commits, merges and trees (render.Tree) of package
// render/git. Names are never revisions. Tokens are in the environment of one
// git process, never in a URL, an argument, a file or a log.
package mirror
