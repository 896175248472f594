package aws_test

import (
	"slices"
	"testing"

	"outcrop/httpd/aws"
	"outcrop/llm"
)

// serving is a bench whose gateway has only the names granite and us.x.
func serving() *bench {
	b := newBench(aws.Options{Default: "granite", Callable: func() []string { return []string{"amazon.y"} }})
	b.names = []string{"granite", "us.x"}
	return b
}

func TestOperationsThatAreAboutNoModel(t *testing.T) {
	const invocation = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Aasync-invoke%2Fabc"
	for _, tt := range []struct {
		method, target, body string
		operation, model     string
		path                 []string
		service              bool
	}{
		{"POST", "/guardrail/abc/version/DRAFT/apply", `{}`, "apply-guardrail", "granite", []string{"guardrail", "abc", "version", "DRAFT", "apply"}, true},
		{"POST", "/bedrock/async-invoke", `{"modelId":"us.x"}`, "start-async-invoke", "us.x", []string{"async-invoke"}, false},
		{"GET", "/async-invoke?maxResults=3", "", "list-async-invokes", "granite", []string{"async-invoke"}, true},
		{"GET", "/async-invoke/" + invocation, "", "get-async-invoke", "granite", []string{"async-invoke", "arn:aws:bedrock:us-east-1:123456789012:async-invoke/abc"}, true},
		{"GET", "/foundation-models", "", "list-foundation-models", "granite", []string{"foundation-models"}, true},
		{"GET", "/foundation-models/amazon.y", "", "get-foundation-model", "granite", []string{"foundation-models", "amazon.y"}, true},
		{"GET", "/inference-profiles", "", "list-inference-profiles", "granite", []string{"inference-profiles"}, true},
		{"GET", "/inference-profiles/us.x", "", "get-inference-profile", "us.x", []string{"inference-profiles", "us.x"}, true},
	} {
		b := serving()
		w := b.send(tt.method, tt.target, tt.body)
		if w.Code != 200 || len(b.asked) != 1 {
			t.Errorf("%s: %d %s, %d calls", tt.target, w.Code, w.Body, len(b.asked))
			continue
		}
		raw := b.asked[0]
		if raw.Operation != tt.operation || raw.Model != tt.model || !slices.Equal(raw.Path, tt.path) || raw.Service != tt.service || raw.Method != tt.method || string(raw.Body) != tt.body {
			t.Errorf("%s: %+v", tt.target, raw)
		}
		if tt.operation == "list-async-invokes" && raw.Query != "maxResults=3" {
			t.Errorf("the query is %q", raw.Query)
		}
	}
}

func TestOperationsThatAreNotServed(t *testing.T) {
	for _, tt := range []struct {
		method, target, body string
		status               int
		name                 string
	}{
		{"DELETE", "/inference-profiles/us.x", "", 404, "UnknownOperationException"},
		{"POST", "/inference-profiles", `{}`, 404, "UnknownOperationException"},
		{"GET", "/guardrail/abc/version/1/apply", "", 404, "UnknownOperationException"},
		{"POST", "/guardrail/abc/apply", `{}`, 404, "UnknownOperationException"},
		{"GET", "/async-invoke/a/b", "", 404, "UnknownOperationException"},
		{"GET", "/inference-profiles/eu.x", "", 404, "ResourceNotFoundException"},
		{"GET", "/foundation-models/amazon.z", "", 404, "ResourceNotFoundException"},
		{"POST", "/async-invoke", `{"modelId":7}`, 400, "ValidationException"},
		{"POST", "/async-invoke", `{}`, 400, "ValidationException"},
		{"POST", "/guardrail/abc/version/1/apply", `{`, 400, "ValidationException"},
		{"GET", "/inference-profiles/", "", 400, "ValidationException"},
	} {
		b := serving()
		w := b.send(tt.method, tt.target, tt.body)
		if name, _ := exception(t, w); w.Code != tt.status || name != tt.name || len(b.asked) != 0 {
			t.Errorf("%s %s: %d %s %s, %d calls", tt.method, tt.target, w.Code, name, w.Body, len(b.asked))
		}
	}
	b := newBench(aws.Options{}) // without a deployment of Bedrock
	if w := b.send("GET", "/foundation-models", ""); w.Code != 404 {
		t.Errorf("without a deployment: %d", w.Code)
	}
}

// Lists have only what the gateway serves.
func TestListsOfWhatIsServed(t *testing.T) {
	b := serving()
	b.resp = &llm.RawResponse{Body: []byte(`{"modelSummaries":[{"modelId":"us.x"},{"modelId":"amazon.y"},{"modelId":"amazon.z"}]}`)}
	if w := b.send("GET", "/foundation-models", ""); w.Body.String() != `{"modelSummaries":[{"modelId":"us.x"},{"modelId":"amazon.y"}]}` {
		t.Errorf("listed %s", w.Body)
	}
	b.resp = &llm.RawResponse{Body: []byte(`{"inferenceProfileSummaries":[{"inferenceProfileId":"us.x"},{"inferenceProfileId":"eu.x"}]}`)}
	if w := b.send("GET", "/inference-profiles", ""); w.Body.String() != `{"inferenceProfileSummaries":[{"inferenceProfileId":"us.x"}]}` {
		t.Errorf("listed %s", w.Body)
	}
}
