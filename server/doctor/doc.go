// Package doctor examines an installation: GitHub's side, this machine, and
// what lies between them. In go settings, out come lines: what holds, what
// does not, and what to do about it. It writes nothing that stays; the only
// thing that it sends is a signed ping to the App's own webhook address.
package doctor
