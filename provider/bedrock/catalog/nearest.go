package catalog

import (
	"cmp"
	"slices"
)

// longest bounds the ids that are compared, in bytes; none of AWS's comes near.
const longest = 128

// Nearest gives the n ids of models and profiles that look most like an id that
// nobody knows, the nearest first. An id whose version and day were left out is
// near to it. It is for error messages: it compares with every id there is,
// which takes a few milliseconds.
func (c *Catalogue) Nearest(id string, n int) []string {
	if len(id) > longest {
		id = id[:longest]
	}
	type candidate struct {
		id  string
		far int
	}
	var all []candidate
	add := func(known, prefix, base string) {
		// Twice the distance, so that there is room for one less than a letter: what
		// only lacks version and day goes after what is the same.
		far := 2 * distance(id, known)
		if s := takeApart(base); s.name != "" {
			short := prefix + s.vendor + "." + s.name
			far = min(far, 2*distance(id, short)+1)
		}
		all = append(all, candidate{known, far})
	}
	for _, m := range c.all {
		add(m.ID, "", m.ID)
	}
	for known, p := range c.profiles {
		if !p.Application && known == p.ID {
			add(known, p.Prefix+".", p.Base)
		}
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.far, b.far), cmp.Compare(a.id, b.id)) })
	ids := make([]string, 0, n)
	for _, c := range all[:min(n, len(all))] {
		ids = append(ids, c.id)
	}
	return ids
}

// distance is how many bytes must be put in, taken out or replaced to make b
// from a (Levenshtein).
func distance(a, b string) int {
	if len(b) > longest {
		b = b[:longest]
	}
	var row [longest + 1]int
	for j := range len(b) + 1 {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := corner
			if a[i] != b[j] {
				change++
			}
			corner = row[j+1]
			row[j+1] = min(change, row[j]+1, corner+1)
		}
	}
	return row[len(b)]
}
