package webhook

import (
	"context"
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/countersign-dev/countersign/server/store"
)

// Recorder is the store.
type Recorder interface {
	Record(ctx context.Context, d store.Delivery, facts store.Facts, wakes ...store.Wake) (bool, error)
}

// Receiver is the handler of POST /webhook.
type Receiver struct {
	Secrets  []string // one or, while rotating, two; each of 16 bytes or more
	App      int64    // our own App's id
	Recorder Recorder
	Clock    func() time.Time
	Log      *slog.Logger
	// Recorded is called after a delivery was recorded (nudge the work, forget caches).
	Recorded func(Routed)
	// Observe counts: outcome is accepted, repeated, ignored, unparseable, unsigned, too_large, unavailable.
	Observe func(event, outcome string)
}

// ServeHTTP implements http.Handler.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) { panic("contract") }

// Routed is what an event means to us.
type Routed struct {
	Event, Action string
	Installation  int64
	Repository    int64
	Facts         store.Facts
	Wakes         []store.Wake
	// People says that rights may have changed: cached facts are to be forgotten.
	People bool
	// Ignored is why nothing is woken; "" when something is.
	Ignored string
}

// Route says what an event means. It is pure and total over bytes: an error
// is a payload that cannot be read. app is our own App's id.
func Route(app int64, event string, payload []byte, received time.Time) (Routed, error) {
	panic("contract")
}

// RepositoryTarget is work on a repository as a whole (Pull 0): look which
// pull requests are open and wake them; audit its pushes.
func RepositoryTarget(repository int64) store.Target { return store.Target{Repository: repository} }

// InstallationTarget is work on all repositories of an installation.
func InstallationTarget(installation int64) store.Target {
	return store.Target{Group: "installation/" + strconv.FormatInt(installation, 10)}
}
