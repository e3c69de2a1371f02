// Package webhook takes deliveries: it checks size, signature and headers,
// routes the event, and answers 202 once the store has it.
//
// In go bytes from anybody; out come deliveries, facts and wakes for the
// store. A payload only wakes: what is true is read from the API. The facts
// that only events tell (which commit a review named, who pushed) are kept as
// first heard.
package webhook
