// Package bench measures the joined program: what a change costs from two
// trees to an assessment. Its benchmarks run on the fleets that package
// synthetic writes; bench/ratios compares with other tools. Nothing here is
// part of the program.
package bench
