package textgen

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// FailedError is a failure that a container reports in a response that began as a success.
type FailedError struct{ body []byte }

func (e *FailedError) Error() string { return "the response failed" }

// Refusal is what the container says, in the form of its errors.
func (e *FailedError) Refusal() []byte { return e.body }

// failed makes the error for a text of the container's, or for an object with one.
func failed(said jsonx.Raw) error {
	return &FailedError{append(append([]byte(`{"error":`), said...), '}')}
}

// sent is a response, or an event of one.
type sent struct {
	Generated jsonx.Raw `json:"generated_text"` // at the end of a stream the whole text
	// Generation is the same in containers of JumpStart's Llama: a text or a message.
	Generation jsonx.Raw    `json:"generation"`
	Token      *sentToken   `json:"token"`
	Outputs    []string     `json:"outputs"` // of early versions of DJL's containers
	Details    *sentDetails `json:"details"`
	Error      jsonx.Raw    `json:"error"`
	ErrorType  string       `json:"error_type"`
	Rest       jsonx.Raw    `json:",embed"`
}

type sentToken struct {
	Text    string    `json:"text"`
	Special bool      `json:"special"`
	DJL     bool      `json:"special_token"` // the same, as DJL writes it
	Error   string    `json:"error_msg"`
	Rest    jsonx.Raw `json:",embed"`
}

// sentDetails say how a response ended. Containers count the tokens of the prompt under several names.
type sentDetails struct {
	Finish    string     `json:"finish_reason"`
	Generated *int64     `json:"generated_tokens"`
	Input     *int64     `json:"input_length"`
	Prompt    *int64     `json:"prompt_tokens"`
	Prefill   *jsonx.Raw `json:"prefill"` // the tokens of the prompt, if they were asked for
	Rest      jsonx.Raw  `json:",embed"`
}

// err is the failure that a response or an event reports; nil if it reports none.
func (s *sent) err() error {
	switch {
	case len(s.Error) > 0 && s.Error.Kind() != 'n':
		return failed(s.Error)
	case s.Token != nil && s.Token.Error != "":
		return failed(jsonx.AppendString(nil, s.Token.Error))
	case s.Details != nil && s.Details.Finish == "error":
		return failed(jsonx.Raw(`"the model failed while it responded (finish_reason error)"`))
	}
	return nil
}

// usage is what the details count; nil if they do not count both sides of the call.
func (d *sentDetails) usage() *llm.Usage {
	if d == nil || d.Generated == nil {
		return nil
	}
	input := d.Input
	if input == nil {
		input = d.Prompt
	}
	if input == nil && d.Prefill != nil {
		var tokens []jsonx.Raw
		if jsonx.Unmarshal(*d.Prefill, &tokens) == nil && len(tokens) > 0 {
			n := int64(len(tokens))
			input = &n
		}
	}
	if input == nil {
		return nil
	}
	return &llm.Usage{Input: max(*input, 0), Output: max(*d.Generated, 0), Total: max(*input, 0) + max(*d.Generated, 0)}
}

// stop is a finish reason in llm's words. Containers without details do not say why they stopped.
func (d *sentDetails) stop() (llm.StopReason, string) {
	if d == nil {
		return llm.StopEnd, ""
	}
	switch d.Finish {
	case "eos_token", "":
		return llm.StopEnd, d.Finish
	case "stop_sequence":
		return llm.StopSequence, d.Finish
	case "length":
		return llm.StopMaxTokens, d.Finish
	default:
		return llm.StopOther, d.Finish
	}
}

// DecodeResponse reads a complete response: an object, or a list with one. A *FailedError is the
// container's.
func DecodeResponse(body []byte) (*llm.Response, error) {
	s, err := decode(body)
	if err != nil {
		return nil, err
	}
	text, err := s.whole()
	if err != nil {
		return nil, err
	}
	r := &llm.Response{Role: llm.RoleAssistant, Blocks: []llm.Block{{Kind: llm.BlockText, Text: text}}}
	r.Stop, r.RawStop = s.Details.stop()
	if u := s.Details.usage(); u != nil {
		r.Usage = *u
	} else {
		r.Uncounted = true
	}
	return r, nil
}

