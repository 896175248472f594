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

// longest is the longest word of which Nearest finds the nearest one.
const longest = 100

// Nearest is the candidate that the fewest bytes turn into a word; the first one of several, and empty if
// none needs less than a limit, or if the word is longer than 100 bytes. Capitals and spaces around the word
// do not count.
func Nearest(word string, candidates []string, limit int) string {
	word = strings.ToLower(strings.TrimSpace(word))
	if len(word) > longest {
		return ""
	}
	near := ""
	for _, c := range candidates {
		if far := Distance(word, c); far < limit {
			near, limit = c, far
		}
	}
	return near
}
