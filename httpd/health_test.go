package httpd

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"testing"
	"time"

	"outcrop/gateway"
	"outcrop/llm"
	"outcrop/telemetry"
)

// checks are two entries, of which one is well.
type checks struct{ brief bool }

func (checks) Check(_ context.Context, name, id string) []Checked {
	return slices.DeleteFunc([]Checked{
		{Name: "granite", Model: "bedrock/granite", ID: "1", Provider: "bedrock", Mode: "chat"},
		{Name: "basalt", Model: "openai/basalt", ID: "2", Provider: "openai", Fault: "network.unreachable: nobody answers", Status: 502},
	}, func(c Checked) bool { return name != "" && c.Name != name || id != "" && c.ID != id })
}

func (checks) Connect(_ context.Context, c *Connection) (*Checked, error) {
	return &Checked{Name: c.Model, ID: c.ID, Model: string(c.Params), Mode: string(c.Info)}, nil
}

func (checks) Records() (all []CheckRecord) {
	at := time.Date(2026, 11, 30, 6, 0, 0, 0, time.UTC)
	for i, c := range slices.Repeat(checks{}.Check(context.Background(), "", ""), 3) {
		all = append(all, CheckRecord{Checked: c, RecordID: string(rune('a' + i)), At: at.Add(-time.Duration(i) * time.Minute), Took: 1500 * time.Microsecond})
	}
	return all
}

func (c checks) Brief() bool { return c.brief }

func checkedServer(c checks, ready Ready) func(path string) (status int, body string) {
	h := New(Options{
		Gateway: gateway.New(gateway.Options{Router: &router{}, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), MasterKey: "sk-master"}),
		Health:  c, Ready: ready, Logger: slog.New(slog.DiscardHandler),
		Entries: func() []Entry { return []Entry{{ID: "1"}, {ID: "2"}} },
	})
	return func(path string) (int, string) {
		w := send(h, "GET", path, "", "Authorization", "Bearer sk-master")
		return w.Code, w.Body.String()
	}
}

func TestHealthAsLiteLLMTellsIt(t *testing.T) {
	denied := &llm.Error{Code: llm.CodeCredentialsMissing, Status: 403, Message: "no credentials"}
	const granite, basalt = `{"model":"bedrock/granite","model_name":"granite","model_id":"1","custom_llm_provider":"bedrock","mode":"chat"}`,
		`{"model":"openai/basalt","model_name":"basalt","model_id":"2","custom_llm_provider":"openai","error":"network.unreachable: nobody answers","exception_status":502}`
	for _, tt := range []struct {
		name, query string
		brief       bool
		ready       Ready
		status      int
		body        string
	}{
		{"well", "", false, nil, 200, `{"healthy_endpoints":[` + granite + `],"unhealthy_endpoints":[` + basalt + `],"healthy_count":1,"unhealthy_count":1}`},
		{"without details", "", true, nil, 200, `{"healthy_endpoints":[{"model":"bedrock/granite","model_name":"granite","model_id":"1"}],"unhealthy_endpoints":[{"model":"openai/basalt","model_name":"basalt","model_id":"2","exception_status":502}],"healthy_count":1,"unhealthy_count":1}`},
		{"one name", "?model=granite", false, nil, 200, `{"healthy_endpoints":[` + granite + `],"unhealthy_endpoints":[],"healthy_count":1,"unhealthy_count":0}`},
		{"one deployment that fails", "?model_id=2", false, nil, 503, `{"healthy_endpoints":[],"unhealthy_endpoints":[` + basalt + `],"healthy_count":0,"unhealthy_count":1}`},
		{"an unknown name", "?model=slate", false, nil, 503, `{"healthy_endpoints":[],"unhealthy_endpoints":[],"healthy_count":0,"unhealthy_count":0}`},
		{"not ready", "?model=granite", false, func(context.Context) error { return denied }, 503, `{"healthy_endpoints":[],"unhealthy_endpoints":[{"model":"bedrock/granite","model_name":"granite","model_id":"1","custom_llm_provider":"bedrock","mode":"chat","error":"credentials.missing: no credentials"}],"healthy_count":0,"unhealthy_count":1}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if status, body := checkedServer(checks{tt.brief}, tt.ready)("/health" + tt.query); status != tt.status || body != tt.body {
				t.Errorf("got %d %s", status, body)
			}
		})
	}
	if status, body := checkedServer(checks{}, nil)("/health?model_id=3"); status != 404 {
		t.Errorf("an unknown id: %d %s", status, body)
	}
}

func TestTheHistoryOfHealthChecksIsListedByPagesAndFilters(t *testing.T) {
	ask := checkedServer(checks{}, nil)
	for query, want := range map[string]string{
		"":                        "a b c d e f",
		"?model=basalt":           "b d f",
		"?status_filter=healthy":  "a c e",
		"?limit=2&offset=1":       "b c",
		"?model=granite&offset=2": "e",
		"?offset=9":               "",
	} {
		status, body := ask("/health/history" + query)
		var got struct {
			Checks []struct {
				ID     string  `json:"health_check_id"`
				Name   string  `json:"model_name"`
				Status string  `json:"status"`
				Error  *string `json:"error_message"`
				Took   float64 `json:"response_time_ms"`
			} `json:"health_checks"`
			Total int `json:"total_records"`
		}
		if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 {
			t.Fatalf("%s: %d %s", query, status, body)
		}
		ids := ""
		for _, c := range got.Checks {
			if ids != "" {
				ids += " "
			}
			ids += c.ID
			if (c.Status == "healthy") != (c.Name == "granite") || (c.Error == nil) != (c.Name == "granite") || c.Took != 1.5 {
				t.Errorf("%+v", c)
			}
		}
		if ids != want || got.Total != len(got.Checks) {
			t.Errorf("%s: %s, want %s", query, ids, want)
		}
	}
	if status, _ := ask("/health/history?limit=1001"); status != 400 {
		t.Errorf("a page that is too large: %d", status)
	}
	_, body := ask("/health/latest")
	var latest struct {
		Checks map[string]struct {
			ID string `json:"health_check_id"`
		} `json:"latest_health_checks"`
		Total int `json:"total_models"`
	}
	if err := json.Unmarshal([]byte(body), &latest); err != nil || latest.Total != 2 || latest.Checks["1"].ID != "a" || latest.Checks["2"].ID != "b" {
		t.Errorf("%s", body)
	}
}

func TestDrainNeedsItsTokenAndNoKey(t *testing.T) {
	drained := 0
	server := func(d *Drain) http.Handler {
		return New(Options{
			Gateway: gateway.New(gateway.Options{Router: &router{}, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), MasterKey: "sk-master"}),
			Drain:   d, Logger: slog.New(slog.DiscardHandler),
		})
	}
	if w := send(server(nil), "GET", "/health/drain", "", "Authorization", "Bearer sk-master"); w.Code != 404 {
		t.Errorf("without the setting: %d", w.Code)
	}
	h := server(&Drain{Token: "let me", Drain: func(context.Context) int64 { drained++; return 3 }})
	for token, status := range map[string]int{"": 401, "let": 401, "let me": 200} {
		if w := send(h, "GET", "/health/drain", "", "X-Drain-Token", token); w.Code != status || status == 200 && w.Body.String() != `{"status":"drained","drained_requests":3}` {
			t.Errorf("%q: %d %s", token, w.Code, w.Body)
		}
	}
	if drained != 1 {
		t.Errorf("drained %d times", drained)
	}
}
