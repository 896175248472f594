package anthropic_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/wire/anthropic"
)

// user is a body with a user message of these blocks.
func user(blocks string) string {
	return `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":[` + blocks + `]}]}`
}

// assistant is a body whose second message is the assistant's.
func assistant(blocks string) string {
	return `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[` + blocks + `]},{"role":"user","content":"Go on"}]}`
}

// with is a body with further members.
func with(members string) string {
	return `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"}],` + members + `}`
}

const aTool = `"tools":[{"name":"f","input_schema":{"type":"object"}}]`

// TestInvalidRequestsNameTheField covers every way in which a body can be wrong.
func TestInvalidRequestsNameTheField(t *testing.T) {
	for _, c := range []struct{ body, param, words string }{
		{`{`, "", "not valid JSON"},
		{`[]`, "", "JSON object expected"},
		{"{\"model\":\"\xff\"}", "model", "UTF-8"},
		{`{"model":"m","model":"n"}`, "model", "duplicate"},
		{`{"model":"m","messages":[{"role":"user","content":[{"type":"text","type":"text"}]}]}`, "messages[0].content[0].type", "duplicate"},
		{`{"max_tokens":9,"messages":[]}`, "model", "Field required"},
		{`{"model":"` + strings.Repeat("m", 3000) + `","max_tokens":9,"messages":[]}`, "model", "at most"},
		{`{"model":"m","messages":[{"role":"user","content":"Hi"}]}`, "max_tokens", "Field required"},
		{`{"model":"m","max_tokens":0,"messages":[{"role":"user","content":"Hi"}]}`, "max_tokens", "greater than"},
		{`{"model":"m","max_tokens":"9","messages":[{"role":"user","content":"Hi"}]}`, "max_tokens", "must be an integer"},
		{`{"model":"m","max_tokens":9}`, "messages", "Field required"},
		{`{"model":"m","max_tokens":9,"messages":null}`, "messages", "Field required"},
		{`{"model":"m","max_tokens":9,"messages":{}}`, "messages", "must be an array"},
		{`{"model":"m","max_tokens":9,"messages":[]}`, "messages", "at least one message"},
		{`{"model":"m","max_tokens":9,"messages":[{"role":"system","content":"Hi"}]}`, "messages", "at least one message"},
		{`{"model":"m","max_tokens":9,"messages":[{"content":"Hi"}]}`, "messages[0].role", "Field required"},
		{`{"model":"m","max_tokens":9,"messages":[{"role":"wizard","content":"Hi"}]}`, "messages[0].role", "wizard"},
		{`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":7}]}`, "messages[0].content", "a string or an array"},
		{`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":{}}]}`, "messages[0].content", "not an object"},
		{`{"model":"m","max_tokens":9,"messages":[{"role":"user"}]}`, "messages[0].content", "non-empty"},
		{`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":""}]}`, "messages[0].content", "non-empty"},
		{`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi","clear_at":"never"}]}`, "messages[0].clear_at", "Extra inputs"},
		{`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi","output_config":{}}]}`, "messages[0].output_config", "Extra inputs"},
		{`{"model":"m","max_tokens":9,"messages":[{"role":"system"}]}`, "messages[0].content", "Field required"},
		{`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"system","content":"x","clear_at":"noon"}]}`, "messages[1].clear_at", "noon"},
		{`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"system","content":"x","output_config":{"effort":"huge"}}]}`, "messages[1].output_config.effort", "huge"},
		{`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"system","content":"x","output_config":{"format":{}}}]}`, "messages[1].output_config.format", "Extra inputs"},
		{`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"system","content":[{"type":"image"}]}]}`, "messages[1].content[0].type", "not allowed"},
		{`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"system","content":[{"type":"tool_addition"}]}]}`, "messages[1].content[0].tool", "Field required"},
		{`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"system","content":[{"type":"tool_addition","tool":{}}]}]}`, "messages[1].content[0].tool.name", "Field required"},

		{user(``), "messages[0].content", "non-empty"},
		{user(`{}`), "messages[0].content[0].type", "Field required"},
		{user(`{"type":"dream"}`), "messages[0].content[0].type", "dream"},
		{user(`{"type":"text"}`), "messages[0].content[0].text", "Field required"},
		{user(`{"type":"thinking","thinking":"x"}`), "messages[0].content[0].type", "not allowed"},
		{user(`{"type":"tool_addition","tool":{"name":"f"}}`), "messages[0].content[0].type", "not allowed"},
		{user(`{"type":"image"}`), "messages[0].content[0].source", "Field required"},
		{user(`{"type":"image","source":"x"}`), "messages[0].content[0].source", "an object"},
		{user(`{"type":"image","source":{}}`), "messages[0].content[0].source.type", "Field required"},
		{user(`{"type":"image","source":{"type":"cloud"}}`), "messages[0].content[0].source.type", "cloud"},
		{user(`{"type":"image","source":{"type":"base64","media_type":"image/tiff","data":"YQ=="}}`), "messages[0].content[0].source.media_type", "image/tiff"},
		{user(`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"?"}}`), "messages[0].content[0].source.data", "base64"},
		{user(`{"type":"image","source":{"type":"base64","media_type":"image/png"}}`), "messages[0].content[0].source.data", "Field required"},
		{user(`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"YWJj"}}`), "messages[0].content[0].source.data", "not PNG"},
		{user(`{"type":"image","source":{"type":"url","url":"rock.png"}}`), "messages[0].content[0].source.url", "must be a URL"},
		{user(`{"type":"image","source":{"type":"url","url":"ftp://x/rock.png"}}`), "messages[0].content[0].source.url", "scheme"},
		{user(`{"type":"image","source":{"type":"url","url":"s3://x/rock"}}`), "messages[0].content[0].source.url", "type"},
		{user(`{"type":"image","source":{"type":"file","file_id":"file_1"}}`), "messages[0].content[0].source", "Files API"},
		{user(`{"type":"document"}`), "messages[0].content[0].source", "Field required"},
		{user(`{"type":"document","source":{"type":"base64","media_type":"image/png","data":"YQ=="}}`), "messages[0].content[0].source.media_type", "application/pdf"},
		{user(`{"type":"document","source":{"type":"text","data":""}}`), "messages[0].content[0].source.data", "Field required"},
		{user(`{"type":"document","source":{"type":"content","content":[]}}`), "messages[0].content[0].source.content", "non-empty"},
		{user(`{"type":"document","citations":7,"source":{"type":"text","data":"a"}}`), "messages[0].content[0].citations", "must be an object"},
		{user(`{"type":"document","citations":{"enabled":7},"source":{"type":"text","data":"a"}}`), "messages[0].content[0].citations.enabled", "must be a boolean"},
		{user(`{"type":"document","source":{"type":"file","file_id":"file_1"}}`), "messages[0].content[0].source", "Files API"},
		{user(`{"type":"search_result"}`), "messages[0].content[0].source", "Field required"},
		{user(`{"type":"search_result","source":"x"}`), "messages[0].content[0].title", "Field required"},
		{user(`{"type":"search_result","source":"x","title":"t"}`), "messages[0].content[0].content", "at least one"},
		{user(`{"type":"search_result","source":"x","title":"t","content":[{"type":"image"}]}`), "messages[0].content[0].content[0].type", "text"},
		{user(`{"type":"tool_result"}`), "messages[0].content[0].tool_use_id", "Field required"},
		{user(`{"type":"tool_result","tool_use_id":"a","content":{}}`), "messages[0].content[0].content", "not an object"},
		{user(`{"type":"tool_result","tool_use_id":"a","content":[{}]}`), "messages[0].content[0].content[0].type", "Field required"},
		{user(`{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_use"}]}`), "messages[0].content[0].content[0].type", "tool_use"},
		{user(`{"type":"tool_result","tool_use_id":"a","content":[{"type":"tool_reference"}]}`), "messages[0].content[0].content[0].tool_name", "Field required"},
		{user(`{"type":"tool_result","tool_use_id":"a","content":[{"type":"browser_state"}]}`), "messages[0].content[0].content[0]", "browser"},
		{user(`{"type":"container_upload","file_id":"f"}`), "messages[0].content[0]", "container"},

		{assistant(`{"type":"image"}`), "messages[1].content[0].type", "not allowed"},
		{assistant(`{"type":"tool_use","name":"f","input":{}}`), "messages[1].content[0].id", "Field required"},
		{assistant(`{"type":"tool_use","id":"a","input":{}}`), "messages[1].content[0].name", "Field required"},
		{assistant(`{"type":"tool_use","id":"a","name":"f"}`), "messages[1].content[0].input", "Field required"},
		{assistant(`{"type":"tool_use","id":"a","name":"f","input":"{}"}`), "messages[1].content[0].input", "an object"},
		{assistant(`{"type":"thinking","signature":"x"}`), "messages[1].content[0].thinking", "Field required"},
		{assistant(`{"type":"redacted_thinking","data":"?"}`), "messages[1].content[0].data", "base64"},
		{assistant(`{"type":"compaction","encrypted_content":"x"}`), "messages[1].content[0]", "summary"},

		{with(`"system":7`), "system", "a string or an array"},
		{with(`"system":{}`), "system", "not an object"},
		{with(`"system":[{"type":"image"}]`), "system[0].type", "'text'"},
		{with(`"system":[{"type":"text"}]`), "system[0].text", "Field required"},
		{with(`"temperature":1.1`), "temperature", "0..1"},
		{with(`"top_p":-1`), "top_p", "0..1"},
		{with(`"top_k":-1`), "top_k", "greater"},
		{with(`"stop_sequences":["` + strings.Repeat(`a","`, 2500) + `"]`), "stop_sequences", "at most 2500"},
		{with(`"thinking":true`), "thinking", "an object"},
		{with(`"output_config":{"effort":"huge"}`), "output_config.effort", "huge"},
		{with(`"output_config":{"format":{"type":"xml"}}`), "output_config.format.type", "xml"},
		{with(`"output_config":{"format":{"type":"json_schema"}}`), "output_config.format.schema", "Field required"},
		{with(`"output_format":{"type":"json_schema","schema":[]}`), "output_format.schema", "an object"},
		{with(`"metadata":7`), "metadata", "an object"},
		{with(`"metadata":{"user_id":7}`), "metadata.user_id", "a string"},
		{with(`"betas":"x"`), "betas", "array of strings"},
		{with(`"additionalModelRequestFields":7`), "additionalModelRequestFields", "an object"},
		{with(`"context_management":7`), "context_management", "must be an object"},
		{with(`"context_management":{"edits":[7]}`), "context_management.edits", "must be an object"},
		{with(`"safeguards":[{"type":"dangerous_tool_use"}]`), "safeguards", "safeguards: Extra inputs are not permitted"},
		{with(`"granite":7`), "granite", "granite: Extra inputs are not permitted"},
		{with(`"container":"c"`), "container", "not supported"},
		{with(`"mcp_servers":[{}]`), "mcp_servers", "not supported"},
		{with(`"inference_geo":"us"`), "inference_geo", "regions"},

		{with(`"tools":[{"input_schema":{}}]`), "tools[0].name", "Field required"},
		{with(`"tools":[{"name":"f"}]`), "tools[0].input_schema", "Field required"},
		{with(`"tools":[{"name":"f","input_schema":[]}]`), "tools[0].input_schema", "an object"},
		{with(`"tools":[{"type":"magic","name":"f"}]`), "tools[0].type", "magic"},
		{with(`"tools":[{"type":"bash_20250124"}]`), "tools[0].name", "Field required"},
		{with(`"tools":[{"type":"code_execution_20250825","name":"code_execution"}]`), "tools[0]", "Bedrock does not have it"},
		{with(`"tools":[{"type":"mcp_toolset","mcp_server_name":"x"}]`), "tools[0]", "Bedrock does not have it"},
		{with(`"tools":[{"name":"f","input_schema":{},"allowed_callers":["code_execution_20250825"]}]`), "tools[0].allowed_callers", "direct"},
		{with(`"tools":[{"type":"web_search_20250305","name":"web_search","allowed_domains":["x"]}]`), "tools[0].allowed_domains", "domains"},
		{with(`"tools":[` + strings.Repeat(`{"name":"f","input_schema":{}},`, 1024) + `{"name":"f","input_schema":{}}]`), "tools", "at most 1024"},
		{with(`"tool_choice":"auto"`), "tool_choice", "must be an object"},
		{with(`"tool_choice":{"type":"any"}`), "tool_choice", "providing tools"},
		{with(aTool + `,"tool_choice":{}`), "tool_choice.type", "Field required"},
		{with(aTool + `,"tool_choice":{"type":"tool"}`), "tool_choice.name", "Field required"},
		{with(aTool + `,"tool_choice":{"type":"tool","name":"g"}`), "tool_choice.name", "not found"},
		{with(aTool + `,"tool_choice":{"type":"must"}`), "tool_choice.type", "must"},
	} {
		_, err := anthropic.Decode([]byte(c.body), anthropic.Options{})
		e, ok := errors.AsType[*llm.Error](err)
		if !ok || e.Status != 400 {
			t.Errorf("%.200s: %v", c.body, err)
			continue
		}
		if e.Param != c.param || !strings.Contains(e.Message, c.words) {
			t.Errorf("%.200s: %q about %q; want %q about %q", c.body, e.Message, e.Param, c.words, c.param)
		}
	}
}

