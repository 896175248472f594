package openaicompat_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/openaicompat"
)

func TestEveryVendorIsComplete(t *testing.T) {
	all, err := openaicompat.Vendors()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 60 {
		t.Errorf("there are %d vendors, and at least 60 are expected", len(all))
	}
	names := map[string]bool{}
	for _, v := range all {
		for _, name := range append([]string{v.Name}, v.Aliases...) {
			if names[name] {
				t.Errorf("%s is the name of two vendors", name)
			}
			names[name] = true
		}
		if u, err := url.Parse(v.Source); err != nil || u.Scheme != "https" {
			t.Errorf("%s: source %q is not an https URL", v.Name, v.Source)
		}
		if v.BaseURL == "" && len(v.BaseURLVariables) == 0 {
			t.Errorf("%s has neither a base URL nor a variable for it", v.Name)
		}
		if base, _ := url.Parse(v.BaseURL); base.Scheme == "http" && !v.KeyOptional {
			t.Errorf("%s: keys would be sent unencrypted to %s", v.Name, v.BaseURL)
		}
		text, err := os.ReadFile("vendors/" + v.Name + ".json")
		if err != nil || !strings.HasSuffix(string(text), "}\n") {
			t.Errorf("%s: the file must have the vendor's name: %v", v.Name, err)
		}
	}
	for wanted := range strings.FieldsSeq("groq mistral deepseek xai together_ai fireworks_ai openrouter perplexity cerebras moonshot zai nebius hosted_vllm sglang llamafile lm_studio openai custom_openai") {
		if !names[wanted] {
			t.Errorf("there is no vendor %s", wanted)
		}
	}
}

// TestAVendorIsAddedByAFile calls a vendor that only a file in a folder of the test describes, and
// checks every quirk that the file has.
func TestAVendorIsAddedByAFile(t *testing.T) {
	all, err := openaicompat.ReadVendors(os.DirFS("testdata/vendors"))
	if err != nil || len(all) != 1 {
		t.Fatalf("read %d vendors: %v", len(all), err)
	}
	var sent []string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = append(sent, r.URL.Path+" "+r.Header.Get("X-Quarry-Key")+" "+r.Header.Get("X-Quarry-Pit")+" "+r.Header.Get("Authorization")+" "+string(body))
		_, _ = io.WriteString(w, `{"choices":[{"index":0,"message":{"role":"assistant","content":"<think>\nHm.\n</think>\n\nGranite."},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}`)
	}))
	defer s.Close()
	infos := all[0].Providers()
	if len(infos) != 2 || infos[1].Name != "quarry_ai" {
		t.Fatalf("it has the names %v", infos)
	}
	d, err := open(t, all[0], "granite", map[string]string{"organization": "pit-7"}, map[string]string{"QUARRY_API_KEY": "k", "QUARRY_API_BASE": s.URL + "/v1/"})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	targets, err := d.Targets(llm.VerbChat, "granite")
	if err != nil {
		t.Fatal(err)
	}
	req := &llm.Request{
		Call:      llm.Call{Model: "rock", User: "u", DropParams: true},
		System:    []llm.Block{{Kind: llm.BlockText, Text: "Be"}, {Kind: llm.BlockText, Text: "brief."}},
		Turns:     []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Rocks?"}}}},
		MaxTokens: llm.Some[int64](9), Tools: []llm.Tool{{Name: "f"}}, ToolChoice: llm.ToolChoice{Kind: llm.ToolChoiceAny},
		Unmapped: nil,
	}
	resp, err := targets[0].(provider.Chatter).Complete(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	want := `/v1/chat/completions k pit-7  {"model":"granite","messages":[{"role":"system","content":"Be\nbrief."},{"role":"user","content":"Rocks?"}],` +
		`"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{}}}}],"max_new_tokens":9,"safe":true}`
	if diff := cmp.Diff([]string{want}, sent); diff != "" {
		t.Error(diff)
	}
	if len(resp.Blocks) != 2 || resp.Blocks[0].Text != "Hm." || resp.Blocks[0].Kind != llm.BlockReasoning || resp.Blocks[1].Text != "Granite." {
		t.Errorf("the blocks are %+v", resp.Blocks)
	}
	var dropped []string
	for _, w := range resp.Meta.Warnings {
		dropped = append(dropped, w.Code+" "+w.Field)
	}
	if diff := cmp.Diff([]string{"dropped tool_choice", "dropped user"}, dropped); diff != "" {
		t.Error(diff)
	}
	if speaker, ok := targets[0].(provider.Passer); !ok || speaker.Speaks(llm.DialectOpenAI) {
		t.Error("bodies pass through, although texts have reasoning between tags")
	}
}

