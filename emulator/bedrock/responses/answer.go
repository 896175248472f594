package responses

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"

	"outcrop/emulator/bedrock/model"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Answer is an answer to a request.
type Answer struct {
	*llm.Response

	// Request is what it answers.
	Request *Request
	// Open is as in Terms.
	Open bool
	// ID identifies the answer; the ids of the response and of its items are derived from it.
	ID string
	// Created and Completed are seconds of Unix time.
	Created, Completed int64
}

// Prepare removes from an answer the reasoning that the request does not want. It is called once, before
// Append or Events.
func (a *Answer) Prepare() {
	if !a.Request.silent {
		return
	}
	kept := a.Blocks[:0]
	for _, b := range a.Blocks {
		if thought(&b) {
			tokens := model.Tokens(b.Text)
			a.Usage.Output -= tokens
			a.Usage.Total -= tokens
			continue
		}
		kept = append(kept, b)
	}
	a.Blocks = kept
}

func thought(b *llm.Block) bool {
	return b.Kind == llm.BlockReasoning || b.Kind == llm.BlockRedacted
}

// reasoningText is what the model thought.
func reasoningText(b *llm.Block) string {
	if b.Kind == llm.BlockReasoning {
		return b.Text
	}
	inner, err := base64.StdEncoding.DecodeString(b.Text)
	if err != nil {
		return ""
	}
	text, err := base64.StdEncoding.DecodeString(string(inner))
	if err != nil {
		return ""
	}
	return string(text)
}

func (a *Answer) reasoningTokens() (n int64) {
	if a.Open {
		return 0 // recorded exchange
	}
	for i := range a.Blocks {
		if b := &a.Blocks[i]; thought(b) {
			n += model.Tokens(b.Text)
		}
	}
	return n
}

// mark is 32 hexadecimal digits that identify a part of the answer.
func (a *Answer) mark(part string) string {
	sum := sha256.Sum256([]byte(a.ID + part))
	return hex.EncodeToString(sum[:16])
}

// id is the id of the response: resp_ and 52 characters of base32 (recorded exchange).
func (a *Answer) id() string {
	sum := sha256.Sum256([]byte(a.ID))
	return "resp_" + strings.ToLower(base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:]))
}

// itemID is the id of the item of a block.
func (a *Answer) itemID(i int) string {
	prefix := "msg_"
	switch b := &a.Blocks[i]; {
	case thought(b) && !a.Open:
		prefix = "rs_"
	case b.Kind == llm.BlockToolUse && a.custom(b):
		prefix = "ctc_"
	case b.Kind == llm.BlockToolUse:
		prefix = "fc_"
	}
	digits := a.mark(strconv.Itoa(i))
	if a.Open {
		digits = digits[:16] // recorded exchange
	}
	return prefix + digits
}

func (a *Answer) custom(b *llm.Block) bool { return a.Request.tools[b.ToolUse.Name].custom }

// callID is the id of the call at a block: they are counted from call_0 in every response (recorded
// exchanges).
func (a *Answer) callID(i int) string {
	n := 0
	for j := range i {
		if a.Blocks[j].Kind == llm.BlockToolUse {
			n++
		}
	}
	return "call_" + strconv.Itoa(n)
}

// Statuses of responses and items.
const (
	inProgress = "in_progress"
	completed  = "completed"
	incomplete = "incomplete"
)

// status is the status of the whole response.
func (a *Answer) status() string {
	if a.Stop == llm.StopMaxTokens {
		return incomplete
	}
	return completed
}

// statusOf is the status of the item at a block; only the last can be incomplete.
func (a *Answer) statusOf(i int) string {
	if i == len(a.Blocks)-1 {
		return a.status()
	}
	return completed
}

// Append appends the whole response.
func (a *Answer) Append(dst []byte) []byte {
	w := &jsonx.Writer{Buf: dst}
	a.write(w, a.status(), true)
	return w.Buf
}

