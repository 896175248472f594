// Package llm is the common language inside Outcrop. Every dialect of a client or a provider is
// translated into it and out of it, so that N dialects need N translations and not N × N.
//
// A Request is a list of turns of content blocks, tools and settings. A response, streaming or not,
// is a sequence of Events; a complete Response is those events folded (Fold). Where a dialect
// cannot express something, the result is a Warning or, if leaving it out would change the meaning,
// an Error that names the field. Members without a field here are passed on unchanged.
//
// The package does no I/O.
package llm
