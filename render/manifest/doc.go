// Package manifest reads what the author wrote: YAML and JSON files, and the
// objects that kustomize makes of them. It runs inside the render child only,
// for every byte that goes in comes from a pull request.
//
// In go file names, contents and objects; out come plain values: [Doc]
// (Decode), [render.FileFacts] (Scan), [render.Document] (Parse) and the
// canonical [render.Resource] (Canonical). All functions are pure, change none
// of their arguments, perform no I/O and are safe for concurrent use.
//
// What must stay true:
//
//   - Nothing is expanded before its size is known: alias cycles, alias bombs
//     and deep nesting are refused by counting.
//   - Values are typed as kustomize types what it prints: `yes` is a string,
//     0644 is 420, 1.0 is 1, a bare date is its RFC 3339 time. One exception:
//     integers beyond 64 bits keep their digits.
//   - A problem quotes nothing of a file but plain keys and names.
//   - A secret value is replaced before the object leaves Canonical; the table
//     of masked values, not the look of a string, says what was replaced.
//
// # Paths into nested documents
//
// Where a masked value or a further nested text lies inside a document that is
// itself inside a string, its path is the path of the string field, then the
// step "#", then the document's index in the text, then the path inside that
// document: data["secret.yaml"]["#"][0].stringData.password.
package manifest
