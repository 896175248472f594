// Package roundtrip holds tests that send one set of conversations through every frontend to every kind
// of provider, non-streaming and streaming, and compare what arrives with what was said: at the
// provider, and in the response at the client. The dialects here are written for these tests and share
// no code with the gateway beyond the framing of AWS's streams.
//
// A new provider is a line of upstreams, a new frontend one of doors, and what a dialect has no place
// for is a line of its cannot, with the reason.
package roundtrip
