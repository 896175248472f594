package responses_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	emulator "outcrop/emulator/bedrock"
	"outcrop/internal/jsonx"
	"outcrop/store"
)

// openAI is a fake of OpenAI's API for one account. It keeps responses, knows only its own, and has what it
// got.
type openAI struct {
	*httptest.Server
	account string

	mu      sync.Mutex
	got     []string // bodies of requests for responses
	kept    map[string]bool
	auth    string // of the last request
	absent  bool   // it has no Responses API
	refuses string // the answer to deletions, with status 500; empty to delete
}

func newOpenAI(t *testing.T, account string) *openAI {
	t.Helper()
	u := &openAI{account: account, kept: map[string]bool{}}
	u.Server = httptest.NewServer(http.HandlerFunc(u.serve))
	t.Cleanup(u.Close)
	return u
}

func (u *openAI) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	u.mu.Lock()
	defer u.mu.Unlock()
	refuse := func(status int, body string) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
	var asked struct {
		Previous string    `json:"previous_response_id"`
		Stream   bool      `json:"stream"`
		Rest     jsonx.Raw `json:",embed"`
	}
	_ = jsonx.Unmarshal(body, &asked)
	u.auth = r.Header.Get("Authorization")
	id, deletes := strings.CutPrefix(r.URL.Path, "/v1/responses/")
	switch {
	case r.URL.Path == "/v1/chat/completions":
		_, _ = io.WriteString(w, `{"id":"c","object":"chat.completion","created":1,"model":"gpt","choices":[{"index":0,"message":{"role":"assistant","content":"by chat"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1}}`)
	case u.absent:
		refuse(404, `{"detail":"Not Found"}`)
	case id == "input_tokens":
		u.got = append(u.got, string(body))
		_, _ = io.WriteString(w, `{"object":"response.input_tokens","input_tokens":4711}`)
	case r.Method == http.MethodDelete && deletes:
		switch {
		case u.refuses != "":
			refuse(500, u.refuses)
		case !u.kept[id]:
			refuse(404, `{"error":{"message":"Response with id '`+id+`' not found.","type":"invalid_request_error","param":"id","code":null}}`)
		default:
			delete(u.kept, id)
			_, _ = io.WriteString(w, `{"id":"`+id+`","object":"response","deleted":true}`)
		}
	case asked.Previous != "" && !u.kept[asked.Previous]:
		refuse(400, `{"error":{"message":"Previous response with id '`+asked.Previous+`' not found.","type":"invalid_request_error","param":"previous_response_id","code":"previous_response_not_found"}}`)
	default:
		u.got = append(u.got, string(body))
		n := len(u.got)
		own := fmt.Sprintf("%s%d", u.account, n)
		u.kept["resp_"+own] = true
		response := func(status, output string) string {
			return `{"id":"resp_` + own + `","object":"response","created_at":1,"status":"` + status + `","error":null,"incomplete_details":null,"model":"gpt-5-2026","output":[` + output + `],"previous_response_id":null,"conversation":null,"background":false,"store":true,"usage":{"input_tokens":3,"output_tokens":4,"total_tokens":7}}`
		}
		complete := response("completed", `{"id":"rs_`+own+`","type":"reasoning","summary":[]},{"id":"msg_`+own+`","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","annotations":[],"text":"I am `+own+`"}]}`)
		if !asked.Stream {
			_, _ = io.WriteString(w, complete)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for i, event := range []string{
			`"response.created",%d,"response":` + response("in_progress", ""), `"response.output_text.delta",%d,"delta":"I am"`, `"response.completed",%d,"response":` + complete,
		} {
			kind, rest, _ := strings.Cut(event, ",%d")
			if i == 2 && strings.Contains(string(body), "[[fail]]") {
				kind, rest = `"response.failed"`, `,"response":`+strings.Replace(response("failed", ""), `"error":null`, `"error":{"code":"rate_limit_exceeded","message":"Slow down."}`, 1)
			}
			_, _ = fmt.Fprintf(w, "event: %s\ndata: {\"type\":%s,\"sequence_number\":%d%s}\n\n", strings.Trim(kind, `"`), kind, i, rest)
		}
	}
}

// last is the last body that it got, and how many it got.
func (u *openAI) last() (body string, n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.got) == 0 {
		return "", 0
	}
	return u.got[len(u.got)-1], len(u.got)
}

