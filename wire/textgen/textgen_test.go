package textgen_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/textgen"
)

func text(s string) llm.Block { return llm.Block{Kind: llm.BlockText, Text: s} }

func turn(role llm.Role, blocks ...llm.Block) llm.Turn { return llm.Turn{Role: role, Blocks: blocks} }

func hi() []llm.Turn { return []llm.Turn{turn(llm.RoleUser, text("Hi"))} }

func TestARequestIsOneTextAndItsParameters(t *testing.T) {
	for _, tt := range []struct {
		name, model string
		req         llm.Request
		want        string
		warn        string // fields of the warnings
	}{
		{"a text", "", llm.Request{Turns: hi()}, `{"inputs":"Hi","parameters":{"return_full_text":false}}`, ""},
		{"a stream", "", llm.Request{Call: llm.Call{Stream: true}, Turns: hi()}, `{"inputs":"Hi","parameters":{"return_full_text":false},"stream":true}`, ""},
		{
			"settings", "",
			llm.Request{Turns: hi(), MaxTokens: llm.Some[int64](9), Temperature: llm.Some(0.5), TopP: llm.Some(0.9), TopK: llm.Some[int64](7), Stop: []string{"END"}, Unmapped: []jsonx.Member{{Name: "seed", Value: jsonx.Raw("3")}, {Name: "n", Value: jsonx.Raw("0")}}},
			`{"inputs":"Hi","parameters":{"max_new_tokens":9,"temperature":0.5,"top_p":0.9,"top_k":7,"stop":["END"],"return_full_text":false,"seed":3}}`, "",
		},
		{
			"values that containers refuse", "",
			llm.Request{Turns: hi(), Temperature: llm.Some(0.0), TopP: llm.Some(1.0)},
			`{"inputs":"Hi","parameters":{"temperature":0.01,"return_full_text":false}}`, "temperature",
		},
		{
			"a temperature of 0 on request", "",
			llm.Request{Turns: hi(), Temperature: llm.Some(0.0), ModelFields: []jsonx.Member{{Name: "aws_sagemaker_allow_zero_temp", Value: jsonx.Raw("true")}}},
			`{"inputs":"Hi","parameters":{"temperature":0,"return_full_text":false}}`, "",
		},
		{
			"parameters of the container take precedence", "",
			llm.Request{Turns: hi(), MaxTokens: llm.Some[int64](9), ModelFields: []jsonx.Member{{Name: "max_new_tokens", Value: jsonx.Raw("5")}, {Name: "details", Value: jsonx.Raw("true")}, {Name: "return_full_text", Value: jsonx.Raw("true")}}},
			`{"inputs":"Hi","parameters":{"max_new_tokens":5,"details":true,"return_full_text":true}}`, "",
		},
		{
			"a conversation without a known format", "",
			llm.Request{System: []llm.Block{text("Be brief.")}, Turns: hi()},
			`{"inputs":"Be brief.\n\nHi","parameters":{"return_full_text":false}}`, "messages",
		},
		{
			"what has no effect", "",
			llm.Request{
				Call: llm.Call{User: "u", Metadata: []llm.Label{{Name: "a", Value: "b"}}}, ServiceTier: "flex", CacheRetention: "24h", WebSearch: jsonx.Raw("{}"), WebSearchOptional: true,
				Reasoning: llm.Reasoning{Effort: "low"}, Unmapped: []jsonx.Member{{Name: "store", Value: jsonx.Raw("true")}}, Extensions: []jsonx.Member{{Name: "guardrailConfig", Value: jsonx.Raw("{}")}},
				Turns: []llm.Turn{turn(llm.RoleUser, text("Hi"), llm.Block{Kind: llm.BlockCachePoint, Cache: &llm.CachePoint{}})},
			},
			`{"inputs":"Hi","parameters":{"return_full_text":false}}`, "cache store web_search reasoning.effort user metadata.a service_tier cache_retention guardrailConfig",
		},
		{
			"options of Ollama's", "",
			llm.Request{Turns: hi(), ModelFields: []jsonx.Member{{Name: "num_ctx", Value: jsonx.Raw(`4096`)}, {Name: "do_sample", Value: jsonx.Raw(`true`)}}},
			`{"inputs":"Hi","parameters":{"return_full_text":false,"do_sample":true}}`, "num_ctx",
		},
		{
			"what is dropped on request", "",
			llm.Request{Call: llm.Call{DropParams: true}, Turns: hi(), Tools: []llm.Tool{{Name: "find"}}, Format: &llm.Format{}, Unmapped: []jsonx.Member{{Name: "logit_bias", Value: jsonx.Raw(`{"1":2}`)}}},
			`{"inputs":"Hi","parameters":{"return_full_text":false}}`, "logit_bias tools format",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var w jsonx.Writer
			warnings, err := textgen.AppendRequest(&w, &tt.req, textgen.TemplateOf(tt.model))
			if err != nil {
				t.Fatal(err)
			}
			if string(w.Buf) != tt.want {
				t.Errorf("got\n%s, want\n%s", w.Buf, tt.want)
			}
			var fields []string
			for _, x := range warnings {
				fields = append(fields, x.Field)
			}
			if got := strings.Join(fields, " "); got != tt.warn {
				t.Errorf("the warnings are about %q, not %q", got, tt.warn)
			}
		})
	}
}

