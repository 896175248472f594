package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/app"
	"outcrop/config"
	"outcrop/provider/all"
)

// openAI is a fake of OpenAI's API that keeps what it got.
type openAI struct {
	*httptest.Server
	mu  sync.Mutex
	got []string
}

const (
	chunkHead  = `data: {"id":"chatcmpl-9","object":"chat.completion.chunk","created":1,"model":"gpt-5-2026","choices":[`
	completion = `{"id":"chatcmpl-9","object":"chat.completion","created":1,"model":"gpt-5-2026","choices":[{"index":0,"message":{"role":"assistant","content":"granite","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1000,"completion_tokens":10,"total_tokens":1010},"system_fingerprint":"fp"}`
)

func newOpenAI(t *testing.T) *openAI {
	u := &openAI{}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodGet { // the list of models, which the gateway reads in the background
			_, _ = io.WriteString(w, `{"object":"list","data":[]}`)
			return
		}
		u.mu.Lock()
		u.got = append(u.got, r.URL.Path+" "+r.Header.Get("Authorization")+" "+string(body))
		u.mu.Unlock()
		w.Header().Set("X-Request-Id", "req_1")
		switch {
		case strings.Contains(string(body), "fail"):
			w.Header().Set("Retry-After", "60")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"error":{"message":"Rate limit reached for gpt-5 with key sk-test-0123456789","type":"requests","code":"rate_limit_exceeded"}}`)
		case r.URL.Path == "/v1/embeddings":
			_, _ = io.WriteString(w, `{"object":"list","data":[{"object":"embedding","index":1,"embedding":"AACAPwAAAEA="},{"object":"embedding","index":0,"embedding":[3,4]}],"usage":{"prompt_tokens":7,"total_tokens":7}}`)
		case r.URL.Path == "/v1/rerank":
			_, _ = io.WriteString(w, `{"model":"jina","usage":{"total_tokens":15},"results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.2}]}`)
		case strings.Contains(string(body), `"stream":true`):
			w.Header().Set("Content-Type", "text/event-stream")
			for _, piece := range []string{`{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}`, `{"index":0,"delta":{"content":"granite"},"finish_reason":null}],"usage":null}`, `{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}`, `],"usage":{"prompt_tokens":1000,"completion_tokens":10,"total_tokens":1010}}`} {
				_, _ = io.WriteString(w, chunkHead+piece+"\n\n")
			}
			_, _ = io.WriteString(w, "data: [DONE]\n\n")
		default:
			_, _ = io.WriteString(w, completion)
		}
	}))
	t.Cleanup(u.Close)
	return u
}

// taken returns what the fake has got since.
func (u *openAI) taken() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	got := u.got
	u.got = nil
	return got
}

// startBeside starts a gateway of models at a fake OpenAI and at a fake Bedrock.
func startBeside(t *testing.T, u *openAI) *app.App {
	t.Helper()
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) }))
	t.Cleanup(aws.Close)
	bedrock := `{model: bedrock/us.amazon.nova-lite-v1:0, aws_region_name: us-east-1, aws_access_key_id: AKIDEXAMPLE, aws_secret_access_key: secret, aws_bedrock_runtime_endpoint: "` + aws.URL + `"}`
	cfg, problems := config.Load(config.Source{
		Name: "config.yaml", LookupEnv: os.LookupEnv, Providers: all.Providers(),
		Data: []byte(strings.NewReplacer("OPENAI", u.URL, "BEDROCK", bedrock).Replace(`
model_list:
  - model_name: gpt
    litellm_params: {model: openai/gpt-5, api_base: "OPENAI/v1", api_key: sk-test-0123456789}
    model_info: {input_cost_per_token: 0.000001, output_cost_per_token: 1e-05}
  - model_name: defaults
    litellm_params: {model: gpt-5, api_base: "OPENAI/v1", api_key: sk-test-0123456789, temperature: 0.5}
  - model_name: groq/*
    litellm_params: {model: groq/*, api_base: "OPENAI/v1", api_key: sk-test-0123456789, num_retries: 0}
  - model_name: both
    litellm_params: {model: llama-3, custom_llm_provider: groq, api_base: "OPENAI/v1", api_key: sk-test-0123456789}
  - model_name: both
    litellm_params: BEDROCK
  - model_name: jina
    litellm_params: {model: jina_ai/jina-reranker, api_base: "OPENAI/v1", api_key: sk-test-0123456789}
  - model_name: priced
    litellm_params: BEDROCK
    model_info: {input_cost_per_token: 1, output_cost_per_token: 2}
`)),
	})
	if cfg == nil {
		t.Fatal(problems)
	}
	return start(t, app.Options{Config: cfg, Port: 0})
}

