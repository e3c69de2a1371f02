// Package people turns what GitHub and the store say about people into a
// policy.PullRequest. It is pure: values in, a value out, no clock.
//
// What nobody can tell stays unknown: a missing binding, pusher or account is
// said as such and never made up.
package people
