// Package rerank makes rerank requests into bodies of InvokeModel and of the Rerank operation of
// bedrock-agent-runtime, and results of what they answer. It does no I/O.
//
// InvokeModel takes texts and one request a call; Rerank takes JSON documents too, only AWS's
// signatures (no API keys), and the model's ARN.
package rerank

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
)

// Model is what a request is adapted to.
type Model struct {
	// Vendor and Name are segments of the base id, such as cohere and rerank-v3-5.
	Vendor, Name string
	known        bool
}

// NewModel makes the Model of a vendor and name; facts are what the catalogue has of it, nil if
// nothing.
func NewModel(vendor, name string, facts *catalog.Model) *Model {
	m := &Model{Vendor: vendor, Name: name}
	other := facts != nil && facts.Kind != catalog.KindUnknown && facts.Kind != catalog.KindRerank
	m.known = !other && (vendor == "cohere" || vendor == "amazon") && strings.HasPrefix(name, "rerank")
	return m
}

// Known reports whether the form of the model's bodies is known.
func (m *Model) Known() bool { return m.known }

// Bounds of the service model of bedrock-agent-runtime (Rerank), in elements and characters, and of
// bedrock-runtime (InvokeModel), in bytes.
const (
	maxSources = 1000
	maxText    = 32_000
	maxBody    = 25_000_000
)

// plan is a request after its check.
type plan struct {
	model    *Model
	req      *llm.RerankRequest
	warnings []llm.Warning
	topN     int64 // 0 for all
	tokens   llm.Opt[int64]
}

func (p *plan) name() string { return p.model.Vendor + "." + p.model.Name }

func (p *plan) warn(code, field, detail string) {
	p.warnings = append(p.warnings, llm.Warning{Code: code, Field: field, Detail: detail})
}

func (p *plan) refuse(field, format string, args ...any) error {
	return p.req.Refuse(p.warn, field, format, args...)
}

