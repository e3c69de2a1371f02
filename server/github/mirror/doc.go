// Package mirror keeps bare, blobless mirrors of repositories and brings
// commits into them, by full SHA and in batches.
//
// In go a repository's id and address, a source of tokens and commits that
// the API named; out come commits, merges and trees (render.Tree) of package
// render/git. Names are never revisions. Tokens are in the environment of one
// git process, never in a URL, an argument, a file or a log.
//
// What must stay true:
//
//   - A commit has a ref of ours (refs/countersign/PULL/SHA) only once it is
//     here with all its ancestors, its tree and the blobs of its tree: so what
//     a ref names needs no look and no request, in this process or the next.
//   - Objects come by [Mirror.Bring] and [Mirror.Merge] alone. Reading goes
//     through package render/git, whose repositories know no remote.
//   - Blobs above 1 MiB are left out where the server can, and read as
//     render.ErrTooLarge. No file that a fetch writes exceeds [Options.Limit],
//     and no git process outlives [Options.Timeout] or this process.
//   - git fetches from the address given, over https, follows no redirect,
//     and knows no configuration, credentials or hooks but ours.
//   - What turns out to be lost or damaged is fetched anew by the next Bring.
//   - The folder belongs to one process.
package mirror
