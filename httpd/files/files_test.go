package files

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/llm"
	"outcrop/route"
	"outcrop/store"
	"outcrop/telemetry"
	wire "outcrop/wire/openaiapi"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// router is an account with three files, of which it answers every request with the list, or with one.
type router struct {
	gateway.Router // of which nothing else is called

	asked []*llm.Raw
	over  string // members of a batch that is over
}

func (*router) PriceAt(deployment, model string) llm.Pricer {
	if deployment != "d-1" || model != "rock-2026" {
		return nil
	}
	return &llm.Prices{Rates: []llm.Rates{{Input: llm.Some(llm.Cost(2_000_000)), Output: llm.Some(llm.Cost(4_000_000))}, {Tier: llm.TierBatch, Input: llm.Some(llm.Cost(1_000_000)), Output: llm.Some(llm.Cost(2_000_000))}}}
}

func (*router) Group(name string) string        { return name }
func (*router) Settings(string) *route.Settings { return &route.Settings{} }

func (*router) Account(string, string, string) (route.Account, bool) {
	return route.Account{Model: "chatted", Deployment: "d-1"}, true
}

func (r *router) Relay(_ context.Context, raw *llm.Raw, _ *route.Translation) (*llm.RawResponse, error) {
	r.asked = append(r.asked, raw)
	body := `{"object":"list","data":[{"id":"file-1"},{"id":"file-2"}],"first_id":"file-1","last_id":"file-2","has_more":false}`
	switch {
	case raw.Dialect == llm.DialectBatches:
		body = `{"id":"batch_1","object":"batch","input_file_id":"file-1","output_file_id":"file-9"` + r.over + `}`
	case raw.Method == http.MethodPost:
		body = `{"id":"file-1","object":"file"}`
	case len(raw.Path) > 0:
		body = `{"id":"` + raw.Path[0] + `","object":"file"}`
	}
	return &llm.RawResponse{Body: []byte(body)}, nil
}

// world is the frontends, whose requests come from a caller.
type world struct {
	t       *testing.T
	router  *router
	gateway *gateway.Gateway
	doors   []door.Frontend
	header  http.Header // of the last response
}

func newWorld(t *testing.T) *world {
	t.Helper()
	r := &router{}
	g := gateway.New(gateway.Options{Router: r, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler))})
	keeper := store.NewKeeper(store.KeeperOptions{Options: store.Options{Dir: t.TempDir()}, Logger: slog.New(slog.DiscardHandler)})
	t.Cleanup(func() {
		if err := keeper.Close(); err != nil {
			t.Error(err)
		}
	})
	return &world{t: t, router: r, gateway: g, doors: New(g, Options{Options: door.Options{MaxBody: 1 << 20}, Keeper: keeper})}
}

// ask makes a request of a caller, and returns the status and the body of the response.
func (w *world) ask(caller string, handle func(*exchange) error, frontend int, method, id, kind, body string) (int, string) {
	w.t.Helper()
	h, ok := w.doors[frontend].(*Handler)
	if !ok {
		w.t.Fatal("another frontend")
	}
	r := httptest.NewRequestWithContext(w.t.Context(), method, "/v1/files", strings.NewReader(body))
	r.Header.Set("Content-Type", kind)
	r.SetPathValue("id", id)
	out := httptest.NewRecorder()
	call := w.gateway.Begin("test", "id")
	defer call.End(w.t.Context())
	if err := call.Identify(w.t.Context(), caller, ""); err != nil {
		w.t.Fatal(err)
	}
	w.header = out.Header()
	if err := handle(&exchange{h: h, w: out, r: r, call: call}); err != nil {
		h.WriteError(out, call.Fail(err))
	}
	text, _ := io.ReadAll(out.Body)
	return out.Code, string(text)
}

// upload keeps a file of key-1, and returns its id.
func (w *world) upload() string {
	w.t.Helper()
	const form = "--b\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nuser_data\r\n--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nx\r\n--b--\r\n"
	status, body := w.ask("key-1", (*exchange).upload, 0, http.MethodPost, "", "multipart/form-data; boundary=b", form)
	if status != http.StatusOK {
		w.t.Fatalf("%d %s", status, body)
	}
	return wire.Member([]byte(body), "id")
}

func TestAnIDOfAnotherKeyIsNotFound(t *testing.T) {
	w := newWorld(t)
	mine := w.upload()
	for caller, want := range map[string]int{"key-1": 200, "key-2": 404, "": 200} {
		status, body := w.ask(caller, (*exchange).get, 0, http.MethodGet, mine, "", "")
		if status != want || want == 404 && !strings.Contains(body, `"code":"gateway.state_not_found"`) {
			t.Errorf("%q: %d %s", caller, status, body)
		}
	}
	before := len(w.router.asked)
	for _, id := range []string{"file-1", wire.ID{Kind: wire.KindFile, Model: "chatted", Deployment: "d-1", Own: "file-2"}.String()} {
		if status, body := w.ask("key-1", (*exchange).get, 0, http.MethodGet, id, "", ""); status != 404 {
			t.Errorf("%s: %d %s", id, status, body)
		}
	}
	if status, body := w.ask("key-2", (*exchange).create, 1, http.MethodPost, "", "application/json", `{"input_file_id":"`+mine+`","endpoint":"/v1/chat/completions","completion_window":"24h"}`); status != 400 || !strings.Contains(body, `"param":"input_file_id"`) {
		t.Errorf("%d %s", status, body)
	}
	if len(w.router.asked) != before {
		t.Errorf("%d requests for what is not the caller's", len(w.router.asked)-before)
	}
}

