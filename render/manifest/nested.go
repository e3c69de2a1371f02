package manifest

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/manifest/credential"
)

const (
	unpackLimit  = 8 << 20 // bytes unpacked for one object
	nestingLimit = 3       // documents in documents
	// shortestPacked is the length below which no secret is recognised in base64.
	shortestPacked = 32
)

// origin says where a text comes from.
type origin struct {
	name     string // the file that it becomes; "" when nothing says
	encoding string // as written: "", "base64", "gzip+base64"
	payload  bool   // a value of a ConfigMap or payload Secret: shown when it holds documents
	secret   bool   // of a Secret: only its documents may be shown
	always   bool   // a file, user data, chart values: always shown
	merged   bool   // merged into cloud-init: shown when it holds a mapping
}

// documentKeys are keys whose strings are documents by their meaning.
var documentKeys = set("valuesTemplate", "valuesContent", "values", "userData", "user-data", "cloudInit",
	"additionalConfig", "additionalCloudInit", "inline", "contents", "customCloudInit")

// fileOrigin recognises a file in the forms that bootstrap providers and
// cloud-init share.
func fileOrigin(object map[string]any) (origin, bool) {
	path, hasPath := object["path"].(string)
	_, hasContent := object["content"].(string)
	if !hasPath || !hasContent {
		return origin{}, false
	}
	file := origin{name: path, always: true}
	switch words(object, "encoding") {
	case "base64", "b64":
		file.encoding = "base64"
	case "gzip+base64", "gz+base64", "gz+b64", "gzip", "gz":
		file.encoding = "gzip+base64"
	}
	return file, true
}

// text copies a string: documents in it are unpacked, masked and noted, and
// secret pieces of plain text are replaced in place.
func (m *masker) text(text string, from origin) string {
	if strings.HasPrefix(strings.TrimSpace(text), "ENC[") || strings.Contains(text, "ENC[AES256_GCM,") {
		m.hide("ENC[ outside a Secret")
	}
	raw, state := m.unpacked(text, from)
	switch state {
	case packedTooLarge:
		m.hide("a packed text larger than the limit")
		return m.seal(render.SecretLiteral, text)
	case packedBroken:
		m.hide("a packed text that cannot be unpacked")
		return m.plain(text, origin{})
	case packedBinary:
		if class, secret := credential.Material(raw); secret {
			return m.seal(class, raw)
		}
		return m.plain(text, origin{})
	}
	masked, documents := m.plainOrDocuments(raw, from)
	if documents == nil && from.always && raw != "" {
		m.note(from, nil, masked)
	}
	switch {
	case masked == raw:
		return text
	case from.encoding != "":
		return base64.StdEncoding.EncodeToString([]byte(masked))
	}
	return masked
}

func (m *masker) note(from origin, documents []any, text string) {
	m.nested = append(m.nested, render.Nested{
		Path: slices.Clone(m.path), Encoding: from.encoding, Name: from.name, Documents: documents, Text: text,
	})
}

func (m *masker) plainOrDocuments(raw string, from origin) (string, []any) {
	if !from.always && !from.payload && !looksNested(raw) && !(from.merged && isMapping(raw)) {
		return m.plain(raw, from), nil
	}
	documents, changed := m.documents(raw)
	if documents == nil {
		return m.plain(raw, from), nil
	}
	m.note(from, documents, "")
	if !changed && !from.secret {
		return m.spans(raw, false), documents // a comment may hold what no document does
	}
	// The text cannot keep its form when values inside it are replaced: it
	// becomes its documents, and a hash of what it was, so that any change shows.
	var out []byte
	for _, document := range documents {
		out = append(AppendCanonical(out, document), "\n---\n"...)
	}
	return string(out) + "# " + m.hash(raw), documents
}

// hash is the keyed hash of a text that is not a secret by itself.
func (m *masker) hash(text string) string {
	before := len(m.masked)
	sealed := m.seal(render.SecretLiteral, text)
	m.masked = m.masked[:before]
	return sealed[strings.LastIndexByte(sealed, ':')+1:]
}

// documents parses a text and masks its documents; nil when it holds neither a
// mapping nor a list. changed says that a value was replaced in them.
func (m *masker) documents(raw string) (documents []any, changed bool) {
	if m.depth >= nestingLimit {
		return nil, false
	}
	docs, failure := decode([]byte(raw), nestedLimits(len(raw)))
	if failure != nil {
		if failure.Cause == render.CauseHostile || failure.Cause == render.CauseLimit {
			m.hide("a document inside a text that exceeds the limits")
		}
		return nil, false
	}
	if !slices.ContainsFunc(docs, func(doc Doc) bool { return isTree(doc.Value) }) {
		return nil, false
	}
	before := len(m.masked)
	m.depth++
	m.below("#", func() {
		for i, doc := range docs {
			m.below(i, func() { documents = append(documents, m.document(doc.Value)) })
		}
	})
	m.depth--
	return documents, len(m.masked) > before
}

