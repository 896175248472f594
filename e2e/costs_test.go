package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// costCase is a call, and what the vendor counts for it, in its own form.
type costCase struct {
	Kind  string `json:"kind"` // chat, anthropic, gemini, embedding or rerank: the vendor's API
	Model string `json:"model"`
	// Path is what LiteLLM wants behind the vendor's address in api_base.
	Path string `json:"path,omitempty"`
	Tier string `json:"tier,omitempty"`
	Base string `json:"base_model,omitempty"`

	usage string
	// answer is the service tier that the vendor says it served.
	answer string
	// differs says why the costs are not the same; want is then Outcrop's.
	differs, want string
}

func costCases() []costCase {
	const plain = `{"prompt_tokens":1200,"completion_tokens":345,"total_tokens":1545}`
	const cached = `{"prompt_tokens":5000,"completion_tokens":345,"total_tokens":5345,"prompt_tokens_details":{"cached_tokens":4096}}`
	const reasoned = `{"prompt_tokens":1200,"completion_tokens":900,"total_tokens":2100,"completion_tokens_details":{"reasoning_tokens":600}}`
	const long = `{"prompt_tokens":300000,"completion_tokens":1000,"total_tokens":301000,"prompt_tokens_details":{"cached_tokens":250000}}`
	return []costCase{
		{Kind: "chat", Model: "openai/gpt-5", usage: cached},
		{Kind: "chat", Model: "openai/gpt-5", usage: reasoned},
		{Kind: "chat", Model: "openai/gpt-5", Tier: "flex", answer: "flex", usage: cached},
		{Kind: "chat", Model: "openai/gpt-5", Tier: "priority", answer: "priority", usage: cached},
		{Kind: "chat", Model: "openai/gpt-5", Tier: "priority", answer: "default", usage: cached},
		{Kind: "chat", Model: "openai/gpt-5-2025-08-07", usage: plain},
		{Kind: "chat", Model: "openai/gpt-6-sol", usage: long},
		{Kind: "chat", Model: "openai/gpt-6-sol", Tier: "priority", answer: "priority", usage: long},
		{Kind: "chat", Model: "openai/gpt-audio", usage: `{"prompt_tokens":1200,"completion_tokens":345,"total_tokens":1545,"prompt_tokens_details":{"audio_tokens":1000,"cached_tokens":0},"completion_tokens_details":{"audio_tokens":300}}`},
		{Kind: "chat", Model: "azure/gpt-5", usage: cached},
		{Kind: "chat", Model: "azure/eu/gpt-5.1", usage: plain},
		{Kind: "chat", Model: "azure/my-deployment", Base: "azure/gpt-5", usage: cached},
		{Kind: "anthropic", Model: "anthropic/claude-sonnet-4-5", usage: `{"input_tokens":100,"output_tokens":345}`},
		{Kind: "anthropic", Model: "anthropic/claude-sonnet-4-5-20250929", usage: `{"input_tokens":100,"output_tokens":345,"cache_read_input_tokens":8000,"cache_creation_input_tokens":3000,"cache_creation":{"ephemeral_5m_input_tokens":1000,"ephemeral_1h_input_tokens":2000}}`},
		{Kind: "anthropic", Model: "anthropic/claude-haiku-5-5", usage: `{"input_tokens":120000,"output_tokens":345,"cache_read_input_tokens":8000,"cache_creation_input_tokens":0}`},
		{Kind: "gemini", Model: "gemini/gemini-2.5-pro", usage: `{"promptTokenCount":250000,"cachedContentTokenCount":100000,"candidatesTokenCount":300,"thoughtsTokenCount":700,"totalTokenCount":251000}`},
		{Kind: "gemini", Model: "gemini/gemini-2.5-flash", usage: `{"promptTokenCount":2000,"candidatesTokenCount":300,"totalTokenCount":2300,"promptTokensDetails":[{"modality":"TEXT","tokenCount":500},{"modality":"AUDIO","tokenCount":1500}]}`},
		{Kind: "chat", Model: "groq/openai/gpt-oss-120b", answer: "on_demand", usage: cached},
		{Kind: "chat", Model: "mistral/mistral-large-latest", usage: plain},
		{Kind: "chat", Model: "xai/grok-4.3", usage: `{"prompt_tokens":1200,"completion_tokens":300,"total_tokens":2100,"completion_tokens_details":{"reasoning_tokens":600}}`},
		{Kind: "chat", Model: "xai/grok-4.3", usage: `{"prompt_tokens":200000,"completion_tokens":300,"total_tokens":200300}`},
		{Kind: "chat", Model: "deepseek/deepseek-chat", usage: `{"prompt_tokens":1200,"completion_tokens":345,"total_tokens":1545,"prompt_cache_hit_tokens":1000,"prompt_cache_miss_tokens":200}`},
		{Kind: "chat", Model: "together_ai/meta-llama/Llama-3.3-70B-Instruct-Turbo", usage: plain},
		{Kind: "chat", Model: "fireworks_ai/accounts/fireworks/models/deepseek-v3p1", usage: cached},
		{Kind: "chat", Model: "dashscope/qwen3-max", usage: `{"prompt_tokens":40000,"completion_tokens":345,"total_tokens":40345}`},
		{Kind: "chat", Model: "perplexity/sonar-deep-research", usage: reasoned},
		{Kind: "chat", Model: "cerebras/gpt-oss-120b", usage: plain},
		{Kind: "chat", Model: "moonshot/kimi-k2.5", usage: cached},
		{Kind: "chat", Model: "databricks/databricks-claude-sonnet-4", usage: plain},
		{Kind: "embedding", Model: "openai/text-embedding-3-large", usage: `{"prompt_tokens":1200,"total_tokens":1200}`},
		{Kind: "embedding", Model: "voyage/voyage-3", usage: `{"prompt_tokens":1200,"total_tokens":1200}`},
		{Kind: "chat", Model: "openrouter/openai/gpt-5", usage: cached, differs: "LiteLLM's price map has no models of OpenRouter", want: "0.005092"},
		{Kind: "rerank", Model: "cohere/rerank-v3.5", usage: `{"search_units":3}`},
	}
}

