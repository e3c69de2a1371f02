// Package publish makes GitHub equal a verdict: one check run for each (pull
// request, base, head), and a sticky comment while somebody must act.
//
// In go a wish (assessment, verdict, what was judged) and the lease under which
// it was made; out come as few writes as can be: none where nothing changed.
// A success is written only after Confirm read head and base again, and while
// the lease is held. A write whose answer was lost is looked up before it is
// made again.
package publish