// TestDropParams: what is refused without it is left out with a warning.
func TestDropParams(t *testing.T) {
	for _, c := range []struct{ body, field string }{
		{with(`"safeguards":[{"type":"dangerous_tool_use"}]`), "safeguards"},
		{with(`"granite":7`), "granite"},
		{with(`"container":"c"`), "container"},
		{user(`{"type":"text","text":"Hi"},{"type":"container_upload","file_id":"f"}`), "messages[0].content[1]"},
		{user(`{"type":"text","text":"Hi"},{"type":"image","source":{"type":"file","file_id":"f"}}`), "messages[0].content[1].source"},
		{user(`{"type":"text","text":"Hi"},{"type":"tool_result","tool_use_id":"a","content":[{"type":"browser_state"}]}`), "messages[0].content[1].content[0]"},
		{assistant(`{"type":"compaction"},{"type":"text","text":"Hi"}`), "messages[1].content[0]"},
		{with(`"tools":[{"type":"code_execution_20250825","name":"code_execution"}],"tool_choice":{"type":"any"}`), "tools[0]"},
		{with(aTool + `,"tool_choice":{"type":"tool","name":"g"}`), "tool_choice"},
	} {
		for _, opt := range []anthropic.Options{
			{DropParams: func(string) bool { return true }}, {},
		} {
			body := c.body
			if opt.DropParams == nil {
				body = body[:1] + `"drop_params":true,` + body[1:]
			}
			r, err := anthropic.Decode([]byte(body), opt)
			if err != nil {
				t.Errorf("%s: %v", body, err)
				continue
			}
			if !r.LLM.DropParams || !slices.ContainsFunc(r.Warnings, func(w llm.Warning) bool { return w.Code == llm.WarnDropped && w.Field == c.field }) {
				t.Errorf("%s: %+v", body, r.Warnings)
			}
		}
	}
	r, err := anthropic.Decode([]byte(`{"model":"m","max_tokens":9,"drop_params":true,"messages":[{"role":"user","content":[{"type":"container_upload","file_id":"f"}]},{"role":"user","content":"Hi"}]}`), anthropic.Options{})
	if err != nil || len(r.LLM.Turns) != 1 {
		t.Errorf("a message of nothing else: %v", err)
	}
}

