package bedrock

import (
	"strings"

	"outcrop/emulator/bedrock/bodyschema"
	"outcrop/emulator/bedrock/catalogue"
	"outcrop/emulator/bedrock/vector"
	"outcrop/internal/jsonx"
)

// Limits of Cohere Embed
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed.html,
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-embed-v4.html,
// and for the length of a text public reports).
const (
	cohereMostTexts      = 96
	cohereMostCharacters = 2048
	cohereThreeSize      = 1024
	cohereFourSize       = 1536
	cohereThreeTokens    = 512
	cohereFourTokens     = 128_000
)

// cohereBody is a body of Embed v3 or v4.
type cohereBody struct {
	Texts     []string `json:"texts"`
	Images    []string `json:"images"`
	InputType string   `json:"input_type"`
	Truncate  string   `json:"truncate"`
	Types     []string `json:"embedding_types"`
	Dimension int      `json:"output_dimension"`
	MaxTokens *int64   `json:"max_tokens"`
	Inputs    []struct {
		Content []struct {
			Type     string `json:"type"`
			Text     string `json:"text"`
			ImageURL struct {
				URL string `json:"url"`
			} `json:"image_url"`
		} `json:"content"`
	} `json:"inputs"`
}

func cohereSchema(four bool) bodyschema.Schema {
	properties := map[string]bodyschema.Schema{
		"texts":           listOf(textOf(cohereMostCharacters), cohereMostTexts),
		"images":          listOf(textOf(0), 1),
		"input_type":      oneOfWords("search_document", "search_query", "classification", "clustering", "image"),
		"truncate":        oneOfWords("NONE", "START", "END"),
		"embedding_types": listOf(oneOfWords("float", "int8", "uint8", "binary", "ubinary"), 5),
	}
	if four {
		properties["texts"] = listOf(textOf(0), cohereMostTexts)
		properties["images"] = listOf(textOf(0), cohereMostTexts)
		properties["truncate"] = oneOfWords("NONE", "START", "END", "LEFT", "RIGHT")
		properties["output_dimension"] = bodyschema.Schema{Type: bodyschema.Integer, Enum: []string{"256", "512", "1024", "1536"}}
		properties["max_tokens"] = number(bodyschema.Integer, 1, cohereFourTokens)
		properties["inputs"] = listOf(object([]string{"content"}, map[string]bodyschema.Schema{
			"content": listOf(bodyschema.Schema{Type: bodyschema.Object}, 0),
		}), cohereMostTexts)
	}
	return object([]string{"input_type"}, properties)
}

// cohereEmbed is Cohere's Embed: many texts, or images, in one call.
func cohereEmbed(to *catalogue.Model, body []byte, id string) (*vectors, error) {
	four := strings.HasPrefix(to.ID, "cohere.embed-v4")
	if err := checkBody(body, cohereSchema(four)); err != nil {
		return nil, err
	}
	var said cohereBody
	if err := jsonx.Unmarshal(body, &said); err != nil {
		return nil, err
	}
	if n := present(said.Texts) + present(said.Images) + present(said.Inputs); n != 1 {
		return nil, malformedBody("#: exactly one of [texts], [images] and [inputs] must be given")
	}
	size, most := cohereThreeSize, int64(cohereThreeTokens)
	if four {
		size, most = cohereFourSize, cohereFourTokens
	}
	if said.Dimension != 0 {
		size = said.Dimension
	}
	if said.MaxTokens != nil {
		most = *said.MaxTokens
	}
	all, tokens, err := said.embed(to, size, most)
	if err != nil {
		return nil, err
	}
	return &vectors{body: said.write(all, id, four), tokens: tokens, uncounted: len(said.Images) > 0 && !four}, nil
}

func present[T any](list []T) int { return min(1, len(list)) }

// embed returns the vectors of the inputs. Texts with more than most tokens are truncated
// or refused.
func (b *cohereBody) embed(to *catalogue.Model, size int, most int64) (all [][]float64, tokens int64, err error) {
	text := func(t string) ([]float64, error) {
		n := textTokens(t)
		if n > most {
			if b.Truncate == "" || b.Truncate == "NONE" {
				return nil, invalid("too many tokens: total number of tokens in the input cannot exceed %d - received %d. Try using a shorter input, or set truncate to END or START.", most, n)
			}
			t, n = shorten(t, int(most)*charactersPerWord, b.Truncate == "START" || b.Truncate == "LEFT"), most
		}
		tokens += n
		return vectorOf(to, t, size), nil
	}
	image := func(data string) ([]float64, error) {
		content, ok := mediumOf(data)
		if !ok || !strings.HasPrefix(data, "data:") || pictureOf(content).format == "" {
			return nil, invalid("invalid image: images must be data URIs in base64 of a PNG, JPEG, WebP or GIF")
		}
		return vector.OfBytes(to.ID, content, size), nil
	}
	add := func(v []float64, err error) error {
		all = append(all, v)
		return err
	}
	for _, t := range b.Texts {
		if err := add(text(t)); err != nil {
			return nil, 0, err
		}
	}
	for _, data := range b.Images {
		if err := add(image(data)); err != nil {
			return nil, 0, err
		}
	}
	for _, in := range b.Inputs {
		v := make([]float64, size)
		for _, part := range in.Content {
			of, kind := text, part.Text
			if part.Type == "image_url" {
				of, kind = image, part.ImageURL.URL
			}
			one, err := of(kind)
			if err != nil {
				return nil, 0, err
			}
			sum(v, one)
		}
		all = append(all, vector.Unit(v))
	}
	return all, tokens, nil
}

// shorten truncates a text to most characters, at its start or its end.
func shorten(text string, most int, start bool) string {
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	if start {
		return string(runes[len(runes)-most:])
	}
	return string(runes[:most])
}

// write returns the answer. v3 repeats the texts in lower case (recorded exchanges).
func (b *cohereBody) write(all [][]float64, id string, four bool) []byte {
	var w jsonx.Writer
	w.Object()
	w.Key("embeddings")
	kind := "embeddings_floats"
	if four || len(b.Types) > 0 {
		kind = "embeddings_by_type"
		types := b.Types
		if len(types) == 0 {
			types = []string{"float"}
		}
		w.Object()
		for _, t := range types {
			w.Key(t)
			w.Array()
			for _, v := range all {
				writeAs(&w, t, v)
			}
			w.EndArray()
		}
		w.EndObject()
	} else {
		w.Array()
		for _, v := range all {
			writeVector(&w, v)
		}
		w.EndArray()
	}
	w.Key("id")
	w.String(id)
	w.Key("response_type")
	w.Word(kind)
	if len(b.Texts) > 0 {
		w.Key("texts")
		w.Array()
		for _, t := range b.Texts {
			if !four {
				t = strings.ToLower(t)
			}
			w.String(t)
		}
		w.EndArray()
	}
	w.EndObject()
	return w.Buf
}
