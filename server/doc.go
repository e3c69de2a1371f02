// Package server is the GitHub App: it joins webhook, work, review and sweep
// behind two HTTP listeners.
//
// In go settings; out come checks on pull requests. It refuses to start on
// what is missing or weak, each with a remedy, and stops within 25 seconds
// without losing what it accepted.
package server
