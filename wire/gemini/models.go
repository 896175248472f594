package gemini

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Model is a model in a list (https://ai.google.dev/api/models#Model).
type Model struct {
	// ID is the name by which it is called, and Title the one for people; empty for none.
	ID, Title string
	// MaxInput and MaxOutput are limits in tokens; 0 if they are not known.
	MaxInput, MaxOutput int64
	// Verb is what the model is for; 0 if that is not known.
	Verb llm.Verb
}

// AppendModel appends a model as a response of its own.
func AppendModel(dst []byte, m *Model) []byte {
	w := jsonx.Writer{Buf: dst}
	m.write(&w)
	return w.Buf
}

// AppendModels appends a page of a list. next is the token of the next page; empty if there is none.
func AppendModels(dst []byte, page []Model, next string) []byte {
	w := jsonx.Writer{Buf: dst}
	w.Object()
	w.Key("models")
	w.Array()
	for i := range page {
		page[i].write(&w)
	}
	w.EndArray()
	if next != "" {
		w.Key("nextPageToken")
		w.String(next)
	}
	w.EndObject()
	return w.Buf
}

func (m *Model) write(w *jsonx.Writer) {
	w.Object()
	w.Key("name")
	w.String("models/" + m.ID)
	w.Key("displayName")
	if m.Title != "" {
		w.String(m.Title)
	} else {
		w.String(m.ID)
	}
	if m.MaxInput > 0 {
		w.Key("inputTokenLimit")
		w.Int(m.MaxInput)
	}
	if m.MaxOutput > 0 {
		w.Key("outputTokenLimit")
		w.Int(m.MaxOutput)
	}
	methods := []string{"generateContent", "countTokens"}
	if m.Verb == llm.VerbEmbed {
		methods = []string{"embedContent"}
	}
	w.Key("supportedGenerationMethods")
	w.Array()
	for _, method := range methods {
		w.String(method)
	}
	w.EndArray()
	w.EndObject()
}
