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
