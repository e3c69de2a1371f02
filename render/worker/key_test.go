package worker

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestKey(t *testing.T) {
	t.Setenv(KeyVariable, "")
	file := filepath.Join(t.TempDir(), "sub", "hmac.key")
	made, name, err := Key(file)
	if err != nil || len(made) != 64 || len(name) != 12 || bytes.Contains(made, []byte(name)) {
		t.Fatalf("%q %q %v", made, name, err)
	}
	stat, err := os.Stat(file)
	if err != nil || stat.Mode().Perm() != 0o600 {
		t.Fatal(stat.Mode(), err)
	}
	if again, same, err := Key(file); err != nil || !bytes.Equal(again, made) || same != name {
		t.Errorf("the second use: %q %q %v", again, same, err)
	}
	if entries, err := os.ReadDir(filepath.Dir(file)); err != nil || len(entries) != 1 {
		t.Errorf("left behind: %v %v", entries, err)
	}
	t.Setenv(KeyVariable, string(made))
	if _, same, err := Key("/nowhere"); err != nil || same != name {
		t.Errorf("the same key by the variable: %q %v", same, err)
	}
	t.Setenv(KeyVariable, "short")
	if _, _, err := Key(file); err == nil || strings.Contains(err.Error(), "short") {
		t.Errorf("a short key: %v", err)
	}
	t.Setenv(KeyVariable, "")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Key(file); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read: %v", err)
	}
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	if _, _, err := Key(""); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "countersign", "hmac.key")); err != nil {
		t.Error(err)
	}
	if _, err := New(t.Context(), Options{Key: []byte("short")}); err == nil {
		t.Error("a pool with a short key")
	}
}

// Two that begin at the same time end with one key.
func TestKeyRace(t *testing.T) {
	t.Setenv(KeyVariable, "")
	file := filepath.Join(t.TempDir(), "hmac.key")
	names := make([]string, 8)
	var all sync.WaitGroup
	for i := range names {
		all.Go(func() {
			var err error
			if _, names[i], err = Key(file); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if len(slices.Compact(names)) != 1 {
		t.Errorf("keys %q", names)
	}
}
