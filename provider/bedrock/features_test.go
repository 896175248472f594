package bedrock_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock"
	"outcrop/wire/eventstream"
)

// picky is a Bedrock that refuses bodies which hold a text, and answers by the tool that
// gives the answer where there is one. It has no lists.
type picky struct {
	mu      sync.Mutex
	refuses string
	words   string
	bodies  []string
}

func (p *picky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Method != http.MethodPost {
		http.Error(w, `{"message":"no"}`, http.StatusServiceUnavailable)
		return
	}
	p.bodies = append(p.bodies, string(body))
	if strings.Contains(r.URL.Path+" "+string(body), p.refuses) {
		w.Header().Set("X-Amzn-Errortype", "ValidationException")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"message":%q}`, p.words)
		return
	}
	called := strings.Contains(string(body), `"json_answer"`)
	switch {
	case strings.HasSuffix(r.URL.Path, "/converse-stream") && called:
		_, _ = w.Write(framed(
			"contentBlockStart", `{"contentBlockIndex":0,"start":{"toolUse":{"name":"json_answer","toolUseId":"tooluse_1"}}}`,
			"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"toolUse":{"input":"{\"stone\":"}}}`,
			"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"toolUse":{"input":"\"slate\"}"}}}`,
			"contentBlockStop", `{"contentBlockIndex":0}`, "messageStop", `{"stopReason":"tool_use"}`,
		))
	case strings.HasSuffix(r.URL.Path, "/converse-stream"):
		_, _ = w.Write(framed(
			"contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"granite"}}`,
			"contentBlockStop", `{"contentBlockIndex":0}`, "messageStop", `{"stopReason":"end_turn"}`,
		))
	case called:
		_, _ = io.WriteString(w, `{"metrics":{"latencyMs":1},"output":{"message":{"content":[{"toolUse":{"input":`+byTool+`,"name":"json_answer","toolUseId":"tooluse_1"}}],"role":"assistant"}},"stopReason":"tool_use","usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}`)
	default:
		_, _ = io.WriteString(w, answer)
	}
}

// byTool is the input of the tool that gives the answer.
const byTool = `{"stone":"slate"}`

// framed is a stream of a message with events, each with its payload.
func framed(events ...string) []byte {
	events = slices.Concat([]string{"messageStart", `{"role":"assistant"}`}, events, []string{"metadata", `{"metrics":{"latencyMs":1},"usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}`})
	var b []byte
	for pair := range slices.Chunk(events, 2) {
		b = eventstream.Append(b, []eventstream.Header{
			{Name: eventstream.HeaderEventType, Value: pair[0]},
			{Name: eventstream.HeaderContentType, Value: "application/json"},
			{Name: eventstream.HeaderMessageType, Value: "event"},
		}, []byte(pair[1]))
	}
	return b
}

// sent gives the bodies since it was last asked.
func (p *picky) sent() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	bodies := p.bodies
	p.bodies = nil
	return bodies
}

