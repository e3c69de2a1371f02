// Package enginetest makes inputs for rules' tests out of plain manifests, as
// a review would without kustomize: objects are canonical, secrets masked,
// nested documents unpacked, placeholder defaults applied, references resolved
// and changes found by the packages that do so for reviews. In go example
// files, out come inputs. It runs in this process without walls, so it is for
// tests and for authors of rules: nothing here sees a pull request.
package enginetest
