// Package webhook takes deliveries: it checks size, signature and headers,
// routes the event, and answers 202 once the store has it.
//
// In go bytes from anybody; out come deliveries, facts and wakes for the
// store. A payload only wakes: what is true is read from the API. The facts
// that only events tell (which commit a review named, who pushed) are kept as
// first heard: refs of pushes and tips in full ("refs/heads/main"), the base of
// a review as the branch's name ("main"). A fact whose ids or commit the payload
// does not give is not made up: it is left out, and the wake remains.
//
// Nothing is parsed before the signature holds, and what strangers can make us
// keep in memory is bounded.
package webhook
