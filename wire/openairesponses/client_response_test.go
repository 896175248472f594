package openairesponses

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// shown are blocks as short texts.
func shown(r *llm.Response) (out []string) {
	for i := range r.Blocks {
		b := &r.Blocks[i]
		var line string
		switch b.Kind {
		case llm.BlockReasoning:
			line = "thought " + b.Text
			if b.Signature != "" {
				line += " signed " + b.Signature
			}
		case llm.BlockToolUse:
			line = "call " + b.ToolUse.ID + " " + b.ToolUse.Name + " " + string(b.ToolUse.Input)
		case llm.BlockOther:
			line = "other " + b.Other.Name + " " + string(b.Other.Value)
		default:
			line = "text " + b.Text
		}
		for _, m := range b.Extra {
			line += " " + m.Name + " " + string(m.Value)
		}
		out = append(out, line)
	}
	return out
}

const (
	thinkItem  = `{"id":"rs_1","type":"reasoning","summary":[{"type":"summary_text","text":"**One**\n\nA."},{"type":"summary_text","text":"Two."}],"content":[{"type":"reasoning_text","text":"Raw."}],"encrypted_content":"gAAA+/="}`
	textItem   = `{"id":"msg_1","type":"message","status":"completed","role":"assistant","phase":"final_answer","content":[{"type":"output_text","text":"Granite \"g\".","annotations":[{"type":"url_citation","start_index":0,"end_index":7,"url":"https://x","title":"X"},{"type":"file_citation","file_id":"f"}],"logprobs":[{"token":"G","logprob":-1}]},{"type":"refusal","refusal":"No."}]}`
	callItem   = `{"id":"fc_1","type":"function_call","status":"completed","call_id":"c1","name":"find","arguments":"{\"rock\": \"granite\"}"}`
	customItem = `{"id":"ctc_1","type":"custom_tool_call","status":"completed","call_id":"c2","name":"patch","input":"*** \"go\"\n\u5ca9"}`
	searchItem = `{"id":"ws_1","type":"web_search_call","status":"completed","action":{"type":"search","query":"granite"}}`
)

func responseOf(status, reason string, items ...string) string {
	details := "null"
	if reason != "" {
		details = `{"reason":"` + reason + `"}`
	}
	return `{"id":"resp_1","object":"response","status":"` + status + `","error":null,"incomplete_details":` + details + `,"model":"m","output":[` + strings.Join(items, ",") +
		`],"service_tier":"flex","usage":{"input_tokens":20,"input_tokens_details":{"cached_tokens":8,"cache_write_tokens":2},"output_tokens":9,"output_tokens_details":{"reasoning_tokens":4},"total_tokens":29}}`
}

func TestAResponseIsRead(t *testing.T) {
	opt := ReadOptions{Sealer: "me"}
	got, err := DecodeResponse([]byte(responseOf("completed", "", thinkItem, searchItem, textItem, callItem, customItem)), opt)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"thought **One**\n\nA.\n\nTwo.\n\nRaw. signed responses.me.rs_1.s11s4c4.gAAA+/=",
		"other web_search_call " + searchItem,
		`text Granite "g". citation {"title":"X","location":{"web":{"url":"https://x"}}} citation {"type":"file_citation","file_id":"f"}`,
		"text No.",
		`call c1 find {"rock": "granite"}`,
		`call c2 patch {"input":"*** \"go\"\n` + "\u5ca9" + `"}`,
	}
	if diff := cmp.Diff(want, shown(got)); diff != "" {
		t.Error(diff)
	}
	if got.Role != llm.RoleAssistant || got.Stop != llm.StopToolUse || got.RawStop != "completed" || got.ServiceTier != "flex" || got.Uncounted {
		t.Errorf("%+v", got)
	}
	u := got.Usage
	if u.Input != 10 || u.Output != 9 || u.CacheRead.Value != 8 || u.CacheWrite.Value != 2 || u.Reasoning.Value != 4 || u.Total != 29 {
		t.Errorf("usage %+v", u)
	}
	if probs := string(jsonx.Find(got.Extra, "logprobs")); probs != `{"content":[{"token":"G","logprob":-1}]}` {
		t.Errorf("log probabilities %s", probs)
	}
}

func TestWhyAResponseEnded(t *testing.T) {
	for _, tt := range []struct {
		status, reason string
		items          []string
		stop           llm.StopReason
		raw            string
	}{
		{"completed", "", []string{textItem}, llm.StopEnd, "completed"},
		{"completed", "", []string{callItem}, llm.StopToolUse, "completed"},
		{"incomplete", "max_output_tokens", []string{callItem}, llm.StopMaxTokens, "max_output_tokens"},
		{"incomplete", "content_filter", nil, llm.StopFiltered, "content_filter"},
		{"incomplete", "max_tool_calls", nil, llm.StopOther, "max_tool_calls"},
		{"incomplete", "", nil, llm.StopOther, "incomplete"},
	} {
		got, err := DecodeResponse([]byte(responseOf(tt.status, tt.reason, tt.items...)), ReadOptions{})
		if err != nil || got.Stop != tt.stop || got.RawStop != tt.raw {
			t.Errorf("%s %s: %+v, %v", tt.status, tt.reason, got, err)
		}
	}
}

