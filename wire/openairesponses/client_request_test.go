package openairesponses

import (
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// encoded is the body of a request, with the warnings in one text.
func encoded(t *testing.T, req *llm.Request, form *Form) (body, warned string, err error) {
	t.Helper()
	w := jsonx.Writer{}
	warnings, err := AppendRequest(&w, req, "rock-1", form)
	if err == nil && !jsonx.Valid(w.Buf) {
		t.Fatalf("not JSON: %s", w.Buf)
	}
	var all []string
	for _, one := range warnings {
		all = append(all, one.Code+" "+one.Field)
	}
	return string(w.Buf), strings.Join(all, ", "), err
}

func texts(all ...string) (blocks []llm.Block) {
	for _, s := range all {
		blocks = append(blocks, llm.Block{Kind: llm.BlockText, Text: s})
	}
	return blocks
}

func said(role llm.Role, blocks ...llm.Block) llm.Turn { return llm.Turn{Role: role, Blocks: blocks} }

func called(id, name, input string) llm.Block {
	return llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: id, Name: name, Input: jsonx.Raw(input)}}
}

func answered(id, status string, content ...llm.ResultBlock) llm.Block {
	return llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: id, Status: status, Content: content}}
}

func file(kind llm.BlockKind, format string) llm.Block {
	data, _ := llm.ParseBase64([]byte("iVBORw0KGgo=")) // a constant
	return llm.Block{Kind: kind, Media: &llm.Media{Format: format, Base64: data}}
}

func hi() []llm.Turn { return []llm.Turn{said(llm.RoleUser, texts("Hi")...)} }