// write writes the response in one of its statuses, with or without its output.
func (a *Answer) write(w *jsonx.Writer, status string, whole bool) {
	b := &a.Request.body
	w.Object()
	w.Key("background")
	w.Bool(false)
	if !a.Open {
		w.Key("billing")
		w.Raw(jsonx.Raw(`{"payer":"developer"}`))
		w.Key("completed_at")
		if status == completed {
			w.Int(a.Completed)
		} else {
			w.Null()
		}
	}
	w.Key("created_at")
	w.Int(a.Created)
	w.Key("error")
	w.Null()
	if !a.Open {
		w.Key("frequency_penalty")
		w.Raw(jsonx.Raw("0.0"))
	}
	w.Key("id")
	w.String(a.id())
	w.Key("incomplete_details")
	if status == incomplete {
		w.Raw(jsonx.Raw(`{"reason":"max_output_tokens"}`))
	} else {
		w.Null()
	}
	w.Key("instructions")
	text(w, b.Instructions)
	if !a.Open {
		w.Key("max_output_tokens")
		number(w, b.MaxOutput)
		w.Key("max_tool_calls")
		number(w, b.MaxToolCalls)
	}
	w.Key("metadata")
	orRaw(w, b.Metadata, "{}")
	w.Key("model")
	w.String(a.Request.Model)
	if !a.Open {
		w.Key("moderation")
		w.Null()
	}
	w.Key("object")
	w.Word("response")
	w.Key("output")
	w.Array()
	if whole {
		for i := range a.Blocks {
			a.item(w, i, a.statusOf(i), true)
		}
	}
	w.EndArray()
	w.Key("parallel_tool_calls")
	w.Bool(b.ParallelCalls == nil || *b.ParallelCalls)
	if !a.Open {
		a.settings(w)
	}
	w.Key("service_tier")
	w.Word("default")
	w.Key("status")
	w.Word(status)
	if !a.Open {
		w.Key("store")
		w.Bool(b.Store == nil || *b.Store)
	}
	w.Key("temperature")
	if b.Temperature == nil {
		w.Raw(jsonx.Raw("1.0"))
	} else {
		w.Float(*b.Temperature)
	}
	w.Key("text")
	a.text(w)
	w.Key("tool_choice")
	orRaw(w, b.ToolChoice, `"auto"`)
	w.Key("tools")
	orRaw(w, b.Tools, "[]")
	if !a.Open {
		w.Key("top_logprobs")
		if b.TopLogprobs == nil {
			w.Int(0)
		} else {
			w.Int(*b.TopLogprobs)
		}
	}
	w.Key("top_p")
	switch {
	case b.TopP != nil:
		w.Float(*b.TopP)
	case a.Open:
		w.Raw(jsonx.Raw("1.0"))
	default:
		w.Raw(jsonx.Raw("0.98"))
	}
	w.Key("truncation")
	if b.Truncation == nil {
		w.Word("disabled")
	} else {
		w.String(*b.Truncation)
	}
	w.Key("usage")
	if whole {
		a.usage(w)
	} else {
		w.Null()
	}
	if !a.Open {
		w.Key("user")
		text(w, b.User)
	}
	w.EndObject()
}

// settings writes the members that open models' responses do not have.
func (a *Answer) settings(w *jsonx.Writer) {
	b := &a.Request.body
	w.Key("presence_penalty")
	w.Raw(jsonx.Raw("0.0"))
	w.Key("previous_response_id")
	w.Null()
	w.Key("prompt_cache_key")
	text(w, b.CacheKey)
	w.Key("prompt_cache_retention")
	if b.CacheRetention == nil {
		w.Word("in_memory")
	} else {
		w.String(*b.CacheRetention)
	}
	w.Key("reasoning")
	w.Object()
	effort, summary := "medium", (*string)(nil)
	if r := b.Reasoning; r != nil {
		if r.Effort != nil {
			effort = *r.Effort
		}
		summary = r.Summary
		if r.Context != nil {
			w.Key("context")
			w.String(*r.Context)
		}
	}
	w.Key("effort")
	w.String(effort)
	w.Key("summary")
	text(w, summary)
	w.EndObject()
	w.Key("safety_identifier")
	text(w, b.SafetyID)
}

func (a *Answer) text(w *jsonx.Writer) {
	t := a.Request.body.Text
	w.Object()
	w.Key("format")
	if t == nil || !given(t.Format) {
		w.Raw(jsonx.Raw(`{"type":"text"}`))
	} else {
		w.Raw(t.Format)
	}
	w.Key("verbosity")
	if t == nil || t.Verbosity == nil {
		w.Word("medium")
	} else {
		w.String(*t.Verbosity)
	}
	w.EndObject()
}

