package command

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

// Command is one line that speaks to the bot.
type Command struct {
	Word  Word   // one of the constants; "" when it is none of them
	Given string // as written, for the answer
	Rest  string // what follows the word, spaces made one; not trusted
}

// Parse finds the commands of a text in order: "/countersign" or "/cs" as the
// first word of a line, outside quotes, code, HTML comments. At most 16 are read.
func Parse(text string) []Command { panic("contract") }
