package openaiembed

import (
	"outcrop/internal/jsonx"
	"outcrop/wire/litellm"
)

// inputs is a text, a list of tokens, or a list of inputs.
type inputs struct {
	given  bool
	single bool // all[0] is written without a list around it
	all    []element
}

// element is one input: a text, tokens, or parts.
type element struct {
	text   string
	tokens []int64
	parts  []part
}

func (l *inputs) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case 'n':
		return d.SkipValue()
	case '"', '{':
		l.given, l.single, l.all = true, true, make([]element, 1)
		return l.all[0].read(d)
	case '[':
		l.given = true
	default:
		return jsonx.Fault("must be a string or an array, not %s", jsonx.KindName(d.PeekKind()))
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	if d.PeekKind() == '0' { // the tokens of one text
		l.single, l.all = true, make([]element, 1)
		if err := l.all[0].readTokens(d); err != nil {
			return err
		}
	}
	for d.PeekKind() != ']' {
		if len(l.all) > maxInputs {
			return jsonx.Fault("must have at most %d elements; send several requests", maxInputs)
		}
		switch kind := d.PeekKind(); kind {
		case '"', '{', '[':
		default:
			return litellm.FaultAt(len(l.all), "must be a string, an array of tokens or a content part, not %s", jsonx.KindName(kind))
		}
		var e element
		if err := e.read(d); err != nil {
			return err
		}
		l.all = append(l.all, e)
	}
	_, err := d.ReadToken()
	return err
}

// read reads a string, an object or an array.
func (e *element) read(d *jsonx.Decoder) error {
	switch d.PeekKind() {
	case '"':
		return jsonx.UnmarshalDecode(d, &e.text)
	case '{':
		var o object
		if err := jsonx.UnmarshalDecode(d, &o); err != nil {
			return err
		}
		if e.parts = o.Content; e.parts == nil {
			o.bare = true
			e.parts = []part{o.part}
		}
		return nil
	default:
		if _, err := d.ReadToken(); err != nil {
			return err
		}
		e.tokens = []int64{}
		if err := e.readTokens(d); err != nil {
			return err
		}
		_, err := d.ReadToken()
		return err
	}
}

// readTokens reads numbers up to the end of their array.
func (e *element) readTokens(d *jsonx.Decoder) error {
	for d.PeekKind() != ']' {
		var token int64
		if d.PeekKind() != '0' {
			return litellm.FaultAt(len(e.tokens), "must be a token (an integer), not %s", jsonx.KindName(d.PeekKind()))
		}
		if err := jsonx.UnmarshalDecode(d, &token); err != nil {
			return err
		}
		if token < 0 {
			return litellm.FaultAt(len(e.tokens), "must be a token, which is not negative, not %d", token)
		}
		e.tokens = append(e.tokens, token)
	}
	return nil
}

// object is an input as content: one part, or Cohere's list of parts.
type object struct {
	part
	Content []part `json:"content"`
}

// part is a part of an input, in OpenAI's and Cohere's form.
type part struct {
	Type     string                   `json:"type"`
	Text     litellm.Optional[string] `json:"text"`
	ImageURL address                  `json:"image_url"`
	AudioURL address                  `json:"audio_url"`
	VideoURL address                  `json:"video_url"`

	bare bool // the part is the whole input
}

// address is where content is: a data URI, a URL, or base64.
type address struct {
	URL         string `json:"url"`
	Format      string `json:"format"`
	BucketOwner string `json:"bucket_owner"`
}

// UnmarshalJSONFrom also accepts Cohere's form, a string.
func (u *address) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	if d.PeekKind() == '"' {
		return jsonx.UnmarshalDecode(d, &u.URL)
	}
	type plain address
	return jsonx.UnmarshalDecode(d, (*plain)(u))
}
