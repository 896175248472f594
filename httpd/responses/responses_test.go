package responses_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop"
	"outcrop/config"
	emulator "outcrop/emulator/bedrock"
	"outcrop/httpd/door"
	"outcrop/httpd/responses"
	"outcrop/internal/jsonx"
	"outcrop/provider/all"
	"outcrop/store"
)

func TestMain(m *testing.M) {
	for _, v := range os.Environ() { // no setting of this machine's for AWS or LiteLLM counts
		if name, _, _ := strings.Cut(v, "="); strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "LITELLM_") {
			os.Unsetenv(name)
		}
	}
	os.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	os.Setenv("AWS_CONFIG_FILE", os.DevNull)
	os.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	goleak.VerifyTestMain(m)
}

// served is the frontend in front of the emulator.
type served struct {
	url     string
	keeper  *store.Keeper
	handler *responses.Handler
	calls   atomic.Int64 // of the emulator
	log     bytes.Buffer
}

// start serves the frontend before the emulator until the test ends.
func start(t *testing.T, dir string) *served {
	t.Helper()
	return startWith(t, dir, func(bedrock string) string {
		return fmt.Sprintf(`{"model_list":[{"model_name":"*","litellm_params":{"model":"bedrock/*","aws_region_name":"us-east-1","aws_access_key_id":%q,"aws_secret_access_key":%q,"aws_bedrock_runtime_endpoint":%q}}],"router_settings":{"num_retries":0}}`,
			emulator.DemoAccessKeyID, string(emulator.DemoSecretAccessKey), bedrock)
	})
}

