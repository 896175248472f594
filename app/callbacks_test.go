package app_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"outcrop/app"
	"outcrop/internal/jsonx"
)

// answering is a provider that answers, or fails a request that says explode.
func answering(t *testing.T) (url string, headers chan http.Header) {
	t.Helper()
	headers = make(chan http.Header, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		select {
		case headers <- r.Header:
		default: // nobody looks at more
		}
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(string(body), "explode") {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = io.WriteString(w, `{"message":"odd"}`)
			return
		}
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(s.Close)
	return s.URL, headers
}

const asking = `{"model":"granite","messages":[{"role":"user","content":"a question"}]}`

func TestACallbackIsToldWhoHasCalled(t *testing.T) {
	provider, headers := answering(t)
	hook, told := heard(t)
	t.Setenv("GENERIC_LOGGER_ENDPOINT", hook+"/?token=SECRET")
	a := start(t, app.Options{Config: load(t, provider, `
    model_info: {id: dep, input_cost_per_token: 0.1, output_cost_per_token: 0.1}
litellm_settings:
  callbacks: [prometheus, lines, unset]
  success_callback: [generic_api]
  turn_off_message_logging: false
  forward_traceparent_to_llm_provider: true
callback_settings:
  lines: {callback_type: generic_api, endpoint: "`+hook+`/lines", log_format: ndjson, event_types: [llm_api_failure], turn_off_message_logging: true}
  unset: {callback_type: generic_api, endpoint: "http://127.0.0.1:1/"}
general_settings: {master_key: sk-master}
`), DataDir: t.TempDir()})
	if status, body := asks(t, a, "sk-master", "POST", "/team/new", `{"team_id":"rocks","team_alias":"Rocks"}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := asks(t, a, "sk-master", "POST", "/user/new", `{"user_id":"ann","user_email":"ann@example.com","auto_create_key":false}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	const key = "sk-of-the-test-0001"
	if status, body := asks(t, a, "sk-master", "POST", "/key/generate", `{"key":"`+key+`","key_alias":"anns","team_id":"rocks","user_id":"ann","metadata":{"tags":["blue"]}}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	for body, want := range map[string]int{asking: 200, strings.Replace(asking, "a question", "explode", 1): 400, strings.Replace(asking, `{"model"`, `{"no-log":true,"model"`, 1): 200} {
		if status, answer := asks(t, a, key, "POST", "/v1/chat/completions", body); status != want {
			t.Errorf("%s: %d %s", body, status, answer)
		}
	}
	if h := <-headers; !strings.HasPrefix(h.Get("Traceparent"), "00-") {
		t.Errorf("the provider got %v", h)
	}
	status, metrics := asks(t, a, key, "GET", "/metrics", "")
	for _, want := range []string{
		`litellm_proxy_total_requests_metric_total{api_key_alias="anns",api_provider="bedrock",client_ip="127.0.0.1",end_user="None",hashed_api_key="`, `outcrop_callback_records_total{callback="lines",result="sent"} 0`,
		`team="rocks",team_alias="Rocks",user="ann",user_agent="Go-http-client/1.1",user_email="ann@example.com"} 2`, `exception_class="Bedrock.BadRequestError"`,
	} {
		if status != 200 || !strings.Contains(metrics, want) {
			t.Errorf("%d, no %s in\n%s", status, want, metrics)
		}
	}
	if strings.Contains(metrics, key) {
		t.Error("the metrics have a key")
	}
	if status, body := asks(t, a, "sk-master", "GET", "/callbacks/list", ""); status != 200 || body != `{"success":["generic_api"],"failure":["lines"],"success_and_failure":["prometheus","unset"]}` {
		t.Errorf("%d %s", status, body)
	}
	if status, body := asks(t, a, key, "GET", "/callbacks/list", ""); status != 403 {
		t.Errorf("%d %s", status, body)
	}
	if status, body := asks(t, a, "sk-master", "GET", "/health/services?service=unset", ""); status != 500 || !strings.Contains(body, "could not be told") || strings.Contains(body, "127.0.0.1:1/") {
		t.Errorf("%d %s", status, body)
	}
	for query, want := range map[string]int{"": 400, "?service=none": 400, "?service=prometheus": 200} {
		if status, body := asks(t, a, "sk-master", "GET", "/health/services"+query, ""); status != want {
			t.Errorf("%s: %d %s", query, status, body)
		}
	}
	if err := a.Stop(t.Context()); err != nil { // sends what waits
		t.Error(err)
	}
	close(told)
	var all []string
	for body := range told {
		all = append(all, body)
	}
	if len(all) != 2 {
		t.Fatalf("told of %q", all)
	}
	for _, body := range all {
		var calls []struct {
			Status   string               `json:"status"`
			Metadata map[string]jsonx.Raw `json:"metadata"`
			Tags     []string             `json:"request_tags"`
			Messages jsonx.Raw            `json:"messages"`
			Response jsonx.Raw            `json:"response"`
			Cost     float64              `json:"response_cost"`
			Rest     jsonx.Raw            `json:",embed"`
		}
		if !strings.HasPrefix(body, "[") {
			body = "[" + body + "]"
		}
		if err := jsonx.Unmarshal([]byte(body), &calls); err != nil {
			t.Fatal(err)
		}
		c := calls[0]
		if len(calls) != 1 || string(c.Metadata["user_api_key_alias"]) != `"anns"` || string(c.Metadata["user_api_key_team_alias"]) != `"Rocks"` || string(c.Metadata["user_api_key_user_email"]) != `"ann@example.com"` || len(c.Tags) != 1 || c.Tags[0] != "blue" {
			t.Errorf("got %+v", calls)
		}
		switch c.Status {
		case "success":
			if string(c.Messages) != `[{"role":"user","content":"a question"}]` || !strings.Contains(string(c.Response), `"choices"`) || c.Cost <= 0 {
				t.Errorf("got %+v", c)
			}
		default:
			if string(c.Messages) != `"redacted-by-litellm"` || strings.Contains(body, "explode") {
				t.Errorf("got %s", body)
			}
		}
	}
}

// A customer of the headers precedes that of the body, whoever is told of it, and labels of the headers are added to those of the body.
func TestACallbackKnowsWhatTheHeadersSayOfACall(t *testing.T) {
	for name, general := range map[string]string{"with keys": "general_settings: {master_key: sk-master}\n", "open to all": ""} {
		t.Run(name, func(t *testing.T) {
			provider, _ := answering(t)
			hook, told := heard(t)
			t.Setenv("GENERIC_LOGGER_ENDPOINT", hook)
			a := start(t, app.Options{Config: load(t, provider, "litellm_settings: {success_callback: [generic_api]}\n"+general), DataDir: t.TempDir()})
			for _, header := range []string{"acme", ""} {
				body := strings.Replace(asking, `{"model"`, `{"user":"of the body","metadata":{"tags":["green"]},"model"`, 1)
				req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+"/v1/chat/completions", strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("Authorization", "Bearer sk-master")
				req.Header.Set("Content-Type", "application/json")
				if header != "" {
					req.Header.Set("X-Litellm-Customer-Id", header)
					req.Header.Set("X-Litellm-Tags", "blue")
				}
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				if status, answer := read(t, resp); status != http.StatusOK {
					t.Fatalf("%d %s", status, answer)
				}
			}
			if err := a.Stop(t.Context()); err != nil { // sends what waits
				t.Error(err)
			}
			close(told)
			var got []string
			for body := range told {
				var calls []struct {
					User string    `json:"end_user"`
					Tags []string  `json:"request_tags"`
					Rest jsonx.Raw `json:",embed"`
				}
				if err := jsonx.Unmarshal([]byte(body), &calls); err != nil {
					t.Fatal(err)
				}
				for _, c := range calls {
					got = append(got, c.User+": "+strings.Join(c.Tags, " "))
				}
			}
			if want := []string{"acme: blue green", "of the body: green"}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}

// A callback that is down is said to be, and calls go on.
func TestACallbackThatIsDownFailsNoCall(t *testing.T) {
	provider, _ := answering(t)
	tried := make(chan struct{}, 100)
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		tried <- struct{}{}
	}))
	defer hook.Close()
	t.Setenv("LANGFUSE_PUBLIC_KEY", "pk")
	t.Setenv("LANGFUSE_SECRET_KEY", "sk-SECRET")
	t.Setenv("LANGFUSE_HOST", hook.URL)
	a := start(t, app.Options{Config: load(t, provider, `
litellm_settings: {callbacks: [langfuse], turn_off_message_logging: true}
general_settings: {master_key: sk-master}
`), DataDir: t.TempDir()})
	for range 512 { // a batch, which is sent at once
		if status, body := asks(t, a, "sk-master", "POST", "/v1/chat/completions", asking); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
	<-tried
	<-tried // now the first failure is known
	if status, body := asks(t, a, "", "GET", "/health/readiness", ""); status != 200 || body != `{"status":"healthy","callbacks_down":["langfuse"]}` {
		t.Errorf("%d %s", status, body)
	}
	if _, body := asks(t, a, "sk-master", "GET", "/metrics", ""); !strings.Contains(body, `outcrop_callback_down{callback="langfuse"} 1`) {
		t.Error("the metrics do not say that it is down")
	}
	if _, body := asks(t, a, "sk-master", "GET", "/active/callbacks", ""); !strings.Contains(body, `"down":true,"error":"the answer has status 503"`) || strings.Contains(body, "SECRET") {
		t.Error(body)
	}
	if status, body := asks(t, a, "sk-master", "POST", "/v1/chat/completions", asking); status != 200 {
		t.Errorf("%d %s", status, body)
	}
}

// Who gives a key a callback is not the operator: its records do not go into the operator's network.
func TestACallbackOfAKeyReachesPublicAddressesOnly(t *testing.T) {
	provider, _ := answering(t)
	private, secret := heard(t)
	own, told := heard(t)
	t.Setenv("LANGFUSE_HOST", own)
	a := start(t, app.Options{Config: load(t, provider, "general_settings: {master_key: sk-master}\n"), DataDir: t.TempDir()})
	for key, host := range map[string]string{"sk-of-the-test-0001": private, "sk-of-the-test-0002": own} {
		if status, body := asks(t, a, "sk-master", "POST", "/key/generate", `{"key":"`+key+`","metadata":{"logging":[{"callback_name":"langfuse","callback_type":"success","callback_vars":{"langfuse_public_key":"pk","langfuse_secret_key":"sk","langfuse_host":"`+host+`"}}]}}`); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		if status, body := asks(t, a, key, "POST", "/v1/chat/completions", asking); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
	if err := a.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	if len(secret) != 0 || len(told) != 1 {
		t.Fatalf("the private host was told %d times, the operator's %d times", len(secret), len(told))
	}
	if body := <-told; !strings.Contains(body, "generation-create") || strings.Contains(body, "a question") {
		t.Error(body)
	}
}

func TestMetricsAreOpenOnlyIfTheOperatorSaysSo(t *testing.T) {
	provider, _ := answering(t)
	for setting, want := range map[string]int{"": 401, "litellm_settings: {require_auth_for_metrics_endpoint: false}\n": 200} {
		a := start(t, app.Options{Config: load(t, provider, setting+"general_settings: {master_key: sk-master}\n"), DataDir: t.TempDir()})
		for _, path := range []string{"/metrics", "/metrics/"} {
			if status, _ := asks(t, a, "", "GET", path, ""); status != want {
				t.Errorf("%q: %s gives %d", setting, path, status)
			}
			if status, _ := asks(t, a, "sk-wrong", "GET", path, ""); status != want {
				t.Errorf("%q: %s with a wrong key gives %d", setting, path, status)
			}
		}
		const scrape = "sk-of-the-scraper-01"
		if status, body := asks(t, a, "sk-master", "POST", "/key/generate", `{"key":"`+scrape+`","allowed_routes":["/metrics"]}`); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		if status, _ := asks(t, a, scrape, "GET", "/metrics", ""); status != 200 {
			t.Errorf("the scraper's key gets %d", status)
		}
		if status, _ := asks(t, a, scrape, "POST", "/v1/chat/completions", asking); status != 403 {
			t.Errorf("the scraper's key may call: %d", status)
		}
	}
}
