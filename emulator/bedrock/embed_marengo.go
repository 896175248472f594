package bedrock

import (
	"strings"

	"outcrop/emulator/bedrock/bodyschema"
	"outcrop/emulator/bedrock/catalogue"
	"outcrop/emulator/bedrock/vector"
	"outcrop/internal/jsonx"
)

// Limits of TwelveLabs' Marengo
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-marengo.html,
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-marengo-3.html).
const (
	marengoTwoSize     = 1024
	marengoThreeSize   = 512
	marengoTwoTokens   = 77
	marengoThreeTokens = 500
)

// marengoMedia is a medium in base64 or in S3.
type marengoMedia struct {
	Base64     string `json:"base64String"`
	S3Location *struct {
		URI string `json:"uri"`
	} `json:"s3Location"`
}

func mediaSource() bodyschema.Schema {
	return object(nil, map[string]bodyschema.Schema{
		"base64String": textOf(0),
		"s3Location":   object([]string{"uri"}, map[string]bodyschema.Schema{"uri": textOf(0), "bucketOwner": textOf(0)}),
	})
}

// marengo2 is Marengo Embed 2.7, whose parameters are members of the body.
func marengo2(to *catalogue.Model, body []byte, _ string) (*vectors, error) {
	schema := object([]string{"inputType"}, map[string]bodyschema.Schema{
		"inputType": oneOfWords("text", "image", "video", "audio"), "inputText": textOf(0), "textTruncate": oneOfWords("end", "none"),
		"mediaSource": mediaSource(), "embeddingOption": {Type: bodyschema.Array}, "startSec": {Type: bodyschema.Number},
		"lengthSec": {Type: bodyschema.Number}, "useFixedLengthSec": {Type: bodyschema.Number}, "minClipSec": {Type: bodyschema.Integer},
	})
	if err := checkBody(body, schema); err != nil {
		return nil, err
	}
	var said struct {
		Type     string        `json:"inputType"`
		Text     string        `json:"inputText"`
		Truncate string        `json:"textTruncate"`
		Media    *marengoMedia `json:"mediaSource"`
	}
	if err := jsonx.Unmarshal(body, &said); err != nil {
		return nil, err
	}
	m := marengo{to: to, size: marengoTwoSize, most: marengoTwoTokens, truncate: said.Truncate != "none"}
	switch said.Type {
	case "text":
		return m.answer(m.text(said.Text, "#: required key [inputText] not found"))
	case "image":
		return m.answer(m.image(said.Media, "#: required key [mediaSource] not found"))
	default:
		return nil, asyncOnly(said.Type)
	}
}

// marengo3 is Marengo Embed 3.0, which has an object for each type of input.
func marengo3(to *catalogue.Model, body []byte, _ string) (*vectors, error) {
	media := object([]string{"mediaSource"}, map[string]bodyschema.Schema{"mediaSource": mediaSource()})
	schema := object([]string{"inputType"}, map[string]bodyschema.Schema{
		"inputType": oneOfWords("text", "image", "text_image", "video", "audio"),
		"text":      object([]string{"inputText"}, map[string]bodyschema.Schema{"inputText": textOf(0)}), "image": media,
		"text_image": object([]string{"inputText", "mediaSource"}, map[string]bodyschema.Schema{"inputText": textOf(0), "mediaSource": mediaSource()}),
		"video":      {Type: bodyschema.Object}, "audio": {Type: bodyschema.Object},
	})
	if err := checkBody(body, schema); err != nil {
		return nil, err
	}
	type input struct {
		Text  string        `json:"inputText"`
		Media *marengoMedia `json:"mediaSource"`
	}
	var said struct {
		Type      string `json:"inputType"`
		Text      input  `json:"text"`
		Image     input  `json:"image"`
		TextImage input  `json:"text_image"`
	}
	if err := jsonx.Unmarshal(body, &said); err != nil {
		return nil, err
	}
	m := marengo{to: to, size: marengoThreeSize, most: marengoThreeTokens}
	switch said.Type {
	case "text":
		return m.answer(m.text(said.Text.Text, "#: required key [text] not found"))
	case "image":
		return m.answer(m.image(said.Image.Media, "#: required key [image] not found"))
	case "text_image":
		v, err := m.text(said.TextImage.Text, "#: required key [text_image] not found")
		if err != nil {
			return nil, err
		}
		picture, err := m.image(said.TextImage.Media, "#: required key [text_image] not found")
		if err != nil {
			return nil, err
		}
		sum(v, picture)
		return m.answer(vector.Unit(v), nil)
	default:
		return nil, asyncOnly(said.Type)
	}
}

// asyncOnly refuses an input type that only StartAsyncInvoke accepts.
func asyncOnly(kind string) error {
	return invalid("The %s input type is only supported by the StartAsyncInvoke API.", kind)
}

// marengo is one call of Marengo.
type marengo struct {
	to       *catalogue.Model
	size     int
	most     int64
	truncate bool
	tokens   int64
}

func (m *marengo) text(text, missing string) ([]float64, error) {
	if text == "" {
		return nil, malformedBody(missing)
	}
	m.tokens = textTokens(text)
	if m.tokens > m.most {
		if !m.truncate {
			return nil, invalid("The input text exceeds the maximum of %d tokens.", m.most)
		}
		text, m.tokens = shorten(text, int(m.most)*charactersPerWord, false), m.most
	}
	return vectorOf(m.to, text, m.size), nil
}

func (m *marengo) image(media *marengoMedia, missing string) ([]float64, error) {
	switch {
	case media == nil, media.Base64 == "" && media.S3Location == nil:
		return nil, malformedBody(missing)
	case media.S3Location != nil && strings.HasPrefix(media.S3Location.URI, "s3://"):
		return vector.OfBytes(m.to.ID, []byte(media.S3Location.URI), m.size), nil
	}
	content, ok := mediumOf(media.Base64)
	if !ok || pictureOf(content).format == "" {
		return nil, invalid("The provided image could not be read.")
	}
	return vector.OfBytes(m.to.ID, content, m.size), nil
}

// answer returns the answer with a vector.
func (m *marengo) answer(v []float64, err error) (*vectors, error) {
	if err != nil {
		return nil, err
	}
	var w jsonx.Writer
	w.Object()
	w.Key("data")
	w.Array()
	w.Object()
	w.Key("embedding")
	writeVector(&w, v)
	w.EndObject()
	w.EndArray()
	w.EndObject()
	return &vectors{body: w.Buf, tokens: m.tokens}, nil
}
