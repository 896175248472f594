//go:build race

package openaichat_test

// spare is how many allocations a test allows beyond what it counts on: under the race
// detector a sync.Pool forgets at random.
const spare = 7
