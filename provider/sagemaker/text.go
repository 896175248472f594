package sagemaker

import (
	"cmp"
	"errors"
	"io"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/openaicompat"
	"outcrop/wire/sse"
	"outcrop/wire/textgen"
)

// dialect is how containers that generate text are called.
type dialect struct {
	name string // of the model at Hugging Face; empty if it is not set
}

// AppendRequest writes a chat as one text.
func (d dialect) AppendRequest(w *jsonx.Writer, req *llm.Request, model string) ([]llm.Warning, error) {
	return textgen.AppendRequest(w, req, textgen.TemplateOf(cmp.Or(d.name, model)))
}

// DecodeResponse reads the response to a chat.
func (dialect) DecodeResponse(body []byte) (*llm.Response, error) {
	return textgen.DecodeResponse(body)
}

// NewReader reads a streaming response.
func (dialect) NewReader(body io.Reader) openaicompat.EventReader {
	return &reader{frames: sse.NewReader(body)}
}

// DecodeModels is not called: the endpoint lists its models.
func (dialect) DecodeModels([]byte) ([]provider.Model, error) { return nil, nil }

// Fix is the next step for a refusal.
func (dialect) Fix(code llm.Code, model string) string {
	if code == llm.CodeUnknownField || code == llm.CodeInvalid {
		return "Check the request against the API of the container; if it speaks OpenAI's chat format, call it as sagemaker_chat/" + model + "."
	}
	return ""
}

// reader reads the events of a streaming response.
type reader struct {
	frames *sse.Reader
	events textgen.Reader
}

func (r *reader) Append(events []llm.Event) ([]llm.Event, error) {
	if r.events.Finished() {
		r.frames.Finish() // [DONE] may be behind the end
		return events, io.EOF
	}
	var frame sse.Event
	err := r.frames.Next(&frame)
	switch done := err == nil && strings.TrimSpace(string(frame.Data)) == "[DONE]"; {
	case done || errors.Is(err, io.EOF):
		var complete bool
		if events, complete = r.events.End(events); complete {
			return events, nil
		}
		return events, io.ErrUnexpectedEOF
	case err != nil:
		return events, err
	}
	return r.events.Append(events, frame.Data)
}

func (r *reader) More() bool { return r.frames.More() }

var _ openaicompat.Dialect = dialect{}
