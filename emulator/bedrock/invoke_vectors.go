package bedrock

import (
	"strconv"
	"strings"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/emulator/bedrock/model"
	"outcrop/emulator/bedrock/vector"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// This file has InvokeModel of models for embeddings and reranking. Their parameters are
// those of the Amazon Bedrock User Guide, "Inference request parameters and response
// fields for foundation models", and of recorded exchanges.

// vectors is the answer of such a model.
type vectors struct {
	body   []byte
	tokens int64
	// uncounted omits the header with the token count.
	uncounted bool
}

// vectorModel answers a body, or refuses it.
type vectorModel func(to *catalogue.Model, body []byte, id string) (*vectors, error)

// vectorModelOf returns the implementation of a model; nil if it is not emulated.
func vectorModelOf(id string) vectorModel {
	for _, row := range [...]struct {
		prefix string
		model  vectorModel
	}{
		{"amazon.titan-embed-text-v1", titanText},
		{"amazon.titan-embed-text-v2", titanText2},
		{"amazon.titan-embed-image-", titanImage},
		{"amazon.nova-2-multimodal-embeddings-", novaEmbed},
		{"cohere.embed-v4", cohereEmbed},
		{"cohere.embed-", cohereEmbed},
		{"twelvelabs.marengo-embed-2-", marengo2},
		{"twelvelabs.marengo-embed-3-", marengo3},
		{"cohere.rerank-", rerankBody},
		{"amazon.rerank-", rerankBody},
	} {
		if strings.HasPrefix(id, row.prefix) {
			return row.model
		}
	}
	return nil
}

// invokeVectors answers a call of a model for embeddings or reranking.
func (e *Emulator) invokeVectors(c *call, to *catalogue.Model, streaming bool) error {
	if streaming {
		return notStreamed()
	}
	how := vectorModelOf(to.ID)
	if how == nil {
		return invalid("emulator: InvokeModel is not emulated for %s; see docs/emulator.md for the models that it has", to.ID)
	}
	marked := ""
	if m := faultMarker.FindSubmatch(c.body); m != nil {
		marked = string(m[1])
	}
	f, err := e.due(c, marked)
	if err != nil {
		return err
	}
	settings := new(llm.Request)
	c.headerSettings(settings)
	if err := checkService(&question{info: to, request: settings}); err != nil {
		return err
	}
	answer, err := how(to, c.body, c.id)
	if err != nil {
		return unreadable(err)
	}
	if err := wait(c.request.Context(), f.Latency); err != nil {
		return err
	}
	if err := e.refusalOf(c, &f, false); err != nil {
		return err
	}
	share, err := c.state.reserve(c, to, answer.tokens, 0, e.options.Now())
	if err != nil {
		return err
	}
	c.state.settle(share, to, &llm.Usage{Input: answer.tokens})
	c.settingHeaders(settings)
	if !answer.uncounted {
		c.Header().Set("X-Amzn-Bedrock-Input-Token-Count", strconv.FormatInt(answer.tokens, 10))
	}
	return c.writeWhole(answer.body, f)
}

// significant is the number of significant digits of a vector's numbers.
const significant = 8

// writeVector writes a vector as an array of numbers.
func writeVector(w *jsonx.Writer, v []float64) {
	w.Array()
	for _, x := range v {
		w.Raw(strconv.AppendFloat(nil, x, 'g', significant, 64))
	}
	w.EndArray()
}

// writeAs writes a vector in one of the kinds that Cohere has, such as float and
// int8.
func writeAs(w *jsonx.Writer, kind string, v []float64) {
	switch kind {
	case "int8":
		writeWhole(w, v, func(x float64) int64 { return int64(max(-128, min(127, x*int8Scale))) })
	case "uint8":
		writeWhole(w, v, func(x float64) int64 { return 128 + int64(max(-128, min(127, x*int8Scale))) })
	case "binary":
		writePacked(w, v, 128)
	case "ubinary":
		writePacked(w, v, 0)
	default:
		writeVector(w, v)
	}
}

// int8Scale maps the usual range of a unit vector's numbers to that of a byte.
const int8Scale = 1270

func writeWhole(w *jsonx.Writer, v []float64, of func(float64) int64) {
	w.Array()
	for _, x := range v {
		w.Int(of(x))
	}
	w.EndArray()
}

// writePacked writes the signs of eight numbers as a byte, less an offset.
func writePacked(w *jsonx.Writer, v []float64, offset int64) {
	w.Array()
	for i := 0; i < len(v); i += 8 {
		var b int64
		for j := range 8 {
			b <<= 1
			if i+j < len(v) && v[i+j] > 0 {
				b |= 1
			}
		}
		w.Int(b - offset)
	}
	w.EndArray()
}

// tooMany is Titan's refusal of a text that is too long (public reports).
func tooMany(tokens, most int64) error {
	return invalid("400 Bad Request: Too many input tokens. Max input tokens: %d, request input token count: %d ", most, tokens)
}

// mediumOf decodes a medium in base64 or in a data URL.
func mediumOf(text string) ([]byte, bool) {
	if _, data, ok := strings.Cut(text, ";base64,"); ok && strings.HasPrefix(text, "data:") {
		text = data
	}
	content, ok := llm.ParseBase64([]byte(text))
	return content.Decode(), ok && !content.IsZero()
}

// vectorOf returns a model's vector of a text.
func vectorOf(to *catalogue.Model, text string, dimensions int) []float64 {
	return vector.Of(to.ID, text, dimensions)
}

// textTokens returns the number of tokens of a text, at least one.
func textTokens(text string) int64 { return max(1, model.Tokens(text)) }
