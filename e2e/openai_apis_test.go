package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
)

// openAIAPIsConfig configures the gateway for OpenAI's APIs other than chat completions.
const openAIAPIsConfig = `
general_settings: {master_key: ` + masterKey + `}
router_settings: {num_retries: 0}
model_list:
  - {model_name: instruct, litellm_params: {model: openai/gpt-3.5-turbo-instruct, api_key: ` + vendorSecret + `, api_base: "UPSTREAM/v1", input_cost_per_token: 1.0e-6, output_cost_per_token: 1.0e-6}}
  - {model_name: chatted, litellm_params: {model: openai/gpt-4o, api_key: ` + vendorSecret + `, api_base: "UPSTREAM/v1"}}
  - {model_name: painter, litellm_params: {model: openai/gpt-image-1, api_key: ` + vendorSecret + `, api_base: "UPSTREAM/v1", input_cost_per_token: 1.0e-6, output_cost_per_token: 1.0e-6}}
  - {model_name: speaker, litellm_params: {model: openai/gpt-4o-mini-tts, api_key: ` + vendorSecret + `, api_base: "UPSTREAM/v1"}}
  - {model_name: writer, litellm_params: {model: openai/gpt-4o-transcribe, api_key: ` + vendorSecret + `, api_base: "UPSTREAM/v1"}}
  - {model_name: omni-moderation-latest, litellm_params: {model: openai/omni-moderation-latest, api_key: ` + vendorSecret + `, api_base: "UPSTREAM/v1"}}
  - {model_name: claude, litellm_params: {model: anthropic/claude-sonnet-4-5, api_key: ` + vendorSecret + `}}
`

