package sagemaker

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/embedding"
	"outcrop/provider/openaicompat"
	"outcrop/wire/openaiembed"
)

// form is how a container's embeddings are written. LiteLLM tells the forms apart by the same names
// (litellm/llms/sagemaker/embedding/transformation.py, 1.110.2).
type form int

const (
	formHuggingFace form = iota // {"inputs":[...]}, of Text Embeddings Inference and of pipelines
	formOpenAI                  // of endpoints that are called as openai/NAME, and of Voyage's models
	formCohere                  // version 1 of Cohere's embed API
)

func formOf(model string) form {
	name := strings.ToLower(model)
	switch {
	case strings.HasPrefix(model, openAIRoute), strings.Contains(name, "voyage"):
		return formOpenAI
	case strings.Contains(name, "cohere"):
		return formCohere
	default:
		return formHuggingFace
	}
}

// Embeddings makes the one call for embeddings: the container decides how many texts it takes.
func (d dialect) Embeddings(req *llm.EmbedRequest, model string) ([]openaicompat.EmbedCall, []llm.Warning, error) {
	f := formOf(model)
	var w jsonx.Writer
	var warnings []llm.Warning
	var err error
	inputs := make([]int, len(req.Inputs))
	var estimate int64
	if f == formOpenAI { // it takes tokens
		warnings, err = d.appendOpenAI(&w, req)
		for i := range inputs {
			inputs[i] = i
			estimate += int64(len(req.Inputs[i].Tokens)) + embedding.Estimate(&req.Inputs[i], req.Inputs[i].Text)
		}
	} else {
		var texts []string
		var decoded []llm.Warning
		if texts, decoded, err = embedding.Texts(req); err != nil {
			return nil, nil, err
		}
		warnings, err = appendTexts(&w, req, texts, f)
		warnings = append(decoded, warnings...)
		for i := range inputs {
			inputs[i] = i
			estimate += embedding.Estimate(&req.Inputs[i], texts[i])
		}
	}
	if err != nil {
		return nil, nil, err
	}
	call := openaicompat.EmbedCall{Body: w.Segments(), Inputs: inputs, Decode: func(body []byte) (*llm.EmbedResponse, error) {
		resp, err := decodeVectors(body, len(inputs), f)
		if err == nil && resp.Estimated {
			resp.Usage.Input, resp.Usage.Total = estimate, estimate
		}
		return resp, err
	}}
	return []openaicompat.EmbedCall{call}, warnings, nil
}

// appendTexts writes a request in the form of Hugging Face's containers, or of Cohere's.
func appendTexts(w *jsonx.Writer, req *llm.EmbedRequest, texts []string, f form) (warnings []llm.Warning, err error) {
	member := "inputs"
	if f == formCohere {
		member = "texts"
	}
	w.Object()
	w.Key(member)
	w.Array()
	for i := range req.Inputs {
		if in := &req.Inputs[i]; len(in.Parts) > 1 || len(in.Parts) == 1 && in.Parts[0].Kind != llm.BlockText {
			return nil, llm.Unsupported(in.Name(i), "%s: this container embeds texts only, one for each vector", in.Name(i))
		}
		w.String(texts[i])
	}
	w.EndArray()
	for _, t := range req.Types {
		if t != llm.VectorFloat {
			return nil, llm.Unsupported("embedding_types", "embedding_types: this container returns floats only, not %s", t)
		}
	}
	dropped := func(field string, set bool) {
		if set {
			warnings = append(warnings, llm.Warning{Code: llm.WarnDropped, Field: field})
		}
	}
	if f == formCohere {
		inputType := req.InputType
		if inputType == "" {
			inputType = "search_document" // it is required; the value is LiteLLM's
		}
		w.Key("input_type")
		w.String(inputType)
		if req.Truncate != "" {
			w.Key("truncate")
			w.String(req.Truncate)
		}
	} else {
		dropped("input_type", req.InputType != "")
		dropped("truncate", req.Truncate != "")
	}
	if req.Normalize.Set && f == formHuggingFace { // of Text Embeddings Inference
		w.Key("normalize")
		w.Bool(req.Normalize.Value)
	} else {
		dropped("normalize", req.Normalize.Set)
	}
	if req.Dimensions.Set && !req.DropParams {
		return nil, llm.Droppable("dimensions", "dimensions is not supported by this container's API")
	}
	dropped("dimensions", req.Dimensions.Set)
	dropped("max_tokens", req.MaxTokens.Set)
	dropped("user", req.User != "")
	for _, m := range req.ModelFields {
		w.AnyKey(m.Name)
		w.Raw(m.Value)
	}
	w.EndObject()
	return warnings, nil
}

