package manifest

import (
	"fmt"

	"github.com/countersign-dev/countersign/render"
)

// Limits bound one file. A zero field stands for the standard limit.
type Limits struct {
	Bytes int // size of the file; 1 MiB
	Nodes int // YAML nodes after alias expansion; 1,000,000
	Text  int // bytes of keys and scalars after alias expansion; 32 MiB
	Depth int // nesting after alias expansion; 200
}

// The standard limits of one file.
const (
	standardBytes = 1 << 20
	standardNodes = 1_000_000
	standardText  = 32 << 20
	standardDepth = 200
)

func (l Limits) orStandard() Limits {
	for _, field := range []struct {
		limit    *int
		standard int
	}{
		{&l.Bytes, standardBytes},
		{&l.Nodes, standardNodes},
		{&l.Text, standardText},
		{&l.Depth, standardDepth},
	} {
		if *field.limit <= 0 {
			*field.limit = field.standard
		}
	}
	return l
}

// problem makes a problem at a line; its file is filled in by the exported
// function that knows the name.
func problem(cause render.Cause, line int, message, remedy string) *render.Problem {
	return &render.Problem{
		Cause: cause, Message: message, Remedy: remedy, Source: render.Source{Line: line},
	}
}

func tooMuch(line int, what string, limit int) *render.Problem {
	return problem(render.CauseLimit, line,
		fmt.Sprintf("more than %d %s in one file", limit, what), "split the file or use fewer YAML aliases")
}

// inFile sets the file of a problem and cleans the only outside text in it.
func inFile(p *render.Problem, name string) *render.Problem {
	if p == nil {
		return nil
	}
	filed := *p
	filed.Source.File = name
	return &filed
}