// openAIAPIs answers like OpenAI's API. What it is not meant to get is a 500.
func openAIAPIs(w http.ResponseWriter, c vendorCall) {
	if c.Header.Get("Authorization") != "Bearer "+vendorSecret {
		http.Error(w, "not the vendor's key", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	switch path, _, _ := strings.Cut(c.Path, "?"); path {
	case "/v1/chat/completions":
		openAIChat(w, c)
	case "/v1/completions":
		openAICompletions(w, c)
	case "/v1/images/generations", "/v1/images/edits", "/v1/images/variations":
		openAIImages(w, c)
	case "/v1/audio/speech":
		openAISpeech(w, c)
	case "/v1/audio/transcriptions", "/v1/audio/translations":
		openAITranscript(w, c)
	case "/v1/moderations":
		openAIModeration(w, c)
	default:
		http.Error(w, "no such path: "+c.Path, http.StatusInternalServerError)
	}
}

// stream writes server-sent events, and the end mark.
func stream(w http.ResponseWriter, events ...string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, e := range append(events, "[DONE]") {
		_, _ = fmt.Fprintf(w, "data: %s\n\n", e)
	}
}

func openAIChat(w http.ResponseWriter, c vendorCall) {
	var req struct{ Stream bool }
	_ = json.Unmarshal(c.Body, &req)
	const usage = `"usage":{"prompt_tokens":11,"completion_tokens":3,"total_tokens":14}`
	if !req.Stream {
		_, _ = io.WriteString(w, `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"It is granite.","refusal":null},"logprobs":null,"finish_reason":"stop"}],`+usage+`}`)
		return
	}
	chunk := func(choices, more string) string {
		return `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"gpt-4o","choices":[` + choices + `]` + more + `}`
	}
	stream(w,
		chunk(`{"index":0,"delta":{"role":"assistant","content":"It is "},"finish_reason":null}`, ""),
		chunk(`{"index":0,"delta":{"content":"granite."},"finish_reason":null}`, ""),
		chunk(`{"index":0,"delta":{},"finish_reason":"stop"}`, ""),
		chunk("", ","+usage),
	)
}

// openAICompletions answers each prompt with granite.
func openAICompletions(w http.ResponseWriter, c vendorCall) {
	var req struct {
		Model    string
		Prompt   json.RawMessage
		N        int
		Echo     bool
		Logprobs *int
		Stream   bool
	}
	if err := json.Unmarshal(c.Body, &req); err != nil || req.Model != "gpt-3.5-turbo-instruct" {
		http.Error(w, "not a request", http.StatusInternalServerError)
		return
	}
	var prompts []json.RawMessage
	if json.Unmarshal(req.Prompt, &prompts) != nil {
		prompts = []json.RawMessage{req.Prompt}
	}
	const head = `{"id":"cmpl-1","object":"text_completion","created":1,"model":"gpt-3.5-turbo-instruct:20230824-v2","choices":[`
	const usage = `"usage":{"prompt_tokens":4,"completion_tokens":8,"total_tokens":12}`
	if strings.Contains(string(req.Prompt), "limit me") {
		w.WriteHeader(http.StatusTooManyRequests)
		_, _ = io.WriteString(w, `{"error":{"message":"Rate limit reached in the granite quarry.","type":"requests","param":null,"code":"rate_limit_exceeded"}}`)
		return
	}
	if req.Stream {
		piece := func(text, finish string) string {
			return head + fmt.Sprintf(`{"text":%q,"index":0,"logprobs":null,"finish_reason":%s}]}`, text, finish)
		}
		stream(w, piece("gran", "null"), piece("ite.", "null"), piece("", `"stop"`), head+"],"+usage+"}")
		return
	}
	var choices []string
	for _, p := range prompts {
		text := "granite."
		if req.Echo {
			var s string
			_ = json.Unmarshal(p, &s)
			text = s + " " + text
		}
		logprobs := "null"
		if req.Logprobs != nil {
			logprobs = `{"tokens":["granite"],"token_logprobs":[-0.1],"top_logprobs":[{"granite":-0.1}],"text_offset":[0]}`
		}
		for range max(1, req.N) {
			choices = append(choices, fmt.Sprintf(`{"text":%q,"index":%d,"logprobs":%s,"finish_reason":"stop"}`, text, len(choices), logprobs))
		}
	}
	_, _ = io.WriteString(w, head+strings.Join(choices, ",")+"],"+usage+"}")
}

// form reads a form, whose files are of the given type; nil if it is none.
func (c *vendorCall) form() *multipart.Form {
	_, parameters, err := mime.ParseMediaType(c.Header.Get("Content-Type"))
	if err != nil {
		return nil
	}
	f, err := multipart.NewReader(bytes.NewReader(c.Body), parameters["boundary"]).ReadForm(1 << 20)
	if err != nil {
		return nil
	}
	return f
}

const tinyPNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

func openAIImages(w http.ResponseWriter, c vendorCall) {
	var req struct {
		Model, Prompt, User string
		N                   int
		Stream              bool
		Metadata            any
	}
	kind := "image_generation"
	if f := c.form(); f != nil {
		kind = "image_edit"
		req.Model, req.Stream = f.Value["model"][0], slices.Equal(f.Value["stream"], []string{"true"})
		files := slices.Concat(f.File["image"], f.File["image[]"], f.File["mask"])
		for _, file := range files {
			if file.Size != 70 {
				http.Error(w, "a cut file", http.StatusInternalServerError)
				return
			}
		}
		if strings.HasSuffix(c.Path, "edits") && !req.Stream && (len(files) != 3 || files[1].Filename != `b %22é.png` || files[0].Header.Get("Content-Type") != "image/png") {
			http.Error(w, fmt.Sprint("other files: ", len(files), files[0].Header), http.StatusInternalServerError)
			return
		}
	} else if err := json.Unmarshal(c.Body, &req); err != nil || req.Metadata != nil {
		http.Error(w, "not a request of OpenAI's", http.StatusInternalServerError)
		return
	}
	if req.Model != "gpt-image-1" {
		http.Error(w, "another model: "+req.Model, http.StatusInternalServerError)
		return
	}
	if req.Prompt == "refuse me" {
		w.Header().Set("X-Request-Id", "req_granite")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, `{"error":{"message":"Your request was rejected as a result of our safety system.","type":"image_generation_user_error","param":null,"code":"moderation_blocked"}}`)
		return
	}
	const usage = `"usage":{"total_tokens":110,"input_tokens":10,"output_tokens":100,"input_tokens_details":{"text_tokens":10,"image_tokens":0}}`
	const settings = `"created_at":1,"size":"1024x1024","quality":"low","background":"opaque","output_format":"png"`
	if req.Stream {
		w.Header().Set("Content-Type", "text/event-stream")
		if kind == "image_generation" {
			_, _ = fmt.Fprintf(w, "event: %[1]s.partial_image\ndata: {\"type\":\"%[1]s.partial_image\",\"partial_image_index\":0,\"b64_json\":\"%[2]s\",%[3]s}\n\n", kind, tinyPNG, settings)
		}
		_, _ = fmt.Fprintf(w, "event: %[1]s.completed\ndata: {\"type\":\"%[1]s.completed\",\"b64_json\":\"%[2]s\",%[3]s,%[4]s}\n\n", kind, tinyPNG, settings, usage)
		return
	}
	images := strings.Repeat(`,{"b64_json":"`+tinyPNG+`"}`, max(1, req.N))
	_, _ = io.WriteString(w, `{"created":1,"data":[`+images[1:]+`],"size":"1024x1024","quality":"low","background":"opaque","output_format":"png",`+usage+`}`)
}

func openAISpeech(w http.ResponseWriter, c vendorCall) {
	var req struct {
		Model, Input string
		Format       string `json:"stream_format"`
	}
	if err := json.Unmarshal(c.Body, &req); err != nil || req.Model != "gpt-4o-mini-tts" {
		http.Error(w, "not a request", http.StatusInternalServerError)
		return
	}
	if req.Format == "sse" {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: {\"type\":\"speech.audio.delta\",\"audio\":\"SUQz\"}\n\n"+
			"data: {\"type\":\"speech.audio.done\",\"usage\":{\"input_tokens\":3,\"output_tokens\":20,\"total_tokens\":23}}\n\n")
		return
	}
	w.Header().Set("Content-Type", "audio/mpeg")
	_, _ = io.WriteString(w, "ID3")
	_ = http.NewResponseController(w).Flush() // a recorder need not flush
	if req.Input == "cut me" {
		panic(http.ErrAbortHandler)
	}
	_, _ = w.Write(make([]byte, 300_000))
}

func openAITranscript(w http.ResponseWriter, c vendorCall) {
	f := c.form()
	if f == nil || f.Value["model"][0] != "gpt-4o-transcribe" || len(f.File["file"]) != 1 || f.File["file"][0].Filename != "a.wav" {
		http.Error(w, "not a request", http.StatusInternalServerError)
		return
	}
	switch {
	case strings.HasSuffix(c.Path, "translations"):
		_, _ = io.WriteString(w, `{"text":"It is granite."}`)
	case slices.Equal(f.Value["stream"], []string{"true"}):
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "event: transcript.text.delta\ndata: {\"type\":\"transcript.text.delta\",\"delta\":\"It is granite.\"}\n\n"+
			"event: transcript.text.done\ndata: {\"type\":\"transcript.text.done\",\"text\":\"It is granite.\",\"usage\":{\"type\":\"tokens\",\"input_tokens\":14,\"output_tokens\":87,\"total_tokens\":101}}\n\n")
	case slices.Equal(f.Value["response_format"], []string{"srt"}):
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = io.WriteString(w, "1\n00:00:00,000 --> 00:00:01,000\nIt is granite.\n")
	case slices.Equal(f.Value["response_format"], []string{"verbose_json"}):
		if !slices.Equal(f.Value["timestamp_granularities[]"], []string{"word", "segment"}) {
			http.Error(w, "a lost list", http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, `{"task":"transcribe","language":"english","duration":1.5,"text":"granite","words":[{"word":"granite","start":0.0,"end":1.0}],"usage":{"type":"duration","seconds":2}}`)
	default:
		_, _ = io.WriteString(w, `{"text":"It is granite.","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":0,"audio_tokens":14},"output_tokens":87,"total_tokens":101}}`)
	}
}

func openAIModeration(w http.ResponseWriter, c vendorCall) {
	var req struct{ Model string }
	if err := json.Unmarshal(c.Body, &req); err != nil || req.Model != "omni-moderation-latest" {
		http.Error(w, "not a request", http.StatusInternalServerError)
		return
	}
	categories := []string{"harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm", "self-harm/instructions", "self-harm/intent", "sexual", "sexual/minors", "violence", "violence/graphic"}
	var flags, scores, types []string
	for _, name := range categories {
		flags, scores, types = append(flags, `"`+name+`":false`), append(scores, `"`+name+`":0.01`), append(types, `"`+name+`":["text"]`)
	}
	_, _ = fmt.Fprintf(w, `{"id":"modr-1","model":"omni-moderation-2024-09-26","results":[{"flagged":false,"categories":{%s},"category_scores":{%s},"category_applied_input_types":{%s}}]}`,
		strings.Join(flags, ","), strings.Join(scores, ","), strings.Join(types, ","))
}

// openAIAccount is an account of OpenAI's, with its files and batches, in the order in which they came.
type openAIAccount struct {
	mu      sync.Mutex
	made    int
	files   []openAIFile
	batches []openAIBatch
}

type openAIFile struct {
	id, name, purpose string
	content           []byte
}

type openAIBatch struct {
	id, input, status, output string
	metadata                  json.RawMessage
}

func (f *openAIFile) String() string {
	return fmt.Sprintf(`{"id":%q,"object":"file","bytes":%d,"created_at":1,"filename":%q,"purpose":%q,"status":"processed"}`, f.id, len(f.content), f.name, f.purpose)
}

func (b *openAIBatch) String() string {
	output := "null"
	if b.output != "" {
		output = `"` + b.output + `"`
	}
	return fmt.Sprintf(`{"id":%q,"object":"batch","endpoint":"/v1/chat/completions","errors":null,"input_file_id":%q,"completion_window":"24h","status":%q,"output_file_id":%s,"error_file_id":null,"created_at":1,"request_counts":{"total":1,"completed":1,"failed":0},"metadata":%s}`,
		b.id, b.input, b.status, output, b.metadata)
}

// listPage writes a part of a list, of one element if the query says so.
func listPage[T fmt.Stringer](w http.ResponseWriter, all []T, id func(T) string, query url.Values) {
	if after := query.Get("after"); after != "" {
		at := slices.IndexFunc(all, func(t T) bool { return id(t) == after })
		if at < 0 {
			http.Error(w, "after is unknown: "+after, http.StatusInternalServerError)
			return
		}
		all = all[at+1:]
	}
	more := query.Get("limit") == "1" && len(all) > 1
	if more {
		all = all[:1]
	}
	var texts []string
	for _, t := range all {
		texts = append(texts, t.String())
	}
	_, _ = fmt.Fprintf(w, `{"object":"list","data":[%s],"has_more":%t`, strings.Join(texts, ","), more)
	if len(all) > 0 {
		_, _ = fmt.Fprintf(w, `,"first_id":%q,"last_id":%q`, id(all[0]), id(all[len(all)-1]))
	}
	_, _ = io.WriteString(w, "}")
}

// serve answers requests about files and batches, and reports false for others.
func (a *openAIAccount) serve(w http.ResponseWriter, c vendorCall) bool {
	u, err := url.Parse(c.Path)
	if err != nil || c.Header.Get("Authorization") != "Bearer "+vendorSecret {
		return false
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	segments := strings.Split(strings.TrimPrefix(u.Path, "/v1/"), "/")
	switch segments[0] {
	case "files":
		a.serveFiles(w, c, segments[1:], u.Query())
	case "batches":
		a.serveBatches(w, c, segments[1:], u.Query())
	default:
		return false
	}
	return true
}

func (a *openAIAccount) serveFiles(w http.ResponseWriter, c vendorCall, path []string, query url.Values) {
	if len(path) == 0 && c.Method == http.MethodPost {
		f := c.form()
		if f == nil || len(f.File["file"]) != 1 || len(f.Value) != 1 {
			http.Error(w, fmt.Sprint("not a file: ", f), http.StatusInternalServerError)
			return
		}
		file, _ := f.File["file"][0].Open()
		content, _ := io.ReadAll(file)
		a.made++
		made := openAIFile{fmt.Sprintf("file-%d", a.made), f.File["file"][0].Filename, f.Value["purpose"][0], content}
		a.files = append(a.files, made)
		_, _ = io.WriteString(w, made.String())
		return
	}
	if len(path) == 0 {
		var listed []*openAIFile
		for i := range a.files {
			if p := query.Get("purpose"); p == "" || p == a.files[i].purpose {
				listed = append(listed, &a.files[i])
			}
		}
		listPage(w, listed, func(f *openAIFile) string { return f.id }, query)
		return
	}
	at := slices.IndexFunc(a.files, func(f openAIFile) bool { return f.id == path[0] })
	switch {
	case at < 0:
		w.WriteHeader(http.StatusNotFound)
		_, _ = io.WriteString(w, `{"error":{"message":"No such File object: `+path[0]+`","type":"invalid_request_error","param":"id","code":null}}`)
	case len(path) == 2:
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("Content-Disposition", `attachment; filename="`+a.files[at].name+`"`)
		_, _ = w.Write(a.files[at].content)
	case c.Method == http.MethodDelete:
		a.files = slices.Delete(a.files, at, at+1)
		_, _ = fmt.Fprintf(w, `{"id":%q,"object":"file","deleted":true}`, path[0])
	default:
		_, _ = io.WriteString(w, a.files[at].String())
	}
}

func (a *openAIAccount) serveBatches(w http.ResponseWriter, c vendorCall, path []string, query url.Values) {
	if len(path) == 0 && c.Method == http.MethodPost {
		var req struct {
			Input    string `json:"input_file_id"`
			Metadata json.RawMessage
			Model    any
		}
		if err := json.Unmarshal(c.Body, &req); err != nil || req.Model != nil || !slices.ContainsFunc(a.files, func(f openAIFile) bool { return f.id == req.Input }) {
			http.Error(w, "not a batch: "+string(c.Body), http.StatusInternalServerError)
			return
		}
		made := openAIBatch{id: "batch_1", input: req.Input, status: "validating", metadata: req.Metadata}
		a.batches = append(a.batches, made)
		_, _ = io.WriteString(w, made.String())
		a.files = append(a.files, openAIFile{"file-output", "out.jsonl", "batch_output", []byte(`{"custom_id":"0"}` + "\n")})
		return
	}
	switch {
	case len(path) == 0:
		var listed []*openAIBatch
		for i := range a.batches {
			listed = append(listed, &a.batches[i])
		}
		listPage(w, listed, func(b *openAIBatch) string { return b.id }, query)
	case path[0] != "batch_1" || len(a.batches) == 0:
		w.WriteHeader(http.StatusNotFound)
	case len(path) == 2 && c.Method == http.MethodPost:
		a.batches[0].status = "cancelling"
		_, _ = io.WriteString(w, a.batches[0].String())
	default:
		a.batches[0].status, a.batches[0].output = "completed", "file-output"
		_, _ = io.WriteString(w, a.batches[0].String())
	}
}

// TestOpenAISDKForPythonWithOtherAPIs calls OpenAI's APIs other than chat completions by its SDK.
func TestOpenAISDKForPythonWithOtherAPIs(t *testing.T) { //nolint:tparallel // the subtests only report what one program has shown
	t.Parallel()
	c := python(t)
	account := &openAIAccount{}
	v := startVendor(t, func(w http.ResponseWriter, c vendorCall) {
		if !account.serve(w, c) {
			openAIAPIs(w, c)
		}
	})
	g := startApp(t, strings.ReplaceAll(openAIAPIsConfig, "UPSTREAM", v.URL), t.TempDir(), nil)
	c.run(t, "openai_apis.py", []string{
		"a text completion passes with logprobs, echo and several choices",
		"tokens and a suffix pass",
		"a streamed text completion passes, and has its usage only if asked",
		"a model for conversations completes texts, each prompt and choice by itself",
		"a model for conversations streams texts",
		"what a conversation cannot carry is refused by name, or dropped with a warning",
		"a refusal of a text completion has the vendor's words",
		"the Azure client's path names the model",
		"images are generated, with their usage and its cost",
		"images stream as partial images",
		"images are edited and varied, whole files reach the vendor",
		"speech comes as bytes with its type, and as events",
		"audio is transcribed in each form",
		"audio is translated",
		"content is moderated, also without a model",
		"an API that the model's provider lacks, and a form without a model, are refused by name",
		"audio that breaks off is not taken for a whole",
		"a file is kept, described, listed, read and deleted",
		"a batch runs with the models' names of the gateway",
		"ids that mean nothing, or too much, are not found",
		"the account must be known, and have the API",
		"the Azure client finds files and batches under its paths",
	}, "BASE_URL="+g.URL(), "API_KEY="+masterKey, "MODEL=instruct", "RETRIED=instruct")
	g.stop(t)
	log := g.log.text.String()
	if strings.Contains(log, vendorSecret) || strings.Contains(log, "granite.") {
		t.Errorf("the log has a secret or content: %s", log)
	}
	sent := v.taken()
	for _, call := range sent {
		if strings.Contains(fmt.Sprint(call.Header)+string(call.Body), masterKey) {
			t.Errorf("the vendor got the gateway's key: %v", call.Header)
		}
	}
	judgeOpenAI(t, c, sent)
}

// judgeOpenAI judges the bodies that are JSON by the types of OpenAI's SDK.
func judgeOpenAI(t *testing.T, c client, sent []vendorCall) {
	t.Helper()
	var calls bytes.Buffer
	count := 0
	for _, call := range sent {
		if call.Method != http.MethodPost || call.Header.Get("Content-Type") != "application/json" {
			continue
		}
		line, err := json.Marshal(map[string]any{"path": call.Path, "body": json.RawMessage(call.Body)})
		if err != nil {
			t.Fatal(err)
		}
		calls.Write(append(line, '\n'))
		count++
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	judge := exec.CommandContext(ctx, c.interpreter, "judge_openai.py")
	judge.Dir, judge.Stdin = c.dir, &calls
	var log bytes.Buffer
	judge.Stderr = &log
	found, err := judge.Output()
	if err != nil || count < 20 || !strings.Contains(log.String(), fmt.Sprintf("judged %d\n", count)) {
		t.Fatalf("%d bodies, %v: %s", count, err, log.String())
	}
	if len(found) > 0 {
		t.Errorf("of %d bodies:\n%s", count, found)
	}
}
