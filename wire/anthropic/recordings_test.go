package anthropic_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/anthropic"
	"outcrop/wire/converse"
)

// exchange is a recorded call of Converse or ConverseStream that AWS answered.
type exchange struct {
	name    string
	stream  bool
	request json.RawMessage
	whole   json.RawMessage
	frames  []byte
}

// exchanges are the recorded calls.
func exchanges(t *testing.T) []exchange {
	t.Helper()
	folder := os.Getenv("OUTCROP_RECORDINGS")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "recordings")
	}
	paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	var all []exchange
	for _, path := range paths {
		var r struct {
			URL      string
			Request  struct{ JSON json.RawMessage }
			Response struct {
				Status int
				JSON   json.RawMessage
				Base64 []byte
			}
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(r.URL)
		if err != nil {
			t.Fatal(err)
		}
		e := exchange{name: filepath.Base(path), stream: strings.HasSuffix(u.Path, "/converse-stream"), request: r.Request.JSON, whole: r.Response.JSON, frames: r.Response.Base64}
		if r.Response.Status == 200 && (e.stream || strings.HasSuffix(u.Path, "/converse")) {
			all = append(all, e)
		}
	}
	if len(all) == 0 {
		t.Skip("no recordings here")
	}
	return all
}

// TestRecordedAnswers makes messages of every recorded answer, whole and as a stream, and compares
// them with what was recorded.
func TestRecordedAnswers(t *testing.T) {
	all := exchanges(t)
	for _, x := range all {
		evs := recordedEvents(t, &x)
		var f llm.Fold
		for i := range evs {
			f.Add(&evs[i])
		}
		answer := f.Answer()
		whole := parsed(t, anthropic.AppendResponse(nil, env, answer, nil))
		streamed := folded(t, streamOf(evs))
		if diff := cmp.Diff(whole, streamed); diff != "" {
			t.Errorf("%s (-whole +streamed):\n%s", x.name, diff)
		}
		want := contentOf(t, answer)
		if diff := cmp.Diff(want, whole["content"]); diff != "" {
			t.Errorf("%s (-recorded +message):\n%s", x.name, diff)
		}
		u := whole["usage"].(object)
		if u["input_tokens"] != float64(answer.Usage.Input) || u["output_tokens"] != float64(answer.Usage.Output) ||
			u["cache_read_input_tokens"] != float64(answer.Usage.CacheRead.Value) || u["cache_creation_input_tokens"] != float64(answer.Usage.CacheWrite.Value) {
			t.Errorf("%s: usage %v, recorded %+v", x.name, u, answer.Usage)
		}
		if whole["stop_reason"] != answer.RawStop {
			t.Errorf("%s: stop_reason %v, recorded %s", x.name, whole["stop_reason"], answer.RawStop)
		}
	}
	t.Logf("%d recorded answers", len(all))
}

// recordedEvents is an answer as events.
func recordedEvents(t *testing.T, x *exchange) (evs []llm.Event) {
	t.Helper()
	if !x.stream {
		answer, err := converse.DecodeResponse(x.whole)
		if err != nil {
			t.Fatal(err)
		}
		evs = append(evs, llm.Event{Kind: llm.EventStart})
		for i := range answer.Blocks {
			b := &answer.Blocks[i]
			start := llm.Event{Kind: llm.EventBlockStart, Index: i, Block: b.Kind, ToolUse: b.ToolUse, ToolResult: b.ToolResult, Other: b.Other, Extra: b.Extra}
			delta := llm.Event{Kind: llm.EventDelta, Index: i, Block: b.Kind, Text: b.Text, Signature: b.Signature}
			evs = append(evs, start)
			if delta.Text != "" || delta.Signature != "" {
				evs = append(evs, delta)
			}
			evs = append(evs, llm.Event{Kind: llm.EventBlockEnd, Index: i})
		}
		return append(evs, llm.Event{Kind: llm.EventStop, Stop: answer.Stop, RawStop: answer.RawStop, Raw: answer.ModelFields}, llm.Event{Kind: llm.EventUsage, Usage: &answer.Usage})
	}
	reader := converse.NewReader(bytes.NewReader(x.frames))
	for {
		var ev llm.Event
		err := reader.Next(&ev)
		if errors.Is(err, io.EOF) {
			return evs
		}
		if err != nil {
			t.Fatal(err)
		}
		evs = append(evs, ev)
	}
}

