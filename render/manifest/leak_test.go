package manifest

import (
	"bytes"
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/countersign-dev/countersign/render"
)

// leaks says where a secret, or its base64, still is.
func leaks(resource render.Resource, secret string) string {
	places := map[string]string{"object": string(AppendCanonical(nil, resource.Object))}
	for _, nested := range resource.Nested {
		places["nested "+nested.Path.String()] = string(AppendCanonical(nil, nested.Documents)) + nested.Text
	}
	for _, masked := range resource.Masked {
		places["path"] += masked.Path.String()
	}
	for place, text := range places {
		for _, form := range []string{secret, pack(secret), strings.TrimRight(pack(secret), "=")} {
			if strings.Contains(text, form) {
				return place
			}
		}
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("\"\\,: ", r) }) {
			if raw, err := base64.StdEncoding.DecodeString(word); err == nil && bytes.Contains(raw, []byte(secret)) {
				return place + " in base64"
			}
		}
	}
	return ""
}

// hosts put a secret somewhere in an object.
var hosts = map[string]func(secret string) map[string]any{
	"secret": func(secret string) map[string]any {
		return object("Secret", "stringData", map[string]any{"x": secret})
	},
	"packed secret": func(secret string) map[string]any {
		return object("Secret", "data", map[string]any{"x": pack(secret)})
	},
	"deep secret": func(secret string) map[string]any {
		return object("Secret", "data", map[string]any{"x": []any{map[string]any{"y": secret}}})
	},
	"payload": func(secret string) map[string]any {
		inner := string(AppendCanonical(nil, object("Secret", "stringData", map[string]any{"x": secret})))
		return object("ConfigMap", "data", map[string]any{"x": inner})
	},
	"payload in a payload": func(secret string) map[string]any {
		inner := string(AppendCanonical(nil, object("Secret", "data", map[string]any{"x": pack(secret)})))
		inner = string(AppendCanonical(nil, object("ConfigMap", "data", map[string]any{"x": inner})))
		return object("ConfigMap", "binaryData", map[string]any{"x": pack(inner)})
	},
	"file": func(secret string) map[string]any {
		inner := string(AppendCanonical(nil, object("Secret", "stringData", map[string]any{"x": secret})))
		return object("X", "spec", map[string]any{"files": []any{
			map[string]any{"path": "/a", "encoding": "gzip+base64", "content": zip(inner)},
		}})
	},
	"annotation": func(secret string) map[string]any {
		inner := string(AppendCanonical(nil, object("Secret", "stringData", map[string]any{"x": secret})))
		return object("X", "spec", map[string]any{"last-applied": inner})
	},
	"password": func(secret string) map[string]any {
		return object("X", "spec", map[string]any{"rootPassword": secret, "values": map[string]any{"db_password": secret}})
	},
	"values": func(secret string) map[string]any {
		values := string(AppendCanonical(nil, map[string]any{"password": secret}))
		return object("X", "spec", map[string]any{"valuesTemplate": values})
	},
	"command": func(secret string) map[string]any {
		return object("X", "spec", []any{"run --password='" + secret + "' now"})
	},
	"environment": func(secret string) map[string]any {
		return object("X", "spec", []any{map[string]any{"name": "DB_PASSWORD", "value": secret}})
	},
	"template": func(secret string) map[string]any {
		return object("ConfigMap", "data", map[string]any{
			"x": "apiVersion: v1\nkind: Secret\nmetadata: {name: [${N}]}\nx: [${X}]\n" +
				"data:\n  a: " + secret + "\n  b: |\n    " + secret + "\n",
		})
	},
}

func object(kind, field string, value any) map[string]any {
	return map[string]any{"apiVersion": "v1", "kind": kind, "metadata": map[string]any{"name": "a"}, field: value}
}

func TestNoSecretIsLeft(t *testing.T) {
	names := []string{}
	for name := range hosts {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.SampledFrom(names).Draw(t, "host")
		secret := rapid.StringMatching(`[A-Za-z][A-Za-z0-9/+!#%&()*,.;<=>?@^_{|}~ -]{6,30}[A-Za-z0-9]`).
			Filter(func(s string) bool { return !strings.HasPrefix(s, "masked") }).Draw(t, "secret")
		resource, failure := Canonical(hosts[name](secret), testKey, nil)
		if failure != nil {
			t.Fatal(failure)
		}
		for i := 0; i+8 <= len(secret); i++ {
			if leak := leaks(resource, secret[i:i+8]); leak != "" {
				t.Fatalf("%q is in %s: %s", secret[i:i+8], leak, AppendCanonical(nil, resource.Object))
			}
		}
		if len(resource.Masked) == 0 {
			t.Fatal("nothing is listed")
		}
	})
}

func TestKeysThatLookLikeSecretsAreLeftNowhere(t *testing.T) {
	for name, secret := range map[string]string{
		"pem": pemKey, "jwt": jwt, "aws": awsKey, "zip": zip(pemKey), "packed": pack(pemKey),
	} {
		for _, place := range []map[string]any{
			object("X", "spec", map[string]any{"a": "x " + secret + " y"}),
			object("X", "spec", map[string]any{"config": secret}),
			object("X", "spec", map[string]any{"key-" + secret: "x"}),
			object("ConfigMap", "data", map[string]any{"a": "k: v\nt: |\n" + indent(secret, 2) + "\n"}),
			object("ConfigMap", "data", map[string]any{"a": "k: v # " + strings.ReplaceAll(secret, "\n", " ") + "\n"}),
			object("ConfigMap", "binaryData", map[string]any{"a": pack("\xff\x00" + secret)}),
			object("X", "spec", map[string]any{"a": "data:;base64," + pack(secret)}),
			object("CustomResourceDefinition", "spec", map[string]any{"description": secret}),
		} {
			resource, failure := Canonical(place, testKey, nil)
			if failure != nil {
				t.Fatal(failure)
			}
			body := strings.TrimPrefix(secret, "-----BEGIN RSA PRIVATE KEY-----\n")
			if leak := leaks(resource, body[:16]); leak != "" {
				t.Errorf("%s: %s: %s", name, leak, AppendCanonical(nil, resource.Object))
			}
		}
	}
}