// startWith is start with the configuration that text makes of the emulator's address.
func startWith(t *testing.T, dir string, text func(bedrock string) string) *served {
	t.Helper()
	s := &served{}
	e, err := emulator.New(emulator.Options{})
	if err != nil {
		t.Fatal(err)
	}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.calls.Add(1)
		e.ServeHTTP(w, r)
	}))
	t.Cleanup(upstream.Close)
	cfg, problems := config.Load(config.Source{Name: "c.yaml", Data: []byte(text(upstream.URL)), Providers: all.Providers()})
	if cfg == nil {
		t.Fatal(problems)
	}
	logger := slog.New(slog.NewTextHandler(&s.log, nil))
	client, err := outcrop.New(outcrop.Options{Config: cfg, Environ: func(string) string { return "" }, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	s.keeper = store.NewKeeper(store.KeeperOptions{Options: store.Options{Dir: dir}, Logger: logger})
	s.handler = responses.New(client.Pipeline(), responses.Options{Options: door.Options{MaxBody: 1 << 20}, Keeper: s.keeper, Logger: logger})
	mux := http.NewServeMux()
	for _, route := range s.handler.Routes() {
		mux.HandleFunc(route.Pattern, func(w http.ResponseWriter, r *http.Request) {
			w.Header()["X-Request-Id"] = []string{fmt.Sprintf("%032x", time.Now().UnixNano())}
			route.Handle(w, r)
		})
	}
	front := httptest.NewServer(mux)
	s.url = front.URL
	t.Cleanup(func() {
		front.Close()
		s.handler.Close()
		if err := s.keeper.Close(); err != nil {
			t.Error(err)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

const nova = "us.amazon.nova-lite-v1:0"

// answer is what the tests read of a response, a list or an error.
type answer struct {
	status   int
	body     string
	ID       string      `json:"id"`
	Status   string      `json:"status"`
	Object   string      `json:"object"`
	Output   []jsonx.Raw `json:"output"`
	Data     []jsonx.Raw `json:"data"`
	HasMore  bool        `json:"has_more"`
	Previous string      `json:"previous_response_id"`
	Error    struct {
		Code    string    `json:"code"`
		Param   string    `json:"param"`
		Message string    `json:"message"`
		Rest    jsonx.Raw `json:",embed"`
	} `json:"error"`
	Rest jsonx.Raw `json:",embed"`
}

func (s *served) do(t *testing.T, method, path, body string) *answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := &answer{status: resp.StatusCode, body: string(text)}
	if resp.Header.Get("Content-Type") == "application/json" {
		if err := jsonx.Unmarshal(text, a); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	}
	return a
}

// create makes a response of the input, with more members.
func (s *served) create(t *testing.T, input, more string) *answer {
	t.Helper()
	return s.do(t, "POST", "/v1/responses", `{"model":"`+nova+`","input":`+string(jsonx.AppendString(nil, input))+more+`}`)
}

func TestAResponseContinuesAnother(t *testing.T) {
	for _, dir := range []string{"", t.TempDir()} {
		s := start(t, dir)
		first := s.create(t, "[[answer: basalt]]", "")
		second := s.create(t, "second", `,"previous_response_id":"`+first.ID+`"`)
		if first.status != 200 || second.status != 200 || second.Previous != first.ID {
			t.Fatalf("%s\n%s", first.body, second.body)
		}
		third := s.create(t, "third", `,"stream":true,"previous_response_id":"`+second.ID+`"`)
		if !strings.Contains(third.body, "event: response.completed") {
			t.Fatal(third.body)
		}
		_, rest, _ := strings.Cut(third.body, `"id":"`)
		id, _, _ := strings.Cut(rest, `"`)
		if got := s.do(t, "GET", "/v1/responses/"+id, ""); got.status != 200 || got.Status != "completed" || got.Previous != second.ID {
			t.Errorf("the streamed response: %s", got.body)
		}
		if n := s.do(t, "POST", "/v1/responses/input_tokens", `{"model":"`+nova+`","input":"third","previous_response_id":"`+second.ID+`"}`); n.status != 200 || strings.Contains(n.body, `"input_tokens":2}`) {
			t.Errorf("counted without what it continues: %s", n.body)
		}
		items := s.do(t, "GET", "/responses/"+second.ID+"/input_items", "")
		if len(items.Data) != 1 || !strings.Contains(items.body, `"type":"input_text","text":"second"`) {
			t.Errorf("the input items: %s", items.body)
		}
		if gone := s.do(t, "DELETE", "/v1/responses/"+first.ID, ""); gone.status != 200 || !strings.Contains(gone.body, `"deleted":true`) {
			t.Errorf("deleting: %s", gone.body)
		}
		if late := s.create(t, "late", `,"previous_response_id":"`+second.ID+`"`); late.status != 400 || late.Error.Code != "previous_response_not_found" || late.Error.Param != "previous_response_id" {
			t.Errorf("continuing with a gap: %d %s", late.status, late.body)
		}
	}
}

func TestNothingIsKeptWithoutStore(t *testing.T) {
	s := start(t, t.TempDir())
	r := s.create(t, "hi", `,"store":false`)
	if got := s.do(t, "GET", "/v1/responses/"+r.ID, ""); r.status != 200 || got.status != 404 {
		t.Errorf("%s\n%s", r.body, got.body)
	}
}

// TestMembersThatSayNothingLoseNothing: LlamaIndex sends every member, most of them as null.
func TestMembersThatSayNothingLoseNothing(t *testing.T) {
	s := start(t, "")
	for _, member := range []string{`"previous_response_id":null`, `"conversation":null`, `"background":false`, `"drop_params":true`} {
		if r := s.create(t, "hi", `,"store":false,`+member); r.status != 200 {
			t.Errorf("%s: %s", member, r.body)
		}
	}
}

func TestWhatOthersKeepIsNotFound(t *testing.T) {
	s := start(t, "")
	db, err := s.keeper.Store(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	expires := time.Now().Add(time.Hour)
	if err := db.PutResponse(t.Context(), &store.Response{ID: "resp_other", Owner: "tenant-b", Expires: expires, Body: []byte(`{"id":"resp_other","status":"completed","output":[]}`), Input: []byte("[]")}); err != nil {
		t.Fatal(err)
	}
	if err := db.PutConversation(t.Context(), &store.Conversation{ID: "conv_other", Owner: "tenant-b", Expires: expires, Metadata: []byte("{}")}); err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct {
		method, path, body string
		status             int
	}{
		{"GET", "/v1/responses/resp_other", "", 404},
		{"DELETE", "/v1/responses/resp_other", "", 404},
		{"POST", "/v1/responses/resp_other/cancel", "", 404},
		{"GET", "/v1/responses/resp_other/input_items", "", 404},
		{"GET", "/v1/responses/resp_none", "", 404},
		{"POST", "/v1/responses", `{"model":"` + nova + `","input":"x","previous_response_id":"resp_other"}`, 400},
		{"POST", "/v1/responses", `{"model":"` + nova + `","input":"x","conversation":"conv_other"}`, 400},
		{"POST", "/v1/responses", `{"model":"` + nova + `","input":"x","conversation":{"id":"conv_other"},"stream":true}`, 400},
		{"GET", "/v1/conversations/conv_other", "", 404},
		{"POST", "/v1/conversations/conv_other", `{"metadata":{}}`, 404},
		{"DELETE", "/v1/conversations/conv_other", "", 404},
		{"GET", "/v1/conversations/conv_other/items", "", 404},
		{"POST", "/v1/conversations/conv_other/items", `{"items":[{"role":"user","content":"x"}]}`, 404},
		{"GET", "/v1/conversations/conv_other/items/x", "", 404},
		{"DELETE", "/v1/conversations/conv_other/items/x", "", 404},
	} {
		a := s.do(t, r.method, r.path, r.body)
		if a.status != r.status || !strings.Contains(a.Error.Message, "is not kept by this gateway") || strings.Contains(a.body, "tenant-b") {
			t.Errorf("%s %s %s: %d %s", r.method, r.path, r.body, a.status, a.body)
		}
	}
	if s.calls.Load() != 0 {
		t.Errorf("%d calls of Bedrock", s.calls.Load())
	}
}

// TestBadInput sends what no response can be made of: nothing reaches Bedrock, and errors are in OpenAI's
// form.
func TestBadInput(t *testing.T) {
	s := start(t, "")
	for _, r := range []struct {
		method, path, body string
		status             int
		param              string
	}{
		{"POST", "/v1/responses", "", 400, ""},
		{"POST", "/v1/responses", "[]", 400, ""},
		{"POST", "/v1/responses", `{"model":"m","input":"` + "\xff" + `"}`, 400, "input"},
		{"POST", "/v1/responses", `{"model":7,"input":"x"}`, 400, "model"},
		{"POST", "/v1/responses", `{"model":"m","input":"x","stream":"yes"}`, 400, "stream"},
		{"POST", "/v1/responses", `{"model":"m","input":"x","store":1}`, 400, "store"},
		{"POST", "/v1/responses", `{"model":"m","input":"x","previous_response_id":7}`, 400, "previous_response_id"},
		{"POST", "/v1/responses", `{"model":"m","input":"x","previous_response_id":"a","conversation":"b"}`, 400, "conversation"},
		{"POST", "/v1/responses", `{"model":"m","input":"x","conversation":7}`, 400, "conversation"},
		{"POST", "/v1/responses", `{"model":"m","input":"x","background":true,"store":false}`, 400, "background"},
		{"POST", "/v1/responses", `{"model":"` + nova + `","input":[{"role":"stone","content":"x"}],"stream":true}`, 400, "input[0].role"},
		{"POST", "/v1/responses", `{"model":"` + nova + `","input":[{"role":"stone","content":"x"}],"store":false}`, 400, "input[0].role"},
		{"POST", "/v1/responses", `{"model":"` + nova + `","input":"` + strings.Repeat("x", 1<<20) + `"}`, 413, ""},
		{"POST", "/v1/responses", `{"model":"` + nova + `","input":[` + strings.Repeat("[],", 600_000/2) + `[]]}`, 400, "input[0]"},
		{"POST", "/v1/responses/input_tokens", `{"model":"` + nova + `"}`, 400, "input"},
		{"POST", "/v1/responses/compact", `{"model":"` + nova + `","input":7}`, 400, "input"},
		{"GET", "/v1/responses/x?stream=true&starting_after=-1", "", 400, "starting_after"},
		{"GET", "/v1/responses/x?stream=true&starting_after=one", "", 400, "starting_after"},
		{"GET", "/v1/responses/x?stream=true", "", 404, ""},
		{"POST", "/v1/conversations", `{"metadata":7}`, 400, "metadata"},
		{"POST", "/v1/conversations", `{"items":[7]}`, 400, "items[0]"},
		{"GET", "/v1/responses", "", 405, ""},
	} {
		a := s.do(t, r.method, r.path, r.body)
		if a.status != r.status || a.Error.Param != r.param || a.Error.Message == "" {
			t.Errorf("%s %s %.100s: %d %s", r.method, r.path, r.body, a.status, a.body)
		}
	}
	if s.calls.Load() != 0 {
		t.Errorf("%d calls of Bedrock", s.calls.Load())
	}
}

func TestAWebSocketIsRefusedSoThatClientsUseHTTP(t *testing.T) {
	s := start(t, "")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.url+"/v1/responses", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Connection", "Upgrade")
	req.Header.Set("Upgrade", "websocket")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUpgradeRequired {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestConversations(t *testing.T) {
	s := start(t, "")
	conv := s.do(t, "POST", "/v1/conversations", `{"metadata":{"a":"b"},"items":[{"role":"user","content":"[[answer: gneis]]"}]}`)
	if conv.Object != "conversation" || !strings.Contains(conv.body, `"metadata":{"a":"b"}`) {
		t.Fatal(conv.body)
	}
	r := s.create(t, "go on", `,"conversation":"`+conv.ID+`"`)
	if r.status != 200 || !strings.Contains(r.body, `"conversation":{"id":"`+conv.ID+`"}`) {
		t.Fatal(r.body)
	}
	path := "/v1/conversations/" + conv.ID
	all := s.do(t, "GET", path+"/items?order=asc", "")
	if len(all.Data) != 3 {
		t.Fatalf("the items: %s", all.body)
	}
	var ids []string
	for _, item := range all.Data {
		var v struct {
			ID   string    `json:"id"`
			Rest jsonx.Raw `json:",embed"`
		}
		if err := jsonx.Unmarshal(item, &v); err != nil || v.ID == "" {
			t.Fatalf("%s: %v", item, err)
		}
		ids = append(ids, v.ID)
	}
	if page := s.do(t, "GET", path+"/items?order=asc&limit=1&after="+ids[0], ""); len(page.Data) != 1 || !page.HasMore || !strings.Contains(page.body, ids[1]) {
		t.Errorf("a page: %s", page.body)
	}
	for _, query := range []string{"limit=0", "limit=x", "order=up", "after=none"} {
		if page := s.do(t, "GET", path+"/items?"+query, ""); page.status != 400 {
			t.Errorf("%s: %s", query, page.body)
		}
	}
	if one := s.do(t, "GET", path+"/items/"+ids[0], ""); one.ID != ids[0] {
		t.Errorf("an item: %s", one.body)
	}
	if gone := s.do(t, "DELETE", path+"/items/"+ids[0], ""); gone.status != 200 {
		t.Errorf("removing an item: %s", gone.body)
	}
	if more := s.do(t, "POST", path+"/items", `{"items":[{"role":"user","content":"more"}]}`); more.status != 200 || len(more.Data) != 1 {
		t.Errorf("adding an item: %s", more.body)
	}
	if changed := s.do(t, "POST", path, `{"metadata":{"a":"c"}}`); !strings.Contains(changed.body, `"a":"c"`) {
		t.Errorf("changing it: %s", changed.body)
	}
	if gone := s.do(t, "DELETE", path, ""); !strings.Contains(gone.body, "conversation.deleted") {
		t.Errorf("deleting it: %s", gone.body)
	}
	if late := s.do(t, "GET", path, ""); late.status != 404 {
		t.Errorf("after that: %s", late.body)
	}
}

// poll gets a response until it is no longer being made.
func (s *served) poll(t *testing.T, id string) *answer {
	t.Helper()
	for {
		a := s.do(t, "GET", "/v1/responses/"+id, "")
		if a.Status != "queued" && a.Status != "in_progress" {
			return a
		}
	}
}

func TestBackground(t *testing.T) {
	s := start(t, "")
	queued := s.create(t, "[[answer: basalt]]", `,"background":true`)
	if queued.status != 200 || queued.Status != "queued" || !strings.Contains(queued.body, `"background":true`) {
		t.Fatal(queued.body)
	}
	if done := s.poll(t, queued.ID); done.Status != "completed" || done.ID != queued.ID || !strings.Contains(done.body, "basalt") {
		t.Errorf("got %s", done.body)
	}
	if again := s.do(t, "POST", "/v1/responses/"+queued.ID+"/cancel", ""); again.status != 400 || !strings.Contains(again.body, "cannot be cancelled") {
		t.Errorf("cancelling what is complete: %s", again.body)
	}
	failing := s.create(t, "[[fault: throttle]]", `,"background":true`)
	if failed := s.poll(t, failing.ID); failed.Status != "failed" || failed.Error.Code != "rate_limit_exceeded" {
		t.Errorf("got %s", failed.body)
	}
	slow := s.create(t, "[[fault: latency=60s]] slow", `,"background":true`)
	cancelled := s.do(t, "POST", "/v1/responses/"+slow.ID+"/cancel", "")
	if cancelled.status != 200 || cancelled.Status != "cancelled" {
		t.Errorf("got %s", cancelled.body)
	}
	s.handler.Close() // waits for the end
	if after := s.do(t, "GET", "/v1/responses/"+slow.ID, ""); after.Status != "cancelled" {
		t.Errorf("after that: %s", after.body)
	}
	if late := s.create(t, "x", `,"background":true`); late.status != 503 {
		t.Errorf("after Close: %d %s", late.status, late.body)
	}
}

func TestAResponseThatARestartInterruptedHasFailed(t *testing.T) {
	s := start(t, "")
	db, err := s.keeper.Store(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.PutResponse(t.Context(), &store.Response{ID: "resp_old", Expires: time.Now().Add(time.Hour), Body: []byte(`{"id":"resp_old","status":"in_progress","error":null,"output":[]}`), Input: []byte("[]")}); err != nil {
		t.Fatal(err)
	}
	if got := s.do(t, "GET", "/v1/responses/resp_old", ""); got.Status != "failed" || got.Error.Code != "server_error" {
		t.Errorf("got %s", got.body)
	}
}

func TestAStreamThatBreaksOffHasFailed(t *testing.T) {
	s := start(t, "")
	for _, fault := range []string{"cut=reset after=3", "cut=end after=3", "corrupt after=3", "unavailable after=3"} {
		got := s.create(t, "[[fault: "+fault+"]] [[words: 50]]", `,"stream":true`)
		if !strings.Contains(got.body, "event: response.failed") || strings.Contains(got.body, "event: response.completed") {
			t.Errorf("%s: %s", fault, got.body)
		}
	}
	if got := s.create(t, "[[fault: throttle]]", `,"stream":true`); got.status != 429 || got.Error.Code != "rate_limit_exceeded" {
		t.Errorf("before the stream: %d %s", got.status, got.body)
	}
}

func TestAnItemIsReferredTo(t *testing.T) {
	s := start(t, "")
	first := s.create(t, "[[answer: basalt]]", "")
	var item struct {
		ID   string    `json:"id"`
		Rest jsonx.Raw `json:",embed"`
	}
	if err := jsonx.Unmarshal(first.Output[0], &item); err != nil {
		t.Fatal(err)
	}
	got := s.do(t, "POST", "/v1/responses", `{"model":"`+nova+`","input":[{"role":"user","content":"a"},{"type":"item_reference","id":"`+item.ID+`"},{"role":"user","content":"b"}]}`)
	if got.status != 200 {
		t.Errorf("got %s", got.body)
	}
	items := s.do(t, "GET", "/v1/responses/"+got.ID+"/input_items?order=asc", "")
	if len(items.Data) != 3 || !strings.Contains(string(items.Data[1]), "basalt") {
		t.Errorf("the item is %s", items.body)
	}
	before := s.calls.Load()
	if got := s.do(t, "POST", "/v1/responses", `{"model":"`+nova+`","input":[{"type":"item_reference","id":"msg_none_0"}]}`); got.status != 400 || got.Error.Param != "input[0].id" || s.calls.Load() != before {
		t.Errorf("got %s", got.body)
	}
}

func TestCompaction(t *testing.T) {
	s := start(t, "")
	got := s.do(t, "POST", "/v1/responses/compact", `{"model":"`+nova+`","input":[{"role":"user","content":"I like gneis."},{"role":"assistant","content":"So do I."}]}`)
	if got.status != 200 || got.Object != "response.compaction" || len(got.Output) != 1 {
		t.Fatal(got.body)
	}
	next := s.do(t, "POST", "/v1/responses", `{"model":"`+nova+`","input":[`+string(got.Output[0])+`,{"role":"user","content":"Go on."}]}`)
	if next.status != 200 {
		t.Errorf("got %s", next.body)
	}
}

// TestAFolderThatCannotBeUsedIsAWarning checks that clients do not notice.
func TestAFolderThatCannotBeUsedIsAWarning(t *testing.T) {
	s := start(t, t.TempDir()+"/absent")
	first := s.create(t, "hi", "")
	if got := s.do(t, "GET", "/v1/responses/"+first.ID, ""); first.status != 200 || got.status != 200 {
		t.Errorf("%s\n%s", first.body, got.body)
	}
	if !strings.Contains(s.log.String(), "kept in memory only") {
		t.Errorf("the log has %s", &s.log)
	}
}
