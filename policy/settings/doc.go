// Package settings finds the config that holds for a tree and says what is
// wrong with it.
//
// In go a tree (the base's, which is trusted as little as any) and the rules;
// out come a [config.Config] or its mistakes. A config that is no regular file,
// too large, unparsable or that asks of rules what cannot be is not a config:
// callers must treat it as state error, never as the defaults.
package settings
