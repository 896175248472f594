package e2e

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	emulator "outcrop/emulator/bedrock"
	"outcrop/internal/jsonx"
	"outcrop/wire/eventstream"
)

// bedrockFront is the emulator as both gateways see it. It records which ids are called
// and accepted, and adds InvokeModel and Bedrock's own chat completions, which LiteLLM
// chooses for some ids: they accept and refuse the same ids as Converse.
type bedrockFront struct {
	url    string
	strict *emulator.Emulator
	// lenient does not verify signatures: it decides on the ids of calls that were
	// signed for another path.
	lenient *emulator.Emulator

	mu     sync.Mutex
	served string   // the last accepted id
	odd    []string // requests that the front cannot answer
}

// startFront runs an emulator with application profiles and provisioned
// throughput until the test ends.
func startFront(t *testing.T) *bedrockFront {
	t.Helper()
	f := &bedrockFront{}
	var options emulator.Options
	for _, id := range applicationIDs() {
		options.Profiles = append(options.Profiles, emulator.ApplicationProfile{ID: id, Name: id, Region: "us-east-1", Source: "us." + sonnet45Base})
	}
	for _, id := range provisionedIDs() {
		options.Provisioned = append(options.Provisioned, emulator.ProvisionedModel{ID: id, Region: "us-east-1", Model: novaLite})
	}
	for _, e := range []**emulator.Emulator{&f.strict, &f.lenient} {
		var err error
		if *e, err = emulator.New(options); err != nil {
			t.Fatal(err)
		}
		options.AnyCredentials = true
	}
	f.url = startServer(t, judge.Watch(f)).URL()
	return f
}

// environ is the gateways' environment: the addresses of the control plane and STS, and
// settings that prevent calls to anything else.
func (f *bedrockFront) environ() map[string]string {
	return map[string]string{
		"AWS_REGION":                "us-east-1",
		"AWS_EC2_METADATA_DISABLED": "true",
		"AWS_ENDPOINT_URL_BEDROCK":  f.url,
		"AWS_ENDPOINT_URL_STS":      f.url,
	}
}

// launch adds models.
func (f *bedrockFront) launch(t *testing.T, models string) {
	t.Helper()
	for _, e := range []*emulator.Emulator{f.strict, f.lenient} {
		more, err := e.Catalogue().With([]byte(models))
		if err != nil {
			t.Fatal(err)
		}
		e.SetCatalogue(more)
	}
}

// taken returns the last id accepted since it was last called; empty if there is none.
func (f *bedrockFront) taken() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	id := f.served
	f.served = ""
	return id
}

// check fails the test if AWS would have understood calls that the front did not: the
// comparison would not be fair.
func (f *bedrockFront) check(t *testing.T) {
	t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, what := range f.odd {
		t.Errorf("the test's Bedrock cannot answer %s", what)
	}
}

// unknownf records a request that the front cannot answer.
func (f *bedrockFront) unknownf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.odd = append(f.odd, fmt.Sprintf(format, args...))
}

// serve records an accepted id.
func (f *bedrockFront) serve(id string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.served = id
}

func (f *bedrockFront) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	rest, isModel := strings.CutPrefix(path, "/model/")
	if !isModel {
		switch {
		case path == "/openai/v1/chat/completions":
			f.complete(w, r)
			return
		case r.Method != http.MethodGet:
			f.unknownf("%s %s", r.Method, path)
		}
		f.strict.ServeHTTP(w, r)
		return
	}
	cut := max(strings.LastIndex(rest, "/"), 0)
	escaped, operation := rest[:cut], rest[cut:]
	id, err := url.PathUnescape(escaped)
	if err != nil {
		f.unknownf("%s", path)
	}
	switch operation {
	case "/converse", "/converse-stream":
		f.strict.ServeHTTP(&takenWriter{ResponseWriter: w, taken: func() { f.serve(id) }}, r)
	case "/invoke", "/invoke-with-response-stream":
		f.invoke(w, r, escaped, id, operation != "/invoke")
	default:
		f.unknownf("%s", path)
		f.strict.ServeHTTP(w, r)
	}
}

// takenWriter reports a successful answer before any of it is sent.
type takenWriter struct {
	http.ResponseWriter

	taken func() // nil once it has been called
}

func (w *takenWriter) WriteHeader(status int) {
	if status == http.StatusOK && w.taken != nil {
		w.taken()
	}
	w.taken = nil
	w.ResponseWriter.WriteHeader(status)
}

func (w *takenWriter) Write(p []byte) (int, error) {
	if w.taken != nil {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(p)
}

func (w *takenWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// demanded matches the answer that a prompt of the test asks for.
var demanded = regexp.MustCompile(`\[\[answer: ([a-z0-9 -]+)\]\]`)

// invoke answers InvokeModel and InvokeModelWithResponseStream: with Converse's refusal
// of the id, or in the form of the model's own API.
func (f *bedrockFront) invoke(w http.ResponseWriter, r *http.Request, escaped, id string, stream bool) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	answer := demanded.FindSubmatch(body)
	if answer == nil {
		f.unknownf("InvokeModel of %s with the body %s", id, body)
		return
	}
	if f.refuse(w, r, escaped, string(answer[0])) {
		return
	}
	whole, events := invoked(id, string(answer[1]))
	if whole == "" {
		f.unknownf("InvokeModel of %s", id)
		return
	}
	f.serve(id)
	if !stream {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, whole) // as above
		return
	}
	w.Header().Set("Content-Type", eventstream.MediaType)
	_, _ = w.Write(frames(events)) // as above
}

