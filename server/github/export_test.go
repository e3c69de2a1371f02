package github

import "time"

// WithTimeout gives requests of clients that are made later another time.
func WithTimeout(a *App, timeout time.Duration) *App {
	a.timeout = timeout
	return a
}
