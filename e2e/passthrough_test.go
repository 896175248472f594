package e2e

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// passThroughConfig has a model of each provider at one address.
const passThroughConfig = `
general_settings: {master_key: ` + masterKey + `}
model_list:
  - {model_name: a, litellm_params: {model: openai/gpt-4o, api_key: ` + vendorSecret + `, api_base: "UPSTREAM/v1"}}
  - {model_name: b, litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: ` + vendorSecret + `, api_base: "UPSTREAM"}}
  - {model_name: c, litellm_params: {model: gemini/gemini-2.5-pro, api_key: ` + vendorSecret + `, api_base: "UPSTREAM"}}
  - {model_name: d, litellm_params: {model: cohere/command-a, api_key: ` + vendorSecret + `, api_base: "UPSTREAM"}}
  - {model_name: e, litellm_params: {model: azure/gpt-4o, api_key: ` + vendorSecret + `, api_base: "UPSTREAM"}}
  - {model_name: f, litellm_params: {model: hosted_vllm/qwen, api_key: ` + vendorSecret + `, api_base: "UPSTREAM/v1"}}
`

// send makes a request with a path as it is written, and reads the body of the response.
func (g *gateway) send(t *testing.T, method, path, body string, header map[string]string) reply {
	t.Helper()
	resp := g.begin(t, method, path, body, header)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, string(text)}
}

// begin makes a request with a path as it is written.
func (g *gateway) begin(t *testing.T, method, path, body string, header map[string]string) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	u, err := url.Parse(g.URL())
	if err != nil {
		t.Fatal(err)
	}
	u.Opaque = path
	req, err := http.NewRequestWithContext(ctx, method, g.URL(), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.URL = u
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	return resp
}

