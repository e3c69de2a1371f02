package closure

import "testing"

func TestRemoteNames(t *testing.T) {
	for _, tc := range []struct {
		name         string
		file, folder bool
	}{
		{"../base", false, false},
		{"base.yaml", false, false},
		{"https://example.com/a.yaml", true, false},
		{"HTTPS://example.com/org/repo", true, true},
		{"http://169.254.169.254/latest/meta-data", true, true},
		{"git::https://example.com/org/repo.git//deploy?ref=v1", false, true},
		{"git@github.com:org/repo.git", false, true},
		{"git@github.com:org/repo", false, true},
		{"org-1@example.com:org/repo", false, true},
		{"github.com/org/repo", false, true},
		{"GitHub.com/org/repo/deploy?ref=main", false, true},
		{"github.com:org/repo", false, true},
		{"github.com/org", false, false},
		{"ssh://git@example.com/org/repo", false, true},
		{"file:///etc/repo", false, true},
		{"team@site", false, false},
		{"team@site/app", false, false},
		{"team@site/app/eu", false, true},
		{"example.com/org/repo?ref=main", false, false},
		{"/abs/github.com/org/repo", false, false},
		{"https://dev.azure.com/org/project/_git/repo/path", true, true},
		{"github.com/org/repo//../..", false, false},
		{" https://example.com/x", false, false},
	} {
		if got := remoteFile(tc.name); got != tc.file {
			t.Errorf("remoteFile(%q) = %v", tc.name, got)
		}
		if got := remoteFolder(tc.name); got != tc.folder {
			t.Errorf("remoteFolder(%q) = %v", tc.name, got)
		}
	}
}
