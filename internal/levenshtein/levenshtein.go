// Package levenshtein tells how far one word is from another, for hints at what was
// meant.
package levenshtein

// room is the longest second word for which Distance allocates nothing.
const room = 128

// Distance counts the bytes that must be put in, taken out or replaced to make b of a.
// Its time is the product of the two lengths.
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
