// Package policy judges what changes and decides whether it may merge.
//
// Two halves with two clocks: [Assessor.Assess] turns two trees and a config
// into an [Assessment], a pure value with stable JSON and no clock in it;
// [Decide] turns that and the people's side ([PullRequest]) into a [Verdict],
// a total function without context or error. A failure has one home each: the
// author's is a finding or a problem in the assessment, the world's is an
// error that Assess returns. Whatever could not be judged makes the verdict
// "error": unknown is never a pass.
package policy
