package invoke

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/anthropic"
	"outcrop/wire/converse"
	"outcrop/wire/eventstream"
)

// blockJSON is a block in Anthropic's form, written by a general library.
type blockJSON = map[string]any

// anthropicMessage writes a recorded answer of Converse in Anthropic's form; false if it holds what
// that does not have.
func anthropicMessage(r *llm.Response) (message map[string]any, ok bool) {
	content := []any{}
	for _, b := range r.Blocks {
		switch b.Kind {
		case llm.BlockText:
			content = append(content, blockJSON{"type": "text", "text": b.Text})
		case llm.BlockReasoning:
			content = append(content, blockJSON{"type": "thinking", "thinking": b.Text, "signature": b.Signature})
		case llm.BlockRedacted:
			data, _ := base64.StdEncoding.DecodeString(b.Text)
			content = append(content, blockJSON{"type": "redacted_thinking", "data": string(data)})
		case llm.BlockToolUse:
			content = append(content, blockJSON{"type": "tool_use", "id": b.ToolUse.ID, "name": b.ToolUse.Name, "input": json.RawMessage(b.ToolUse.Input)})
		default:
			return nil, false
		}
	}
	usage := map[string]any{"input_tokens": r.Usage.Input, "output_tokens": r.Usage.Output}
	if r.Usage.CacheRead.Set {
		usage["cache_read_input_tokens"] = r.Usage.CacheRead.Value
	}
	if r.Usage.CacheWrite.Set {
		usage["cache_creation_input_tokens"] = r.Usage.CacheWrite.Value
	}
	for _, w := range r.Usage.CacheWrites {
		split, _ := usage["cache_creation"].(map[string]any)
		if split == nil {
			split = map[string]any{}
			usage["cache_creation"] = split
		}
		split["ephemeral_"+w.TTL+"_input_tokens"] = w.Tokens
	}
	return map[string]any{
		"model": "claude", "id": "msg_bdrk_1", "type": "message", "role": "assistant", "content": content, "stop_reason": r.RawStop, "stop_sequence": nil, "usage": usage,
	}, true
}

// streamed writes the events of a message.
func streamed(t *testing.T, message map[string]any) []byte {
	t.Helper()
	text := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	begin := maps.Clone(message)
	begin["content"], begin["stop_reason"] = []any{}, nil
	out := []string{`{"type":"message_start","message":` + text(begin) + `}`, `{"type":"ping"}`}
	for i, c := range message["content"].([]any) {
		b := c.(blockJSON)
		open := func(v string) {
			out = append(out, fmt.Sprintf(`{"type":"content_block_start","index":%d,"content_block":%s}`, i, v))
		}
		delta := func(kind, name, v string) {
			for len(v) > 0 {
				n := min(7, len(v))
				for n < len(v) && v[n]&0xc0 == 0x80 {
					n++
				}
				out = append(out, fmt.Sprintf(`{"type":"content_block_delta","index":%d,"delta":{"type":%q,%q:%s}}`, i, kind, name, text(v[:n])))
				v = v[n:]
			}
		}
		switch b["type"] {
		case "text":
			open(`{"type":"text","text":""}`)
			delta("text_delta", "text", b["text"].(string))
		case "thinking":
			open(`{"type":"thinking","thinking":"","signature":""}`)
			delta("thinking_delta", "thinking", b["thinking"].(string))
			delta("signature_delta", "signature", b["signature"].(string))
		case "tool_use":
			open(`{"type":"tool_use","id":` + text(b["id"]) + `,"name":` + text(b["name"]) + `,"input":{}}`)
			delta("input_json_delta", "partial_json", string(b["input"].(json.RawMessage)))
		default:
			open(text(b))
		}
		out = append(out, fmt.Sprintf(`{"type":"content_block_stop","index":%d}`, i))
	}
	out = append(out, `{"type":"message_delta","delta":{"stop_reason":`+text(message["stop_reason"])+`,"stop_sequence":null},"usage":{"output_tokens":`+text(message["usage"].(map[string]any)["output_tokens"])+`}}`)
	return chunks(append(out, `{"type":"message_stop","amazon-bedrock-invocationMetrics":{"inputTokenCount":1,"outputTokenCount":1,"invocationLatency":5}}`)...)
}

// fold reads a stream in the common language.
func fold(t *testing.T, body []byte) *llm.Response {
	t.Helper()
	events := NewEvents(NewReader(bytes.NewReader(body)).Share(&eventstream.Buffers{}))
	var f llm.Fold
	for {
		var ev llm.Event
		if err := events.Next(&ev); err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			if events.More() {
				t.Error("there is more behind the end")
			}
			return f.Answer()
		}
		f.Add(&ev)
	}
}

// recordings gives the recorded exchanges of Converse with Claude, whose content InvokeModel gives
// in Anthropic's form. They are no part of the repository: without them the tests are skipped.
func recordings(t *testing.T) map[string]recording {
	t.Helper()
	folder := os.Getenv("OUTCROP_RECORDINGS")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "..", "shared", "recordings")
	}
	paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]recording{}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var r recording
		if err := json.Unmarshal(data, &r); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(r.URL, "anthropic.claude") {
			all[filepath.Base(path)] = r
		}
	}
	if len(all) == 0 {
		t.Skip("no recordings here")
	}
	return all
}

type recording struct {
	URL     string `json:"url"`
	Request struct {
		JSON json.RawMessage `json:"json"`
	} `json:"request"`
	Response struct {
		Status int             `json:"status"`
		JSON   json.RawMessage `json:"json"`
		Base64 string          `json:"base64"`
	} `json:"response"`
}

