// Package symbol applies the placeholders that deployers substitute, such as
// ${NAME}, ${NAME:=value} and ${NAME:-value}, to parsed objects.
//
// In go an object and the values that are known; out come the object with
// what could be applied and the names that stay. What a deployer would do in a
// way that is not followed here, as with ${NAME/a/b}, stays unresolved: a
// symbol, not a guess. Text of scripts is the shell's and is left alone.
package symbol
