package bedrock

import (
	"maps"
	"strings"

	"outcrop/emulator/bedrock/bodyschema"
	"outcrop/emulator/bedrock/catalogue"
	"outcrop/emulator/bedrock/vector"
	"outcrop/internal/jsonx"
)

// Limits of Amazon Nova Multimodal Embeddings
// (https://docs.aws.amazon.com/nova/latest/userguide/embeddings-schema.html).
const (
	novaEmbedSize       = 3072
	novaMostTokens      = 8192
	novaMostCharacters  = 8192
	novaRetrievalTokens = 14 // of the instruction before a text that is searched with (recorded exchanges)
)

// novaSource is the source of a medium.
type novaSource struct {
	Bytes      string `json:"bytes"`
	S3Location *struct {
		URI string `json:"uri"`
	} `json:"s3Location"`
}

type novaMedium struct {
	Format string     `json:"format"`
	Source novaSource `json:"source"`
}

type novaParams struct {
	Purpose   string `json:"embeddingPurpose"`
	Dimension int    `json:"embeddingDimension"`
	Text      *struct {
		Mode  string `json:"truncationMode"`
		Value string `json:"value"`
	} `json:"text"`
	Image *novaMedium `json:"image"`
	Video *novaMedium `json:"video"`
	Audio *novaMedium `json:"audio"`
}

func novaEmbedSchema() bodyschema.Schema {
	source := bodyschema.Schema{Type: bodyschema.Object}
	medium := func(more map[string]bodyschema.Schema, formats ...string) bodyschema.Schema {
		properties := map[string]bodyschema.Schema{"format": oneOfWords(formats...), "source": source}
		maps.Copy(properties, more)
		return object([]string{"format", "source"}, properties)
	}
	params := object([]string{"embeddingPurpose"}, map[string]bodyschema.Schema{
		"embeddingPurpose": oneOfWords("GENERIC_INDEX", "GENERIC_RETRIEVAL", "TEXT_RETRIEVAL", "IMAGE_RETRIEVAL", "VIDEO_RETRIEVAL",
			"DOCUMENT_RETRIEVAL", "AUDIO_RETRIEVAL", "CLASSIFICATION", "CLUSTERING"),
		"embeddingDimension": {Type: bodyschema.Integer, Enum: []string{"256", "384", "1024", "3072"}},
		"text": object([]string{"truncationMode"}, map[string]bodyschema.Schema{
			"truncationMode": oneOfWords("START", "END", "NONE"), "value": textOf(novaMostCharacters), "source": source,
		}),
		"image": medium(map[string]bodyschema.Schema{"detailLevel": oneOfWords("STANDARD_IMAGE", "DOCUMENT_IMAGE")}, "png", "jpeg", "gif", "webp"),
		"video": medium(map[string]bodyschema.Schema{"embeddingMode": oneOfWords("AUDIO_VIDEO_COMBINED", "AUDIO_VIDEO_SEPARATE")}, "mp4", "mov", "mkv", "webm", "flv", "mpeg", "mpg", "wmv", "3gp"),
		"audio": medium(nil, "mp3", "wav", "ogg"),
	})
	return object([]string{"taskType"}, map[string]bodyschema.Schema{
		"schemaVersion":         oneOfWords("nova-multimodal-embed-v1", "amazon.nova-2-multimodal-embeddings-v1"),
		"taskType":              oneOfWords("SINGLE_EMBEDDING", "SEGMENTED_EMBEDDING"),
		"singleEmbeddingParams": params, "segmentedEmbeddingParams": {Type: bodyschema.Object},
	})
}

// novaEmbed is Amazon Nova Multimodal Embeddings, which takes one input per call.
func novaEmbed(to *catalogue.Model, body []byte, _ string) (*vectors, error) {
	if err := checkBody(body, novaEmbedSchema()); err != nil {
		return nil, err
	}
	var said struct {
		Task   string      `json:"taskType"`
		Single *novaParams `json:"singleEmbeddingParams"`
	}
	if err := jsonx.Unmarshal(body, &said); err != nil {
		return nil, err
	}
	switch {
	case said.Task == "SEGMENTED_EMBEDDING":
		return nil, invalid("The SEGMENTED_EMBEDDING task type is only supported by the StartAsyncInvoke API.")
	case said.Single == nil:
		return nil, malformedBody("#: required key [singleEmbeddingParams] not found")
	}
	return said.Single.embed(to)
}

func (p *novaParams) embed(to *catalogue.Model) (*vectors, error) {
	size := novaEmbedSize
	if p.Dimension != 0 {
		size = p.Dimension
	}
	given := 0
	answer := new(vectors)
	var w jsonx.Writer
	w.Object()
	w.Key("embeddings")
	w.Array()
	if p.Text != nil {
		given++
		text, tokens := p.Text.Value, textTokens(p.Text.Value)
		cut := 0
		if tokens > novaMostTokens {
			if p.Text.Mode == "NONE" {
				return nil, tooMany(tokens, novaMostTokens)
			}
			text = shorten(text, novaMostTokens*charactersPerWord, p.Text.Mode == "START")
			tokens, cut = novaMostTokens, len([]rune(text))
		}
		answer.tokens = tokens + 1
		if strings.HasSuffix(p.Purpose, "_RETRIEVAL") {
			answer.tokens = tokens + novaRetrievalTokens
		}
		writeNova(&w, "TEXT", vectorOf(to, text, size), cut)
	}
	for _, m := range [...]struct {
		kind   string
		medium *novaMedium
	}{{"IMAGE", p.Image}, {"VIDEO", p.Video}, {"AUDIO", p.Audio}} {
		if m.medium == nil {
			continue
		}
		given++
		content, ok := mediumOf(m.medium.Source.Bytes)
		if s3 := m.medium.Source.S3Location; s3 != nil {
			content, ok = []byte(s3.URI), strings.HasPrefix(s3.URI, "s3://")
		}
		if !ok || m.kind == "IMAGE" && m.medium.Source.S3Location == nil && pictureOf(content).format != m.medium.Format {
			return nil, invalid("The provided %s does not match the specified format.", strings.ToLower(m.kind))
		}
		writeNova(&w, m.kind, vector.OfBytes(to.ID, content, size), 0)
	}
	w.EndArray()
	w.EndObject()
	if given != 1 {
		return nil, malformedBody("#/singleEmbeddingParams: exactly one of [text], [image], [video] and [audio] must be given")
	}
	answer.body = w.Buf
	return answer, nil
}

// writeNova writes one embedding; cut is the length that a text was truncated to.
func writeNova(w *jsonx.Writer, kind string, v []float64, cut int) {
	w.Object()
	w.Key("embedding")
	writeVector(w, v)
	w.Key("embeddingType")
	w.Word(kind)
	if cut > 0 {
		w.Key("truncatedCharLength")
		w.Int(int64(cut))
	}
	w.EndObject()
}