func TestOddFormsOfResponsesAreRead(t *testing.T) {
	for name, tt := range map[string]struct {
		items []string
		want  []string
	}{
		"arguments as an object":        {[]string{`{"type":"function_call","call_id":"c","name":"f","arguments":{"a":1}}`}, []string{`call c f {"a":1}`}},
		"arguments that are no JSON":    {[]string{`{"type":"function_call","call_id":"c","name":"f","arguments":"{\"a"}`}, []string{`call c f "{\"a"`}},
		"no arguments":                  {[]string{`{"type":"function_call","id":"fc","name":"f","arguments":""}`}, []string{`call fc f {}`}},
		"a custom call without input":   {[]string{`{"type":"custom_tool_call","call_id":"c","name":"f","input":""}`}, []string{`call c f {"input":""}`}},
		"reasoning without a summary":   {[]string{`{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"gAAA"}`}, []string{"thought  signed responses.me.rs_1..gAAA"}},
		"reasoning that is not sealed":  {[]string{`{"type":"reasoning","id":"rs_1","summary":[{"text":"Hm."}]}`}, []string{"thought Hm."}},
		"reasoning with nothing in it":  {[]string{`{"type":"reasoning","id":"rs_1","summary":[]}`}, nil},
		"an id with a point":            {[]string{`{"type":"reasoning","id":"rs.1","summary":[{"text":"Hm."}],"encrypted_content":"gAAA"}`}, []string{"thought Hm. signed responses.me...gAAA"}},
		"a message without content":     {[]string{`{"type":"message","content":[]}`}, nil},
		"an item of a type of tomorrow": {[]string{`{"type":"dream_call","content":1,"name":{}}`}, []string{`other dream_call {"type":"dream_call","content":1,"name":{}}`}},
	} {
		got, err := DecodeResponse([]byte(responseOf("completed", "", tt.items...)), ReadOptions{Sealer: "me"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(tt.want, shown(got)); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
	got, err := DecodeResponse([]byte(`{"output":[]}`), ReadOptions{})
	if err != nil || !got.Uncounted || len(got.Meta.Warnings) != 1 || got.Meta.Warnings[0].Field != "usage" {
		t.Errorf("a response without usage: %+v, %v", got, err)
	}
}

func TestFailedResponsesAreErrors(t *testing.T) {
	for body, status := range map[string]int{ // 0 if the body is not valid
		`{"status":"failed","error":{"code":"rate_limit_exceeded","message":"m"},"output":[]}`: 429,
		`{"status":"cancelled","error":null,"output":[]}`:                                      500,
		`{"error":{"code":"server_error","message":"m"}}`:                                      500,
		`{"status":"queued","output":[]}`:                                                      0,
		`{"status":"in_progress","output":[]}`:                                                 0,
		`{"status":"completed"}`:                                                               0,
		`{"status":"completed","output":[{"type":"function_call","call_id":"c"}]}`:             0,
		`{"status":"completed","output":[7]}`:                                                  0,
		`[`:                                                                                    0,
		`{"status":"completed","output":[{"type":"x","a":[` + strings.Repeat("0,", maxSentValues+1) + `0]}]}`: 0,
		`{"output":[` + strings.Repeat(`{"type":"x"},`, maxSentItems) + `{"type":"x"}]}`:                      0,
	} {
		_, err := DecodeResponse([]byte(body), ReadOptions{})
		own, reported := errors.AsType[*FailedError](err)
		if err == nil || reported != (status > 0) || reported && own.Status != status {
			t.Errorf("%.80s: %v", body, err)
		}
	}
}

// TestRecordedResponsesAreRead reads what bedrock-mantle answered.
func TestRecordedResponsesAreRead(t *testing.T) {
	folder := os.Getenv("OUTCROP_RECORDINGS")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "recordings")
	}
	paths, err := filepath.Glob(filepath.Join(folder, "test-bedrock-mantle-*.json"))
	if err != nil || len(paths) == 0 {
		t.Skip("there are no recordings: ", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var r struct {
			Response struct {
				JSON struct {
					Output []sentItem `json:"output"`
					Usage  struct {
						Total int64 `json:"total_tokens"`
					} `json:"usage"`
				} `json:"json"`
			} `json:"response"`
		}
		var raw struct {
			Response struct {
				JSON jsonx.Raw `json:"json"`
			} `json:"response"`
		}
		if err := errors.Join(jsonx.Unmarshal(text, &r), jsonx.Unmarshal(text, &raw)); err != nil {
			t.Fatal(err)
		}
		got, err := DecodeResponse(raw.Response.JSON, ReadOptions{Sealer: "aws"})
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		var want []string
		for _, it := range r.Response.JSON.Output {
			switch it.Type {
			case "message":
				want = append(want, "text "+it.Content[0].Text.Value)
			case "function_call":
				want = append(want, fmt.Sprintf("call %s %s %s", it.CallID.Value, it.Name.Value, it.Arguments))
			case "reasoning":
				line := "thought "
				for _, p := range it.thoughts() {
					line += p.text
				}
				if it.Encrypted.Value != "" {
					line += " signed " + signatureOf("aws", it.ID.Value, it.Encrypted.Value, it.thoughts())
				}
				want = append(want, line)
			}
		}
		if diff := cmp.Diff(want, shown(got)); diff != "" {
			t.Errorf("%s: %s", path, diff)
		}
		if got.Usage.Total != r.Response.JSON.Usage.Total || got.Usage.Prompt()+got.Usage.Output != got.Usage.Total {
			t.Errorf("%s: usage %+v", path, got.Usage)
		}
	}
}
