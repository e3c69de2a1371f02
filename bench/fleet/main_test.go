package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countersign-dev/countersign/bench/synthetic"
)

func TestFleetSaysWhatItWrote(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "fleet")
	var out bytes.Buffer
	if err := run(t.Context(), []string{"-clusters", "5", dir}, &out); err != nil {
		t.Fatal(err)
	}
	for _, branch := range synthetic.Branches(5) {
		if !strings.Contains(out.String(), "  "+branch.Name+" ") {
			t.Errorf("%q does not name branch %s", out.String(), branch.Name)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, synthetic.Cluster(4), "kustomization.yaml")); err != nil {
		t.Error(err)
	}
}

func TestFleetRefuses(t *testing.T) {
	for _, args := range [][]string{{}, {"a", "b"}, {"-clusters", "x", "a"}, {"-clusters", "0", t.TempDir()}} {
		if err := run(t.Context(), args, &bytes.Buffer{}); err == nil {
			t.Errorf("%v is accepted", args)
		}
	}
}
