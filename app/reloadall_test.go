package app_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"outcrop/app"
)

// reloading is a gateway with a file, and a provider that counts its calls and keeps those that say hold waiting.
type reloading struct {
	t      *testing.T
	a      *app.App
	f      *file
	url    string
	master string
	called atomic.Int64
	began  chan struct{}
	goOn   chan struct{}
}

const reloadedMaster = "sk-master-0123456789"

func reloadable(t *testing.T, more string) *reloading {
	t.Helper()
	r := &reloading{t: t, master: reloadedMaster, began: make(chan struct{}, 1), goOn: make(chan struct{})}
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.called.Add(1)
		body, _ := io.ReadAll(req.Body)
		if strings.Contains(string(body), "hold") {
			r.began <- struct{}{}
			<-r.goOn
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"hi"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	}))
	t.Cleanup(provider.Close)
	r.url, r.f = provider.URL, &file{}
	r.write(more)
	cfg, problems, _ := r.f.load(t.Context())
	if cfg == nil {
		t.Fatal(problems)
	}
	r.a = start(t, app.Options{Config: cfg, Reload: r.f.load, Environ: func(string) string { return "" }, DataDir: t.TempDir()})
	return r
}

func (r *reloading) write(more string) {
	if !strings.Contains(more, "master_key") {
		more += "\ngeneral_settings: {master_key: " + r.master + "}"
	}
	r.f.write(`
model_list: [{model_name: stone, litellm_params: {model: openai/granite, api_base: "` + r.url + `/v1", api_key: sk-test, input_cost_per_token: 0.1, output_cost_per_token: 0.1}}]
` + more + "\n")
}

// reload reads another file, and returns what needs a restart.
func (r *reloading) reload(more string) []string {
	r.t.Helper()
	r.write(more)
	status, body := asks(r.t, r.a, r.master, "POST", "/config/reload", "")
	var got struct {
		Restart []string `json:"needs_restart"`
	}
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 {
		r.t.Fatalf("%s: %d %s, %v", more, status, body, err)
	}
	return got.Restart
}

func (r *reloading) says(text string) (int, string) {
	return asks(r.t, r.a, r.master, "POST", "/v1/chat/completions", `{"model":"stone","messages":[{"role":"user","content":"`+text+`"}]}`)
}

func (r *reloading) wants(text string, want int) {
	r.t.Helper()
	if status, body := r.says(text); status != want {
		r.t.Errorf("%s: %d %s, want %d", text, status, body, want)
	}
}

func blocking(words ...string) string {
	list := ""
	for _, word := range words {
		list += "{keyword: " + word + ", action: BLOCK}, "
	}
	return "guardrails: [{guardrail_name: words, litellm_params: {guardrail: litellm_content_filter, mode: [pre_call, post_call], default_on: true, blocked_words: [" + list + "]}}]\n"
}

func TestAReloadTakesOverGuardrails(t *testing.T) {
	r := reloadable(t, blocking("mud"))
	r.wants("mud", 400)
	ended := make(chan int, 1)
	go func() {
		status, _ := r.says("hold clay")
		ended <- status
	}()
	<-r.began
	goOn := sync.OnceFunc(func() { close(r.goOn) })
	defer goOn()
	if restart := r.reload(blocking("clay", "hi")); len(restart) > 0 {
		t.Errorf("needs a restart: %q", restart)
	}
	r.wants("clay", 400)
	goOn()
	if status := <-ended; status != 200 { // its answer says what the new guardrail refuses
		t.Errorf("the call that was under way ended with %d", status)
	}
	if _, body := asks(t, r.a, r.master, "GET", "/guardrails/list", ""); !strings.Contains(body, "words") {
		t.Errorf("the list is %s", body)
	}
	r.reload("")
	r.wants("mud and clay", 200)
	r.reload(blocking("sand"))
	r.write("guardrails: [{guardrail_name: aws, litellm_params: {guardrail: bedrock, mode: pre_call}}]")
	if status, body := asks(t, r.a, r.master, "POST", "/config/reload", ""); status != 400 || !strings.Contains(body, "guardrails[0]") {
		t.Errorf("a guardrail without an id: %d %s", status, body)
	}
	r.wants("sand", 400)
}

