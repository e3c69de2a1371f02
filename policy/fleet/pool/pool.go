package pool

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/countersign-dev/countersign/policy/fleet/field"
	"github.com/countersign-dev/countersign/policy/fleet/reference"
)

// maxNodes bounds what one pool counts for, so that sums stay sums.
const maxNodes = 1_000_000

// Size counts a pool: the autoscaler's maximum where one is set. known is false
// for what is no number, and symbol is then what stands there.
func Size(pool, replicas any) (n int, known bool, symbol string) {
	if most := field.Text(pool, "metadata", "annotations", reference.AnnotationMaxSize); most != "" {
		return Count(json.Number(most), 0)
	}
	return Count(replicas, 1)
}

// Count reads a number of nodes; absent is what a missing one means.
func Count(value any, absent int) (n int, known bool, symbol string) {
	if value == nil {
		return absent, true, ""
	}
	number, isNumber := value.(json.Number)
	if n, err := strconv.Atoi(number.String()); isNumber && err == nil {
		return min(max(n, 0), maxNodes), true, ""
	}
	return 0, false, fmt.Sprint(value)
}
