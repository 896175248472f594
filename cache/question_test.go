package cache_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"outcrop/cache"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func key(t *testing.T, body string, s cache.Scope) string {
	t.Helper()
	q, ok := cache.Read([]byte(body), nil)
	if !ok {
		t.Fatalf("%s is not read", body)
	}
	return q.Key(&s)
}

func TestWhatIsTheSameQuestion(t *testing.T) {
	const one = `{"model":"m","messages":[{"role":"user","content":"a \"b\" \\"}],"temperature":1}`
	for _, same := range []string{
		` { "temperature" : 1 , "messages" : [ { "role" : "user" , "content" : "a \"b\" \\" } ] , "model" : "other" } `,
		"{\n\t\"model\":\"m\",\r\n\"messages\":[{\"role\":\"user\",\"content\":\"a \\\"b\\\" \\\\\"}],\"temperature\":1,\"seed\":null}",
		strings.Replace(one, `"model"`, `"user":"u","metadata":{"a":1},"tags":["t"],"timeout":3,"prompt_cache_key":"k","stream":false,"stream_options":{"include_usage":true},"cache":{"ttl":3},"model"`, 1),
		`{"extra_body":{"temperature":1},"model":"m","messages":[{"role":"user","content":"a \"b\" \\"}]}`,
	} {
		if key(t, one, cache.Scope{}) != key(t, same, cache.Scope{}) {
			t.Errorf("another question: %s", same)
		}
	}
	seen := map[string]string{}
	for _, other := range []string{
		one, strings.Replace(one, "a ", "a  ", 1), strings.Replace(one, "1}", "2}", 1), strings.Replace(one, `"temperature"`, `"top_p"`, 1),
		`{"model":"m","stream":true,"messages":[{"role":"user","content":"a \"b\" \\"}],"temperature":1}`,
		`{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"a \"b\" \\"}],"temperature":1}`,
		`{"a":1,"b":2}`, `{"a\u0000b":2}`, `{"a":[1,2]}`, `{"a":12}`, `{"ab":1}`, `{"a":"b"}`, `{"a":"b "}`, `{}`,
	} {
		k := key(t, other, cache.Scope{})
		if was, there := seen[k]; there || len(k) != 64 {
			t.Errorf("%s is the same question as %s", other, was)
		}
		seen[k] = other
	}
	scopes := map[string]bool{}
	for _, s := range []cache.Scope{{}, {Door: "a"}, {Group: "a"}, {Owner: "a"}, {More: []string{"a"}}, {More: []string{"", "a"}}, {Door: "a", Group: "b"}, {Door: "ab"}} {
		scopes[key(t, one, s)] = true
		scopes[cache.KeyOf(&s, "x", "y")] = true
	}
	if len(scopes) != 16 {
		t.Errorf("%d keys of 8 scopes", len(scopes))
	}
}

func TestWhatIsReadOfAQuestion(t *testing.T) {
	setting := func(name string) bool { return name == "api_key" }
	for _, tt := range []struct {
		body, alone string
		messages    int
		want        llm.Call
	}{
		{`{"model":"m","stream":true,"user":"u","tags":["a"],"metadata":{"tags":["b"],"x":1},"messages":[{},{"a":[{}]}]}`, "", 2, llm.Call{Model: "named", Stream: true, User: "u", Tags: []string{"a", "b"}}},
		{`{"model":"m","metadata":{"user_id":"u"},"input":["a",{},"b"]}`, "", 1, llm.Call{Model: "named", User: "u"}},
		{`{"model":"m","metadata":7,"input":"a","tags":7}`, "", 0, llm.Call{Model: "named"}},
		{`{"api_key":"k"}`, "credentials", 0, llm.Call{Model: "named"}},
		{`{"api_key":""}`, "", 0, llm.Call{Model: "named"}},
		{`{"extra_body":{"api_key":"k"}}`, "credentials", 0, llm.Call{Model: "named"}},
		{`{"previous_response_id":"r"}`, "previous_response_id", 0, llm.Call{Model: "named"}},
		{`{"prompt":{"id":"p"}}`, "prompt", 0, llm.Call{Model: "named"}},
		{`{"prompt":"p","background":false,"conversation":null}`, "", 0, llm.Call{Model: "named"}},
		{`{"background":true}`, "background", 0, llm.Call{Model: "named"}},
		{`{"tools":[{"type":"mcp","server_url":"x"}]}`, "tools", 0, llm.Call{Model: "named"}},
		{`{"tools":[{"type":"function","name":"mcp"}]}`, "tools", 0, llm.Call{Model: "named"}},
		{`{"tools":[{"type":"function","name":"f"}]}`, "", 0, llm.Call{Model: "named"}},
	} {
		q, ok := cache.Read([]byte(tt.body), setting)
		if !ok {
			t.Errorf("%s is not read", tt.body)
			continue
		}
		if diff := cmp.Diff(tt.want, q.Call("named")); diff != "" || q.Alone != tt.alone || q.Messages != tt.messages {
			t.Errorf("%s: alone %q, %d messages, %s", tt.body, q.Alone, q.Messages, diff)
		}
	}
	for _, body := range []string{``, `7`, `[]`, `{`, `{"a"}`, `{"a":tru}`, `{"a":1}x`, `{"a":1,}`, `{,}`, `{"a":}`, `{"a":1 2}`, `{"a:1}`, `{"a":"b}`, `{"a":[1}`, `{"model":7}`, `{"user":[]}`, `{"extra_body":7}`} {
		if _, ok := cache.Read([]byte(body), setting); ok {
			t.Errorf("%q is read", body)
		}
	}
}

