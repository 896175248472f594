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

// maxKeys bounds how many derived keys a Signer keeps. A gateway has one for
// each pair of credentials and region; beyond the bound it starts anew.
const maxKeys = 1024

// keyring is a set of derived keys of one day; it is never written to once it
// is shared.
type keyring struct {
	day  int64 // days since 1970
	keys map[keyID]*signingKey
}

type keyID struct{ secret, region, service string }

// key gives the signing key for a scope, from the kept ones if it is among them.
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

// signingKey makes signatures with one derived key. It is safe for use by many
// goroutines.
type signingKey struct {
	key  []byte
	macs sync.Pool // of *mac: an HMAC that was used before skips hashing its key
}

type mac struct {
	hash hash.Hash
	sum  [sha256.Size]byte
}

// deriveKey makes the signing key of a day, written 20060102.
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

// sum gives the HMAC of message in hexadecimal.
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
