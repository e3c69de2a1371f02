package manifest

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/countersign-dev/countersign/render"
)

// within is a path below another one.
func within(path render.Path, steps ...any) render.Path {
	below := make(render.Path, 0, len(path)+len(steps))
	return append(append(below, path...), steps...)
}

// words is the scalar at a path of keys as text; "" when there is none.
func words(object any, keys ...string) string {
	path := make(render.Path, len(keys))
	for i, key := range keys {
		path[i] = key
	}
	return wordsAt(object, path)
}

func wordsAt(object any, path render.Path) string {
	value, _ := render.Lookup(object, path)
	switch value := value.(type) {
	case string:
		return value
	case json.Number:
		return value.String()
	case bool:
		return strconv.FormatBool(value)
	}
	return ""
}

// splitVersion splits an apiVersion into group and version; the core group
// is "".
func splitVersion(apiVersion string) (group, version string) {
	if group, version, found := strings.Cut(apiVersion, "/"); found {
		return group, version
	}
	return "", apiVersion
}
