package bedrock

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"outcrop/emulator/bedrock/account"
	"outcrop/emulator/bedrock/fault"
	"outcrop/internal/jsonx"
	"outcrop/wire/eventstream"
)

const (
	invokeHello = `{"anthropic_version":"bedrock-2023-05-31","max_tokens":100,"messages":[{"role":"user","content":"hello"}]}`
	titan       = "amazon.titan-embed-text-v2:0"
)

// chunks are the events in a stream of InvokeModel, and the exception at its end.
func chunks(t *testing.T, body []byte) (events []string, exception string) {
	t.Helper()
	d := eventstream.NewDecoder(bytes.NewReader(body))
	for {
		frame, err := d.Next()
		switch {
		case errors.Is(err, io.EOF):
			return events, exception
		case err != nil:
			return events, err.Error()
		case string(frame.Header(eventstream.HeaderMessageType)) == "exception":
			exception = string(frame.Header(eventstream.HeaderExceptionType))
			continue
		}
		var chunk struct {
			Bytes []byte `json:"bytes"`
			P     string `json:"p"`
		}
		if err := jsonx.Unmarshal(frame.Payload, &chunk); err != nil || chunk.P == "" || string(frame.Header(eventstream.HeaderEventType)) != "chunk" {
			t.Fatalf("frame %s: %v", frame.Payload, err)
		}
		events = append(events, string(chunk.Bytes))
	}
}

func TestInvokeModelStreamsChunks(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	a := s.post(t, haiku, "invoke-with-response-stream", invokeHello)
	if a.status != 200 || a.header.Get("Content-Type") != eventstream.MediaType || a.header.Get("X-Amzn-Bedrock-Content-Type") != "application/json" {
		t.Fatalf("got %d %v", a.status, a.header)
	}
	events, exception := chunks(t, a.body)
	if exception != "" || len(events) < 6 || !strings.Contains(events[0], `"message_start"`) || !strings.Contains(events[len(events)-1], "amazon-bedrock-invocationMetrics") {
		t.Errorf("got %q %q", events, exception)
	}
	if again := s.post(t, haiku, "invoke-with-response-stream", invokeHello); !bytes.Equal(again.body, a.body) {
		t.Error("the same request has another answer")
	}
}

func TestRepeatedSlashesInThePathCountAsOne(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	if a := s.send(t, http.MethodPost, "//model//"+micro+"/converse", hello, apiKey); a.status != 200 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	if a := s.send(t, http.MethodPost, "/model/a%2F%2Fb/converse", hello, apiKey); a.status != 400 || !strings.Contains(string(a.body), "identifier is invalid") {
		t.Errorf("got %d %s", a.status, a.body)
	}
}