// contentOf is what a message should contain.
func contentOf(t *testing.T, answer *llm.Response) any {
	t.Helper()
	content := []any{}
	for i := range answer.Blocks {
		switch b := &answer.Blocks[i]; {
		case b.Kind == llm.BlockText && b.Text != "":
			content = append(content, object{"type": "text", "text": b.Text})
		case b.Kind == llm.BlockReasoning:
			content = append(content, object{"type": "thinking", "thinking": b.Text, "signature": b.Signature})
		case b.Kind == llm.BlockRedacted: // base64 of Anthropic's own
			inner, ok := llm.ParseBase64([]byte(b.Text))
			if !ok {
				t.Fatal(b.Text)
			}
			content = append(content, object{"type": "redacted_thinking", "data": string(inner.Decode())})
		case b.Kind == llm.BlockToolUse && b.ToolUse.Type != llm.ServerSide:
			content = append(content, object{"type": "tool_use", "id": b.ToolUse.ID, "name": b.ToolUse.Name, "input": parsed(t, b.ToolUse.Input)})
		}
	}
	return content
}

// TestRecordedRequests writes every recorded request as a client of Anthropic's would, and compares
// what Decode makes of it with what was recorded.
func TestRecordedRequests(t *testing.T) {
	same := 0
	for _, x := range exchanges(t) {
		want, err := converse.DecodeRequest(x.request)
		if err != nil {
			continue // some were recorded with members that AWS's model of the API lacks
		}
		body, ok := messagesOf(want)
		if !ok {
			continue
		}
		r, err := anthropic.Decode(body, anthropic.Options{Count: true})
		if err != nil {
			t.Errorf("%s: %v\n%.500s", x.name, err, body)
			continue
		}
		if diff := cmp.Diff(converseBody(t, want), converseBody(t, &r.LLM)); diff != "" {
			t.Errorf("%s (-recorded +decoded):\n%s", x.name, diff)
		}
		same++
	}
	if same < 60 {
		t.Errorf("only %d recorded requests were compared", same)
	}
	t.Logf("%d recorded requests mean the same", same)
}

// TestRecordedBodiesOfClaude decodes what was recorded in Anthropic's own form, as the content of
// CountTokens.
func TestRecordedBodiesOfClaude(t *testing.T) {
	folder := os.Getenv("OUTCROP_RECORDINGS")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "recordings")
	}
	paths, err := filepath.Glob(filepath.Join(folder, "*count-tokens*.json"))
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, path := range paths {
		var r struct {
			Request struct {
				JSON struct {
					Input struct{ InvokeModel struct{ Body []byte } }
				}
			}
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatal(err)
		}
		body := r.Request.JSON.Input.InvokeModel.Body
		if len(body) == 0 {
			continue
		}
		read++
		if _, err = anthropic.Decode(append([]byte(`{"model":"m",`), body[1:]...), anthropic.Options{}); err != nil {
			t.Errorf("%s: %v", filepath.Base(path), err)
		}
	}
	if read == 0 {
		t.Skip("no recordings here")
	}
}

// converseBody is a request in Converse's form, without what Anthropic's cannot say.
func converseBody(t *testing.T, r *llm.Request) object {
	t.Helper()
	own := *r
	own.ModelFields, own.Extensions, own.Reasoning, own.TopK = nil, nil, llm.Reasoning{}, llm.Opt[int64]{}
	var w jsonx.Writer
	if _, err := converse.WriteRequest(&w, &own); err != nil {
		t.Fatal(err)
	}
	return parsed(t, w.Buf)
}

// messagesOf writes a request as a client of Anthropic's Messages would; ok is false if it cannot.
func messagesOf(r *llm.Request) (body []byte, ok bool) {
	ok = true
	w := jsonx.Writer{}
	w.Object()
	w.Key("model")
	w.Word("m")
	if r.MaxTokens.Set {
		w.Key("max_tokens")
		w.Int(r.MaxTokens.Value)
	}
	if r.Temperature.Set {
		w.Key("temperature")
		w.Float(r.Temperature.Value)
	}
	if r.TopP.Set {
		w.Key("top_p")
		w.Float(r.TopP.Value)
	}
	if len(r.Stop) > 0 {
		w.Key("stop_sequences")
		w.Array()
		for _, s := range r.Stop {
			w.String(s)
		}
		w.EndArray()
	}
	if len(r.System) > 0 {
		w.Key("system")
		ok = writeBlocks(&w, r.System) && ok
	}
	w.Key("messages")
	w.Array()
	for i := range r.Turns {
		w.Object()
		w.Key("role")
		w.Word(string(r.Turns[i].Role))
		w.Key("content")
		ok = writeBlocks(&w, r.Turns[i].Blocks) && ok
		w.EndObject()
	}
	w.EndArray()
	if len(r.Tools) > 0 {
		ok = writeTools(&w, r) && ok
	}
	if r.Format != nil {
		ok = ok && r.Format.Name == "" && r.Format.Description == ""
		w.Key("output_config")
		w.Raw(jsonx.Raw(`{"format":{"type":"json_schema","schema":` + string(r.Format.Schema) + `}}`))
	}
	w.EndObject()
	return w.Buf, ok
}

