package app_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"outcrop/app"
)

// TestAnUnknownPathIsRefusedInTheClientsDialect checks paths that no frontend owns: the client's headers
// tell which errors it reads.
func TestAnUnknownPathIsRefusedInTheClientsDialect(t *testing.T) {
	upstream := httptest.NewServer(http.NotFoundHandler())
	defer upstream.Close()
	a := start(t, app.Options{Config: vectors(t, upstream.URL, "")})
	for _, tt := range []struct{ path, header, value, form, near string }{
		{"/v1/chat/completion", "User-Agent", "OpenAI/Python", `{"error":{"message":"`, "Did you mean POST /v1/chat/completions?"},
		{"/v1/embedding", "User-Agent", "OpenAI/Python", `{"error":{"message":"`, "Did you mean POST /v1/embeddings?"},
		{"/v1/mesages", "Anthropic-Version", "2023-06-01", `{"type":"error","error":{`, "Did you mean POST /v1/messages?"},
		{"/v1/v1/messages", "Anthropic-Version", "2023-06-01", `{"type":"error","error":{`, "Did you mean POST /v1/messages?"},
		{"/v2/reranks", "User-Agent", "cohere", `{"error":{"message":"`, "Did you mean POST /v2/rerank?"},
		{"/v1/model/granite/converse", "Amz-Sdk-Request", "attempt=1; max=3", `{"message":"`, "Did you mean POST /model/granite/converse?"},
		{"/model/granite/convers", "Amz-Sdk-Request", "attempt=1; max=3", `{"message":"`, "Did you mean POST /model/granite/converse?"},
		{"/model/granite/converse_stream", "User-Agent", "curl", `{"message":"`, "Did you mean POST /model/granite/converse-stream?"},
		{"/model/granite/train", "User-Agent", "curl", `{"message":"`, ""},
	} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+tt.path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set(tt.header, tt.value)
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		status, body := read(t, resp)
		if status != http.StatusNotFound || !strings.HasPrefix(body, tt.form) || !strings.Contains(body, tt.near) || (tt.near == "") == strings.Contains(body, "Did you mean") {
			t.Errorf("%s: %d %s, want %s with %s", tt.path, status, body, tt.form, tt.near)
		}
	}
}
