package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"outcrop/app"
	"outcrop/config"
	"outcrop/provider/all"
)

// patients is an upstream with OpenAI's API whose models answer or fail, as they are told, and that remembers what it was asked.
type patients struct {
	mu     sync.Mutex
	ill    map[string]int // statuses
	asked  []string       // models
	bodies []string
	news   chan struct{} // one for each request
}

func (p *patients) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	var call struct{ Model string }
	_ = json.Unmarshal(body, &call)
	p.mu.Lock()
	status := p.ill[call.Model]
	p.asked, p.bodies = append(p.asked, call.Model), append(p.bodies, string(body))
	p.mu.Unlock()
	defer func() { p.news <- struct{}{} }()
	w.Header().Set("Content-Type", "application/json")
	if status != 0 {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, `{"error":{"message":"out of order","type":"server_error"}}`)
		return
	}
	if strings.HasSuffix(r.URL.Path, "/embeddings") {
		_, _ = io.WriteString(w, `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"m","usage":{"prompt_tokens":1,"total_tokens":1}}`)
		return
	}
	_, _ = io.WriteString(w, `{"id":"a","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"`+call.Model+`"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
}

// count is how often a model was asked.
func (p *patients) count(model string) (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.asked {
		if m == model {
			n++
		}
	}
	return n
}

func hospital(t *testing.T, ill map[string]int) (*patients, string) {
	t.Helper()
	p := &patients{ill: ill, news: make(chan struct{}, 1000)}
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return p, server.URL + "/v1"
}

// wards are two deployments of a name, an embedding model, and an image model, which is never called.
func wards(base string) string {
	entry := func(name, model, info string) string {
		return "  - {model_name: " + name + ", litellm_params: {model: openai/" + model + `, api_base: "` + base + `", api_key: k, max_tokens: 4000}, model_info: {` + info + "}}\n"
	}
	return entry("ward", "one", "id: one") + entry("ward", "two", "id: two, health_check_max_tokens: 20, health_check_params: {temperature: 0}") +
		entry("vectors", "three", "id: three, mode: embedding") + entry("idle", "four", "id: four, disable_background_health_check: true")
}

// alone is a configuration of nothing else.
func alone(t *testing.T, text string) *config.Config {
	t.Helper()
	cfg, problems := config.Load(config.Source{Name: "config.yaml", LookupEnv: func(string) (string, bool) { return "", false }, Providers: all.Providers(), Data: []byte("model_list:\n" + text)})
	if cfg == nil {
		t.Fatal(problems)
	}
	return cfg
}

type report struct {
	Healthy []struct {
		ID string `json:"model_id"`
	} `json:"healthy_endpoints"`
	Unhealthy []struct {
		ID     string `json:"model_id"`
		Error  string
		Status int `json:"exception_status"`
	} `json:"unhealthy_endpoints"`
}

func healthOf(t *testing.T, a *app.App, query string) (status int, well, ill string) {
	t.Helper()
	status, body := asks(t, a, "sk-master", "GET", "/health"+query, "")
	var r report
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatalf("%d %s", status, body)
	}
	for _, e := range r.Healthy {
		well += " " + e.ID
	}
	for _, e := range r.Unhealthy {
		ill += " " + e.ID
		if e.Error == "" || e.Status < 500 {
			t.Errorf("%+v", e)
		}
	}
	return status, strings.TrimSpace(well), strings.TrimSpace(ill)
}

func TestHealthCallsEveryModelLikeLiteLLM(t *testing.T) {
	p, base := hospital(t, map[string]int{"one": 500})
	a := start(t, app.Options{DataDir: t.TempDir(), Config: alone(t, wards(base)+"general_settings: {master_key: sk-master}\n")})
	if n := len(p.asked); n != 0 {
		t.Errorf("%d calls at the start", n)
	}
	if status, well, ill := healthOf(t, a, "?model=ward"); status != 200 || well != "two" || ill != "one" || p.count("three") != 0 {
		t.Errorf("one name: %d, well %q, ill %q", status, well, ill)
	}
	if status, well, ill := healthOf(t, a, ""); status != 200 || well != "two three four" || ill != "one" {
		t.Errorf("%d, well %q, ill %q", status, well, ill)
	}
	if status, well, ill := healthOf(t, a, "?model_id=one"); status != 503 || well != "" || ill != "one" {
		t.Errorf("one that is ill: %d, well %q, ill %q", status, well, ill)
	}
	for _, model := range []string{"two", "three", "four"} {
		if n := p.count(model); n != 1 {
			t.Errorf("%s was called %d times", model, n) // a result is told again for a while
		}
	}
	for _, body := range p.bodies {
		var call struct {
			Model       string
			MaxTokens   int `json:"max_completion_tokens"`
			Temperature *float64
			Input       any
		}
		if err := json.Unmarshal([]byte(body), &call); err != nil {
			t.Fatal(err)
		}
		want := map[string]int{"one": 16, "two": 20, "three": 0, "four": 16}[call.Model]
		if call.MaxTokens != want || (call.Temperature != nil) != (call.Model == "two") || (call.Input != nil) != (call.Model == "three") {
			t.Errorf("%s", body)
		}
	}
	if _, body := asks(t, a, "sk-master", "GET", "/health/latest", ""); !strings.Contains(body, `"one":{`) || !strings.Contains(body, `"total_models":4`) {
		t.Errorf("%s", body)
	}
}

func TestModelsAreCheckedInTheBackgroundAndCallsPassByThoseThatFail(t *testing.T) {
	p, base := hospital(t, map[string]int{"one": 500})
	a := start(t, app.Options{DataDir: t.TempDir(), Config: alone(t, wards(base)+`general_settings:
  master_key: sk-master
  background_health_checks: true
  health_check_interval: 3600
  enable_health_check_routing: true
`)})
	if status, well, ill := healthOf(t, a, ""); status != 200 || well != "two three" || ill != "one" { // it waits for the first results
		t.Errorf("%d, well %q, ill %q", status, well, ill)
	}
	healthOf(t, a, "")
	for model, want := range map[string]int{"one": 1, "two": 1, "three": 1, "four": 0} {
		if n := p.count(model); n != want {
			t.Errorf("%s was called %d times, want %d", model, n, want)
		}
	}
	for range 6 {
		if status, body := asks(t, a, "sk-master", "POST", "/v1/chat/completions", strings.Replace(basalt, "basalt", "ward", 1)); status != 200 || !strings.Contains(body, `"content":"two"`) {
			t.Errorf("%d %s", status, body)
		}
	}
	if n := p.count("one"); n != 1 {
		t.Errorf("the one that fails was called %d times", n)
	}
}

// TestCallsReachAModelAgainWhenItsCheckSucceeds has an upstream that gets well, and checks every second.
func TestCallsReachAModelAgainWhenItsCheckSucceeds(t *testing.T) {
	p, base := hospital(t, map[string]int{"one": 500})
	a := start(t, app.Options{DataDir: t.TempDir(), Config: alone(t, wards(base)+`general_settings:
  master_key: sk-master
  background_health_checks: true
  background_health_check_model_groups: [ward]
  health_check_interval: 1
  health_check_staleness_threshold: 3600
  enable_health_check_routing: true
`)})
	healthOf(t, a, "")
	p.mu.Lock()
	p.ill = nil
	p.mu.Unlock()
	for p.count("one") < 2 { // until it was checked again
		<-p.news
	}
	for { // the result of the check is taken over soon
		status, body := asks(t, a, "sk-master", "POST", "/v1/chat/completions", strings.Replace(basalt, "basalt", "ward", 1))
		if status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		if strings.Contains(body, `"content":"one"`) {
			break
		}
	}
	if p.count("three") != 0 {
		t.Error("a model of another name was checked")
	}
}

func TestAConnectionIsTriedBeforeItIsAdded(t *testing.T) {
	_, base := hospital(t, map[string]int{"one": 500})
	a := start(t, app.Options{DataDir: t.TempDir(), Config: alone(t, wards(base)+"general_settings: {master_key: sk-master}\n")})
	const path = "/health/test_connection"
	with := func(settings string) string {
		return `{"litellm_params":{"api_base":"` + base + `","api_key":"k",` + settings + `}`
	}
	tell(t, a,
		exchange{"POST", path, `{"litellm_params":{"model":"vectors"}}`, 200, `"status":"success"`},
		exchange{"POST", path, `{"model_info":{"id":"one"}}`, 200, `"status":"error","result":{"model":"openai/one","model_name":"ward","model_id":"one","custom_llm_provider":"openai","error":"service.`},
		exchange{"POST", path, `{"litellm_params":{"model":"nothing"}}`, 404, "no entry"},
		exchange{"POST", path, with(`"model":"openai/new"`) + `,"mode":"chat"}`, 200, `{"status":"success","result":{"model":"openai/new","model_name":"test_connection","model_id":"test_connection","custom_llm_provider":"openai","mode":"chat"}}`},
		exchange{"POST", path, with(`"model":"openai/one"`) + `}`, 200, `"exception_status":500`},
		exchange{"POST", path, with(`"model":"openai/new"`) + `,"mode":"image_generation"}`, 400, "not called"},
		exchange{"POST", path, with(`"model":"openai/new","organization":"os.environ\/HOME"`) + `}`, 400, "os.environ"},
		exchange{"POST", path, with(`"model":"nobody/new"`) + `}`, 400, "litellm_params.model"},
		exchange{"POST", path, `{"litellm_params":{"api_base":"http://169.254.169.254","api_key":"k","model":"openai/new"}}`, 200, `"status":"error"`},
		exchange{"POST", path, `{}`, 400, "litellm_params.model"},
	)
	if _, models := asks(t, a, "sk-master", "GET", "/v1/models", ""); strings.Contains(models, "test_connection") {
		t.Errorf("it is served: %s", models)
	}
}

func TestWhatAHealthCheckSendsLeadsNowhereElse(t *testing.T) {
	_, base := hospital(t, nil)
	other, elsewhere := hospital(t, nil)
	entry := func(id, info string) string {
		return "  - {model_name: " + id + `, litellm_params: {model: "openai/one", api_base: "` + base + `", api_key: k}, model_info: {id: ` + id + ", " + info + "}}\n"
	}
	a := start(t, app.Options{DataDir: t.TempDir(), Config: alone(t, entry("base", `health_check_params: {api_base: "`+elsewhere+`", api_key: x}`)+
		entry("url", `health_check_params: {base_url: "`+elsewhere+`"}`)+entry("model", `health_check_model: "`+elsewhere+`/x"`)+"general_settings: {master_key: sk-master}\n")})
	asks(t, a, "sk-master", "GET", "/health", "")
	if n := len(other.asked); n != 0 {
		t.Errorf("%d calls went elsewhere", n)
	}
}
