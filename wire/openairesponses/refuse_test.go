package openairesponses_test

import (
	"strings"
	"testing"

	"outcrop/llm"
	responses "outcrop/wire/openairesponses"
)

func TestAMisspelledInputIsRecognized(t *testing.T) {
	for body, want := range map[string]string{`{"model":"m","inptu":"Hi"}`: "Did you mean input? Rename inptu.", `{"model":"m","metadata":{}}`: ""} {
		_, err := responses.Decode([]byte(body), responses.Options{})
		if e := llm.AsError(err); err == nil || e.Param != "input" || e.Fix != want {
			t.Errorf("%s: %+v", body, e)
		}
	}
}

// TestRefusals lists bodies that are refused, with the field and the beginning of the message.
func TestRefusals(t *testing.T) {
	one := func(item string) string { return `{"model":"m","input":[` + item + `]}` }
	with := func(member string) string { return `{"model":"m","input":"Hi",` + member + `}` }
	for body, want := range map[string]struct{ param, message string }{
		`[]`:                                     {"", "the request body must be an object"},
		`{"model":"m","input":"x"`:               {"", "the request body is not valid JSON"},
		"{\"model\":\"m\",\"input\":\"\xff\"}":   {"input", "the request body is not valid JSON"},
		`{"input":"Hi"}`:                         {"model", "model is required"},
		`{"model":"m","model":"n","input":"Hi"}`: {"model", "the request body is not valid JSON: invalid JSON: duplicate name"},
		`{"model":"m"}`:                          {"input", "input is required"},
		`{"model":"m","input":[]}`:               {"input", "input must have at least one message"},
		`{"model":"m","input":7}`:                {"input", "input must be a string or an array"},
		one(`7`):                                 {"input[0]", "input[0]"},
		one(`{"role":"granite","content":"x"}`):  {"input[0].role", `input[0].role must be user, assistant, system or developer, not "granite"`},
		one(`{"content":"x"}`):                   {"input[0].role", "input[0].role is required"},
		one(`{"role":"user"}`):                   {"input[0].content", "input[0].content is required"},
		one(`{"role":"user","content":7}`):       {"input[0].content", "input[0].content must be a string or an array"},
		one(`{"type":"granite"}`):                {"input[0].type", "input[0].type must be message"},
		one(`{"role":"user","content":[{"type":"input_text"}]}`):                                                {"input[0].content[0].text", "input[0].content[0].text is required"},
		one(`{"role":"user","content":[{"type":"granite"}]}`):                                                   {"input[0].content[0].type", "input[0].content[0].type must be input_text"},
		one(`{"role":"user","content":[{"type":"input_image"}]}`):                                               {"input[0].content[0].image_url", "input[0].content[0].image_url is required"},
		one(`{"role":"user","content":[{"type":"input_image","image_url":"ftp://x/y.png"}]}`):                   {"input[0].content[0].image_url", "input[0].content[0].image_url has an unsupported URL scheme"},
		one(`{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,QUJD"}]}`):      {"input[0].content[0].image_url", "input[0].content[0].image_url is not a supported image"},
		one(`{"role":"user","content":[{"type":"input_file","file_id":"file-1"}]}`):                             {"input[0].content[0].file_id", "input[0].content[0].file_id is not supported"},
		one(`{"role":"assistant","content":[{"type":"input_image","image_url":"data:image/png;base64,QUJD"}]}`): {"input[0].content[0].type", "input[0].content[0].type input_image is allowed"},
		one(`{"type":"function_call","name":"f","arguments":"{}"}`):                                             {"input[0].call_id", "input[0].call_id is required"},
		one(`{"type":"function_call","call_id":"c","arguments":"{}"}`):                                          {"input[0].name", "input[0].name is required"},
		one(`{"type":"function_call_output","call_id":"c"}`):                                                    {"input[0].output", "input[0].output is required"},
		one(`{"type":"function_call_output","call_id":"c","output":[{"type":"granite"}]}`):                      {"input[0].output[0].type", "input[0].output[0].type must be"},
		one(`{"type":"shell_call_output","call_id":"c","output":[{"stdout":7}]}`):                               {"input[0].output[0].stdout", "input[0].output[0].stdout must be a string"},
		one(`{"type":"reasoning","summary":[],"encrypted_content":"outcrop-1.x"}`):                              {"input[0].encrypted_content", "input[0].encrypted_content must be the text of the response, unchanged"},
		one(`{"type":"compaction","encrypted_content":"gAAAA"}`):                                                {"input[0].encrypted_content", "input[0].encrypted_content is the summary of a conversation that another server"},
		one(`{"type":"item_reference","id":"msg_1"}`):                                                           {"input[0].id", "input[0].id refers to an item that this gateway has not kept"},
		one(`{"type":"computer_call_output","call_id":"c","output":{"type":"computer_screenshot"}}`):            {"input[0].type", "input[0].type computer_call_output is not supported"},
		with(`"max_output_tokens":0`):                                                                           {"max_output_tokens", "max_output_tokens must be at least 1"},
		with(`"temperature":3`):                                                                                 {"temperature", "temperature must be between 0 and 2"},
		with(`"temperature":"hot"`):                                                                             {"temperature", "temperature must be a number"},
		with(`"top_p":-1`):                                                                                      {"top_p", "top_p must be between"},
		with(`"top_logprobs":99`):                                                                               {"top_logprobs", "top_logprobs must be between"},
		with(`"truncation":"middle"`):                                                                           {"truncation", "truncation must be auto or disabled"},
		with(`"reasoning":{"effort":"huge"}`):                                                                   {"reasoning.effort", "reasoning.effort must be none"},
		with(`"reasoning":{"summary":"x"}`):                                                                     {"reasoning.summary", "reasoning.summary must be auto"},
		with(`"text":{"verbosity":"loud"}`):                                                                     {"text.verbosity", "text.verbosity must be low"},
		with(`"text":{"format":{"type":"xml"}}`):                                                                {"text.format.type", "text.format.type must be text"},
		with(`"text":{"format":{"type":"json_schema","name":"x"}}`):                                             {"text.format.schema", "text.format.schema is required"},
		with(`"tools":[{"name":"f"}]`):                                                                          {"tools[0].type", "tools[0].type is required"},
		with(`"tools":[{"type":"function"}]`):                                                                   {"tools[0].name", "tools[0].name is required"},
		with(`"tools":[{"type":"function","name":"f","parameters":7}]`):                                         {"tools[0].parameters", "tools[0].parameters must be a JSON schema"},
		with(`"tools":[{"type":"granite"}]`):                                                                    {"tools[0].type", "tools[0].type must be function"},
		with(`"tools":[{"type":"custom","name":"f"},{"type":"function","name":"f"}]`):                           {"tools[1].name", `tools[1].name "f" is the name of another tool`},
		with(`"tools":[{"type":"custom","name":"f","format":{"type":"xml"}}]`):                                  {"tools[0].format.type", "tools[0].format.type must be text or grammar"},
		with(`"tools":[{"type":"namespace","name":"n","tools":[{"type":"namespace","name":"o","tools":[]}]}]`):  {"tools[0].tools[0].type", "tools[0].tools[0].type must be function or custom"},
		with(`"tools":[{"type":"file_search","vector_store_ids":[]}]`):                                          {"tools[0]", "tools[0] is not supported: only OpenAI's API runs tools of type file_search"},
		with(`"tools":[{"type":"mcp","server_label":"x"}]`):                                                     {"tools[0]", "tools[0] is not supported"},
		with(`"tools":[{"type":"shell","environment":{"type":"container_auto"}}]`):                              {"tools[0].environment", "tools[0].environment container_auto is not supported"},
		with(`"tool_choice":"required"`):                                                                        {"tool_choice", "tool_choice requires a tool"},
		with(`"tool_choice":"always"`):                                                                          {"tool_choice", "tool_choice must be auto"},
		with(`"tool_choice":{"type":"function","name":"f"}`):                                                    {"tool_choice", `tool_choice names "f", which is not in tools`},
		with(`"tool_choice":{"type":"file_search"}`):                                                            {"tool_choice", `tool_choice of type "file_search" is not supported`},
		with(`"prompt":{"id":"p"}`):                                                                             {"prompt", "prompt is not supported"},
		with(`"api_key":"secret"`):                                                                              {"api_key", "api_key may not be set"},
		with(`"prompt_cache_key":7`):                                                                            {"prompt_cache_key", "prompt_cache_key must be a string"},
	} {
		_, err := responses.Decode([]byte(body), responses.Options{})
		e := llm.AsError(err)
		if err == nil || e.Status != 400 || e.Param != want.param || !strings.HasPrefix(e.Message, want.message) {
			t.Errorf("%s: %v (%q), want %q (%q)", body, err, e.Param, want.message, want.param)
		}
	}
}

