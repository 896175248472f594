package gemini_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/gemini"
)

func hi() []llm.Turn { return []llm.Turn{user(text("Hi"))} }

const hiSent = `{"contents":[{"role":"user","parts":[{"text":"Hi"}]}]`

func TestSettingsWithoutAPlaceInGooglesAPI(t *testing.T) {
	member := func(name, value string) jsonx.Member { return jsonx.Member{Name: name, Value: jsonx.Raw(value)} }
	for _, tt := range []struct {
		name   string
		req    llm.Request
		want   string // behind the contents
		fields string // of the warnings
	}{
		{
			"labels and tiers",
			llm.Request{Call: llm.Call{User: "u", Metadata: []llm.Label{{Name: "team", Value: "x"}}}, ServiceTier: "flex", CacheRetention: "24h", Extensions: []jsonx.Member{member("performanceConfig", "{}")}},
			``,
			"user metadata.team service_tier cache_retention performanceConfig",
		},
		{"the default tier", llm.Request{ServiceTier: "default"}, ``, ""},
		{"text alone", llm.Request{Unmapped: []jsonx.Member{member("modalities", `["text"]`)}}, ``, ""},
		{"images", llm.Request{Unmapped: []jsonx.Member{member("modalities", `["text","image"]`)}}, `,"generationConfig":{"responseModalities":["TEXT","IMAGE"]}`, ""},
		{"OpenAI's defaults", llm.Request{Unmapped: []jsonx.Member{member("store", "false"), member("verbosity", `"medium"`), member("logprobs", "false"), member("top_logprobs", "0")}}, ``, ""},
		{"what only OpenAI has", llm.Request{Unmapped: []jsonx.Member{member("prompt_cache_key", `"k"`), member("verbosity", `"low"`)}}, ``, "prompt_cache_key verbosity"},
		{"any object", llm.Request{Format: &llm.Format{}}, `,"generationConfig":{"responseMimeType":"application/json"}`, ""},
		{
			"keywords of schemas",
			llm.Request{Format: &llm.Format{Schema: jsonx.Raw(`{"type":"object","properties":{"pattern":{"anyOf":[{"type":"string","minLength":1},{"const":7}]}},"$defs":{"a":{"items":{"not":{}}}},"additionalProperties":{"multipleOf":2}}`)}},
			`,"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"type":"object","properties":{"pattern":{"anyOf":[{"type":"string","minLength":1},{"const":7}]}},"$defs":{"a":{"items":{"not":{}}}},"additionalProperties":{"multipleOf":2}}}`, "format",
		},
		{"Gemini's own members", llm.Request{ModelFields: []jsonx.Member{member("safety_settings", "[]"), member("cachedContent", `"c"`), member("labels", "{}"), member("mediaResolution", `"LOW"`)}}, `,"generationConfig":{"mediaResolution":"LOW"},"safetySettings":[],"cachedContent":"c","labels":{}`, ""},
		{"search with settings", llm.Request{WebSearch: jsonx.Raw(`{"search_context_size":"low"}`)}, `,"tools":[{"googleSearch":{}}]`, "web_search"},
		{"a cache point on a tool", llm.Request{Tools: []llm.Tool{{Name: "f", Cache: &llm.CachePoint{}}}, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceNone}}, `,"tools":[{"functionDeclarations":[{"name":"f"}]}],"toolConfig":{"functionCallingConfig":{"mode":"NONE"}}`, "cache"},
		{"a tool of Gemini's own", llm.Request{Tools: []llm.Tool{{Other: &jsonx.Member{Name: "gemini", Value: jsonx.Raw(`{"codeExecution":{}}`)}}}, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAny}}, `,"tools":[{"codeExecution":{}}],"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.req.Turns = hi()
			got, warnings := encode(t, &tt.req, gemini.Options{Model: "gemini-2.5-flash"})
			if diff := cmp.Diff(hiSent+tt.want+"}", got); diff != "" {
				t.Error(diff)
			}
			var fields []string
			for _, w := range warnings {
				field, _, _ := strings.Cut(w[strings.IndexByte(w, ' ')+1:], ":")
				fields = append(fields, field)
			}
			if got := strings.Join(fields, " "); got != tt.fields {
				t.Errorf("warned of %s", got)
			}
		})
	}
	req := &llm.Request{Turns: hi(), Unmapped: []jsonx.Member{member("modalities", "7")}}
	if _, err := gemini.AppendRequest(&jsonx.Writer{}, req, gemini.Options{}); err == nil || llm.AsError(err).Param != "modalities" {
		t.Errorf("modalities that are no list: %v", err)
	}
}

func TestMediaGoInAndOut(t *testing.T) {
	data := llm.EncodeBase64([]byte("hi"))
	for _, tt := range []struct{ sent, format string }{
		{"image/png", "png"}, {"image/jpeg", "jpeg"}, {"image/heic", "heic"}, {"audio/mp3", "mp3"}, {"audio/ogg", "ogg"}, {"video/mov", "mov"}, {"video/3gpp", "three_gp"}, {"application/pdf", "pdf"}, {"text/md", "md"}, {"text/csv", "csv"},
	} {
		body := `{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"` + tt.sent + `","data":"aGk="}}]}]}`
		req, err := gemini.Decode([]byte(body), "m", false)
		if err != nil || req.LLM.Turns[0].Blocks[0].Media.Format != tt.format {
			t.Errorf("%s: %+v, %v", tt.sent, req, err)
			continue
		}
		if got, _ := encode(t, &req.LLM, gemini.Options{}); got != body {
			t.Errorf("%s came out as %s", tt.sent, got)
		}
	}
	for sent, format := range map[string]string{"audio/mpeg": "mp3", "audio/x-wav": "wav", "video/quicktime": "mov", "text/markdown": "md", "IMAGE/PNG; charset=x": "png", "audio/future": "future"} {
		req, err := gemini.Decode([]byte(`{"contents":[{"parts":[{"inlineData":{"mimeType":"`+sent+`","data":"aGk="}}]}]}`), "m", false)
		if err != nil || req.LLM.Turns[0].Blocks[0].Media.Format != format {
			t.Errorf("%s: %+v, %v", sent, req, err)
		}
	}
	for _, tt := range []struct {
		name string
		b    llm.Block
		want string // the part; empty for an error
	}{
		{"a text of a document", llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{Text: "granite"}}, `{"text":"granite"}`},
		{"a document without a format", llm.Block{Kind: llm.BlockDocument, Media: &llm.Media{Base64: data}}, `{"inlineData":{"mimeType":"application/pdf","data":"aGk="}}`},
		{"a file of Google's", llm.Block{Kind: llm.BlockVideo, Media: &llm.Media{Format: "mp4", URI: "gs://b/k"}}, `{"fileData":{"mimeType":"video/mp4","fileUri":"gs://b/k"}}`},
		{"a part of Gemini's own", llm.Block{Kind: llm.BlockOther, Other: &jsonx.Member{Name: "executableCode", Value: jsonx.Raw(`{"code":"1"}`)}}, `{"executableCode":{"code":"1"}}`},
		{"a text of another dialect", llm.Block{Kind: llm.BlockOther, Text: "guarded", Other: &jsonx.Member{Name: "guardContent"}}, `{"text":"guarded"}`},
		{"a block of another dialect", llm.Block{Kind: llm.BlockOther, Other: &jsonx.Member{Name: "citationsContent"}}, ""},
		{"another source", llm.Block{Kind: llm.BlockImage, Media: &llm.Media{Format: "png", Source: &jsonx.Member{Name: "x"}}}, ""},
	} {
		var w jsonx.Writer
		_, err := gemini.AppendRequest(&w, &llm.Request{Turns: []llm.Turn{user(tt.b)}}, gemini.Options{})
		if tt.want == "" {
			if llm.AsError(err).Param != "messages[0].content[0]" {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if want := `{"contents":[{"role":"user","parts":[` + tt.want + `]}]}`; err != nil || string(w.Buf) != want {
			t.Errorf("%s: %s, %v", tt.name, w.Buf, err)
		}
	}
}

func TestEmbeddingsInGooglesWords(t *testing.T) {
	for _, tt := range []struct {
		name, body string
		batch      bool
		want       llm.EmbedRequest
	}{
		{"one", `{"content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_DOCUMENT","output_dimensionality":8}`, false, llm.EmbedRequest{Inputs: []llm.EmbedInput{{Field: "content", Text: "a"}}, InputType: "search_document", Dimensions: llm.Some[int64](8)}},
		{"several", `{"requests":[{"content":{"parts":[{"text":"a"}]},"taskType":"CLUSTERING"},{"content":{"parts":[{"text":"b"}]},"taskType":"CLUSTERING"}]}`, true, llm.EmbedRequest{Inputs: []llm.EmbedInput{{Field: "requests[0].content", Text: "a"}, {Field: "requests[1].content", Text: "b"}}, InputType: "clustering"}},
		{"of several parts", `{"content":{"parts":[{"text":"a"},{"text":"b"}]}}`, false, llm.EmbedRequest{Inputs: []llm.EmbedInput{{Field: "content", Parts: []llm.Block{text("a"), text("b")}}}}},
	} {
		got, err := gemini.DecodeEmbed([]byte(tt.body), "m", tt.batch)
		tt.want.Model = "m"
		if diff := cmp.Diff(&tt.want, got, cmp.AllowUnexported(llm.Base64{})); diff != "" || err != nil {
			t.Errorf("%s: %s, %v", tt.name, diff, err)
		}
	}
	for task, want := range map[string]string{"RETRIEVAL_QUERY": "search_query", "QUESTION_ANSWERING": "search_query", "CLASSIFICATION": "classification", "SEMANTIC_SIMILARITY": "", "": ""} {
		if got, err := gemini.DecodeEmbed([]byte(`{"content":{"parts":[{"text":"a"}]},"taskType":"`+task+`"}`), "m", false); err != nil || got.InputType != want {
			t.Errorf("%s: %+v, %v", task, got, err)
		}
	}
	for body, param := range map[string]string{
		`{`: "", `{"requests":[]}`: "requests", `{"requests":[{}]}`: "requests[0].content", `{"requests":[{"content":{"parts":[]}}]}`: "requests[0].content", `{"requests":[{"content":{"parts":[{}]}}]}`: "requests[0].content.parts[0]",
		`{"requests":[{"content":{"parts":[{"text":"a"}]}},{"content":{"parts":[{"text":"b"}]},"taskType":"CLUSTERING"}]}`:  "requests[1]",
		`{"requests":[{"content":{"parts":[{"text":"a"}]}},{"content":{"parts":[{"text":"b"}]},"outputDimensionality":8}]}`: "requests[1]",
	} {
		if _, err := gemini.DecodeEmbed([]byte(body), "m", true); err == nil || llm.AsError(err).Param != param || llm.AsError(err).Status != 400 {
			t.Errorf("%s: %v, param %q", body, err, llm.AsError(err).Param)
		}
	}
	vectors := &llm.EmbedResponse{Vectors: []llm.Vector{{Float: []float64{0.5, 1}}, {Float: []float64{-2}}}}
	if got := string(gemini.AppendEmbedResponse(nil, vectors, true)); got != `{"embeddings":[{"values":[0.5,1]},{"values":[-2]}]}` {
		t.Errorf("got %s", got)
	}
	if got := string(gemini.AppendEmbedResponse(nil, vectors, false)); got != `{"embedding":{"values":[0.5,1]}}` {
		t.Errorf("got %s", got)
	}
}

func TestRequestsForEmbeddings(t *testing.T) {
	member := func(name, value string) jsonx.Member { return jsonx.Member{Name: name, Value: jsonx.Raw(value)} }
	one := []llm.EmbedInput{{Text: "a"}}
	for _, tt := range []struct {
		name string
		req  llm.EmbedRequest
		want string // behind the content; empty for an error
		warn int
	}{
		{"a word of Google's", llm.EmbedRequest{Inputs: one, InputType: "SEMANTIC_SIMILARITY"}, `,"taskType":"SEMANTIC_SIMILARITY"`, 0},
		{"a title", llm.EmbedRequest{Inputs: one, InputType: "search_document", ModelFields: []jsonx.Member{member("title", `"t"`), member("taskType", `"X"`)}}, `,"taskType":"RETRIEVAL_DOCUMENT","title":"t"`, 0},
		{"a task as a member", llm.EmbedRequest{Inputs: one, ModelFields: []jsonx.Member{member("task_type", `"CLUSTERING"`)}}, `,"taskType":"CLUSTERING"`, 0},
		{"classification", llm.EmbedRequest{Inputs: one, InputType: "classification", Truncate: "END", MaxTokens: llm.Some[int64](4)}, `,"taskType":"CLASSIFICATION"`, 1},
		{"what is dropped", llm.EmbedRequest{Call: llm.Call{DropParams: true}, Inputs: one, Truncate: "START", ModelFields: []jsonx.Member{member("x", "1")}}, ``, 2},
		{"an unknown word", llm.EmbedRequest{Inputs: one, InputType: "image"}, "input_type", -1},
		{"another end", llm.EmbedRequest{Inputs: one, Truncate: "START"}, "truncate", -1},
		{"another member", llm.EmbedRequest{Inputs: one, ModelFields: []jsonx.Member{member("x", "1")}}, "x", -1},
		{"another form", llm.EmbedRequest{Inputs: one, Types: []llm.VectorType{llm.VectorInt8}}, "embedding_types", -1},
		{"too many", llm.EmbedRequest{Inputs: make([]llm.EmbedInput, 101)}, "input", -1},
		{"a file from elsewhere", llm.EmbedRequest{Inputs: []llm.EmbedInput{{Parts: []llm.Block{{Kind: llm.BlockImage, Media: &llm.Media{Format: "png", URI: "s3://b/k"}}}}}}, "input[0]", -1},
	} {
		var w jsonx.Writer
		warnings, err := gemini.AppendEmbedRequest(&w, &tt.req, "models/e")
		if tt.warn < 0 {
			if err == nil || llm.AsError(err).Param != tt.want {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		if want := `{"requests":[{"model":"models/e","content":{"parts":[{"text":"a"}]}` + tt.want + `}]}`; err != nil || string(w.Buf) != want || len(warnings) != tt.warn {
			t.Errorf("%s: %s, %v, %v", tt.name, w.Buf, warnings, err)
		}
	}
	image := llm.EmbedRequest{Inputs: []llm.EmbedInput{{Parts: []llm.Block{text("a"), {Kind: llm.BlockImage, Media: &llm.Media{Format: "png", Base64: llm.EncodeBase64([]byte("hi"))}}}}}}
	var w jsonx.Writer
	if _, err := gemini.AppendEmbedRequest(&w, &image, "models/e"); err != nil || !strings.Contains(string(w.Buf), `{"text":"a"},{"inlineData":{"mimeType":"image/png","data":"aGk="}}`) {
		t.Errorf("got %s, %v", w.Buf, err)
	}
	resp, err := gemini.DecodeEmbedResponse([]byte(`{"embeddings":[{"values":[1]}],"usageMetadata":{"promptTokenCount":3}}`), 1)
	if err != nil || resp.Usage.Input != 3 {
		t.Errorf("got %+v, %v", resp, err)
	}
	if n, err := gemini.DecodeCount([]byte(`{"totalTokens":7,"x":1}`)); n != 7 || err != nil {
		t.Errorf("counted %d, %v", n, err)
	}
	for _, bad := range []string{``, `{}`, `{"totalTokens":"x"}`} {
		if _, err := gemini.DecodeCount([]byte(bad)); err == nil {
			t.Errorf("%s is a count", bad)
		}
	}
	if got := string(gemini.AppendCount(nil, 7)); got != `{"totalTokens":7}` {
		t.Errorf("got %s", got)
	}
}

func TestResponsesAreWrittenInGooglesForm(t *testing.T) {
	image := func(format string) llm.Block {
		return llm.Block{Kind: llm.BlockImage, Media: &llm.Media{Format: format, Base64: llm.EncodeBase64([]byte("hi"))}}
	}
	for _, tt := range []struct {
		name   string
		blocks []llm.Block
		parts  string
	}{
		{"Gemini's signature alone", []llm.Block{text("Yes."), {Kind: llm.BlockReasoning, Signature: "gemini.c2ln"}}, `{"text":"Yes."},{"text":"","thoughtSignature":"c2ln"}`},
		{"Gemini's signature on a call", []llm.Block{{Kind: llm.BlockReasoning, Text: "Hm.", Signature: "gemini.c2ln"}, call("c1", "find", `[1]`), call("c2", "find", ``)}, `{"text":"Hm.","thought":true},{"functionCall":{"id":"c1","name":"find","args":{"input":[1]}},"thoughtSignature":"c2ln"},{"functionCall":{"id":"c2","name":"find","args":{}}}`},
		{"media", []llm.Block{image("png"), image("x")}, `{"inlineData":{"mimeType":"image/png","data":"aGk="}}`},
		{"another dialect's text", []llm.Block{{Kind: llm.BlockOther, Text: "cited"}, {Kind: llm.BlockOther}}, `{"text":"cited"}`},
	} {
		got := string(gemini.AppendResponse(nil, gemini.Envelope{ID: "r", Model: "m"}, &llm.Response{Blocks: tt.blocks, Uncounted: true}))
		_, parts, _ := strings.Cut(got, `"parts":[`)
		parts, _, _ = strings.Cut(parts, `],"role":"model"`)
		if parts != tt.parts {
			t.Errorf("%s: %s", tt.name, parts)
		}
	}
	for stop, want := range map[llm.StopReason]string{
		llm.StopEnd: "STOP", llm.StopToolUse: "STOP", llm.StopMaxTokens: "MAX_TOKENS", llm.StopContextWindow: "MAX_TOKENS", llm.StopFiltered: "SAFETY", llm.StopMalformed: "MALFORMED_FUNCTION_CALL", llm.StopOther: "OTHER",
	} {
		got := string(gemini.AppendResponse(nil, gemini.Envelope{ID: "r", Model: "m"}, &llm.Response{Stop: stop, Usage: llm.Usage{Input: 3, Output: 4}}))
		if !strings.Contains(got, `"finishReason":"`+want+`"`) || !strings.Contains(got, `"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4,"totalTokenCount":7}`) || !strings.HasSuffix(got, `"modelVersion":"m","responseId":"r"}`) {
			t.Errorf("%v: %s", stop, got)
		}
	}
}

