//go:build race

package e2e

// underRace is whether the race detector watches, whose frames make stacks twice as large.
const underRace = true