// Requests for a provider's own API arrive with its credentials, and with nothing of the client's way to
// the gateway.
func TestPassThroughSendsTheProvidersCredentialsAndNoOthers(t *testing.T) {
	v := startVendor(t, func(w http.ResponseWriter, _ vendorCall) {
		for name, value := range map[string]string{
			"Content-Type": "application/json", "X-Ratelimit-Remaining-Requests": "7", "Set-Cookie": "a=b", "Access-Control-Allow-Origin": "*", "X-Request-Id": "req_granite",
		} {
			w.Header().Set(name, value)
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"ok":true}`)
	})
	g := startApp(t, strings.ReplaceAll(passThroughConfig, "UPSTREAM", v.URL), "", nil)
	for _, tt := range []struct {
		method, path, keyed, upstream, key string
	}{
		{"GET", "/openai/v1/fine_tuning/jobs?limit=2", "Authorization", "/v1/fine_tuning/jobs?limit=2", "Authorization"},
		{"POST", "/openai/fine_tuning/jobs", "Authorization", "/v1/fine_tuning/jobs", "Authorization"},
		{"POST", "/openai_passthrough/v1/chat/completions", "Api-Key", "/v1/chat/completions", "Authorization"},
		{"POST", "/openai//v1/assistants", "Authorization", "/v1/assistants", "Authorization"},
		{"POST", "/anthropic/v1/messages/batches", "X-Api-Key", "/v1/messages/batches", "X-Api-Key"},
		{"DELETE", "/anthropic/v1/files/a%2Fb", "X-Api-Key", "/v1/files/a%2Fb", "X-Api-Key"},
		{"POST", "/gemini/v1beta/models/gemini-2.5-pro:generateContent?key=" + masterKey + "&alt=sse", "", "/v1beta/models/gemini-2.5-pro:generateContent?alt=sse", "X-Goog-Api-Key"},
		{"GET", "/gemini/v1/models", "X-Goog-Api-Key", "/v1/models", "X-Goog-Api-Key"},
		{"POST", "/cohere/v2/chat", "Authorization", "/v2/chat", "Authorization"},
		{"PUT", "/azure/openai/deployments/gpt-4o/x?api-version=1", "Api-Key", "/openai/deployments/gpt-4o/x?api-version=1", "Api-Key"},
		{"POST", "/vllm/tokenize", "Authorization", "/tokenize", "Authorization"},
		{"PATCH", "/hosted_vllm/v1/models", "X-Litellm-Api-Key", "/v1/models", "Authorization"},
	} {
		v.taken()
		header := map[string]string{
			"Content-Type": "application/x-test", "X-Test": "granite", "Connection": "X-Hop", "X-Hop": "1", "X-Forwarded-For": "10.0.0.1", "Cookie": "session=1",
			"Anthropic-Version": "2099-01-01", "Accept-Encoding": "gzip", "User-Agent": "client",
		}
		switch tt.keyed {
		case "":
		case "Authorization":
			header[tt.keyed] = "Bearer " + masterKey
		default:
			header[tt.keyed] = masterKey
		}
		r := g.send(t, tt.method, tt.path, "body of granite", header)
		if r.status != http.StatusCreated || r.body != `{"ok":true}` || r.header.Get("X-Ratelimit-Remaining-Requests") != "7" || r.header.Get("X-Outcrop-Upstream-Id") != "req_granite" {
			t.Errorf("%s: %d %s %v", tt.path, r.status, r.body, r.header)
		}
		if r.header.Get("Set-Cookie") != "" || r.header.Get("Access-Control-Allow-Origin") != "" || r.header.Get("X-Request-Id") == "req_granite" {
			t.Errorf("%s: headers of the connection reached the client: %v", tt.path, r.header)
		}
		sent := v.taken()
		if len(sent) != 1 || sent[0].Method != tt.method || sent[0].Path != tt.upstream || string(sent[0].Body) != "body of granite" {
			t.Fatalf("%s: sent %+v", tt.path, sent)
		}
		h := sent[0].Header
		if !strings.HasSuffix(h.Get(tt.key), vendorSecret) || h.Get("X-Test") != "granite" || h.Get("Content-Type") != "application/x-test" {
			t.Errorf("%s: sent %v", tt.path, h)
		}
		for _, name := range []string{"X-Hop", "X-Forwarded-For", "Cookie", "Accept-Encoding"} {
			if h.Get(name) != "" {
				t.Errorf("%s: sent %s", tt.path, name)
			}
		}
		if text := fmt.Sprint(sent[0].Path, h); strings.Contains(text, masterKey) {
			t.Errorf("%s: the gateway's key was sent: %s", tt.path, text)
		}
		if strings.HasPrefix(tt.path, "/anthropic") && h.Get("Anthropic-Version") != "2099-01-01" {
			t.Errorf("%s: another version: %v", tt.path, h)
		}
	}
	g.stop(t)
	log := g.log.text.String()
	if n := strings.Count(log, `"door":"pass_through"`); n != 12 || strings.Contains(log, vendorSecret) || strings.Contains(log, "body of granite") {
		t.Errorf("%d lines: %s", n, log)
	}
}

// No path and no query reaches another address, and what is not admitted reaches none.
func TestPassThroughReachesNoOtherAddress(t *testing.T) {
	v := startVendor(t, func(w http.ResponseWriter, _ vendorCall) { _, _ = io.WriteString(w, "{}") })
	g := startApp(t, strings.ReplaceAll(strings.ReplaceAll(passThroughConfig, "UPSTREAM/v1", "UPSTREAM/team/v1"), "UPSTREAM", v.URL), "", nil)
	authorized := map[string]string{"Authorization": "Bearer " + masterKey}
	for _, path := range []string{
		"/openai/../admin", "/openai/v1/..", "/openai/%2e%2e/admin", "/openai/v1/%2E%2e%2fadmin", "/openai/v1/..%5cadmin", "/openai/%252e%252e/admin",
		"/openai/v1/./x", "/openai/v1/a%0d%0aHost:%20evil", "/openai/v1/a%00", "/openai/v1/a%3Fb", "/openai/v1/%zz",
	} {
		r := g.send(t, http.MethodGet, path, "", authorized)
		if r.status != http.StatusBadRequest || strings.Contains(r.body, v.URL) {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	for path, want := range map[string]string{"/openai//evil.example/x": "/team/v1/evil.example/x", "/openai/@evil.example/": "/team/v1/@evil.example/", "/openai/http:%2F%2Fevil.example": "/team/v1/http:%2F%2Fevil.example"} {
		v.taken()
		r := g.send(t, http.MethodGet, path, "", authorized)
		if sent := v.taken(); r.status != http.StatusOK || len(sent) != 1 || sent[0].Path != want {
			t.Errorf("%s: %d, sent %+v", path, r.status, sent)
		}
	}
	v.taken()
	for _, tt := range []struct {
		path, key string
		status    int
	}{
		{"/openai/v1/models", "sk-wrong", 401},
		{"/anthropic/v1/models", "sk-wrong", 401},
		{"/mistral/v1/models", masterKey, 404},
		{"/openai/deployments/a/fine_tuning", masterKey, 404},
		{"/nobody/v1/models", masterKey, 404},
	} {
		r := g.send(t, http.MethodGet, tt.path, "", map[string]string{"Authorization": "Bearer " + tt.key})
		if r.status != tt.status || !strings.Contains(r.body, `"outcrop"`) || strings.HasPrefix(tt.path, "/anthropic") != strings.Contains(r.body, `"type":"error"`) {
			t.Errorf("%s: %d %s", tt.path, r.status, r.body)
		}
	}
	if sent := v.taken(); len(sent) > 0 {
		t.Errorf("sent %+v", sent)
	}
}

// A response is passed on as it comes, with its status; one that breaks off is not taken for a whole.
func TestPassThroughStreamsAndBreaksOff(t *testing.T) {
	more := make(chan struct{})
	v := startVendor(t, func(w http.ResponseWriter, c vendorCall) {
		switch c.Path {
		case "/v1/stream", "/v1/cut":
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: 1\n\n")
			_ = http.NewResponseController(w).Flush()
			<-more
			if c.Path == "/v1/cut" {
				panic(http.ErrAbortHandler)
			}
			_, _ = io.WriteString(w, "data: 2\n\n")
		case "/v1/nothing":
			w.WriteHeader(http.StatusNoContent)
		default:
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"error":{"message":"slow down, `+c.Header.Get("Authorization")+`"}}`)
		}
	})
	g := startApp(t, strings.ReplaceAll(passThroughConfig, "UPSTREAM", v.URL), "", nil)
	authorized := map[string]string{"Authorization": "Bearer " + masterKey}
	for _, path := range []string{"/openai/v1/stream", "/openai/v1/cut"} {
		resp := g.begin(t, http.MethodGet, path, "", authorized)
		defer resp.Body.Close()
		lines := bufio.NewReader(resp.Body)
		if first, err := lines.ReadString('\n'); err != nil || first != "data: 1\n" || resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%s: %q %v", path, first, err)
		}
		more <- struct{}{}
		rest, err := io.ReadAll(lines)
		if (err != nil) != (path == "/openai/v1/cut") || err == nil && string(rest) != "\ndata: 2\n\n" {
			t.Errorf("%s: %q %v", path, rest, err)
		}
	}
	if r := g.send(t, http.MethodDelete, "/openai/v1/nothing", "", authorized); r.status != http.StatusNoContent {
		t.Errorf("status %d", r.status)
	}
	r := g.send(t, http.MethodGet, "/openai/v1/limited", "", authorized)
	if r.status != http.StatusTooManyRequests || r.header.Get("Retry-After") != "3" || r.body != `{"error":{"message":"slow down, Bearer [secret]"}}` {
		t.Errorf("%d %s", r.status, r.body)
	}
	g.stop(t)
	if log := g.log.text.String(); !strings.Contains(log, `"code":"stream.interrupted"`) || !strings.Contains(log, `"status":429`) || strings.Count(log, `"door":"pass_through"`) != 4 {
		t.Errorf("logged %s", log)
	}
}

