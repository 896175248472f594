// Package cohereembed implements Cohere's embed API, as a client of it: Cohere's own, version 2, and the
// bodies of its models on Bedrock, which are nearly the same.
//
// The formats are described at https://docs.cohere.com/v2/reference/embed and
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v4.html.
package cohereembed

import (
	"fmt"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Body is one request. Exactly one of Texts, Images and Inputs is set; images have content and a format.
type Body struct {
	// Model is the model's id; empty on Bedrock, where the path has it.
	Model  string
	Texts  []string
	Images []*llm.Media
	// Inputs are texts and images that have one vector together.
	Inputs [][]llm.Block
	// FlatURLs is whether the URL of an image in Inputs is the value of image_url, as on Bedrock, and not
	// a member of it.
	FlatURLs bool
	// InputType, Truncate, Types, Dimensions and MaxTokens are written as they are, unless they are empty.
	InputType, Truncate string
	Types               []llm.VectorType
	Dimensions          int64
	MaxTokens           llm.Opt[int64]
	// More are other members.
	More []jsonx.Member
}

// Append writes the body.
func (b *Body) Append(w *jsonx.Writer) {
	w.Object()
	if b.Model != "" {
		w.Key("model")
		w.String(b.Model)
	}
	switch {
	case b.Texts != nil:
		w.Key("texts")
		w.Array()
		for _, text := range b.Texts {
			w.String(text)
		}
	case b.Images != nil:
		w.Key("images")
		w.Array()
		for _, m := range b.Images {
			image(w, m)
		}
	default:
		w.Key("inputs")
		w.Array()
		for _, parts := range b.Inputs {
			b.input(w, parts)
		}
	}
	w.EndArray()
	b.settings(w)
	w.EndObject()
}

func (b *Body) settings(w *jsonx.Writer) {
	w.Key("input_type")
	w.Word(b.InputType)
	if b.Truncate != "" {
		w.Key("truncate")
		w.Word(b.Truncate)
	}
	if len(b.Types) > 0 {
		w.Key("embedding_types")
		w.Array()
		for _, form := range b.Types {
			w.Word(string(form))
		}
		w.EndArray()
	}
	if b.Dimensions > 0 {
		w.Key("output_dimension")
		w.Int(b.Dimensions)
	}
	if b.MaxTokens.Set {
		w.Key("max_tokens")
		w.Int(b.MaxTokens.Value)
	}
	w.Members(b.More)
}

// input writes texts and images that have one vector.
func (b *Body) input(w *jsonx.Writer, parts []llm.Block) {
	w.Object()
	w.Key("content")
	w.Array()
	for i := range parts {
		p := &parts[i]
		w.Object()
		w.Key("type")
		if p.Kind == llm.BlockText {
			w.Word("text")
			w.Key("text")
			w.String(p.Text)
			w.EndObject()
			continue
		}
		w.Word("image_url")
		w.Key("image_url")
		if b.FlatURLs {
			image(w, p.Media)
		} else {
			w.Object()
			w.Key("url")
			image(w, p.Media)
			w.EndObject()
		}
		w.EndObject()
	}
	w.EndArray()
	w.EndObject()
}

// image writes an image as a data URI.
func image(w *jsonx.Writer, m *llm.Media) {
	w.PrefixedBase64("data:image/"+m.Format+";base64,", m.Base64.Bytes())
}

// Billed is what a call is billed by; a count that is not set was not reported. Bedrock reports none.
type Billed struct {
	// Tokens are those of texts, ImageTokens those of images. Images are counted where a model has no
	// tokens for them.
	Tokens, ImageTokens, Images llm.Opt[int64]
}

// response is the body of a response.
type response struct {
	Embeddings jsonx.Raw `json:"embeddings"`
	Meta       struct {
		Billed struct {
			Tokens      *float64  `json:"input_tokens"`
			ImageTokens *float64  `json:"image_tokens"`
			Images      *float64  `json:"images"`
			Rest        jsonx.Raw `json:",embed"`
		} `json:"billed_units"`
		Rest jsonx.Raw `json:",embed"`
	} `json:"meta"`
	Rest jsonx.Raw `json:",embed"`
}

// Decode reads a response: the vectors in the forms that were requested, in the order of the inputs.
func Decode(body []byte, forms []llm.VectorType) ([]llm.Vector, Billed, error) {
	var r response
	if err := jsonx.Unmarshal(body, &r); err != nil {
		return nil, Billed{}, fmt.Errorf("it cannot be decoded: %w", err)
	}
	b := &r.Meta.Billed
	billed := Billed{Tokens: count(b.Tokens), ImageTokens: count(b.ImageTokens), Images: count(b.Images)}
	if len(forms) == 0 {
		forms = []llm.VectorType{llm.VectorFloat}
	}
	var vectors []llm.Vector
	if r.Embeddings.Kind() == '[' { // floats alone, of v3 on Bedrock
		err := add(&vectors, llm.VectorFloat, r.Embeddings)
		return vectors, billed, err
	}
	byType, err := jsonx.Members(r.Embeddings)
	if err != nil {
		return nil, billed, fmt.Errorf("it cannot be decoded: embeddings: %w", err)
	}
	for _, form := range forms {
		raw := jsonx.Find(byType, string(form))
		if raw == nil {
			return nil, billed, fmt.Errorf("it has no vectors of type %s", form)
		}
		if err := add(&vectors, form, raw); err != nil {
			return nil, billed, err
		}
	}
	return vectors, billed, nil
}

// count is a number of things, which Cohere writes with decimals.
func count(n *float64) llm.Opt[int64] {
	if n == nil || !(*n >= 0 && *n < 1<<53) {
		return llm.Opt[int64]{}
	}
	return llm.Some(int64(*n))
}

// add adds the lists of one form to the vectors.
func add(vectors *[]llm.Vector, form llm.VectorType, raw jsonx.Raw) error {
	var floats []jsonx.Floats
	var ints [][]int16
	var err error
	if form == llm.VectorFloat {
		err = jsonx.Unmarshal(raw, &floats)
	} else {
		err = jsonx.Unmarshal(raw, &ints)
	}
	if err != nil {
		return fmt.Errorf("it cannot be decoded: %w", err)
	}
	n := len(floats) + len(ints) // one of them is empty
	if *vectors == nil {
		*vectors = make([]llm.Vector, n)
	}
	if n != len(*vectors) {
		return fmt.Errorf("it has %d vectors of type %s, and %d of another", n, form, len(*vectors))
	}
	for i, values := range floats {
		(*vectors)[i].Float = values
	}
	for i, values := range ints {
		(*vectors)[i].Others = append((*vectors)[i].Others, llm.Quantized{Type: form, Values: values})
	}
	return nil
}
