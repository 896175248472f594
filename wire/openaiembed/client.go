package openaiembed

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// AppendRequest writes a request as a body of the embeddings API. With inBase64 the
// vectors are asked for as base64, a third of the size, which not every endpoint has. It returns
// warnings about what the API does not have. The error is an *llm.Error.
func AppendRequest(w *jsonx.Writer, req *llm.EmbedRequest, model string, inBase64 bool) (warnings []llm.Warning, err error) {
	drop := func(field string, set bool) {
		if set {
			warnings = append(warnings, llm.Warning{Code: llm.WarnDropped, Field: field})
		}
	}
	w.Object()
	w.Key("model")
	w.String(model)
	w.Key("input")
	w.Array()
	for i := range req.Inputs {
		in := &req.Inputs[i]
		switch {
		case in.Parts != nil:
			return nil, llm.Unsupported(in.Name(i), "%s: this model embeds texts only", in.Name(i))
		case in.Tokens != nil:
			w.Array()
			for _, t := range in.Tokens {
				w.Int(t)
			}
			w.EndArray()
		default:
			w.String(in.Text)
		}
	}
	w.EndArray()
	if req.Dimensions.Set {
		w.Key("dimensions")
		w.Int(req.Dimensions.Value)
	}
	if inBase64 {
		w.Key("encoding_format")
		w.Word("base64")
	}
	if req.User != "" {
		w.Key("user")
		w.String(req.User)
	}
	if req.InputType != "" {
		w.Key("input_type")
		w.String(req.InputType)
	}
	if req.Truncate != "" {
		w.Key("truncate")
		w.String(req.Truncate)
	}
	for _, t := range req.Types {
		if t != llm.VectorFloat {
			return nil, llm.Unsupported("embedding_types", "embedding_types: this model returns floats only, not %s", t)
		}
	}
	drop("max_tokens", req.MaxTokens.Set)
	drop("normalize", req.Normalize.Set)
	for _, m := range req.ModelFields {
		w.AnyKey(m.Name)
		w.Raw(m.Value)
	}
	w.EndObject()
	return warnings, nil
}

// sentResponse is the body of a response.
type sentResponse struct {
	Data []struct {
		Index     *int      `json:"index"`
		Embedding vector    `json:"embedding"`
		Rest      jsonx.Raw `json:",embed"`
	} `json:"data"`
	Usage struct {
		Prompt *int64    `json:"prompt_tokens"`
		Total  *int64    `json:"total_tokens"`
		Rest   jsonx.Raw `json:",embed"`
	} `json:"usage"`
	Rest jsonx.Raw `json:",embed"`
}

// vector is an array of numbers, or base64 of 32-bit floats, little endian.
type vector []float64

func (v *vector) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	if d.PeekKind() != '"' {
		return jsonx.UnmarshalDecode(d, (*[]float64)(v))
	}
	var text string
	if err := jsonx.UnmarshalDecode(d, &text); err != nil {
		return err
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(raw)%4 != 0 {
		return jsonx.Fault("must be numbers or base64 of 32-bit floats")
	}
	*v = make(vector, len(raw)/4)
	for i := range *v {
		(*v)[i] = float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*i:])))
	}
	return nil
}

// DecodeResponse reads the response to a request for n vectors.
func DecodeResponse(body []byte, n int) (*llm.EmbedResponse, error) {
	var s sentResponse
	if err := jsonx.Unmarshal(body, &s); err != nil {
		return nil, err
	}
	if len(s.Data) != n {
		return nil, fmt.Errorf("it has %d vectors for %d inputs", len(s.Data), n)
	}
	out := &llm.EmbedResponse{Vectors: make([]llm.Vector, n)}
	for i := range s.Data {
		at := i
		if s.Data[i].Index != nil {
			at = *s.Data[i].Index
		}
		if at < 0 || at >= n || out.Vectors[at].Float != nil {
			return nil, fmt.Errorf("data[%d].index is %s, which is not an index of an input, or used twice", i, strconv.Itoa(at))
		}
		if len(s.Data[i].Embedding) == 0 {
			return nil, fmt.Errorf("data[%d].embedding is empty", i)
		}
		out.Vectors[at].Float = s.Data[i].Embedding
	}
	switch u := &s.Usage; {
	case u.Prompt != nil:
		out.Usage.Input = *u.Prompt
	case u.Total != nil:
		out.Usage.Input = *u.Total
	default:
		out.Estimated = true
	}
	out.Usage.Total = out.Usage.Input
	return out, nil
}
