// Package report writes what people and programs read: one file per format.
//
// In go an assessment and a verdict, and nothing else: no clock, no order of
// maps, so the same review gives the same bytes through every door. All text
// from the pull request is escaped for where it goes; what is
// cut says how much; the verdict and every blocking finding always fit.
package report
