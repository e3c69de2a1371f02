package webhook

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/countersign-dev/countersign/server/store"
)

// Recorder is the store.
type Recorder interface {
	Record(ctx context.Context, d store.Delivery, facts store.Facts, wakes ...store.Wake) (bool, error)
}

// Receiver is the handler of POST /webhook. It must not be copied.
type Receiver struct {
	Secrets  []string // one or, while rotating, two; each of 16 bytes or more
	App      int64    // our own App's id
	Recorder Recorder
	Clock    func() time.Time
	Log      *slog.Logger
	// Recorded is called after a new delivery was recorded (nudge the work, forget caches).
	Recorded func(Routed)
	// Observe counts: outcome is accepted, repeated, ignored, unparseable, unsigned, too_large, unavailable,
	// or refused (signed, but not what we asked GitHub for). The event is empty until its signature held.
	Observe func(event, outcome string)

	intake   intake
	recently atomic.Int64 // when it was last logged that a signature did not hold, in Unix seconds
}

// GitHub waits ten seconds for an answer: one that comes later is none.
const recordWithin = 8 * time.Second

var (
	wellFormedGUID  = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$`)
	wellFormedEvent = regexp.MustCompile(`^[a-z][a-z0-9_]{0,63}$`)
)

// refusal is an answer that is not 202.
type refusal struct {
	status  int
	outcome string
	text    string // tells who reads GitHub's list of deliveries what to do
	cause   error  // for the log; nil where there is nothing to know
}

// ServeHTTP implements http.Handler.
func (r *Receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	event, outcome, refused := r.take(w, req)
	if refused != nil {
		outcome = refused.outcome
	}
	if r.Observe != nil {
		r.Observe(event, outcome)
	}
	if refused == nil {
		w.WriteHeader(http.StatusAccepted)
		return
	}
	r.note(event, req, *refused)
	w.Header().Set("Connection", "close") // else what is left of the body would be waited for
	if refused.status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "60")
	}
	http.Error(w, refused.text, refused.status)
}

// take leads a request through the checks, the cheap ones first. The event is
// empty until the signature held.
func (r *Receiver) take(w http.ResponseWriter, req *http.Request) (event, outcome string, _ *refusal) {
	if req.ContentLength > maxBody {
		return "", "", &refusal{http.StatusRequestEntityTooLarge, "too_large", tooLarge, nil}
	}
	given, ok := parseSignature(req.Header.Values("X-Hub-Signature-256"))
	if !ok {
		return "", "", &refusal{http.StatusUnauthorized, "unsigned", unsigned, nil}
	}
	body, free, refused := r.intake.read(w, req)
	defer free()
	if refused != nil {
		return "", "", refused
	}
	if !verify(r.Secrets, body, given) {
		return "", "", &refusal{http.StatusUnauthorized, "unsigned", unsigned, nil}
	}
	delivery, refused := r.headers(req.Header)
	if refused != nil {
		return delivery.Event, "", refused
	}
	routed, err := Route(r.App, delivery.Event, body, delivery.Received)
	digest := sha256.Sum256(body)
	free() // recording may take seconds
	delivery.Digest = digest[:]
	delivery.Action, delivery.Installation, delivery.Repository = routed.Action, routed.Installation, routed.Repository
	outcome, refused = r.record(req.Context(), delivery, routed, err)
	return delivery.Event, outcome, refused
}

const (
	unsigned = "The signature in X-Hub-Signature-256 does not fit. " +
		"Set the same webhook secret in the App's settings on GitHub and in Countersign's."
	tooLarge   = "The delivery is larger than GitHub's own limit of 25 MB."
	noHeaders  = "X-GitHub-Event or X-GitHub-Delivery is missing or malformed: this is no delivery of GitHub's."
	noJSON     = "Set the webhook's content type to application/json in the App's settings on GitHub."
	noStore    = "The delivery could not be recorded. It will be asked for again; redeliver it if it is urgent."
	noRoom     = "Too many large deliveries at once. This one will be asked for again."
	incomplete = "The delivery did not arrive whole."
)

// headers reads what comes beside a payload whose signature held.
func (r *Receiver) headers(h http.Header) (store.Delivery, *refusal) {
	d := store.Delivery{Event: h.Get("X-GitHub-Event"), GUID: strings.ToLower(h.Get("X-GitHub-Delivery")),
		Received: r.Clock()}
	if !wellFormedEvent.MatchString(d.Event) {
		return store.Delivery{}, &refusal{http.StatusBadRequest, "refused", noHeaders, nil}
	}
	if !wellFormedGUID.MatchString(d.GUID) {
		return d, &refusal{http.StatusBadRequest, "refused", noHeaders, nil}
	}
	if kind, _, err := mime.ParseMediaType(h.Get("Content-Type")); err != nil || kind != "application/json" {
		return d, &refusal{http.StatusBadRequest, "refused", noJSON, nil}
	}
	return d, nil
}

// record keeps the delivery. That GitHub hangs up meanwhile does not undo it.
func (r *Receiver) record(ctx context.Context, d store.Delivery, routed Routed, unreadable error) (string, *refusal) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordWithin)
	defer cancel()
	fresh, err := r.Recorder.Record(ctx, d, routed.Facts, routed.Wakes...)
	if err != nil {
		return "", &refusal{http.StatusServiceUnavailable, "unavailable", noStore, err}
	}
	log := r.Log.With("delivery", d.GUID, "event", d.Event, "action", d.Action, "repository", d.Repository)
	switch {
	case !fresh:
		log.DebugContext(ctx, "delivery was recorded before")
		return "repeated", nil
	case unreadable != nil:
		// Its text names a kind of trouble and a position, nothing of the payload.
		log.WarnContext(ctx, "signed delivery cannot be read: pull requests it concerns wait for the next sweep",
			"error", unreadable)
		return "unparseable", nil
	}
	if r.Recorded != nil {
		r.Recorded(routed)
	}
	if routed.Ignored != "" {
		log.DebugContext(ctx, "delivery wakes nothing", "reason", routed.Ignored)
		return "ignored", nil
	}
	log.DebugContext(ctx, "delivery accepted", "wakes", len(routed.Wakes))
	return "accepted", nil
}

// note logs a refusal. What anybody can cause is logged once a minute: the
// counter tells how often.
func (r *Receiver) note(event string, req *http.Request, refused refusal) {
	log := r.Log.With("event", event, "status", refused.status)
	switch refused.outcome {
	case "unavailable":
		log.ErrorContext(req.Context(), "delivery refused", "error", logged(refused))
	case "refused":
		log.WarnContext(req.Context(), "delivery refused", "error", refused.text)
	default:
		now := r.Clock().Unix()
		last := r.recently.Load()
		if (now-last >= 60 || now < last) && r.recently.CompareAndSwap(last, now) {
			log.WarnContext(req.Context(), "delivery refused; more of the kind are only counted", "error", refused.text)
		}
	}
}

func logged(refused refusal) error {
	if refused.cause != nil {
		return refused.cause
	}
	return errors.New(refused.text)
}

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

// RepositoryTarget is work on a repository as a whole (Pull 0): look which
// pull requests are open and wake them; audit its pushes.
func RepositoryTarget(repository int64) store.Target { return store.Target{Repository: repository} }

// InstallationTarget is work on all repositories of an installation.
func InstallationTarget(installation int64) store.Target {
	return store.Target{Group: "installation/" + strconv.FormatInt(installation, 10)}
}
