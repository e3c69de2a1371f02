package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// A shorter secret can be guessed from one delivery.
const minSecret = 16

// parseSignature reads the one form in which GitHub signs: "sha256=" and 64
// lower-case hexadecimal digits. Two headers are none: nobody could say which
// one the proxy before us believed.
func parseSignature(values []string) (given [sha256.Size]byte, ok bool) {
	if len(values) != 1 {
		return given, false
	}
	digits, found := strings.CutPrefix(values[0], "sha256=")
	if !found || len(digits) != 2*sha256.Size || strings.ToLower(digits) != digits {
		return given, false
	}
	n, err := hex.Decode(given[:], []byte(digits))
	return given, err == nil && n == sha256.Size
}

// verify reports whether one of the secrets signed the body. Every secret is
// tried, so that time does not tell which one fits. A weak secret fits nothing,
// and neither does a good one beside it: the settings are wrong.
func verify(secrets []string, body []byte, given [sha256.Size]byte) bool {
	fits := false
	for _, secret := range secrets {
		if len(secret) < minSecret {
			return false
		}
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write(body)
		if hmac.Equal(mac.Sum(nil), given[:]) {
			fits = true
		}
	}
	return fits
}