func (m *masker) document(value any) any {
	if object, ok := value.(map[string]any); ok {
		if _, encrypted := object["sops"].(map[string]any); encrypted || isObject(object) {
			return m.object(object)
		}
		return m.mapping(object)
	}
	return m.value(value)
}

func isTree(value any) bool {
	switch value.(type) {
	case map[string]any, []any:
		return true
	}
	return false
}

// nestedLimits grow with the text alone: an object may hold thousands of small
// alias bombs, so that none may become much larger than it is.
func nestedLimits(size int) Limits {
	return Limits{Nodes: 4*size + 2000, Text: 16*size + 4096}.orStandard()
}

// holdsObjects reports whether a text is nothing but Kubernetes objects.
func holdsObjects(raw string) bool {
	docs, failure := decode([]byte(raw), nestedLimits(len(raw)))
	if failure != nil {
		return false
	}
	found := false
	for _, doc := range docs {
		object, ok := doc.Value.(map[string]any)
		if ok && isObject(object) {
			found = true
		} else if doc.Value != nil {
			return false
		}
	}
	return found
}

// isMapping reports whether a text is one mapping, or one whose limits must be
// said to be exceeded.
func isMapping(raw string) bool {
	docs, failure := decode([]byte(raw), nestedLimits(len(raw)))
	if failure != nil {
		return failure.Cause == render.CauseHostile || failure.Cause == render.CauseLimit
	}
	if len(docs) != 1 {
		return false
	}
	_, ok := docs[0].Value.(map[string]any)
	return ok
}

// looksNested reports whether a string of unknown meaning holds a document.
func looksNested(text string) bool {
	return len(text) > 20 && strings.Contains(text, "apiVersion") && strings.Contains(text, "kind") ||
		strings.HasPrefix(text, "#cloud-config") || strings.Contains(text, `"ignition"`)
}

// dataWord is the data of a Secret, in whatever form.
var dataWord = regexp.MustCompile(`(?:data|stringData)["']?[ \t]*:`)

var secretKind = regexp.MustCompile(`kind["']?[ \t]*:[ \t]*["']?Secret\b`)

// plain masks a text that is no document, or one that no parser understands.
func (m *masker) plain(raw string, from origin) string {
	if secretKind.MatchString(raw) && dataWord.MatchString(raw) {
		return m.secretLines(raw)
	}
	if class, secret := m.wholly(raw, from); secret {
		return m.seal(class, raw)
	}
	return m.spans(raw, true)
}

// wholly decodes a string that is base64 in several lines, where no single run
// shows what it is, or base64 of gzip.
func (m *masker) wholly(raw string, from origin) (render.SecretClass, bool) {
	if from.encoding != "" || len(raw) < shortestPacked {
		return "", false
	}
	if strings.ContainsAny(strings.TrimSpace(raw), " :") {
		return "", false
	}
	decoded, ok := credential.Unbase64(raw)
	if !ok {
		return "", false
	}
	switch unzipped, state := m.gunzip(decoded); state {
	case packedText, packedBinary:
		decoded = unzipped
	case packedTooLarge:
		m.hide("a packed text larger than the limit")
	}
	if class, secret := credential.Material(decoded); secret {
		return class, true
	}
	return render.SecretLiteral, secretKind.MatchString(decoded)
}

// packing says what became of a packed text.
type packing int

const (
	packedText packing = iota
	packedBinary
	packedTooLarge
	packedBroken
)

// unpacked decodes a text as its origin says. A text that says no encoding,
// or that is a placeholder, is itself.
func (m *masker) unpacked(text string, from origin) (string, packing) {
	if from.encoding == "" || strings.TrimSpace(text) == "" || credential.Placeholder(strings.TrimSpace(text)) {
		return text, packedText
	}
	raw, ok := credential.Unbase64(text)
	if !ok {
		return text, packedBroken
	}
	if m.unpack -= len(raw); m.unpack < 0 {
		return text, packedTooLarge
	}
	if from.encoding == "gzip+base64" || strings.HasPrefix(raw, gzipMagic) {
		return m.gunzip(raw)
	}
	return raw, textOrBinary(raw)
}

const gzipMagic = "\x1f\x8b"

func textOrBinary(raw string) packing {
	if utf8.ValidString(raw) {
		return packedText
	}
	return packedBinary
}

// gunzip unpacks within what the object may still unpack.
func (m *masker) gunzip(raw string) (string, packing) {
	reader, err := gzip.NewReader(strings.NewReader(raw))
	if err != nil {
		return raw, packedBroken
	}
	var out bytes.Buffer
	_, err = io.Copy(&out, io.LimitReader(reader, int64(m.unpack)+1))
	if m.unpack -= out.Len(); m.unpack < 0 {
		m.unpack = 0
		return raw, packedTooLarge
	}
	if err != nil {
		return raw, packedBroken
	}
	return out.String(), textOrBinary(out.String())
}
