package levenshtein

import "strings"

// Swapped reports whether b is a with two neighbouring bytes in each other's place, a slip that Distance counts as
// two.
func Swapped(a, b string) bool {
	if len(a) != len(b) {
		return false
	}
	i := 0
	for i < len(a) && a[i] == b[i] {
		i++
	}
	return i+1 < len(a) && a[i] == b[i+1] && a[i+1] == b[i] && a[i+2:] == b[i+2:]
}

// longestName is the length from which names are not compared, in bytes.
const longestName = 64

// Meant returns the word that a misspelled name stands for; empty if none is close: a slip in four letters, at most
// two. Letter case, _ and - do not count.
func Meant(name string, words []string) string {
	plain := func(s string) string { return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(s)) }
	word := plain(name)
	if len(word) > longestName {
		return ""
	}
	best, far := "", min(2, len(word)/4)+1
	for _, w := range words {
		p := plain(w)
		d := Distance(word, p)
		if d == 2 && Swapped(word, p) {
			d = 1
		}
		if d < far && w != name {
			best, far = w, d
		}
	}
	return best
}