func TestARequestIsWrittenInTheFormOfTheAPI(t *testing.T) {
	const head = `{"model":"rock-1",`
	const hello = `"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}]}]`
	custom := llm.Tool{Name: "patch", Description: "as a function", Schema: jsonx.Raw(noParameters), Custom: &llm.CustomTool{Description: "Patches.", Format: jsonx.Raw(`{"type":"grammar"}`)}}
	for name, tt := range map[string]struct {
		req    llm.Request
		form   Form
		want   string
		warned string
	}{
		"a text": {llm.Request{Turns: hi()}, Form{}, head + hello + `,"store":false}`, ""},
		"a stream of a model that encrypts its reasoning": {
			llm.Request{Call: llm.Call{Stream: true}, Turns: hi()},
			Form{Sealer: "me"},
			head + hello + `,"include":["reasoning.encrypted_content"],"store":false,"stream":true}`, "",
		},
		"instructions": {
			llm.Request{System: append(texts("Be brief.", "", "Be kind."), llm.Block{Kind: llm.BlockCachePoint}), Turns: hi()},
			Form{},
			head + `"instructions":"Be brief.\n\nBe kind.",` + hello + `,"store":false}`, "dropped cache",
		},
		"instructions for JSON of any form, which must be in the input": {
			llm.Request{System: texts("Write JSON."), Turns: hi(), Format: &llm.Format{}},
			Form{},
			head + `"input":[{"type":"message","role":"system","content":"Write JSON."},{"type":"message","role":"user","content":[{"type":"input_text","text":"Hi"}]}],"text":{"format":{"type":"json_object"}},"store":false}`, "",
		},
		"settings": {
			llm.Request{
				Call:  llm.Call{User: "u", Metadata: []llm.Label{{Name: "team", Value: "rocks"}}},
				Turns: hi(), MaxTokens: llm.Some(int64(100)), Temperature: llm.Some(0.5), TopP: llm.Some(0.9), ServiceTier: "flex", CacheRetention: "24h",
				Reasoning: llm.Reasoning{Effort: "low", Summary: "auto"}, ModelFields: []jsonx.Member{{Name: "truncation", Value: jsonx.Raw(`"auto"`)}},
			},
			Form{},
			head + hello + `,"max_output_tokens":100,"temperature":0.5,"top_p":0.9,"service_tier":"flex","user":"u","prompt_cache_retention":"24h","metadata":{"team":"rocks"},"truncation":"auto",` +
				`"reasoning":{"effort":"low","summary":"auto"},"store":false}`, "",
		},
		"what the API takes in another size": {
			llm.Request{Call: llm.Call{User: strings.Repeat("\u00e4", 70)}, Turns: hi(), MaxTokens: llm.Some(int64(1))},
			Form{},
			head + hello + `,"max_output_tokens":16,"user":"` + strings.Repeat("\u00e4", 64) + `","store":false}`, "changed max_tokens, changed user",
		},
		"parameters of chat completions": {
			llm.Request{Turns: hi(), Format: &llm.Format{Schema: jsonx.Raw(`{"type":"object"}`), Strict: llm.Some(true), Description: "d"}, Unmapped: []jsonx.Member{
				{Name: "verbosity", Value: jsonx.Raw(`"low"`)},
				{Name: "logprobs", Value: jsonx.Raw("true")},
				{Name: "top_logprobs", Value: jsonx.Raw("3")},
				{Name: "prompt_cache_key", Value: jsonx.Raw(`"k"`)},
				{Name: "safety_identifier", Value: jsonx.Raw(`"s"`)},
				{Name: "seed", Value: jsonx.Raw("1")},
				{Name: "store", Value: jsonx.Raw("true")},
				{Name: "presence_penalty", Value: jsonx.Raw("0")},
				{Name: "modalities", Value: jsonx.Raw(`["text"]`)},
			}},
			Form{Sealer: "me"},
			head + hello + `,"top_logprobs":3,"prompt_cache_key":"k","safety_identifier":"s",` +
				`"text":{"format":{"type":"json_schema","name":"response","description":"d","schema":{"type":"object"},"strict":true},"verbosity":"low"},` +
				`"include":["reasoning.encrypted_content","message.output_text.logprobs"],"store":false}`, "dropped seed, dropped store",
		},
		"Anthropic's thinking": {
			llm.Request{Turns: hi(), Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"enabled","budget_tokens":2048}`)}},
			Form{},
			head + hello + `,"reasoning":{"effort":"medium"},"store":false}`, "changed reasoning.thinking",
		},
		"a summary of the thoughts": {llm.Request{Turns: hi(), Reasoning: llm.Reasoning{Effort: "high"}}, Form{Summary: true}, head + hello + `,"reasoning":{"effort":"high","summary":"auto"},"store":false}`, ""},
		"no thoughts":               {llm.Request{Turns: hi(), Reasoning: llm.Reasoning{Effort: "none"}}, Form{Summary: true}, head + hello + `,"reasoning":{"effort":"none"},"store":false}`, ""},
		"thinking that is disabled": {
			llm.Request{Turns: hi(), Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"disabled"}`)}},
			Form{},
			head + hello + `,"store":false}`, "dropped reasoning.thinking",
		},
		"tools": {
			llm.Request{
				Turns: hi(), Tools: []llm.Tool{{Name: "find", Description: "Finds.", Schema: jsonx.Raw(`{"type":"object"}`), Cache: &llm.CachePoint{}}, {Name: "weigh", Strict: llm.Some(true)}, custom},
				ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: "patch"}, ParallelTools: llm.Some(false),
			},
			Form{},
			head + hello + `,"tools":[{"type":"function","name":"find","description":"Finds.","parameters":{"type":"object"},"strict":false},` +
				`{"type":"function","name":"weigh","parameters":{"type":"object","properties":{}},"strict":true},{"type":"custom","name":"patch","description":"Patches.","format":{"type":"grammar"}}],` +
				`"tool_choice":{"type":"custom","name":"patch"},"parallel_tool_calls":false,"store":false}`, "dropped cache",
		},
		"a search of the web": {
			llm.Request{
				Turns: hi(), WebSearch: jsonx.Raw(`{"search_context_size":"low","user_location":{"type":"approximate","approximate":{"city":"Bern"}}}`),
				Tools: []llm.Tool{{Name: "f"}}, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAny},
			},
			Form{WebSearch: true},
			head + hello + `,"tools":[{"type":"function","name":"f","parameters":{"type":"object","properties":{}},"strict":false},` +
				`{"type":"web_search","search_context_size":"low","user_location":{"type":"approximate","city":"Bern"}}],"tool_choice":"required","store":false}`, "",
		},
		"a search that the model may do without": {llm.Request{Turns: hi(), WebSearch: jsonx.Raw(`{}`), WebSearchOptional: true}, Form{}, head + hello + `,"store":false}`, "dropped web_search"},
		"under drop_params": {
			llm.Request{
				Call: llm.Call{DropParams: true}, Turns: hi(), Stop: []string{"END"}, TopK: llm.Some(int64(3)), Extensions: []jsonx.Member{{Name: "performanceConfig"}},
				Unmapped: []jsonx.Member{{Name: "logit_bias", Value: jsonx.Raw(`{"1":2}`)}}, ModelFields: []jsonx.Member{{Name: "background", Value: jsonx.Raw("true")}, {Name: "store", Value: jsonx.Raw("true")}, {Name: "num_ctx", Value: jsonx.Raw("1")}},
				Tools: []llm.Tool{{Own: jsonx.Raw(`{}`)}},
			},
			Form{},
			head + hello + `,"store":false}`, "dropped num_ctx, dropped tools[0], dropped stop, dropped top_k, dropped performanceConfig, dropped background, dropped store, dropped logit_bias",
		},
		"members of the API's own": {
			llm.Request{
				Call: llm.Call{User: "u"}, System: texts("Be brief."), Turns: hi(), Reasoning: llm.Reasoning{Effort: "low"}, Format: &llm.Format{Schema: jsonx.Raw(`{}`)}, MaxTokens: llm.Some(int64(50)),
				ModelFields: []jsonx.Member{
					{Name: "instructions", Value: jsonx.Raw(`"Be kind."`)},
					{Name: "reasoning", Value: jsonx.Raw(`{"effort":"high"}`)},
					{Name: "text", Value: jsonx.Raw(`{"verbosity":"low"}`)},
					{Name: "include", Value: jsonx.Raw(`["web_search_call.results","reasoning.encrypted_content"]`)},
					{Name: "max_output_tokens", Value: jsonx.Raw("9")},
					{Name: "user", Value: jsonx.Raw(`"v"`)},
				},
			},
			Form{Sealer: "me"},
			head + `"instructions":"Be brief.\n\nBe kind.",` + hello + `,"reasoning":{"effort":"high"},"text":{"verbosity":"low"},"max_output_tokens":9,"user":"v",` +
				`"include":["web_search_call.results","reasoning.encrypted_content"],"store":false}`, "dropped reasoning.effort, dropped format",
		},
		"an optional top_k": {llm.Request{Turns: hi(), TopK: llm.Some(int64(3)), SamplingOptional: true}, Form{}, head + hello + `,"store":false}`, "dropped top_k"},
	} {
		t.Run(name, func(t *testing.T) {
			body, warned, err := encoded(t, &tt.req, &tt.form)
			if err != nil || body != tt.want || warned != tt.warned {
				t.Errorf("%v\n%s\nwant\n%s\nwarned %q, want %q", err, body, tt.want, warned, tt.warned)
			}
		})
	}
}

