// Package sweep looks where no event led: deliveries that failed, open pull
// requests whose check is missing or old, checks under our name that are not
// ours, branches that do not ask for our check, and pushes to governed
// branches that we did not pass.
package sweep
