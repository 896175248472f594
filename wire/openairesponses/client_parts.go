package openairesponses

import (
	"outcrop/llm"
	"outcrop/wire/mediatype"
	"outcrop/wire/openaipart"
)

// inputText writes a part of a text.
func (e *requestWriter) inputText(text string) {
	e.w.Object()
	e.w.Key("type")
	e.w.Word("input_text")
	e.w.Key("text")
	e.w.String(text)
	e.w.EndObject()
}

// part writes a part of a message or of a result.
func (e *requestWriter) part(b *llm.Block, field string) error {
	switch {
	case b.Kind == llm.BlockText, b.Kind == llm.BlockOther && b.Text != "": // such as a text that a guardrail would check
		e.inputText(b.Text)
		return nil
	case b.Kind == llm.BlockOther:
		return llm.Unsupported(field, "%s: a block of type %s is not supported by this model", field, otherName(b))
	case b.Kind == llm.BlockImage:
		return e.image(b, field)
	case b.Kind == llm.BlockDocument:
		return e.document(b.Media, field)
	case b.Kind == llm.BlockAudio:
		return llm.Unsupported(field, "%s: this model does not accept audio", field)
	case b.Kind == llm.BlockVideo:
		return llm.Unsupported(field, "%s: this model does not accept video", field)
	default:
		return llm.Unsupported(field, "%s: a block of this kind is not supported by this model", field)
	}
}

// image writes a part of type input_image.
func (e *requestWriter) image(b *llm.Block, field string) error {
	w, m := e.w, b.Media
	switch {
	case m.URI != "" && !m.Remote():
		return openaipart.OnlyAWS(field)
	case m.URI == "" && m.Base64.IsZero():
		return llm.Unsupported(field, "%s: a source of this kind is not supported by this model", field)
	}
	w.Object()
	w.Key("type")
	w.Word("input_image")
	w.Key("detail")
	w.Word("auto")
	w.Key("image_url")
	if m.Remote() {
		w.String(m.URI)
	} else {
		w.PrefixedBase64("data:"+mediatype.Of(b.Kind, m.Format)+";base64,", m.Base64.Bytes())
	}
	w.EndObject()
	return nil
}

// document writes a document: a text as a text part, and everything else as a file.
func (e *requestWriter) document(m *llm.Media, field string) error {
	if openaipart.Cited(m) {
		e.once(field+".citations", "the model does not cite documents")
	}
	if text, ok := openaipart.Text(m); ok {
		e.inputText(text)
		return nil
	}
	switch {
	case m.URI != "" && !m.Remote():
		return openaipart.OnlyAWS(field)
	case m.URI == "" && m.Base64.IsZero():
		return llm.Unsupported(field, "%s: a source of this kind is not supported by this model", field)
	}
	if m.Context != "" {
		e.once(field+".context", "the API has no place for it")
	}
	w := e.w
	w.Object()
	w.Key("type")
	w.Word("input_file")
	if m.Remote() { // which has a name of its own
		w.Key("file_url")
		w.String(m.URI)
		w.EndObject()
		return nil
	}
	name, format := openaipart.File(m)
	w.Key("filename")
	w.String(name)
	w.Key("file_data")
	w.PrefixedBase64("data:"+mediatype.Of(llm.BlockDocument, format)+";base64,", m.Base64.Bytes())
	w.EndObject()
	return nil
}