// TestARefusedFeatureIsDoneWithout has schemas and strict tools that Bedrock refuses in
// spite of the table: the call is made once more without them, whole and streamed. What is
// refused of the model is remembered, so that the next call begins without it; what is
// refused of one schema is not.
func TestARefusedFeatureIsDoneWithout(t *testing.T) {
	schema := jsonx.Raw(`{"type":"object","properties":{"stone":{"type":"string"}}}`)
	formatted := func(r *llm.Request) { r.Format = &llm.Format{Name: "s", Schema: schema} }
	strict := func(r *llm.Request) {
		r.Tools = []llm.Tool{{Name: "weigh", Schema: schema, Strict: llm.Some(true)}}
	}
	const (
		said   = "The model returned the following errors: "
		format = said + "output_config.format: Extra inputs are not permitted"
	)
	for _, tt := range []struct {
		name, model    string
		with           func(*llm.Request)
		refuses, words string
		calls, next    int // of the first request, and of the second; none is made if it fails
		answer         string
	}{
		{"a schema", "us." + sonnet, formatted, `"textFormat"`, format, 2, 1, byTool},
		{"a schema for Opus 4.8", "us.anthropic.claude-opus-4-8", formatted, `"textFormat"`, format, 2, 1, byTool},
		{"a schema for Opus 5.5, which no tool is forced on", "global.anthropic.claude-opus-5-5", formatted, `"textFormat"`, format, 2, 1, byTool},
		{"a schema for Sonnet 5.5", "us.anthropic.claude-sonnet-5-5", formatted, `"textFormat"`, format, 2, 1, byTool},
		{"a schema, in Converse's words", "us." + sonnet, formatted, `"textFormat"`, "Malformed input request: #: extraneous key [outputConfig] is not permitted, please reformat your input and try again.", 2, 1, byTool},
		{"a schema, in those of a field", "us." + sonnet, formatted, `"textFormat"`, "This model doesn't support the outputConfig.textFormat field. Remove outputConfig.textFormat and try again.", 2, 1, byTool},
		{"a strict tool", "us." + sonnet, strict, `"strict"`, said + "tools.0.custom.strict: Extra inputs are not permitted", 2, 1, "granite"},
		{"a strict tool for Opus 5", "us.anthropic.claude-opus-5", strict, `"strict"`, said + "tools.0.custom.strict: Extra inputs are not permitted", 2, 1, "granite"},
		{"what the schema holds", "us." + sonnet, formatted, `"textFormat"`, said + "output_config.format.schema.properties.stone.minLength: Extra inputs are not permitted", 2, 2, byTool},
		{"a schema that is too large", "us.anthropic.claude-opus-4-8", formatted, `"textFormat"`, said + "The compiled grammar is too large, which would cause performance issues. Simplify your tool schemas or reduce the number of strict tools.", 2, 2, byTool},
		{"a schema that is too complex", "us.anthropic.claude-opus-4-8", formatted, `"textFormat"`, said + "Schema is too complex for compilation. Try reducing the number of tools or simplifying tool schemas.", 2, 2, byTool},
		{"strict tools that are too complex", "us." + sonnet, strict, `"strict"`, said + "Schema is too complex for compilation. Try reducing the number of tools or simplifying tool schemas.", 1, 0, ""},
		{"another refusal", "us." + sonnet, formatted, `"textFormat"`, said + "max_tokens: 1 is too few", 1, 0, ""},
		{"refused without it, too", "us." + sonnet, formatted, `"messages"`, format, 2, 0, ""},
	} {
		for _, stream := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, streamed %t", tt.name, stream), func(t *testing.T) {
				p := &picky{refuses: tt.refuses, words: tt.words}
				server := httptest.NewServer(judge.Watch(p))
				t.Cleanup(server.Close)
				d := openAt(t, bedrock.Provider(), server.URL, false)
				for i, calls := range []int{tt.calls, tt.next} {
					answer, err := answered(t, d, tt.model, stream, tt.with)
					if bodies := p.sent(); (err == nil) != (tt.answer != "") || answer != tt.answer || len(bodies) != calls {
						t.Fatalf("request %d is answered %q, %v after %d calls:\n%s", i, answer, err, len(bodies), strings.Join(bodies, "\n"))
					}
					if tt.next == 0 {
						break
					}
				}
			})
		}
	}
}

