// Package limits contains tests of keys, budgets and limits from outside: processes of the program, with a data folder
// each, on one PostgreSQL or alone on SQLite, before a Bedrock that counts what reaches it.
//
// TestNothingIsLostWhenProcessesAreKilled kills a dozen gateways and a dozen databases; OUTCROP_KILLS is another number.
// TestManyKeysCostLittleMemory calls with 4,000 of 5,000 keys; OUTCROP_KEYS is another number, such as 100000.
//
// It contains only tests.
package limits
