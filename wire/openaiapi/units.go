package openaiapi

import (
	"unicode/utf8"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Units reads from a response without tokens what its call is billed by: the number of images, or the length of
// audio in seconds. If it reports false, missing says what the response lacks.
func Units(dialect string, body []byte) (u llm.Usage, missing string, ok bool) {
	switch dialect {
	case llm.DialectImageGenerations, llm.DialectImageEdits, llm.DialectImageVariations:
		var b struct {
			Data elements  `json:"data"`
			Rest jsonx.Raw `json:",embed"`
		}
		if jsonx.Unmarshal(body, &b) != nil || b.Data == 0 {
			return u, "the response has neither tokens nor images", false
		}
		u.Images = int64(b.Data)
	case llm.DialectTranscriptions, llm.DialectTranslations:
		var b struct {
			Usage    jsonx.Raw `json:"usage"`
			Duration jsonx.Raw `json:"duration"`
			Rest     jsonx.Raw `json:",embed"`
		}
		var spent struct {
			Seconds jsonx.Raw `json:"seconds"`
			Rest    jsonx.Raw `json:",embed"`
		}
		if jsonx.Unmarshal(body, &b) == nil && b.Usage.Kind() == '{' && jsonx.Unmarshal(b.Usage, &spent) == nil {
			u.Seconds = seconds(spent.Seconds)
		}
		if u.Seconds == 0 {
			u.Seconds = seconds(b.Duration)
		}
		if u.Seconds == 0 {
			return u, "the response says neither tokens nor the length of the audio; the format verbose_json has it", false
		}
	default:
		return u, "the response reports no usage", false
	}
	return u, "", true
}

// Spoken counts what a request for speech is billed by where the response is audio alone: characters of its text.
func Spoken(body jsonx.Raw) (llm.Usage, bool) {
	var b struct {
		Input jsonx.Raw `json:"input"`
		Rest  jsonx.Raw `json:",embed"`
	}
	var text string
	if jsonx.Unmarshal(body, &b) != nil || b.Input.Kind() != '"' || jsonx.Unmarshal(b.Input, &text) != nil || text == "" {
		return llm.Usage{}, false
	}
	return llm.Usage{Characters: int64(utf8.RuneCountInString(text))}, true
}

// seconds is a length of audio; 0 if it is none. No file is longer than a year.
func seconds(raw jsonx.Raw) float64 {
	var s float64
	if len(raw) == 0 || raw.Kind() != '0' || jsonx.Unmarshal(raw, &s) != nil || !(s > 0 && s < 365*24*3600) {
		return 0
	}
	return s
}

// elements counts the elements of an array without keeping them.
type elements int64

// UnmarshalJSONFrom receives jsonx's decoder.
func (n *elements) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	if d.PeekKind() != '[' {
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != ']' {
		if err := d.SkipValue(); err != nil {
			return err
		}
		*n++
	}
	_, err := d.ReadToken()
	return err
}
