package child

import (
	"encoding/json"

	"github.com/countersign-dev/countersign/render/wire"
)

// budget counts what a build becomes.
type budget struct {
	bytes, objects int
}

func (b *budget) add(object map[string]any) {
	b.objects++
	b.bytes += size(object)
}

func (b *budget) over(limits wire.Limits) bool {
	return int64(b.bytes) > limits.Bytes || b.objects > limits.Objects
}

// size is about how many bytes a value takes when it is written.
func size(v any) int {
	sum := 2
	switch v := v.(type) {
	case string:
		sum += len(v)
	case json.Number:
		sum += len(v)
	case []any:
		for _, item := range v {
			sum += size(item)
		}
	case map[string]any:
		for key, item := range v {
			sum += len(key) + size(item)
		}
	}
	return sum
}