// TestQuietMembers: what asks for nothing is neither refused nor warned of.
func TestQuietMembers(t *testing.T) {
	body := with(`"container":null,"mcp_servers":[],"safeguards":[ ],"thread":null,"inference_geo":"global","speed":"standard","diagnostics":{},"betas":[],"tools":[],"tool_choice":{"type":"auto"},
		"service_tier":"auto","output_config":{},"metadata":{},"thinking":null,"cache_control":null,"context_management":{"edits":[]},"stop_sequences":[],"temperature":null,"stream":null,"system":null`)
	r, err := anthropic.Decode([]byte(body), anthropic.Options{})
	if err != nil || len(r.Warnings) > 0 || len(r.LLM.Headers)+len(r.LLM.ModelFields)+len(r.LLM.Extensions) > 0 || r.LLM.ToolChoice != (llm.ToolChoice{}) {
		t.Errorf("%v: %+v", err, r)
	}
	if _, err := anthropic.Decode([]byte(`{"model":"m","messages":[{"role":"user","content":"Hi"}]}`), anthropic.Options{Count: true}); err != nil {
		t.Errorf("counting needs no max_tokens: %v", err)
	}
}

// TestBounds: bodies with more values, messages, blocks or warnings than allowed.
func TestBounds(t *testing.T) {
	for name, body := range map[string]string{
		"values":   `{"model":"m","x":[` + strings.Repeat("1,", 500_001) + `1]}`,
		"messages": `{"model":"m","messages":[` + strings.Repeat(`{"role":"user","content":"a"},`, 100_000) + `{}]}`,
		"blocks":   user(strings.Repeat(`{"type":"text","text":"a"},`, 10_000) + `{}`),
	} {
		_, err := anthropic.Decode([]byte(body), anthropic.Options{})
		if e, ok := errors.AsType[*llm.Error](err); !ok || e.Status != 400 || !strings.Contains(e.Message, "at most") && !strings.Contains(e.Message, "too many") {
			t.Errorf("%s: %v", name, err)
		}
	}
	deep := user(strings.Repeat(`{"type":"tool_result","tool_use_id":"a","content":[`, 3000) + strings.Repeat(`]}`, 3000))
	if _, err := anthropic.Decode([]byte(deep), anthropic.Options{}); err == nil {
		t.Error("nested tool results are accepted")
	}
	fading := strings.Repeat(`{"role":"system","content":"a","clear_at":"next_user_message"},{"role":"system","content":"b"},`, 45_000)
	r, err := anthropic.Decode([]byte(`{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"},`+fading+`{"role":"user","content":"Hi"}]}`), anthropic.Options{})
	if err != nil || len(r.LLM.Turns) != 45_002 {
		t.Errorf("%v", err)
	}
	many := user(strings.Repeat(`{"type":"container_upload","file_id":"f"},`, 9_000) + `{"type":"text","text":"Hi"}`)
	if r, err := anthropic.Decode([]byte(many), anthropic.Options{DropParams: func(string) bool { return true }}); err != nil || len(r.Warnings) > 200 {
		t.Errorf("%v", err)
	}
	var tools strings.Builder
	for i := range 1000 {
		tools.WriteString(`{"name":"f","input_schema":{},"m` + strings.Repeat("x", i) + `":1},`)
	}
	r, err = anthropic.Decode([]byte(with(`"tools":[`+tools.String()+`{"name":"g","input_schema":{}}]`)), anthropic.Options{})
	if err != nil || len(r.Warnings) > 200 {
		t.Errorf("%v: %d warnings", err, len(r.Warnings))
	}
}

