package gemini_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/gemini"
)

func text(s string) llm.Block { return llm.Block{Kind: llm.BlockText, Text: s} }

func call(id, name, input string) llm.Block {
	return llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: id, Name: name, Input: jsonx.Raw(input)}}
}

func result(id string, content ...llm.ResultBlock) llm.Block {
	return llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: id, Content: content}}
}

func user(blocks ...llm.Block) llm.Turn  { return llm.Turn{Role: llm.RoleUser, Blocks: blocks} }
func model(blocks ...llm.Block) llm.Turn { return llm.Turn{Role: llm.RoleAssistant, Blocks: blocks} }

// encode writes a request, and lists its warnings as code, field and detail.
func encode(t *testing.T, req *llm.Request, opt gemini.Options) (body string, warnings []string) {
	t.Helper()
	var w jsonx.Writer
	found, err := gemini.AppendRequest(&w, req, opt)
	if err != nil {
		t.Fatal(err)
	}
	if !jsonx.Valid(w.Buf) {
		t.Fatalf("it is not JSON: %s", w.Buf)
	}
	for _, one := range found {
		warnings = append(warnings, one.Code+" "+one.Field+": "+one.Detail)
	}
	return string(w.Buf), warnings
}

func TestRequestsAreWrittenInGooglesForm(t *testing.T) {
	png, _ := llm.ParseBase64([]byte("iVBORw0K"))
	for _, tt := range []struct {
		name     string
		req      llm.Request
		opt      gemini.Options
		want     string
		warnings []string
	}{
		{
			"settings",
			llm.Request{
				System: []llm.Block{text("Be brief."), {Kind: llm.BlockCachePoint}}, Turns: []llm.Turn{user(text("Hi"))},
				MaxTokens: llm.Some[int64](9), Temperature: llm.Some(0.5), TopP: llm.Some(0.9), TopK: llm.Some[int64](4), Stop: []string{"END"},
				Unmapped: []jsonx.Member{{Name: "seed", Value: jsonx.Raw("7")}, {Name: "presence_penalty", Value: jsonx.Raw("0.1")}, {Name: "frequency_penalty", Value: jsonx.Raw("0")}, {Name: "store", Value: jsonx.Raw("true")}, {Name: "logprobs", Value: jsonx.Raw("false")}},
				Call:     llm.Call{User: "u"},
			},
			gemini.Options{Model: "gemini-2.5-flash"},
			`{"systemInstruction":{"parts":[{"text":"Be brief."}]},"contents":[{"role":"user","parts":[{"text":"Hi"}]}],"generationConfig":{"maxOutputTokens":9,"temperature":0.5,"topP":0.9,"topK":4,"stopSequences":["END"],"seed":7,"presencePenalty":0.1,"frequencyPenalty":0}}`,
			[]string{"dropped cache: Gemini caches prompts by itself", "dropped store: ", "dropped user: Gemini's API takes no user"},
		},
		{
			"provider fields",
			llm.Request{
				Turns:       []llm.Turn{user(text("Hi"))},
				ModelFields: []jsonx.Member{{Name: "safety_settings", Value: jsonx.Raw(`[{"category":"HARM_CATEGORY_HARASSMENT","threshold":"OFF"}]`)}, {Name: "mediaResolution", Value: jsonx.Raw(`"MEDIA_RESOLUTION_LOW"`)}, {Name: "thinkingConfig", Value: jsonx.Raw(`{"thinkingBudget":5}`)}},
				Reasoning:   llm.Reasoning{Effort: "high"},
			},
			gemini.Options{Model: "gemini-2.5-flash"},
			`{"contents":[{"role":"user","parts":[{"text":"Hi"}]}],"generationConfig":{"thinkingConfig":{"thinkingBudget":5},"mediaResolution":"MEDIA_RESOLUTION_LOW"},"safetySettings":[{"category":"HARM_CATEGORY_HARASSMENT","threshold":"OFF"}]}`, nil,
		},
		{
			"media",
			llm.Request{Turns: []llm.Turn{user(
				llm.Block{Kind: llm.BlockImage, Media: &llm.Media{Format: "png", Base64: png}}, llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{Format: "pdf", Base64: png}},
				llm.Block{Kind: llm.BlockAudio, Media: &llm.Media{Format: "mp3", Base64: png}}, llm.Block{Kind: llm.BlockVideo, Media: &llm.Media{Format: "mp4", Base64: png}}, llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{Text: "a page"}},
			)}},
			gemini.Options{Model: "gemini-2.5-flash"},
			`{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"iVBORw0K"}},{"inlineData":{"mimeType":"application/pdf","data":"iVBORw0K"}},{"inlineData":{"mimeType":"audio/mp3","data":"iVBORw0K"}},{"inlineData":{"mimeType":"video/mp4","data":"iVBORw0K"}},{"text":"a page"}]}]}`, nil,
		},
		{
			"tools",
			llm.Request{
				Turns: []llm.Turn{
					user(text("Look.")), model(text("I look."), call("c1", "find", `{"a":1}`), call("c2", "weigh", `[1]`)),
					user(result("c1", llm.ResultBlock{JSON: jsonx.Raw(`{"kg":17}`)})), user(result("c2", llm.ResultBlock{Block: text("ok")}, llm.ResultBlock{Block: llm.Block{Kind: llm.BlockImage, Media: &llm.Media{Format: "png", Base64: png}}})),
				},
				Tools:      []llm.Tool{{Name: "find", Description: "Finds.", Schema: jsonx.Raw(`{"type":"object"}`), Strict: llm.Some(true)}, {Name: "weigh"}},
				ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "find"}, ParallelTools: llm.Some(false),
			},
			gemini.Options{Model: "gemini-2.5-flash"},
			`{"contents":[{"role":"user","parts":[{"text":"Look."}]},{"role":"model","parts":[{"text":"I look."},{"functionCall":{"id":"c1","name":"find","args":{"a":1}}},{"functionCall":{"id":"c2","name":"weigh","args":{"input":[1]}}}]},` +
				`{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"find","response":{"kg":17}}},{"functionResponse":{"id":"c2","name":"weigh","response":{"result":"ok"}}},{"inlineData":{"mimeType":"image/png","data":"iVBORw0K"}}]}],` +
				`"tools":[{"functionDeclarations":[{"name":"find","description":"Finds.","parametersJsonSchema":{"type":"object"}},{"name":"weigh"}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["find"]}}}`,
			[]string{"changed messages[3].content[0]: files in a tool's result follow it as parts of their own", "dropped tools[0].strict: Gemini has no strict tools", "dropped parallel_tools: Gemini may call several tools at once"},
		},
		{
			"tools on Vertex AI",
			llm.Request{Turns: []llm.Turn{user(text("Look.")), model(call("c1", "find", `{}`)), user(llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: "c1", Status: "error", Content: []llm.ResultBlock{{Block: text("gone")}}}})}},
			gemini.Options{Model: "gemini-2.5-flash", NoCallIDs: true},
			`{"contents":[{"role":"user","parts":[{"text":"Look."}]},{"role":"model","parts":[{"functionCall":{"name":"find","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"name":"find","response":{"error":"gone"}}}]}]}`, nil,
		},
		{
			"a schema",
			llm.Request{Turns: []llm.Turn{user(text("Hi"))}, Format: &llm.Format{Schema: jsonx.Raw(`{"type":"object","properties":{"pattern":{"type":"string","pattern":"a+"}},"required":["pattern"]}`)}},
			gemini.Options{Model: "gemini-2.5-flash"},
			`{"contents":[{"role":"user","parts":[{"text":"Hi"}]}],"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"type":"object","properties":{"pattern":{"type":"string","pattern":"a+"}},"required":["pattern"]}}}`,
			[]string{"changed format: Gemini does not enforce pattern"},
		},
		{
			"instructions in the middle, and web search",
			llm.Request{Turns: []llm.Turn{user(text("Hi")), {Role: llm.RoleSystem, Blocks: []llm.Block{text("Be brief.")}}}, WebSearch: jsonx.Raw(`{}`)},
			gemini.Options{Model: "gemini-2.5-flash"},
			`{"contents":[{"role":"user","parts":[{"text":"Hi"},{"text":"<system>\nBe brief.\n</system>"}]}],"tools":[{"googleSearch":{}}]}`, nil,
		},
		{
			"counting",
			llm.Request{Turns: []llm.Turn{user(text("Hi"))}, Temperature: llm.Some(1.0)},
			gemini.Options{Model: "gemini-2.5-flash", Count: true},
			`{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}`, nil,
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, warnings := encode(t, &tt.req, tt.opt)
			if got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
			if diff := cmp.Diff(tt.warnings, warnings); diff != "" {
				t.Errorf("warnings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWishesForReasoningBecomeABudgetOrALevel(t *testing.T) {
	for _, tt := range []struct{ model, effort, thinking, want string }{
		{"gemini-2.5-flash", "none", "", `{"thinkingBudget":0}`},
		{"gemini-2.5-pro", "none", "", `{"thinkingBudget":128}`},
		{"gemini-2.5-flash", "low", "", `{"thinkingBudget":1024,"includeThoughts":true}`},
		{"gemini-2.5-flash", "high", "", `{"thinkingBudget":4096,"includeThoughts":true}`},
		{"gemini-2.5-flash", "", `{"type":"enabled","budget_tokens":3000}`, `{"thinkingBudget":3000,"includeThoughts":true}`},
		{"gemini-2.5-flash", "", `{"type":"adaptive"}`, `{"includeThoughts":true}`},
		{"gemini-2.5-flash", "", `{"type":"disabled"}`, `{"thinkingBudget":0}`},
		{"gemini-3-pro-preview", "none", "", `{"thinkingLevel":"low"}`},
		{"gemini-3-flash", "none", "", `{"thinkingLevel":"minimal"}`},
		{"gemini-3-pro-preview", "max", "", `{"thinkingLevel":"high","includeThoughts":true}`},
		{"gemini-4-argon", "medium", "", `{"thinkingLevel":"medium","includeThoughts":true}`},
		{"gemini-3-pro-preview", "", `{"type":"enabled","budget_tokens":3000}`, `{"thinkingLevel":"medium","includeThoughts":true}`},
	} {
		req := &llm.Request{Turns: []llm.Turn{user(text("Hi"))}, Reasoning: llm.Reasoning{Effort: tt.effort, Thinking: jsonx.Raw(tt.thinking)}}
		got, _ := encode(t, req, gemini.Options{Model: tt.model})
		if want := `{"contents":[{"role":"user","parts":[{"text":"Hi"}]}],"generationConfig":{"thinkingConfig":` + tt.want + `}}`; got != want {
			t.Errorf("%s %s%s: %s, want %s", tt.model, tt.effort, tt.thinking, got, want)
		}
	}
}

func TestWhatTheAPIDoesNotHaveIsRefused(t *testing.T) {
	for name, tt := range map[string]struct {
		req   llm.Request
		param string
	}{
		"S3":                {llm.Request{Turns: []llm.Turn{user(llm.Block{Kind: llm.BlockImage, Media: &llm.Media{Format: "png", URI: "s3://b/k"}})}}, "messages[0].content[0]"},
		"a Word document":   {llm.Request{Turns: []llm.Turn{user(llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{Format: "docx", Base64: llm.EncodeBase64([]byte("x"))}})}}, "messages[0].content[0]"},
		"a tool of another": {llm.Request{Tools: []llm.Tool{{Own: jsonx.Raw(`{"type":"bash_20250124","name":"bash"}`)}}}, "tools[0]"},
		"logit bias":        {llm.Request{Unmapped: []jsonx.Member{{Name: "logit_bias", Value: jsonx.Raw(`{"1":2}`)}}}, "logit_bias"},
	} {
		_, err := gemini.AppendRequest(&jsonx.Writer{}, &tt.req, gemini.Options{Model: "gemini-2.5-flash"})
		if e := llm.AsError(err); e.Code != llm.CodeUnsupported || e.Param != tt.param {
			t.Errorf("%s: %v", name, err)
		}
	}
	req := llm.Request{Unmapped: []jsonx.Member{{Name: "logit_bias", Value: jsonx.Raw(`{"1":2}`)}}}
	req.DropParams = true
	if _, warnings := encode(t, &req, gemini.Options{}); len(warnings) != 1 {
		t.Errorf("warned %q", warnings)
	}
}

// TestSignaturesComeBackWhereTheyWere decodes responses, and sends what a client keeps of them back.
func TestSignaturesComeBackWhereTheyWere(t *testing.T) {
	const usage = `,"usageMetadata":{"promptTokenCount":1,"totalTokenCount":1}`
	for name, tt := range map[string]struct {
		parts, want string
	}{
		"on a call": {
			`{"text":"Hm.","thought":true},{"functionCall":{"id":"c1","name":"find","args":{"a":1}},"thoughtSignature":"c2ln+/=="},{"functionCall":{"id":"c2","name":"find","args":{}}}`,
			`{"functionCall":{"id":"c1","name":"find","args":{"a":1}},"thoughtSignature":"c2ln+/=="},{"functionCall":{"id":"c2","name":"find","args":{}}}`,
		},
		"on a text":               {`{"text":"Granite.","thoughtSignature":"c2ln"}`, `{"text":"Granite.","thoughtSignature":"c2ln"}`},
		"behind a text":           {`{"text":"Granite."},{"text":"","thoughtSignature":"c2ln"}`, `{"text":"Granite.","thoughtSignature":"c2ln"}`},
		"alone":                   {`{"text":"","thoughtSignature":"c2ln"}`, `{"text":"","thoughtSignature":"c2ln"}`},
		"on a text before a call": {`{"text":"I look.","thoughtSignature":"dGV4"},{"functionCall":{"id":"c1","name":"find","args":{}},"thoughtSignature":"Y2Fs"}`, `{"text":"I look.","thoughtSignature":"dGV4"},{"functionCall":{"id":"c1","name":"find","args":{}},"thoughtSignature":"Y2Fs"}`},
	} {
		resp, err := gemini.DecodeResponse([]byte(`{"candidates":[{"content":{"parts":[` + tt.parts + `]},"finishReason":"STOP"}]` + usage + `}`))
		if err != nil {
			t.Fatal(err)
		}
		got, _ := encode(t, &llm.Request{Turns: []llm.Turn{model(resp.Blocks...)}}, gemini.Options{Model: "gemini-3-pro-preview"})
		if want := `{"contents":[{"role":"model","parts":[` + tt.want + `]}]}`; got != want {
			t.Errorf("%s: %s\nwant %s", name, got, want)
		}
	}
}

func TestSignaturesOfOtherModelsAreLeftOut(t *testing.T) {
	turn := model(llm.Block{Kind: llm.BlockReasoning, Text: "Hm.", Signature: "Y2xhdWRl"}, llm.Block{Kind: llm.BlockRedacted, Text: "eA=="}, call("c1", "find", `{}`), call("c2", "find", `{}`))
	for model, sign := range map[string]string{"gemini-3-pro-preview": `,"thoughtSignature":"skip_thought_signature_validator"`, "gemini-2.5-pro": ""} {
		got, _ := encode(t, &llm.Request{Turns: []llm.Turn{turn}}, gemini.Options{Model: model})
		if want := `{"contents":[{"role":"model","parts":[{"functionCall":{"id":"c1","name":"find","args":{}}` + sign + `},{"functionCall":{"id":"c2","name":"find","args":{}}}]}]}`; got != want {
			t.Errorf("%s: %s\nwant %s", model, got, want)
		}
	}
}

func TestResponsesAreRead(t *testing.T) {
	resp, err := gemini.DecodeResponse([]byte(`{"candidates":[{"content":{"role":"model","parts":[{"text":"Hm.","thought":true},{"text":"A "},{"text":"rock."},{"inlineData":{"mimeType":"image/png","data":"iVBORw0K"}},{"executableCode":{"language":"PYTHON","code":"1"}},{"functionCall":{"name":"find"}}]},"finishReason":"STOP","groundingMetadata":{"webSearchQueries":["rock"]},"index":0}],` +
		`"usageMetadata":{"promptTokenCount":20,"cachedContentTokenCount":8,"candidatesTokenCount":5,"thoughtsTokenCount":4,"toolUsePromptTokenCount":3,"totalTokenCount":32,"trafficType":"ON_DEMAND"},"modelVersion":"gemini-2.5-pro","responseId":"r1"}`))
	if err != nil {
		t.Fatal(err)
	}
	kinds := []llm.BlockKind{llm.BlockReasoning, llm.BlockText, llm.BlockImage, llm.BlockOther, llm.BlockToolUse}
	for i, b := range resp.Blocks {
		if i >= len(kinds) || b.Kind != kinds[i] {
			t.Fatalf("block %d is %+v", i, b)
		}
	}
	if resp.Blocks[1].Text != "A rock." || resp.Blocks[2].Media.Format != "png" || resp.Blocks[2].Media.Base64.String() != "iVBORw0K" || !strings.HasPrefix(resp.Blocks[4].ToolUse.ID, "call_") || string(resp.Blocks[4].ToolUse.Input) != "{}" {
		t.Errorf("%+v", resp.Blocks)
	}
	if u := resp.Usage; u.Input != 15 || u.CacheRead != llm.Some[int64](8) || u.Output != 9 || u.Reasoning != llm.Some[int64](4) || u.Total != 32 {
		t.Errorf("%+v", u)
	}
	if resp.Stop != llm.StopToolUse || resp.RawStop != "STOP" || len(resp.Extra) != 1 || resp.Extra[0].Name != "groundingMetadata" {
		t.Errorf("%+v", resp)
	}
}

func TestReasonsToStopAreRead(t *testing.T) {
	for word, want := range map[string]llm.StopReason{
		"STOP": llm.StopEnd, "MAX_TOKENS": llm.StopMaxTokens, "SAFETY": llm.StopFiltered, "RECITATION": llm.StopFiltered, "PROHIBITED_CONTENT": llm.StopFiltered, "IMAGE_SAFETY": llm.StopFiltered,
		"MALFORMED_FUNCTION_CALL": llm.StopMalformed, "UNEXPECTED_TOOL_CALL": llm.StopMalformed, "OTHER": llm.StopOther, "NEW_REASON": llm.StopOther,
	} {
		resp, err := gemini.DecodeResponse([]byte(`{"candidates":[{"finishReason":"` + word + `"}]}`))
		if err != nil || resp.Stop != want || resp.RawStop != word {
			t.Errorf("%s: %+v %v", word, resp, err)
		}
	}
}

func TestResponsesWithoutAnAnswerAreErrors(t *testing.T) {
	_, err := gemini.DecodeResponse([]byte(`{"promptFeedback":{"blockReason":"PROHIBITED_CONTENT"},"usageMetadata":{"promptTokenCount":4}}`))
	if b, ok := errors.AsType[*gemini.BlockedError](err); !ok || b.Reason != "PROHIBITED_CONTENT" {
		t.Errorf("blocked: %v", err)
	}
	_, err = gemini.DecodeResponse([]byte(`{"error":{"code":503,"message":"overloaded","status":"UNAVAILABLE"}}`))
	if s, ok := errors.AsType[*gemini.StatusError](err); !ok || s.Status != "UNAVAILABLE" {
		t.Errorf("failed: %v", err)
	}
	for _, body := range []string{"", "[]", "{}", `{"candidates":[]}`, `{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}`, `{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"?"}}]},"finishReason":"STOP"}]}`} {
		if _, err := gemini.DecodeResponse([]byte(body)); err == nil {
			t.Errorf("%s is taken", body)
		}
	}
}

func TestErrorsAreReadWithTheirDetails(t *testing.T) {
	const body = `{"error":{"code":429,"message":"slow","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34.07s"},{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"quotaMetric":"m","quotaId":"q"}]},{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"R"},{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"contents[0]"}]},{"@type":5}]}}`
	want := &gemini.StatusError{Code: 429, Status: "RESOURCE_EXHAUSTED", Message: "slow", Reason: "R", RetryAfter: "35", Quotas: []string{"q"}, Metrics: []string{"m"}, Fields: []string{"contents[0]"}}
	for _, sent := range []string{body, "[" + body + "]"} {
		if diff := cmp.Diff(want, gemini.DecodeStatus([]byte(sent))); diff != "" {
			t.Error(diff)
		}
	}
	for _, sent := range []string{"", "<html>", "[]", "{}", `{"error":"x"}`, `{"error":{}}`} {
		if s := gemini.DecodeStatus([]byte(sent)); s != nil {
			t.Errorf("%s is %v", sent, s)
		}
	}
}

func TestEmbeddingsAreAskedForAndRead(t *testing.T) {
	var w jsonx.Writer
	req := &llm.EmbedRequest{Inputs: []llm.EmbedInput{{Text: "a"}, {Text: "b"}}, Dimensions: llm.Some[int64](2), InputType: "search_query"}
	if _, err := gemini.AppendEmbedRequest(&w, req, "models/e"); err != nil {
		t.Fatal(err)
	}
	one := func(s string) string {
		return `{"model":"models/e","content":{"parts":[{"text":"` + s + `"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":2}`
	}
	if want := `{"requests":[` + one("a") + "," + one("b") + `]}`; string(w.Buf) != want {
		t.Errorf("%s, want %s", w.Buf, want)
	}
	resp, err := gemini.DecodeEmbedResponse([]byte(`{"embeddings":[{"values":[0.5,1]},{"values":[1,2]}]}`), 2)
	if err != nil || len(resp.Vectors) != 2 || resp.Vectors[1].Float[1] != 2 {
		t.Errorf("%+v %v", resp, err)
	}
	for _, body := range []string{`{"embeddings":[{"values":[1]}]}`, `{"embeddings":[{"values":[1]},{"values":[]}]}`, "x"} {
		if _, err := gemini.DecodeEmbedResponse([]byte(body), 2); err == nil {
			t.Errorf("%s is taken", body)
		}
	}
	if _, err := gemini.AppendEmbedRequest(&jsonx.Writer{}, &llm.EmbedRequest{Inputs: []llm.EmbedInput{{Tokens: []int64{1}}}}, "m"); llm.AsError(err).Param != "input[0]" {
		t.Errorf("tokens: %v", err)
	}
}

func FuzzDecodeResponse(f *testing.F) {
	f.Add([]byte(`{"candidates":[{"content":{"parts":[{"text":"a","thoughtSignature":"s"},{"functionCall":{"name":"f","args":{}}}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		resp, err := gemini.DecodeResponse(body)
		if err != nil {
			return
		}
		var w jsonx.Writer
		if _, err := gemini.AppendRequest(&w, &llm.Request{Turns: []llm.Turn{model(resp.Blocks...)}}, gemini.Options{Model: "gemini-3-pro"}); err == nil && !jsonx.Valid(w.Buf) {
			t.Errorf("%s becomes %s", body, w.Buf)
		}
	})
}
