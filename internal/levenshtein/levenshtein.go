// Package levenshtein computes the distance between words, for hints such as "did you mean".
package levenshtein

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
