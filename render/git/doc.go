// Package git gives the trees of a git repository's commits to package render
// through the git binary: bare access, no checkout, no index. It also gives a
// plain folder on disk as a tree ([Folder]).
//
// In go a folder that belongs to a repository and revisions that the user of
// the command line names. Out come commits ([Commit]), the tree that a merge
// would make ([Merged]) and trees ([render.Tree]).
//
// What must stay true:
//
//   - The user's repository is asked where its objects lie and what a revision
//     means, and nothing else. All else happens in a private bare repository
//     in a temporary folder, with a configuration of our own, that borrows the
//     user's objects: no merge driver, filter, hook, attribute, replacement
//     object, graft, commit-graph or promisor remote of the user's repository
//     has any say, nothing is written to it (git may renew the modification
//     time of an object file that it would else have written again), and
//     read-only clones work.
//   - git runs with a fixed environment. It never asks, fetches or pages.
//   - Every object is checked against its id, and trees that git itself would
//     never write are refused ([render.ErrMalformed]), never interpreted.
//   - Content comes in bounded: what exceeds a limit is never held in memory.
//   - [Repo.Close] leaves no process and no file behind.
package git
