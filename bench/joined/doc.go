// Package joined joins the rooms of the program in one process, as a server
// that has been running for a while would have them: render children started,
// rules loaded, repository open. In go revisions, out come assessments. It
// measures nothing itself.
package joined
