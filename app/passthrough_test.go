package app_test

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/app"
)

// echoing is an address that tells what it gets, and keeps the last request.
func echoing(t *testing.T) (url string, got func() (*http.Request, string)) {
	t.Helper()
	requests, bodies := make(chan *http.Request, 100), make(chan string, 100)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- r
		bodies <- string(body)
		switch {
		case strings.HasSuffix(r.URL.Path, "/fails"):
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, "the key is sk-target-0123456789")
		case strings.HasSuffix(r.URL.Path, "/stream"):
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: one\n\n")
			w.(http.Flusher).Flush()
			<-r.Context().Done() // the rest comes never
		default:
			w.Header().Set("X-Own", "yes")
			_, _ = io.WriteString(w, `{"results":[]}`)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL, func() (*http.Request, string) { return <-requests, <-bodies }
}

func TestEndpointsOfTheOperatorPassRequestsOn(t *testing.T) {
	target, got := echoing(t)
	t.Setenv("RERANK_KEY", "sk-target-0123456789")
	a := start(t, app.Options{Config: load(t, "http://127.0.0.1:1", `
general_settings:
  master_key: sk-master
  pass_through_endpoints:
    - {path: /v9/rerank, target: "`+target+`/v1/rerank?api=2", headers: {Authorization: "Bearer os.environ/RERANK_KEY", X-Mode: fast}, cost_per_request: 0.25, methods: [POST]}
    - {path: /bria, target: "`+target+`/v1/", include_subpath: true, forward_headers: true, default_query_params: {version: "3", tier: low}}
    - {path: /hook, target: "`+target+`/hook", auth: false}
    - {path: /health, target: "`+target+`/stolen"}
`), DataDir: t.TempDir()})
	const key = "sk-of-the-test-0001"
	if status, body := asks(t, a, "sk-master", "POST", "/key/generate", `{"key":"`+key+`","max_budget":0.4,"allowed_passthrough_routes":["/v9/rerank"]}`); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	send := func(method, path, key, body string, headers ...string) (int, http.Header, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, a.URL()+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if key != "" {
			req.Header.Set("Authorization", "Bearer "+key)
		}
		for i := 0; i < len(headers); i += 2 {
			req.Header.Set(headers[i], headers[i+1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		answer, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, resp.Header, string(answer)
	}

	status, head, body := send("POST", "/v9/rerank?top=1", key, `{"query":"granite"}`, "Content-Type", "application/json", "X-Pass-Beta", "on", "X-Pass-Authorization", "mine", "X-Client", "private", "Api-Key", key)
	if status != 200 || body != `{"results":[]}` || head.Get("X-Own") != "yes" || head.Get("X-Litellm-Response-Cost") != "0.25" {
		t.Errorf("%d %v %s", status, head, body)
	}
	r, sent := got()
	if r.Method != http.MethodPost || r.URL.String() != "/v1/rerank?api=2&top=1" || sent != `{"query":"granite"}` {
		t.Errorf("the target got %s %s with %s", r.Method, r.URL, sent)
	}
	for name, want := range map[string]string{"Authorization": "Bearer sk-target-0123456789", "X-Mode": "fast", "Content-Type": "application/json", "Beta": "on", "X-Client": "", "Api-Key": "", "X-Pass-Authorization": ""} {
		if r.Header.Get(name) != want {
			t.Errorf("the target got the header %s: %q, want %q", name, r.Header.Get(name), want)
		}
	}

	if status, _, body := send("GET", "/v9/rerank", key, ""); status != 405 || !strings.Contains(body, "POST") {
		t.Errorf("another method: %d %s", status, body)
	}
	if status, _, body := send("POST", "/v9/rerank", "", "{}"); status != 401 {
		t.Errorf("without a key: %d %s", status, body)
	}
	if status, _, body := send("POST", "/v9/rerank", key, "{}"); status != 200 {
		t.Errorf("within the budget: %d %s", status, body)
	}
	_, _ = got()
	if status, _, body := send("POST", "/v9/rerank", key, "{}"); status != 422 || !strings.Contains(body, "udget") {
		t.Errorf("beyond the budget: %d %s", status, body)
	}
	if status, _, _ := send("POST", "/v9/rerank/below", "sk-master", "{}"); status != 404 {
		t.Errorf("below an endpoint without include_subpath: %d", status)
	}

	if status, _, body := send("PUT", "/bria/text/image%20a?tier=high", "sk-master", "picture", "X-Client", "public", "Cookie", "c=1"); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	r, _ = got()
	if r.URL.Path != "/v1/text/image a" || r.URL.Query().Get("tier") != "high" || r.URL.Query().Get("version") != "3" || r.Header.Get("X-Client") != "public" || r.Header.Get("Authorization")+r.Header.Get("Cookie") != "" {
		t.Errorf("the target got %s, %v", r.URL, r.Header)
	}
	if status, _, body := send("GET", "/bria/%2e%2e/%2e%2e/other", "sk-master", ""); status != 400 {
		t.Errorf("a path that leaves the target: %d %s", status, body)
	}
	if status, _, body := send("POST", "/bria/fails", "sk-master", ""); status != http.StatusTeapot {
		t.Errorf("%d %s", status, body)
	}
	_, _ = got()

	if status, _, body := send("POST", "/hook", "", `{"event":1}`); status != 200 {
		t.Errorf("a public endpoint: %d %s", status, body)
	}
	if r, sent := got(); r.URL.Path != "/hook" || sent != `{"event":1}` {
		t.Errorf("the target got %s with %s", r.URL, sent)
	}
	if status, _, _ := send("GET", "/health", "", ""); status != 401 { // the gateway's own
		t.Errorf("an endpoint in the place of the gateway's: %d", status)
	}

	req, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+"/bria/stream", nil)
	req.Header.Set("Authorization", "Bearer sk-master")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(resp.Body).ReadString('\n')
	if err != nil || line != "data: one\n" {
		t.Errorf("the stream begins with %q, %v", line, err)
	}
	_ = resp.Body.Close()
	_, metrics := asks(t, a, "sk-master", "GET", "/metrics", "")
	if !strings.Contains(metrics, `door="pass_through_endpoint"`) || !strings.Contains(metrics, `model="/v9/rerank"`) {
		t.Errorf("the metrics: %d %s", status, metrics)
	}
}

func TestLimitsAndBudgetsHoldForEndpointsWithoutACost(t *testing.T) {
	target, got := echoing(t)
	a := start(t, app.Options{Config: load(t, "http://127.0.0.1:1", `
general_settings:
  master_key: sk-master
  pass_through_endpoints:
    - {path: /free, target: "`+target+`/free"}
    - {path: /paid, target: "`+target+`/paid", cost_per_request: 0.25}
`), DataDir: t.TempDir()})
	for _, key := range []string{`{"key":"sk-of-the-test-0002","rpm_limit":1,"allowed_routes":["/free"]}`, `{"key":"sk-of-the-test-0003","max_budget":0.25,"allowed_passthrough_routes":["/free","/paid"]}`} {
		if status, body := asks(t, a, "sk-master", "POST", "/key/generate", key); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
	}
	for _, tt := range []struct {
		key, path string
		status    int
	}{
		{"sk-of-the-test-0002", "/free", 200},
		{"sk-of-the-test-0002", "/free", 429},
		{"sk-of-the-test-0003", "/free", 200},
		{"sk-of-the-test-0003", "/paid", 200},
		{"sk-of-the-test-0003", "/free", 422},
	} {
		status, body := asks(t, a, tt.key, "POST", tt.path, "{}")
		if status != tt.status {
			t.Errorf("%s with %s: %d %s, want %d", tt.path, tt.key, status, body, tt.status)
		}
		if status == 200 {
			_, _ = got()
		}
	}
}

// TestAPathIsThatOfTheSameEndpointHoweverItIsWritten asks a public endpoint for what is below another that needs a key.
func TestAPathIsThatOfTheSameEndpointHoweverItIsWritten(t *testing.T) {
	target, got := echoing(t)
	a := start(t, app.Options{Config: load(t, "http://127.0.0.1:1", `
general_settings:
  master_key: sk-master
  pass_through_endpoints:
    - {path: /open, target: "`+target+`/v1", include_subpath: true, auth: false}
    - {path: /open/private, target: "`+target+`/v1/private", include_subpath: true}
`), DataDir: t.TempDir()})
	for path, want := range map[string]int{
		"/open/a": 200, "/open/https%3A%2F%2Fexample.com": 200, "/open/private/a": 401,
		"/open/%70rivate/a": 401, "/open/private%2Fa": 401, "/open//private/a": 400, "/open/%2Fprivate/a": 400, "/open/./private/a": 400,
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.URL()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("%s without a key: %d, want %d", path, resp.StatusCode, want)
		}
		if resp.StatusCode == http.StatusOK {
			_, _ = got()
		}
	}
}

// TestEndpointsAreForThoseToWhomTheyAreGranted has the lists of keys and teams, and who may write them.
func TestEndpointsAreForThoseToWhomTheyAreGranted(t *testing.T) {
	target, got := echoing(t)
	a := start(t, app.Options{Config: load(t, "http://127.0.0.1:1", `
general_settings:
  master_key: sk-master
  pass_through_endpoints:
    - {path: /bria, target: "`+target+`/v1", include_subpath: true, auth: true}
    - {path: /hook, target: "`+target+`/hook", auth: false}
`), DataDir: t.TempDir()})
	const granted, plain, ofTeam, ofUser = "sk-of-the-test-0004", "sk-of-the-test-0005", "sk-of-the-test-0006", "sk-of-the-test-0007"
	tell(t, a,
		exchange{"POST", "/key/generate", `{"key":"` + granted + `","allowed_passthrough_routes":["/bria"]}`, 200, `"metadata":{"allowed_passthrough_routes":["/bria"]}`},
		exchange{"POST", "/key/generate", `{"key":"` + plain + `","allowed_routes":["/bria/x","/hook"]}`, 200, ""},
		exchange{"POST", "/user/new", `{"user_id":"ann","user_role":"internal_user","auto_create_key":false}`, 200, ""},
		exchange{"POST", "/team/new", `{"team_id":"t","allowed_passthrough_routes":["/bria"],"denied_passthrough_routes":["/bria/admin"],"members_with_roles":[{"user_id":"ann","role":"admin"}]}`, 200, ""},
		exchange{"POST", "/key/generate", `{"key":"` + ofTeam + `","team_id":"t"}`, 200, ""},
		exchange{"POST", "/key/generate", `{"key":"` + ofUser + `","user_id":"ann"}`, 200, ""},
	)
	for _, tt := range []struct {
		key, method, path, body string
		status                  int
		says                    string
	}{
		{granted, "POST", "/bria/x", "{}", 200, ""},
		{"sk-master", "POST", "/bria/x", "{}", 200, ""},
		{plain, "POST", "/bria/x", "{}", 403, `"code":"403"`},
		{plain, "POST", "/hook", "{}", 200, ""},
		{ofTeam, "POST", "/bria/x", "{}", 200, ""},
		{ofTeam, "POST", "/bria/admin/users", "{}", 403, "denied_passthrough_routes"},
		{ofTeam, "POST", "/bria/%61dmin", "{}", 403, "denied_passthrough_routes"},
		{ofUser, "POST", "/key/generate", `{"key":"sk-of-the-test-0008","allowed_passthrough_routes":["/bria"]}`, 403, "allowed_passthrough_routes"},
		{ofUser, "POST", "/key/generate", `{"key":"sk-of-the-test-0008","metadata":{"allowed_passthrough_routes":["/bria"]}}`, 403, "allowed_passthrough_routes"},
		{ofUser, "POST", "/key/update", `{"key":"` + ofUser + `","metadata":{"allowed_passthrough_routes":["/bria"]}}`, 403, "allowed_passthrough_routes"},
		{ofUser, "POST", "/team/update", `{"team_id":"t","metadata":{"denied_passthrough_routes":[]}}`, 403, "denied_passthrough_routes"},
		{ofUser, "POST", "/team/update", `{"team_id":"t","denied_passthrough_routes":null}`, 403, "denied_passthrough_routes"},
		{ofUser, "POST", "/team/update", `{"team_id":"t","metadata":{"note":"x"}}`, 200, `"denied_passthrough_routes":["/bria/admin"]`},
		{ofUser, "POST", "/team/update", `{"team_id":"t","metadata":{"denied_passthrough_routes":["/bria/admin"]}}`, 200, ""},
	} {
		status, body := asks(t, a, tt.key, tt.method, tt.path, tt.body)
		if status != tt.status || !strings.Contains(body, tt.says) {
			t.Errorf("%s %s with %s: %d %s, want %d with %s", tt.path, tt.body, tt.key, status, body, tt.status, tt.says)
		}
		if status == http.StatusOK && !strings.HasPrefix(tt.path, "/team/") {
			_, _ = got()
		}
	}
}