// appendOpenAI writes a request in OpenAI's form. It names the model only if the name is known: servers
// refuse the endpoint's.
func (d dialect) appendOpenAI(w *jsonx.Writer, req *llm.EmbedRequest) ([]llm.Warning, error) {
	if d.name != "" {
		return openaiembed.AppendRequest(w, req, d.name, false)
	}
	var named jsonx.Writer
	warnings, err := openaiembed.AppendRequest(&named, req, "", false)
	if err != nil {
		return nil, err
	}
	members, err := jsonx.Members(named.Buf)
	if err != nil {
		return nil, err
	}
	w.Object()
	w.Members(slices.DeleteFunc(members, func(m jsonx.Member) bool { return m.Name == "model" }))
	w.EndObject()
	return warnings, nil
}

// decodeVectors reads the response to a request for n vectors. Estimated is set if it counts no tokens.
func decodeVectors(body []byte, n int, f form) (*llm.EmbedResponse, error) {
	if f == formOpenAI {
		return openaiembed.DecodeResponse(body, n)
	}
	raw, input := jsonx.Raw(body), int64(-1)
	if raw = jsonx.Raw(strings.TrimSpace(string(raw))); len(raw) > 0 && raw.Kind() == '{' {
		var s struct {
			Embedding  jsonx.Raw `json:"embedding"`  // JumpStart's
			Embeddings jsonx.Raw `json:"embeddings"` // Cohere's
			Meta       struct {
				Billed struct {
					Input *float64  `json:"input_tokens"`
					Rest  jsonx.Raw `json:",embed"`
				} `json:"billed_units"`
				Rest jsonx.Raw `json:",embed"`
			} `json:"meta"`
			Rest jsonx.Raw `json:",embed"`
		}
		if err := jsonx.Unmarshal(raw, &s); err != nil {
			return nil, err
		}
		if raw = s.Embedding; len(raw) == 0 {
			raw = s.Embeddings
		}
		if t := s.Meta.Billed.Input; t != nil && *t >= 0 && *t < 1<<53 {
			input = int64(*t)
		}
	}
	vectors, err := vectorsOf(raw)
	if err != nil {
		return nil, err
	}
	if len(vectors) != n {
		return nil, fmt.Errorf("it has %d vectors for %d inputs", len(vectors), n)
	}
	out := &llm.EmbedResponse{Vectors: make([]llm.Vector, n), Estimated: input < 0}
	for i, v := range vectors {
		if len(v) == 0 {
			return nil, fmt.Errorf("the vector of input %d is empty", i)
		}
		out.Vectors[i].Float = v
	}
	out.Usage.Input = max(input, 0)
	out.Usage.Total = out.Usage.Input
	return out, nil
}

// vectorsOf reads a list of vectors, or one vector.
func vectorsOf(raw jsonx.Raw) ([][]float64, error) {
	var some struct {
		Float jsonx.Raw `json:"float"` // Cohere's, by type
		Rest  jsonx.Raw `json:",embed"`
	}
	if len(raw) > 0 && raw.Kind() == '{' && jsonx.Unmarshal(raw, &some) == nil {
		raw = some.Float
	}
	if len(raw) == 0 || raw.Kind() != '[' {
		return nil, errors.New("it is neither a list of vectors nor an object with the member embedding")
	}
	var vectors [][]float64
	if jsonx.Unmarshal(raw, &vectors) == nil {
		return vectors, nil
	}
	var one []float64
	if jsonx.Unmarshal(raw, &one) == nil {
		return [][]float64{one}, nil
	}
	var tokens [][][]float64
	if jsonx.Unmarshal(raw, &tokens) == nil {
		return nil, errors.New("it has a vector for each token; an endpoint for embeddings must pool them, as those of Text Embeddings Inference do")
	}
	return nil, errors.New("its vectors are not lists of numbers")
}
