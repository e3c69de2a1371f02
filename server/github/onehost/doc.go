// Package onehost carries HTTP requests to one host and brings whole answers
// back: the floor on which GitHub's client stands.
//
// What must stay true:
//   - Whatever steps above add to a request, it leaves only for the configured
//     scheme and host: a redirect elsewhere never sees a header.
//   - An answer is bounded, complete and JSON, or it is an error.
//   - What is told of an answer holds no credential ([Redact]).
//   - An answer that is kept is never used without asking whether it still holds.
//
// All is safe for concurrent use.
package onehost
