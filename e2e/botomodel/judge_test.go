package botomodel

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/internal/need"
)

// ask sends a gateway's request to a watched server, which must receive it unchanged.
func ask(t *testing.T, j *Judge, path, contentType, body string) {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("User-Agent", product)
	r.Header.Set("Content-Type", contentType)
	j.Watch(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got, err := io.ReadAll(r.Body); err != nil || string(got) != body {
			t.Errorf("the server got %q, %v", got, err)
		}
	})).ServeHTTP(httptest.NewRecorder(), r)
}

// verdict skips the test, with a message, if botocore is not installed.
func verdict(t *testing.T, j *Judge) (int, error) {
	t.Helper()
	n, err := j.Verdict(t.Context())
	if errors.Is(err, errMissing) {
		need.Missing(t, err.Error())
	}
	return n, err
}

const (
	micro = "/model/amazon.nova-micro-v1%3A0/converse"
	hello = `{"messages":[{"role":"user","content":[{"text":"hello"}]}]}`
)

// says returns a body with a block next to a text.
func says(block string) string {
	return `{"messages":[{"role":"user","content":[{"text":"hello"},` + block + `]}]}`
}

func TestWhatAWSTakesIsValid(t *testing.T) {
	t.Parallel()
	var j Judge
	for _, body := range []string{
		hello, hello, // duplicates count once
		says(`{"image":{"format":"png","source":{"bytes":"AAAA"}}}`),
		says(`{"video":{"format":"video/mp4","source":{"bytes":"AAAA"}}}`),
		`{"messages":[{"role":"assistant","content":[{"toolUse":{"toolUseId":"t.1:2","name":"f","type":"tool_use","input":{"a":[null,1.5]}}}]}],
			"inferenceConfig":{"temperature":1,"maxTokens":1},"additionalModelRequestFields":{"anything":{"at":["all"]}},"requestMetadata":{"a b":""}}`,
	} {
		ask(t, &j, micro, "application/json", body)
	}
	ask(t, &j, "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aapplication-inference-profile%2Fabc123def456/converse-stream", "application/json",
		`{"messages":[],"guardrailConfig":{"guardrailIdentifier":"abc","guardrailVersion":"1","streamProcessingMode":"sync"}}`)
	ask(t, &j, "/model/amazon.titan-embed-text-v2%3A0/invoke", "application/json", `{"inputText":"granite"}`)
	if n, err := verdict(t, &j); err != nil || n != 6 {
		t.Errorf("%d requests were judged: %v", n, err)
	}
}

