package app_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/internal/need"
	"outcrop/internal/valkey"
)

// Identical calls at the same time are one call. If it fails, the others are made by themselves.
func TestIdenticalCallsAreOne(t *testing.T) {
	began, hold := make(chan struct{}, 16), make(chan string)
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `{"object":"list","data":[]}`)
			return
		}
		began <- struct{}{}
		answer := <-hold
		if answer == "" {
			w.WriteHeader(http.StatusBadRequest)
			answer = `{"error":{"message":"no","type":"invalid_request_error"}}`
		}
		_, _ = io.WriteString(w, answer)
	}))
	defer upstream.Close()
	m := &maker{Server: upstream}
	a := caching(t, m, cacheOn)
	waiting := func(n int) {
		t.Helper()
		until(t, "calls wait", func() bool { return a.Client().Pipeline().Open() == int64(n) })
	}
	const body = `{"model":"gpt","messages":[{"role":"user","content":"hi"}]`
	type result struct {
		status int
		header http.Header
	}
	results := make(chan result, 16)
	ask := func(ctx context.Context, more string) {
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL()+"/v1/chat/completions", strings.NewReader(body+more+`}`))
		if err != nil {
			t.Error(err)
			return
		}
		resp, err := client.Do(req)
		if err != nil {
			results <- result{}
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		results <- result{resp.StatusCode, resp.Header}
		resp.Body.Close()
	}
	for range 5 {
		go ask(t.Context(), "")
	}
	<-began
	waiting(5)
	hold <- completion
	shared := 0
	for range 5 {
		r := <-results
		if r.status != 200 {
			t.Errorf("%d %v", r.status, r.header)
		}
		if r.header.Get("X-Litellm-Cache-Key") != "" {
			shared++
		}
	}
	if shared != 4 || len(began) > 0 {
		t.Errorf("%d of 5 calls have the answer of another; %d more calls", shared, len(began))
	}
	// One fails: the others call the provider themselves, all at once.
	for range 3 {
		go ask(t.Context(), `,"seed":1`)
	}
	<-began
	waiting(3)
	hold <- ""
	<-began
	<-began
	hold <- completion
	hold <- completion
	failed := 0
	for range 3 {
		if r := <-results; r.status != 200 {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d calls have failed instead of one", failed)
	}
	// One's client leaves: another takes its place.
	ctx, leave := context.WithCancel(t.Context())
	go ask(ctx, `,"seed":2`)
	<-began
	go ask(t.Context(), `,"seed":2`)
	waiting(2)
	leave()
	<-results
	<-began
	hold <- completion // of the call that was given up, or of the other
	hold <- completion
	if r := <-results; r.status != 200 {
		t.Errorf("%d %v", r.status, r.header)
	}
}