func (r *recording) converse() bool {
	return strings.HasSuffix(r.URL, "/converse") || strings.HasSuffix(r.URL, "/converse-stream")
}

func (r *recording) answer(t *testing.T) *llm.Response {
	t.Helper()
	if r.Response.Base64 == "" {
		answer, err := converse.DecodeResponse(r.Response.JSON)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	body, err := base64.StdEncoding.DecodeString(r.Response.Base64)
	if err != nil {
		t.Fatal(err)
	}
	var f llm.Fold
	for events := converse.NewReader(bytes.NewReader(body)); ; {
		var ev llm.Event
		if err := events.Next(&ev); err != nil {
			if !errors.Is(err, io.EOF) {
				t.Fatal(err)
			}
			return f.Answer()
		}
		f.Add(&ev)
	}
}

func TestRecordedAnswersWholeAndStreamed(t *testing.T) {
	count := 0
	for name, r := range recordings(t) {
		if !r.converse() || r.Response.Status != 200 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			want := r.answer(t)
			message, ok := anthropicMessage(want)
			if !ok {
				t.Log("it has blocks without a form in Anthropic's dialect, so there is nothing to compare")
				return
			}
			count++
			body, err := json.Marshal(message)
			if err != nil {
				t.Fatal(err)
			}
			whole, err := Decode(body)
			if err != nil {
				t.Fatal(err)
			}
			for how, got := range map[string]*llm.Response{"whole": whole, "streamed": fold(t, streamed(t, message))} {
				if diff := cmp.Diff(plainBlocks(want.Blocks), plainBlocks(got.Blocks)); diff != "" {
					t.Errorf("%s: blocks (-want +got):\n%s", how, diff)
				}
				want.Usage.Extra, want.Usage.Reasoning = nil, llm.Opt[int64]{}
				if diff := cmp.Diff(want.Usage, got.Usage); diff != "" {
					t.Errorf("%s: usage (-want +got):\n%s", how, diff)
				}
				if got.Stop != want.Stop || got.RawStop != want.RawStop || got.Role != want.Role {
					t.Errorf("%s: stop %v %q, role %q", how, got.Stop, got.RawStop, got.Role)
				}
			}
		})
	}
	t.Logf("%d recorded answers", count)
}

// plainBlocks are blocks as they compare.
func plainBlocks(blocks []llm.Block) []string {
	var out []string
	for _, b := range blocks {
		s := fmt.Sprint(b.Kind, b.Text, b.Signature)
		if b.ToolUse != nil {
			input, _ := jsonx.Compact(b.ToolUse.Input)
			s += b.ToolUse.ID + b.ToolUse.Name + string(input)
		}
		out = append(out, s)
	}
	return out
}

// TestRecordedRequestsAreAdapted writes recorded requests in Anthropic's form and adapts them: none
// may be refused, and what is not edited must stay.
func TestRecordedRequestsAreAdapted(t *testing.T) {
	count := 0
	for name, r := range recordings(t) {
		if !r.converse() {
			continue
		}
		t.Run(name, func(t *testing.T) {
			req, err := converse.DecodeRequest(r.Request.JSON)
			if err != nil {
				t.Fatal(err)
			}
			var w jsonx.Writer
			if err := anthropic.AppendRequest(&w, req); err != nil {
				if e := llm.AsError(err); e.Code == llm.CodeUnsupported {
					t.Log(err) // it is refused by name, as it must be
					return
				}
				t.Fatal(err)
			}
			count++
			a, err := Adapt(modelOf(r.URL), w.Buf, nil, Options{})
			if err != nil {
				t.Fatalf("%v\n%s", err, w.Buf)
			}
			want := strings.Replace(string(w.Buf), "{", head, 1)
			if got := string(bytes.Join(a.Body, nil)); got != want && len(a.Warnings) == 0 && len(a.Betas) == 0 {
				t.Errorf("without a warning\n%s\nbecame\n%s", want, got)
			}
		})
	}
	t.Logf("%d recorded requests", count)
}

func modelOf(url string) *Model {
	_, name, _ := strings.Cut(url, "anthropic.")
	name, _, _ = strings.Cut(name, "/")
	name, _, _ = strings.Cut(strings.ReplaceAll(name, "%3A", ":"), ":")
	return NewModel("anthropic", name, nil)
}

// TestRecordedInvokeBodies adapts bodies of InvokeModel that a client sent to be counted: one passes
// as it is, the one that AWS refused is refused by name.
func TestRecordedInvokeBodies(t *testing.T) {
	count := 0
	for name, r := range recordings(t) {
		var counted struct {
			Input struct {
				InvokeModel struct {
					Body []byte `json:"body"`
				} `json:"invokeModel"`
			} `json:"input"`
		}
		if json.Unmarshal(r.Request.JSON, &counted) != nil || len(counted.Input.InvokeModel.Body) == 0 {
			continue
		}
		count++
		body := counted.Input.InvokeModel.Body
		a, err := Adapt(modelOf(r.URL), body, nil, Options{})
		switch {
		case bytes.Contains(body, []byte("web_search_20250305")):
			if e := llm.AsError(err); err == nil || e.Param != "tools.0.type" || !bytes.Contains(r.Response.JSON, []byte("tools.0: Input tag 'web_search_20250305'")) {
				t.Errorf("%s: %v", name, err)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		case !bytes.Equal(bytes.Join(a.Body, nil), bytes.TrimSpace(body)):
			t.Errorf("%s: %s\nbecame\n%s", name, body, bytes.Join(a.Body, nil))
		}
	}
	if count == 0 {
		t.Skip("no recordings here")
	}
}
