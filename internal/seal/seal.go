// Package seal encrypts texts as LiteLLM does, so that what its database has can be used as it is
// (litellm/proxy/common_utils/encrypt_decrypt_utils.py). The key is the SHA-256 of LITELLM_SALT_KEY or of the master key.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"

	"golang.org/x/crypto/nacl/secretbox"
)

// Errors of Seal and Open.
var (
	// ErrNoKey says that there is no key to encrypt with.
	ErrNoKey = errors.New("there is neither a salt key nor a master key to encrypt with")
	// ErrSealed says that a text cannot be decrypted.
	ErrSealed = errors.New("it cannot be decrypted")
)

// Keys encrypt with the first of them, and decrypt with each. They print nothing.
type Keys struct{ keys [][32]byte }

// NewKeys derives the keys from secrets, the likeliest first: LiteLLM's salt key, and its master key, which it takes
// where there is no salt key. Empty ones are none.
func NewKeys(secrets ...string) *Keys {
	s := &Keys{}
	for _, secret := range secrets {
		if secret != "" {
			s.keys = append(s.keys, sha256.Sum256([]byte(secret)))
		}
	}
	return s
}

// String says that it has secrets, and not which.
func (s *Keys) String() string { return "[redacted]" }

// GoString is String.
func (s *Keys) GoString() string { return s.String() }

// nonceSize is that of XSalsa20-Poly1305, LiteLLM's usual algorithm.
const nonceSize = 24

// Seal encrypts a text.
func (s *Keys) Seal(text string) (string, error) {
	if len(s.keys) == 0 {
		return "", ErrNoKey
	}
	var nonce [nonceSize]byte
	_, _ = rand.Read(nonce[:]) // it never fails
	return base64.URLEncoding.EncodeToString(secretbox.Seal(nonce[:], []byte(text), &nonce, &s.keys[0])), nil
}

// gcmPrefix begins values that are encrypted by AES-256-GCM
// (litellm/proxy/common_utils/encrypt_decrypt_utils.py).
const gcmPrefix = "v2:gcm:"

// Open decrypts a text; ErrSealed if no key fits.
func (s *Keys) Open(text string) (string, error) {
	sealed, gcm := strings.CutPrefix(text, gcmPrefix)
	box, err := base64.URLEncoding.DecodeString(sealed)
	if err != nil { // old versions have written the usual alphabet
		if box, err = base64.StdEncoding.DecodeString(sealed); err != nil {
			return "", ErrSealed
		}
	}
	for i := range s.keys {
		if plain, ok := opened(&s.keys[i], box, gcm); ok {
			return string(plain), nil
		}
	}
	return "", ErrSealed
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
	if len(box) < nonceSize {
		return nil, false
	}
	return secretbox.Open(nil, box[nonceSize:], (*[nonceSize]byte)(box[:nonceSize]), key)
}
