package converse

import (
	"hash/fnv"
	"strings"
)

// ownIDs is how ids of tool calls begin that Bedrock has made. Every model takes them.
const ownIDs = "tooluse_"

// idLength is how many letters and digits Mistral's ids of tool calls have.
const idLength = 9

// idForm is the form of the ids of tool calls that a model takes.
type idForm struct{ nine bool }

// takes reports whether an id can be sent as it is.
func (f idForm) takes(id string) bool {
	if !legal(id, "-.:") {
		return false
	}
	return !f.nine || strings.HasPrefix(id, ownIDs) && len(id) > len(ownIDs)+idLength || len(id) == idLength && alphanumeric(id)
}

func alphanumeric(s string) bool {
	for i := range len(s) {
		if s[i] == '_' || !legalByte(s[i], "") {
			return false
		}
	}
	return true
}

// allocate gives each id that cannot be sent one that can, and that no other has.
func (f idForm) allocate(l *lot) map[string]string {
	if l == nil || !f.nine {
		return allocate(l, "call", "-.:")
	}
	sent := make(map[string]string, len(l.bad))
	for _, id := range l.bad {
		pick := ""
		for try := 0; pick == "" || l.taken[pick]; try++ {
			pick = nineOf(id + strings.Repeat("'", try))
		}
		l.taken[pick] = true
		sent[id] = pick
	}
	return sent
}

// nineOf makes nine letters and digits of an id.
func nineOf(id string) string {
	const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	h := fnv.New64a()
	_, _ = h.Write([]byte(id)) // it has no error
	sum := h.Sum64()
	var nine [idLength]byte
	for i := range nine {
		nine[i] = digits[sum%uint64(len(digits))]
		sum /= uint64(len(digits))
	}
	return string(nine[:])
}