func (u *openAI) keep(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.kept[id] = true
}

func (u *openAI) forget(id string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.kept, id)
}

func (u *openAI) keeps(id string) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.kept[id]
}

// refuse sets the answer to deletions.
func (u *openAI) refuse(body string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.refuses = body
}

// laned is the frontend before two accounts of OpenAI under the name gpt, one of them alone under solo, and
// the emulator.
func laned(t *testing.T) (s *served, a, b *openAI) {
	t.Helper()
	a, b = newOpenAI(t, "a"), newOpenAI(t, "b")
	entry := func(name, id string, u *openAI, more string) string {
		return fmt.Sprintf(`{"model_name":%q,"model_info":{"id":%q},"litellm_params":{"model":"openai/gpt-5","api_base":"%s/v1","api_key":"k"%s}}`, name, id, u.URL, more)
	}
	s = startWith(t, "", func(bedrock string) string {
		return fmt.Sprintf(`{"model_list":[%s,%s,%s,%s,%s,{"model_name":"*","litellm_params":{"model":"bedrock/*","aws_region_name":"us-east-1","aws_access_key_id":%q,"aws_secret_access_key":%q,"aws_bedrock_runtime_endpoint":%q}}],"router_settings":{"num_retries":0}}`,
			entry("gpt", "dep-a", a, ""), entry("gpt", "dep-b", b, ""), entry("solo", "dep-solo", b, ""), entry("tuned", "dep-tuned", a, `,"max_tokens":77,"reasoning_effort":"low"`),
			entry("open", "dep-open", b, `,"configurable_clientside_auth_params":["api_key"]`),
			emulator.DemoAccessKeyID, string(emulator.DemoSecretAccessKey), bedrock)
	})
	return s, a, b
}

func TestABodyPassesThroughAsItIs(t *testing.T) {
	s, _, b := laned(t)
	const rest = `"input":"What is new?","tools":[{"type":"web_search"},{"type":"file_search","vector_store_ids":["vs_1"]},{"type":"code_interpreter","container":{"type":"auto"}},{"type":"image_generation"},{"type":"mcp","server_label":"x","server_url":"https://x"}],"truncation":"auto","store":false,"x_new":{"a":[1, 2]}}`
	got := s.do(t, "POST", "/v1/responses", `{"model":"solo",`+rest)
	if body, _ := b.last(); body != `{"model":"gpt-5",`+rest {
		t.Errorf("OpenAI got %s", body)
	}
	if got.status != 200 || got.ID != "resp_b1" || !strings.Contains(got.body, `"model":"solo"`) || strings.Contains(got.body, "gpt-5-2026") {
		t.Errorf("the client got %s", got.body)
	}
	if kept := s.do(t, "GET", "/v1/responses/resp_b1", ""); kept.status != 404 {
		t.Errorf("it is kept: %s", kept.body)
	}
	stream := s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"x","stream":true}`)
	want := `event: response.created