// What a key may say of the cache, and what it has of its own; its calls are in the spend log, and count as requests.
func TestKeysAndTheCache(t *testing.T) {
	m := newMaker(t)
	a := caching(t, m, cacheOn+`general_settings: {master_key: sk-master}
`)
	const chat = `{"model":"gpt","messages":[{"role":"user","content":"hi"}]`
	ask := func(key, more string) (int, http.Header, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+"/v1/chat/completions", strings.NewReader(chat+more+`}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		status, body := read(t, resp)
		return status, resp.Header, body
	}
	for _, key := range []string{
		`{"key":"sk-of-the-test-first"}`, `{"key":"sk-of-the-test-other","rpm_limit":3,"tpm_limit":1000000,"allowed_cache_controls":["no-cache"]}`,
		`{"key":"sk-of-the-test-apart","metadata":{"cache":{"namespace":"apart"}}}`, `{"key":"sk-of-the-test-denied","models":["other"]}`,
		`{"key":"sk-of-the-test-spent","max_budget":0.01}`, `{"key":"sk-of-the-test-wrong","metadata":{"cache":{"ttl":"soon"}}}`,
	} {
		if status, body := asks(t, a, "sk-master", "POST", "/key/generate", key); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
	if _, header, body := ask("sk-of-the-test-first", ""); header.Get("X-Litellm-Cache-Key") != "" {
		t.Errorf("%v %s", header, body)
	}
	_, header, body := ask("sk-of-the-test-other", "")
	if header.Get("X-Litellm-Cache-Key") == "" || header.Get("X-Litellm-Response-Cost") != "0" {
		t.Errorf("%v %s", header, body)
	}
	if status, _, body := ask("sk-of-the-test-denied", ""); status != 403 {
		t.Errorf("a key has an answer of a model that it may not use: %d %s", status, body)
	}
	if status, _, body := ask("sk-of-the-test-other", `,"cache":{"ttl":5}`); status != 400 || !strings.Contains(body, "cache.ttl may not be set with this key, whose allowed_cache_controls are no-cache") {
		t.Errorf("%d %s", status, body)
	}
	if status, header, body := ask("sk-of-the-test-other", `,"cache":{"no-cache":true}`); status != 200 || header.Get("X-Litellm-Cache-Key") != "" {
		t.Errorf("%d %v %s", status, header, body)
	}
	if _, header, body := ask("sk-of-the-test-apart", `,"cache":{"namespace":"elsewhere"}`); header.Get("X-Litellm-Cache-Key") != "" {
		t.Errorf("%v %s", header, body)
	}
	if _, header, _ := ask("sk-of-the-test-apart", ``); !strings.HasPrefix(header.Get("X-Litellm-Cache-Key"), "apart:") {
		t.Errorf("%v", header)
	}
	if status, _, body := ask("sk-of-the-test-wrong", ""); status != 400 || !strings.Contains(body, "the key's metadata.cache.ttl must be a number") {
		t.Errorf("%d %s", status, body)
	}
	if status, _, body := ask("sk-of-the-test-other", ""); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if status, _, body := ask("sk-of-the-test-other", ""); status != 429 {
		t.Errorf("hits do not count as requests: %d %s", status, body)
	}
	if status, header, body := ask("sk-of-the-test-spent", `,"cache":{"no-cache":true}`); status != 200 || header.Get("X-Litellm-Cache-Key") != "" {
		t.Errorf("%d %v %s", status, header, body)
	}
	if status, _, body := ask("sk-of-the-test-spent", ""); status == 200 || !strings.Contains(body, "budget") {
		t.Errorf("a key without a budget has an answer of the cache: %d %s", status, body)
	}
	var rows []struct {
		Hit   string  `json:"cache_hit"`
		Spend float64 `json:"spend"`
		Total int     `json:"total_tokens"`
		Key   string  `json:"api_key"`
	}
	until(t, "the rows are in the log", func() bool {
		_, body := asks(t, a, "sk-master", "GET", "/spend/logs", "")
		rows = nil
		if err := json.Unmarshal([]byte(body), &rows); err != nil {
			t.Fatalf("%v %s", err, body)
		}
		return len(rows) >= 6
	})
	hits := 0
	for _, r := range rows {
		if r.Hit == "True" {
			hits++
		}
		if (r.Hit == "True") != (r.Spend == 0) || r.Total != 12 {
			t.Errorf("%+v", r)
		}
	}
	if hits != 3 {
		t.Errorf("%d hits in %+v", hits, rows)
	}
}

// A cache that is away is told of, and calls go on without it.
func TestACacheThatIsAway(t *testing.T) {
	m := newMaker(t)
	a := caching(t, m, `
litellm_settings: {cache: true, cache_params: {type: redis, host: 127.0.0.1, port: 1}}
`)
	for range 3 {
		if status, header, body := send(t, a, "/v1/chat/completions", `{"model":"gpt","messages":[{"role":"user","content":"hi"}]}`); status != 200 || header.Get("X-Litellm-Cache-Key") != "" {
			t.Errorf("%d %v %s", status, header, body)
		}
	}
	if m.calls.Load() != 3 {
		t.Errorf("%d calls", m.calls.Load())
	}
	if status, body := get(t, a.URL()+"/health/readiness"); status != 200 || !strings.Contains(body, `"cache":"redis","cache_status":"away"`) {
		t.Errorf("%d %s", status, body)
	}
	_, metrics := get(t, a.URL()+"/metrics")
	for _, line := range []string{`outcrop_cache_up 0`, `outcrop_cache_commands_total{command="get",result="failed"} 1`, `outcrop_cache_commands_total{command="get",result="left_out"} 2`, `outcrop_cache_requests_total{result="miss"} 3`} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("/metrics lacks %s", line)
		}
	}
	if status, body := get(t, a.URL()+"/cache/ping"); status != 503 || !strings.Contains(body, "cache_ping_error") {
		t.Errorf("%d %s", status, body)
	}
}

// A cache in a cloud's storage does not keep the gateway from starting, and calls go on without it while it gives no token.
func TestACacheInACloudThatGivesNoToken(t *testing.T) {
	key := `{"type":"authorized_user","client_id":"a","client_secret":"secret-of-the-test","refresh_token":"r","token_uri":"http://127.0.0.1:1/"}`
	t.Setenv("GCS_PATH_SERVICE_ACCOUNT", key)
	for name, value := range map[string]string{"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "secret-of-the-test", "AZURE_AUTHORITY_HOST": "https://127.0.0.1:1/"} {
		t.Setenv(name, value)
	}
	for kind, params := range map[string]string{"gcs": "gcs_bucket_name: b", "azure-blob": "azure_account_url: \"https://127.0.0.1:1\", azure_blob_container: answers"} {
		m := newMaker(t)
		a := caching(t, m, `
litellm_settings: {cache: true, cache_params: {type: `+kind+`, `+params+`}}
`)
		if status, header, body := send(t, a, "/v1/chat/completions", `{"model":"gpt","messages":[{"role":"user","content":"hi"}]}`); status != 200 || header.Get("X-Litellm-Cache-Key") != "" {
			t.Errorf("%s: %d %v %s", kind, status, header, body)
		}
		if status, body := get(t, a.URL()+"/health/readiness"); status != 200 || !strings.Contains(body, `"cache":"`+kind+`","cache_status":"away"`) {
			t.Errorf("%s: %d %s", kind, status, body)
		}
		if status, body := get(t, a.URL()+"/cache/ping"); status != 503 || strings.Contains(body, "secret-of-the-test") {
			t.Errorf("%s: %d %s", kind, status, body)
		}
	}
}

// The paths of the cache are LiteLLM's, and work for every type.
func TestPathsOfTheCache(t *testing.T) {
	m := newMaker(t)
	a := caching(t, m, cacheOn)
	const chat = `{"model":"gpt","messages":[{"role":"user","content":"hi"}]}`
	key := func() string {
		_, header, _ := send(t, a, "/v1/chat/completions", chat)
		return header.Get("X-Litellm-Cache-Key")
	}
	key()
	first := key()
	if status, body := get(t, a.URL()+"/cache/ping"); status != 200 || !strings.Contains(body, `"status":"healthy","cache_type":"local"`) {
		t.Errorf("%d %s", status, body)
	}
	for _, tt := range []struct{ path, body string }{{"/cache/delete", `{"keys":["` + first + `"]}`}, {"/cache/flushall", ""}} {
		if key() == "" {
			t.Error("the answer is gone")
		}
		if status, _, body := send(t, a, tt.path, tt.body); status != 200 || body != `{"status":"success"}` {
			t.Errorf("%s: %d %s", tt.path, status, body)
		}
		if key() != "" {
			t.Errorf("%s has left the answer there", tt.path)
		}
	}
	for _, body := range []string{"", "7", `{"key":"a"}`, `{"keys":"a"}`} {
		if status, _, answer := send(t, a, "/cache/delete", body); status != 400 || !strings.Contains(answer, `"detail":"Cache Delete Failed(the body must be`) {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	if status, body := get(t, a.URL()+"/cache/redis/info"); status != 503 || !strings.Contains(body, "Cache type local does not support redis info") {
		t.Errorf("%d %s", status, body)
	}
	without := caching(t, m, "")
	if status, body := get(t, without.URL()+"/cache/ping"); status != 503 || !strings.Contains(body, "there is no response cache") {
		t.Errorf("%d %s", status, body)
	}
	if status, body := get(t, without.URL()+"/health/readiness"); status != 200 || strings.Contains(body, "cache") {
		t.Errorf("%d %s", status, body)
	}
}

// What is kept on disk or in Valkey is there after a restart, and for other replicas.
func TestAnswersSurviveTheProcess(t *testing.T) {
	server, err := valkey.Start(t.Context(), t.TempDir())
	need.Server(t, server, err)
	for name, params := range map[string]string{
		"disk":  `{type: disk, disk_cache_dir: "` + t.TempDir() + `"}`,
		"redis": `{url: "redis://` + server.Address() + `/1", namespace: n}`,
	} {
		m := newMaker(t)
		settings := "litellm_settings: {cache: true, cache_params: " + params + "}\n"
		const chat = `{"model":"gpt","messages":[{"role":"user","content":"hi"}]`
		for _, stream := range []string{"", `,"stream":true`} {
			a := caching(t, m, settings)
			_, _, first := send(t, a, "/v1/chat/completions", chat+stream+"}")
			first = strings.ReplaceAll(first, `"cost":0.014`, `"cost":0`)
			if _, header, again := send(t, a, "/v1/chat/completions", chat+stream+"}"); again != first || header.Get("X-Litellm-Cache-Key") == "" {
				t.Errorf("%s: at once: %v %s", name, header, again)
			}
			if err := a.Stop(context.Background()); err != nil {
				t.Error(err)
			}
			b := caching(t, m, settings)
			if _, header, again := send(t, b, "/v1/chat/completions", chat+stream+"}"); again != first || header.Get("X-Litellm-Cache-Key") == "" {
				t.Errorf("%s: after a restart: %v %s", name, header, again)
			}
			if name == "redis" {
				if status, body := get(t, b.URL()+"/cache/redis/info"); status != 200 || !strings.Contains(body, `"tcp_port":`) {
					t.Errorf("%d %s", status, body)
				}
			}
		}
	}
}