// decode reads a response or an event, of which lists have one. A failure that it reports is an error.
func decode(body []byte) (*sent, error) {
	raw := jsonx.Raw(body)
	for range 3 { // pipelines for several prompts answer with lists of lists
		var list []jsonx.Raw
		if len(raw) == 0 || raw.Kind() != '[' {
			break
		}
		if err := jsonx.Unmarshal(raw, &list); err != nil {
			return nil, err
		}
		if len(list) == 0 {
			return nil, &jsonx.Error{Reason: "the list of responses is empty"}
		}
		raw = list[0]
	}
	var s sent
	if err := jsonx.Unmarshal(raw, &s); err != nil {
		return nil, err
	}
	return &s, s.err()
}

// whole is the text of a complete response.
func (s *sent) whole() (text string, err error) {
	switch {
	case len(s.Generated) > 0:
		return text, jsonx.Unmarshal(s.Generated, &text)
	case len(s.Generation) > 0 && s.Generation.Kind() == '{':
		var message struct {
			Content string    `json:"content"`
			Rest    jsonx.Raw `json:",embed"`
		}
		err = jsonx.Unmarshal(s.Generation, &message)
		return message.Content, err
	case len(s.Generation) > 0:
		return text, jsonx.Unmarshal(s.Generation, &text)
	case len(s.Outputs) > 0:
		return s.Outputs[0], nil
	}
	return "", &jsonx.Error{Path: "generated_text", Reason: "is missing"}
}

// Reader reads the events of a streaming response. The zero value is ready.
type Reader struct {
	begun    bool
	finished bool
	endless  bool // the stream has no mark of its end
}

// Finished reports whether the response is complete.
func (r *Reader) Finished() bool { return r.finished }

// End completes a response whose stream has no mark of its end, when the stream has ended. It reports
// whether the response is complete.
func (r *Reader) End(events []llm.Event) ([]llm.Event, bool) {
	if r.finished || !r.endless {
		return events, r.finished
	}
	return r.end(events, nil), true
}

// Append reads the data of an event, and appends what it becomes, which may be nothing. A *FailedError
// is the container's.
func (r *Reader) Append(events []llm.Event, data []byte) ([]llm.Event, error) {
	s, err := decode(data)
	if err != nil {
		return events, err
	}
	if !r.begun && s.Token == nil && len(s.Outputs) == 0 { // the container does not stream
		whole, err := s.whole()
		if err != nil {
			return events, err
		}
		s.Token = &sentToken{Text: whole}
		s.Generated = jsonx.Raw(`""`)
	}
	if !r.begun {
		r.begun = true
		events = append(events, llm.Event{Kind: llm.EventStart, Role: llm.RoleAssistant}, llm.Event{Kind: llm.EventBlockStart, Block: llm.BlockText})
	}
	switch {
	case s.Token != nil && !s.Token.Special && !s.Token.DJL:
		events = text(events, s.Token.Text)
	case s.Token == nil && len(s.Outputs) > 0:
		r.endless = true
		events = text(events, s.Outputs[0])
	}
	if s.Details != nil && s.Details.Finish != "" || len(s.Generated) > 0 && s.Generated.Kind() == '"' {
		events = r.end(events, s.Details)
	}
	return events, nil
}

func text(events []llm.Event, piece string) []llm.Event {
	if piece == "" {
		return events
	}
	return append(events, llm.Event{Kind: llm.EventDelta, Block: llm.BlockText, Text: piece})
}

// end ends the response.
func (r *Reader) end(events []llm.Event, d *sentDetails) []llm.Event {
	r.finished = true
	stop, raw := d.stop()
	return append(events, llm.Event{Kind: llm.EventBlockEnd}, llm.Event{Kind: llm.EventStop, Stop: stop, RawStop: raw},
		llm.Event{Kind: llm.EventUsage, Usage: d.usage()})
}