func TestAReloadTakesOverCallbacksAndLosesNothing(t *testing.T) {
	first, toldFirst := heard(t)
	second, toldSecond := heard(t)
	to := func(name, url, more string) string {
		return "litellm_settings: {success_callback: [" + name + "]" + more + "}\ncallback_settings: {" + name + `: {callback_type: generic_api, endpoint: "` + url + `/` + name + "\"}}\n"
	}
	r := reloadable(t, to("lines", first, ""))
	r.wants("one", 200)
	if restart := r.reload(to("lines", first, ", num_retries: 1")); len(restart) > 0 { // the callback is the same, with what waits for it
		t.Errorf("needs a restart: %q", restart)
	}
	r.wants("two", 200)
	r.reload(to("others", second, ""))
	r.wants("three", 200)
	told := <-toldFirst // long before the time after which it is sent anyhow
	for n := strings.Count(told, `"cost_finalized"`); n < 2; n = strings.Count(told, `"cost_finalized"`) {
		told += <-toldFirst
	}
	if _, body := asks(t, r.a, r.master, "GET", "/callbacks/list", ""); !strings.Contains(body, `"others"`) || strings.Contains(body, `"lines"`) {
		t.Errorf("the callbacks are %s", body)
	}
	if err := r.a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	close(toldFirst)
	close(toldSecond)
	for more := range toldFirst {
		t.Errorf("the callback that was replaced is told of %s", more)
	}
	after := ""
	for body := range toldSecond {
		after += body
	}
	if strings.Count(after, `"cost_finalized"`) != 1 {
		t.Errorf("the new callback is told of %s", after)
	}
}

func TestAReloadTakesOverMetrics(t *testing.T) {
	const metric = "litellm_proxy_total_requests_metric_total"
	r := reloadable(t, "")
	has := func(want bool) {
		t.Helper()
		if _, body := asks(t, r.a, r.master, "GET", "/metrics", ""); strings.Contains(body, metric+"{") != want {
			t.Errorf("LiteLLM's metrics are served: %v", !want)
		}
	}
	r.wants("one", 200)
	has(false)
	r.reload("litellm_settings: {callbacks: [prometheus]}")
	r.wants("two", 200)
	has(true)
	r.reload("litellm_settings: {callbacks: [prometheus], num_retries: 1}")
	has(true) // what was counted stays counted
	r.reload("")
	has(false)
}

func TestAReloadTakesOverTheCache(t *testing.T) {
	const cached = "litellm_settings: {cache: true, cache_params: {type: local, ttl: %}}\n"
	r := reloadable(t, "")
	calls := func(want int64) {
		t.Helper()
		before := r.called.Load()
		r.wants("the same", 200)
		if n := r.called.Load() - before; n != want {
			t.Errorf("the provider was called %d times, want %d", n, want)
		}
	}
	calls(1)
	if restart := r.reload(strings.Replace(cached, "%", "60", 1)); len(restart) > 0 {
		t.Errorf("needs a restart: %q", restart)
	}
	calls(1)
	calls(0)
	r.reload(strings.Replace(cached, "%", "90", 1))
	calls(0) // the answers are still there
	if status, body := asks(t, r.a, r.master, "GET", "/cache/ping", ""); status != 200 || !strings.Contains(body, "90") {
		t.Errorf("%d %s", status, body)
	}
	r.reload(strings.Replace(cached, "local", "disk", 1)[:len(cached)-12] + "}}\n")
	calls(1)
	calls(0)
	r.reload("")
	calls(1)
	if status, _ := asks(t, r.a, r.master, "GET", "/cache/ping", ""); status != 503 {
		t.Errorf("there is still a cache: %d", status)
	}
}

