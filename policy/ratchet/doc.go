// Package ratchet sets what rules say of the head against what they say of the
// base: what stood there already is existing, unless it got worse.
//
// In go the hits of one fingerprint on both sides; out comes a [State] for each
// of the head's, and which of the base's are gone. Hits come from what a pull
// request holds: none may hide behind another, and in doubt a hit is new or
// worsened, for these block.
package ratchet