// TestMediaThatAModelDoesNotReadDoNotEndTheConversation has a tool that returned an image or a PDF,
// for models of which nothing is known: the call is made again with the media behind the result, and
// if that is refused too, with a text in its place. Calls of the next hour begin so. What the user has
// just attached stays refused.
func TestMediaThatAModelDoesNotReadDoNotEndTheConversation(t *testing.T) {
	const (
		field = "This model doesn't support the %s field for user messages. Remove %[1]s and try again."
		block = "This model doesn't support the %s content block that you provided. Update the content block and try again."
	)
	medium := func(kind llm.BlockKind, format, content string) llm.Block {
		b, _ := llm.ParseBase64([]byte(content))
		return llm.Block{Kind: kind, Media: &llm.Media{Format: format, Base64: b}}
	}
	image, pdf := medium(llm.BlockImage, "png", "aGVsbG8="), medium(llm.BlockDocument, "pdf", "aGVsbG8=")
	returned := func(b llm.Block) func(*llm.Request) {
		return func(r *llm.Request) {
			r.Tools = []llm.Tool{{Name: "read", Schema: jsonx.Raw(`{"type":"object"}`)}}
			r.Turns = append(r.Turns,
				llm.Turn{Role: llm.RoleAssistant, Blocks: []llm.Block{{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "t1", Name: "read", Input: jsonx.Raw(`{}`)}}}},
				llm.Turn{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: "t1", Content: []llm.ResultBlock{{Block: b}}}}}})
		}
	}
	attached := func(b llm.Block) func(*llm.Request) {
		return func(r *llm.Request) { r.Turns[0].Blocks = append(r.Turns[0].Blocks, b) }
	}
	for _, tt := range []struct {
		name           string
		with           func(*llm.Request)
		refuses, words string
		calls, next    int // of the first request, and of the second
		served         bool
		last           string // what the last body has
	}{
		{"an image, where it is", returned(image), `"content":[{"image"`, fmt.Sprintf(field, "image"), 2, 1, true, `{"text":"This is file 1:"},{"image":`},
		{"a PDF, where it is", returned(pdf), `"content":[{"document"`, fmt.Sprintf(field, "document"), 2, 1, true, `{"text":"This is file 1:"},{"document":`},
		{"an image anywhere", returned(image), `{"image"`, fmt.Sprintf(field, "image"), 3, 1, true, `{"text":"[image omitted: this model does not accept images]"}`},
		{"a PDF anywhere", returned(pdf), `{"document"`, fmt.Sprintf(field, "document"), 3, 1, true, `{"text":"[document omitted: this model does not accept documents]"}`},
		{"an image anywhere, in plain words", returned(image), `{"image"`, fmt.Sprintf(block, "image"), 2, 1, true, `omitted`},
		{"an image of the user's", attached(image), `{"image"`, fmt.Sprintf(block, "image"), 2, 1, false, `{"image":`},
		{"a PDF of the user's", attached(pdf), `{"document"`, fmt.Sprintf(block, "document"), 2, 1, false, `{"document":`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &picky{refuses: tt.refuses, words: tt.words}
			server := httptest.NewServer(judge.Watch(p))
			t.Cleanup(server.Close)
			d := openAt(t, bedrock.Provider(), server.URL, false)
			for i, calls := range []int{tt.calls, tt.next} {
				_, err := answered(t, d, "newcomer.model-9", i > 0, tt.with)
				bodies := p.sent()
				if (err == nil) != tt.served || len(bodies) != calls || !strings.Contains(bodies[len(bodies)-1], tt.last) {
					t.Fatalf("request %d: %v after %d calls, want %d:\n%s", i, err, len(bodies), calls, strings.Join(bodies, "\n"))
				}
			}
		})
	}
}

// TestToolsThatAStreamRefusesAreCalledWhole has a model that is not known to refuse tools in streams:
// the refused call is made again by Converse, and later ones begin so.
func TestToolsThatAStreamRefusesAreCalledWhole(t *testing.T) {
	p := &picky{refuses: "/converse-stream ", words: "This model doesn't support tool use in streaming mode."}
	server := httptest.NewServer(judge.Watch(p))
	t.Cleanup(server.Close)
	d := openAt(t, bedrock.Provider(), server.URL, false)
	for i, calls := range []int{2, 1} {
		answer, err := answered(t, d, "newcomer.model-9", true, func(r *llm.Request) {
			r.Tools = []llm.Tool{{Name: "weigh", Schema: jsonx.Raw(`{"type":"object"}`)}}
		})
		if n := len(p.sent()); err != nil || answer != "granite" || n != calls {
			t.Errorf("request %d is answered %q, %v after %d calls, want %d", i, answer, err, n, calls)
		}
	}
}

