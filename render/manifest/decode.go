package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"github.com/countersign-dev/countersign/render"
)

// Doc is one YAML document of a file.
type Doc struct {
	// Node is the document's content, aliases unexpanded; nil for a document
	// without content. It must not be changed.
	Node *yaml.Node
	// Value is what the document says: map[string]any, []any, string, bool,
	// json.Number and nil, as kustomize would type it.
	Value any
	// Name is the file that was decoded.
	Name string
}

// Decode reads every document of a YAML or JSON file. The content comes from
// the pull request. Refused are what is not UTF-8, duplicate keys, alias
// cycles, and what exceeds the limits; the problem then names file and line.
// An empty file has no documents.
func Decode(name string, content []byte, limits Limits) ([]Doc, *render.Problem) {
	docs, failure := decode(content, limits.orStandard())
	if failure != nil {
		return nil, inFile(failure, name)
	}
	for i := range docs {
		docs[i].Name = name
	}
	return docs, nil
}

// decode also returns the documents before the one that failed.
func decode(content []byte, limits Limits) ([]Doc, *render.Problem) {
	if failure := readable(content, limits); failure != nil {
		return nil, failure
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	counter := newCounter(limits)
	reader := converter{limits: limits}
	var docs []Doc
	for {
		node, err := next(decoder)
		if errors.Is(err, io.EOF) {
			return docs, nil
		}
		if err != nil {
			return docs, syntaxProblem(err, content)
		}
		doc, failure := document(node, counter, &reader)
		if failure != nil {
			return docs, failure
		}
		docs = append(docs, doc)
	}
}

func document(node *yaml.Node, counter *counter, reader *converter) (Doc, *render.Problem) {
	if len(node.Content) == 0 {
		return Doc{}, nil
	}
	root := node.Content[0]
	if failure := counter.count(root); failure != nil {
		return Doc{}, failure
	}
	value, failure := reader.value(root, 0, false)
	if failure != nil {
		return Doc{}, failure
	}
	return Doc{Node: root, Value: value}, nil
}

// errParserPanic stands for a panic of the YAML library: it turns its own
// errors into errors, so what is left is a defect that some input found.
var errParserPanic = errors.New("the YAML parser failed")

// next parses one document without expanding anything.
func next(decoder *yaml.Decoder) (node *yaml.Node, err error) {
	defer func() {
		if recover() != nil {
			node, err = nil, errParserPanic
		}
	}()
	node = new(yaml.Node)
	if err := decoder.Decode(node); err != nil {
		return nil, err
	}
	return node, nil
}

var lfsPointer = []byte("version https://git-lfs.github.com/spec/")

// readable refuses what is no text before a parser sees it.
func readable(content []byte, limits Limits) *render.Problem {
	if len(content) > limits.Bytes {
		return problem(render.CauseLimit, 0,
			fmt.Sprintf("the file is larger than %d KiB, the limit of one file", limits.Bytes>>10),
			"split it into smaller files")
	}
	if bytes.HasPrefix(content, lfsPointer) {
		return problem(render.CauseUnreadable, 1, "the file is a Git LFS pointer, its content is not in the repository",
			"store manifests in git itself")
	}
	if at := bytes.IndexByte(content, 0); at >= 0 {
		return problem(render.CauseSyntax, lineAt(content, at), "a NUL byte: this is not a text file",
			"store manifests as UTF-8 text")
	}
	if !utf8.Valid(content) {
		return problem(render.CauseSyntax, lineAt(content, invalidAt(content)), "not valid UTF-8",
			"store manifests as UTF-8 text")
	}
	return nil
}

func lineAt(content []byte, offset int) int {
	return bytes.Count(content[:offset], []byte{'\n'}) + 1
}

func invalidAt(content []byte) int {
	for at := 0; at < len(content); {
		r, size := utf8.DecodeRune(content[at:])
		if r == utf8.RuneError && size == 1 {
			return at
		}
		at += size
	}
	return len(content)
}

// Parse reads a file that must hold one document, for configs, waivers and
// pull facts: strict, with the line of every key. An empty file is the nil
// value.
func Parse(name string, content []byte) (render.Document, *render.Problem) {
	docs, failure := Decode(name, content, Limits{})
	if failure != nil {
		return render.Document{}, failure
	}
	switch {
	case len(docs) == 0:
		return render.Document{}, nil
	case len(docs) > 1:
		line := 0
		if docs[1].Node != nil {
			line = docs[1].Node.Line
		}
		return render.Document{}, inFile(problem(render.CauseSyntax, line,
			"a second YAML document where one is expected", "remove the \"---\" and what follows"), name)
	}
	return render.Document{Value: docs[0].Value, Positions: docs[0].Positions()}, nil
}
