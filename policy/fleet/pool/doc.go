// Package pool counts the nodes that a pool of machines asks for.
//
// In go an object and the value of its replicas; out come a bounded number,
// whether it is known, and what stands there when it is not.
package pool
