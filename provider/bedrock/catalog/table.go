package catalog

// table finds the places of keys in a list. It does what a map does, but can be laid out by a compiler. The keys are
// those of the data and of an account's lists, so that nobody can choose them to collide.
type table struct {
	keys []string
	// slots has for each key its place in keys plus 1, at its hash or in the next free slot behind that. Their number is
	// a power of two, and at least half of them are free.
	slots []uint32
}

// tableOf makes the table of keys that differ.
func tableOf(keys []string) table {
	size := 2
	for size < 2*len(keys) {
		size *= 2
	}
	t := table{keys, make([]uint32, size)}
	for i, key := range keys {
		at := int(hash(key)) & (size - 1)
		for t.slots[at] != 0 {
			at = (at + 1) & (size - 1)
		}
		t.slots[at] = uint32(i) + 1
	}
	return t
}

// find returns the place of a key in the list.
func find[K string | []byte](t *table, key K) (place int, ok bool) {
	if len(t.slots) == 0 {
		return 0, false
	}
	last := len(t.slots) - 1
	for at := int(hash(key)) & last; ; at = (at + 1) & last {
		switch place := int(t.slots[at]) - 1; {
		case place < 0:
			return 0, false
		case t.keys[place] == string(key):
			return place, true
		}
	}
}

// hash is the same in every process, and takes eight bytes at a time.
func hash[K string | []byte](key K) uint32 {
	const odd = 0x9e3779b97f4a7c15 // 2⁶⁴ by the golden ratio
	h := uint64(len(key))
	if len(key) >= 8 {
		for i := 0; i+8 < len(key); i += 8 {
			h = (h ^ word(key, i)) * odd
			h ^= h >> 32
		}
		h = (h ^ word(key, len(key)-8)) * odd
	} else {
		for i := range len(key) {
			h = (h ^ uint64(key[i])) * odd
		}
	}
	return uint32(h >> 32)
}

// word returns the eight bytes from a place on.
func word[K string | []byte](key K, at int) uint64 {
	b := key[at : at+8]
	return uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32 | uint64(b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
}
