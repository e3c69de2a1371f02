package manifest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/countersign-dev/countersign/render"
	"github.com/countersign-dev/countersign/render/manifest/credential"
)

// Key is the key of the hashes that stand for secret values.
type Key []byte

// payloadTypes are the types of Secrets whose values are manifests to apply.
var payloadTypes = set("addons.cluster.x-k8s.io/resource-set", "addons.projectsveltos.io/cluster-profile")

// masker copies one object and replaces what is secret in it. Where it finds
// documents inside strings it descends into them.
type masker struct {
	key    Key
	path   render.Path // where it stands
	masked []render.Masked
	nested []render.Nested
	opaque string
	depth  int // documents around the current one
	unpack int // bytes that may still be unpacked for this object
	// class, if set, is the class of passwords and tokens here: that of a kubeconfig.
	class render.SecretClass
	prose bool // in a definition's schema, where "password:" is a word
}

func newMasker(key Key) *masker { return &masker{key: key, unpack: unpackLimit} }

// seal records a secret value and returns what stands for it.
func (m *masker) seal(class render.SecretClass, value string) string {
	mac := hmac.New(sha256.New, m.key)
	mac.Write([]byte(value))
	digest := hex.EncodeToString(mac.Sum(nil))
	m.masked = append(m.masked, render.Masked{Path: slices.Clone(m.path), Class: class, Digest: digest})
	return "masked:" + string(class) + ":" + digest
}

// hide notes why the object cannot be read; the first reason stays.
func (m *masker) hide(reason string) {
	if m.opaque == "" {
		m.opaque = reason
	}
}

// below runs a step deeper in the object.
func (m *masker) below(step any, run func()) {
	m.path = append(m.path, step)
	run()
	m.path = m.path[:len(m.path)-1]
}

// object copies a Kubernetes object, or any document inside a string.
func (m *masker) object(object map[string]any) map[string]any {
	if _, encrypted := object["sops"].(map[string]any); encrypted {
		m.hide("sops-encrypted document")
	}
	class, prose := m.class, m.prose
	defer func() { m.class, m.prose = class, prose }()
	version, kind := words(object, "apiVersion"), words(object, "kind")
	if _, users := object["users"].([]any); users && kind == "Config" {
		m.class = render.SecretKubeconfig
	}
	m.prose = kind == "CustomResourceDefinition"
	secret := version == "v1" && kind == "Secret"
	payload := version == "v1" && kind == "ConfigMap" || secret && payloadTypes[words(object, "type")]
	return m.each(object, func(key string, value any) any {
		switch {
		case payload && (key == "data" || key == "stringData" || key == "binaryData"):
			return m.payload(value, key == "binaryData" || secret && key == "data", secret)
		case secret && (key == "data" || key == "stringData"):
			return m.secret(value, key == "data")
		}
		return m.field(key, value)
	})
}

// secret replaces every value under a Secret's data.
func (m *masker) secret(value any, packed bool) any {
	switch value := value.(type) {
	case nil:
		return nil
	case map[string]any:
		return m.each(value, func(_ string, child any) any { return m.secret(child, packed) })
	case []any:
		return m.all(value, func(child any) any { return m.secret(child, packed) })
	case string:
		if packed {
			if raw, ok := credential.Unbase64(value); ok {
				value = raw
			}
		}
		return m.seal(credential.Classify(value), value)
	case json.Number:
		return m.seal(render.SecretLiteral, value.String())
	case bool:
		return m.seal(render.SecretLiteral, strconv.FormatBool(value))
	}
	return m.seal(render.SecretLiteral, "")
}

// payload copies data whose values are files or manifests. In a Secret, what
// is no manifest is a secret value after all.
func (m *masker) payload(value any, packed, secret bool) any {
	object, ok := value.(map[string]any)
	if !ok {
		if secret {
			return m.secret(value, packed)
		}
		return m.value(value)
	}
	return m.each(object, func(key string, child any) any {
		raw, isText := child.(string)
		encoding := ""
		if packed && isText {
			encoding = "base64"
			raw, _ = credential.Unbase64(raw)
		}
		switch {
		case secret && (!isText || !holdsObjects(raw)):
			return m.secret(child, packed)
		case !isText:
			return m.value(child)
		case !packed && m.clear(key, raw):
			return m.seal(m.classed(raw), raw)
		}
		return m.text(child.(string), origin{name: key, encoding: encoding, payload: true, secret: secret})
	})
}

func (m *masker) each(object map[string]any, run func(string, any) any) map[string]any {
	copied := make(map[string]any, len(object))
	for _, key := range slices.Sorted(maps.Keys(object)) {
		name := m.name(key)
		m.below(name, func() { copied[name] = run(key, object[key]) })
	}
	return copied
}

func (m *masker) all(list []any, run func(any) any) []any {
	copied := make([]any, len(list))
	for i, item := range list {
		m.below(i, func() { copied[i] = run(item) })
	}
	return copied
}

// name masks what is secret in a mapping's key itself.
func (m *masker) name(key string) string {
	if len(key) < 16 {
		return key
	}
	return m.spans(key, false)
}

// value copies a value of which nothing is known.
func (m *masker) value(value any) any {
	switch value := value.(type) {
	case map[string]any:
		return m.mapping(value)
	case []any:
		return m.all(value, m.value)
	case string:
		return m.text(value, origin{})
	}
	return value
}

// mapping copies a mapping, with what its keys say about its strings: a file
// with its content, a named value.
func (m *masker) mapping(object map[string]any) map[string]any {
	name, _ := object["name"].(string)
	file, isFile := fileOrigin(object)
	return m.each(object, func(key string, child any) any {
		text, isText := child.(string)
		switch {
		case isFile && key == "content" && isText:
			return m.text(text, file)
		case key == "value" && isText && m.clear(name, text):
			return m.seal(m.classed(text), text)
		}
		return m.field(key, child)
	})
}

// field copies a value by the key that it stands under.
func (m *masker) field(key string, value any) any {
	text, isText := value.(string)
	switch {
	case key == "additionalUserData":
		return m.userData(key, value)
	case !isText:
		return m.value(value)
	case m.clear(key, text):
		return m.seal(m.classed(text), text)
	case documentKeys[key]:
		return m.text(text, origin{always: true})
	case key == "description":
		return m.spans(text, false)
	}
	return m.text(text, origin{})
}

// userData copies what RKE2 merges into a node's cloud-init: a text, or texts
// by their keys, which need no "#cloud-config" before them.
func (m *masker) userData(key string, value any) any {
	switch value := value.(type) {
	case map[string]any:
		return m.each(value, m.userData)
	case string:
		if m.clear(key, value) {
			return m.seal(m.classed(value), value)
		}
		return m.text(value, origin{merged: true})
	}
	return m.value(value)
}

// clear reports whether the value under a key is a secret in clear.
func (m *masker) clear(key, value string) bool {
	return !m.prose && credential.Clear(key, value)
}

// classed is the class of a value under a sensitive key.
func (m *masker) classed(value string) render.SecretClass {
	if m.class != "" {
		return m.class
	}
	if class := credential.Classify(value); class != render.SecretCA && class != render.SecretPlaceholder {
		return class
	}
	return render.SecretLiteral
}
