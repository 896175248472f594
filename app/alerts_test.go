package app_test

import (
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"outcrop/app"
)

// heard is a server that takes alerts.
func heard(t *testing.T) (url string, bodies chan string) {
	t.Helper()
	bodies = make(chan string, 1000)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		bodies <- string(body)
	}))
	t.Cleanup(s.Close)
	return s.URL, bodies
}

// locked is a buffer that several goroutines write to.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestABudgetThatIsUsedUpIsToldOnce(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(string(body), "explode") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"message":"The provided credentials are odd"}`)
			return
		}
		_, _ = io.WriteString(w, answer)
	}))
	defer upstream.Close()
	slack, texts := heard(t)
	hook, events := heard(t)
	t.Setenv("SLACK_WEBHOOK_URL", slack+"/services/SECRET")
	t.Setenv("WEBHOOK_URL", hook+"/?token=SECRET")
	cfg := load(t, upstream.URL, `
    model_info: {input_cost_per_token: 0.1, output_cost_per_token: 0.1}
general_settings:
  master_key: sk-master
  alerting: [slack, webhook]
  alert_types: [budget_alerts, new_virtual_key_created]
`)
	var log locked
	a := start(t, app.Options{Config: cfg, DataDir: t.TempDir(), Logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	const key = "sk-of-the-test-0001"
	if status, body := asks(t, a, "sk-master", "POST", "/key/generate", `{"key":"`+key+`","key_alias":"ann","max_budget":1,"soft_budget":0.3,"metadata":{"pin":"SECRET"}}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	created := <-texts
	for _, want := range []string{"Alert type: `new_virtual_key_created`", "`New Virtual Key Created`", "created_by_user_id: `default_user_id`", "key_alias: `ann`", "max_budget: `1`"} {
		if !strings.Contains(created, want) {
			t.Errorf("no %s in %s", want, created)
		}
	}
	if strings.Contains(created, key) || strings.Contains(created, "SECRET") {
		t.Errorf("the alert has secrets: %s", created)
	}
	var got []string
	event := func() {
		body := <-events
		var e struct {
			Event, EventGroup, KeyAlias, Token string
			Max                                float64 `json:"max_budget"`
			Group                              string  `json:"event_group"`
			Alias                              string  `json:"key_alias"`
			Message                            string  `json:"event_message"`
			Spend                              float64
		}
		if err := json.Unmarshal([]byte(body), &e); err != nil {
			t.Fatal(err)
		}
		if e.Group != "key" || e.Alias != "ann" || e.Max != 1 || len(e.Token) != 64 || e.Spend <= 0 {
			t.Error(body)
		}
		got = append(got, e.Event+" "+e.Message)
	}
	chat := `{"model":"granite","max_tokens":1,"messages":[{"role":"user","content":"hi"}]}`
	call := func(want int) {
		t.Helper()
		if status, body := asks(t, a, key, "POST", "/v1/chat/completions", chat); status != want {
			t.Fatalf("%d %s", status, body)
		}
	}
	call(200) // 0.2 of 1
	call(200)
	event() // the soft budget
	call(200)
	call(200)
	call(200)
	event() // the whole one
	for range 5 {
		call(422)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	close(events)
	for body := range events {
		got = append(got, body)
	}
	if want := []string{"soft_budget_crossed Soft Budget Crossed: Total Soft Budget:`0.3`", "budget_crossed Key Budget: Budget Crossed\n Total Budget:`1`"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(texts) != 2 {
		t.Errorf("Slack got %d more", len(texts))
	}
	if text := log.String(); strings.Contains(text, "SECRET") || strings.Contains(text, key) {
		t.Errorf("the log has secrets: %s", text)
	}
}

func TestFailedCallsAreToldAndCounted(t *testing.T) {
	slack, texts := heard(t)
	t.Setenv("SLACK_WEBHOOK_URL", slack)
	gone := httptest.NewServer(nil)
	gone.Close()
	a := start(t, app.Options{Config: load(t, gone.URL, "general_settings: {master_key: sk-master, alerting: [slack]}\n")})
	for range 3 {
		if status, body := asks(t, a, "sk-master", "POST", "/v1/chat/completions", `{"model":"granite","messages":[{"role":"user","content":"hi"}]}`); status < 500 {
			t.Fatalf("%d %s", status, body)
		}
	}
	if text := <-texts; !strings.Contains(text, "Alert type: `llm_exceptions`") || !strings.Contains(text, "Request Model: `granite`") || !strings.Contains(text, "network.unreachable") {
		t.Error(text)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(texts) != 0 {
		t.Errorf("the same failure was told again: %s", <-texts)
	}
}

// TestAlertsAreGatheredUntilTheGatewayEnds has failures in one alert, and is told of a price that is not known and of models that end.
func TestAlertsAreGatheredUntilTheGatewayEnds(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"a","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`)
	}))
	defer upstream.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	slack, texts := heard(t)
	t.Setenv("SLACK_WEBHOOK_URL", slack)
	cfg := load(t, gone.URL, `
    model_info: {deprecation_date: "2020-01-31", successor_model: gneiss}
  - {model_name: schist, litellm_params: {model: openai/of-nobody, api_base: "`+upstream.URL+`/v1", api_key: a}}
general_settings:
  master_key: sk-master
  alerting: [slack]
  alert_types: [llm_exceptions, failed_tracking_spend, model_deprecation_warnings, daily_reports, fallback_reports]
  alert_type_config: {llm_exceptions: {digest: true}}
`)
	dir := t.TempDir()
	a := start(t, app.Options{Config: cfg, DataDir: dir})
	if text := <-texts; !strings.Contains(text, "Alert type: `model_deprecation_warnings`") || !strings.Contains(text, "`granite` (provider: bedrock, deprecates 2020-01-31, already deprecated ") || !strings.Contains(text, "migrate to `gneiss`") {
		t.Error(text)
	}
	for range 3 {
		if status, body := asks(t, a, "sk-master", "POST", "/v1/chat/completions", `{"model":"granite","messages":[{"role":"user","content":"hi"}]}`); status < 500 {
			t.Fatalf("%d %s", status, body)
		}
		if status, body := asks(t, a, "sk-master", "POST", "/v1/chat/completions", `{"model":"schist","messages":[{"role":"user","content":"hi"}]}`); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
	if text := <-texts; !strings.Contains(text, "Alert type: `failed_tracking_spend`") || !strings.Contains(text, "Failed Tracking Cost for `schist`: no price") {
		t.Error(text)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if text := <-texts; !strings.Contains(text, "Alert type: `llm_exceptions` (Digest)") || !strings.Contains(text, "Count: `3`") {
		t.Error(text)
	}
	a = start(t, app.Options{Config: cfg, DataDir: dir}) // what was told today is not told again
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(texts) != 0 {
		t.Errorf("it was told: %s", <-texts)
	}
}

func TestCallsWithTheMasterKeyAreInTheSumsOfDays(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	defer upstream.Close()
	a := start(t, app.Options{DataDir: t.TempDir(), Config: load(t, upstream.URL, "    model_info: {input_cost_per_token: 0.1, output_cost_per_token: 0.1}\ngeneral_settings: {master_key: sk-master}\nlitellm_settings: {max_budget: 1}\n")})
	if status, body := asks(t, a, "sk-master", "POST", "/v1/chat/completions", `{"model":"granite","messages":[{"role":"user","content":"hi"}]}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	for { // what calls have cost is posted within a second
		_, body := asks(t, a, "sk-master", "GET", "/spend/logs", "")
		if strings.Contains(body, `"api_key":"litellm_proxy_master_key"`) && strings.Contains(body, `"user":"default_user_id"`) {
			break
		}
		if t.Context().Err() != nil {
			t.Fatal(body)
		}
	}
	status, body := asks(t, a, "sk-master", "GET", "/user/daily/activity?start_date=2020-01-01&end_date=2100-01-01", "")
	if status != 200 || !strings.Contains(body, `"total_spend":0.2,`) || !strings.Contains(body, `"litellm_proxy_master_key":{"metrics"`) {
		t.Errorf("%d %s", status, body)
	}
	if status, body := asks(t, a, "sk-master", "POST", "/spend/calculate", `{"completion_response":{"model":"granite","usage":{"prompt_tokens":2,"completion_tokens":3}}}`); status != 200 || body != `{"cost":0.5}` {
		t.Errorf("%d %s", status, body)
	}
}

// TestAUserWhoSpendsMuchIsToldAtTheNextLook looks at what was spent when the gateway starts.
func TestAUserWhoSpendsMuchIsToldAtTheNextLook(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	defer upstream.Close()
	slack, texts := heard(t)
	t.Setenv("SLACK_WEBHOOK_URL", slack+"/services/SECRET")
	dir := t.TempDir()
	var log locked
	begin := func(alerting string) *app.App {
		t.Helper()
		cfg := load(t, upstream.URL, `
    model_info: {input_cost_per_token: 0.1, output_cost_per_token: 0.1}
general_settings:
  master_key: sk-master
`+alerting)
		return start(t, app.Options{Config: cfg, DataDir: dir, Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	}
	a := begin("")
	const key = "sk-of-the-test-0001"
	if status, body := asks(t, a, "sk-master", "POST", "/key/generate", `{"key":"`+key+`","user_id":"ann"}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := asks(t, a, key, "POST", "/v1/chat/completions", `{"model":"granite","messages":[{"role":"user","content":"hi"}]}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	for i := range 2 {
		a = begin("  alerting: [slack]\n  alert_types: [user_spend_thresholds, user_spend_anomalies]\n  alerting_args: {monthly_spend_per_user_threshold: 0.05, spend_anomaly_min_spend: 500, log_to_console: true}\n")
		if i == 0 {
			text := <-texts
			if !strings.Contains(text, "User Monthly Spend Threshold Crossed:\\nUser: `ann`") || !strings.Contains(text, "Monthly Threshold: `$0.05`") {
				t.Error(text)
			}
		}
		if err := a.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(texts) != 0 {
		t.Errorf("it was told again: %s", <-texts)
	}
	if text := log.String(); strings.Count(text, "User Monthly Spend Threshold Crossed") != 1 || strings.Contains(text, "SECRET") {
		t.Errorf("the log has %s", text)
	}
}
