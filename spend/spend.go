// Package spend writes what calls have cost to a journal on disk, and posts it to the store in batches. See
// docs/adr/0013-who-calls-and-what-is-left.md.
package spend