data: {"type":"response.created","sequence_number":0,"response":{"id":"resp_b2",`
	if !strings.HasPrefix(stream.body, want) || strings.Count(stream.body, `"model":"solo"`) != 2 || !strings.Contains(stream.body, "data: {\"type\":\"response.output_text.delta\",\"sequence_number\":1,\"delta\":\"I am\"}\n\n") {
		t.Errorf("the client got %s", stream.body)
	}
}

func TestTheOperatorsParametersAreInTheBody(t *testing.T) {
	s, a, _ := laned(t)
	s.do(t, "POST", "/v1/responses", `{"model":"tuned","input":"x","drop_params":true,"max_output_tokens":null}`)
	if body, _ := a.last(); body != `{"model":"gpt-5","input":"x","max_output_tokens":77,"reasoning":{"effort":"low"}}` {
		t.Errorf("OpenAI got %s", body)
	}
	const own = `,"input":"x","reasoning":{"effort":"high"},"max_output_tokens":5}`
	s.do(t, "POST", "/v1/responses", `{"model":"tuned"`+own)
	if body, _ := a.last(); body != `{"model":"gpt-5"`+own {
		t.Errorf("OpenAI got %s", body)
	}
}

func TestAResponseIsContinuedWhereItIsKept(t *testing.T) {
	s, a, b := laned(t)
	for range 2 { // one by each account
		first := s.do(t, "POST", "/v1/responses", `{"model":"gpt","input":"first"}`)
		holder, other := a, b
		if strings.HasPrefix(first.ID, "resp_b") {
			holder, other = b, a
		}
		_, before := other.last()
		previous := first.ID
		for range 3 {
			next := s.do(t, "POST", "/v1/responses", `{"model":"gpt","input":"next","previous_response_id":"`+previous+`"}`)
			if body, _ := holder.last(); next.status != 200 || body != `{"model":"gpt-5","input":"next","previous_response_id":"`+previous+`"}` {
				t.Fatalf("%s\nit got %s", next.body, body)
			}
			if next.Previous != previous {
				t.Errorf("the client got %s", next.body)
			}
			previous = next.ID
		}
		if _, n := other.last(); n != before {
			t.Errorf("the other account got %d calls", n-before)
		}
	}
}

func TestAConversationMovesBetweenModels(t *testing.T) {
	s, _, b := laned(t)
	first := s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"first"}`)
	moved := s.create(t, "[[answer: basalt]]", `,"previous_response_id":"`+first.ID+`"`)
	if moved.status != 200 || !strings.Contains(moved.body, "basalt") {
		t.Fatal(moved.body)
	}
	back := s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"back","previous_response_id":"`+moved.ID+`"}`)
	body, _ := b.last()
	if back.status != 200 || back.Previous != moved.ID {
		t.Errorf("the client got %s", back.body)
	}
	for _, want := range []string{`"text":"first"`, `{"id":"rs_b1","type":"reasoning","summary":[]}`, `"text":"I am b1"`, `"text":"basalt"`, `"text":"back"`} {
		if !strings.Contains(body, want) {
			t.Errorf("OpenAI did not get %s: %s", want, body)
		}
	}
	if strings.Contains(body, "previous_response_id") || strings.Contains(body, "_in0") || strings.Contains(body, strings.TrimPrefix(moved.ID, "resp_")) {
		t.Errorf("OpenAI got ids that it does not know: %s", body)
	}
	// Another account cannot read the reasoning of the first one.
	other := s.do(t, "POST", "/v1/responses", `{"model":"tuned","input":"there","previous_response_id":"`+back.ID+`"}`)
	if other.status != 200 {
		t.Error(other.body)
	}
}

func TestReasoningIsNotSentToAnotherAccount(t *testing.T) {
	s, a, _ := laned(t)
	first := s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"first"}`)
	s.do(t, "POST", "/v1/responses", `{"model":"tuned","input":"there","previous_response_id":"`+first.ID+`"}`)
	body, _ := a.last()
	if strings.Contains(body, "rs_b1") || strings.Contains(body, "msg_b1") || !strings.Contains(body, `"text":"I am b1"`) {
		t.Errorf("OpenAI got %s", body)
	}
}

func TestWhatTheGatewayHasSealedIsNotSent(t *testing.T) {
	s, _, b := laned(t)
	compacted := s.do(t, "POST", "/v1/responses/compact", `{"model":"`+nova+`","input":[{"role":"user","content":"I like gneis."}]}`)
	s.do(t, "POST", "/v1/responses", `{"model":"solo","input":[`+string(compacted.Output[0])+`,{"type":"reasoning","id":"rs_0123_0","summary":[],"encrypted_content":"outcrop-1.e30="},{"type":"reasoning","id":"rs_x","summary":[],"encrypted_content":"gAAA"},{"id":"msg_0123_1","role":"user","content":"Go on."}]}`)
	body, _ := b.last()
	if !strings.Contains(body, `"input":[{"type":"message","role":"user","content":"This is a summary`) || strings.Contains(body, "outcrop-1") || strings.Contains(body, "0123") || !strings.Contains(body, `"gAAA"`) {
		t.Errorf("OpenAI got %s", body)
	}
}

