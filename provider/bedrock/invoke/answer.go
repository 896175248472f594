package invoke

import (
	"bytes"
	"errors"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/anthropic"
	"outcrop/wire/awserror"
)

// Tapped is what a response says of itself.
type Tapped struct {
	// ID is the message's id, and Model the model as AWS names it.
	ID, Model string
	Usage     llm.Usage
	// Counted is whether the response reported usage.
	Counted bool
	// ServiceTier is the tier that served the call; empty if not reported.
	ServiceTier string
	// Stop is why the model stopped, and RawStop Anthropic's name for it; unset until the response
	// says so.
	Stop    llm.StopReason
	RawStop string
	// LatencyMs is AWS's own measurement; unset if it reported none.
	LatencyMs llm.Opt[int64]
}

// Answer is a complete response.
type Answer struct {
	Tapped
	// Body is AWS's body with the client's name for the model, in segments that share the memory of
	// AWS's.
	Body [][]byte
}

// message is a response or the message of a message_start, as far as it is tapped.
type message struct {
	Type       string    `json:"type"`
	ID         string    `json:"id"`
	Model      string    `json:"model"`
	StopReason string    `json:"stop_reason"`
	Usage      jsonx.Raw `json:"usage"`
	Error      *failure  `json:"error"`
	Content    jsonx.Raw `json:"content"`
}

// failure is an error in Anthropic's form.
type failure struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// Whole reads the body of a response of InvokeModel with status 200. model is the client's name for
// the model; if it is empty, AWS's stays. The bytes of the body are unchanged otherwise. Anything
// that is not a message is a *awserror.Fault.
func Whole(body []byte, model string) (*Answer, error) {
	if len(body) == 0 {
		return nil, &awserror.Fault{Kind: awserror.FaultEmpty, Message: "the response is empty"}
	}
	if jsonx.ManyValues(body, maxValues) {
		return nil, &awserror.Fault{Kind: awserror.FaultLarge, Message: "the response has more values than any model returns"}
	}
	var m wholeMessage
	err := jsonx.Unmarshal(body, &m)
	if err == nil && m.Error != nil {
		return nil, m.Error.fault(false)
	}
	if err == nil && m.Type != "message" || m.Content.Kind() == 'n' {
		return nil, &awserror.Fault{Kind: awserror.FaultEmpty, Message: "the response is not a message"}
	}
	a := &Answer{}
	if err == nil {
		err = a.message(&m.message)
	}
	if err != nil {
		return nil, &awserror.Fault{Kind: awserror.FaultCorrupt, Message: "the response cannot be decoded: " + err.Error(), Err: err}
	}
	a.Body = [][]byte{body}
	if model != "" && m.end > 0 {
		a.Body = [][]byte{body[:m.start], jsonx.AppendString(nil, model), body[m.end:]}
	}
	return a, nil
}

// wholeMessage is a message, and where its member model stands.
type wholeMessage struct {
	message
	start, end int
}