// caseNumber finds the number of a case in a request.
var caseNumber = regexp.MustCompile(`case (\d+)\.`)

// costVendor answers each call with the usage of its case.
func costVendor(cases []costCase) func(w http.ResponseWriter, c vendorCall) {
	return func(w http.ResponseWriter, c vendorCall) {
		w.Header().Set("Content-Type", "application/json")
		m := caseNumber.FindSubmatch(c.Body)
		if m == nil {
			http.Error(w, `{"error":{"message":"no case"}}`, http.StatusBadRequest)
			return
		}
		n, _ := strconv.Atoi(string(m[1]))
		tt := cases[n]
		switch tt.Kind {
		case "anthropic":
			_, _ = fmt.Fprintf(w, `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"granite"}],"stop_reason":"end_turn","stop_sequence":null,"usage":%s}`, tt.usage)
		case "gemini":
			_, _ = fmt.Fprintf(w, `{"candidates":[{"content":{"role":"model","parts":[{"text":"granite"}]},"finishReason":"STOP","index":0}],"usageMetadata":%s,"modelVersion":"m"}`, tt.usage)
		case "rerank":
			_, _ = fmt.Fprintf(w, `{"id":"1","results":[{"index":0,"relevance_score":0.9}],"meta":{"api_version":{"version":"2"},"billed_units":%s}}`, tt.usage)
		case "embedding":
			_, _ = fmt.Fprintf(w, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1,0.2]}],"model":"m","usage":%s}`, tt.usage)
		default:
			tier := ""
			if tt.answer != "" {
				tier = `"service_tier":"` + tt.answer + `",`
			}
			_, id, _ := strings.Cut(tt.Model, "/")
			_, _ = fmt.Fprintf(w, `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":%q,%s"choices":[{"index":0,"message":{"role":"assistant","content":"granite"},"finish_reason":"stop"}],"usage":%s}`, id, tier, tt.usage)
		}
	}
}

