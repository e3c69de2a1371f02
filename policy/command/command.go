package command

import (
	"slices"
	"strings"
)

// Word is a command's name.
type Word string

// The commands.
const (
	Help     Word = "help"
	Recheck  Word = "recheck"
	Status   Word = "status"
	Explain  Word = "explain"
	Hold     Word = "hold"
	Unhold   Word = "unhold"
	Override Word = "override"
)

var words = []Word{Help, Recheck, Status, Explain, Hold, Unhold, Override}

// most bounds how many commands of one text are read.
const most = 16

// Command is one line that speaks to the bot.
type Command struct {
	Word  Word   // one of the constants; "" when it is none of them
	Given string // as written, for the answer; "" when the bot's name stands alone
	Rest  string // what follows the word, spaces made one; not trusted
}

// Parse finds the commands of a text in order: "/countersign" or "/cs" as the
// first word of a line, outside quotes, code, HTML comments. At most 16 are read.
func Parse(text string) []Command {
	var found []Command
	for line := range spoken(text) {
		fields := strings.Fields(line)
		if !strings.HasPrefix(line, "/") || fields[0] != "/countersign" && fields[0] != "/cs" {
			continue
		}
		var c Command
		if len(fields) > 1 {
			c.Given, c.Rest = fields[1], strings.Join(fields[2:], " ")
		}
		if slices.Contains(words, Word(c.Given)) {
			c.Word = Word(c.Given)
		}
		if found = append(found, c); len(found) == most {
			break
		}
	}
	return found
}

// Stance is what a text says about holding: its first hold, else its first
// unhold, else the zero Command. Who says both holds.
func Stance(text string) Command {
	var stance Command
	for _, c := range Parse(text) {
		switch {
		case c.Word == Hold:
			return c
		case c.Word == Unhold && stance.Word == "":
			stance = c
		}
	}
	return stance
}
