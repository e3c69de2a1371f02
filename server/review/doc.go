// Package review takes one pull request, or one group of a merge queue, from
// facts to a published check: gather, assess, bind, decide, report, publish.
//
// In go a lease and, read at this moment, what GitHub, git and the store say;
// out come writes to GitHub about the commit that was judged, and rows in the
// store. It is level-triggered: every run looks at everything that matters, so
// no event is needed for it to be right, and none makes it wrong.
package review
