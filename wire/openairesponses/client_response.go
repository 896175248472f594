package openairesponses

import (
	"errors"
	"fmt"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/openaipart"
)

// Bounds on the content of one response.
const (
	maxSentValues = 500_000
	maxSentItems  = 10_000
)

// ReadOptions are what a reader of responses must know of an endpoint.
type ReadOptions struct {
	// Sealer is that of Form.
	Sealer string
}

// sentResponse is a response, as far as it becomes one of the common language.
type sentResponse struct {
	Status     string           `json:"status"`
	Incomplete sentIncomplete   `json:"incomplete_details"`
	Output     []jsonx.Raw      `json:"output"`
	Usage      jsonx.Raw        `json:"usage"`
	Tier       optional[string] `json:"service_tier"`
	Error      jsonx.Raw        `json:"error"`
}

// sentIncomplete is why a response is incomplete; null if it is not.
type sentIncomplete struct {
	Reason optional[string] `json:"reason"`
}

// sentItem is an item of a response.
type sentItem struct {
	Type      string               `json:"type"`
	ID        optional[string]     `json:"id"`
	CallID    optional[string]     `json:"call_id"`
	Name      optional[string]     `json:"name"`
	Arguments openaipart.Arguments `json:"arguments"`
	Input     optional[string]     `json:"input"`
	Content   []sentPart           `json:"content"`
	Summary   []sentPart           `json:"summary"`
	Encrypted optional[string]     `json:"encrypted_content"`
}

// itemOf reads an item. Of one that has no form in the common language it reads the type only: its other members may
// be anything.
func itemOf(raw jsonx.Raw) (*sentItem, error) {
	var head struct {
		Type string `json:"type"`
	}
	it := &sentItem{}
	err := jsonx.Unmarshal(raw, &head)
	switch head.Type {
	case "message", "reasoning", "function_call", "custom_tool_call":
		if err == nil {
			err = jsonx.Unmarshal(raw, it)
		}
	default:
		it.Type = head.Type
	}
	if err != nil {
		return nil, fmt.Errorf("item: %w", err)
	}
	return it, nil
}

// sentPart is a part of an item.
type sentPart struct {
	Type        string           `json:"type"`
	Text        optional[string] `json:"text"`
	Refusal     optional[string] `json:"refusal"`
	Annotations []jsonx.Raw      `json:"annotations"`
	Logprobs    jsonx.Raw        `json:"logprobs"`
}

// thoughts are the parts of a reasoning item.
func (it *sentItem) thoughts() []thoughtPart {
	parts := make([]thoughtPart, 0, len(it.Summary)+len(it.Content))
	for i := range it.Summary {
		parts = append(parts, thoughtPart{summaryPart, it.Summary[i].Text.Value})
	}
	for i := range it.Content {
		parts = append(parts, thoughtPart{contentPart, it.Content[i].Text.Value})
	}
	return parts
}

// stopOf is why a response ended, in the common language and in the API's words. calls is how many calls of
// the client's tools it has.
func (r *sentResponse) stopOf(calls int) (stop llm.StopReason, word string) {
	if r.Status != StatusIncomplete {
		if calls > 0 {
			return llm.StopToolUse, StatusCompleted
		}
		return llm.StopEnd, StatusCompleted
	}
	switch reason := r.Incomplete.Reason.Value; reason {
	case "":
		return llm.StopOther, StatusIncomplete
	case "max_output_tokens", "max_tokens":
		return llm.StopMaxTokens, reason
	case "content_filter":
		return llm.StopFiltered, reason
	default:
		return llm.StopOther, reason
	}
}

// DecodeResponse reads the body of a complete response. Items that the common language does not have, such as
// the calls of tools that the endpoint runs, become blocks of kind llm.BlockOther with the item's type as
// their name. A response without usage is returned with a warning. A failure that the response reports is a
// *FailedError.
func DecodeResponse(body []byte, opt ReadOptions) (*llm.Response, error) {
	if jsonx.ManyValues(body, maxSentValues) {
		return nil, fmt.Errorf("it has more than %d values", maxSentValues)
	}
	var s sentResponse
	if err := jsonx.Unmarshal(body, &s); err != nil {
		return nil, err
	}
	switch {
	case s.Status == StatusFailed || s.Status == StatusCancelled || s.Status == "" && given(s.Error):
		return nil, failed(s.Error)
	case s.Status == StatusQueued || s.Status == StatusInProgress:
		return nil, fmt.Errorf("its status is %s", s.Status)
	case s.Output == nil:
		return nil, errors.New("it has no output")
	}
	r := EventReader{Options: opt}
	events, err := r.finish(nil, &s)
	if err != nil {
		return nil, err
	}
	var fold llm.Fold
	counted := false
	for i := range events {
		counted = counted || events[i].Usage != nil
		fold.Add(&events[i])
	}
	out := fold.Answer()
	if out.Uncounted = !counted; !counted {
		out.Meta.Warnings = append(out.Meta.Warnings, llm.Warning{Code: llm.WarnMissing, Field: "usage", Detail: "the provider's response has none"})
	}
	return out, nil
}

// citationOf turns an annotation of type url_citation into Converse's form (Citation in Bedrock's service
// model), which the common language has; another annotation stays as it is.
func citationOf(raw jsonx.Raw) jsonx.Raw {
	var a struct {
		Type  string `json:"type"`
		URL   string `json:"url"`
		Title string `json:"title"`
	}
	if jsonx.Unmarshal(raw, &a) != nil || a.Type != "url_citation" {
		return raw.Clone()
	}
	var w jsonx.Writer
	w.Object()
	if a.Title != "" {
		w.Key("title")
		w.String(a.Title)
	}
	w.Key("location")
	w.Object()
	w.Key("web")
	w.Object()
	w.Key("url")
	w.String(a.URL)
	w.EndObject()
	w.EndObject()
	w.EndObject()
	return w.Buf
}
