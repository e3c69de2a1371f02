package main

import (
	"os"
	"testing"

	"github.com/countersign-dev/countersign/render/child"
)

// testKey stands for a user's HMAC key, so that tests leave their config alone.
const testKey = "a key for tests alone, of more than 32 characters"

// TestMain lets the test binary be the server and its own render child, as the
// program is.
func TestMain(m *testing.M) {
	child.Enter(renderChild)
	if len(os.Args) == 2 && os.Args[1] == "serve" {
		main()
		return
	}
	os.Setenv("COUNTERSIGN_HMAC_KEY", testKey)
	os.Exit(m.Run())
}
