package bedrock

import (
	"outcrop/emulator/bedrock/bodyschema"
	"outcrop/emulator/bedrock/catalogue"
	"outcrop/emulator/bedrock/vector"
	"outcrop/internal/jsonx"
)

// Limits of Amazon Titan Embeddings
// (https://docs.aws.amazon.com/bedrock/latest/userguide/titan-embedding-models.html).
const (
	titanMostTokens     = 8192
	titanMostCharacters = 50_000
	titanImageTokens    = 256
	titanOneSize        = 1536
	titanTwoSize        = 1024
)

// titanText is Titan Embeddings G1 - Text.
func titanText(to *catalogue.Model, body []byte, _ string) (*vectors, error) {
	if err := checkBody(body, object([]string{"inputText"}, map[string]bodyschema.Schema{"inputText": textOf(titanMostCharacters)})); err != nil {
		return nil, err
	}
	text := word(memberOf(body, "inputText"))
	tokens := textTokens(text)
	if tokens > titanMostTokens {
		return nil, tooMany(tokens, titanMostTokens)
	}
	var w jsonx.Writer
	w.Object()
	w.Key("embedding")
	writeVector(&w, vectorOf(to, text, titanOneSize))
	w.Key("inputTextTokenCount")
	w.Int(tokens)
	w.EndObject()
	return &vectors{body: w.Buf, tokens: tokens}, nil
}

// rawLength is the length of a vector that is not normalized.
const rawLength = 7.5

// titanText2 is Titan Text Embeddings V2.
func titanText2(to *catalogue.Model, body []byte, _ string) (*vectors, error) {
	schema := object([]string{"inputText"}, map[string]bodyschema.Schema{
		"inputText": textOf(titanMostCharacters), "normalize": {Type: bodyschema.Boolean},
		"dimensions":     {Type: bodyschema.Integer, Enum: []string{"256", "512", "1024"}},
		"embeddingTypes": listOf(oneOfWords("float", "binary"), 2),
	})
	if err := checkBody(body, schema); err != nil {
		return nil, err
	}
	var said struct {
		Text       string   `json:"inputText"`
		Dimensions *int     `json:"dimensions"`
		Normalize  *bool    `json:"normalize"`
		Types      []string `json:"embeddingTypes"`
	}
	if err := jsonx.Unmarshal(body, &said); err != nil {
		return nil, err
	}
	tokens := textTokens(said.Text)
	if tokens > titanMostTokens {
		return nil, tooMany(tokens, titanMostTokens)
	}
	size := titanTwoSize
	if said.Dimensions != nil {
		size = *said.Dimensions
	}
	v := vectorOf(to, said.Text, size)
	if said.Normalize != nil && !*said.Normalize {
		for i := range v {
			v[i] *= rawLength
		}
	}
	if len(said.Types) == 0 {
		said.Types = []string{"float"}
	}
	var w jsonx.Writer
	w.Object()
	for _, kind := range said.Types {
		if kind == "float" {
			w.Key("embedding")
			writeVector(&w, v)
		}
	}
	w.Key("embeddingsByType")
	w.Object()
	for _, kind := range said.Types {
		w.Key(kind)
		if kind == "binary" { // Titan writes a number for each bit
			writeWhole(&w, v, func(x float64) int64 {
				if x > 0 {
					return 1
				}
				return 0
			})
			continue
		}
		writeVector(&w, v)
	}
	w.EndObject()
	w.Key("inputTextTokenCount")
	w.Int(tokens)
	w.EndObject()
	return &vectors{body: w.Buf, tokens: tokens}, nil
}

// titanImage is Titan Multimodal Embeddings: of a text, an image, or both.
func titanImage(to *catalogue.Model, body []byte, _ string) (*vectors, error) {
	schema := object(nil, map[string]bodyschema.Schema{
		"inputText": textOf(titanMostCharacters), "inputImage": textOf(0),
		"embeddingConfig": object(nil, map[string]bodyschema.Schema{
			"outputEmbeddingLength": {Type: bodyschema.Integer, Enum: []string{"256", "384", "1024"}},
		}),
	})
	if err := checkBody(body, schema); err != nil {
		return nil, err
	}
	var said struct {
		Text   string `json:"inputText"`
		Image  string `json:"inputImage"`
		Config struct {
			Length int `json:"outputEmbeddingLength"`
		} `json:"embeddingConfig"`
	}
	if err := jsonx.Unmarshal(body, &said); err != nil {
		return nil, err
	}
	if said.Text == "" && said.Image == "" {
		return nil, malformedBody("#: required key [inputText] not found")
	}
	size := titanTwoSize
	if said.Config.Length != 0 {
		size = said.Config.Length
	}
	v := make([]float64, size)
	var tokens int64
	if said.Text != "" {
		if tokens = textTokens(said.Text); tokens > titanImageTokens {
			return nil, tooMany(tokens, titanImageTokens)
		}
		sum(v, vectorOf(to, said.Text, size))
	}
	if said.Image != "" {
		content, ok := mediumOf(said.Image)
		if !ok || pictureOf(content).format == "" {
			return nil, invalid("Unable to process provided image data.")
		}
		sum(v, vector.OfBytes(to.ID, content, size))
	}
	var w jsonx.Writer
	w.Object()
	w.Key("embedding")
	writeVector(&w, vector.Unit(v))
	w.Key("inputTextTokenCount")
	w.Int(tokens)
	w.Key("message")
	w.Null()
	w.EndObject()
	return &vectors{body: w.Buf, tokens: tokens}, nil
}

// sum adds a vector to another.
func sum(to, v []float64) {
	for i := range to {
		to[i] += v[i]
	}
}
