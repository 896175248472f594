package app_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"outcrop/app"
	"outcrop/config"
	"outcrop/provider/all"
)

// maker is a fake of OpenAI's API whose answers have a number each.
type maker struct {
	*httptest.Server
	calls atomic.Int64
	asked atomic.Pointer[string] // the last body
}

func newMaker(t *testing.T) *maker {
	m := &maker{}
	m.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `{"object":"list","data":[]}`)
			return
		}
		n, text := m.calls.Add(1), string(body)
		m.asked.Store(&text)
		switch {
		case strings.Contains(text, "fails"):
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"error":{"message":"no","type":"invalid_request_error"}}`)
		case strings.Contains(text, "unsafe"):
			_, _ = fmt.Fprintf(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"content_filter"}],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`)
		case r.URL.Path == "/v1/embeddings":
			var asked struct {
				Input []string `json:"input"`
			}
			_ = json.Unmarshal(body, &asked)
			var data []string
			for i, s := range asked.Input {
				data = append(data, fmt.Sprintf(`{"object":"embedding","index":%d,"embedding":[%d,0.5]}`, i, len(s)))
			}
			_, _ = fmt.Fprintf(w, `{"object":"list","data":[%s],"usage":{"prompt_tokens":%d,"total_tokens":%[2]d}}`, strings.Join(data, ","), 10*len(data))
		case r.URL.Path == "/v1/rerank":
			_, _ = io.WriteString(w, `{"model":"jina","usage":{"total_tokens":15},"results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.2}]}`)
		case strings.Contains(text, `"stream":true`):
			w.Header().Set("Content-Type", "text/event-stream")
			for _, piece := range []string{fmt.Sprintf(`{"index":0,"delta":{"role":"assistant","content":"answer %d"},"finish_reason":null}],"usage":null}`, n), `{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}`, `],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`} {
				_, _ = io.WriteString(w, chunkHead+piece+"\n\n")
			}
			if !strings.Contains(text, "breaks off") {
				_, _ = io.WriteString(w, "data: [DONE]\n\n")
				return
			}
			panic(http.ErrAbortHandler)
		default:
			_, _ = fmt.Fprintf(w, `{"id":"chatcmpl-9","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"answer %d"},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`, n)
		}
	}))
	t.Cleanup(m.Close)
	return m
}

// caching starts a gateway of two models that answers from a cache.
func caching(t *testing.T, m *maker, more string) *app.App {
	t.Helper()
	a, _ := cachingWith(t, m, more, func(string) (string, bool) { return "", false })
	return a
}

func cachingWith(t *testing.T, m *maker, more string, environ func(string) (string, bool)) (*app.App, *config.Config) {
	t.Helper()
	model := `{model: openai/gpt-5, api_base: "` + m.URL + `/v1", api_key: sk-test}
    model_info: {input_cost_per_token: 0.001, output_cost_per_token: 0.002}`
	cfg, problems := config.Load(config.Source{
		Name: "config.yaml", LookupEnv: environ, Providers: all.Providers(),
		Data: []byte(strings.ReplaceAll(`
model_list:
  - model_name: gpt
    litellm_params: MODEL
  - model_name: other
    litellm_params: MODEL
  - model_name: plain
    litellm_params: {model: deepseek/deepseek-chat, api_base: "`+m.URL+`/v1", api_key: sk-test}
  - model_name: judge
    litellm_params: {model: jina_ai/jina-reranker, api_base: "`+m.URL+`/v1/rerank", api_key: sk-test}
`+more, "MODEL", model)),
	})
	if cfg == nil {
		t.Fatal(problems)
	}
	return start(t, app.Options{Config: cfg, DataDir: t.TempDir()}), cfg
}

const cacheOn = `
litellm_settings: {cache: true, cache_params: {type: local}}
`

