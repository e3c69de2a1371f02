// Package githubtest is a GitHub of one's own: stateful, over HTTP on
// loopback, for tests and for the demo.
//
// What goes in: accounts, organisations with teams, repositories and an App
// with its installations, made by the methods of [Server], [Organisation] and
// [Repository]; then what people do (open, push, review, comment, retarget,
// merge, …), each a method that changes the state and sends the webhooks that
// GitHub would send. What comes out: a REST and GraphQL interface and git
// repositories that go-github, ghinstallation and git use unchanged, and a
// record of all that was asked and written ([Server.Requests],
// [Server.Writes], [Server.Problems]).
//
// Repositories are real bare git repositories behind git http-backend.
// Commits, comparisons, trees, what a pull request holds and whether it merges
// are computed from them and never stored beside them.
//
// What must stay true:
//   - What is here behaves like GitHub; what is not here fails loudly. An
//     unknown request, query parameter or key of a body is a problem, and a
//     server made by [New] fails its test for each.
//   - With GitHub's own description at hand (see [LoadDescription]) every
//     request, every answer and every webhook is checked against it.
//   - Ids, tokens and git objects depend on the order of calls and on the
//     clock alone, so two equal runs are equal.
//   - Nothing leaves loopback except webhooks to the URL that was given.
//
// Two clocks: Options.Clock dates what is recorded, Options.TokenClock judges
// tokens and limits, for clients judge those by the wall clock.
//
// Three accounts are there from the start: web-flow, the App's own
// ("countersign[bot]"), and "operator", who changes what no method names an
// actor for. REST answers people's tokens, too ([Server.UserToken]): they
// review, comment and merge as the methods do.
//
// Answers that GitHub computes late are late here: whether a pull request
// merges is null until it was asked for once, and a pull request's base.sha is
// the base's tip as of the last push or retarget, not as of now.
//
// All methods are safe for concurrent use. Errors of actions name what GitHub
// would have refused; a refused action changes nothing.
package githubtest
