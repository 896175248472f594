package embed

import (
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/cohereembed"
)

// tokenHeader is the header in which Bedrock counts a call's input tokens, for every model.
const tokenHeader = "X-Amzn-Bedrock-Input-Token-Count"

// Result is the response to one Item.
type Result struct {
	Vectors []llm.Vector // one for each of the item's inputs
	// Tokens counts the item's input. Estimated is set if Bedrock did not report it.
	Tokens    int64
	Estimated bool
	// Warnings are about inputs that were embedded in part.
	Warnings []llm.Warning
}

// titanResponse is Titan's, and titanImage's.
type titanResponse struct {
	Embedding jsonx.Floats         `json:"embedding"`
	ByType    map[string]jsonx.Raw `json:"embeddingsByType"`
	Tokens    *int64               `json:"inputTextTokenCount"`
	Message   string               `json:"message"`
}

// listResponse is Nova's and Marengo's.
type listResponse struct {
	Embeddings []listed  `json:"embeddings"`
	Data       listedOr1 `json:"data"`
}

type listed struct {
	Embedding jsonx.Floats `json:"embedding"`
	// Truncated is how many characters of a text Nova has embedded, if not all.
	Truncated *int64 `json:"truncatedCharLength"`
}

// listedOr1 is a list, or its only element: TwelveLabs documents the latter.
type listedOr1 []listed

func (l *listedOr1) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	if d.PeekKind() != '{' {
		return jsonx.UnmarshalDecode(d, (*[]listed)(l))
	}
	*l = make(listedOr1, 1)
	return jsonx.UnmarshalDecode(d, &(*l)[0])
}

// Decode reads the response to an item. header returns a header of the response. Its error is an
// *llm.Error with status 502: the response is not one to the item.
func Decode(item *Item, body []byte, header func(name string) string) (*Result, error) {
	r := &Result{Tokens: item.estimate, Estimated: true}
	var err error
	switch item.form {
	case titanText, titanImage:
		err = r.titan(item, body)
	case cohere:
		err = r.cohere(item, body)
	case nova, marengo2, marengo3:
		err = r.list(item, body)
	}
	if err != nil {
		return nil, err
	}
	if len(r.Vectors) != len(item.Inputs) {
		return nil, malformed("has %d vectors for %d inputs", len(r.Vectors), len(item.Inputs))
	}
	for i := range r.Vectors {
		if len(r.Vectors[i].Float) == 0 && len(r.Vectors[i].Others) == 0 {
			return nil, malformed("has an empty vector at %d", i)
		}
	}
	if n, err := strconv.ParseInt(header(tokenHeader), 10, 64); err == nil && n >= 0 {
		r.Tokens, r.Estimated = n, false
	}
	return r, nil
}

func malformed(format string, args ...any) *llm.Error {
	e := llm.Invalid("", "the model's response "+format, args...)
	e.Code, e.Status = llm.CodeServiceInternal, 502
	return e
}

func unmarshal(body []byte, v any) error {
	if err := jsonx.Unmarshal(body, v); err != nil {
		return malformed("cannot be decoded: %v", err)
	}
	return nil
}

func (r *Result) titan(item *Item, body []byte) error {
	var t titanResponse
	if err := unmarshal(body, &t); err != nil {
		return err
	}
	if t.Message != "" && t.Embedding == nil && t.ByType == nil {
		return malformed("has no vector: %q", t.Message)
	}
	v := llm.Vector{}
	for _, form := range item.forms() {
		raw := t.ByType[string(form)]
		switch {
		case form == llm.VectorFloat && t.Embedding != nil:
			v.Float = t.Embedding
		case raw == nil:
			return malformed("has no vector of type %s", form)
		case form == llm.VectorFloat:
			if err := unmarshal(raw, (*jsonx.Floats)(&v.Float)); err != nil {
				return err
			}
		default:
			q := llm.Quantized{Type: form}
			if err := unmarshal(raw, &q.Values); err != nil {
				return err
			}
			v.Others = append(v.Others, q)
		}
	}
	r.Vectors = []llm.Vector{v}
	if t.Tokens != nil {
		r.Tokens, r.Estimated = *t.Tokens, false
	}
	return nil
}

// forms are the requested forms of vectors.
func (item *Item) forms() []llm.VectorType {
	if len(item.types) == 0 {
		return []llm.VectorType{llm.VectorFloat}
	}
	return item.types
}

func (r *Result) cohere(item *Item, body []byte) error {
	vectors, _, err := cohereembed.Decode(body, item.forms())
	if err != nil {
		return malformed("is not valid: %v", err)
	}
	r.Vectors = vectors
	return nil
}

func (r *Result) list(item *Item, body []byte) error {
	var l listResponse
	if err := unmarshal(body, &l); err != nil {
		return err
	}
	all := l.Embeddings
	if len(all) == 0 {
		all = l.Data
	}
	for _, e := range all {
		r.Vectors = append(r.Vectors, llm.Vector{Float: e.Embedding})
		if e.Truncated != nil && len(item.names) > 0 {
			r.Warnings = append(r.Warnings, llm.Warning{
				Code: llm.WarnChanged, Field: item.names[0],
				Detail: "too long; only " + strconv.FormatInt(*e.Truncated, 10) + " characters were embedded",
			})
		}
	}
	return nil
}

// Join makes the response to a request of n inputs from the results of its items. The first fields
// of Meta are the caller's.
func Join(n int, items []Item, results []*Result) *llm.EmbedResponse {
	out := &llm.EmbedResponse{Vectors: make([]llm.Vector, n)}
	for k, r := range results {
		for j, i := range items[k].Inputs {
			out.Vectors[i] = r.Vectors[j]
		}
		out.Usage.Input += r.Tokens
		out.Estimated = out.Estimated || r.Estimated
		out.Meta.Warnings = append(out.Meta.Warnings, r.Warnings...)
	}
	out.Usage.Total = out.Usage.Input
	if out.Estimated {
		out.Meta.Warnings = append(out.Meta.Warnings, llm.Warning{Code: llm.WarnMissing, Field: "usage", Detail: "tokens were estimated"})
	}
	return out
}
