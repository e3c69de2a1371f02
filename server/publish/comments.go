package publish

import "context"
import "github.com/countersign-dev/countersign/server/store"

type comments struct{}

func (p *Publisher) comment(ctx context.Context, w Wish, published store.Publication) error {
	return nil
}