func TestConversationsHaveTheFormatOfTheModelsFamily(t *testing.T) {
	req := llm.Request{
		System: []llm.Block{text("Be brief.")},
		Turns:  []llm.Turn{turn(llm.RoleUser, text("Rocks?")), turn(llm.RoleAssistant, llm.Block{Kind: llm.BlockReasoning, Text: "Hm."}, text("Yes.")), turn(llm.RoleUser, text("Which?"))},
	}
	for model, want := range map[string]string{
		"meta-llama/Llama-2-7b-chat-hf":       "[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nRocks? [/INST] Yes. </s><s>[INST] Which? [/INST]",
		"meta-llama/Meta-Llama-3-8B-Instruct": "<|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nRocks?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nYes.<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nWhich?<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
		"mistralai/Mistral-7B-Instruct-v0.2":  "[INST] Be brief.\n\nRocks? [/INST] Yes.</s>[INST] Which? [/INST]",
		"google/gemma-2-9b-it":                "<start_of_turn>user\nBe brief.\n\nRocks?<end_of_turn>\n<start_of_turn>model\nYes.<end_of_turn>\n<start_of_turn>user\nWhich?<end_of_turn>\n<start_of_turn>model\n",
		"microsoft/Phi-3-mini-4k-instruct":    "<|system|>\nBe brief.<|end|>\n<|user|>\nRocks?<|end|>\n<|assistant|>\nYes.<|end|>\n<|user|>\nWhich?<|end|>\n<|assistant|>\n",
		"HuggingFaceH4/zephyr-7b-beta":        "<|system|>\nBe brief.</s>\n<|user|>\nRocks?</s>\n<|assistant|>\nYes.</s>\n<|user|>\nWhich?</s>\n<|assistant|>\n",
		"Qwen/Qwen2.5-7B-Instruct":            "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nRocks?<|im_end|>\n<|im_start|>assistant\nYes.<|im_end|>\n<|im_start|>user\nWhich?<|im_end|>\n<|im_start|>assistant\n",
	} {
		var w jsonx.Writer
		warnings, err := textgen.AppendRequest(&w, &req, textgen.TemplateOf(model))
		if err != nil {
			t.Fatal(err)
		}
		var sent struct {
			Inputs string    `json:"inputs"`
			Rest   jsonx.Raw `json:",embed"`
		}
		if err := jsonx.Unmarshal(w.Buf, &sent); err != nil || sent.Inputs != want {
			t.Errorf("%s: got\n%q, want\n%q (%v)", model, sent.Inputs, want, err)
		}
		if len(warnings) != 1 || warnings[0].Code != llm.WarnDropped { // earlier reasoning
			t.Errorf("%s: the warnings are %v", model, warnings)
		}
	}
	if textgen.TemplateOf("meta-llama/Llama-2-7b-hf") != nil || textgen.TemplateOf("") != nil {
		t.Error("a base model has a format of conversations")
	}
	var w jsonx.Writer
	if _, err := textgen.AppendRequest(&w, &llm.Request{System: []llm.Block{text("Be brief.")}}, textgen.TemplateOf("mistral-instruct")); err != nil || !strings.Contains(string(w.Buf), `"[INST] Be brief. [/INST]"`) {
		t.Errorf("instructions alone: %s, %v", w.Buf, err)
	}
}

