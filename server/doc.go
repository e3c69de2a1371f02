// Package server is the GitHub App: it joins webhook, work, review and sweep
// behind two HTTP listeners.
//
// In go settings; out come checks on pull requests. It refuses to start on
// what is missing or weak, each with a remedy, and stops within 25 seconds
// without losing what it accepted.
//
// What must stay true: a webhook is accepted from the first moment on, whether
// or not GitHub can be reached, and what it woke waits in the store until it
// can; nothing is published before the App knows who it is; after Run returned
// no goroutine, process or file is left.
package server
