// Package pull reads the people's side of a pull request from files: a folder
// of GitHub's own JSON as its REST API returns it, or one YAML file of the
// same facts in short form (D27).
//
// In go a path and what the assessment needs to know (the digest that reviews
// of the head bind to); out comes a [policy.PullRequest], or a mistake with
// file, line and the "gh api" call that would fill it. The files come from
// whoever runs the command, not from the pull request.
package pull
