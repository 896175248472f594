package cache_test

import (
	"testing"

	"outcrop/cache"
)

func similar(t *testing.T, body string, s *cache.Scope) (text, rest string, ok bool) {
	t.Helper()
	q, read := cache.Read([]byte(body), nil)
	if !read {
		t.Fatal(body)
	}
	return q.Similar(s)
}

// What is compared is what the user said last. Everything else must be the same.
func TestOnlyTheLastWordsAreCompared(t *testing.T) {
	const ask = `{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"%"}]}`
	scope := cache.Scope{Door: "d", Group: "m"}
	text, rest, ok := similar(t, `{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"how big is the moon?"}]}`, &scope)
	if !ok || text != "how big is the moon?" || len(rest) != 64 {
		t.Fatalf("%q %q %v", text, rest, ok)
	}
	for _, same := range []string{
		`{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"what is the size of the moon?"}],"model":"m","user":"else"}`,
		`{"model":"m", "messages":[ {"role":"system", "content":"Be brief."},{"content":"\u0061", "role":"user", "name":null}]}`,
	} {
		if _, other, ok := similar(t, same, &scope); !ok || other != rest {
			t.Errorf("%s is not compared with %s", same, ask)
		}
	}
	for _, another := range []string{
		`{"model":"m","messages":[{"role":"system","content":"Be verbose."},{"role":"user","content":"how big is the moon?"}]}`,
		`{"model":"m","messages":[{"role":"user","content":"how big is the moon?"}]}`,
		`{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"how big is the moon?","name":"n"}]}`,
		`{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"how big is the moon?"}]}]}`,
		`{"model":"m","temperature":0,"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"how big is the moon?"}]}`,
		`{"model":"m","stream":true,"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"how big is the moon?"}]}`,
		`{"model":"m","input":[{"role":"system","content":"Be brief."},{"role":"user","content":"how big is the moon?"}]}`,
		`{"model":"m","response_format":{"type":"json_object"},"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"how big is the moon?"}]}`,
	} {
		if _, other, ok := similar(t, another, &scope); !ok || other == rest {
			t.Errorf("%s is compared with %s (%v)", another, ask, ok)
		}
	}
	for _, s := range []cache.Scope{{Door: "other", Group: "m"}, {Door: "d", Group: "other"}, {Door: "d", Group: "m", Owner: "somebody"}, {Door: "d", Group: "m", More: []string{"x"}}} {
		if _, other, _ := similar(t, `{"model":"m","messages":[{"role":"system","content":"Be brief."},{"role":"user","content":"how big is the moon?"}]}`, &s); other == rest {
			t.Errorf("%+v is compared with %+v", s, scope)
		}
	}
}

func TestTextsOfEachDialectAreCompared(t *testing.T) {
	for body, want := range map[string]string{
		`{"prompt":"once upon"}`: "once upon",
		`{"input":"hi"}`:         "hi",
		`{"input":[{"type":"message","role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_text","text":"b"}]}]}`:                    "a\nb",
		`{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"y","tool_calls":[]},{"role":"user","content":"z"}],"tools":[]}`:      "z",
		`{"messages":[{"role":"user","content":[{"type":"text","text":"q","cache_control":{"type":"ephemeral"}}]}],"system":"s","max_tokens":10}`:       "q",
		`{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":[{"type":"output_text","text":"o"}]},{"role":"user","content":"b"}]}`: "b",
	} {
		if text, _, ok := similar(t, body, &cache.Scope{}); !ok || text != want {
			t.Errorf("%s: %q %v", body, text, ok)
		}
	}
}

// What is more than a text is answered only if it is the same word for word.
func TestToolsAndImagesAreNotCompared(t *testing.T) {
	for _, body := range []string{
		`{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function"}]}`,
		`{"messages":[{"role":"user","content":"x"}],"functions":[{"name":"f"}]}`,
		`{"messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"data:"}}]}]}`,
		`{"messages":[{"role":"user","content":[{"type":"image","source":{}}]},{"role":"user","content":"x"}]}`,
		`{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":null,"tool_calls":[{"id":"a"}]},{"role":"tool","content":"y","tool_call_id":"a"}]}`,
		`{"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"y"}]}]}`,
		`{"messages":[{"role":"user","content":"x"},{"role":"assistant","content":"prefill"}]}`,
		`{"messages":[{"role":"user","content":"  "}]}`,
		`{"messages":[]}`, `{"messages":"x","input":"y"}`, `{"messages":[7]}`, `{"messages":[{"role":"user","role":"system","content":"x"}]}`, `{"query":"x","documents":[]}`,
		`{"prompt":["a","b"]}`, `{"prompt":[1,2]}`, `{"input":[{"type":"function_call_output","call_id":"c","output":"o"}]}`,
		`{"messages":[{"role":"user","content":"x"}],"input":"y"}`, `{"messages":[{"role":"assistant","content":"x","audio":{"id":"a"}},{"role":"user","content":"x"}]}`,
	} {
		if text, _, ok := similar(t, body, &cache.Scope{}); ok {
			t.Errorf("%s is compared by %q", body, text)
		}
	}
}