func TestAConversationIsTheGatewaysOwn(t *testing.T) {
	s, a, b := laned(t)
	conv := s.do(t, "POST", "/v1/conversations", `{"items":[{"role":"user","content":"I like gneis."}]}`)
	first := s.do(t, "POST", "/v1/responses", `{"model":"gpt","input":"one","conversation":"`+conv.ID+`"}`)
	if !strings.Contains(first.body, `"conversation":{"id":"`+conv.ID+`"}`) {
		t.Errorf("the client got %s", first.body)
	}
	holder := a
	if strings.HasPrefix(first.ID, "resp_b") {
		holder = b
	}
	for range 3 { // its reasoning is there only
		s.do(t, "POST", "/v1/responses", `{"model":"gpt","input":"two","conversation":{"id":"`+conv.ID+`"},"stream":true}`)
	}
	body, n := holder.last()
	if n != 4 || strings.Contains(body, "conversation") || !strings.Contains(body, "gneis") || !strings.Contains(body, `"id":"rs_`+strings.TrimPrefix(first.ID, "resp_")) {
		t.Errorf("%d calls, the last %s", n, body)
	}
}

func TestItemsOfAProvidersResponseAreReferredTo(t *testing.T) {
	s, a, b := laned(t)
	first := s.do(t, "POST", "/v1/responses", `{"model":"gpt","input":"one"}`)
	id := "msg_" + strings.TrimPrefix(first.ID, "resp_")
	got := s.do(t, "POST", "/v1/responses", `{"model":"solo","input":[{"type":"item_reference","id":"`+id+`"},{"role":"user","content":"two"}]}`)
	if body, _ := b.last(); got.status != 200 || strings.Contains(body, "item_reference") || !strings.Contains(body, `"text":"I am `) {
		t.Errorf("%s: OpenAI got %s", got.body, body)
	}
	_, before := a.last()
	if got := s.do(t, "POST", "/v1/responses", `{"model":"gpt","input":[{"type":"item_reference","id":"msg_unknown"}]}`); got.status != 400 || got.Error.Param != "input[0].id" {
		t.Errorf("an unknown item: %s", got.body)
	}
	if _, after := a.last(); after != before {
		t.Error("it was sent")
	}
}

func TestWhatAnotherCallerKeepsAtAProviderIsNotFound(t *testing.T) {
	s, a, b := laned(t)
	db, err := s.keeper.Store(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	a.keep("resp_theirs")
	b.keep("resp_theirs")
	theirs := &store.Response{
		ID: "resp_theirs", Owner: "tenant-b", Model: "gpt", Deployment: "dep-a", Upstream: "resp_theirs", Items: []string{"msg_theirs"},
		Expires: time.Now().Add(time.Hour), Body: []byte(`{"id":"resp_theirs","status":"completed","output":[{"id":"msg_theirs","type":"message"}]}`), Input: []byte("[]"),
	}
	if err := db.PutResponse(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "/v1/responses", `{"model":"gpt","input":"x","previous_response_id":"resp_theirs"}`, 400},
		{"POST", "/v1/responses", `{"model":"gpt","input":"x","previous_response_id":"resp_made_elsewhere"}`, 400},
		{"POST", "/v1/responses", `{"model":"gpt","input":[{"type":"item_reference","id":"msg_theirs"}]}`, 400},
		{"GET", "/v1/responses/resp_theirs", "", 404},
		{"GET", "/v1/responses/resp_theirs?stream=true", "", 404},
		{"DELETE", "/v1/responses/resp_theirs", "", 404},
		{"POST", "/v1/responses/resp_theirs/cancel", "", 404},
		{"GET", "/v1/responses/resp_theirs/input_items", "", 404},
	} {
		if got := s.do(t, r.method, r.path, r.body); got.status != r.status {
			t.Errorf("%s %s: %d %s", r.method, r.path, got.status, got.body)
		}
	}
	if _, n := a.last(); n != 0 || !a.keeps("resp_theirs") {
		t.Errorf("%d calls, or the response is deleted", n)
	}
}

func TestADeletionReachesTheProvider(t *testing.T) {
	s, _, b := laned(t)
	first := s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"one"}`)
	b.refuse(`{"error":{"message":"The server had an error.","type":"server_error"}}`)
	if got := s.do(t, "DELETE", "/v1/responses/"+first.ID, ""); got.status != 500 || !strings.Contains(got.Error.Message, "had an error") {
		t.Errorf("a deletion that fails there: %d %s", got.status, got.body)
	}
	b.refuse("")
	if got := s.do(t, "DELETE", "/v1/responses/"+first.ID, ""); got.status != 200 || b.keeps(first.ID) {
		t.Errorf("%s, kept there: %t", got.body, b.keeps(first.ID))
	}
	if got := s.do(t, "GET", "/v1/responses/"+first.ID, ""); got.status != 404 {
		t.Errorf("after that: %s", got.body)
	}
	second := s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"two"}`)
	b.forget(second.ID)
	if got := s.do(t, "DELETE", "/v1/responses/"+second.ID, ""); got.status != 200 {
		t.Errorf("what the provider does not have any more: %s", got.body)
	}
}

