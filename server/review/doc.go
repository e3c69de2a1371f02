// Package review takes one pull request, or one group of a merge queue, from
// facts to a published check: gather, assess, bind, decide, report, publish.
//
// In go a lease and, read at this moment, what GitHub, git and the store say;
// out come writes to GitHub about the commit that was judged, and rows in the
// store. It is level-triggered: every run looks at everything that matters, so
// no event is needed for it to be right, and none makes it wrong.
//
// What must stay true:
//   - A decision is in the audit log before the check that says so is written.
//   - What follows from commits alone is computed once, kept under a key that
//     says all it follows from, and always goes through the store's encoding.
//     What a busy machine may be to blame for is never kept.
//   - A green check is on the head of an open pull request into a governed base,
//     or on a merge queue's commit; wherever that ends it is taken back, unless
//     the pull request was merged.
//   - Facts about people are at most five minutes old; those of a merge group's
//     members are read for it.
//   - What GitHub will not tell is a fact that the decision lacks, and never a
//     pass; what it cannot tell now is an error, to be tried again.
//   - Nothing of an error that we do not know by kind is shown to people.
package review
