package diagnose

import "strings"

// What of a request a message repeats is told by pieces of this many bytes, so that
// names of fields and short values stay legible; of long requests the beginning
// and the end are looked at.
const (
	pieceLen = 24
	maxSeen  = 2 << 20
)

// withoutRepeats gives a message without what it repeats of a request's body, and
// whether there was any.
func withoutRepeats(message string, body []byte) (string, bool) {
	if len(message) < pieceLen || len(body) < pieceLen {
		return message, false
	}
	pieces := make(map[[pieceLen]byte][]int, len(message))
	for i := 0; i+pieceLen <= len(message); i++ {
		key := [pieceLen]byte([]byte(message[i : i+pieceLen]))
		pieces[key] = append(pieces[key], i)
	}
	repeated := make([]bool, len(message))
	found := false
	look := func(part []byte) {
		for i := 0; i+pieceLen <= len(part); i++ {
			for _, at := range pieces[[pieceLen]byte(part[i:i+pieceLen])] {
				found = true
				for j := range pieceLen {
					repeated[at+j] = true
				}
			}
		}
	}
	if len(body) <= 2*maxSeen {
		look(body)
	} else {
		look(body[:maxSeen])
		look(body[len(body)-maxSeen:])
	}
	if !found {
		return message, false
	}
	var b strings.Builder
	for i := range len(message) {
		switch {
		case !repeated[i]:
			b.WriteByte(message[i])
		case i == 0 || !repeated[i-1]:
			b.WriteString("…")
		}
	}
	return strings.ToValidUTF8(b.String(), "…"), true
}
