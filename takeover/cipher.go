package takeover

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"golang.org/x/crypto/nacl/secretbox"
)

// ErrWrongKey is returned if no value of the models and credentials can be decrypted.
var ErrWrongKey = errors.New("no value of LiteLLM's models and credentials can be decrypted with the salt key or the master key")

// errSealed says that a value cannot be decrypted.
var errSealed = errors.New("it cannot be decrypted")

// Secrets decrypts the values of LiteLLM's models and credentials. It prints nothing.
type Secrets struct{ keys [][32]byte }

// NewSecrets takes the keys that LiteLLM may have encrypted with, the likeliest first: its salt key, and its master key, which
// it takes where there is no salt key. Empty ones are none.
func NewSecrets(secrets ...string) *Secrets {
	s := &Secrets{}
	for _, secret := range secrets {
		if secret != "" {
			s.keys = append(s.keys, sha256.Sum256([]byte(secret)))
		}
	}
	return s
}

// String says that it has secrets, and not which.
func (s *Secrets) String() string { return "[redacted]" }

// GoString is String.
func (s *Secrets) GoString() string { return s.String() }

// gcmPrefix begins values that are encrypted by AES-256-GCM
// (litellm/proxy/common_utils/encrypt_decrypt_utils.py).
const gcmPrefix = "v2:gcm:"

// open decrypts a value.
func (s *Secrets) open(text string) (string, error) {
	sealed, gcm := strings.CutPrefix(text, gcmPrefix)
	box, err := base64.URLEncoding.DecodeString(sealed)
	if err != nil { // old versions have written the usual alphabet
		if box, err = base64.StdEncoding.DecodeString(sealed); err != nil {
			return "", errSealed
		}
	}
	for i := range s.keys {
		if plain, ok := opened(&s.keys[i], box, gcm); ok {
			return string(plain), nil
		}
	}
	return "", errSealed
}

// opened decrypts a value with a key.
func opened(key *[32]byte, box []byte, gcm bool) ([]byte, bool) {
	if gcm {
		block, err := aes.NewCipher(key[:])
		if err != nil {
			return nil, false
		}
		aead, err := cipher.NewGCM(block)
		if err != nil || len(box) < aead.NonceSize() {
			return nil, false
		}
		plain, err := aead.Open(nil, box[:aead.NonceSize()], box[aead.NonceSize():], nil)
		return plain, err == nil
	}
	if len(box) < 24 {
		return nil, false
	}
	return secretbox.Open(nil, box[24:], (*[24]byte)(box[:24]), key)
}
