// Package vector computes the emulator's embeddings and the scores of its rerankers. Both
// depend on words only, so that texts with common words are near each other, and the same
// text always has the same vector.
package vector

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
)

// Of returns the vector of a text, of unit length. A vector with fewer dimensions is the
// beginning of a longer one, scaled to unit length. Different spaces, such as models,
// have unrelated vectors.
func Of(space, text string, dimensions int) []float64 {
	v := make([]float64, dimensions)
	for _, word := range Words(text) {
		add(v, space+"\x00"+word, 1)
	}
	add(v, space+"\x00\x00"+text, ownShare)
	return Unit(v)
}

// ownShare is the weight of the whole text in its vector, so that different texts with
// the same words have different vectors.
const ownShare = 0.1

// OfBytes returns the vector of an image or another medium.
func OfBytes(space string, content []byte, dimensions int) []float64 {
	v := make([]float64, dimensions)
	sum := sha256.Sum256(content)
	add(v, space+"\x00\x00\x00"+string(sum[:]), 1)
	return Unit(v)
}

// add adds the pseudo-random direction of a seed.
func add(v []float64, seed string, weight float64) {
	sum := sha256.Sum256([]byte(seed))
	random := rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:]), binary.BigEndian.Uint64(sum[8:]))) //nolint:gosec // a direction is no secret
	for i := range v {
		v[i] += weight * random.NormFloat64()
	}
}

// Unit scales a vector to unit length, in place, and returns it; a zero vector is
// unchanged.
func Unit(v []float64) []float64 {
	var sum float64
	for _, x := range v {
		sum += x * x
	}
	if sum == 0 {
		return v
	}
	length := math.Sqrt(sum)
	for i := range v {
		v[i] /= length
	}
	return v
}

// Words returns the words of a text in lower case.
func Words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// Result is the index of a document and its relevance.
type Result struct {
	Index int
	Score float64
}

// Rerank scores documents by the words that they share with a query, and returns them
// with the most relevant first; equal ones keep their order.
func Rerank(query string, documents []string) []Result {
	asked := set(query)
	results := make([]Result, len(documents))
	for i, d := range documents {
		results[i] = Result{i, relevance(asked, set(d))}
	}
	slices.SortStableFunc(results, func(a, b Result) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		default:
			return 0
		}
	})
	return results
}

// Bounds of a score.
const (
	leastScore = 0.001
	mostScore  = 0.999
	// coverShare is the weight of the share of the query's words that a document has; the
	// rest is the weight of the similarity of both sets of words.
	coverShare = 0.8
)

func relevance(asked, document map[string]bool) float64 {
	common := 0
	for word := range asked {
		if document[word] {
			common++
		}
	}
	if common == 0 {
		return leastScore
	}
	cover := float64(common) / float64(len(asked))
	alike := float64(common) / float64(len(asked)+len(document)-common)
	score := coverShare*cover + (1-coverShare)*alike
	return leastScore + (mostScore-leastScore)*math.Round(score*1e6)/1e6
}

func set(text string) map[string]bool {
	words := map[string]bool{}
	for _, w := range Words(text) {
		words[w] = true
	}
	return words
}
