// Package store keeps what must outlive a process: deliveries and the work
// that they wake, what people did as we first heard of it, what we published
// and what approvals are bound to, assessments, intents, the audit log and the
// key of the fingerprints.
//
// In go plain values (numeric ids, strings, bytes, times), out come the same.
// The package knows nothing of pull requests, policies or GitHub; what the
// values mean is its callers' business. SQLite is the default engine, Postgres
// the one that replicas share; one text of SQL serves both, and one suite of
// tests holds them to the same behaviour.
//
// What must stay true:
//   - A method that returned without error is durable: it survives the
//     process and, as far as the disk keeps its word, the machine.
//   - A delivery and the work it wakes are one transaction. The same delivery
//     twice wakes once.
//   - A wake is never lost: work that is woken while it runs runs again.
//   - At most one lease is valid for a target. Fences only grow; who holds an
//     older one is refused with ErrStale.
//   - Time is the database's, never a replica's (or the injected clock's).
//   - What is recorded at first sight (facts, bindings, intents) is never
//     overwritten by a later telling.
//   - Text from outside cannot make a write fail: what an engine cannot hold
//     (zero bytes, broken UTF-8) is replaced the same way on both.
//
// Errors of the engine are *Error with a Kind and a remedy. A store heals by
// itself when the disk or the server does. All methods are safe for concurrent
// use. The zero time stands for "none" everywhere, and comes back as such.
package store
