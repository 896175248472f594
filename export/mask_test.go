package export_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"outcrop/export"
	"outcrop/telemetry"
)

// shout writes what it masks in capitals, and refuses what must not be logged.
func shout(_ context.Context, _ *telemetry.Call, _ bool, texts []string) ([]string, error) {
	var out []string
	for _, text := range texts {
		if strings.Contains(text, "unspeakable") {
			return nil, errors.New("unspeakable")
		}
		out = append(out, strings.ToUpper(text))
	}
	return out, nil
}

func TestWhatCallbacksGetIsMasked(t *testing.T) {
	const chat = `{"model":"granite","messages":[{"role":"user","content":[{"type":"text","text":"a question"},{"type":"image_url","image_url":{"url":"data:image/png;base64,aaaa"}}]},{"role":"tool","tool_call_id":"call_1","content":"a result"}],"temperature":0.5}`
	for name, c := range map[string]struct {
		content telemetry.Content
		want    []string
		not     []string
	}{
		"JSON": {
			telemetry.Content{Request: []byte(chat), Response: []byte(`{"choices":[{"message":{"role":"assistant","content":"an answer"},"finish_reason":"stop"}]}`), Type: "application/json"},
			[]string{`"A QUESTION"`, `"A RESULT"`, `"tool_call_id":"call_1"`, `"role":"user"`, `data:image/png;base64,aaaa`, `"AN ANSWER"`, `"temperature":0.5`},
			[]string{"a question", "an answer"},
		},
		"a stream": {
			telemetry.Content{Request: []byte(chat), Response: []byte("data: {\"choices\":[{\"delta\":{\"content\":\"an ans\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"wer\"}}]}\n\n"), Type: "text/event-stream"},
			[]string{`"content":"AN ANSWER"`},
			[]string{"an ans", "wer\""},
		},
		"cut off": {
			telemetry.Content{Request: []byte(chat[:100]), RequestCut: true},
			[]string{`A QUESTION`},
			[]string{"a question"},
		},
		"refused": {
			telemetry.Content{Request: []byte(strings.Replace(chat, "a result", "unspeakable", 1)), Response: []byte(`{"a":"b"}`), Type: "application/json"},
			[]string{`"messages":"` + export.Redacted + `"`},
			[]string{"unspeakable", "question", "QUESTION"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			sent := make(chan string, 1)
			e := export.New(t.Context(), export.Settings{Callbacks: []export.Callback{{Name: "hook", Success: true, Failure: true, Content: true, Sender: sender(sent), Every: time.Millisecond}}, Mask: shout}, export.Options{})
			before := string(c.content.Request) + string(c.content.Response)
			e.Ended(&telemetry.Call{ID: "1", Model: "granite", Group: "granite", Content: &c.content})
			e.Close(t.Context())
			got := <-sent
			for _, want := range c.want {
				if !strings.Contains(got, want) {
					t.Errorf("no %s in %s", want, got)
				}
			}
			for _, not := range c.not {
				if strings.Contains(got, not) {
					t.Errorf("%s is in %s", not, got)
				}
			}
			if before != string(c.content.Request)+string(c.content.Response) {
				t.Error("the call's own content is changed")
			}
		})
	}
}

func TestTextsAreMaskedWhateverTheirMembersAreCalled(t *testing.T) {
	const own = `{"data":"secret a","id":"secret","status":"secret","format":"secret","bytes":"secret","type":"secret","object":"secret","model":"secret","role":["secret"],"more":[{"id":"secret"}]}`
	for name, body := range map[string]string{
		"Anthropic's arguments":   `{"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"toolu_1","name":"f","input":` + own + `}]}]}`,
		"an Anthropic document":   `{"messages":[{"role":"user","content":[{"type":"document","source":{"type":"text","media_type":"text/plain","data":"secret"}}]}]}`,
		"Gemini's arguments":      `{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":` + own + `}}]}]}`,
		"Gemini's results":        `{"contents":[{"role":"user","parts":[{"functionResponse":{"name":"f","response":` + own + `}}]}]}`,
		"OpenAI's arguments":      `{"messages":[{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":"data: secret"}}]}]}`,
		"arguments as an object":  `{"messages":[{"role":"assistant","tool_calls":[{"id":"call_1","type":"function","function":{"name":"f","arguments":` + own + `}}]}]}`,
		"Converse's arguments":    `{"messages":[{"role":"assistant","content":[{"toolUse":{"toolUseId":"t","name":"f","input":` + own + `}}]}]}`,
		"Converse's results":      `{"messages":[{"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"json":` + own + `}],"status":"success"}}]}]}`,
		"documents":               `{"query":"q","documents":[` + own + `]}`,
		"metadata":                `{"metadata":` + own + `}`,
		"the default of a schema": `{"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"data":{"type":"string","default":"secret"}}}}}]}`,
		"a text after data:":      `{"messages":[{"role":"user","content":"data: secret"}]}`,
		"a text like a data URI":  `{"messages":[{"role":"user","content":"data:text/plain;base64,aaaa secret"}]}`,
		"a text before base64":    `{"messages":[{"role":"user","content":"data:secret, and;base64,aaaa"}]}`,
		"a comma":                 `{"input":"data:text/plain,secret"}`,
		"data that is none":       `{"thing":{"data":"a secret","id":"a secret"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			sent := make(chan string, 1)
			e := export.New(t.Context(), export.Settings{Callbacks: []export.Callback{{Name: "hook", Success: true, Failure: true, Content: true, Sender: sender(sent), Every: time.Millisecond}}, Mask: shout}, export.Options{})
			e.Ended(&telemetry.Call{ID: "1", Model: "granite", Group: "granite", Content: &telemetry.Content{Request: []byte(body), Response: []byte(body), Type: "application/json"}})
			e.Close(t.Context())
			if got := <-sent; strings.Contains(got, "secret") || !strings.Contains(got, "SECRET") {
				t.Errorf("%s is not masked", got)
			}
		})
	}
}

func TestNamesIDsAndMediaAreNotMasked(t *testing.T) {
	for _, body := range []string{
		`{"input":[{"type":"message","role":"user","id":"msg_1","status":"completed","content":[{"type":"input_image","image_url":"data:image/png;base64,aa+/-_=="}]}]}`,
		`{"input":[{"role":"user","content":[{"type":"input_file","file_data":"data:application/pdf;base64,aaaa"},{"type":"input_audio","input_audio":{"data":"aaaa","format":"wav"}}]}]}`,
		`{"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"aaaa"}},{"type":"redacted_thinking","data":"aaaa"}]}]}`,
		`{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"aaaa"}}]}]}`,
		`{"messages":[{"role":"user","content":[{"image":{"format":"png","source":{"bytes":"aaaa"}}}]}]}`,
	} {
		sent := make(chan string, 1)
		e := export.New(t.Context(), export.Settings{Callbacks: []export.Callback{{Name: "hook", Success: true, Failure: true, Content: true, Sender: sender(sent), Every: time.Millisecond}}, Mask: shout}, export.Options{})
		e.Ended(&telemetry.Call{ID: "1", Model: "granite", Group: "granite", Content: &telemetry.Content{Request: []byte(body), Response: []byte(body), Type: "application/json"}})
		e.Close(t.Context())
		if got := <-sent; !strings.Contains(got, body) {
			t.Errorf("%s became %s", body, got)
		}
	}
}

// sender writes records as LiteLLM's payload.
type sender chan string

func (s sender) Send(_ context.Context, batch []*export.Record) ([]*export.Record, error) {
	s <- string(export.Form{}.Append(nil, batch[0]))
	return nil, nil
}

func (sender) Close() {}
