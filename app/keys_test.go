package app_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"outcrop/app"
)

// asks makes a request with a key, and returns the answer's status and its body.
func asks(t *testing.T, a *app.App, key, method, path, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.URL()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+key)
	req.Header.Set("Content-Type", "application/json")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return read(t, resp)
}

func TestAKeyMayUseItsGroupsModelsOnItsRoutes(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	defer upstream.Close()
	cfg := load(t, upstream.URL, `
  - model_name: basalt
    litellm_params: {model: bedrock/us.amazon.nova-pro-v1:0, aws_region_name: us-east-1, aws_access_key_id: AKIDEXAMPLE, aws_secret_access_key: secret, aws_bedrock_runtime_endpoint: "`+upstream.URL+`"}
    model_info: {access_groups: [beta]}
general_settings: {master_key: sk-master}
`)
	a := start(t, app.Options{Config: cfg})
	status, body := asks(t, a, "sk-master", "POST", "/key/generate", `{"key":"sk-of-the-test-0001","models":["beta"],"allowed_routes":["/v1/chat/completions","/v1/models"],"max_budget":1}`)
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	const key, chat = "sk-of-the-test-0001", `","messages":[{"role":"user","content":"hi"}],"tags":["a"]}`
	for _, tt := range []struct {
		method, path, body string
		status             int
		says               string
	}{
		{"POST", "/v1/chat/completions", `{"model":"basalt` + chat, 200, `"content":"granite"`},
		{"POST", "/v1/chat/completions", `{"model":"granite` + chat, 403, "key_model_access_denied"},
		{"POST", "/v1/messages", `{"model":"basalt","max_tokens":5,"messages":[{"role":"user","content":"hi"}]}`, 403, "this key may not call /v1/messages."},
		{"GET", "/v1/models", "", 200, `"basalt"`},
		{"GET", "/health", "", 403, "this key may not call /health."},
	} {
		status, body := asks(t, a, key, tt.method, tt.path, tt.body)
		if status != tt.status || !strings.Contains(body, tt.says) {
			t.Errorf("%s %s %s: %d %s", tt.method, tt.path, tt.body, status, body)
		}
		if tt.path == "/v1/models" && strings.Contains(body, `"granite"`) {
			t.Errorf("the list has a model that the key may not call: %s", body)
		}
	}
}