func TestWhatAWSRefusesIsNamedByItsMember(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, path, contentType, body, want string }{
		{"a member that there is not", micro, "", says(`{"image":{"format":"png","detail":"low","source":{"bytes":"AAAA"}}}`), `Unknown parameter in messages[0].content[1].image: "detail"`},
		{"a member that is missing", micro, "", `{"messages":[{"role":"user"}]}`, `Missing required parameter in messages[0]: "content"`},
		{"a wrong type", micro, "", says(`{"text":7}`), "Invalid type for parameter messages[0].content[1].text"},
		{"a truth for a number", micro, "", `{"messages":[],"inferenceConfig":{"maxTokens":true}}`, "body.inferenceConfig.maxTokens: True is no integer"},
		{"two members of a union", micro, "", says(`{"text":"a","cachePoint":{"type":"default"}}`), "messages[0].content[1]"},
		{"none of a union", micro, "", says(`{}`), "messages[0].content[1]"},
		{"null", micro, "", `{"messages":[],"system":null}`, "body.system: is null"},
		{"a number above its range", micro, "", `{"messages":[],"inferenceConfig":{"temperature":1.5}}`, "body.inferenceConfig.temperature: 1.5"},
		{"a number below its range", micro, "", `{"messages":[],"inferenceConfig":{"maxTokens":0}}`, "body.inferenceConfig.maxTokens: 0"},
		{"a name that is too long", micro, "", `{"messages":[],"toolConfig":{"tools":[{"toolSpec":{"name":"` + strings.Repeat("a", 65) + `","inputSchema":{"json":{}}}}]}}`, "body.toolConfig.tools[0].toolSpec.name: 65 characters"},
		{"a name of other letters", micro, "", `{"messages":[],"toolConfig":{"tools":[{"toolSpec":{"name":"a.b","inputSchema":{"json":{}}}}]}}`, "body.toolConfig.tools[0].toolSpec.name: 'a.b' does not match"},
		{"no element", micro, "", `{"messages":[],"toolConfig":{"tools":[]}}`, "body.toolConfig.tools: 0 elements"},
		{"a word that is none of them", micro, "", says(`{"image":{"format":"jpg","source":{"bytes":"AAAA"}}}`), "body.messages[0].content[1].image.format: 'jpg' is none of"},
		{"bytes that are not base64", micro, "", says(`{"image":{"format":"png","source":{"bytes":"AAA"}}}`), "body.messages[0].content[1].image.source.bytes: is not base64"},
		{"a label's key", micro, "", `{"messages":[],"requestMetadata":{"ä":"b"}}`, "body.requestMetadata key: 'ä' does not match"},
		{"a member of a stream alone", micro, "", `{"messages":[],"guardrailConfig":{"streamProcessingMode":"sync"}}`, `Unknown parameter in guardrailConfig: "streamProcessingMode"`},
		{"a member twice", micro, "", `{"messages":[],"messages":[]}`, "a member stands twice"},
		{"no JSON", micro, "", `{"messages":`, "body: "},
		{"another content type", micro, "text/plain", hello, "Content-Type: 'text/plain' is not application/json"},
		{"a model's id that is none", "/model/a%20b/converse", "", hello, "body.modelId: 'a b' does not match"},
		{"a count of nothing", "/model/anthropic.claude-sonnet-4-5-20250929-v1:0/count-tokens", "", `{}`, `Missing required parameter in input: "input"`},
		{"another path", "/model/a/b/converse", "", hello, "path: is not that of an operation on a model or a guardrail"},
		{"a body of InvokeModel that is no object", "/model/amazon.titan-embed-text-v2%3A0/invoke", "", `["granite"]`, "body: is not an object without modelId"},
		{"a body of InvokeModel that is no JSON", "/model/amazon.titan-embed-text-v2%3A0/invoke", "", `{"inputText":`, "body: "},
		{"an id of InvokeModel that is none", "/model/a%20c/invoke", "", `{}`, "body.modelId: 'a c' does not match"},
	}
	var j Judge // shared, since it takes a second to start
	for _, tt := range tests {
		if tt.contentType == "" {
			tt.contentType = "application/json"
		}
		ask(t, &j, tt.path, tt.contentType, tt.body)
	}
	n, err := verdict(t, &j)
	if err == nil || n != len(tests) {
		t.Fatalf("%d requests were judged: %v", n, err)
	}
	for _, tt := range tests {
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: no fault with %q in\n%v", tt.name, tt.want, err)
		}
	}
}

func TestOnlyAGatewaysCallsOfModelsAreKept(t *testing.T) {
	t.Parallel()
	var j Judge
	for _, path := range []string{micro, "/foundation-models"} {
		for _, agent := range []string{"Boto3/1.44", product} {
			if path == micro && agent == product {
				continue
			}
			r := httptest.NewRequest(http.MethodPost, path, strings.NewReader("no JSON"))
			r.Header.Set("User-Agent", agent)
			j.Watch(http.NotFoundHandler()).ServeHTTP(httptest.NewRecorder(), r)
		}
	}
	if n, err := j.Verdict(t.Context()); n != 0 || err != nil {
		t.Errorf("%d requests, %v", n, err)
	}
}

// passed are tests that end with a code.
type passed int

func (p passed) Run() int { return int(p) }

func TestTestsThatMadeAnInvalidRequestFail(t *testing.T) {
	t.Parallel()
	var good, wrong Judge
	ask(t, &good, micro, "application/json", hello)
	ask(t, &wrong, micro, "application/json", `{"messages":7}`)
	if _, err := verdict(t, &wrong); err == nil {
		t.Fatal("the request passes")
	}
	for _, tt := range []struct {
		judge       *Judge
		tests, want int
	}{{&good, 0, 0}, {&good, 2, 2}, {&wrong, 0, 1}, {&wrong, 2, 2}} {
		var report strings.Builder
		if got := tt.judge.Over(passed(tt.tests), &report).Run(); got != tt.want {
			t.Errorf("tests that end with %d end with %d, want %d", tt.tests, got, tt.want)
		}
		if told := strings.Contains(report.String(), "Invalid type for parameter messages"); told != (tt.judge == &wrong) {
			t.Errorf("the report is %q", report.String())
		}
	}
}