// A schema that Bedrock refuses reaches the model by a tool, of which the client is told.
func TestTheClientIsToldOfARefusedSchema(t *testing.T) {
	p := &picky{refuses: `"textFormat"`, words: "The compiled grammar is too large, which would cause performance issues."}
	server := httptest.NewServer(judge.Watch(p))
	t.Cleanup(server.Close)
	model := "us.anthropic.claude-opus-4-8"
	targets, err := openAt(t, bedrock.Provider(), server.URL, false).Targets(llm.VerbChat, model)
	if err != nil {
		t.Fatal(err)
	}
	req := ask(model)
	req.Format = &llm.Format{Schema: jsonx.Raw(`{"type":"object","properties":{"stone":{"type":"string"}}}`)}
	resp, err := targets[0].(provider.Chatter).Complete(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.ContainsFunc(resp.Meta.Warnings, func(w llm.Warning) bool {
		return w.Code == llm.WarnChanged && w.Field == "format" && strings.Contains(w.Detail, "Bedrock refused the schema")
	}) {
		t.Errorf("warned of %v", resp.Meta.Warnings)
	}
}

// TestMoreTokensThanAWSAllowsAreLoweredToWhatItNames has a model whose limit is not known before AWS
// names it. A limit that is still too high then is the client's to change.
func TestMoreTokensThanAWSAllowsAreLoweredToWhatItNames(t *testing.T) {
	for name, tt := range map[string]struct {
		refuses string
		calls   int
		served  bool
	}{
		"the limit is served":           {refuses: `"maxTokens":32000`, calls: 2, served: true},
		"the limit is refused likewise": {refuses: `"maxTokens"`, calls: 2},
	} {
		t.Run(name, func(t *testing.T) {
			p := &picky{refuses: tt.refuses, words: "The maximum tokens you requested exceeds the model limit of 4096. Try again with a maximum tokens value that is lower than 4096."}
			server := httptest.NewServer(judge.Watch(p))
			t.Cleanup(server.Close)
			targets, err := openAt(t, bedrock.Provider(), server.URL, false).Targets(llm.VerbChat, "newcomer.model-9")
			if err != nil {
				t.Fatal(err)
			}
			req := ask("newcomer.model-9")
			req.MaxTokens = llm.Some[int64](32_000)
			resp, err := targets[0].(provider.Chatter).Complete(t.Context(), req)
			if bodies := p.sent(); (err == nil) != tt.served || len(bodies) != tt.calls || !strings.Contains(bodies[1], `"maxTokens":4096`) {
				t.Fatalf("%v after:\n%s", err, strings.Join(bodies, "\n"))
			}
			if !tt.served {
				return
			}
			if !slices.ContainsFunc(resp.Meta.Warnings, func(w llm.Warning) bool {
				return w.Code == llm.WarnChanged && w.Field == "max_tokens" && strings.Contains(w.Detail, "4096")
			}) {
				t.Errorf("warned of %v", resp.Meta.Warnings)
			}
		})
	}
}

// answered is what a call answers with, whole or streamed.
func answered(t *testing.T, d opened, model string, stream bool, with func(*llm.Request)) (answer string, err error) {
	t.Helper()
	req := ask(model)
	with(req)
	err = through(t, d, model, func(target provider.Target) error {
		answer = ""
		if !stream {
			resp, err := target.(provider.Chatter).Complete(t.Context(), req)
			if err != nil {
				return err
			}
			for _, b := range resp.Blocks {
				answer += b.Text
			}
			return nil
		}
		s, err := target.(provider.Chatter).Stream(t.Context(), req)
		if err != nil {
			return err
		}
		defer s.Close()
		for {
			var ev llm.Event
			switch err := s.Next(&ev); {
			case errors.Is(err, io.EOF):
				return nil
			case err != nil:
				return err
			case ev.Kind == llm.EventDelta && ev.Block == llm.BlockText:
				answer += ev.Text
			}
		}
	})
	return answer, err
}
