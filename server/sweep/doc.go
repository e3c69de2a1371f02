// Package sweep looks where no event led: deliveries that failed, open pull
// requests whose check is missing or old, checks under our name that are not
// ours, branches that do not ask for our check, and pushes to governed
// branches that we did not pass.
//
// In go targets without a pull request, and GitHub as it is; out come wakes,
// alerts, audit entries and words for the check. It judges nothing: what looks
// wrong is woken, and the review decides.
//
// What must stay true: losing every webhook delays an answer and never changes
// it; looking twice says everything once; what GitHub does not tell is said as
// unknown, never taken for right.
package sweep
