// Package providertest is the suite that every provider passes: what a deployment makes of requests and
// responses, whole and streamed, of refusals, and of streams that break off, before a fake upstream that
// speaks the provider's dialect. It also holds the two lanes equal: a body that passes through, and its
// translation.
//
// The suite is a list of cases that return errors, so that it does not depend on package testing:
//
//	for _, c := range providertest.Cases(p) {
//		t.Run(c.Name, func(t *testing.T) {
//			if err := c.Run(t.Context()); err != nil {
//				t.Error(err)
//			}
//		})
//	}
package providertest

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
)

// Key is the secret that a deployment under test sends; no error may show it.
const Key = "sk-providertest-9f86d081884c7d659a2feaa0c55ad015"

// Provider is a provider under test.
type Provider struct {
	// Open opens a deployment whose calls go to the fake upstream at a URL, such as
	// http://127.0.0.1:1234, with Key as their secret. The suite closes it.
	Open func(base string) (provider.Deployment, error)
	// Model is the model string that is called.
	Model string
	// Upstream is how the fake upstream speaks.
	Upstream Upstream
	// Dialect is the dialect whose bodies pass through, such as llm.DialectAnthropic; empty if the
	// provider has no such lane.
	Dialect string
	// Lanes are further dialects whose bodies pass through.
	Lanes []Lane
	// NoStop is whether the provider's API has no stop sequences.
	NoStop bool
	// Actors are who may have to act on a refusal, besides the caller, the operator and the provider.
	Actors []llm.Actor
	// NoRefusals are codes of Required for which the provider has no refusals, each with the reason.
	NoRefusals map[llm.Code]string
	// Without are cases that the provider cannot pass, each with the reason. A name that is no case is
	// an error of the suite.
	Without map[string]string
}

// Lane is a dialect whose bodies pass through, beside the one in which the provider translates.
type Lane struct {
	Dialect  string
	Upstream Upstream
	// NoStop is whether the dialect has no stop sequences.
	NoStop bool
}

// allLanes are all dialects whose bodies pass through.
func (p *Provider) allLanes() []Lane {
	if p.Dialect == "" {
		return p.Lanes
	}
	return append([]Lane{{Dialect: p.Dialect, Upstream: p.Upstream}}, p.Lanes...)
}

// Upstream is the dialect of the fake upstream. It is written for tests, and shares no code with what
// it judges beyond JSON.
type Upstream interface {
	// Whole is the body of a complete response.
	Whole(a *Answer) string
	// Events are the pieces of a streaming response, each a whole server-sent event. The last one
	// ends a complete response: without it, the response has broken off.
	Events(a *Answer) []string
	// Corrupt is an event that cannot be read.
	Corrupt() string
	// Asked reads the body of a request, strictly.
	Asked(body []byte) (*Question, error)
	// Refusals are refusals as the provider writes them. There is at least one of each of Required.
	Refusals() []Refusal
	// Raw is a request in Provider.Dialect, and Read reads what a client gets for it: a body, or the
	// events of a stream, joined. They are not called if Dialect is empty.
	Raw(q *Question, model string, stream bool) []byte
	Read(body []byte, stream bool) (*Answer, error)
}

// Framed is an Upstream whose streams are not server-sent events.
type Framed interface {
	// StreamType is the media type of its streams.
	StreamType() string
}

// Answer is a response.
type Answer struct {
	Reasoning, Text string
	Calls           []Call
	Stop            llm.StopReason // StopEnd, StopToolUse or StopMaxTokens
	// Input and Output are tokens; Cached is the part of Input that came from the cache, and Thought
	// the part of Output that was reasoning.
	Input, Output, Cached, Thought int64
}

// Call is a call of a tool.
type Call struct {
	ID, Name, Arguments string // Arguments is JSON
}

// Question is a request. Texts are compared as they are.
type Question struct {
	System string
	// Text is the user's last text, and Image an image beside it, as base64 of a PNG.
	Text, Image string
	// Tools are the names of the tools, and Schema is the JSON schema of the response.
	Tools  []string
	Schema string
	// Past is a call of an earlier turn with its result.
	Past   *Call
	Result string
	// MaxTokens is 0 if it is not set; Effort is how much to think, as a word, empty for the default.
	MaxTokens int64
	Stop      []string
}

// Refusal is an error response.
type Refusal struct {
	Status int
	Header http.Header
	Body   string
	// Words are a part of the provider's message that the client must see.
	Words string
	// Code is the public code, and Param the field that the error names; empty if none.
	Code llm.Code
}

// Required are the codes for which a provider has refusals: quota, key, permission, context length,
// content filter, unknown model, billing, an invalid request, overload, and an internal error.
func Required() []llm.Code {
	return []llm.Code{
		llm.CodeLimitRequests, llm.CodeAPIKeyInvalid, llm.CodeNotGranted, llm.CodeTooLong, llm.CodeContentFiltered,
		llm.CodeModelUnknown, llm.CodeBilling, llm.CodeInvalid, llm.CodeUnavailable, llm.CodeServiceInternal,
	}
}

