package openaiapi

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// sentUsage are the tokens of a response. Transcriptions that are billed by duration have none.
type sentUsage struct {
	Input   jsonx.Raw `json:"input_tokens"`
	Output  jsonx.Raw `json:"output_tokens"`
	Prompt  jsonx.Raw `json:"prompt_tokens"`
	Written jsonx.Raw `json:"completion_tokens"`
	Total   jsonx.Raw `json:"total_tokens"`
	Details jsonx.Raw `json:"input_tokens_details"`
	Made    jsonx.Raw `json:"output_tokens_details"`
	Ticks   jsonx.Raw `json:"cost_in_usd_ticks"`
	Heard   jsonx.Raw `json:"input_token_details"` // of transcriptions
	Rest    jsonx.Raw `json:",embed"`
}

// Usage reads the usage of a response or of an event; it reports false if there is none, or none in
// tokens.
func Usage(body []byte) (llm.Usage, bool) {
	var b struct {
		Usage jsonx.Raw `json:"usage"`
		Rest  jsonx.Raw `json:",embed"`
	}
	var s sentUsage
	if jsonx.Unmarshal(body, &b) != nil || b.Usage.Kind() != '{' || jsonx.Unmarshal(b.Usage, &s) != nil {
		return llm.Usage{}, false
	}
	input, given := count(s.Input)
	if !given {
		input, given = count(s.Prompt)
	}
	_, stated := count(s.Ticks)
	output, written := count(s.Output)
	if !written {
		output, written = count(s.Written)
	}
	if !given && !written && !stated {
		return llm.Usage{}, false
	}
	u := llm.Usage{Input: input, Output: output}
	u.Total, _ = count(s.Total)
	u.State("cost_in_usd_ticks", s.Ticks)
	in := detailsOf(s.Details)
	if cached, ok := count(in.Cached); ok && cached <= u.Input {
		u.CacheRead, u.Input = llm.Some(cached), u.Input-cached
	}
	made, heard := detailsOf(s.Made), detailsOf(s.Heard)
	for _, part := range [...]struct {
		to   *llm.Opt[int64]
		from jsonx.Raw
	}{{&u.ImageInput, in.Image}, {&u.ImageOutput, made.Image}, {&u.AudioInput, heard.Audio}} {
		if n, ok := count(part.from); ok {
			*part.to = llm.Some(n)
		}
	}
	return u, true
}

// sentDetails are parts of the tokens.
type sentDetails struct {
	Cached jsonx.Raw `json:"cached_tokens"`
	Image  jsonx.Raw `json:"image_tokens"`
	Audio  jsonx.Raw `json:"audio_tokens"`
	Rest   jsonx.Raw `json:",embed"`
}

// detailsOf are the parts that raw has; none if it is no object.
func detailsOf(raw jsonx.Raw) (d sentDetails) {
	if len(raw) == 0 || raw.Kind() != '{' || jsonx.Unmarshal(raw, &d) != nil {
		return sentDetails{}
	}
	return d
}

// Depicted is the usage of a response of images: the output is images unless the response says otherwise.
func Depicted(u llm.Usage) llm.Usage {
	if !u.ImageOutput.Set && u.Output > 0 {
		u.ImageOutput = llm.Some(u.Output)
	}
	return u
}

// count is a number of tokens.
func count(raw jsonx.Raw) (int64, bool) {
	var n int64
	if len(raw) == 0 || raw.Kind() != '0' || jsonx.Unmarshal(raw, &n) != nil || n < 0 {
		return 0, false
	}
	return n, true
}

// Rename replaces the model of a response by the client's name for it. What is not a JSON object with a
// model stays as it is.
func Rename(body []byte, model string) []byte {
	var b struct {
		Model jsonx.Raw `json:"model"`
		Rest  jsonx.Raw `json:",embed"`
	}
	if model == "" || jsonx.Unmarshal(body, &b) != nil || b.Model.Kind() != '"' {
		return body
	}
	pieces, err := jsonx.EditMembers(body, []jsonx.Edit{{Name: "model", Value: jsonx.AppendString(nil, model)}}, nil)
	if err != nil {
		return body
	}
	out := make([]byte, 0, len(body)+len(model))
	for _, p := range pieces {
		out = append(out, p...)
	}
	return out
}
