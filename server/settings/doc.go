// Package settings reads the server's own settings: a YAML file and
// COUNTERSIGN_* variables, which win; secrets also as …_FILE.
//
// In go a file's name and an environment; out come settings that a server can
// start with, or every mistake at once, each with the setting's two names and
// what to do. What must stay true: no error, log line or text form of settings
// holds a secret.
package settings
