package worker

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	// KeyVariable is the environment variable that holds the key in place of
	// the file.
	KeyVariable = "COUNTERSIGN_HMAC_KEY"
	minKey      = 32
	maxKey      = 4096
)

// Key returns the HMAC key that stands for secret values, and a name for it
// that does not reveal it: from the variable [KeyVariable] where that is set,
// else from the file at path, which is made with a random key at first use.
// path "" is the user's own: countersign/hmac.key in their config folder. The
// text of either is the key, at least 32 characters. Errors say what to do:
// the file can be read by others, is too short, or cannot be made.
func Key(path string) (key []byte, id string, err error) {
	if text := os.Getenv(KeyVariable); text != "" {
		return keyOf(text, KeyVariable)
	}
	if path == "" {
		folder, err := os.UserConfigDir()
		if err != nil {
			return nil, "", fmt.Errorf("find a place for the HMAC key: %w; set %s", err, KeyVariable)
		}
		path = filepath.Join(folder, "countersign", "hmac.key")
	}
	text, err := readKey(path)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeKey(path); err != nil {
			return nil, "", fmt.Errorf("make the HMAC key %s: %w; set %s", path, err, KeyVariable)
		}
		text, err = readKey(path)
	}
	if err != nil {
		return nil, "", fmt.Errorf("read the HMAC key: %w", err)
	}
	return keyOf(text, path)
}

func keyOf(text, where string) ([]byte, string, error) {
	text = strings.TrimSpace(text)
	if len(text) < minKey || len(text) > maxKey {
		return nil, "", fmt.Errorf("the HMAC key in %s has %d characters, needs %d to %d: %s",
			where, len(text), minKey, maxKey, `write the output of "openssl rand -hex 32" there`)
	}
	key := []byte(text)
	return key, KeyID(key), nil
}

// KeyID names an HMAC key without revealing it.
func KeyID(key []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("countersign: the name of this key"))
	return hex.EncodeToString(mac.Sum(nil)[:6])
}

func readKey(path string) (string, error) {
	stat, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if !stat.Mode().IsRegular() || stat.Size() > maxKey+2 {
		return "", fmt.Errorf("%s is no key file", path)
	}
	if runtime.GOOS != "windows" && stat.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%s can be read by others: run \"chmod 600\" on it", path)
	}
	text, err := os.ReadFile(path)
	return string(text), err
}

// makeKey writes a random key under another name first, so that nobody reads
// half a key, and two that begin at the same time end with the same one.
func makeKey(path string) (err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	draft, err := os.CreateTemp(filepath.Dir(path), "hmac-*.key")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(draft.Name())) }()
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return errors.Join(err, draft.Close())
	}
	_, err = draft.WriteString(hex.EncodeToString(random) + "\n")
	if err := errors.Join(err, draft.Sync(), draft.Close()); err != nil {
		return err
	}
	if err := os.Link(draft.Name(), path); !errors.Is(err, fs.ErrExist) {
		return err
	}
	return nil
}