// UnmarshalJSONFrom receives jsonx's decoder.
func (m *wholeMessage) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	if d.PeekKind() != '{' {
		return jsonx.UnmarshalDecode(d, &m.message)
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadValue()
		if err != nil {
			return err
		}
		switch unquoted(name) {
		case "type":
			err = jsonx.UnmarshalDecode(d, &m.Type)
		case "id":
			err = jsonx.UnmarshalDecode(d, &m.ID)
		case "model":
			var value jsonx.Raw
			if value, err = d.ReadValue(); err == nil {
				m.end = int(d.InputOffset())
				m.start = m.end - len(value)
				err = jsonx.Unmarshal(value, &m.Model)
			}
		case "stop_reason":
			err = jsonx.UnmarshalDecode(d, &m.StopReason)
		case "usage":
			err = jsonx.UnmarshalDecode(d, &m.Usage)
		case "error":
			err = jsonx.UnmarshalDecode(d, &m.Error)
		case "content":
			if d.PeekKind() == 'n' {
				m.Content = jsonx.Raw("null")
			}
			err = d.SkipValue()
		default:
			err = d.SkipValue()
		}
		if err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// Decode reads the body of a response of InvokeModel with status 200 in the common language.
// Anything that is not a message is a *awserror.Fault.
func Decode(body []byte) (*llm.Response, error) {
	if _, err := Whole(body, ""); err != nil {
		return nil, err
	}
	r, err := anthropic.DecodeResponse(body)
	if err != nil {
		return nil, &awserror.Fault{Kind: awserror.FaultCorrupt, Message: "the response cannot be decoded: " + err.Error(), Err: err}
	}
	return r, nil
}

// message takes what a message says.
func (t *Tapped) message(m *message) error {
	t.ID, t.Model = m.ID, m.Model
	t.stop(m.StopReason)
	return t.count(m.Usage)
}

func (t *Tapped) stop(word string) {
	if word != "" {
		t.RawStop, t.Stop = word, anthropic.Stop(word)
	}
}

func (t *Tapped) count(usage jsonx.Raw) error {
	if len(usage) == 0 || usage.Kind() == 'n' {
		return nil
	}
	tier, err := anthropic.AddUsage(&t.Usage, usage)
	if err != nil {
		return err
	}
	if tier != "" {
		t.ServiceTier = tier
	}
	t.Counted = true
	return nil
}

// fault is an error in Anthropic's form as a failure of AWS's.
func (f *failure) fault(inStream bool) *awserror.Fault {
	out := &awserror.Fault{Kind: awserror.FaultException, Message: f.Message, InStream: inStream}
	switch f.Type {
	case "invalid_request_error", "request_too_large":
		out.Type = "ValidationException"
	case "authentication_error", "permission_error", "billing_error":
		out.Type = "AccessDeniedException"
	case "not_found_error":
		out.Type = "ResourceNotFoundException"
	case "rate_limit_error":
		out.Type = "ThrottlingException"
	case "timeout_error":
		out.Type = "ModelTimeoutException"
	case "overloaded_error":
		out.Type = "ServiceUnavailableException"
	default:
		out.Type = "InternalServerException"
	}
	out.Status = awserror.Status(out.Type)
	return out
}

// renamed returns a document with another string in the member at a path of names; unchanged if it
// has no such member, or name is empty.
func renamed(doc []byte, name string, path ...string) ([][]byte, error) {
	if name == "" {
		return [][]byte{doc}, nil
	}
	v := valueFinder{path: path}
	if err := jsonx.Unmarshal(doc, &v); err != nil {
		return nil, err
	}
	if v.end == 0 {
		return [][]byte{doc}, nil
	}
	return [][]byte{doc[:v.start], jsonx.AppendString(nil, name), doc[v.end:]}, nil
}

// valueFinder finds the value of a member.
type valueFinder struct {
	path       []string
	start, end int
}

// UnmarshalJSONFrom receives jsonx's decoder.
func (v *valueFinder) UnmarshalJSONFrom(d *jsonx.Decoder) error { return v.find(d, v.path) }

func (v *valueFinder) find(d *jsonx.Decoder, path []string) error {
	if d.PeekKind() != '{' {
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadValue()
		if err != nil {
			return err
		}
		switch {
		case unquoted(name) != path[0]:
			err = d.SkipValue()
		case len(path) > 1:
			err = v.find(d, path[1:])
		default:
			var value jsonx.Raw
			value, err = d.ReadValue()
			v.end = int(d.InputOffset())
			v.start = v.end - len(value)
		}
		if err != nil {
			return err
		}
	}
	_, err := d.ReadToken()
	return err
}

// asException is an error of Anthropic's that came in the place of an event; nil if data is none.
func asException(data []byte) error {
	var e struct {
		Error failure `json:"error"`
	}
	if err := jsonx.Unmarshal(data, &e); err != nil {
		return err
	}
	return e.Error.fault(true)
}

var errNoType = errors.New("it has no type")

// typeOf returns the type of an event. It is the first member in everything that AWS sends.
func typeOf(data []byte) (string, error) {
	const begin = `{"type":"`
	if rest, ok := bytes.CutPrefix(data, []byte(begin)); ok {
		if end := bytes.IndexAny(rest, `"\`); end >= 0 && rest[end] == '"' {
			return known(rest[:end]), nil
		}
	}
	var e struct {
		Type string `json:"type"`
	}
	if err := jsonx.Unmarshal(data, &e); err != nil {
		return "", err
	}
	if e.Type == "" {
		return "", errNoType
	}
	return e.Type, nil
}

// known is a string without a copy for the types of Anthropic's events.
func known(kind []byte) string {
	switch string(kind) {
	case "content_block_delta":
		return "content_block_delta"
	case "content_block_start":
		return "content_block_start"
	case "content_block_stop":
		return "content_block_stop"
	case "message_start":
		return "message_start"
	case "message_delta":
		return "message_delta"
	case "message_stop":
		return "message_stop"
	case "ping":
		return "ping"
	default:
		return string(kind)
	}
}
