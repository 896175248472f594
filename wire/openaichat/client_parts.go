package openaichat

import (
	"outcrop/llm"
	"outcrop/wire/mediatype"
	"outcrop/wire/openaipart"
)

// part writes the members of a content part.
func (e *requestWriter) part(b *llm.Block, field string) error {
	w := e.w
	w.Key("type")
	switch b.Kind {
	case llm.BlockText:
		w.Word("text")
		w.Key("text")
		w.String(b.Text)
		return nil
	case llm.BlockImage:
		w.Word("image_url")
		w.Key("image_url")
		return e.located(b, field)
	case llm.BlockVideo:
		if !e.form.Video {
			return llm.Unsupported(field, "%s: this model does not accept video", field)
		}
		w.Word("video_url")
		w.Key("video_url")
		return e.located(b, field)
	case llm.BlockAudio:
		return e.audio(b.Media, field)
	case llm.BlockDocument:
		return e.document(b.Media, field)
	case llm.BlockOther:
		if b.Text != "" { // such as a text that a guardrail would check
			w.Word("text")
			w.Key("text")
			w.String(b.Text)
			return nil
		}
		return llm.Unsupported(field, "%s: a block of type %s is not supported by this model", field, otherName(b))
	default:
		return llm.Unsupported(field, "%s: a block of this kind is not supported by this model", field)
	}
}

// located writes {"url":...} with the content or its address.
func (e *requestWriter) located(b *llm.Block, field string) error {
	m := b.Media
	e.w.Object()
	e.w.Key("url")
	switch {
	case m.Remote():
		e.w.String(m.URI)
	case m.URI != "":
		return openaipart.OnlyAWS(field)
	case m.Base64.IsZero():
		return llm.Unsupported(field, "%s: a source of this kind is not supported by this model", field)
	default:
		e.dataURI(mediatype.Of(b.Kind, b.Media.Format), m)
	}
	e.w.EndObject()
	return nil
}

// dataURI writes content as a data URI.
func (e *requestWriter) dataURI(mediaType string, m *llm.Media) {
	e.w.PrefixedBase64("data:"+mediaType+";base64,", m.Base64.Bytes())
}

// audio writes a part of type input_audio.
func (e *requestWriter) audio(m *llm.Media, field string) error {
	if m.Base64.IsZero() {
		return llm.Unsupported(field, "%s: audio must be inline for this model", field)
	}
	e.w.Word("input_audio")
	e.w.Key("input_audio")
	e.w.Object()
	e.w.Key("data")
	e.w.Base64(m.Base64.Bytes())
	e.w.Key("format")
	e.w.String(m.Format)
	e.w.EndObject()
	return nil
}

// document writes a document: a text as a text part, because OpenAI's files are PDF, and everything
// else as a file.
func (e *requestWriter) document(m *llm.Media, field string) error {
	w := e.w
	if openaipart.Cited(m) {
		e.once(llm.WarnDropped, field+".citations", "the model does not cite documents")
	}
	if text, ok := openaipart.Text(m); ok {
		w.Word("text")
		w.Key("text")
		w.String(text)
		return nil
	}
	switch {
	case m.URI != "" && !m.Remote():
		return openaipart.OnlyAWS(field)
	case m.Base64.IsZero():
		return llm.Unsupported(field, "%s: a document must be inline for this model", field)
	}
	if m.Context != "" {
		e.once(llm.WarnDropped, field+".context", "")
	}
	name, format := openaipart.File(m)
	w.Word("file")
	w.Key("file")
	w.Object()
	w.Key("filename")
	w.String(name)
	w.Key("file_data")
	e.dataURI(mediatype.Of(llm.BlockDocument, format), m)
	w.EndObject()
	return nil
}
