// Package reference knows where the objects of Cluster API and its providers
// name other objects, in all the shapes of the API versions in use.
//
// In go an object and its identity; out come the identities that it names,
// with the place and the purpose of each. Versions play no part: real fleets
// write wrong ones and the controllers do not mind.
package reference
