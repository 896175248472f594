package catalog

import (
	"crypto/sha256"
	"sync"
	"time"
)

// Overlays merges live lists over a catalogue, for many users that may have the same lists: a
// catalogue takes some 400 KB, and clients can send any number of credentials of one account.
type Overlays struct {
	base  *Catalogue
	limit int64

	mu      sync.Mutex
	known   map[[sha256.Size]byte]*overlay
	bounded int64 // bytes of those with only bounded users
}

// overlay is a catalogue and the number of its users.
type overlay struct {
	key     [sha256.Size]byte
	size    int64
	users   int
	counted bool // among bounded

	make sync.Once
	made *Catalogue
}

// NewOverlays returns Overlays over base. Bounded users together have at most limit bytes.
func NewOverlays(base *Catalogue, limit int64) *Overlays {
	return &Overlays{base: base, limit: limit, known: map[[sha256.Size]byte]*overlay{}}
}

// Base is the catalogue without lists.
func (o *Overlays) Base() *Catalogue { return o.base }

// Lay returns Base().With(live...). Equal lists that were read within the same hour share one
// catalogue. end releases it. If there is no memory left for a bounded user, ok is false and the
// catalogue is the base.
func (o *Overlays) Lay(bounded bool, live ...*Live) (c *Catalogue, end func(), ok bool) {
	key, size, ok := fingerprint(live)
	if !ok {
		return o.base.With(live...), func() {}, true
	}
	o.mu.Lock()
	v := o.known[key]
	switch {
	case v == nil && bounded && o.bounded+size > o.limit:
		o.mu.Unlock()
		return o.base, func() {}, false
	case v == nil:
		v = &overlay{key: key, size: size, counted: bounded}
		o.known[key] = v
		if bounded {
			o.bounded += size
		}
	case v.counted && !bounded: // the operator's own do not take room from others
		v.counted = false
		o.bounded -= size
	}
	v.users++
	o.mu.Unlock()
	v.make.Do(func() { v.made = o.base.With(live...) })
	return v.made, sync.OnceFunc(func() { o.end(v) }), true
}

func (o *Overlays) end(v *overlay) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if v.users--; v.users > 0 {
		return
	}
	delete(o.known, v.key)
	if v.counted {
		o.bounded -= v.size
	}
}

// The size of a catalogue in bytes, by itself and for each row of a list, as measured with 184
// models and 155 profiles of one region.
const (
	overlaySize = 96 << 10
	rowSize     = 1 << 10
)

// fingerprint identifies lists by what With makes of them, and estimates the memory that takes.
func fingerprint(live []*Live) (key [sha256.Size]byte, size int64, ok bool) {
	h := sha256.New()
	size = overlaySize
	for _, l := range live {
		if l == nil {
			continue
		}
		same := *l
		same.Account, same.At = "", l.At.UTC().Truncate(time.Hour)
		data, err := same.Encode()
		if err != nil {
			return key, 0, false
		}
		_, _ = h.Write(data) // a hash takes everything
		_, _ = h.Write([]byte{'\n'})
		size += rowSize * int64(len(l.Models.Value)+len(l.Profiles.Value)+len(l.Availability)+len(l.BaseModel))
	}
	h.Sum(key[:0])
	return key, size, true
}