// TestTeamsAreToldApartAtAWS has a role whose sessions have the team's tag, and teams for which one name means two
// inference profiles of the account.
func TestTeamsAreToldApartAtAWS(t *testing.T) {
	const profile = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/"
	var mu sync.Mutex
	var assumed []url.Values
	var called []string // the session and the path of calls
	aws := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.URL.Path == "/" {
			_ = r.ParseForm()
			assumed = append(assumed, r.Form)
			_, _ = fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIA-%s-%s</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
				r.Form.Get("Tags.member.1.Key"), r.Form.Get("Tags.member.1.Value"))
			return
		}
		_, _ = io.Copy(io.Discard, r.Body)
		session, _, _ := strings.Cut(strings.TrimPrefix(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256 Credential="), "/")
		called = append(called, session+" "+r.URL.EscapedPath())
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	defer aws.Close()
	to := `aws_region_name: us-east-1, aws_access_key_id: AKIDEXAMPLE, aws_secret_access_key: secret, aws_role_name: "arn:aws:iam::123456789012:role/bedrock", aws_sts_endpoint: "` + aws.URL + `", aws_bedrock_runtime_endpoint: "` + aws.URL + `"`
	a := start(t, app.Options{Config: load(t, aws.URL, `
  - {model_name: nova, litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, `+to+`}}
  - {model_name: nova-of-geology, litellm_params: {model: bedrock/us.amazon.nova-lite-v1:0, model_id: "`+profile+`geology00001", `+to+`}}
general_settings: {master_key: sk-master}
outcrop_settings: {bedrock: {session_tags: [team_id]}}
`)})
	tell(
		t, a,
		exchange{"POST", "/team/new", `{"team_id":"geology","models":["nova-of-geology"],"model_aliases":{"nova":"nova-of-geology"}}`, 200, ""},
		exchange{"POST", "/team/new", `{"team_id":"mining"}`, 200, ""},
		exchange{"POST", "/key/generate", `{"key":"sk-of-geology-00001","team_id":"geology"}`, 200, ""},
		exchange{"POST", "/key/generate", `{"key":"sk-of-mining-000001","team_id":"mining"}`, 200, ""},
		exchange{"POST", "/key/generate", `{"key":"sk-of-nobody-000001"}`, 200, ""},
	)
	for _, key := range []string{"sk-of-geology-00001", "sk-of-mining-000001", "sk-of-nobody-000001", "sk-of-geology-00001"} {
		for path, body := range map[string]string{
			"/v1/chat/completions": `{"model":"nova","messages":[{"role":"user","content":"hi"}]}`,
			"/v1/messages":         `{"model":"nova","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}`,
			"/model/nova/converse": `{"messages":[{"role":"user","content":[{"text":"hi"}]}]}`,
		} {
			if status, body := asks(t, a, key, "POST", path, body); status != 200 {
				t.Errorf("%s %s: %d %s", key, path, status, body)
			}
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if len(assumed) != 3 {
		t.Errorf("%d sessions: %v", len(assumed), assumed)
	}
	count := map[string]int{}
	for _, c := range called {
		count[c]++
	}
	own := "/model/" + url.PathEscape(profile+"geology00001") + "/converse"
	want := map[string]int{"ASIA-team_id-geology " + strings.ReplaceAll(own, ":", "%3A"): 6, "ASIA-team_id-mining /model/us.amazon.nova-lite-v1%3A0/converse": 3, "ASIA-- /model/us.amazon.nova-lite-v1%3A0/converse": 3}
	if !maps.Equal(count, want) {
		t.Errorf("got %v\nwant %v", count, want)
	}
}

func TestRowsOfSpendHaveTheClientsAddress(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	defer upstream.Close()
	for _, tt := range []struct {
		setting string
		headers []string
		want    string
	}{
		{"", []string{"203.0.113.7"}, "127.0.0.1"}, // anybody can write the header
		{", use_x_forwarded_for: true", nil, "127.0.0.1"},
		{", use_x_forwarded_for: true", []string{""}, "127.0.0.1"},
		{", use_x_forwarded_for: true", []string{"203.0.113.7"}, "203.0.113.7"},
		{", use_x_forwarded_for: true", []string{"203.0.113.7, 198.51.100.2"}, "203.0.113.7, 198.51.100.2"},
		{", use_x_forwarded_for: true", []string{strings.Repeat("1", 5000)}, strings.Repeat("1", 190)},
	} {
		a := start(t, app.Options{DataDir: t.TempDir(), Config: load(t, upstream.URL, "general_settings: {master_key: sk-master"+tt.setting+"}\n")})
		tell(t, a, exchange{"POST", "/key/generate", `{"key":"sk-of-the-test-0001"}`, 200, ""})
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+"/v1/chat/completions", strings.NewReader(`{"model":"granite","messages":[{"role":"user","content":"hi"}]}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{"Authorization": {"Bearer sk-of-the-test-0001"}, "Content-Type": {"application/json"}}
		for _, h := range tt.headers {
			req.Header.Add("X-Forwarded-For", h)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if status, body := read(t, resp); status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		_, rows := asks(t, a, "sk-master", http.MethodGet, "/spend/logs?summarize=false", "")
		for !strings.Contains(rows, `"requester_ip_address":"`) { // until the row is posted
			_, rows = asks(t, a, "sk-master", http.MethodGet, "/spend/logs?summarize=false", "")
		}
		_, after, _ := strings.Cut(rows, `"requester_ip_address":"`)
		if address, _, _ := strings.Cut(after, `"`); address != tt.want && (len(tt.want) != 190 || !strings.HasPrefix(address, tt.want) || len(address) >= 210) {
			t.Errorf("%s by %q: %s", tt.setting, tt.headers, rows)
		}
	}
}
