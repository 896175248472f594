package openaichat_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
	"outcrop/wire/converse"
	"outcrop/wire/eventstream"
	"outcrop/wire/openaichat"
)

// said is what an answer says, whatever the dialect.
type said struct {
	Text, Reasoning       string
	Signed                [][2]string // text and signature
	Redacted              []string
	Calls                 [][3]string // id, name, arguments
	Finish, Raw           string
	Prompt, Output, Total int64
	Cached                int64
}

// TestRecordedAnswersSayTheSame makes chat completions of every recorded answer of
// Converse and ConverseStream, and compares what they say. The recorded side is
// read here by itself, frames apart, which AWS's vectors judge.
func TestRecordedAnswersSayTheSame(t *testing.T) {
	folder := os.Getenv("OUTCROP_RECORDINGS")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "recordings")
	}
	paths, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	all, same := 0, 0
	for _, path := range paths {
		var r struct {
			URL      string
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
		stream := strings.HasSuffix(r.URL, "/converse-stream")
		if r.Response.Status != 200 || !stream && !strings.HasSuffix(r.URL, "/converse") {
			continue
		}
		all++
		want := recorded(t, r.Response.JSON, r.Response.Base64)
		var got said
		if len(r.Response.Base64) > 0 {
			got = fromChunks(t, r.Response.Base64)
		} else {
			got = fromCompletion(t, r.Response.JSON)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-recorded +answered):\n%s", filepath.Base(path), diff)
			continue
		}
		same++
	}
	if all == 0 {
		t.Skip("no recordings here")
	}
	t.Logf("%d of %d recorded answers say the same as a chat completion", same, all)
}

// answerJSON is an answer of Converse, as far as it is compared.
type answerJSON struct {
	Output     struct{ Message struct{ Content []blockJSON } }
	StopReason string
	Usage      usageJSON
}

type usageJSON struct{ InputTokens, OutputTokens, TotalTokens, CacheReadInputTokens, CacheWriteInputTokens int64 }

type blockJSON struct {
	Text             string
	ToolUse          *toolUseJSON
	ReasoningContent *struct {
		ReasoningText   *struct{ Text, Signature string }
		RedactedContent string
	}
}

type toolUseJSON struct {
	ToolUseID, Name, Type string
	Input                 json.RawMessage
}

func recorded(t *testing.T, whole, frames []byte) said {
	t.Helper()
	var a answerJSON
	if len(frames) > 0 {
		a = folded(t, frames)
	} else if err := json.Unmarshal(whole, &a); err != nil {
		t.Fatal(err)
	}
	finish := map[string]string{
		"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "tool_use": "tool_calls",
		"guardrail_intervened": "content_filter", "content_filtered": "content_filter", "model_context_window_exceeded": "length",
	}
	u := a.Usage
	s := said{
		Finish: finish[a.StopReason], Raw: a.StopReason, Output: u.OutputTokens, Total: u.TotalTokens,
		Prompt: u.InputTokens + u.CacheReadInputTokens + u.CacheWriteInputTokens, Cached: u.CacheReadInputTokens,
	}
	for _, b := range a.Output.Message.Content {
		s.Text += b.Text
		if use := b.ToolUse; use != nil && use.Type != llm.ServerSide {
			s.Calls = append(s.Calls, [3]string{use.ToolUseID, use.Name, compact(t, use.Input)})
		}
		if r := b.ReasoningContent; r != nil && r.ReasoningText != nil {
			s.Reasoning += r.ReasoningText.Text
			if r.ReasoningText.Signature != "" {
				s.Signed = append(s.Signed, [2]string{r.ReasoningText.Text, r.ReasoningText.Signature})
			}
		} else if r != nil {
			s.Redacted = append(s.Redacted, r.RedactedContent)
		}
	}
	return s
}

// folded puts the frames of a stream together.
func folded(t *testing.T, frames []byte) answerJSON {
	t.Helper()
	var a answerJSON
	inputs := map[int]string{}
	d := eventstream.NewDecoder(bytes.NewReader(frames))
	for {
		f, err := d.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		var ev struct {
			ContentBlockIndex int
			Start             struct{ ToolUse *toolUseJSON }
			Delta             struct {
				Text             string
				ToolUse          struct{ Input string }
				ReasoningContent *struct{ Text, Signature, RedactedContent string }
			}
			StopReason string
			Usage      *usageJSON
		}
		if err := json.Unmarshal(f.Payload, &ev); err != nil {
			t.Fatal(err)
		}
		blocks := &a.Output.Message.Content
		if kind := string(f.Header(eventstream.HeaderEventType)); strings.HasPrefix(kind, "contentBlock") {
			for len(*blocks) <= ev.ContentBlockIndex {
				*blocks = append(*blocks, blockJSON{})
			}
			b := &(*blocks)[ev.ContentBlockIndex]
			if ev.Start.ToolUse != nil {
				b.ToolUse = ev.Start.ToolUse
			}
			b.Text += ev.Delta.Text
			inputs[ev.ContentBlockIndex] += ev.Delta.ToolUse.Input
			if r := ev.Delta.ReasoningContent; r != nil {
				addReasoning(b, r.Text, r.Signature, r.RedactedContent)
			}
		}
		if ev.StopReason != "" {
			a.StopReason = ev.StopReason
		}
		if ev.Usage != nil {
			a.Usage = *ev.Usage
		}
	}
	for i := range a.Output.Message.Content {
		if use := a.Output.Message.Content[i].ToolUse; use != nil {
			if use.Input = json.RawMessage(inputs[i]); len(use.Input) == 0 {
				use.Input = json.RawMessage("{}")
			}
		}
	}
	return a
}