func (m *Model) plan(req *llm.RerankRequest) (*plan, error) {
	p := &plan{model: m, req: req}
	switch {
	case !m.known:
		e := llm.Unsupported("model", "model %s.%s does not rerank documents, or the form of its requests is unknown", m.Vendor, m.Name)
		e.Code, e.Fix = llm.CodeFeature, "Call a reranking model, such as cohere.rerank-v3-5:0."
		return nil, e
	case req.Query == "":
		return nil, llm.Invalid("query", "query must not be empty")
	case len(req.Documents) == 0:
		return nil, llm.Invalid("documents", "documents must contain at least one document")
	}
	if req.TopN.Set {
		p.topN = min(req.TopN.Value, int64(len(req.Documents)))
	}
	if req.MaxTokensPerDoc.Set {
		if p.tokens = req.MaxTokensPerDoc; m.Vendor != "cohere" {
			p.tokens = llm.Opt[int64]{}
			if err := p.refuse("max_tokens_per_doc", "max_tokens_per_doc is not supported by model %s", p.name()); err != nil {
				return nil, err
			}
		}
	}
	if req.MaxChunksPerDoc.Set { // of Cohere's first version, which Bedrock's models are past
		if err := p.refuse("max_chunks_per_doc", "max_chunks_per_doc is not supported by model %s", p.name()); err != nil {
			return nil, err
		}
	}
	for _, f := range req.ModelFields {
		if err := p.refuse(f.Name, "%s is not supported by model %s", f.Name, p.name()); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// Invoke makes the body of InvokeModel.
func (m *Model) Invoke(req *llm.RerankRequest) ([]byte, []llm.Warning, error) {
	p, err := m.plan(req)
	if err != nil {
		return nil, nil, err
	}
	w := jsonx.Writer{}
	w.Object()
	w.Key("query")
	w.String(req.Query)
	w.Key("documents")
	w.Array()
	for i := range req.Documents {
		text, err := p.text(i)
		if err != nil {
			return nil, nil, err
		}
		w.String(text)
	}
	w.EndArray()
	if p.topN > 0 {
		w.Key("top_n")
		w.Int(p.topN)
	}
	if m.Vendor == "cohere" {
		w.Key("api_version")
		w.Int(2)
	}
	if p.tokens.Set {
		w.Key("max_tokens_per_doc")
		w.Int(p.tokens.Value)
	}
	w.EndObject()
	if len(w.Buf) > maxBody {
		e := llm.Invalid("documents", "documents are too large: Bedrock takes bodies of up to %d bytes, and this one has %d", maxBody, len(w.Buf))
		e.Code = llm.CodeTooLong
		return nil, nil, e
	}
	return w.Buf, p.warnings, nil
}

// text is a document as a text. An object is a line for each member, as Cohere advises; of the
// members in rank_fields alone, if there are any.
func (p *plan) text(i int) (string, error) {
	d := &p.req.Documents[i]
	if d.JSON == nil {
		return d.Text, nil
	}
	members, err := p.members(i)
	if err != nil {
		return "", err
	}
	if len(members) == 1 && members[0].Name == "text" {
		if text, ok := stringOf(members[0].Value); ok {
			return text, nil
		}
	}
	var b strings.Builder
	for _, m := range members {
		text, ok := stringOf(m.Value)
		if !ok {
			text = string(m.Value)
		}
		b.WriteString(m.Name + ": " + text + "\n")
	}
	return strings.TrimSuffix(b.String(), "\n"), nil
}

func stringOf(v jsonx.Raw) (s string, ok bool) {
	return s, v.Kind() == '"' && jsonx.Unmarshal(v, &s) == nil
}

// members are the members of a structured document that are compared with the query.
func (p *plan) members(i int) ([]jsonx.Member, error) {
	field := "documents[" + strconv.Itoa(i) + "]"
	members, err := jsonx.Members(p.req.Documents[i].JSON)
	if err != nil {
		return nil, llm.Invalid(field, "%s must be a string or an object", field)
	}
	if len(p.req.RankFields) > 0 {
		members = slices.DeleteFunc(members, func(m jsonx.Member) bool { return !slices.Contains(p.req.RankFields, m.Name) })
		if len(members) == 0 {
			return nil, llm.Invalid(field, "%s has none of the members in rank_fields", field)
		}
	}
	return members, nil
}

// Agent makes the body of the Rerank operation of bedrock-agent-runtime for a model's ARN, such as
// arn:aws:bedrock:us-west-2::foundation-model/cohere.rerank-v3-5:0. next is the nextToken of the
// previous response; empty for the first call.
func (m *Model) Agent(req *llm.RerankRequest, arn, next string) ([]byte, []llm.Warning, error) {
	p, err := m.plan(req)
	switch {
	case err != nil:
		return nil, nil, err
	case len(req.Documents) > maxSources:
		return nil, nil, llm.Invalid("documents", "documents must have at most %d elements, not %d", maxSources, len(req.Documents))
	case utf8.RuneCountInString(req.Query) > maxText:
		return nil, nil, llm.Invalid("query", "query must be at most %d characters long", maxText)
	}
	w := jsonx.Writer{}
	w.Object()
	w.Key("queries")
	w.Array()
	w.Object()
	w.Key("type")
	w.Word("TEXT")
	w.Key("textQuery")
	w.Object()
	w.Key("text")
	w.String(req.Query)
	w.EndObject()
	w.EndObject()
	w.EndArray()
	w.Key("sources")
	w.Array()
	for i := range req.Documents {
		if err := p.source(&w, i); err != nil {
			return nil, nil, err
		}
	}
	w.EndArray()
	p.configuration(&w, arn)
	if next != "" {
		w.Key("nextToken")
		w.String(next)
	}
	w.EndObject()
	return w.Buf, p.warnings, nil
}

// source writes a document.
func (p *plan) source(w *jsonx.Writer, i int) error {
	d := &p.req.Documents[i]
	w.Object()
	w.Key("type")
	w.Word("INLINE")
	w.Key("inlineDocumentSource")
	w.Object()
	w.Key("type")
	if d.JSON == nil {
		field := "documents[" + strconv.Itoa(i) + "]"
		switch n := utf8.RuneCountInString(d.Text); {
		case n == 0:
			return llm.Invalid(field, "%s must not be empty", field)
		case n > maxText:
			e := llm.Invalid(field, "%s must be at most %d characters long, not %d", field, maxText, n)
			e.Code = llm.CodeTooLong
			return e
		}
		w.Word("TEXT")
		w.Key("textDocument")
		w.Object()
		w.Key("text")
		w.String(d.Text)
		w.EndObject()
	} else {
		members, err := p.members(i)
		if err != nil {
			return err
		}
		w.Word("JSON")
		w.Key("jsonDocument")
		w.Object()
		w.Members(members)
		w.EndObject()
	}
	w.EndObject()
	w.EndObject()
	return nil
}

func (p *plan) configuration(w *jsonx.Writer, arn string) {
	w.Key("rerankingConfiguration")
	w.Object()
	w.Key("type")
	w.Word("BEDROCK_RERANKING_MODEL")
	w.Key("bedrockRerankingConfiguration")
	w.Object()
	w.Key("modelConfiguration")
	w.Object()
	w.Key("modelArn")
	w.String(arn)
	if p.tokens.Set {
		w.Key("additionalModelRequestFields")
		w.Object()
		w.Key("max_tokens_per_doc")
		w.Int(p.tokens.Value)
		w.EndObject()
	}
	w.EndObject()
	w.Key("numberOfResults")
	if p.topN > 0 {
		w.Int(p.topN)
	} else {
		w.Int(int64(len(p.req.Documents)))
	}
	w.EndObject()
	w.EndObject()
}

// response is InvokeModel's and Rerank's.
type response struct {
	Results []struct {
		Index  *int64   `json:"index"`
		Score  *float64 `json:"relevance_score"`
		Score2 *float64 `json:"relevanceScore"`
	} `json:"results"`
	Next string `json:"nextToken"`
	Meta struct {
		Billed struct {
			SearchUnits *int64 `json:"search_units"`
		} `json:"billed_units"`
	} `json:"meta"`
}

// tokenHeader is the header in which Bedrock counts a call's input tokens.
const tokenHeader = "X-Amzn-Bedrock-Input-Token-Count"

// Decode reads a response of InvokeModel or Rerank to a request. header returns a header of the
// response. next is not empty if more results are to be had. Its error is an *llm.Error with status
// 502: the response is not one to the request.
func Decode(req *llm.RerankRequest, body []byte, header func(name string) string) (out *llm.RerankResponse, next string, err error) {
	var r response
	if err := jsonx.Unmarshal(body, &r); err != nil {
		return nil, "", malformed("cannot be decoded: %v", err)
	}
	if len(r.Results) == 0 {
		return nil, "", malformed("has no results")
	}
	out = &llm.RerankResponse{Results: make([]llm.Ranked, 0, len(r.Results)), Usage: llm.Usage{SearchUnits: searchUnits(req)}, Estimated: true}
	seen := make([]bool, len(req.Documents))
	for i, result := range r.Results {
		score := result.Score
		if score == nil {
			score = result.Score2
		}
		switch {
		case result.Index == nil || score == nil:
			return nil, "", malformed("has a result without index or score at %d", i)
		case *result.Index < 0 || *result.Index >= int64(len(seen)) || seen[*result.Index]:
			return nil, "", malformed("has the index %d at %d, which is of no document or of an earlier result", *result.Index, i)
		}
		seen[*result.Index] = true
		out.Results = append(out.Results, llm.Ranked{Index: int(*result.Index), Score: *score})
	}
	slices.SortStableFunc(out.Results, func(a, b llm.Ranked) int {
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		default:
			return 0
		}
	})
	if units := r.Meta.Billed.SearchUnits; units != nil {
		out.Usage.SearchUnits, out.Estimated = *units, false
	}
	if n, err := strconv.ParseInt(header(tokenHeader), 10, 64); err == nil && n > 0 {
		out.Usage.Input, out.Usage.Total = n, n
	}
	return out, r.Next, nil
}

func malformed(format string, args ...any) *llm.Error {
	e := llm.Invalid("", "the model's response "+format, args...)
	e.Code, e.Status = llm.CodeServiceInternal, 502
	return e
}

// Sizes of a search unit, which Bedrock's price list calls a query: up to 100 documents, so that 350
// count as four queries. A document counts as several if it and the query have more than 512 tokens
// together. The source is https://aws.amazon.com/bedrock/pricing/, read in quotations of 2025 and
// 2026; for Cohere's model, it gives the size as 500 tokens and as 512 in one sentence.
const (
	unitChunks  = 100
	chunkTokens = 512
)

// searchUnits estimates the search units of a request, at four bytes a token. The query is counted
// with each part of a document, up to half of the part: how AWS divides documents is not published.
func searchUnits(req *llm.RerankRequest) int64 {
	query := float64(len(req.Query)) / 4
	chunks := 0.0
	for i := range req.Documents {
		d := &req.Documents[i]
		tokens := float64(max(len(d.Text), len(d.JSON))) / 4
		chunks += math.Ceil(max(tokens, 1) / max(chunkTokens-query, chunkTokens/2))
	}
	return int64(math.Ceil(chunks / unitChunks))
}
