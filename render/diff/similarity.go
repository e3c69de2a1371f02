package diff

import (
	"encoding/json"
	"hash/fnv"
	"strconv"
)

// Leaves are the leaf fields of a value, each with its path, counted.
type Leaves struct {
	// counts is by a hash of path and value: deep paths cost no memory, and a
	// collision could only make two values look a leaf more alike.
	counts map[uint64]int
	total  int
}

// LeavesOf collects the leaves of a value: scalars, nulls and empty maps and
// lists. Indices are part of a leaf's path.
func LeavesOf(value any) Leaves {
	leaves := Leaves{counts: map[uint64]int{}}
	leaves.collect(0, value)
	return leaves
}

func (l *Leaves) collect(path uint64, value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, child := range value {
			l.collect(step(path, "."+key), child)
		}
		if len(value) > 0 {
			return
		}
	case []any:
		for i, child := range value {
			l.collect(step(path, "["+strconv.Itoa(i)), child)
		}
		if len(value) > 0 {
			return
		}
	}
	l.counts[step(path, scalar(value))]++
	l.total++
}

// step hashes a path and what follows it.
func step(path uint64, text string) uint64 {
	hash := fnv.New64a()
	hash.Write([]byte(strconv.FormatUint(path, 16) + "/" + text))
	return hash.Sum64()
}

// scalar writes a leaf so that values of different types differ.
func scalar(value any) string {
	switch value := value.(type) {
	case string:
		return "s" + value
	case json.Number:
		return "n" + value.String()
	case bool:
		return "b" + strconv.FormatBool(value)
	case map[string]any:
		return "{}"
	case []any:
		return "[]"
	}
	return "null"
}

// Similarity is the share of leaves that two values have in common: twice the
// common ones over all, from 0 to 1. Values without a leaf have nothing in
// common.
func Similarity(a, b Leaves) float64 {
	if a.total == 0 || b.total == 0 {
		return 0
	}
	common := 0
	for leaf, count := range a.counts {
		common += min(count, b.counts[leaf])
	}
	return 2 * float64(common) / float64(a.total+b.total)
}
