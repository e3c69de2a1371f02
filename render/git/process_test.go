package git

import (
	"encoding/hex"
	"os"
	"strconv"
	"syscall"
	"testing"
)

func signalStop(t testing.TB, p *os.Process) {
	t.Helper()
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
}

func decimal(n int) string { return strconv.Itoa(n) }

func unhex(t testing.TB, id string) string {
	t.Helper()
	raw, err := hex.DecodeString(id)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
