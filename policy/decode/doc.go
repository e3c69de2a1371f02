// Package decode reads parsed YAML documents strictly, field by field: an
// unknown key, a wrong type or a missing value is a mistake with its line, and
// one run finds them all.
//
// In goes a [render.Document], out come values and mistakes. It knows no format
// of its own: settings and pull request facts say what their fields are.
package decode