func TestStatusesHaveGooglesNames(t *testing.T) {
	for status, want := range map[int]string{
		400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 408: "DEADLINE_EXCEEDED", 413: "INVALID_ARGUMENT", 429: "RESOURCE_EXHAUSTED", 499: "CANCELLED",
		500: "INTERNAL", 502: "UNAVAILABLE", 503: "UNAVAILABLE", 504: "DEADLINE_EXCEEDED", 529: "UNAVAILABLE",
	} {
		e := &llm.Error{Code: llm.CodeInvalid, Status: status, Message: "It is wrong.", Fix: "Mend it.", Param: "contents", RetryAfter: "17"}
		s := gemini.DecodeStatus(gemini.AppendError(nil, e))
		wanted := &gemini.StatusError{Code: status, Status: want, Message: "It is wrong. Mend it.", Reason: string(llm.CodeInvalid), RetryAfter: "17", Fields: []string{"contents"}}
		if diff := cmp.Diff(wanted, s); diff != "" {
			t.Errorf("%d: %s", status, diff)
		}
		if s.Error() != want+": It is wrong. Mend it." {
			t.Errorf("%d: %s", status, s.Error())
		}
	}
	plain := string(gemini.AppendError(nil, &llm.Error{Code: llm.CodeInternal, Status: 500, Message: "x", RetryAfter: "Wed, 21 Oct"}))
	if strings.Contains(plain, "RetryInfo") || strings.Contains(plain, "BadRequest") {
		t.Errorf("got %s", plain)
	}
}

func TestWhatAStreamHasSaidSoFar(t *testing.T) {
	var r gemini.Reader
	if _, known := r.Usage(); known || r.Finished() || r.RawStop() != "" {
		t.Error("it has said something before it began")
	}
	_, err := r.Append(nil, []byte(`{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"MAX_TOKENS"}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":4}}`))
	if u, known := r.Usage(); err != nil || !known || u.Input != 3 || u.Output != 4 || !r.Finished() || r.RawStop() != "MAX_TOKENS" {
		t.Errorf("got %+v, %t, %v", u, known, err)
	}
	b := &gemini.BlockedError{Reason: "SAFETY", Message: "no"}
	if b.Error() != "the prompt was blocked: SAFETY (no)" {
		t.Errorf("got %s", b)
	}
}