// A call is answered again without a provider, as it was answered: whole and as a stream, in every dialect. The answer says so,
// and costs nothing.
func TestACallIsAnsweredAgainWithoutAProvider(t *testing.T) {
	m := newMaker(t)
	a := caching(t, m, cacheOn)
	chat := `{"model":"gpt","messages":[{"role":"user","content":"hi"}]`
	for _, tt := range []struct{ path, body, again string }{
		{"/v1/chat/completions", chat + `}`, `{"messages": [ {"role":"user", "content":"hi"}], "model":"gpt","user":"somebody","metadata":{"a":"b"}, "stream":false}`},
		{"/v1/chat/completions", chat + `,"stream":true}`, `{"stream":true,"user":"x",` + chat[1:] + `}`},
		{"/v1/completions", `{"model":"gpt","prompt":"hi"}`, ``},
		{"/v1/completions", `{"model":"gpt","prompt":"hi","stream":true}`, ``},
		{"/v1/messages", `{"model":"gpt","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`, `{"model":"gpt","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"metadata":{"user_id":"u"}}`},
		{"/v1/messages", `{"model":"gpt","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]}`, ``},
		{"/v1/responses", `{"model":"plain","input":"hi","store":false}`, ``},
		{"/v1/responses", `{"model":"plain","input":"hi","stream":true}`, ``},
		{"/v1/embeddings", `{"model":"gpt","input":"hi"}`, `{"input":["hi"],"model":"gpt"}`},
		{"/v1/rerank", `{"model":"judge","query":"q","documents":["a","b"]}`, ``},
		{"/v2/rerank", `{"model":"judge","query":"q","documents":["a","b"]}`, ``},
	} {
		before := m.calls.Load()
		status, header, first := send(t, a, tt.path, tt.body)
		if status != 200 || header.Get("X-Litellm-Cache-Key") != "" || header.Get("X-Outcrop-Cache") != "" || m.calls.Load() != before+1 {
			t.Errorf("%s %s: %d %v %s; %d calls", tt.path, tt.body, status, header, first, m.calls.Load()-before)
		}
		if tt.again == "" {
			tt.again = tt.body
		}
		status, hit, second := send(t, a, tt.path, tt.again)
		first = strings.ReplaceAll(first, `"cost":0.014`, `"cost":0`)
		if status != 200 || second != first || strings.Contains(second, `"cost":0.`) || m.calls.Load() != before+1 {
			t.Errorf("%s %s: %d after %d calls\n%s\ninstead of\n%s", tt.path, tt.again, status, m.calls.Load()-before, second, first)
		}
		if len(hit.Get("X-Litellm-Cache-Key")) != 64 || !strings.HasPrefix(hit.Get("X-Outcrop-Cache"), "hit; ") || hit.Get("X-Litellm-Response-Cost") != "0" || hit.Get("Content-Type") != header.Get("Content-Type") {
			t.Errorf("%s %s: the headers of the hit are %v", tt.path, tt.again, hit)
		}
		if hit.Get("X-Request-Id") == header.Get("X-Request-Id") {
			t.Errorf("%s: both answers have the id of one request", tt.path)
		}
	}
}

// Requests that differ in anything that changes answers are different questions.
func TestOtherQuestionsGetOtherAnswers(t *testing.T) {
	m := newMaker(t)
	a := caching(t, m, cacheOn+`router_settings: {caching_groups: [[other, nobody]]}
`)
	const message = `"messages":[{"role":"user","content":"hi"}]`
	answers := map[string]string{}
	for _, body := range []string{
		`{"model":"gpt",` + message + `}`, `{"model":"other",` + message + `}`, `{"model":"gpt","temperature":0,` + message + `}`, `{"model":"gpt","temperature":1,` + message + `}`,
		`{"model":"gpt","messages":[{"role":"user","content":"h i"}]}`, `{"model":"gpt","seed":1,` + message + `}`, `{"model":"gpt","x\u0000":1,"drop_params":true,` + message + `}`,
		`{"model":"gpt","stream":true,` + message + `}`, `{"model":"gpt","stream":true,"stream_options":{"include_usage":true},` + message + `}`,
		`{"model":"gpt","cache":{"namespace":"mine"},` + message + `}`, `{"model":"gpt","tools":[{"type":"function","function":{"name":"f"}}],` + message + `}`,
	} {
		status, header, answer := send(t, a, "/v1/chat/completions", body)
		if was, there := answers[answer]; status != 200 || header.Get("X-Outcrop-Cache") != "" || there {
			t.Errorf("%s: %d %s, as %s", body, status, answer, was)
		}
		answers[answer] = body
	}
}

