package signin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
)

// Sealer encrypts what a gateway gives to browsers and programs, and gets back from them, so that replicas need not share
// what a sign-in is in the middle of. Replicas with the same secret open what another has sealed.
type Sealer struct{ aead cipher.AEAD }

// NewSealer makes a sealer from a secret, such as the master key.
func NewSealer(secret string) (*Sealer, error) {
	key, err := hkdf.Key(sha256.New, []byte(secret), nil, "outcrop sign-in", 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, err
	}
	return &Sealer{aead}, nil
}

// Seal encrypts a text for a purpose, in URL-safe characters.
func (s *Sealer) Seal(purpose string, text []byte) string {
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nil, nil, text, []byte(purpose))) //nolint:gosec // the AEAD makes its own nonces
}

var errUnsealed = errors.New("it was not sealed by this gateway for this purpose")

// Open decrypts what Seal has encrypted for the same purpose.
func (s *Sealer) Open(purpose, sealed string) ([]byte, error) {
	box, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil {
		return nil, errUnsealed
	}
	text, err := s.aead.Open(nil, nil, box, []byte(purpose))
	if err != nil {
		return nil, errUnsealed
	}
	return text, nil
}

// payload is the claims of a token, whose signature is not checked.
func payload(token string) ([]byte, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > maxDocument {
		return nil, errors.New("the ID token is no signed token")
	}
	claims, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil {
		return nil, errors.New("the ID token cannot be decoded")
	}
	return claims, nil
}
