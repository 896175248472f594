// Package cohererank implements Cohere's rerank format, versions 1 and 2, as LiteLLM serves it: it
// decodes requests into llm's form and encodes responses and errors from it.
//
// The format is described at https://docs.cohere.com/reference/rerank and
// https://docs.cohere.com/v1/reference/rerank; LiteLLM's at https://docs.litellm.ai/docs/rerank.
package cohererank

import (
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// Options change how a request is decoded.
type Options = litellm.Options

// Request is a decoded rerank request.
type Request struct {
	LLM llm.RerankRequest
	// ReturnDocuments is whether results contain their documents; copy it to the Envelope of the
	// response.
	ReturnDocuments bool
	// Warnings are about members that have no effect.
	Warnings []llm.Warning
}

// maxDocuments is Cohere's bound on the documents of a request.
const maxDocuments = 10_000

// wireRequest is the body. litellm.Options.Read reads the members that it does not name.
type wireRequest struct {
	Query           litellm.Optional[string] `json:"query"`
	Documents       documents                `json:"documents"`
	TopN            litellm.Optional[int64]  `json:"top_n"`
	RankFields      []string                 `json:"rank_fields"`
	ReturnDocuments bool                     `json:"return_documents"`
	MaxTokensPerDoc litellm.Optional[int64]  `json:"max_tokens_per_doc"`
	MaxChunksPerDoc litellm.Optional[int64]  `json:"max_chunks_per_doc"`
	Rest            jsonx.Raw                `json:",embed"`
}

// documents is a list of texts and objects.
type documents struct {
	given bool
	all   []llm.Document
}

func (l *documents) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '[':
	default:
		return jsonx.Fault("must be an array, not %s", jsonx.KindName(d.PeekKind()))
	}
	l.given = true
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		var doc llm.Document
		var err error
		switch {
		case len(l.all) == maxDocuments:
			err = jsonx.Fault("must have at most %d elements", maxDocuments)
		case d.PeekKind() == '"':
			err = jsonx.UnmarshalDecode(d, &doc.Text)
		case d.PeekKind() == '{':
			err = jsonx.UnmarshalDecode(d, &doc.JSON)
		default:
			err = litellm.FaultAt(len(l.all), "must be a string or an object, not %s", jsonx.KindName(d.PeekKind()))
		}
		if err != nil {
			return err
		}
		l.all = append(l.all, doc)
	}
	_, err := d.ReadToken()
	return err
}

// Decode reads a rerank request of either version. Its error is an *llm.Error with status 400 that
// names the offending field. The request does not share the body's memory.
func Decode(body []byte, opt Options) (*Request, error) {
	var w wireRequest
	dropped, err := litellm.Decode(body, &opt, &w)
	if err != nil {
		return nil, err
	}
	out := &Request{Warnings: dropped, ReturnDocuments: w.ReturnDocuments}
	r := &out.LLM
	var warnings []llm.Warning
	if r.ModelFields, warnings, err = opt.Read(&r.Call, w.Rest); err != nil {
		return nil, err
	}
	out.Warnings = append(out.Warnings, warnings...)
	switch {
	case !w.Query.Set:
		return nil, llm.Invalid("query", "query is required: a string")
	case w.Query.Value == "":
		return nil, llm.Invalid("query", "query must not be empty")
	case !w.Documents.given:
		return nil, llm.Invalid("documents", "documents is required: an array of strings or objects")
	case len(w.Documents.all) == 0:
		return nil, llm.Invalid("documents", "documents must contain at least one document")
	}
	for _, n := range []struct {
		name  string
		value llm.Opt[int64]
	}{{"top_n", w.TopN.Opt}, {"max_tokens_per_doc", w.MaxTokensPerDoc.Opt}, {"max_chunks_per_doc", w.MaxChunksPerDoc.Opt}} {
		if n.value.Set && n.value.Value < 1 {
			return nil, llm.Invalid(n.name, "%s must be at least 1, not %d", n.name, n.value.Value)
		}
	}
	r.Query, r.Documents, r.RankFields = w.Query.Value, w.Documents.all, w.RankFields
	r.TopN, r.MaxTokensPerDoc, r.MaxChunksPerDoc = w.TopN.Opt, w.MaxTokensPerDoc.Opt, w.MaxChunksPerDoc.Opt
	for i, name := range r.RankFields {
		if name == "" {
			field := "rank_fields[" + strconv.Itoa(i) + "]"
			return nil, llm.Invalid(field, "%s must not be empty", field)
		}
	}
	return out, nil
}