func TestAConversationBecomesItems(t *testing.T) {
	sealed := func(sealer, id, text string, parts ...thoughtPart) llm.Block {
		return llm.Block{Kind: llm.BlockReasoning, Text: text, Signature: signatureOf(sealer, id, "gAAA+/=", parts)}
	}
	long := "toolu_" + strings.Repeat("0", 80)
	for name, tt := range map[string]struct {
		turns  []llm.Turn
		tools  []llm.Tool
		want   string // the input, without its brackets
		warned string
	}{
		"files": {
			[]llm.Turn{said(llm.RoleUser, file(llm.BlockImage, "png"), file(llm.BlockDocument, "pdf"), llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{Text: "Granite.", Name: "a"}}, llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{URI: "https://x/y.pdf"}}, llm.Block{Kind: llm.BlockImage, Media: &llm.Media{URI: "https://x/y.png"}})},
			nil,
			`{"type":"message","role":"user","content":[{"type":"input_image","detail":"auto","image_url":"data:image/png;base64,iVBORw0KGgo="},` +
				`{"type":"input_file","filename":"document.pdf","file_data":"data:application/pdf;base64,iVBORw0KGgo="},{"type":"input_text","text":"a:\n\nGranite."},` +
				`{"type":"input_file","file_url":"https://x/y.pdf"},{"type":"input_image","detail":"auto","image_url":"https://x/y.png"}]}`, "",
		},
		"calls and results": {
			[]llm.Turn{
				said(llm.RoleUser, texts("Look.")...),
				said(llm.RoleAssistant, append(texts("I look.", ""), called("c1", "find", `{"rock":"granite"}`), called(long, "find", ""), called("c3", "find", `"no {json"`))...),
				said(llm.RoleUser, append(texts("And?"), answered("c1", "", llm.ResultBlock{Block: texts("17 kg")[0]}, llm.ResultBlock{JSON: jsonx.Raw(`{"n":1}`)}), answered(long, "error"), answered("c3", "error", llm.ResultBlock{Block: file(llm.BlockImage, "png")}, llm.ResultBlock{Block: texts("x")[0]}))...),
			},
			nil,
			`{"type":"message","role":"user","content":[{"type":"input_text","text":"Look."}]},{"type":"message","role":"assistant","content":"I look."},` +
				`{"type":"function_call","call_id":"c1","name":"find","arguments":"{\"rock\":\"granite\"}"},{"type":"function_call","call_id":"` + callID(long) + `","name":"find","arguments":"{}"},` +
				`{"type":"function_call","call_id":"c3","name":"find","arguments":"no {json"},` +
				`{"type":"function_call_output","call_id":"c1","output":"17 kg\n{\"n\":1}"},{"type":"function_call_output","call_id":"` + callID(long) + `","output":"error"},` +
				`{"type":"function_call_output","call_id":"c3","output":[{"type":"input_image","detail":"auto","image_url":"data:image/png;base64,iVBORw0KGgo="},{"type":"input_text","text":"x"}]},` +
				`{"type":"message","role":"user","content":[{"type":"input_text","text":"And?"}]}`, "dropped messages[2].content.is_error",
		},
		"calls of a tool with free text": {
			[]llm.Turn{said(llm.RoleAssistant, called("c1", "patch", `{"input":"*** \"go\""}`)), said(llm.RoleUser, answered("c1", "", llm.ResultBlock{Block: texts("done")[0]}))},
			[]llm.Tool{{Name: "patch", Custom: &llm.CustomTool{}}},
			`{"type":"custom_tool_call","call_id":"c1","name":"patch","input":"*** \"go\""},{"type":"custom_tool_call_output","call_id":"c1","output":"done"}`, "",
		},
		"reasoning": {
			[]llm.Turn{
				said(llm.RoleAssistant, sealed("me", "rs_1", "One.\n\nTwo.\n\nRaw.", thoughtPart{'s', "One."}, thoughtPart{'s', "Two."}, thoughtPart{'c', "Raw."}), texts("Yes.")[0]),
				said(llm.RoleAssistant, sealed("me", "rs_2", ""), called("c1", "find", "{}")),
				said(llm.RoleUser, answered("c1", "", llm.ResultBlock{Block: texts("x")[0]})),
				said(llm.RoleAssistant, sealed("me", "rs_3", "No answer.", thoughtPart{'s', "No answer."})),
			},
			nil,
			`{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"One."},{"type":"summary_text","text":"Two."}],"content":[{"type":"reasoning_text","text":"Raw."}],"encrypted_content":"gAAA+/="},` +
				`{"type":"message","role":"assistant","content":"Yes."},{"type":"reasoning","id":"rs_2","summary":[],"encrypted_content":"gAAA+/="},{"type":"function_call","call_id":"c1","name":"find","arguments":"{}"},` +
				`{"type":"function_call_output","call_id":"c1","output":"x"}`, "dropped messages[3].content.reasoning",
		},
		"reasoning of others": {
			[]llm.Turn{
				said(llm.RoleAssistant, sealed("you", "rs_1", "One.", thoughtPart{'s', "One."}), llm.Block{Kind: llm.BlockReasoning, Text: "Hm.", Signature: "EqQB"}, llm.Block{Kind: llm.BlockReasoning, Text: "Plain."}, llm.Block{Kind: llm.BlockRedacted, Text: "eA=="},
					llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: "s", Name: "search", Type: llm.ServerSide}}, answered("s", ""), texts("Yes.")[0]),
			},
			nil,
			`{"type":"message","role":"assistant","content":"Yes."}`,
			"dropped messages[0].content.reasoning, dropped messages[0].content.reasoning, dropped messages[0].content.server_tool_use",
		},
		"instructions inside": {[]llm.Turn{said(llm.RoleSystem, texts("Now in German.")...)}, nil, `{"type":"message","role":"system","content":[{"type":"input_text","text":"Now in German."}]}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			body, warned, err := encoded(t, &llm.Request{Turns: tt.turns, Tools: tt.tools}, &Form{Sealer: "me"})
			_, rest, _ := strings.Cut(body, `"input":[`)
			if err != nil || !strings.HasPrefix(rest, tt.want+`],"`) || warned != tt.warned {
				t.Errorf("%v\n%s\nwant\n%s\nwarned %q, want %q", err, rest, tt.want, warned, tt.warned)
			}
		})
	}
}

