// Package ruleset reads the rules' files and refuses what must not be judged by.
//
// In goes a file system as package rego embeds it ([Parse]); out come the
// rules' metadata, sorted by id, OPA's compiler over them ([Set.Compile]) and
// the digest of all that decides what they say ([Set.Digest]). Nothing is
// evaluated here.
//
// What must stay true:
//
//   - A rule whose metadata, input paths, references or builtins are not known
//     does not load; the error names file and line.
//   - Rules call the builtins of builtins.txt alone, and reach no host.
//   - A rule sees its own package and the library. Ids are unique.
//   - The same files give the same digest.
//
// A [Set] may be used by several goroutines once [Parse] has returned it.
package ruleset