// What must not be given to others, or may be different the next time, is not kept.
func TestWhatIsNeverKept(t *testing.T) {
	m := newMaker(t)
	a := caching(t, m, cacheOn)
	long := `{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"},{"role":"assistant","content":"d"},{"role":"user","content":"e"}`
	for _, tt := range []struct{ path, body string }{
		{"/v1/chat/completions", `{"model":"gpt","messages":[{"role":"user","content":"fails"}]}`},
		{"/v1/chat/completions", `{"model":"gpt","messages":[{"role":"user","content":"unsafe"}]}`},
		{"/v1/chat/completions", `{"model":"gpt","stream":true,"messages":[{"role":"user","content":"breaks off"}]}`},
		{"/v1/chat/completions", `{"model":"gpt","messages":[` + long + `]}`},
		{"/v1/chat/completions", `{"model":"gpt","caching":false,"messages":[{"role":"user","content":"hi"}]}`},
		{"/v1/chat/completions", `{"model":"gpt","cache":{"no-store":true},"messages":[{"role":"user","content":"hi"}]}`},
		{"/v1/chat/completions", `{"model":"gpt","cache":{"no-cache":true},"messages":[{"role":"user","content":"hi"}]}`},
		{"/v1/chat/completions", `{"model":"gpt","cache":{"ttl":0,"namespace":"other"},"messages":[{"role":"user","content":"hi"}]}`},
		{"/v1/messages", `{"model":"gpt","max_tokens":9,"tools":[{"type":"code_execution_20250522","name":"code_execution"}],"messages":[{"role":"user","content":"hi"}]}`},
	} {
		for range 2 {
			before := m.calls.Load()
			_, header, body := send(t, a, tt.path, tt.body)
			if header.Get("X-Outcrop-Cache") != "" || m.calls.Load() == before && !strings.Contains(body, `"error"`) {
				t.Errorf("%s: %v %s", tt.body, header, body)
			}
			if strings.Contains(body, `cache`) {
				t.Errorf("%s: the cache's settings are told of: %s", tt.body, body)
			}
		}
	}
}

// A request says how old the answer may be that it gets, and whether it wants one.
func TestControlsOfARequest(t *testing.T) {
	m := newMaker(t)
	a := caching(t, m, `
litellm_settings: {cache: true, cache_params: {type: local, mode: default_off, namespace: ours, supported_call_types: [acompletion]}}
`)
	ask := func(controls string, hit bool) {
		t.Helper()
		_, header, body := send(t, a, "/v1/chat/completions", `{"model":"gpt","messages":[{"role":"user","content":"hi"}]`+controls+`}`)
		if key := header.Get("X-Litellm-Cache-Key"); (key != "") != hit || hit && !strings.HasPrefix(key, "ours:") {
			t.Errorf("%s: %v %s", controls, header, body)
		}
	}
	ask("", false)
	ask("", false) // by default it is off
	ask(`,"cache":{"use-cache":true}`, false)
	ask(`,"cache":{"use-cache":true}`, true)
	ask(`,"cache":{"use-cache":true,"s-maxage":0}`, false)
	ask(`,"cache":{"use-cache":true,"s-maxage":600}`, true)
	ask(`,"cache":{"use-cache":true,"no-cache":true}`, false)
	ask(`,"cache":null`, false)
	if _, header, _ := send(t, a, "/v1/completions", `{"model":"gpt","prompt":"hi","cache":{"use-cache":true}}`); header.Get("X-Litellm-Cache-Key") != "" {
		t.Error("a call of another type is cached")
	}
	for _, tt := range []struct{ controls, says string }{
		{`{"ttl":"soon"}`, `cache.ttl must be a number of seconds from 0 to 3153600000, not \"soon\"`},
		{`{"s-maxage":-1}`, "cache.s-maxage must be a number of seconds"},
		{`{"no-cache":"yes"}`, "cache.no-cache must be true or false"},
		{`{"no_cache":true}`, "cache.no_cache is not known; the cache has ttl, s-maxage, no-cache, no-store, use-cache and namespace"},
		{`{"namespace":"a b"}`, "cache.namespace must be a text"},
		{`7`, "cache must be an object"},
	} {
		status, _, body := send(t, a, "/v1/chat/completions", `{"model":"gpt","messages":[{"role":"user","content":"hi"}],"cache":`+tt.controls+`}`)
		if status != 400 || !strings.Contains(body, tt.says) {
			t.Errorf("%s: %d %s", tt.controls, status, body)
		}
	}
}

