package closure

import (
	"errors"
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/wire"
)

// Quoted writes a name of the pull request so that it can stand in a
// sentence: on one line, without control characters, valid UTF-8, bounded.
func Quoted(name string) string {
	const limit = 200
	if name == "" {
		return "the repository's top"
	}
	if len(name) > limit {
		name = name[:limit] + "…"
	}
	return strconv.Quote(name)
}

// QuotedAll is [Quoted] for several names.
func QuotedAll(names []string) string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = Quoted(name)
	}
	return strings.Join(all, " and ")
}

// Unreadable words the tree's refusal to hand out a path.
func Unreadable(err error, at render.Source, what string) *render.Problem {
	p := &render.Problem{Cause: render.CauseMissing, Source: at, Message: what + " is not in the tree"}
	failure, ok := errors.AsType[*wire.FSError](err)
	if !ok {
		return p
	}
	if said, ok := refusals[failure.Code]; ok {
		p.Cause, p.Message, p.Remedy = said.cause, what+" "+said.why, said.remedy
	}
	return p
}

// refusal is what is said when the tree does not hand out a path.
type refusal struct {
	cause       render.Cause
	why, remedy string
}

var refusals = map[wire.Code]refusal{
	wire.CodeDir:      {render.CauseMissing, "is a folder where a file is needed", "name a file"},
	wire.CodeFile:     {render.CauseMissing, "is a file where a folder is needed", "name a folder"},
	wire.CodeInvalid:  {render.CauseMissing, "is no path of a repository", "name a relative path"},
	wire.CodeTooLarge: {render.CauseLimit, "is larger than the limit of one file", "split the file"},
	wire.CodeBudget:   {render.CauseLimit, "is more than one root may read", "split the root"},
	wire.CodeOutside: {
		render.CauseUnreadable, "is behind a symlink that leaves the repository", "put the file into the repository",
	},
	wire.CodeLoop: {
		render.CauseUnreadable, "is behind symlinks that lead in a circle, or through too many",
		"replace the symlinks by files",
	},
	wire.CodeSubmodule: {
		render.CauseUnreadable, "is in a submodule, which is not read", "put the files into this repository",
	},
	wire.CodePointer: {
		render.CauseUnreadable, "is an LFS pointer, not content", "store manifests in git itself, not in LFS",
	},
}

// asciiQuoted is [Quoted] for names that look alike.
func asciiQuoted(name string) string {
	return strconv.QuoteToASCII(name)
}