func TestAListHasOnlyWhatIsTheCallers(t *testing.T) {
	w := newWorld(t)
	mine := w.upload()
	for caller, want := range map[string]int{"key-1": 1, "key-2": 0, "": 2} {
		status, body := w.ask(caller, (*exchange).list, 0, http.MethodGet, "", "", "")
		if n := strings.Count(body, `{"id":`); status != 200 || n != want || want == 1 && !strings.Contains(body, mine) {
			t.Errorf("%q: %d %s", caller, status, body)
		}
	}
}

func TestWhatABatchMakesIsTheCallers(t *testing.T) {
	w := newWorld(t)
	mine := w.upload()
	status, body := w.ask("key-1", (*exchange).create, 1, http.MethodPost, "", "application/json", `{"input_file_id":"`+mine+`","model":"chatted","endpoint":"/v1/chat/completions","completion_window":"24h"}`)
	raw := w.router.asked[len(w.router.asked)-1]
	if status != 200 || string(raw.Body) != `{"endpoint":"/v1/chat/completions","completion_window":"24h","input_file_id":"file-1"}` || !raw.Once || raw.Deployment != "d-1" || raw.Model != "chatted" {
		t.Fatalf("%d %s, asked %s %+v", status, body, raw.Body, raw.Call)
	}
	for _, handle := range []func(*exchange) error{(*exchange).get, (*exchange).cancel} {
		if status, body := w.ask("key-1", handle, 1, http.MethodGet, wire.Member([]byte(body), "id"), "", ""); status != 200 {
			t.Errorf("%d %s", status, body)
		}
	}
	if status, body := w.ask("key-1", (*exchange).get, 0, http.MethodGet, wire.Member([]byte(body), "output_file_id"), "", ""); status != 200 {
		t.Errorf("the output: %d %s", status, body)
	}
	if status, _ := w.ask("key-2", (*exchange).get, 0, http.MethodGet, wire.Member([]byte(body), "output_file_id"), "", ""); status != 404 {
		t.Errorf("the output is another's: %d", status)
	}
}

func TestWhatABatchHasCostIsToldWhenItIsOver(t *testing.T) {
	w := newWorld(t)
	_, body := w.ask("key-1", (*exchange).create, 1, http.MethodPost, "", "application/json", `{"input_file_id":"`+w.upload()+`","model":"chatted"}`)
	id := wire.Member([]byte(body), "id")
	const used = `,"model":"rock-2026","usage":{"input_tokens":1000000,"input_tokens_details":{"cached_tokens":0},"output_tokens":500000,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":1500000}`
	for members, want := range map[string]string{
		`,"status":"completed"` + used:   "2",
		`,"status":"cancelled"` + used:   "2",
		`,"status":"in_progress"` + used: "",
		`,"status":"completed"`:          "",
		`,"status":"completed","model":"rock-2026","usage":{"input_tokens":0,"output_tokens":0}`:      "",
		`,"status":"completed","model":"slate-2026","usage":{"input_tokens":1000,"output_tokens":10}`: "",
	} {
		w.router.over = members
		status, body := w.ask("key-1", (*exchange).get, 1, http.MethodGet, id, "", "")
		if got := w.header.Get("X-Outcrop-Batch-Cost"); status != http.StatusOK || got != want || w.header.Get("X-Outcrop-Batch-Cost-Estimated") != "" || w.header.Get("X-Outcrop-Cost") != "" {
			t.Errorf("%s: %d %s, it costs %q", members, status, body, got)
		}
	}
}

func TestADeletedFileIsNobodys(t *testing.T) {
	w := newWorld(t)
	mine := w.upload()
	if status, body := w.ask("key-1", (*exchange).remove, 0, http.MethodDelete, mine, "", ""); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	if status, _ := w.ask("key-1", (*exchange).get, 0, http.MethodGet, mine, "", ""); status != 404 {
		t.Errorf("status %d", status)
	}
}

func TestInvalidBatchesAreRefusedByField(t *testing.T) {
	w := newWorld(t)
	for body, param := range map[string]string{
		`{}`:                       "input_file_id",
		`{"input_file_id":1}`:      "input_file_id",
		`{"input_file_id":"../x"}`: "input_file_id",
		`{"input_file_id":"file-1","api_key":"sk"}`: "api_key",
		`[]`: "null",
	} {
		status, got := w.ask("", (*exchange).create, 1, http.MethodPost, "", "application/json", body)
		if status != 400 || !strings.Contains(got, `"param":"`+param+`"`) && !strings.Contains(got, `"param":`+param) {
			t.Errorf("%s: %d %s", body, status, got)
		}
	}
}
