package openaiapi

import (
	"bytes"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// Request is a request whose body passes through.
type Request struct {
	Call llm.Call
	// Body is a JSON body, and Parts are those of a form; the other is empty.
	Body  jsonx.Raw
	Parts []llm.Part
	// Events is whether the response is a stream of events.
	Events bool
	// Warnings are about members that have no effect.
	Warnings []llm.Warning
}

// Decode reads a body of a content type: JSON, or a form. model is that of requests without one; with an
// empty model they are refused. The error is an *llm.Error with status 400 that names the field. The
// request does not share the body's memory.
func Decode(body []byte, contentType, model string, opt litellm.Options) (*Request, error) {
	kind, parameters, err := mime.ParseMediaType(contentType)
	switch {
	case err == nil && kind == "multipart/form-data":
		return decodeForm(body, parameters["boundary"], model, opt)
	case err == nil && kind != "application/json" && !strings.HasSuffix(kind, "+json") && len(bytes.TrimLeft(body, " \t\r\n")) > 0 && bytes.TrimLeft(body, " \t\r\n")[0] != '{':
		e := llm.Invalid("", "the content type %q is not one of this API: it takes application/json, or multipart/form-data for files", llm.Clip(kind, 100))
		e.Status = 415
		return nil, e
	default:
		return decodeJSON(body, model, opt)
	}
}

// jsonBody is a body. litellm.Options.Read reads the other members.
type jsonBody struct {
	Stream       litellm.Optional[bool]   `json:"stream"`
	StreamFormat litellm.Optional[string] `json:"stream_format"` // of speech
	Rest         jsonx.Raw                `json:",embed"`
}

func decodeJSON(body []byte, model string, opt litellm.Options) (*Request, error) {
	var b jsonBody
	dropped, err := litellm.Decode(body, &opt, &b)
	if err != nil {
		return nil, err
	}
	r := &Request{Warnings: dropped}
	if b.Rest, err = withModel(b.Rest, model); err != nil {
		return nil, err
	}
	fields, warnings, err := opt.Read(&r.Call, b.Rest)
	if err != nil {
		return nil, err
	}
	r.Warnings = append(r.Warnings, warnings...)
	r.Call.Stream = b.Stream.Value
	r.Events = b.Stream.Value || b.StreamFormat.Value == "sse"
	w := jsonx.Writer{Buf: make([]byte, 0, len(body)+64)}
	w.Object()
	w.Key("model")
	w.String(r.Call.Model)
	if b.Stream.Set {
		w.Key("stream")
		w.Bool(b.Stream.Value)
	}
	if b.StreamFormat.Set {
		w.Key("stream_format")
		w.String(b.StreamFormat.Value)
	}
	if r.Call.User != "" {
		w.Key("user")
		w.String(r.Call.User)
	}
	w.Members(fields)
	w.EndObject()
	r.Body = w.Buf
	return r, nil
}

// withModel adds a model to members that have none, unless it is empty.
func withModel(rest jsonx.Raw, model string) (jsonx.Raw, error) {
	members, err := jsonx.Members(rest)
	if err != nil {
		return nil, litellm.DecodeError(err)
	}
	if has := jsonx.Find(members, "model"); model == "" || len(has) > 0 && has.Kind() != 'n' {
		return rest, nil
	}
	var w jsonx.Writer
	w.Object()
	for _, m := range members {
		if m.Name != "model" {
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.Key("model")
	w.String(model)
	w.EndObject()
	return w.Buf, nil
}

// Bounds on a form.
const (
	maxParts = 1000
	maxText  = 1 << 20 // bytes of a part that is not a file
)

// decodeForm reads a form. Of its texts, those that are for the gateway are left out of the parts.
func decodeForm(body []byte, boundary, model string, opt litellm.Options) (*Request, error) {
	parts, err := readParts(body, boundary)
	if err != nil {
		return nil, err
	}
	r := &Request{}
	texts := jsonx.Writer{}
	texts.Object()
	seen := map[string]bool{}
	for i := range parts {
		p := &parts[i]
		switch {
		case p.FileName != "" || strings.ContainsAny(p.Name, "[]"): // a file, or an element of a list
			continue
		case seen[p.Name]:
			return nil, llm.Invalid(p.Name, "%s is in the form twice", p.Name)
		case len(p.Content) > maxText:
			return nil, llm.Invalid(p.Name, "%s must be at most %d bytes long, not %d", p.Name, maxText, len(p.Content))
		}
		seen[p.Name] = true
		texts.AnyKey(p.Name)
		switch text := string(p.Content); {
		case p.Name == "drop_params" && (text == "true" || text == "false"):
			texts.Raw(jsonx.Raw(text))
		case p.Name == "metadata" && jsonx.Raw(text).IsValid():
			texts.Raw(jsonx.Raw(text))
		default:
			texts.String(strings.ToValidUTF8(text, "\uFFFD"))
		}
		if p.Name == "stream" {
			r.Call.Stream = string(p.Content) == "true"
			r.Events = r.Call.Stream
		}
	}
	texts.EndObject()
	rest, err := withModel(texts.Buf, model)
	if err != nil {
		return nil, err
	}
	fields, warnings, err := opt.Read(&r.Call, rest)
	if err != nil {
		return nil, err
	}
	r.Warnings = warnings
	r.Parts = append(r.Parts, llm.Part{Name: "model", Content: []byte(r.Call.Model)})
	for i := range parts {
		p := &parts[i]
		if !seen[p.Name] || p.FileName != "" || p.Name == "user" || jsonx.Find(fields, p.Name) != nil {
			r.Parts = append(r.Parts, *p)
		}
	}
	return r, nil
}

// ReadForm reads a form of a content type. The error is an *llm.Error with status 400.
func ReadForm(body []byte, contentType string) ([]llm.Part, error) {
	kind, parameters, err := mime.ParseMediaType(contentType)
	if err != nil || kind != "multipart/form-data" {
		e := llm.Invalid("", "the request must be a form: multipart/form-data, not %q", llm.Clip(contentType, 100))
		e.Status = 415
		return nil, e
	}
	return readParts(body, parameters["boundary"])
}

// readParts splits a form. Its parts do not share the body's memory.
func readParts(body []byte, boundary string) ([]llm.Part, error) {
	if boundary == "" {
		return nil, llm.Invalid("", "the form's content type has no boundary")
	}
	if bytes.LastIndex(body, []byte("--"+boundary+"--")) < 0 { // multipart.Reader does not notice that everywhere
		return nil, llm.Invalid("", "the form cannot be read: it has no end")
	}
	reader := multipart.NewReader(bytes.NewReader(body), boundary)
	var parts []llm.Part
	for {
		p, err := reader.NextRawPart()
		if err == io.EOF { // a form that is cut off wraps it
			return parts, nil
		}
		if err != nil {
			return nil, llm.Invalid("", "the form cannot be read: %v", err)
		}
		if len(parts) == maxParts {
			return nil, llm.Invalid("", "the form has more than %d parts", maxParts)
		}
		var content bytes.Buffer
		if _, err := content.ReadFrom(p); err != nil {
			return nil, llm.Invalid("", "the form cannot be read: %v", err)
		}
		part := llm.Part{Name: p.FormName(), FileName: fileName(p.Header), ContentType: p.Header.Get("Content-Type"), Content: content.Bytes()}
		if part.Name == "" {
			return nil, llm.Invalid("", "a part of the form has no name")
		}
		parts = append(parts, part)
	}
}

// fileName is the name of a part's file as it was sent, whose folders multipart.Part leaves out.
func fileName(h textproto.MIMEHeader) string {
	_, parameters, err := mime.ParseMediaType(h.Get("Content-Disposition"))
	if err != nil {
		return ""
	}
	return parameters["filename"]
}

// AppendForm writes a form in segments, which share the memory of the parts, and returns its content
// type. The parts with the names of changes have their contents instead; an empty one removes the part.
func AppendForm(parts []llm.Part, boundary string, changes map[string]string) (segments [][]byte, contentType string) {
	var head []byte
	for i := range parts {
		p := &parts[i]
		content := p.Content
		if to, ok := changes[p.Name]; ok && p.FileName == "" {
			if to == "" {
				continue
			}
			content = []byte(to)
		}
		head = append(head, "--"...)
		head = append(head, boundary...)
		head = append(head, "\r\nContent-Disposition: form-data; name="...)
		head = appendQuoted(head, p.Name)
		if p.FileName != "" {
			head = append(head, "; filename="...)
			head = appendQuoted(head, p.FileName)
		}
		if p.ContentType != "" {
			head = append(head, "\r\nContent-Type: "...)
			head = append(head, oneLine(p.ContentType)...)
		}
		head = append(head, "\r\n\r\n"...)
		segments = append(segments, head, content)
		head = []byte("\r\n")
	}
	head = append(head, "--"...)
	head = append(head, boundary...)
	return append(segments, append(head, "--\r\n"...)), "multipart/form-data; boundary=" + boundary
}

// appendQuoted writes a parameter's value as browsers do
// (https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#multipart-form-data).
func appendQuoted(dst []byte, s string) []byte {
	dst = append(dst, '"')
	dst = append(dst, strings.NewReplacer("\r", "%0D", "\n", "%0A", `"`, "%22").Replace(s)...)
	return append(dst, '"')
}

func oneLine(s string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(s) }