// Case is one case of the suite.
type Case struct {
	Name string
	// Run returns what is wrong.
	Run func(ctx context.Context) error
}

// Cases are the cases for a provider.
func Cases(p *Provider) []Case {
	all := []Case{
		{"text", p.text},
		{"a system prompt and stop sequences", p.settings},
		{"tools", p.tools},
		{"parallel tools", p.parallel},
		{"a tool's result", p.result},
		{"images", p.images},
		{"a JSON schema", p.schema},
		{"reasoning", p.reasoning},
		{"the limit of tokens", p.limit},
		{"refusals", p.refusals},
		{"retry-after", p.retryAfter},
		{"secrets", p.secrets},
		{"a cut response", p.cutWhole},
		{"a cut stream", p.cut},
		{"a corrupt stream", p.corrupt},
		{"a stream that stalls and is cancelled", p.stall},
		{"a connection left open behind a complete stream", p.leftOpen},
		{"a call that is cancelled", p.cancel},
		{"no connection", p.unreachable},
		{"both lanes are equal", p.lanes},
	}
	known := map[string]bool{}
	for i := range all {
		known[all[i].Name] = true
	}
	var out []Case
	for name := range p.Without {
		if !known[name] {
			out = append(out, Case{name, func(context.Context) error { return fmt.Errorf("the suite has no case %q", name) }})
		}
	}
	for _, c := range all {
		if p.Without[c.Name] == "" {
			out = append(out, c)
		}
	}
	return out
}

// png is an image of one pixel, in base64.
const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// Request is a question in the common language.
func (q *Question) Request() *llm.Request {
	r := &llm.Request{Call: llm.Call{Model: "providertest"}, Stop: q.Stop}
	if q.System != "" {
		r.System = []llm.Block{{Kind: llm.BlockText, Text: q.System}}
	}
	if q.MaxTokens > 0 {
		r.MaxTokens = llm.Some(q.MaxTokens)
	}
	for _, name := range q.Tools {
		r.Tools = append(r.Tools, llm.Tool{Name: name, Description: "Looks " + name + " up.", Schema: jsonx.Raw(`{"type":"object","properties":{"rock":{"type":"string"}},"required":["rock"]}`)})
	}
	if q.Schema != "" {
		r.Format = &llm.Format{Name: "rock", Schema: jsonx.Raw(q.Schema)}
	}
	if q.Past != nil {
		r.Turns = append(r.Turns,
			llm.Turn{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Look."}}},
			llm.Turn{Role: llm.RoleAssistant, Blocks: []llm.Block{{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: q.Past.ID, Name: q.Past.Name, Input: jsonx.Raw(q.Past.Arguments)}}}},
			llm.Turn{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: q.Past.ID, Content: []llm.ResultBlock{{Block: llm.Block{Kind: llm.BlockText, Text: q.Result}}}}}}},
		)
		return r
	}
	blocks := []llm.Block{{Kind: llm.BlockText, Text: q.Text}}
	if q.Image != "" {
		data, _ := llm.ParseBase64([]byte(q.Image)) // a constant
		blocks = append(blocks, llm.Block{Kind: llm.BlockImage, Media: &llm.Media{Format: "png", Base64: data}})
	}
	r.Turns = append(r.Turns, llm.Turn{Role: llm.RoleUser, Blocks: blocks})
	return r
}

// answerOf is a response of the common language.
func answerOf(r *llm.Response) *Answer {
	a := &Answer{Stop: r.Stop}
	for i := range r.Blocks {
		switch b := &r.Blocks[i]; b.Kind {
		case llm.BlockText:
			a.Text += b.Text
		case llm.BlockReasoning:
			a.Reasoning += b.Text
		case llm.BlockToolUse:
			a.Calls = append(a.Calls, Call{b.ToolUse.ID, b.ToolUse.Name, string(b.ToolUse.Input)})
		default:
		}
	}
	a.Input, a.Output = r.Usage.Prompt(), r.Usage.Output
	a.Cached, a.Thought = r.Usage.CacheRead.Value, r.Usage.Reasoning.Value
	return a
}

// same compares an answer with the expected one.
func same(what string, want, got *Answer) error {
	var errs []error
	differ := func(field string, want, got any) {
		if w, g := fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got); w != g {
			errs = append(errs, fmt.Errorf("%s: %s is %s, not %s", what, field, g, w))
		}
	}
	differ("the reasoning", want.Reasoning, got.Reasoning)
	differ("the text", want.Text, got.Text)
	differ("the list of calls", compacted(want.Calls), compacted(got.Calls))
	differ("the stop reason", want.Stop, got.Stop)
	differ("the number of input tokens", want.Input, got.Input)
	differ("the number of output tokens", want.Output, got.Output)
	differ("the number of cached tokens", want.Cached, got.Cached)
	return errors.Join(errs...)
}

// compacted are calls whose arguments have no white space.
func compacted(calls []Call) []Call {
	out := make([]Call, len(calls))
	for i, c := range calls {
		if v, err := jsonx.Compact(jsonx.Raw(c.Arguments)); err == nil {
			c.Arguments = string(v)
		}
		out[i] = c
	}
	return out
}