func TestAReloadTakesOverLimitsAndSettings(t *testing.T) {
	r := reloadable(t, "")
	const key = "sk-of-the-test-0001"
	if status, body := asks(t, r.a, r.master, "POST", "/key/generate", `{"key":"`+key+`"}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	general := func(more string) string { return "general_settings: {master_key: " + r.master + more + "}\n" }
	as := func(key, method, path, body string, want int) {
		t.Helper()
		if status, got := asks(t, r.a, key, method, path, body); status != want {
			t.Errorf("%s: %d %s, want %d", path, status, got, want)
		}
	}
	large := `{"model":"stone","messages":[{"role":"user","content":"` + strings.Repeat("a", 2<<20) + `"}]}`
	as(key, "GET", "/v1/models", "", 200)
	as(key, "POST", "/v1/chat/completions", large, 200)
	r.reload(general(", admin_only_routes: [/v1/models], max_request_size_mb: 1"))
	as(key, "GET", "/v1/models", "", 403)
	as(r.master, "GET", "/v1/models", "", 200)
	as(key, "POST", "/v1/chat/completions", large, 413)
	r.reload(general(", allowed_routes: [/v1/models, /config/reload], enforce_user_param: true"))
	as(key, "GET", "/v1/models", "", 200)
	as(key, "POST", "/v1/chat/completions", `{"model":"stone","messages":[]}`, 403)
	r.reload(general(", enforce_user_param: true"))
	as(key, "POST", "/v1/chat/completions", `{"model":"stone","messages":[{"role":"user","content":"hi"}]}`, 401)
	r.reload("litellm_settings: {max_budget: 0.3}\n" + general(""))
	r.wants("within the budget, which began with the reload or before", 200)
	status, body := 0, ""
	for range 3 {
		status, body = r.says("beyond it")
	}
	if status != 422 {
		t.Errorf("beyond the budget: %d %s", status, body)
	}
	if restart := r.reload(general(", max_in_flight_mb: 64")); len(restart) != 1 || restart[0] != "general_settings.max_in_flight_mb" {
		t.Errorf("needs a restart: %q", restart)
	}
	r.wants("without the budget", 200)
	before := r.master
	r.master = "sk-master-9876543210"
	r.write(general(""))
	as(before, "POST", "/config/reload", "", 200)
	as(before, "GET", "/v1/models", "", 401)
	as(r.master, "GET", "/v1/models", "", 200)
	r.write("general_settings: {max_request_size_mb: 1} # no master_key")
	if _, body := asks(t, r.a, r.master, "POST", "/config/reload", ""); !strings.Contains(body, "general_settings.master_key") {
		t.Errorf("a key is needed no longer: %s", body)
	}
	as("", "GET", "/v1/models", "", 401)
}

// TestReloadsUnderLoad reloads while calls are made: each is answered, and checked by the guardrail of one of the files.
func TestReloadsUnderLoad(t *testing.T) {
	file := func(i int) string {
		name := "g" + strconv.Itoa(i%2)
		return "guardrails: [{guardrail_name: " + name + ", litellm_params: {guardrail: litellm_content_filter, mode: pre_call, default_on: true, blocked_words: [{keyword: mud, action: BLOCK}]}}]\n" +
			"litellm_settings: {success_callback: [lines]}\ncallback_settings: {lines: {callback_type: generic_api, endpoint: \"http://127.0.0.1:1/" + name + "\"}}\n"
	}
	r := reloadable(t, file(0))
	over, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for i := 1; ; i++ {
			select {
			case <-over:
				return
			default:
			}
			r.write(file(i))
			if status, body := asks(t, r.a, r.master, "POST", "/config/reload", ""); status != 200 {
				t.Errorf("%d %s", status, body)
			}
		}
	}()
	for range 40 {
		r.wants("clean", 200)
		r.wants("mud", 400)
	}
	close(over)
	<-done
}
