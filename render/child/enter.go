package child

import (
	"fmt"
	"os"
)

// Enter makes a program that was started with word as its only argument a
// render child, and ends it with the child's work; in any other it returns. It
// is to be called before anything else is set up.
func Enter(word string) {
	if len(os.Args) != 2 || os.Args[1] != word {
		return
	}
	if err := Main(os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}