// TestCostsAreThoseOfLiteLLM compares the cost of calls to many providers with what LiteLLM's SDK says for
// the same responses.
func TestCostsAreThoseOfLiteLLM(t *testing.T) {
	t.Parallel()
	interpreter := venv(t, "litellm", "litellm").interpreter
	cases := costCases()
	v := startVendor(t, costVendor(cases))
	list := "general_settings: {master_key: " + masterKey + "}\nmodel_list:\n"
	for i, tt := range cases {
		info := ""
		if tt.Base != "" {
			info = ", model_info: {base_model: " + tt.Base + "}"
		}
		list += fmt.Sprintf("  - {model_name: case-%d, litellm_params: {model: %q, api_base: %q, api_key: sk-e2e}%s}\n", i, tt.Model, v.URL+tt.Path, info)
	}
	g := startApp(t, list, "", nil)

	given, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), interpreter, "costs.py", v.URL)
	cmd.Dir = "sdks/python"
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "NO_PROXY=*", "PYTHONDONTWRITEBYTECODE=1", "LITELLM_LOCAL_MODEL_COST_MAP=True"}
	cmd.Stdin = bytes.NewReader(given)
	cmd.Stderr = t.Output()
	printed, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var theirs []*string
	if err := json.Unmarshal(printed[bytes.LastIndexByte(printed, '['):], &theirs); err != nil || len(theirs) != len(cases) {
		t.Fatalf("%v: %s", err, printed)
	}

	for i, tt := range cases {
		path, body := "/v1/chat/completions", fmt.Sprintf(`{"model":"case-%d","max_tokens":9,"messages":[{"role":"user","content":"case %d."}]`, i, i)
		if tt.Kind == "embedding" {
			path, body = "/v1/embeddings", fmt.Sprintf(`{"model":"case-%d","input":["case %d."]`, i, i)
		}
		if tt.Kind == "rerank" {
			path, body = "/v1/rerank", fmt.Sprintf(`{"model":"case-%d","query":"case %d.","documents":["granite","basalt"]`, i, i)
		}
		if tt.Tier != "" {
			body += `,"service_tier":"` + tt.Tier + `"`
		}
		r := g.do(t, http.MethodPost, path, body+"}")
		ours := r.header.Get("X-Outcrop-Cost")
		their := "none"
		if theirs[i] != nil {
			their = *theirs[i]
		}
		name := tt.Model + " " + tt.Tier + tt.usage
		if r.status != http.StatusOK {
			t.Errorf("%s: %d %s", name, r.status, r.body)
			continue
		}
		a, errOurs := strconv.ParseFloat(ours, 64)
		b, errTheirs := strconv.ParseFloat(their, 64)
		same := errOurs == nil && errTheirs == nil && max(a-b, b-a) < 1e-11
		switch {
		case tt.differs != "" && (same || ours != tt.want):
			t.Errorf("%s: Outcrop's cost is %s, LiteLLM's %s; wanted %s, because %s", name, ours, their, tt.want, tt.differs)
		case tt.differs == "" && !same:
			t.Errorf("%s: Outcrop's cost is %s, LiteLLM's %s", name, ours, their)
		}
	}
	g.stop(t)
}

