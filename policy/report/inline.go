package report

// Code writes a name from anywhere as a Markdown code span: nothing in it is a
// link, a mention, a command or markup.
func Code(text string) string { return code(text) }

// Prose writes a sentence that may hold names from anywhere as one line of
// Markdown: plain words stay, all else becomes a code span. What already stands
// between backticks stays together.
func Prose(text string) string { return prose(text) }

// Plain writes a text from anywhere as one visible line without markup, of at
// most limit bytes, whole runes: for a title, an annotation or a terminal.
func Plain(text string, limit int) string { return clip(text, limit) }
