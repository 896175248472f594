package openaichat

import (
	"strings"

	"outcrop/llm"
	"outcrop/wire/mediatype"
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
		return onlyAWS(field)
	case m.Base64.IsZero():
		return llm.Unsupported(field, "%s: a source of this kind is not supported by this model", field)
	default:
		e.dataURI(mediatype.Of(b.Kind, b.Media.Format), m)
	}
	e.w.EndObject()
	return nil
}

func onlyAWS(field string) error {
	err := llm.Unsupported(field, "%s: only models of AWS Bedrock read s3:// addresses", field)
	err.Fix = "Send the content inline, or an https URL."
	return err
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
	text, isText := m.Text, m.Text != ""
	switch m.Format {
	case "txt", "md", "csv", "html":
		if !m.Base64.IsZero() {
			text, isText = string(m.Base64.Decode()), true
		}
	}
	if len(m.Citations) > 0 && !strings.Contains(string(m.Citations), "false") {
		e.once(llm.WarnDropped, field+".citations", "the model does not cite documents")
	}
	if isText {
		w.Word("text")
		w.Key("text")
		head := ""
		if m.Name != "" {
			head = m.Name + ":\n\n"
		}
		if m.Context != "" {
			head += m.Context + "\n\n"
		}
		w.String(head + text)
		return nil
	}
	switch {
	case m.URI != "" && !m.Remote():
		return onlyAWS(field)
	case m.Base64.IsZero():
		return llm.Unsupported(field, "%s: a document must be inline for this model", field)
	}
	if m.Context != "" {
		e.once(llm.WarnDropped, field+".context", "")
	}
	format := m.Format
	if format == "" {
		format = "pdf"
	}
	name := m.Name
	if name == "" {
		name = "document"
	}
	w.Word("file")
	w.Key("file")
	w.Object()
	w.Key("filename")
	if strings.HasSuffix(strings.ToLower(name), "."+format) {
		w.String(name)
	} else {
		w.String(name + "." + format)
	}
	w.Key("file_data")
	e.dataURI(mediatype.Of(llm.BlockDocument, format), m)
	w.EndObject()
	return nil
}
