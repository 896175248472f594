package openaichat

import (
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// RefusalError is an error that an endpoint reports.
type RefusalError struct {
	// Status is the HTTP status, or the one that the error states if it came with status 200.
	Status int
	// Message is the endpoint's text; for a body that is not in a known form its beginning.
	Message string
	// Type, Code and Param are those of OpenAI's error object; empty if there are none.
	Type, Code, Param string
	// Known is whether the body is in a form in which endpoints report errors.
	Known bool
}

func (r *RefusalError) Error() string { return r.Message }

// wrapped is an error object as a body.
func wrapped(e jsonx.Raw) []byte { return append(append([]byte(`{"error":`), e...), '}') }

// sentError is an error object, in OpenAI's form and those of servers that imitate it.
type sentError struct {
	Error   jsonx.Raw `json:"error"`
	Errors  jsonx.Raw `json:"errors"`
	Message jsonx.Raw `json:"message"`
	Msg     jsonx.Raw `json:"msg"`
	Detail  jsonx.Raw `json:"detail"` // FastAPI's
	Title   jsonx.Raw `json:"title"`
	Type    jsonx.Raw `json:"type"`
	Code    jsonx.Raw `json:"code"`
	Param   jsonx.Raw `json:"param"`
	Status  jsonx.Raw `json:"status"`
	Meta    jsonx.Raw `json:"metadata"` // OpenRouter's
	Rest    jsonx.Raw `json:",embed"`
}

// maxRefusal bounds the text of a body in no known form, in bytes.
const maxRefusal = 2 << 10

// DecodeRefusal reads the body of an error response: OpenAI's {"error":{"message":...}}, the forms of
// FastAPI, of RFC 9457, and a text.
func DecodeRefusal(status int, body []byte) *RefusalError {
	r := &RefusalError{Status: status}
	raw := jsonx.Raw(strings.TrimSpace(string(body)))
	if !jsonx.Valid(raw) {
		r.Message = strings.ToValidUTF8(llm.Clip(string(raw), maxRefusal), "?")
		return r
	}
	r.Known = true
	r.read(raw, 0)
	if r.Message == "" {
		r.Known = false
		r.Message = llm.Clip(string(raw), maxRefusal)
	}
	if s, err := strconv.Atoi(r.Code); err == nil && status == 200 && s >= 400 && s < 600 {
		r.Status = s
	}
	return r
}

// read reads a value that says what went wrong. Values nest a few levels deep.
func (r *RefusalError) read(raw jsonx.Raw, depth int) {
	if depth > 4 || len(raw) == 0 {
		return
	}
	switch raw.Kind() {
	case '"':
		var text string
		if jsonx.Unmarshal(raw, &text) == nil && r.Message == "" {
			r.Message = text
		}
	case '[':
		var list []jsonx.Raw
		if jsonx.Unmarshal(raw, &list) == nil && len(list) > 0 {
			r.read(list[0], depth+1)
		}
	case '{':
		var e sentError
		if jsonx.Unmarshal(raw, &e) != nil {
			return
		}
		if r.Type == "" {
			r.Type = word(e.Type)
		}
		if r.Code == "" {
			r.Code = word(e.Code)
		}
		if r.Param == "" {
			r.Param = word(e.Param)
		}
		for _, inner := range []jsonx.Raw{e.Error, e.Message, e.Msg, e.Detail, e.Errors, e.Title} {
			if r.Message == "" {
				r.read(inner, depth+1)
			}
		}
		if detail := hostSaid(e.Meta); detail != "" && !strings.Contains(r.Message, detail) {
			r.Message += ": " + llm.Clip(detail, maxRefusal)
		}
	default:
	}
}

// hostSaid is what the model's host said, according to the metadata of OpenRouter's errors; empty if
// they have none.
func hostSaid(metadata jsonx.Raw) string {
	var m struct {
		Raw  jsonx.Raw `json:"raw"`
		Rest jsonx.Raw `json:",embed"`
	}
	if len(metadata) == 0 || metadata.Kind() != '{' || jsonx.Unmarshal(metadata, &m) != nil {
		return ""
	}
	return word(m.Raw)
}

// word is a string or a number as text; empty for anything else.
func word(raw jsonx.Raw) string {
	if len(raw) == 0 {
		return ""
	}
	switch raw.Kind() {
	case '"':
		return jsonx.Word(raw)
	case '0':
		return string(raw)
	default:
		return ""
	}
}
