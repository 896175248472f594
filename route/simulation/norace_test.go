//go:build !race

package simulation

// underRace is whether the race detector watches, which takes ten times as long.
const underRace = false