// refuse reports whether Converse refuses an id, and if so sends its refusal.
func (f *bedrockFront) refuse(w http.ResponseWriter, r *http.Request, escaped, prompt string) bool {
	judged := httptest.NewRecorder()
	same := httptest.NewRequestWithContext(r.Context(), http.MethodPost, "/model/"+escaped+"/converse",
		strings.NewReader(`{"messages":[{"role":"user","content":[{"text":"`+prompt+`"}]}]}`))
	same.Host, same.Header = r.Host, r.Header.Clone()
	f.lenient.ServeHTTP(judged, same)
	if judged.Code == http.StatusOK {
		return false
	}
	maps.Copy(w.Header(), judged.Header())
	w.WriteHeader(judged.Code)
	_, _ = w.Write(judged.Body.Bytes()) // a client that has gone needs no refusal
	return true
}

// complete answers Bedrock's own chat completions, which LiteLLM chooses for some ids,
// as invoke answers InvokeModel.
func (f *bedrockFront) complete(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var asked struct {
		Model  string `json:"model"`
		Stream bool   `json:"stream"`
	}
	answer := demanded.FindSubmatch(body)
	if err := jsonx.Unmarshal(body, &asked); err != nil || answer == nil {
		f.unknownf("chat completions with the body %s", body)
		return
	}
	if f.refuse(w, r, url.PathEscape(asked.Model), string(answer[0])) {
		return
	}
	f.serve(asked.Model)
	const usage = `,"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12}}`
	const form = `{"id":"chatcmpl-1","object":%q,"created":1,"model":%q,"choices":[%s]`
	if !asked.Stream {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, form+usage, "chat.completion", asked.Model, // as above
			fmt.Sprintf(`{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":%q}}`, answer[1]))
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for _, choice := range []string{
		fmt.Sprintf(`{"index":0,"finish_reason":null,"delta":{"role":"assistant","content":%q}}`, answer[1]),
		`{"index":0,"finish_reason":"stop","delta":{}}`,
	} {
		_, _ = fmt.Fprintf(w, "data: "+form+"}\n\n", "chat.completion.chunk", asked.Model, choice) // as above
	}
	_, _ = fmt.Fprintf(w, "data: "+form+usage+"\n\ndata: [DONE]\n\n", "chat.completion.chunk", asked.Model, "") // as above
}

// invoked returns an answer in the form of a maker's models for InvokeModel, whole and
// in events; empty if the maker's form is not supported here.
func invoked(id, text string) (whole string, events []string) {
	switch {
	case strings.Contains(id, "anthropic."):
		head := `{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[`
		tail := `],"stop_reason":%s,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":3}}`
		return head + `{"type":"text","text":"` + text + `"}` + fmt.Sprintf(tail, `"end_turn"`), []string{
			`{"type":"message_start","message":` + head + fmt.Sprintf(tail, "null") + `}`,
			`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`,
			`{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"` + text + `"}}`,
			`{"type":"content_block_stop","index":0}`,
			`{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":3}}`,
			`{"type":"message_stop"}`,
		}
	case strings.Contains(id, "mistral."):
		whole = `{"outputs":[{"text":"` + text + `","stop_reason":"stop"}]}`
		return whole, []string{whole}
	case strings.Contains(id, "amazon.nova"):
		const usage = `"usage":{"inputTokens":9,"outputTokens":3,"totalTokens":12}`
		return `{"output":{"message":{"role":"assistant","content":[{"text":"` + text + `"}]}},"stopReason":"end_turn",` + usage + `}`, []string{
			`{"messageStart":{"role":"assistant"}}`,
			`{"contentBlockDelta":{"delta":{"text":"` + text + `"},"contentBlockIndex":0}}`,
			`{"contentBlockStop":{"contentBlockIndex":0}}`,
			`{"messageStop":{"stopReason":"end_turn"}}`,
			`{"metadata":{` + usage + `}}`,
		}
	default:
		return "", nil
	}
}

// invokedChunk is the payload of a frame of InvokeModelWithResponseStream.
type invokedChunk struct {
	Bytes []byte `json:"bytes"`
}

// frames puts events into the frames of InvokeModelWithResponseStream.
func frames(events []string) []byte {
	var b bytes.Buffer
	for _, event := range events {
		payload, err := jsonx.Marshal(invokedChunk{Bytes: []byte(event)})
		if err != nil {
			panic(err) // bytes can always be marshalled
		}
		b.Write(eventstream.Append(nil, []eventstream.Header{
			{Name: eventstream.HeaderMessageType, Value: "event"},
			{Name: eventstream.HeaderEventType, Value: "chunk"},
			{Name: eventstream.HeaderContentType, Value: "application/json"},
		}, payload))
	}
	return b.Bytes()
}
