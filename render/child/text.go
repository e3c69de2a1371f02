package child

import (
	"errors"
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/wire"
)

// quoted writes a name of the pull request so that it can stand in a
// sentence: on one line, without control characters, valid UTF-8, bounded.
func quoted(name string) string {
	const limit = 200
	if name == "" {
		return "the repository's top"
	}
	if len(name) > limit {
		name = name[:limit] + "…"
	}
	return strconv.Quote(name)
}

func quotedAll(names []string) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = quoted(name)
	}
	return strings.Join(all, " and ")
}

// unreadable words the tree's refusal to hand out a path.
func unreadable(err error, at render.Source, what string) *render.Problem {
	p := &render.Problem{Cause: render.CauseMissing, Source: at, Message: what + " is not in the tree"}
	failure, ok := errors.AsType[*wire.FSError](err)
	if !ok {
		return p
	}
	switch failure.Code {
	case wire.CodeMissing:
		return p
	case wire.CodeDir, wire.CodeFile, wire.CodeInvalid:
		p.Cause, p.Message = render.CauseMissing, what+": "+failure.Code.String()
		return p
	case wire.CodeTooLarge, wire.CodeBudget:
		p.Cause = render.CauseLimit
	default:
		p.Cause = render.CauseUnreadable
	}
	p.Message = what + ": " + failure.Code.String()
	p.Remedy = remedies[failure.Code]
	return p
}

var remedies = map[wire.Code]string{
	wire.CodeTooLarge:  "split the file",
	wire.CodeBudget:    "split the root",
	wire.CodeOutside:   "put the file into the repository",
	wire.CodeLoop:      "replace the symlinks by files",
	wire.CodeSubmodule: "put the files into this repository: submodules are not read",
	wire.CodePointer:   "store manifests in git itself, not in LFS",
}

// asciiQuoted is [quoted] for names that look alike.
func asciiQuoted(name string) string {
	return strconv.QuoteToASCII(name)
}