func TestABackgroundResponseOfAProvider(t *testing.T) {
	s, _, b := laned(t)
	queued := s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"one","background":true}`)
	done := s.poll(t, queued.ID)
	if done.ID != queued.ID || done.Status != "completed" || !strings.Contains(done.body, `"background":true`) || !strings.Contains(done.body, "I am b1") {
		t.Fatal(done.body)
	}
	if body, _ := b.last(); strings.Contains(body, "background") {
		t.Errorf("OpenAI got %s", body)
	}
	s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"two","previous_response_id":"`+queued.ID+`"}`)
	if body, _ := b.last(); !strings.Contains(body, `"previous_response_id":"resp_b1"`) {
		t.Errorf("OpenAI got %s", body)
	}
}

func TestAServerWithoutTheResponsesAPI(t *testing.T) {
	s, _, b := laned(t)
	b.mu.Lock()
	b.absent = true
	b.mu.Unlock()
	for range 2 {
		if got := s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"x"}`); got.status != 200 || !strings.Contains(got.body, "by chat") {
			t.Errorf("got %s", got.body)
		}
	}
	if got := s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"x","stream":true}`); got.status == 404 {
		t.Errorf("got %s", got.body)
	}
}

func TestAFailureInAPassedStream(t *testing.T) {
	s, _, _ := laned(t)
	got := s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"[[fail]]","stream":true}`)
	if !strings.Contains(got.body, "event: response.failed\ndata: {\"type\":\"response.failed\",\"sequence_number\":2,\"response\":{\"id\":\"resp_b1\"") || !strings.Contains(got.body, `"code":"rate_limit_exceeded"`) || !strings.Contains(got.body, "Slow down.") {
		t.Errorf("the client got %s", got.body)
	}
	if kept := s.do(t, "GET", "/v1/responses/resp_b1", ""); kept.Status != "failed" {
		t.Errorf("kept as %s", kept.body)
	}
}

func TestASettingOfAClientIsUsedOrRefused(t *testing.T) {
	s, _, b := laned(t)
	auth := func() string {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.auth
	}
	if got := s.do(t, "POST", "/v1/responses", `{"model":"open","input":"x","api_key":"sk-own"}`); got.status != 200 || auth() != "Bearer sk-own" {
		t.Errorf("%s, called with %s", got.body, auth())
	}
	if got := s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"x","api_key":"sk-own"}`); got.status != 400 || got.Error.Param != "api_key" {
		t.Errorf("where it is not allowed: %s", got.body)
	}
}

func TestAResponseThatTheProviderHasForgottenIsContinued(t *testing.T) {
	s, _, b := laned(t)
	for _, more := range []string{``, `,"stream":true`, `,"background":true`, `,"background":true,"stream":true`} {
		first := s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"first"}`)
		b.forget(first.ID)
		got := s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"second","previous_response_id":"`+first.ID+`"`+more+`}`)
		if more == `,"background":true` {
			got = s.poll(t, got.ID)
		}
		body, _ := b.last()
		if got.status != 200 || !strings.Contains(got.body, "I am") || !strings.Contains(body, `"text":"first"`) || !strings.Contains(body, `"text":"second"`) || strings.Contains(body, first.ID) {
			t.Errorf("%s: %s\nOpenAI got %s", more, got.body, body)
		}
	}
}

func TestAResponseThatHasFailedIsContinuedWithTheWholeConversation(t *testing.T) {
	s, _, b := laned(t)
	s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"[[fail]]","stream":true}`)
	got := s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"again","previous_response_id":"resp_b1"}`)
	if body, _ := b.last(); got.status != 200 || strings.Contains(body, "previous_response_id") || !strings.Contains(body, "[[fail]]") || !strings.Contains(body, `"text":"again"`) {
		t.Errorf("%s\nOpenAI got %s", got.body, body)
	}
}