func TestWhatTheAPICannotHoldIsRefusedByField(t *testing.T) {
	user := func(b ...llm.Block) *llm.Request { return &llm.Request{Turns: []llm.Turn{said(llm.RoleUser, b...)}} }
	other := &jsonx.Member{Name: "citationsContent", Value: jsonx.Raw("{}")}
	for name, tt := range map[string]struct {
		req         *llm.Request
		param, says string
	}{
		"video":                      {user(file(llm.BlockVideo, "mp4")), "messages[0].content[0]", "video"},
		"audio":                      {user(file(llm.BlockAudio, "wav")), "messages[0].content[0]", "audio"},
		"an image in S3":             {user(llm.Block{Kind: llm.BlockImage, Media: &llm.Media{URI: "s3://b/k"}}), "messages[0].content[0]", "s3://"},
		"a document in S3":           {user(llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{URI: "s3://b/k"}}), "messages[0].content[0]", "s3://"},
		"an image from elsewhere":    {user(llm.Block{Kind: llm.BlockImage, Media: &llm.Media{Source: other}}), "messages[0].content[0]", "source of this kind"},
		"a document from elsewhere":  {user(llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{Source: other}}), "messages[0].content[0]", "source of this kind"},
		"a block of another dialect": {user(llm.Block{Kind: llm.BlockOther, Other: other}), "messages[0].content[0]", "citationsContent"},
		"a call of the user's":       {user(called("c", "f", "{}")), "messages[0].content[0]", "not supported"},
		"a result of another kind":   {user(answered("c", "", llm.ResultBlock{Block: llm.Block{Kind: llm.BlockOther, Other: other}})), "messages[0].content", "tool's result"},
		"an assistant's image":       {&llm.Request{Turns: []llm.Turn{said(llm.RoleAssistant, file(llm.BlockImage, "png"))}}, "messages[0].content", "texts and calls only"},
		"an assistant's other block": {&llm.Request{Turns: []llm.Turn{said(llm.RoleAssistant, llm.Block{Kind: llm.BlockOther})}}, "messages[0].content", "unknown"},
		"an image as instructions":   {&llm.Request{System: []llm.Block{file(llm.BlockImage, "png")}}, "system", "must be text"},
		"stop sequences":             {&llm.Request{Stop: []string{"END"}}, "stop", "no stop sequences"},
		"top_k":                      {&llm.Request{TopK: llm.Some(int64(1))}, "top_k", "no such setting"},
		"a penalty":                  {&llm.Request{Unmapped: []jsonx.Member{{Name: "presence_penalty", Value: jsonx.Raw("1")}}}, "presence_penalty", "no such setting"},
		"an extension of Converse":   {&llm.Request{Extensions: []jsonx.Member{{Name: "performanceConfig"}}}, "performanceConfig", "AWS Bedrock"},
		"a tool of Anthropic's":      {&llm.Request{Tools: []llm.Tool{{Own: jsonx.Raw("{}"), Number: 3}}}, "tools[2]", "Anthropic"},
		"a tool of Converse's":       {&llm.Request{Tools: []llm.Tool{{Other: &jsonx.Member{Name: "systemTool"}}}}, "tools[0]", "systemTool"},
		"a search of the web":        {&llm.Request{WebSearch: jsonx.Raw("{}")}, "web_search", "cannot search"},
		"a response later":           {&llm.Request{ModelFields: []jsonx.Member{{Name: "background", Value: jsonx.Raw("true")}}}, "background", "/v1/responses"},
		"other instructions":         {&llm.Request{ModelFields: []jsonx.Member{{Name: "instructions", Value: jsonx.Raw(`7`)}}}, "instructions", "must be a string"},
		"another input":              {&llm.Request{ModelFields: []jsonx.Member{{Name: "input", Value: jsonx.Raw(`"x"`)}}}, "input", "/v1/responses"},
		"a budget that is no number": {&llm.Request{Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"budget_tokens":"x"}`)}}, "reasoning.thinking.budget_tokens", "must be an integer"},
	} {
		_, _, err := encoded(t, tt.req, &Form{})
		if e := llm.AsError(err); err == nil || e.Status != 400 || e.Param != tt.param || !strings.Contains(e.Message, tt.says) {
			t.Errorf("%s: %v, param %q", name, err, e.Param)
		}
	}
}

func TestAMemberOfARequestIsAField(t *testing.T) {
	for member, want := range map[string]llm.Field{
		"input[3].content[0]": {Kind: llm.FieldMessages}, "tools[0].parameters": {Kind: llm.FieldTools}, "text.format.schema": {Kind: llm.FieldFormat}, "reasoning.effort": {Kind: llm.FieldEffort},
		"max_output_tokens": {Kind: llm.FieldMaxTokens}, "service_tier": {Kind: llm.FieldServiceTier}, "prompt_cache_key": {Kind: llm.FieldUnmapped, Name: "prompt_cache_key"},
	} {
		if got := FieldOf(member); got != want {
			t.Errorf("%s is %+v", member, got)
		}
	}
}
