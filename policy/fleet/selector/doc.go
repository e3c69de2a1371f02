// Package selector reads the label selectors of addons.
//
// In go a selector as it stands in an object and the labels of a cluster; out
// comes whether they match. What cannot be understood matches: what a selector
// reaches is said rather than missed. A Selector is immutable and safe for
// concurrent use; the zero Selector matches everything.
package selector
