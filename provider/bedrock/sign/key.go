package sign

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"maps"
	"sync"
	"time"
)

// maxKeys limits how many derived keys a Signer keeps. A gateway has one for each pair
// of credentials and region; at the limit, the Signer starts again with none.
const maxKeys = 1024

// keyring is a set of derived keys of one day; it is immutable once shared.
type keyring struct {
	day  int64 // days since 1970
	keys map[keyID]*signingKey
}

type keyID struct{ secret, region, service string }

// key returns the signing key for a scope, a kept one if there is one.
func (s *Signer) key(secret string, now time.Time, region, service string) *signingKey {
	id := keyID{secret, region, service}
	day := now.Unix() / 86400
	ring := s.keys.Load()
	if ring != nil && ring.day == day {
		if k := ring.keys[id]; k != nil {
			return k
		}
	}

	s.adding.Lock()
	defer s.adding.Unlock()
	next := &keyring{day: day, keys: make(map[keyID]*signingKey)}
	if ring = s.keys.Load(); ring != nil && ring.day == day {
		if k := ring.keys[id]; k != nil {
			return k
		}
		if len(ring.keys) < maxKeys {
			maps.Copy(next.keys, ring.keys)
		}
	}
	k := deriveKey(secret, now.Format("20060102"), region, service)
	next.keys[id] = k
	s.keys.Store(next)
	return k
}

// signingKey makes signatures with one derived key. It is safe for concurrent use.
type signingKey struct {
	key  []byte
	macs sync.Pool // of *mac: a used HMAC need not hash its key again
}

type mac struct {
	hash hash.Hash
	sum  [sha256.Size]byte
}

// deriveKey derives the signing key of a day, in the format 20060102.
func deriveKey(secret, day, region, service string) *signingKey {
	k := hmacSum([]byte("AWS4"+secret), day)
	k = hmacSum(k, region)
	k = hmacSum(k, service)
	return &signingKey{key: hmacSum(k, terminator)}
}

func hmacSum(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

// sum returns the HMAC of message in hexadecimal.
func (k *signingKey) sum(message []byte) (signature [2 * sha256.Size]byte) {
	m, _ := k.macs.Get().(*mac)
	if m == nil {
		m = &mac{hash: hmac.New(sha256.New, k.key)}
	}
	m.hash.Reset()
	m.hash.Write(message)
	m.hash.Sum(m.sum[:0])
	hex.Encode(signature[:], m.sum[:])
	k.macs.Put(m)
	return signature
}
