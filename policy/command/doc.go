// Package command finds what people ask of the bot in the text of a comment or
// a review. In goes a text of anybody's; out come commands. It asks nothing
// and decides nothing.
package command