func TestPassThroughCanBeSwitchedOff(t *testing.T) {
	v := startVendor(t, func(w http.ResponseWriter, _ vendorCall) { _, _ = io.WriteString(w, "{}") })
	g := startApp(t, strings.ReplaceAll(passThroughConfig, "UPSTREAM", v.URL)+"outcrop_settings: {pass_through: false}\n", "", nil)
	r := g.send(t, http.MethodGet, "/openai/v1/models", "", map[string]string{"Authorization": "Bearer " + masterKey})
	if sent := v.taken(); r.status != http.StatusNotFound || len(sent) > 0 {
		t.Errorf("%d %s, sent %+v", r.status, r.body, sent)
	}
}

// Without a model of the provider, the credentials of the environment are used.
func TestPassThroughUsesTheEnvironmentsCredentials(t *testing.T) {
	v := startVendor(t, func(w http.ResponseWriter, _ vendorCall) { _, _ = io.WriteString(w, "{}") })
	g := startApp(t, "general_settings: {master_key: "+masterKey+"}\nmodel_list: []\n", "", map[string]string{"MISTRAL_API_KEY": vendorSecret, "MISTRAL_API_BASE": v.URL + "/v1"})
	r := g.send(t, http.MethodGet, "/mistral/v1/models", "", map[string]string{"Authorization": "Bearer " + masterKey})
	if sent := v.taken(); r.status != http.StatusOK || len(sent) != 1 || sent[0].Path != "/v1/models" || sent[0].Header.Get("Authorization") != "Bearer "+vendorSecret {
		t.Errorf("%d, sent %+v", r.status, sent)
	}
}
