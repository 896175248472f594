package passthrough

import (
	"bytes"
	"cmp"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"

	"outcrop/gateway"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// reading reads what the record of a call needs from a response that is passed on: which model, how many
// tokens. It gets the bytes as they pass, changes none, and holds one small value at most.
type reading struct {
	api     *api // nil if the response has nothing to record
	got     gateway.Passed
	picker  jsonx.Picker
	lines   *dataLines // nil if the body is JSON
	counts  jsonx.Writer
	streams bool // the request asks for a stream
	usage   bool // and for its usage
	known   bool // the request is of an API that is known
}

// newReading begins with the request. provider is the name under which the provider's prices are known.
func newReading(provider, method, path, contentType string, body []byte) *reading {
	r := &reading{}
	r.got.Provider = provider
	if method != http.MethodPost { // the others generate nothing
		return r
	}
	r.got.Prompt = int64(len(body))
	r.api, r.got.Model = apiOf(path)
	if r.known = r.api != nil; !r.known {
		r.got.Unknown = "the path is not one of an API whose usage the gateway reads"
		return r
	}
	free := r.api.free
	asks := jsonx.Picker{
		Enter: []string{"stream_options"}, Pick: []string{"model", "stream", "stream_options.include_usage"},
		Take: func(path string, value jsonx.Raw) {
			switch path {
			case "model":
				if r.got.Model == "" {
					r.got.Model = text(value)
				}
			case "stream":
				r.streams = string(value) == "true"
			default:
				r.usage = string(value) == "true"
			}
		},
	}
	if kind, params, err := mime.ParseMediaType(contentType); err == nil && kind == "multipart/form-data" {
		r.got.Model = cmp.Or(r.got.Model, modelOfForm(body, params["boundary"]))
	} else {
		asks.Add(body)
	}
	if free {
		r.api = nil
	}
	return r
}

// asked is what the request asks for.
func (r *reading) asked() gateway.Asked {
	return gateway.Asked{Provider: r.got.Provider, Model: r.got.Model, Generates: r.api != nil}
}

// modelOfForm is the field model of a form; empty if it has none.
func modelOfForm(body []byte, boundary string) string {
	form := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		part, err := form.NextPart()
		if err != nil {
			return ""
		}
		if part.FormName() == "model" && part.FileName() == "" {
			value, err := io.ReadAll(io.LimitReader(part, maxModel))
			if err != nil {
				return ""
			}
			return string(value)
		}
	}
}

// maxModel bounds the name of a model, in bytes.
const maxModel = 256

// begin looks at the head of the response. hold is whether its body is one JSON text that is all there
// at once, so that its cost can be in a header.
func (r *reading) begin(status int, header []llm.Label) (hold bool) {
	if status/100 != 2 { // an error costs nothing
		r.api, r.got.Unknown = nil, ""
	}
	if r.api == nil {
		return false
	}
	kind, encoding := "", ""
	for _, l := range header {
		switch http.CanonicalHeaderKey(l.Name) {
		case "Content-Type":
			kind, _, _ = strings.Cut(l.Value, ";")
			kind = strings.ToLower(strings.TrimSpace(kind))
		case "Content-Encoding":
			encoding = l.Value
		}
	}
	r.picker = jsonx.Picker{Enter: r.api.enter, Pick: r.api.pick, Take: r.take}
	switch {
	case encoding != "" && !strings.EqualFold(encoding, "identity"):
		r.api, r.got.Unknown = nil, "the response is compressed"
	case kind == "text/event-stream":
		r.got.Stream, r.lines = true, &dataLines{picker: &r.picker}
	case kind == "application/x-ndjson" || kind == "application/stream+json":
		r.got.Stream = true
	case kind != "application/json" && !strings.HasSuffix(kind, "+json"):
		r.api, r.got.Unknown = nil, "the response is "+cmp.Or(llm.Clip(kind, 100), "of no type")+", which reports no usage"
	case r.api.streams(r):
		r.got.Stream = true
	default:
		return true
	}
	return false
}

