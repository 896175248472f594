package openaiapi

import (
	"bytes"

	"outcrop/internal/jsonx"
)

// NameModels replaces the models of the requests in a batch's input file, a line of JSON each, by what
// they are called at the provider. Lines without a model, and those for whose model at returns nothing,
// stay byte for byte; so does a line that is not valid, which the provider reports.
func NameModels(file []byte, at func(model string) string) []byte {
	out := make([]byte, 0, len(file)+len(file)/64)
	known := map[string]string{}
	for line := range bytes.Lines(file) {
		out = append(out, named(line, func(model string) string {
			to, ok := known[model]
			if !ok && len(known) < 1000 {
				to = at(model)
				known[model] = to
			}
			return to
		})...)
	}
	return out
}

func named(line []byte, at func(model string) string) []byte {
	text := bytes.TrimRight(line, "\r\n")
	members, err := jsonx.Members(text)
	if err != nil {
		return line
	}
	body := jsonx.Find(members, "body")
	if len(body) == 0 || body.Kind() != '{' {
		return line
	}
	model := Member(body, "model")
	to := ""
	if model != "" {
		to = at(model)
	}
	if to == "" || to == model {
		return line
	}
	inner, err := jsonx.EditMembers(body, []jsonx.Edit{{Name: "model", Value: jsonx.AppendString(nil, to)}}, nil)
	if err != nil {
		return line
	}
	outer, err := jsonx.EditMembers(text, []jsonx.Edit{{Name: "body", Value: bytes.Join(inner, nil)}}, nil)
	if err != nil {
		return line
	}
	return append(bytes.Join(outer, nil), line[len(text):]...)
}
