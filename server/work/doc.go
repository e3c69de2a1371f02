// Package work runs what is due: it claims targets from the store, runs each
// under a lease that it keeps alive, and settles.
//
// One target runs in one place at a time. A newer push cancels the run of an
// older one (context.Cause is ErrSuperseded) and the target runs again at
// once; work on a repository or an installation as a whole is never cancelled
// so, for in a busy one it would not come to an end. Failures back off;
// GitHub's Retry-After delays the installation; after five attempts a target is
// parked, and the runner is asked to say so where people see it. A panic is a
// failure like others.
//
// Nothing is lost with the process: what it held is claimed again when its
// leases run out. Who lost a lease is cancelled and settles nothing.
package work
