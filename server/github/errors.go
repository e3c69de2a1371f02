package github

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/bradleyfalzon/ghinstallation/v2"
	"github.com/google/go-github/v60/github"

	"github.com/countersign-dev/countersign/server/github/onehost"
)

// Error implements error.
func (e *Error) Error() string {
	text := e.Op + ": " + string(e.Kind)
	if e.Status != 0 {
		text += " (" + strconv.Itoa(e.Status) + ")"
	}
	if e.Kind == Limited && !e.RetryAt.IsZero() {
		text += " until " + e.RetryAt.UTC().Format(time.RFC3339)
	}
	if e.Err != nil {
		text += ": " + onehost.Redact(e.Err.Error())
	}
	return text
}

// Unwrap returns what lies below.
func (e *Error) Unwrap() error { return e.Err }

// KindOf is what went wrong with GitHub; "" when nothing did, or something else.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// below makes what an Error wraps: the text alone, for what lies below may
// hold requests with their headers; who asks for a context's end finds it.
func below(err error) error {
	for _, end := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, end) {
			return end
		}
	}
	return errors.New(onehost.Redact(err.Error()))
}

// shape is an answer that is not what was asked for.
func shape(op string, err error) *Error {
	return &Error{Op: op, Kind: Unavailable, Err: fmt.Errorf("the answer is not as expected: %w", below(err))}
}

const tokenOp = "apps/create-installation-access-token"

// trouble words what go-github or ghinstallation say, and keeps limits.
func (w *wire) trouble(op string, err error) *Error {
	e := w.classify(op, err)
	if e.Kind == Limited {
		w.limit(e.RetryAt)
	}
	return e
}

func (w *wire) classify(op string, err error) *Error {
	if limited, is := errors.AsType[*github.RateLimitError](err); is {
		wait := time.Until(limited.Rate.Reset.Time)
		if limited.Response != nil && limited.Response.Header.Get("Date") != "" {
			wait = waitOf(limited.Response)
		}
		return w.limited(op, limited.Response, wait)
	}
	if limited, is := errors.AsType[*github.AbuseRateLimitError](err); is {
		wait := time.Minute
		if limited.RetryAfter != nil {
			wait = *limited.RetryAfter
		}
		return w.limited(op, limited.Response, wait)
	}
	if token, is := errors.AsType[*ghinstallation.HTTPError](err); is {
		if token.Response == nil {
			return &Error{Op: tokenOp, Kind: Unavailable, Err: below(err)}
		}
		e := w.answered(tokenOp, token.Response, "no token for installation "+strconv.FormatInt(w.installation, 10))
		if e.Kind == NotFound { // that nothing is there would be a fact about what was asked for; this is none
			e.Kind = Forbidden
			e.Err = fmt.Errorf("the App is not installed there: installation %d is gone", w.installation)
		}
		return e
	}
	if refused, is := errors.AsType[*github.ErrorResponse](err); is && refused.Response != nil {
		text := refused.Message
		for _, detail := range refused.Errors {
			text += "; " + strings.Join(strings.Fields(detail.Resource+" "+detail.Field+" "+detail.Code+" "+
				detail.Message), " ")
		}
		return w.answered(op, refused.Response, text)
	}
	return &Error{Op: op, Kind: Unavailable, Err: below(err)}
}

// answered is an answer that is no success.
func (w *wire) answered(op string, response *http.Response, text string) *Error {
	status, header := response.StatusCode, response.Header
	e := &Error{Op: op, Status: status, Err: errors.New(onehost.Redact(text))}
	switch {
	case status == http.StatusTooManyRequests, status == http.StatusForbidden &&
		(header.Get("Retry-After") != "" || header.Get("X-RateLimit-Remaining") == "0" ||
			strings.Contains(text, "rate limit")):
		return w.limited(op, response, waitOf(response))
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		e.Kind = Forbidden
	case status == http.StatusNotFound, status == http.StatusGone:
		e.Kind = NotFound
	case status == http.StatusBadRequest, status == http.StatusConflict, status == http.StatusUnprocessableEntity:
		e.Kind = Refused
	default:
		e.Kind = Unavailable
		if header.Get("Retry-After") != "" {
			e.RetryAt = w.app.clock().Add(waitOf(response))
		}
	}
	return e
}

// limited counts a wait from our clock: GitHub's may differ from it.
func (w *wire) limited(op string, response *http.Response, wait time.Duration) *Error {
	e := &Error{Op: op, Kind: Limited, RetryAt: w.app.clock().Add(min(max(wait, time.Second), longestWait))}
	if response != nil {
		e.Status = response.StatusCode
	}
	return e
}

// A limit's window is an hour; what asks for much more is a mistake.
const longestWait = 2 * time.Hour

// waitOf is how long GitHub asks to wait, by its own clock.
func waitOf(response *http.Response) time.Duration {
	now, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	after := response.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(after); err == nil {
		return time.Duration(min(max(seconds, 0), int(longestWait/time.Second))) * time.Second
	}
	if at, err := http.ParseTime(after); err == nil {
		return at.Sub(now)
	}
	if reset, err := strconv.ParseInt(response.Header.Get("X-RateLimit-Reset"), 10, 64); err == nil &&
		response.Header.Get("X-RateLimit-Remaining") == "0" {
		return time.Unix(reset, 0).Sub(now)
	}
	return time.Minute
}
