package closure

import (
	"net/url"

	"sigs.k8s.io/kustomize/api/resource"
)

// remoteFile reports whether kustomize would ask a web server for a file of
// this name. The name comes from the pull request.
func remoteFile(name string) bool {
	u, err := url.Parse(name)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

// remoteFolder reports whether kustomize would run git for a folder of this
// name: a URL, the scp form, github.com/owner/repository. It asks kustomize's
// own parser, by the one door that is open, so that the two cannot differ:
// an origin gets a repository exactly when the name is taken for one.
func remoteFolder(name string) bool {
	return new(resource.Origin).Append(name).Repo != ""
}