func writeTools(w *jsonx.Writer, r *llm.Request) (ok bool) {
	ok = true
	w.Key("tools")
	w.Array()
	for i := range r.Tools {
		tool := &r.Tools[i]
		ok = ok && tool.Other == nil
		w.Object()
		w.Key("name")
		w.String(tool.Name)
		if tool.Description != "" {
			w.Key("description")
			w.String(tool.Description)
		}
		w.Key("input_schema")
		w.Raw(tool.Schema)
		if tool.Strict.Set {
			w.Key("strict")
			w.Bool(tool.Strict.Value)
		}
		writeMark(w, tool.Cache)
		w.EndObject()
	}
	w.EndArray()
	kinds := map[llm.ToolChoiceKind]string{llm.ToolChoiceAuto: "auto", llm.ToolChoiceAny: "any", llm.ToolChoiceNamed: "tool"}
	if kind := kinds[r.ToolChoice.Kind]; kind != "" {
		w.Key("tool_choice")
		w.Object()
		w.Key("type")
		w.Word(kind)
		if r.ToolChoice.Name != "" {
			w.Key("name")
			w.String(r.ToolChoice.Name)
		}
		w.EndObject()
	}
	return ok
}

func writeMark(w *jsonx.Writer, c *llm.CachePoint) {
	if c == nil {
		return
	}
	w.Key("cache_control")
	w.Object()
	w.Key("type")
	w.Word("ephemeral")
	if c.TTL != "" {
		w.Key("ttl")
		w.String(c.TTL)
	}
	w.EndObject()
}

// writeBlocks writes content blocks, each with the cache point behind it.
func writeBlocks(w *jsonx.Writer, blocks []llm.Block) (ok bool) {
	ok = true
	w.Array()
	for i := range blocks {
		b := &blocks[i]
		if b.Kind == llm.BlockCachePoint {
			ok = ok && i > 0
			continue
		}
		w.Object()
		ok = writeBlock(w, b) && ok
		if i+1 < len(blocks) && blocks[i+1].Kind == llm.BlockCachePoint {
			writeMark(w, blocks[i+1].Cache)
		}
		w.EndObject()
	}
	w.EndArray()
	return ok
}

func writeBlock(w *jsonx.Writer, b *llm.Block) bool {
	text := func(key, value string) {
		w.Key(key)
		w.String(value)
	}
	switch b.Kind {
	case llm.BlockText:
		text("type", "text")
		text("text", b.Text)
		return strings.TrimSpace(b.Text) != ""
	case llm.BlockImage, llm.BlockDocument:
		m := b.Media
		kind, mime := "image", "image/"+m.Format
		if b.Kind == llm.BlockDocument {
			kind, mime = "document", map[string]string{"pdf": "application/pdf", "txt": "text/plain", "csv": "text/csv", "html": "text/html", "md": "text/markdown"}[m.Format]
			text("title", m.Name)
		}
		text("type", kind)
		w.Key("source")
		w.Object()
		text("type", "base64")
		text("media_type", mime)
		w.Key("data")
		w.Base64(m.Base64.Bytes())
		w.EndObject()
		return !m.Base64.IsZero() && mime != "" && len(m.Citations) == 0 && m.Context == ""
	case llm.BlockToolUse:
		text("type", "tool_use")
		text("id", b.ToolUse.ID)
		text("name", b.ToolUse.Name)
		w.Key("input")
		w.Raw(b.ToolUse.Input)
		return b.ToolUse.Type == ""
	case llm.BlockToolResult:
		text("type", "tool_result")
		text("tool_use_id", b.ToolResult.ID)
		if b.ToolResult.Status != "" {
			w.Key("is_error")
			w.Bool(b.ToolResult.Status == "error")
		}
		w.Key("content")
		w.Array()
		ok := b.ToolResult.Status != "success" && len(b.ToolResult.Content) > 0
		for i := range b.ToolResult.Content {
			c := &b.ToolResult.Content[i]
			w.Object()
			ok = len(c.JSON) == 0 && writeBlock(w, &c.Block) && ok
			w.EndObject()
		}
		w.EndArray()
		return ok
	case llm.BlockReasoning:
		text("type", "thinking")
		text("thinking", b.Text)
		text("signature", b.Signature)
		return true
	case llm.BlockRedacted:
		text("type", "redacted_thinking")
		text("data", b.Text)
		return true
	default:
		return false
	}
}
