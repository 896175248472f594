// Package levenshtein computes the distance between words, for hints such as "did you mean".
package levenshtein

import "strings"

// room is the longest second word for which Distance does not allocate.
const room = 128

// Distance is the number of bytes to insert, delete or replace to turn a into b. Its time is the
// product of the two lengths.
func Distance(a, b string) int {
	var local [room + 1]int
	row := local[:]
	if len(b) > room {
		row = make([]int, len(b)+1)
	}
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

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

// longest is the length from which names are not compared, in bytes.
const longest = 64

// Nearest returns the word that a misspelled name stands for; empty if none is close: a slip in four letters, at most
// two. Letter case, _ and - do not count.
func Nearest(name string, words []string) string {
	plain := func(s string) string { return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(s)) }
	word := plain(name)
	if len(word) > longest {
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