// Names of one group share answers, each under its own name.
func TestNamesOfAGroupShareAnswers(t *testing.T) {
	m := newMaker(t)
	a := caching(t, m, cacheOn+`router_settings: {caching_groups: [[gpt, other]]}
`)
	for _, stream := range []string{"", `,"stream":true`} {
		body := `{"model":"%s","messages":[{"role":"user","content":"the \"model\":\"gpt\""}]` + stream + `}`
		_, _, first := send(t, a, "/v1/chat/completions", fmt.Sprintf(body, "gpt"))
		_, header, second := send(t, a, "/v1/chat/completions", fmt.Sprintf(body, "other"))
		if header.Get("X-Outcrop-Cache") == "" || second != strings.ReplaceAll(strings.ReplaceAll(first, `"cost":0.014`, `"cost":0`), `"model":"gpt"`, `"model":"other"`) || second == first {
			t.Errorf("%v\n%s\nafter\n%s", header, second, first)
		}
	}
}

// Of several inputs, the provider gets those that the cache does not have.
func TestEmbeddingsAreKeptOneByOne(t *testing.T) {
	m := newMaker(t)
	a := caching(t, m, cacheOn)
	_, _, _ = send(t, a, "/v1/embeddings", `{"model":"gpt","input":["a","bb"]}`)
	status, header, body := send(t, a, "/v1/embeddings", `{"model":"gpt","input":["ccc","bb","dddd","a"]}`)
	var got struct {
		Data []struct {
			Index     int       `json:"index"`
			Embedding []float64 `json:"embedding"`
		} `json:"data"`
		Usage struct {
			Prompt int `json:"prompt_tokens"`
		} `json:"usage"`
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 || len(got.Data) != 4 {
		t.Fatalf("%d %v %s", status, err, body)
	}
	for i, want := range []float64{3, 2, 4, 1} {
		if got.Data[i].Index != i || got.Data[i].Embedding[0] != want {
			t.Errorf("%d: %v", i, got.Data[i])
		}
	}
	if asked := *m.asked.Load(); !strings.Contains(asked, `"input":["ccc","dddd"]`) {
		t.Errorf("the provider was asked %s", asked)
	}
	if got.Usage.Prompt != 40 || header.Get("X-Litellm-Response-Cost") != "0.02" || header.Get("X-Outcrop-Cache") != "hit; inputs=2/4; age=0" || header.Get("X-Litellm-Cache-Key") != "" {
		t.Errorf("usage %v, %v", got.Usage, header)
	}
	before := m.calls.Load()
	_, header, body = send(t, a, "/v1/embeddings", `{"model":"gpt","input":["dddd","ccc"]}`)
	if m.calls.Load() != before || header.Get("X-Litellm-Response-Cost") != "0" || !strings.Contains(body, `"prompt_tokens":20`) {
		t.Errorf("%v %s", header, body)
	}
	if _, header, _ = send(t, a, "/v1/embeddings", `{"model":"gpt","input":["dddd"],"dimensions":2}`); header.Get("X-Outcrop-Cache") != "" {
		t.Error("vectors of another length are from the cache")
	}
}