// TestUnsupportedToolsAreDroppedWhereTheClientAllowsIt checks drop_params.
func TestUnsupportedToolsAreDroppedWhereTheClientAllowsIt(t *testing.T) {
	r, err := responses.Decode([]byte(`{"model":"m","input":"Hi","drop_params":true,"tools":[{"type":"file_search"},{"type":"function","name":"f"}]}`), responses.Options{})
	if err != nil || len(r.LLM.Tools) != 1 || len(r.Warnings) != 1 || r.Warnings[0].Field != "tools[0]" {
		t.Errorf("got %+v, %v", r, err)
	}
}

// TestPlacesCountTheClientsItems checks errors and warnings behind a history.
func TestPlacesCountTheClientsItems(t *testing.T) {
	body := `{"model":"m","input":[{"role":"user","content":"old"},{"role":"granite","content":"new"}]}`
	_, err := responses.Decode([]byte(body), responses.Options{History: 1})
	if e := llm.AsError(err); e.Param != "input[0].role" {
		t.Errorf("got %v", err)
	}
	_, err = responses.Decode([]byte(body), responses.Options{History: 2})
	if e := llm.AsError(err); e.Param != "previous_response_id" {
		t.Errorf("got %v", err)
	}
	r, err := responses.Decode([]byte(`{"model":"m","input":[{"role":"user","content":"old"},{"role":"user","content":"new"}]}`), responses.Options{History: 1})
	if err != nil {
		t.Fatal(err)
	}
	for want, f := range map[string]llm.Field{
		"input[0].content[0]":        {Kind: llm.FieldBlock, Index: 1},
		"previous_response_id":       {Kind: llm.FieldContent, Index: 0},
		"input[0].encrypted_content": {Kind: llm.FieldReasoned, Index: 1},
		"max_output_tokens":          {Kind: llm.FieldMaxTokens},
		"reasoning.effort":           {Kind: llm.FieldEffort},
		"text.format.schema.a":       {Kind: llm.FieldFormatSchema, Name: "a"},
		"tools[3].parameters":        {Kind: llm.FieldToolSchema, Index: 3},
		"temperature":                {Kind: llm.FieldTemperature},
	} {
		if got := r.LLM.FieldName(f); got != want {
			t.Errorf("%+v is %s, want %s", f, got, want)
		}
	}
	r, err = responses.Decode([]byte(`{"model":"m","input":[{"type":"additional_tools","tools":[{"type":"namespace","name":"n","tools":[{"type":"function","name":"f"}]}]},{"role":"user","content":"x"}],"tools":[{"type":"function","name":"g"}]}`), responses.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"tools[0].parameters.properties", "input[0].tools[0].tools[0].parameters.properties"} {
		if got := r.LLM.FieldName(llm.Field{Kind: llm.FieldToolSchema, Index: i, Name: "properties"}); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"model":"m","input":[{"role":"user","content":[{"type":"input_text","text":"x"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}],"tools":[{"type":"custom","name":"t"}]}`))
	f.Add([]byte(`{"model":"m","input":"x","text":{"format":{"type":"json_object"}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		_, peeked := responses.Peek(body)
		r, err := responses.Decode(body, responses.Options{})
		if err != nil {
			if e := llm.AsError(err); e.Status != 400 {
				t.Errorf("%v", err)
			}
			return
		}
		if peeked != nil && llm.AsError(peeked).Param != "conversation" {
			t.Errorf("decoded, but %v", peeked)
		}
		for i := range r.LLM.Tools {
			_ = r.LLM.FieldName(llm.Field{Kind: llm.FieldTool, Index: i})
		}
	})
}