// TestModelsHaveTheCataloguesLimits calls Claude without a limit of tokens, has a prompt refused as too
// long, and reads the list of models.
func TestModelsHaveTheCataloguesLimits(t *testing.T) {
	t.Parallel()
	v := startVendor(t, func(w http.ResponseWriter, c vendorCall) {
		w.Header().Set("Content-Type", "application/json")
		if strings.HasSuffix(c.Path, "/input_tokens") { // not every server of this API counts
			w.WriteHeader(http.StatusNotFound)
			return
		}
		if strings.Contains(string(c.Body), "too long") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":{"message":"The request was not accepted.","type":"invalid_request_error","code":"context_length_exceeded"}}`))
			return
		}
		anthropicAPI(w, c)
	})
	g := startApp(t, `
general_settings: {master_key: `+masterKey+`}
model_list:
  - {model_name: claude, litellm_params: {model: anthropic/claude-sonnet-5, api_key: `+vendorSecret+`, api_base: "`+v.URL+`"}}
  - {model_name: "all/*", litellm_params: {model: "anthropic/*", api_key: `+vendorSecret+`, api_base: "`+v.URL+`"}}
  - {model_name: gpt, litellm_params: {model: openai/gpt-5, api_key: `+vendorSecret+`, api_base: "`+v.URL+`"}, model_info: {base: mine}}
  - {model_name: mine, litellm_params: {model: anthropic/mine, api_key: `+vendorSecret+`, api_base: "`+v.URL+`"}}
`, "", nil)
	for name, want := range map[string]int64{"claude": 128_000, "all/claude-sonnet-4-5": 64_000, "all/claude-opus-4-1-20250805": 32_000, "mine": 4096} {
		v.taken()
		r := g.do(t, http.MethodPost, "/v1/chat/completions", `{"model":"`+name+`","messages":[{"role":"user","content":"Hi"}]}`)
		sent := v.taken()
		if r.status != http.StatusOK || len(sent) != 1 {
			t.Errorf("%s: %d %s", name, r.status, r.body)
			continue
		}
		var body struct {
			MaxTokens int64 `json:"max_tokens"`
		}
		if err := json.Unmarshal(sent[0].Body, &body); err != nil || body.MaxTokens != want {
			t.Errorf("%s: max_tokens is %d, want %d", name, body.MaxTokens, want)
		}
	}
	r := g.do(t, http.MethodPost, "/v1/chat/completions", `{"model":"gpt","messages":[{"role":"user","content":"too long"}]}`)
	if r.status != http.StatusBadRequest || !strings.Contains(r.body, "With gpt-5 a prompt may have at most 272000 tokens, according to LiteLLM's price map of ") {
		t.Errorf("%d %s", r.status, r.body)
	}
	for path, body := range map[string]string{ // OpenAI's vendors have no API that counts
		"/v1/messages/count_tokens":      `{"model":"gpt","messages":[{"role":"user","content":"What is granite?"}]}`,
		"/v1/responses/input_tokens":     `{"model":"gpt","input":"What is granite?"}`,
		"/v1beta/models/gpt:countTokens": `{"contents":[{"role":"user","parts":[{"text":"What is granite?"}]}]}`,
	} {
		r := g.do(t, http.MethodPost, path, body)
		if r.status != http.StatusOK || !strings.Contains(r.header.Get("X-Outcrop-Warnings"), "an estimate") {
			t.Errorf("%s: %d %s, warnings %q", path, r.status, r.body, r.header.Get("X-Outcrop-Warnings"))
		}
	}
	r = g.do(t, http.MethodGet, "/v1/models", "")
	for _, want := range []string{
		`{"id":"claude","object":"model","created":1677610602,"owned_by":"anthropic","mode":"chat","max_input_tokens":1000000,"max_output_tokens":128000}`,
		`{"id":"gpt","object":"model","created":1677610602,"owned_by":"openai","mode":"chat","max_input_tokens":272000,"max_output_tokens":128000}`,
	} {
		if !strings.Contains(r.body, want) {
			t.Errorf("the list lacks %s: %s", want, r.body)
		}
	}
	var info struct {
		Data []struct {
			Name   string            `json:"model_name"`
			Params map[string]string `json:"litellm_params"`
			Info   map[string]any    `json:"model_info"`
		}
	}
	r = g.do(t, http.MethodGet, "/model/info", "")
	if err := json.Unmarshal([]byte(r.body), &info); err != nil || len(info.Data) != 4 || strings.Contains(r.body, vendorSecret) {
		t.Fatalf("%v: %s", err, r.body)
	}
	gpt := info.Data[2]
	for key, want := range map[string]any{
		"max_input_tokens": 272000.0, "max_output_tokens": 128000.0, "input_cost_per_token": 1.25e-06, "output_cost_per_token_flex": 5e-06, "mode": "chat", "litellm_provider": "openai",
		"key": "gpt-5", "supports_reasoning": true, "supports_vision": true, "base": "mine", "deprecation_date": "2026-12-11",
	} {
		if gpt.Info[key] != want {
			t.Errorf("model_info.%s is %v, want %v", key, gpt.Info[key], want)
		}
	}
	if id, _ := gpt.Info["id"].(string); gpt.Name != "gpt" || gpt.Params["model"] != "openai/gpt-5" || len(id) != 64 {
		t.Errorf("%+v", gpt)
	} else if r := g.do(t, http.MethodGet, "/v1/model/info?litellm_model_id="+id, ""); r.status != http.StatusOK || strings.Count(r.body, "model_name") != 1 {
		t.Errorf("one entry: %d %s", r.status, r.body)
	}
	if r := g.do(t, http.MethodGet, "/model/info?litellm_model_id=none", ""); r.status != http.StatusNotFound {
		t.Errorf("%d %s", r.status, r.body)
	}
	g.stop(t)
}
