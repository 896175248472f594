// Package llm is the one language inside Outcrop. Every dialect that a client
// or a provider speaks is translated into it and out of it, so that N dialects
// meet in one form and not in N × N pairs.
//
// A Request is a list of turns of content blocks, tools and settings. An
// answer, streamed or not, is a sequence of Events; a whole Response is those
// events folded (Fold). What a dialect cannot say is a Warning or, where leaving
// it out would change the meaning, an Error that names the field. Members that
// no field fits ride along as they came.
//
// The package does no I/O.
package llm