func TestABodyWithoutWhatIsForTheCache(t *testing.T) {
	for body, want := range map[string]string{
		`{"a": 1 ,"cache":{"ttl":1},"caching":true,"b":[ ]}`: `{"a":1,"b":[ ]}`,
		`{"a": 1}`:        `{"a": 1}`,
		`{"cache": null}`: `{}`,
	} {
		q, ok := cache.Read([]byte(body), nil)
		if got := string(q.Without([]byte(body))); !ok || got != want {
			t.Errorf("%s: %s", body, got)
		}
	}
	q, _ := cache.Read([]byte(`{"caching":false,"store":false}`), nil)
	if !q.Off || q.Stored {
		t.Errorf("%+v", q)
	}
}

func TestControls(t *testing.T) {
	c, err := cache.ReadControls("cache", jsonx.Raw(`{"ttl":1.5,"s-maxage":"60","no-cache":true,"no-store":false,"use-cache":true,"namespace":"n","no-store":null}`))
	if err == nil {
		t.Error("a control that is given twice is read")
	}
	c, err = cache.ReadControls("cache", jsonx.Raw(`{"ttl":1.5,"s-maxage":"60","no-cache":true,"no-store":false,"use-cache":true,"namespace":"n"}`))
	if err != nil || c.TTL != llm.Some(1500*time.Millisecond) || c.MaxAge != llm.Some(time.Minute) || !c.NoCache || c.NoStore || !c.Use || c.Namespace != "n" {
		t.Errorf("%+v %v", c, err)
	}
	for _, empty := range []string{"", "null", "{}", `{"ttl":null}`} {
		if c, err := cache.ReadControls("cache", jsonx.Raw(empty)); err != nil || c != (cache.Controls{}) {
			t.Errorf("%s: %+v %v", empty, c, err)
		}
	}
	for value, says := range map[string]string{
		`[]`: "cache must be an object", `{"ttl":1e99}`: "cache.ttl must be a number", `{"ttl":"NaN"}`: "cache.ttl must be a number", `{"ttl":[]}`: "cache.ttl must be a number",
		`{"no-store":1}`: "cache.no-store must be true or false", `{"namespace":"../a"}`: "cache.namespace must be a text", `{"namespace":7}`: "cache.namespace must be a text",
		`{"namespace":"` + strings.Repeat("n", 129) + `"}`: "cache.namespace must be a text", `{"x":1}`: "cache.x is not known",
	} {
		if _, err := cache.ReadControls("cache", jsonx.Raw(value)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", value, err)
		}
	}
	if err := c.Within(nil); err != nil {
		t.Error(err)
	}
	if err := c.Within([]string{"ttl", "s-maxage", "no-cache", "use-cache", "namespace"}); err != nil {
		t.Error(err)
	}
	if err := c.Within([]string{"ttl"}); err == nil || llm.AsError(err).Param != "cache.s-maxage" {
		t.Errorf("got %v", err)
	}
	key := cache.Controls{TTL: llm.Some(time.Hour), MaxAge: llm.Some(time.Second), NoStore: true, Namespace: "key"}
	if got := c.Under(&key); got.TTL != key.TTL || got.MaxAge != key.MaxAge || !got.NoStore || !got.NoCache || got.Namespace != "key" {
		t.Errorf("%+v", got)
	}
	if got := c.Under(nil); got != c {
		t.Errorf("%+v", got)
	}
}

func TestTheHeaderCacheControl(t *testing.T) {
	for header, want := range map[string]cache.Controls{
		"": {}, "no-cache": {}, "No-Store": {NoStore: true}, "max-age=0, s-maxage=60": {MaxAge: llm.Some(time.Minute)}, `s-maxage="5"`: {MaxAge: llm.Some(5 * time.Second)}, "s-maxage=-1": {}, "s-maxage=x": {},
	} {
		var c cache.Controls
		if c.Header(header); c != want {
			t.Errorf("%s: %+v", header, c)
		}
	}
	c := cache.Controls{MaxAge: llm.Some(time.Hour)}
	if c.Header("s-maxage=1"); c.MaxAge.Value != time.Hour {
		t.Error("the header precedes the body")
	}
}