func addReasoning(b *blockJSON, text, signature, redacted string) {
	if b.ReasoningContent == nil {
		b.ReasoningContent = &struct {
			ReasoningText   *struct{ Text, Signature string }
			RedactedContent string
		}{}
	}
	r := b.ReasoningContent
	r.RedactedContent += redacted
	if redacted == "" {
		if r.ReasoningText == nil {
			r.ReasoningText = &struct{ Text, Signature string }{}
		}
		r.ReasoningText.Text += text
		r.ReasoningText.Signature += signature
	}
}

func compact(t *testing.T, v []byte) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, v); err != nil {
		t.Fatalf("%v: %s", err, v)
	}
	return b.String()
}

// completionJSON is a chat completion or a chunk of one.
type completionJSON struct {
	Choices []struct {
		Message, Delta struct {
			Content          string
			ReasoningContent string                                             `json:"reasoning_content"`
			ThinkingBlocks   []struct{ Type, Thinking, Signature, Data string } `json:"thinking_blocks"`
			ToolCalls        []struct {
				Index    int
				ID       string
				Function struct{ Name, Arguments string }
			} `json:"tool_calls"`
		}
		FinishReason string `json:"finish_reason"`
		Specific     struct {
			StopReason string `json:"stop_reason"`
		} `json:"provider_specific_fields"`
	}
	Usage *struct {
		Prompt  int64 `json:"prompt_tokens"`
		Output  int64 `json:"completion_tokens"`
		Total   int64 `json:"total_tokens"`
		Details struct {
			Cached int64 `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
	}
}

func fromCompletion(t *testing.T, whole []byte) said {
	t.Helper()
	resp, err := converse.DecodeResponse(whole)
	if err != nil {
		t.Fatal(err)
	}
	var c completionJSON
	if err := json.Unmarshal(openaichat.AppendResponse(nil, openaichat.Envelope{ID: "x", Model: "m"}, resp, nil), &c); err != nil {
		t.Fatal(err)
	}
	return fold(t, []completionJSON{c}, false)
}

func fromChunks(t *testing.T, frames []byte) said {
	t.Helper()
	reader := converse.NewReader(bytes.NewReader(frames))
	chunks := openaichat.NewChunks(openaichat.Envelope{ID: "x", Model: "m"}, true, 1)
	var out []byte
	for {
		var ev llm.Event
		err := reader.Next(&ev)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		out = chunks.Append(out, &ev)
	}
	out = chunks.AppendEnd(out, nil)
	var all []completionJSON
	for line := range strings.SplitSeq(string(out), "\n") {
		if data, ok := strings.CutPrefix(line, "data: "); ok && data != "[DONE]" {
			var c completionJSON
			if err := json.Unmarshal([]byte(data), &c); err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		}
	}
	return fold(t, all, true)
}

// fold reads a completion, or chunks as a client puts them together: a thinking
// block ends with its signature.
func fold(t *testing.T, all []completionJSON, stream bool) said {
	t.Helper()
	var s said
	var thought string
	for _, c := range all {
		if u := c.Usage; u != nil {
			s.Prompt, s.Output, s.Total, s.Cached = u.Prompt, u.Output, u.Total, u.Details.Cached
		}
		for _, choice := range c.Choices {
			m := choice.Message
			if stream {
				m = choice.Delta
			}
			s.Text += m.Content
			s.Reasoning += m.ReasoningContent
			for _, b := range m.ThinkingBlocks {
				if b.Type == "redacted_thinking" {
					s.Redacted = append(s.Redacted, b.Data)
					continue
				}
				if thought += b.Thinking; b.Signature != "" {
					s.Signed = append(s.Signed, [2]string{thought, b.Signature})
					thought = ""
				}
			}
			for _, call := range m.ToolCalls {
				if call.ID != "" {
					if call.Index != len(s.Calls) {
						t.Errorf("call %d has index %d", len(s.Calls), call.Index)
					}
					s.Calls = append(s.Calls, [3]string{call.ID, call.Function.Name})
				}
				s.Calls[call.Index][2] += call.Function.Arguments
			}
			if choice.FinishReason != "" {
				s.Finish, s.Raw = choice.FinishReason, choice.Specific.StopReason
			}
		}
	}
	for i := range s.Calls {
		s.Calls[i][2] = compact(t, []byte(s.Calls[i][2]))
	}
	return s
}
