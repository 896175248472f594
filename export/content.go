package export

import (
	"bytes"
	"cmp"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/telemetry"
)

// conversational are the members of requests in which dialects have what is asked.
func conversational(name string) bool {
	switch name {
	case "messages", "input", "contents", "prompt", "inputText", "inputs", "query", "documents":
		return true
	default:
		return false
	}
}

// secondary are members of requests that are content too, and belong to no parameters.
func secondary(name string) bool {
	switch name {
	case "system", "instructions", "systemInstruction", "system_instruction", "tools", "toolConfig", "functions", "metadata", "litellm_metadata", "user", "image", "mask", "file", "prediction", "previous_response_id", "model", "extra_headers", "extra_body":
		return true
	default:
		return conversational(name)
	}
}

// Asked is what a request asks, as JSON in the client's dialect; nil if it is not known.
func Asked(c *telemetry.Content) jsonx.Raw {
	if c == nil || c.RequestCut || len(c.Request) == 0 {
		return nil
	}
	members, err := jsonx.Members(c.Request)
	if err != nil {
		return nil
	}
	for i := range members {
		if conversational(members[i].Name) {
			return members[i].Value
		}
	}
	return nil
}

// System is what the request has as instructions, as JSON; nil if there are none, or if they are among the messages.
func System(c *telemetry.Content) jsonx.Raw {
	if c == nil || c.RequestCut || len(c.Request) == 0 {
		return nil
	}
	members, err := jsonx.Members(c.Request)
	if err != nil {
		return nil
	}
	for _, name := range [...]string{"system", "instructions", "systemInstruction", "system_instruction"} {
		if v := jsonx.Find(members, name); v != nil {
			return v
		}
	}
	return nil
}

// appendMessages writes what a request asks. Content that is longer than what is kept is written as the text that is there.
func appendMessages(w *jsonx.Writer, c *telemetry.Content) {
	switch asked := Asked(c); {
	case c == nil:
		w.String(Redacted)
	case asked != nil:
		w.Raw(asked)
	case len(c.Request) > 0:
		w.String(strings.ToValidUTF8(string(c.Request), "\uFFFD"))
	default:
		w.Null()
	}
}

// appendParameters writes the settings of a request, which are only known where its content is.
func appendParameters(w *jsonx.Writer, c *telemetry.Content) {
	w.Object()
	defer w.EndObject()
	if c == nil || c.RequestCut {
		return
	}
	members, err := jsonx.Members(c.Request)
	if err != nil {
		return
	}
	for i := range members {
		if !secondary(members[i].Name) {
			w.AnyKey(members[i].Name)
			w.Raw(members[i].Value)
		}
	}
}

// appendResponse writes what was answered.
func appendResponse(w *jsonx.Writer, r *Record) {
	c := r.Content
	switch {
	case c == nil:
		w.Object()
		w.Key("text")
		w.String(Redacted)
		w.EndObject()
	case len(c.Response) == 0:
		w.Null()
	case strings.HasPrefix(c.Type, "text/event-stream"):
		answer := Assemble(c.Response)
		w.Object()
		w.Key("choices")
		w.Array()
		w.Object()
		w.Key("finish_reason")
		w.String(cmp.Or(r.Stop, "stop"))
		w.Key("index")
		w.Int(0)
		w.Key("message")
		w.Object()
		w.Key("content")
		w.String(answer.Text)
		w.Key("role")
		w.String("assistant")
		if answer.Reasoning != "" {
			w.Key("reasoning_content")
			w.String(answer.Reasoning)
		}
		if answer.Arguments != "" {
			w.Key("tool_arguments")
			w.String(answer.Arguments)
		}
		w.EndObject()
		w.EndObject()
		w.EndArray()
		w.Key("usage")
		appendUsage(w, &r.Usage)
		if c.ResponseCut {
			w.Key("truncated")
			w.Bool(true)
		}
		w.EndObject()
	case !c.ResponseCut && jsonx.Valid(c.Response):
		w.Raw(c.Response)
	case textual(c.Type):
		w.String(strings.ToValidUTF8(string(c.Response), "\uFFFD"))
	default: // frames, audio, images
		w.Null()
	}
}

