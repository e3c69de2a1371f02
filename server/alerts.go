package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/countersign-dev/countersign/server/sweep"
)

// alerts tells the receivers of the settings what people must look at now.
type alerts struct {
	client    *http.Client
	transport *http.Transport
	receivers map[string]string
	metrics   *metrics
}

func newAlerts(receivers map[string]string, m *metrics) *alerts {
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, IdleConnTimeout: 10 * time.Second}
	return &alerts{
		transport: transport,
		client: &http.Client{Transport: transport, Timeout: 5 * time.Second,
			// A redirect would carry the alert where the operator did not send it.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		receivers: receivers, metrics: m,
	}
}

func (a *alerts) close() error {
	a.transport.CloseIdleConnections()
	return nil
}

// send posts an alert as JSON to its receiver, or to all where it names none
// that is known: better one too many than none. An error means that it is to
// be sent again.
func (a *alerts) send(ctx context.Context, alert sweep.Alert) error {
	names := []string{alert.Receiver}
	if a.receivers[alert.Receiver] == "" {
		names = slices.Sorted(maps.Keys(a.receivers))
	}
	body, err := json.Marshal(alert)
	if err != nil {
		return fmt.Errorf("write the alert: %w", err)
	}
	var errs []error
	for _, name := range names {
		errs = append(errs, a.post(ctx, name, body))
	}
	err = errors.Join(errs...)
	a.metrics.alerted(alert.Kind, err)
	return err
}

// post never shows a receiver's address, which may hold a token.
func (a *alerts) post(ctx context.Context, name string, body []byte) error {
	failed := func(why string) error { return fmt.Errorf("alert receiver %q: %s", name, why) }
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.receivers[name], bytes.NewReader(body))
	if err != nil {
		return failed("its address cannot be used")
	}
	request.Header.Set("Content-Type", "application/json")
	answer, err := a.client.Do(request)
	if err != nil {
		return failed("it cannot be reached")
	}
	defer answer.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)); err != nil {
		return failed("its answer broke off")
	}
	if answer.StatusCode/100 != 2 {
		return failed("it answered " + answer.Status)
	}
	return nil
}
