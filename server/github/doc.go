// Package github speaks with GitHub: facts in, checks and comments out.
//
// In go ids and values of ours; out come plain values (policy.User,
// policy.Person, policy.Commit and the types here), never go-github's. It
// decides nothing: what a fact means is its callers' business.
//
// What must stay true:
//   - A token goes to the configured host only, over the configured scheme; a
//     redirect to another host is refused, never followed with the header.
//   - One client per installation: limits and budgets of one do not bind another.
//   - A list is whole or an error: pages are followed to their end.
//   - An answer that is not what was asked for (HTML, half a body, an unknown
//     shape) is an error, never an empty list.
//   - GitHub's wish to wait (Retry-After, limits) comes back as *Error with a
//     time; nothing here sleeps, and no write is tried twice.
//   - No error text holds a token, and none is a person's to read unmasked.
//
// All methods are safe for concurrent use.
package github
