package bedrock

import (
	"bytes"
	"net/http"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func TestGuardrailsReplaceTheClients(t *testing.T) {
	const (
		config = `{"guardrailIdentifier":"abc123","guardrailVersion":"1","streamProcessingMode":"sync"}`
		still  = `{"guardrailIdentifier":"abc123","guardrailVersion":"1"}`
		mode   = `"amazon-bedrock-guardrailConfig":{"streamProcessingMode":"SYNC"}`
	)
	for _, tt := range []struct {
		name, operation, body, want string
		warnings                    int
	}{
		{"none in an empty body", opConverse, ` { } `, `{"guardrailConfig":` + still + ` } `, 0},
		{"none", opConverse, `{"messages":[]}`, `{"guardrailConfig":` + still + `,"messages":[]}`, 0},
		{"none in a stream", opConverseStream, `{"messages":[]}`, `{"guardrailConfig":` + config + `,"messages":[]}`, 0},
		{"the client's", opConverse, `{"guardrailConfig":{"guardrailIdentifier":"b"},"messages":[]}`, `{"guardrailConfig":` + still + `,"messages":[]}`, 1},
		{"the client's with an escaped name", opConverse, `{"messages":[],"guardrail\u0043onfig":null}`, `{"guardrailConfig":` + still + `,"messages":[]}`, 1},
		{"InvokeModel's body stays", opInvoke, ` {"prompt":"Hi"} `, ` {"prompt":"Hi"} `, 0},
		{"a body that is not JSON stays", opInvoke, "\x00\x01", "\x00\x01", 0},
		{"a stream's mode", opInvokeStream, `{"prompt":"Hi"}`, `{` + mode + `,"prompt":"Hi"}`, 0},
		{"the client's tag", opInvoke, `{"prompt":"Hi","amazon-bedrock-guardrailConfig":{"tagSuffix":"x"}}`, `{"prompt":"Hi"}`, 1},
		{"the client's tag in a stream", opInvokeStream, `{"amazon-bedrock-guardrailConfig":{"tagSuffix":"x"}}`, `{` + mode + `}`, 1},
		{"a count", opCountTokens, `{"input":{}}`, `{"input":{}}`, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			raw := &llm.Raw{Call: llm.Call{Guardrail: jsonx.Raw(config)}, Operation: tt.operation}
			header := http.Header{}
			got, warnings, err := guard(raw, jsonx.Raw(tt.body), header)
			if err != nil || string(bytes.Join(got, nil)) != tt.want || len(warnings) != tt.warnings {
				t.Errorf("%s, %v (%v)\nwant %s", bytes.Join(got, nil), warnings, err, tt.want)
			}
			if tt.operation == opInvoke && (header.Get("X-Amzn-Bedrock-GuardrailIdentifier") != "abc123" || header.Get("X-Amzn-Bedrock-GuardrailVersion") != "1") {
				t.Errorf("the headers are %v", header)
			}
		})
	}
	raw := &llm.Raw{Call: llm.Call{Guardrail: jsonx.Raw(config)}, Operation: opStartAsync}
	if _, _, err := guard(raw, jsonx.Raw(`{"modelId":"m"}`), http.Header{}); err == nil || llm.AsError(err).Status != 400 {
		t.Errorf("an asynchronous invocation, which has no guardrail: %v", err)
	}
	raw.Operation = opConverse
	if _, _, err := guard(raw, jsonx.Raw(`[]`), http.Header{}); err == nil || llm.AsError(err).Param != "body" {
		t.Errorf("a body that cannot have a guardrail: %v", err)
	}
}
