package app_test

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"outcrop/app"
	"outcrop/config"
	"outcrop/provider/all"
)

// vectors is a configuration of a model for embeddings and one for rerank, at an address.
func vectors(t *testing.T, endpoint, more string) *config.Config {
	t.Helper()
	at := `aws_region_name: us-east-1, aws_access_key_id: AKIDEXAMPLE, aws_secret_access_key: secret, aws_bedrock_runtime_endpoint: "` + endpoint + `"`
	cfg, problems := config.Load(config.Source{
		Name: "config.yaml", LookupEnv: func(string) (string, bool) { return "", false }, Providers: all.Providers(),
		Data: []byte("model_list:\n" +
			"  - {model_name: stone, litellm_params: {model: bedrock/cohere.embed-v4:0, " + at + "}}\n" +
			"  - {model_name: judge, litellm_params: {model: bedrock/cohere.rerank-v3-5:0, " + at + "}}\n" + more),
	})
	if cfg == nil {
		t.Fatal(problems)
	}
	return cfg
}

// send posts a body to a path.
func send(t *testing.T, a *app.App, path, body string) (status int, header http.Header, answer string) {
	t.Helper()
	resp, err := client.Post(a.URL()+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	status, answer = read(t, resp)
	return status, resp.Header, answer
}

// TestAThrottledEmbeddingIsRetried checks embeddings and rerank through the whole server: a throttle
// that passes is not seen, and the headers say where the call went and what it cost.
func TestAThrottledEmbeddingIsRetried(t *testing.T) {
	var calls atomic.Int64
	upstream := httptest.NewServer(judge.Watch(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("X-Amzn-Requestid", "aws-1")
		if calls.Add(1)%2 == 1 {
			w.Header().Set("X-Amzn-Errortype", "ThrottlingException")
			w.Header().Set("Retry-After", "0")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"message":"Too many requests"}`)
			return
		}
		w.Header().Set("X-Amzn-Bedrock-Input-Token-Count", "5")
		if strings.Contains(r.URL.Path, "rerank") {
			_, _ = io.WriteString(w, `{"results":[{"index":0,"relevance_score":1}]}`)
			return
		}
		_, _ = io.WriteString(w, `{"embeddings":{"float":[[1],[2]]}}`)
	})))
	defer upstream.Close()
	a := start(t, app.Options{Config: vectors(t, upstream.URL, "")})
	for _, tt := range []struct{ path, body, want, cost string }{
		{"/v1/embeddings", `{"model":"stone","input":["granite","slate"]}`, `"usage":{"prompt_tokens":5,"total_tokens":5}`, "0.0000006"},
		{"/v2/rerank", `{"model":"judge","query":"rock","documents":["granite"]}`, `"billed_units":{"search_units":1},"tokens":{"input_tokens":5,"output_tokens":0}`, "0.002"},
	} {
		status, h, body := send(t, a, tt.path, tt.body)
		if status != http.StatusOK || !strings.Contains(body, tt.want) || h.Get("X-Outcrop-Cost") != tt.cost || !strings.HasPrefix(h.Get("X-Outcrop-Target"), "api=invoke; region=us-east-1; id=cohere.") {
			t.Errorf("%s: %d %v %s", tt.path, status, h, body)
		}
	}
	if calls.Load() != 4 {
		t.Errorf("%d calls", calls.Load())
	}
}

// TestAnImageAtAURLIsEmbedded checks that the gateway fetches it, if its guard lets it.
func TestAnImageAtAURLIsEmbedded(t *testing.T) {
	const png = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
	picture, err := base64.StdEncoding.DecodeString(png)
	if err != nil {
		t.Fatal(err)
	}
	files := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(picture) }))
	defer files.Close()
	var sent string
	upstream := httptest.NewServer(judge.Watch(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		sent = string(body)
		_, _ = io.WriteString(w, `{"embeddings":{"float":[[1]]}}`)
	})))
	defer upstream.Close()
	question := `{"model":"stone","input":[{"content":[{"type":"text","text":"a rock"},{"type":"image_url","image_url":{"url":"` + files.URL + `/rock.png"}}]}]}`
	allowed := start(t, app.Options{Config: vectors(t, upstream.URL, "outcrop_settings: {media: {allow: ['"+strings.TrimPrefix(files.URL, "http://")+"']}}\n")})
	if status, _, body := send(t, allowed, "/v1/embeddings", question); status != http.StatusOK || !strings.Contains(sent, "data:image/png;base64,"+png) {
		t.Errorf("%d %s; sent %s", status, body, sent)
	}
	sent = ""
	guarded := start(t, app.Options{Config: vectors(t, upstream.URL, "")})
	if status, _, body := send(t, guarded, "/v1/embeddings", question); status != http.StatusBadRequest || !strings.Contains(body, `"param":"input[0].content[1].image_url`) || sent != "" {
		t.Errorf("%d %s; sent %s", status, body, sent)
	}
}