func textual(kind string) bool {
	return strings.HasPrefix(kind, "application/json") || strings.HasPrefix(kind, "text/")
}

// Answer is what a stream has said.
type Answer struct {
	Text, Reasoning string
	// Arguments are those of the tools that were called, one after the other.
	Arguments string
}

// Assemble puts the texts of server-sent events together, of OpenAI's two APIs, Anthropic's and Gemini's.
func Assemble(stream []byte) Answer {
	var text, reasoning, arguments strings.Builder
	for line := range bytes.Lines(stream) {
		data, ok := bytes.CutPrefix(bytes.TrimRight(line, "\r\n"), []byte("data:"))
		if !ok {
			continue
		}
		var ev event
		if jsonx.Unmarshal(bytes.TrimSpace(data), &ev) != nil {
			continue
		}
		for i := range ev.Choices {
			c := &ev.Choices[i]
			text.WriteString(c.Delta.Content.Value)
			text.WriteString(c.Text.Value)
			reasoning.WriteString(c.Delta.Reasoning.Value)
			for j := range c.Delta.Tools {
				arguments.WriteString(c.Delta.Tools[j].Function.Arguments.Value)
			}
		}
		switch delta := ev.delta(); ev.Type {
		case "content_block_delta":
			text.WriteString(delta.Text.Value)
			reasoning.WriteString(delta.Thinking.Value)
			arguments.WriteString(delta.Partial.Value)
		case "response.output_text.delta":
			text.WriteString(ev.text())
		case "response.reasoning_text.delta", "response.reasoning_summary_text.delta":
			reasoning.WriteString(ev.text())
		case "response.function_call_arguments.delta":
			arguments.WriteString(ev.text())
		}
		for i := range ev.Candidates {
			for _, part := range ev.Candidates[i].Content.Parts {
				if part.Thought {
					reasoning.WriteString(part.Text.Value)
				} else {
					text.WriteString(part.Text.Value)
				}
			}
		}
	}
	return Answer{text.String(), reasoning.String(), arguments.String()}
}

// event is what the dialects have in their events.
type event struct {
	Type    string    `json:"type"`
	Delta   jsonx.Raw `json:"delta"`
	Choices []struct {
		Text  optional `json:"text"`
		Delta struct {
			Content   optional `json:"content"`
			Reasoning optional `json:"reasoning_content"`
			Tools     []struct {
				Function struct {
					Arguments optional  `json:"arguments"`
					Rest      jsonx.Raw `json:",embed"`
				} `json:"function"`
				Rest jsonx.Raw `json:",embed"`
			} `json:"tool_calls"`
			Rest jsonx.Raw `json:",embed"`
		} `json:"delta"`
		Rest jsonx.Raw `json:",embed"`
	} `json:"choices"`
	Candidates []struct {
		Content struct {
			Parts []struct {
				Text    optional  `json:"text"`
				Thought bool      `json:"thought"`
				Rest    jsonx.Raw `json:",embed"`
			} `json:"parts"`
			Rest jsonx.Raw `json:",embed"`
		} `json:"content"`
		Rest jsonx.Raw `json:",embed"`
	} `json:"candidates"`
	Rest jsonx.Raw `json:",embed"`
}

type blockDelta struct {
	Text     optional  `json:"text"`
	Thinking optional  `json:"thinking"`
	Partial  optional  `json:"partial_json"`
	Rest     jsonx.Raw `json:",embed"`
}

func (e *event) delta() (d blockDelta) {
	if e.Delta.Kind() == '{' {
		_ = jsonx.Unmarshal(e.Delta, &d) // what cannot be read is no text
	}
	return d
}

func (e *event) text() (s string) {
	if e.Delta.Kind() == '"' {
		_ = jsonx.Unmarshal(e.Delta, &s)
	}
	return s
}

// optional is a text that may be null, or something else.
type optional struct{ llm.Opt[string] }

// UnmarshalJSONFrom receives jsonx's decoder.
func (o *optional) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	v, err := d.ReadValue()
	if err == nil && v.Kind() == '"' {
		o.Set = true
		err = jsonx.Unmarshal(v, &o.Value)
	}
	return err
}