func TestBodiesPassThroughToOpenAIWithNamedEditsOnly(t *testing.T) {
	u := newOpenAI(t)
	a := startBeside(t, u)
	const key = " Bearer sk-test-0123456789 "
	for _, tt := range []struct {
		name, body, sent, want string
	}{
		{
			"a member that nobody knows stays", `{ "model" : "gpt", "messages" : [ {"role":"developer","content":"é"} ],"brand_new":{"a": 1} }`,
			`/v1/chat/completions` + key + `{"model":"gpt-5","messages":[ {"role":"developer","content":"é"} ],"brand_new":{"a": 1}}`,
			strings.Replace(completion, "gpt-5-2026", "gpt", 1),
		},
		{
			"the operator's defaults", `{"model":"defaults","messages":[{"role":"user","content":"Hi"}]}`,
			`/v1/chat/completions` + key + `{"model":"gpt-5","messages":[{"role":"user","content":"Hi"}],"temperature":0.5}`,
			strings.Replace(completion, "gpt-5-2026", "defaults", 1),
		},
		{
			"a vendor's quirks behind a wildcard", `{"model":"groq/llama-3","messages":[{"role":"developer","content":"x"}],"max_completion_tokens":5}`,
			`/v1/chat/completions` + key + `{"model":"llama-3","messages":[{"role":"system","content":"x"}],"max_completion_tokens":5}`,
			strings.Replace(completion, "gpt-5-2026", "groq/llama-3", 1),
		},
		{
			"several choices are one call", `{"model":"gpt","n":3,"messages":[{"role":"user","content":"Hi"}]}`,
			`/v1/chat/completions` + key + `{"model":"gpt-5","n":3,"messages":[{"role":"user","content":"Hi"}]}`,
			strings.Replace(completion, "gpt-5-2026", "gpt", 1),
		},
		{
			"a stream without usage", `{"model":"gpt","stream":true,"messages":[{"role":"user","content":"Hi"}]}`,
			`/v1/chat/completions` + key + `{"model":"gpt-5","stream":true,"messages":[{"role":"user","content":"Hi"}],"stream_options":{"include_usage":true}}`,
			strings.ReplaceAll(chunkHead+`{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}`+"\n\n"+chunkHead+`{"index":0,"delta":{"content":"granite"},"finish_reason":null}],"usage":null}`+"\n\n"+chunkHead+`{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}`+"\n\ndata: [DONE]\n\n", "gpt-5-2026", "gpt"),
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			status, got := post(t, a, tt.body)
			if diff := cmp.Diff(tt.want, got); diff != "" || status != 200 {
				t.Errorf("status %d: %s", status, diff)
			}
			if diff := cmp.Diff([]string{tt.sent}, u.taken()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatOnlyTheGatewayUnderstandsGoesTheLongWay(t *testing.T) {
	u := newOpenAI(t)
	a := startBeside(t, u)
	status, got := post(t, a, `{"model":"gpt","messages":[{"role":"user","content":"Hi"}],"extra_body":{"top_k":5},"tags":["x"]}`)
	if sent := u.taken(); status != 200 || len(sent) != 1 || !strings.HasSuffix(sent[0], `"top_k":5}`) || strings.Contains(sent[0], "extra_body") || strings.Contains(sent[0], "tags") {
		t.Errorf("%d %s: sent %s", status, got, sent)
	}
	if !strings.Contains(got, `"model":"gpt"`) || !strings.Contains(got, `"content":"granite"`) {
		t.Errorf("got %s", got)
	}
}

func TestACallFailsOverFromTheLaneToATranslation(t *testing.T) {
	u := newOpenAI(t)
	a := startBeside(t, u)
	tried := 0
	for range 4 {
		for _, stream := range []string{"", `,"stream":true`} {
			status, got := post(t, a, `{"model":"both","messages":[{"role":"user","content":"fail"}]`+stream+`}`)
			if status != 200 && stream == "" || !strings.Contains(got, "granite") && stream == "" {
				t.Errorf("%d %s", status, got)
			}
		}
		tried += len(u.taken())
	}
	if tried == 0 {
		t.Error("the deployment that fails was never tried")
	}
}

func TestRefusalsOfOpenAIAreDiagnosedWithoutTheKey(t *testing.T) {
	u := newOpenAI(t)
	a := startBeside(t, u)
	for _, stream := range []string{"", `,"stream":true`} {
		resp, err := client.Post(a.URL()+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"groq/x","messages":[{"role":"user","content":"fail"}]`+stream+`}`))
		if err != nil {
			t.Fatal(err)
		}
		status, body := read(t, resp)
		if status != 429 || !strings.Contains(body, `"code":"limit.requests"`) || !strings.Contains(body, "Rate limit reached") || strings.Contains(body, "sk-test-0123456789") || resp.Header.Get("Retry-After") != "60" {
			t.Errorf("%d %v %s", status, resp.Header, body)
		}
		if got := resp.Header.Get("X-Outcrop-Upstream-Id"); got != "req_1" || resp.Header.Get("X-Amzn-Requestid") != "" {
			t.Errorf("the header has the id %q", got)
		}
	}
}

func TestOwnPricesWinForEveryProvider(t *testing.T) {
	u := newOpenAI(t)
	a := startBeside(t, u)
	for _, tt := range []struct{ path, body, want string }{
		{"/v1/chat/completions", `{"model":"gpt","messages":[{"role":"user","content":"Hi"}]}`, "0.0011"},
		{"/v1/messages", `{"model":"gpt","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}`, "0.0011"},
		{"/v1/chat/completions", `{"model":"priced","messages":[{"role":"user","content":"Hi"}]}`, "3"},
		{"/v1/chat/completions", `{"model":"defaults","messages":[{"role":"user","content":"Hi"}]}`, "0.00135"}, // the catalogue's, of gpt-5
	} {
		resp, err := client.Post(a.URL()+tt.path, "application/json", strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		if status, body := read(t, resp); status != 200 || resp.Header.Get("X-Outcrop-Cost") != tt.want {
			t.Errorf("%s: %d, cost %q: %s", tt.body, status, resp.Header.Get("X-Outcrop-Cost"), body)
		}
	}
}

func TestOtherFrontendsCallOpenAI(t *testing.T) {
	u := newOpenAI(t)
	a := startBeside(t, u)
	for _, tt := range []struct{ path, body, want, sent string }{
		{"/v1/messages", `{"model":"gpt","max_tokens":9,"system":"Be brief.","messages":[{"role":"user","content":"Hi"}]}`, `"text":"granite"`, `{"role":"system","content":"Be brief."},{"role":"user","content":"Hi"}],"max_completion_tokens":9`},
		{"/v1/messages", `{"model":"gpt","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}`, `event: message_stop`, `"include_usage":true`},
		{"/v1/embeddings", `{"model":"gpt","input":["a",[1,2]],"dimensions":2}`, `{"object":"embedding","index":0,"embedding":[3,4]},{"object":"embedding","index":1,"embedding":[1,2]}`, `"input":["a",[1,2]],"dimensions":2,"encoding_format":"base64"`},
		{"/v1/rerank", `{"model":"jina","query":"q","documents":["a","b"],"top_n":1}`, `"index":1,"relevance_score":0.9`, `"query":"q","documents":["a","b"],"top_n":1`},
	} {
		resp, err := client.Post(a.URL()+tt.path, "application/json", strings.NewReader(tt.body))
		if err != nil {
			t.Fatal(err)
		}
		status, body := read(t, resp)
		if sent := u.taken(); status != 200 || !strings.Contains(body, tt.want) || len(sent) != 1 || !strings.Contains(sent[0], tt.sent) {
			t.Errorf("%s: %d %s, sent %s", tt.path, status, body, sent)
		}
	}
}
