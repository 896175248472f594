package bedrock

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
)

// ids generates the identifiers of one emulator: the same sequence for the same seed.
type ids struct {
	mu     sync.Mutex
	random *rand.Rand
}

func newIDs(seed uint64) *ids {
	return &ids{random: rand.New(rand.NewPCG(seed, 0x6f7574_63726f70))} //nolint:gosec // identifiers, not secrets
}

func (s *ids) bytes() (b [16]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	binary.BigEndian.PutUint64(b[:8], s.random.Uint64())
	binary.BigEndian.PutUint64(b[8:], s.random.Uint64())
	return b
}

// uuid returns a random UUID (RFC 9562, version 4), the form of x-amzn-RequestId.
func (s *ids) uuid() string {
	b := s.bytes()
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// token returns 22 characters of the URL-safe base64 alphabet.
func (s *ids) token() string {
	b := s.bytes()
	return base64.RawURLEncoding.EncodeToString(b[:])
}
