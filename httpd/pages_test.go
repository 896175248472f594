package httpd

import (
	"html"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/openaichat"
	"outcrop/telemetry"
)

// Clients of APIs that are not served hear that, and what is.
func TestAPIsThatAreNotServedYet(t *testing.T) {
	h := newServer("", &router{})
	for path, api := range map[string]string{
		"/anthropic/v1/messages/batches": "Anthropic's API for batches",
		"/v1/responses":                  "OpenAI's Responses API",
		"/responses/resp_1":              "OpenAI's Responses API",
		"/v1/messagesand":                "",
		"/nothing":                       "",
	} {
		w := send(h, "POST", path, "{}")
		body := w.Body.String()
		if w.Code != 404 || strings.Contains(body, "is not available in this gateway yet") != (api != "") || !strings.Contains(body, api) || strings.Contains(body, "POST /v1/chat/completions") != (api != "") {
			t.Errorf("%s: %d %s", path, w.Code, body)
		}
	}
}

func TestAnUnknownPathGetsTheNearestOneThatIsServed(t *testing.T) {
	h := newServer("", &router{})
	for path, near := range map[string]string{
		"/v1/chat/completion":                     "POST /v1/chat/completions",
		"/v1/chat/completions/":                   "POST /v1/chat/completions",
		"/v1/v1/chat/completions":                 "POST /v1/chat/completions",
		"/openai/v1/chat/completions":             "POST /v1/chat/completions",
		"/v1/chatcompletions":                     "POST /v1/chat/completions",
		"/chat/completion":                        "POST /chat/completions",
		"/v1/model":                               "GET /v1/models",
		"/openai/deployments/a/b/chat/completion": "",
		"/openai/deployments/a/chat/completion":   "POST /openai/deployments/a/chat/completions",
		"/health/ready":                           "",
		"/health/readyness":                       "GET /health/readiness",
		"/openapi.jsn":                            "GET /openapi.json",
		"/metric":                                 "GET /metrics",
		"/nothing":                                "",
		"/favicon.ico":                            "",
		"/" + strings.Repeat("v1/", 1000):         "",
	} {
		w := send(h, "POST", path, "{}")
		body := w.Body.String()
		if w.Code != 404 || strings.Contains(body, "Did you mean") != (near != "") || !strings.Contains(body, near) || !strings.Contains(body, `"code":"gateway.not_found"`) {
			t.Errorf("%s: %d %s, want %q", path, w.Code, body, near)
		}
	}
}

func TestIndexNamesAModelOnlyWhereEverybodyMayCallIt(t *testing.T) {
	for key, want := range map[string]string{"": `"model":"gran'\''ite"`, "sk-master": `"model":"MODEL"`} {
		h := New(Options{
			Gateway: gateway.New(gateway.Options{Router: &router{}, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), MasterKey: key}),
			Sample:  "gran'ite", Logger: slog.New(slog.DiscardHandler),
		})
		page := html.UnescapeString(send(h, "GET", "/", "", "Accept", "text/html").Body.String())
		if !strings.Contains(page, want) || strings.Contains(page, "MODEL") != (key != "") {
			t.Errorf("with the key %q there is no %s in\n%s", key, want, page)
		}
	}
}

func TestIndexIsAPageForPeople(t *testing.T) {
	h := newServer("sk-master", &router{})
	page := send(h, "GET", "/", "", "Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	data := send(h, "GET", "/", "")
	if page.Code != 200 || !strings.HasPrefix(page.Header().Get("Content-Type"), "text/html") || data.Code != 200 || data.Header().Get("Content-Type") != "application/json" {
		t.Errorf("got %d %v and %d %v", page.Code, page.Header(), data.Code, data.Header())
	}
	for _, text := range []string{page.Body.String(), data.Body.String()} {
		for _, want := range []string{"/v1/chat/completions", "/health/readiness", "/metrics"} {
			if !strings.Contains(text, want) {
				t.Errorf("%s is not in %s", want, text)
			}
		}
		if strings.Contains(text, "sk-master") || strings.Contains(text, "granite") {
			t.Errorf("a secret or a model stands in %s", text)
		}
	}
}

func TestIndexHasACommandToCopyAndSaysWhatNeedsTheKey(t *testing.T) {
	page := func(key, host string) string {
		g := gateway.New(gateway.Options{Router: &router{}, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), MasterKey: key})
		h := New(Options{
			Version: "1.2.3", Logger: slog.New(slog.DiscardHandler),
			Gateway: g,
			Doors:   []door.Frontend{openaichat.New(g, door.Options{MaxBody: 1 << 20})},
			Models:  func() []Model { return nil },
		})
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Host = host
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return html.UnescapeString(w.Body.String())
	}
	open, locked := page("", "gateway.test:4000"), page("sk-master", "gateway.test:4000")
	for _, want := range []string{"Outcrop 1.2.3", "curl http://gateway.test:4000/v1/chat/completions -H 'Content-Type: application/json' -d '{\"model\":\"MODEL\"", "reads the lists of models again", "the same without the prefix /v1", "LiteLLM's health check"} {
		if !strings.Contains(open, want) {
			t.Errorf("there is no %q in\n%s", want, open)
		}
	}
	for text, want := range map[string]bool{"POST</code><td><code>/v1/chat/completions</code><td>chat completions in OpenAI's format<td>key": true, "whether the process runs<td>key": false, "-H \"Authorization: Bearer $LITELLM_MASTER_KEY\"": true} {
		if strings.Contains(locked, text) != want || strings.Contains(open, text) {
			t.Errorf("%q with a key: %v, without: %v", text, strings.Contains(locked, text), strings.Contains(open, text))
		}
	}
	if bad := page("", "x';rm -rf ~;'"); strings.Contains(bad, "rm -rf") || !strings.Contains(bad, "curl http://127.0.0.1:4000/") {
		t.Errorf("an invalid host is in the command to copy:\n%s", bad)
	}
}
