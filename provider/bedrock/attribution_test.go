package bedrock

import (
	"net/http"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func TestBodiesOfAWSAreAttributed(t *testing.T) {
	who := []llm.Label{{Name: "team_id", Value: "t"}}
	for name, tt := range map[string]struct {
		op, body, header string
		labels           []llm.Label
		want, sent       string
	}{
		"nobody":         {op: opConverse, body: `{ "messages": [] }`, want: `{ "messages": [] }`},
		"Converse":       {op: opConverse, body: `{"messages":[]}`, labels: who, want: `{"messages":[],"requestMetadata":{"team_id":"t"}}`},
		"with its own":   {op: opConverseStream, body: `{"requestMetadata":{"a":"b"},"messages":[]}`, labels: who, want: `{"messages":[],"requestMetadata":{"team_id":"t","a":"b"}}`},
		"InvokeModel":    {op: opInvoke, body: `{}`, labels: who, want: `{}`, sent: `{"team_id":"t"}`},
		"and its header": {op: opInvokeStream, body: `{}`, header: `{"a":"b"}`, labels: who, want: `{}`, sent: `{"team_id":"t","a":"b"}`},
		"another":        {op: opCountTokens, body: `{}`, labels: who, want: `{}`},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			if tt.header != "" {
				h.Set(metadataHeader, tt.header)
			}
			body, _, err := attribute(&llm.Raw{Call: llm.Call{Attribution: tt.labels}, Operation: tt.op}, jsonx.Raw(tt.body), h)
			if err != nil || string(body) != tt.want || h.Get(metadataHeader) != tt.sent {
				t.Errorf("%s, header %s, %v", body, h.Get(metadataHeader), err)
			}
		})
	}
	if _, _, err := attribute(&llm.Raw{Call: llm.Call{Attribution: who}, Operation: opConverse}, jsonx.Raw(`[]`), http.Header{}); err == nil {
		t.Error("a body that is no object is sent")
	}
}