// add reads bytes of the body.
func (r *reading) add(p []byte) {
	switch {
	case r.api == nil:
	case r.lines != nil:
		r.got.Pieces += r.lines.add(p)
	default:
		if r.got.Stream {
			r.got.Pieces += int64(bytes.Count(p, []byte{'\n'}))
		}
		r.picker.Add(p)
	}
}

// complete reports whether the usage is that of the whole response, of which only the end is missing.
func (r *reading) complete() bool {
	return r.api != nil && r.got.Counted && (r.got.Stop != "" || !r.api.stops)
}

// end is what was read. whole is whether the body has been read to its end.
func (r *reading) end(whole bool) *gateway.Passed {
	if r.api != nil {
		if len(r.counts.Buf) > 0 {
			r.counts.EndObject()
			r.api.usage(r, r.counts.Buf)
			r.counts.Buf = nil
		}
		switch {
		case !whole && (!r.got.Counted || r.api.grows && r.got.Stop == ""):
			r.got.Unknown = "the response ended before its last usage"
		case r.got.Counted:
		case r.got.Stream && r.api.asks && !r.usage:
			r.got.Unknown = "a stream of this API reports its usage only if the request has stream_options.include_usage"
		default:
			r.got.Unknown = "the response reports no usage"
		}
	}
	return &r.got
}

// take gets a value of the response.
func (r *reading) take(path string, value jsonx.Raw) {
	_, name, inner := strings.Cut(path, ".")
	if !inner {
		name = path
	}
	switch name {
	case "model", "modelVersion":
		r.got.Answered = cmp.Or(text(value), r.got.Answered)
	case "service_tier":
		r.got.Tier = cmp.Or(text(value), r.got.Tier)
	case "stop_reason", "finish_reason", "finishReason", "done_reason":
		r.got.Stop = cmp.Or(text(value), r.got.Stop)
	case "prompt_eval_count", "eval_count": // Ollama's, which are no object
		if len(r.counts.Buf) == 0 {
			r.counts.Object()
		}
		r.counts.Key(name)
		r.counts.Raw(value)
	default:
		r.api.usage(r, value.Clone()) // counters without a field are kept
	}
}

// text is the text of a JSON string; empty if it is none.
func text(value jsonx.Raw) string {
	var s string
	if value.Kind() != '"' || jsonx.Unmarshal(value, &s) != nil {
		return ""
	}
	return llm.Clip(s, maxModel)
}

// dataLines gives the data of server-sent events to a Picker, which holds less than a reader of events.
type dataLines struct {
	picker *jsonx.Picker
	at     int  // how many bytes of dataField the line has had
	data   bool // the line is data
	other  bool // it is another one
}

// dataField begins a line of data.
const dataField = "data:"

// add reads bytes, and returns how many lines of data have begun.
func (l *dataLines) add(p []byte) (lines int64) {
	for len(p) > 0 {
		if l.data || l.other {
			line, rest, ended := cutLine(p)
			if l.data {
				l.picker.Add(line)
			}
			if ended {
				l.at, l.data, l.other = 0, false, false
			}
			p = rest
			continue
		}
		switch c := p[0]; {
		case c == '\n' && l.at == 0: // the event is over
			l.picker.Reset()
		case c == '\r' && l.at == 0:
		case c == '\n':
			l.at = 0
		case c != dataField[l.at]:
			l.other = true
		default:
			l.at++
			if l.data = l.at == len(dataField); l.data {
				lines++
			}
		}
		p = p[1:]
	}
	return lines
}

// cutLine cuts behind the end of a line.
func cutLine(p []byte) (line, rest []byte, ended bool) {
	if i := bytes.IndexByte(p, '\n'); i >= 0 {
		return p[:i+1], p[i+1:], true
	}
	return p, nil, false
}