func TestMistakesInAVendorsFileAreFound(t *testing.T) {
	const good = `{"name":"q","title":"Q","key_variables":["Q"],"apis":{"chat":"/chat"},"source":"https://q.example","date":"2026-11-28"`
	if _, err := openaicompat.ParseVendor([]byte(good + `}`)); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ file, want string }{
		{good + `,"base":1}`, `"base" is not a member`},
		{good + `,"quirks":{"renam":{}}}`, `"renam" is not a member`},
		{good + `,"base_url":"q.example"}`, "base_url"},
		{`{"name":"q/r"` + good[len(`{"name":"q"`):] + `}`, "has a slash"},
		{`{"name":"q","title":"Q","key_variables":["Q"],"apis":{"chat":"/chat"},"date":"2026-11-28"}`, "source is missing"},
		{`{"name":"q","title":"Q","key_variables":["Q"],"apis":{"chat":"/chat"},"source":"https://q.example","date":"today"}`, "date"},
		{`{"name":"q","title":"Q","apis":{"chat":"/chat"},"source":"https://q.example","date":"2026-11-28"}`, "key_variables is missing"},
		{`{"name":"q","title":"Q","key_variables":["Q"],"apis":{},"source":"https://q.example","date":"2026-11-28"}`, "apis"},
		{`{"name":"q","title":"Q","key_variables":["Q"],"apis":{"chat":"chat"},"source":"https://q.example","date":"2026-11-28"}`, "slash"},
		{`[]`, "must be an object"},
	} {
		if _, err := openaicompat.ParseVendor([]byte(tt.file)); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v", tt.file, err)
		}
	}
}

func TestWhereCallsGoAndWithWhichKey(t *testing.T) {
	for _, tt := range []struct {
		name            string
		vendor          string
		values, environ map[string]string
		path, key       string
	}{
		{"the environment's key", "groq", nil, map[string]string{"GROQ_API_KEY": "e"}, "/openai/v1/chat/completions", "Bearer e"},
		{"the setting wins", "groq", map[string]string{"api_key": "s"}, map[string]string{"GROQ_API_KEY": "e"}, "/openai/v1/chat/completions", "Bearer s"},
		{"the second variable", "perplexity", nil, map[string]string{"PERPLEXITY_API_KEY": "p"}, "/openai/v1/chat/completions", "Bearer p"},
		{"a base with the path of chats", "custom_openai", map[string]string{"api_base": "+/v1/chat/completions"}, nil, "/v1/chat/completions", ""},
		{"another server needs no key", "openai", map[string]string{"api_base": "+/v1"}, nil, "/v1/chat/completions", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var path, key string
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				path, key = r.URL.Path, r.Header.Get("Authorization")
				_, _ = io.WriteString(w, `{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}`)
			}))
			defer s.Close()
			values := map[string]string{"api_base": s.URL + "/openai/v1"}
			for k, v := range tt.values {
				values[k] = strings.Replace(v, "+", s.URL, 1)
			}
			d, err := open(t, vendor(t, tt.vendor), "m", values, tt.environ)
			if err != nil {
				t.Fatal(err)
			}
			targets, _ := d.Targets(llm.VerbChat, "m")
			if _, err := targets[0].(provider.Chatter).Complete(t.Context(), &llm.Request{Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: "Hi"}}}}}); err != nil {
				t.Fatal(err)
			}
			if path != tt.path || key != tt.key {
				t.Errorf("called %s with %q", path, key)
			}
		})
	}
}

func TestAMissingKeyNamesItsVariable(t *testing.T) {
	d, err := open(t, vendor(t, "groq"), "m", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	targets, _ := d.Targets(llm.VerbChat, "m")
	_, err = targets[0].(provider.Chatter).Complete(t.Context(), &llm.Request{})
	if e := llm.AsError(err); e.Code != llm.CodeCredentialsMissing || !strings.Contains(e.Fix, "GROQ_API_KEY") || e.Status != 403 {
		t.Errorf("got %v, %s", err, e.Fix)
	}
	doubts := d.(provider.Reviewer).Doubts()
	if len(doubts) != 1 || doubts[0].Option != "api_key" || !strings.Contains(doubts[0].Hint, "GROQ_API_KEY") {
		t.Errorf("the doubts are %+v", doubts)
	}
}

func TestAMissingOrWrongAddressIsAnOptionError(t *testing.T) {
	for _, tt := range []struct{ base, want string }{
		{"", "HOSTED_VLLM_API_BASE"}, {"localhost:8000", "not a URL"}, {"ftp://x", "not a URL"}, {"https://u:p@host/v1", "password"},
	} {
		_, err := open(t, vendor(t, "hosted_vllm"), "m", map[string]string{"api_base": tt.base}, nil)
		if e, ok := errors.AsType[*provider.OptionError](err); !ok || e.Option != "api_base" || !strings.Contains(e.Reason, tt.want) {
			t.Errorf("%q: got %v", tt.base, err)
		}
	}
}
