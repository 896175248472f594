package llm

import "outcrop/internal/jsonx"

// RerankRequest is one call for the relevance of documents to a query (VerbRerank).
type RerankRequest struct {
	Call
	Query     string
	Documents []Document
	// TopN is how many results are returned; unset for all documents.
	TopN Opt[int64]
	// RankFields are the members of structured documents that are compared with the query; empty for
	// the target's default.
	RankFields []string
	// MaxTokensPerDoc is how many tokens of a document are read, and MaxChunksPerDoc into how many
	// chunks a long one is divided.
	MaxTokensPerDoc, MaxChunksPerDoc Opt[int64]
	// ModelFields are parameters that are specific to the model, by name.
	ModelFields []jsonx.Member
}

// Document is a text or a JSON object. Exactly one of Text and JSON is set; both are empty for an
// empty text.
type Document struct {
	Text string
	JSON jsonx.Raw
}

// RerankResponse is the response to a RerankRequest.
type RerankResponse struct {
	// Results are sorted by relevance, highest first.
	Results []Ranked
	// Usage has the search units, and the tokens if the provider reports them. Estimated is set if
	// the provider did not report the search units.
	Usage     Usage
	Estimated bool
	Meta      Meta
}

// Ranked is the relevance of one document.
type Ranked struct {
	// Index is the document's index in the request.
	Index int
	// Score is between 0 and 1.
	Score float64
}

// Metadata is r.Meta, for code that serves several kinds of response.
func (r *RerankResponse) Metadata() *Meta { return &r.Meta }
