// Package field reads the fields of parsed objects tolerantly: a field of the
// wrong shape is one that is not there. Its functions never change an object
// and never fail.
package field
