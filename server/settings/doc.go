// Package settings reads the server's own settings: a YAML file and
// COUNTERSIGN_* variables, which win; secrets also as …_FILE. What is missing
// or weak is an error that names the setting and what to do.
package settings