func TestWhatTheAPICannotTakeIsRefusedByField(t *testing.T) {
	for _, tt := range []struct {
		param string
		req   llm.Request
	}{
		{"tools", llm.Request{Turns: hi(), Tools: []llm.Tool{{Name: "find"}}}},
		{"format", llm.Request{Turns: hi(), Format: &llm.Format{}}},
		{"web_search", llm.Request{Turns: hi(), WebSearch: jsonx.Raw("{}")}},
		{"logit_bias", llm.Request{Turns: hi(), Unmapped: []jsonx.Member{{Name: "logit_bias", Value: jsonx.Raw(`{"1":2}`)}}}},
		{"messages[0].content[1]", llm.Request{Turns: []llm.Turn{turn(llm.RoleUser, text("What?"), llm.Block{Kind: llm.BlockImage, Media: &llm.Media{}})}}},
		{"messages[0].content[0]", llm.Request{Turns: []llm.Turn{turn(llm.RoleUser, llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: "c1"}})}}},
	} {
		var w jsonx.Writer
		_, err := textgen.AppendRequest(&w, &tt.req, nil)
		if e, ok := errors.AsType[*llm.Error](err); !ok || e.Param != tt.param || e.Status != 400 || !strings.Contains(e.Message, "sagemaker_chat") {
			t.Errorf("%s: the error is %+v", tt.param, err)
		}
	}
}

// show writes a response in one line.
func show(r *llm.Response) string {
	var b strings.Builder
	for i := range r.Blocks {
		fmt.Fprintf(&b, "%s ", r.Blocks[i].Text)
	}
	fmt.Fprintf(&b, "stop %d %s, %d+%d tokens, uncounted %t", r.Stop, r.RawStop, r.Usage.Input, r.Usage.Output, r.Uncounted)
	return b.String()
}

func TestAResponseIsRead(t *testing.T) {
	for body, want := range map[string]string{
		`[{"generated_text":"Granite."}]`: "Granite. stop 1 , 0+0 tokens, uncounted true",
		`{"generated_text":"Granite.","details":{"finish_reason":"length","generated_tokens":3,"prompt_tokens":5}}`:        "Granite. stop 3 length, 5+3 tokens, uncounted false",
		`{"generated_text":"Granite.","details":{"finish_reason":"stop_sequence","generated_tokens":3,"prefill":[{},{}]}}`: "Granite. stop 2 stop_sequence, 2+3 tokens, uncounted false",
		`{"generated_text":"Granite.","details":{"finish_reason":"later","generated_tokens":3,"prefill":[]}}`:              "Granite. stop 8 later, 0+0 tokens, uncounted true",
		`[[{"generated_text":"Granite."}]]`:                                "Granite. stop 1 , 0+0 tokens, uncounted true",
		`[{"generation":{"role":"assistant","content":"Granite."}}]`:       "Granite. stop 1 , 0+0 tokens, uncounted true",
		`{"generation":"Granite."}`:                                        "Granite. stop 1 , 0+0 tokens, uncounted true",
		`{"outputs":["Granite."]}`:                                         "Granite. stop 1 , 0+0 tokens, uncounted true",
		`{"generated_text":"","details":{"finish_reason":"eos_token"}}`:    " stop 1 eos_token, 0+0 tokens, uncounted true",
		`{"generated_text":"Granite.","details":null,"error":null,"x":[]}`: "Granite. stop 1 , 0+0 tokens, uncounted true",
	} {
		r, err := textgen.DecodeResponse([]byte(body))
		if err != nil {
			t.Errorf("%s: %v", body, err)
		} else if got := show(r); got != want {
			t.Errorf("%s: got\n%s, want\n%s", body, got, want)
		}
	}
}