func TestFaultsOfTheOptionsAreForInvokeModelToo(t *testing.T) {
	t.Parallel()
	script := func(words string) fault.Fault {
		f, err := fault.Parse(words)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	s := start(t, Options{Faults: []fault.Fault{script("throttle"), script("unavailable after=2"), script("op=CountTokens throttle"), script("op=Rerank deny"), script("cut=end after=1")}})
	wantRefusal(t, s.post(t, haiku, "invoke", invokeHello), 429, "ThrottlingException", "Too many requests")
	events, exception := chunks(t, s.post(t, haiku, "invoke-with-response-stream", invokeHello).body)
	if exception != "serviceUnavailableException" || len(events) == 0 || strings.Contains(strings.Join(events, ""), "message_stop") {
		t.Errorf("got %q %q", events, exception)
	}
	wantRefusal(t, s.post(t, "anthropic.claude-haiku-4-5-20251001-v1:0", "count-tokens", `{}`), 429, "ThrottlingException", "Too many requests")
	wantRefusal(t, s.send(t, http.MethodPost, "/rerank", `{}`, signed(demo, "us-east-1", "bedrock", noon)), 403, "AccessDeniedException", "is not authorized to perform: bedrock:Rerank because no identity-based policy allows")
	whole, err := chunks(t, s.post(t, haiku, "invoke-with-response-stream", invokeHello).body)
	if err != "" || strings.Contains(strings.Join(whole, ""), "message_stop") {
		t.Errorf("got %q %q", whole, err)
	}
	if a := s.post(t, titan, "invoke", `{"inputText":"x"}`); a.status != 200 {
		t.Errorf("got %d %s", a.status, a.body)
	}
	for _, words := range []string{"empty", "garbage", "corrupt"} {
		a := s.send(t, http.MethodPost, "/model/"+url.PathEscape(titan)+"/invoke", `{"inputText":"x"}`, func(r *http.Request) {
			apiKey(r)
			r.Header.Set(FaultHeader, words)
		})
		if a.status != 200 || jsonx.Valid(a.body) {
			t.Errorf("%s: got %d %s", words, a.status, a.body)
		}
	}
}

func TestIAMIsAskedForEachOperation(t *testing.T) {
	t.Parallel()
	e, err := New(Options{Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	s := startHandler(t, e)
	setup, err := account.Parse([]byte(`{"users":[{"name":"app","keys":[{"accessKeyId":"AKIAAPP","secretAccessKey":"secret"}],
		"policies":[{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"bedrock:*","Resource":"*"}}]}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if err := e.SetAccount(setup); err != nil {
		t.Fatal(err)
	}
	app := Key{AccessKeyID: "AKIAAPP", SecretAccessKey: "secret"}
	arn := func(kind string) string { return "arn:aws:bedrock:us-east-1:" + DemoAccount + ":" + kind }
	model := func(id string) string { return "arn:aws:bedrock:us-east-1::foundation-model/" + id }
	rerankBody := `{"queries":[{"type":"TEXT","textQuery":{"text":"q"}}],"sources":[{"type":"INLINE","inlineDocumentSource":{"type":"TEXT","textDocument":{"text":"d"}}}],
		"rerankingConfiguration":{"type":"BEDROCK_RERANKING_MODEL","bedrockRerankingConfiguration":{"modelConfiguration":{"modelArn":"` + model("cohere.rerank-v3-5:0") + `"}}}}`
	for _, c := range []struct {
		method, path, body string
		edit               func(*http.Request)
		want               []string // action and resource
	}{
		{"POST", "/model/" + url.PathEscape(titan) + "/invoke", `{"inputText":"x"}`, nil, []string{"bedrock:InvokeModel " + model(titan)}},
		{"POST", "/model/us.cohere.embed-v4:0/invoke", `{"texts":["x"],"input_type":"clustering"}`, nil, []string{
			"bedrock:InvokeModel " + arn("inference-profile/us.cohere.embed-v4:0"), "bedrock:InvokeModel " + model("cohere.embed-v4:0"),
			"bedrock:InvokeModel arn:aws:bedrock:us-east-2::foundation-model/cohere.embed-v4:0", "bedrock:InvokeModel arn:aws:bedrock:us-west-2::foundation-model/cohere.embed-v4:0",
		}},
		{"POST", "/model/" + micro + "/invoke-with-response-stream", hello, func(r *http.Request) {
			r.Header.Set("X-Amzn-Bedrock-GuardrailIdentifier", "abc")
			r.Header.Set("X-Amzn-Bedrock-GuardrailVersion", "DRAFT")
		}, []string{"bedrock:InvokeModelWithResponseStream " + model(micro), "bedrock:ApplyGuardrail " + arn("guardrail/abc")}},
		{"POST", "/model/anthropic.claude-haiku-4-5-20251001-v1:0/count-tokens", `{"input":{"converse":` + hello + `}}`, nil, []string{"bedrock:CountTokens " + model("anthropic.claude-haiku-4-5-20251001-v1:0")}},
		{"POST", "/guardrail/abc/version/1/apply", `{"source":"INPUT","content":[]}`, nil, []string{"bedrock:ApplyGuardrail " + arn("guardrail/abc")}},
		{"POST", "/async-invoke", `{"modelId":"twelvelabs.marengo-embed-2-7-v1:0","modelInput":{},"outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"s3://abc/d"}}}`, nil, []string{
			"bedrock:InvokeModel " + model("twelvelabs.marengo-embed-2-7-v1:0"), "bedrock:InvokeModel " + arn("async-invoke/*"),
		}},
		{"GET", "/async-invoke", "", nil, []string{"bedrock:ListAsyncInvokes *"}},
		{"POST", "/rerank", rerankBody, nil, []string{"bedrock:Rerank *", "bedrock:InvokeModel " + model("cohere.rerank-v3-5:0")}},
	} {
		a := s.send(t, c.method, c.path, c.body, func(r *http.Request) {
			if c.edit != nil {
				c.edit(r)
			}
			signed(app, "us-east-1", "bedrock", noon)(r)
		})
		if a.status != 200 {
			t.Errorf("%s: got %d %s", c.path, a.status, a.body)
		}
		var got []string
		for _, asked := range e.Authorizations() {
			got = append(got, asked.Action+" "+asked.Resource)
		}
		if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
			t.Errorf("%s: asked for\n%s\nwant\n%s", c.path, strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
	}
}

func TestQuotasCountInvocations(t *testing.T) {
	t.Parallel()
	two := int64(2)
	s := start(t, Options{Setup: &account.Setup{Models: []account.Model{{Model: "*", Quota: &account.Quota{RequestsPerMinute: &two}}}}})
	for _, c := range []struct{ model, body string }{{titan, `{"inputText":"x"}`}, {haiku, invokeHello}} {
		for range 2 {
			if a := s.post(t, c.model, "invoke", c.body); a.status != 200 {
				t.Errorf("got %d %s", a.status, a.body)
			}
		}
		wantRefusal(t, s.post(t, c.model, "invoke", c.body), 429, "ThrottlingException", "Too many requests")
	}
}

func TestTheAgentRuntimeTakesNoAPIKey(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	wantRefusal(t, s.send(t, http.MethodPost, "/rerank", `{}`, apiKey), 403, "MissingAuthenticationTokenException", "Missing Authentication Token")
	wantRefusal(t, s.send(t, http.MethodPost, "/rerank", `{}`, signed(demo, "us-east-1", "bedrock", noon)), 400, "ValidationException", "Value at 'queries' failed to satisfy constraint: Member must not be null")
}

func TestWhatInvokeModelDoesNotHave(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	wantRefusal(t, s.post(t, "us.deepseek.r1-v1:0", "invoke", `{"prompt":"x"}`), 400, "ValidationException", "emulator: InvokeModel is not emulated for deepseek.r1-v1:0; call Converse")
	wantRefusal(t, s.post(t, "cohere.command-r-v1:0", "invoke", `{"message":"x"}`), 400, "ValidationException", "emulator: InvokeModel is not emulated for cohere.command-r-v1:0; call Converse")
	wantRefusal(t, s.post(t, titan, "invoke-with-response-stream", `{"inputText":"x"}`), 400, "ValidationException", "The model is unsupported for streaming")
}

func TestClaudeOnInvokeModelBesideConverse(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	invoked := decode[struct {
		Usage struct {
			Input  int64 `json:"input_tokens"`
			Output int64 `json:"output_tokens"`
		} `json:"usage"`
		Content []struct {
			Text string `json:"text"`
		} `json:"content"`
	}](t, s.post(t, haiku, "invoke", invokeHello))
	conversed := decode[struct {
		Usage struct {
			Input  int64 `json:"inputTokens"`
			Output int64 `json:"outputTokens"`
		} `json:"usage"`
	}](t, s.post(t, haiku, "converse", hello))
	if invoked.Usage.Input != conversed.Usage.Input || invoked.Usage.Output != conversed.Usage.Output || invoked.Content[0].Text != "You said: hello" {
		t.Errorf("got %+v beside %+v", invoked, conversed)
	}
	counted := decode[struct {
		Tokens int64 `json:"inputTokens"`
	}](t, s.post(t, "anthropic.claude-haiku-4-5-20251001-v1:0", "count-tokens", fmt.Sprintf(`{"input":{"invokeModel":{"body":%q}}}`, base64.StdEncoding.EncodeToString([]byte(invokeHello)))))
	if counted.Tokens != invoked.Usage.Input {
		t.Errorf("counted %d, want %d", counted.Tokens, invoked.Usage.Input)
	}
}

func TestTheBodyOfCountTokensIsAUnion(t *testing.T) {
	t.Parallel()
	s := start(t, Options{})
	const id = "anthropic.claude-haiku-4-5-20251001-v1:0"
	for body, want := range map[string]string{
		`{}`:           "Value at 'input' failed to satisfy constraint: Member must not be null",
		`{"input":{}}`: "The value at input must set one of the following keys: converse, invokeModel.",
		`{"input":{"converse":{},"invokeModel":{"body":""}}}`:                           "The value at input can only set one of the following keys",
		`{"input":{"invokeModel":{}}}`:                                                  "Value at 'input.invokeModel.body' failed to satisfy constraint",
		`{"input":{"invokeModel":{"body":"e30="}}}`:                                     "anthropic_version: Field required",
		`{"input":{"converse":{"messages":[{"role":"user","content":[{"text":""}]}]}}}`: "is blank",
	} {
		wantRefusal(t, s.post(t, id, "count-tokens", body), 400, "ValidationException", want)
	}
	wantRefusal(t, s.post(t, "anthropic.claude-3-haiku-20240307-v1:0", "count-tokens", `{}`), 400, "ValidationException", "doesn't support counting tokens")
	wantRefusal(t, s.send(t, http.MethodPost, "/model/a%20b/count-tokens", `{}`, apiKey), 400, "ValidationException", "Value 'a b' at 'modelId' failed to satisfy constraint")
}

func TestABackgroundCallIsInProgressForItsTime(t *testing.T) {
	t.Parallel()
	var passed atomic.Int64
	s := start(t, Options{AsyncTakes: time.Minute, Now: func() time.Time { return noon.Add(time.Duration(passed.Load())) }})
	started := decode[struct {
		ARN string `json:"invocationArn"`
	}](t, s.send(t, http.MethodPost, "/async-invoke", `{"modelId":"amazon.nova-2-multimodal-embeddings-v1:0","modelInput":{},"outputDataConfig":{"s3OutputDataConfig":{"s3Uri":"s3://abc/d"}}}`, apiKey))
	for _, want := range []string{"InProgress", "Completed"} {
		if a := s.get(t, "/async-invoke/"+url.PathEscape(started.ARN)); !strings.Contains(string(a.body), `"status":"`+want+`"`) {
			t.Errorf("got %s, want %s", a.body, want)
		}
		passed.Store(int64(2 * time.Minute))
	}
}

func TestGuardrailWordsAreThoseOfTheOptions(t *testing.T) {
	t.Parallel()
	s := start(t, Options{GuardrailWords: []string{"basalt"}})
	for text, want := range map[string]string{"about Basalt": "GUARDRAIL_INTERVENED", "about basalts": "NONE", "a blockedword": "NONE"} {
		a := s.send(t, http.MethodPost, "/guardrail/abc/version/DRAFT/apply", fmt.Sprintf(`{"source":"INPUT","content":[{"text":{"text":%q}}]}`, text), apiKey)
		if a.status != 200 || !strings.Contains(string(a.body), `"action":"`+want+`"`) {
			t.Errorf("%s: got %d %s", text, a.status, a.body)
		}
	}
	wantRefusal(t, s.send(t, http.MethodPost, "/guardrail/abc/apply", `{}`, apiKey), 404, "UnknownOperationException", "not recognized")
}
