//go:build !race

package openaichat_test

// spare is how many allocations a test allows beyond what it counts on.
const spare = 0