func TestAFailedResponseIsAnError(t *testing.T) {
	for body, want := range map[string]string{
		`{"error":"Model is overloaded","error_type":"overloaded"}`:                     `{"error":"Model is overloaded"}`,
		`{"generated_text":"","details":{"finish_reason":"error"}}`:                     `{"error":"the model failed while it responded (finish_reason error)"}`,
		`{"token":{"id":-1,"text":"","error_msg":"CUDA out of memory"},"details":null}`: `{"error":"CUDA out of memory"}`,
		`{"predictions":[1]}`:  "",
		`[]`:                   "",
		`{"generated_text":3}`: "",
		`{`:                    "",
	} {
		_, err := textgen.DecodeResponse([]byte(body))
		if err == nil || err.Error() == "" {
			t.Fatalf("%s counts as a response", body)
		}
		if f, ok := errors.AsType[*textgen.FailedError](err); ok != (want != "") || ok && string(f.Refusal()) != want {
			t.Errorf("%s: the error is %v", body, err)
		}
	}
}

// read reads the events of a stream.
func read(data ...string) (string, error) {
	var r textgen.Reader
	var fold llm.Fold
	add := func(events []llm.Event) {
		for i := range events {
			fold.Add(&events[i])
		}
	}
	for _, d := range data {
		events, err := r.Append(nil, []byte(d))
		add(events)
		if err != nil {
			return show(fold.Answer()), err
		}
	}
	events, complete := r.End(nil)
	add(events)
	if !complete || !r.Finished() {
		return show(fold.Answer()), errors.New("it is not finished")
	}
	return show(fold.Answer()), nil
}

func TestAStreamIsRead(t *testing.T) {
	for _, tt := range []struct {
		name string
		data []string
		want string
	}{
		{"Text Generation Inference", []string{
			`{"index":1,"token":{"id":1,"text":"Gran","logprob":-1,"special":false},"generated_text":null,"details":null}`, `{"token":{"text":"ite."},"generated_text":null}`,
			`{"token":{"text":"</s>","special":true},"generated_text":"Granite.","details":{"finish_reason":"eos_token","generated_tokens":3,"input_length":4}}`,
		}, "Granite. stop 1 eos_token, 4+3 tokens, uncounted false"},
		{"DJL", []string{`{"token":{"id":1,"text":"Granite.","log_prob":-1}}`, `{"token":{"text":"","special_token":true},"details":{"finish_reason":"length","generated_tokens":1},"generated_text":"Granite."}`}, "Granite. stop 3 length, 0+0 tokens, uncounted false"},
		{"a container that does not stream", []string{`[{"generated_text":"Granite."}]`}, "Granite. stop 1 , 0+0 tokens, uncounted false"},
		{"early versions of DJL", []string{`{"outputs":["Gran"]}`, `{"outputs":["ite."]}`}, "Granite. stop 1 , 0+0 tokens, uncounted false"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := read(tt.data...)
			if err != nil || got != tt.want {
				t.Errorf("got\n%s, %v, want\n%s", got, err, tt.want)
			}
		})
	}
}

func TestAStreamThatBreaksOffIsNotComplete(t *testing.T) {
	for _, data := range []string{`{"token":{"text":"Gran"},"generated_text":null,"details":null}`, `{"token":`, `{"x":1}`, `{"error":"Request failed during generation","error_type":"generation"}`} {
		if got, err := read(data); err == nil {
			t.Errorf("%s counts as complete: %s", data, got)
		}
	}
}
