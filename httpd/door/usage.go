package door

import (
	"slices"

	"outcrop/httpd/inbound"
	"outcrop/internal/jsonx"
)

// ReportUsage has the stream that a body of OpenAI's chat completions or completions asks for end with its usage, if the operator
// wants that of all streams and the client has not said whether it wants it.
func (t *Translated) ReportUsage(body *inbound.Body) {
	if t.options.AlwaysUsage {
		body.Bytes = withUsage(body.Bytes)
	}
}

func withUsage(body []byte) []byte {
	members, err := jsonx.Members(body)
	if err != nil || string(jsonx.Find(members, "stream")) != "true" {
		return body // decoding reports what is wrong
	}
	var own []jsonx.Member
	if options := jsonx.Find(members, "stream_options"); options != nil && options.Kind() != 'n' {
		if own, err = jsonx.Members(options); err != nil || jsonx.Find(own, "include_usage") != nil {
			return body
		}
	}
	var w jsonx.Writer
	w.Object()
	w.Members(own)
	w.Key("include_usage")
	w.Bool(true)
	w.EndObject()
	pieces, err := jsonx.EditMembers(body, []jsonx.Edit{{Name: "stream_options", Value: w.Buf, Add: true}}, nil)
	if err != nil {
		return body
	}
	return slices.Concat(pieces...)
}
