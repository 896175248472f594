package cohererank

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// AppendRequest writes a request as a body of Cohere's rerank API, which Jina, Voyage, Together and
// vLLM have too.
func AppendRequest(w *jsonx.Writer, req *llm.RerankRequest, model string) {
	w.Object()
	w.Key("model")
	w.String(model)
	w.Key("query")
	w.String(req.Query)
	w.Key("documents")
	w.Array()
	for i := range req.Documents {
		if d := &req.Documents[i]; len(d.JSON) > 0 {
			w.Raw(d.JSON)
		} else {
			w.String(d.Text)
		}
	}
	w.EndArray()
	number := func(name string, n llm.Opt[int64]) {
		if n.Set {
			w.Key(name)
			w.Int(n.Value)
		}
	}
	number("top_n", req.TopN)
	number("max_tokens_per_doc", req.MaxTokensPerDoc)
	number("max_chunks_per_doc", req.MaxChunksPerDoc)
	if len(req.RankFields) > 0 {
		w.Key("rank_fields")
		w.Array()
		for _, f := range req.RankFields {
			w.String(f)
		}
		w.EndArray()
	}
	for _, m := range req.ModelFields {
		w.AnyKey(m.Name)
		w.Raw(m.Value)
	}
	w.EndObject()
}

// sentResponse is the body of a response: results, or data as Voyage names them.
type sentResponse struct {
	Results []sentResult `json:"results"`
	Data    []sentResult `json:"data"`
	Meta    struct {
		Billed struct {
			SearchUnits *int64    `json:"search_units"`
			Rest        jsonx.Raw `json:",embed"`
		} `json:"billed_units"`
		Rest jsonx.Raw `json:",embed"`
	} `json:"meta"`
	Usage struct {
		Total  int64     `json:"total_tokens"`
		Prompt int64     `json:"prompt_tokens"`
		Rest   jsonx.Raw `json:",embed"`
	} `json:"usage"`
	Rest jsonx.Raw `json:",embed"`
}

type sentResult struct {
	Index int       `json:"index"`
	Score *float64  `json:"relevance_score"`
	Other *float64  `json:"score"`
	Rest  jsonx.Raw `json:",embed"`
}

// DecodeResponse reads the response to a request with n documents.
func DecodeResponse(body []byte, n int) (*llm.RerankResponse, error) {
	var s sentResponse
	if err := jsonx.Unmarshal(body, &s); err != nil {
		return nil, err
	}
	results := s.Results
	if results == nil {
		results = s.Data
	}
	if results == nil {
		return nil, errors.New("it has no results")
	}
	out := &llm.RerankResponse{}
	seen := make(map[int]bool, len(results))
	for i, r := range results {
		score := r.Score
		if score == nil {
			score = r.Other
		}
		if r.Index < 0 || r.Index >= n || seen[r.Index] || score == nil {
			return nil, fmt.Errorf("results[%d] has no score, or no index of a document of its own", i)
		}
		seen[r.Index] = true
		out.Results = append(out.Results, llm.Ranked{Index: r.Index, Score: *score})
	}
	slices.SortStableFunc(out.Results, func(a, b llm.Ranked) int { return cmp.Compare(b.Score, a.Score) })
	out.Usage.Input = cmp.Or(s.Usage.Total, s.Usage.Prompt)
	out.Usage.Total = out.Usage.Input
	if units := s.Meta.Billed.SearchUnits; units != nil {
		out.Usage.SearchUnits = *units
	} else {
		out.Estimated = out.Usage.Input == 0
	}
	return out, nil
}
