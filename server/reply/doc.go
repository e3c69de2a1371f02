// Package reply answers comment commands: a reaction for each, one answer
// where words are needed, and nothing more. What a command changes (a hold, an
// override, another look) follows from the recorded comment itself, not from
// here: an answer that is lost or late changes no verdict.
package reply