func (a *Answer) usage(w *jsonx.Writer) {
	u := &a.Usage
	w.Object()
	w.Key("input_tokens")
	w.Int(u.Prompt())
	w.Key("input_tokens_details")
	w.Object()
	if !a.Open {
		w.Key("cache_write_tokens")
		w.Int(u.CacheWrite.Value)
	}
	w.Key("cached_tokens")
	w.Int(u.CacheRead.Value)
	w.EndObject()
	w.Key("output_tokens")
	w.Int(u.Output)
	w.Key("output_tokens_details")
	w.Object()
	w.Key("reasoning_tokens")
	w.Int(min(a.reasoningTokens(), u.Output))
	w.EndObject()
	w.Key("total_tokens")
	w.Int(u.Prompt() + u.Output)
	w.EndObject()
}

func text(w *jsonx.Writer, s *string) {
	if s == nil {
		w.Null()
	} else {
		w.String(*s)
	}
}

func number(w *jsonx.Writer, n *int64) {
	if n == nil {
		w.Null()
	} else {
		w.Int(*n)
	}
}

func orRaw(w *jsonx.Writer, v jsonx.Raw, absent string) {
	if given(v) {
		w.Raw(v)
	} else {
		w.Raw(jsonx.Raw(absent))
	}
}

// item writes the item of a block, or as it begins if it is not whole.
func (a *Answer) item(w *jsonx.Writer, i int, status string, whole bool) {
	b := &a.Blocks[i]
	w.Object()
	switch {
	case thought(b):
		a.reasoning(w, b, whole)
	case b.Kind == llm.BlockToolUse:
		a.call(w, i, whole)
	default:
		w.Key("content")
		w.Array()
		if whole {
			a.part(w, b.Text)
		}
		w.EndArray()
		if !a.Open {
			w.Key("phase")
			w.Word("final_answer")
		}
		w.Key("role")
		w.Word("assistant")
	}
	w.Key("id")
	w.String(a.itemID(i))
	if !thought(b) || a.Open {
		w.Key("status")
		w.Word(status)
	}
	w.Key("type")
	w.Word(a.kind(b))
	w.EndObject()
}

func (a *Answer) kind(b *llm.Block) string {
	switch {
	case thought(b):
		return "reasoning"
	case b.Kind != llm.BlockToolUse:
		return "message"
	case a.custom(b):
		return "custom_tool_call"
	default:
		return "function_call"
	}
}

func (a *Answer) reasoning(w *jsonx.Writer, b *llm.Block, whole bool) {
	if a.Open {
		w.Key("content")
		w.Array()
		if whole {
			a.thought(w, b.Text)
		}
		w.EndArray()
	} else if a.Request.sealed {
		w.Key("encrypted_content")
		w.String(sealPrefix + b.Text)
	}
	w.Key("summary")
	w.Array()
	if whole && a.summarized(b) {
		summary(w, reasoningText(b))
	}
	w.EndArray()
}

func (a *Answer) summarized(b *llm.Block) bool {
	return a.Request.summaries && !a.Open && reasoningText(b) != ""
}

func summary(w *jsonx.Writer, s string) {
	w.Object()
	w.Key("text")
	w.String(s)
	w.Key("type")
	w.Word("summary_text")
	w.EndObject()
}

func (*Answer) thought(w *jsonx.Writer, s string) {
	w.Object()
	w.Key("text")
	w.String(s)
	w.Key("type")
	w.Word("reasoning_text")
	w.EndObject()
}

// part writes the content of a message.
func (a *Answer) part(w *jsonx.Writer, s string) {
	w.Object()
	w.Key("annotations")
	w.Array()
	w.EndArray()
	if !a.Open {
		w.Key("logprobs")
		w.Array()
		w.EndArray()
	}
	w.Key("text")
	w.String(s)
	w.Key("type")
	w.Word("output_text")
	w.EndObject()
}

// input is what a custom tool is called with.
func input(b *llm.Block) string {
	var arguments struct {
		Input string    `json:"input"`
		Rest  jsonx.Raw `json:",embed"`
	}
	if jsonx.Unmarshal(b.ToolUse.Input, &arguments) != nil {
		return ""
	}
	return arguments.Input
}

func (a *Answer) call(w *jsonx.Writer, i int, whole bool) {
	b := &a.Blocks[i]
	n := a.Request.tools[b.ToolUse.Name]
	key, value := "arguments", string(b.ToolUse.Input)
	if n.custom {
		key, value = "input", input(b)
	}
	if !whole {
		value = ""
	}
	w.Key(key)
	w.String(value)
	w.Key("call_id")
	w.String(a.callID(i))
	w.Key("name")
	w.String(n.name)
	if n.namespace != "" {
		w.Key("namespace")
		w.String(n.namespace)
	}
}