// TestExtractedBase64: long base64 is taken out of the body before it is decoded, and what only looks
// like it is not lost.
func TestExtractedBase64(t *testing.T) {
	png := "iVBORw0KGgoAAAANSUhEUgAA" + strings.Repeat("AAAA", 3000)
	r, err := anthropic.Decode([]byte(user(`{"type":"image","source":{"type":"base64","media_type":"image/png","data":"`+png+`"}}`)), anthropic.Options{})
	if err != nil || !r.Shares || r.LLM.Turns[0].Blocks[0].Media.Base64.String() != png {
		t.Errorf("an image: %v", err)
	}
	for _, body := range []string{
		user(`{"type":"text","text":"` + png + `"}`),
		assistant(`{"type":"thinking","thinking":"x","signature":"` + png + `"},{"type":"redacted_thinking","data":"` + png + `"},{"type":"text","text":"a"}`),
	} {
		r, err := anthropic.Decode([]byte(body), anthropic.Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, turn := range r.LLM.Turns {
			for _, b := range turn.Blocks {
				if len(b.Text) > 8 && b.Text != png || len(b.Signature) > 8 && b.Signature != png {
					t.Errorf("%.60s", b.Text)
				}
			}
		}
	}
	sloppy := strings.TrimRight(strings.ReplaceAll("JVBERi0xLjQKYQ==", "+", "-"), "=")
	r, err = anthropic.Decode([]byte(user(`{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"`+sloppy[:4]+`\n`+sloppy[4:]+`"}}`)), anthropic.Options{})
	if err != nil || r.LLM.Turns[0].Blocks[0].Media.Base64.String() != "JVBERi0xLjQKYQ==" {
		t.Errorf("%v", err)
	}
}

// TestSystemTurns keeps the role for targets that have it.
func TestSystemTurns(t *testing.T) {
	body := `{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"system","content":"Be brief."}]}`
	r, err := anthropic.Decode([]byte(body), anthropic.Options{SystemTurns: true})
	if err != nil || len(r.Warnings) > 0 || r.LLM.Turns[1].Role != llm.RoleSystem || r.LLM.Turns[1].Blocks[0].Text != "Be brief." {
		t.Errorf("%v: %+v", err, r)
	}
}

// TestEmptyAssistantMessages are dropped, and only the last without a warning.
func TestEmptyAssistantMessages(t *testing.T) {
	r, err := anthropic.Decode([]byte(`{"model":"m","max_tokens":9,"messages":[{"role":"assistant","content":""},{"role":"system","content":"Not in front."},{"role":"assistant","content":[{"type":"text","text":"","cache_control":{"type":"ephemeral"}}]},
		{"role":"user","content":"Hi"},{"role":"assistant","content":""}]}`), anthropic.Options{})
	if err != nil || len(r.LLM.Turns) != 2 || len(r.LLM.System) > 0 {
		t.Fatalf("%v: %+v", err, r)
	}
	if len(r.Warnings) != 2 || r.Warnings[1].Field != "messages[0]" && r.Warnings[0].Field != "messages[0]" {
		t.Errorf("%+v", r.Warnings)
	}
}
