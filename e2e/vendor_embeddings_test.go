package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// embeddingAPIs answers like Cohere's embed API and Ollama's, with vectors of the length of each text.
func embeddingAPIs(w http.ResponseWriter, c vendorCall) {
	w.Header().Set("Content-Type", "application/json")
	var req struct {
		Texts, Images, Input []string
		Inputs               []json.RawMessage
		Types                []string `json:"embedding_types"`
	}
	_ = json.Unmarshal(c.Body, &req)
	switch {
	case c.Method == http.MethodPost && c.Path == "/v2/embed":
		var vectors []string
		for _, text := range req.Texts {
			vectors = append(vectors, fmt.Sprintf("[%d,1]", len(text)))
		}
		for range len(req.Images) + len(req.Inputs) {
			vectors = append(vectors, "[0,1]")
		}
		var forms []string
		for _, form := range req.Types {
			forms = append(forms, fmt.Sprintf(`%q:[%s]`, form, strings.Join(vectors, ",")))
		}
		_, _ = fmt.Fprintf(w, `{"id":"1","response_type":"embeddings_by_type","embeddings":{%s},"meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":%d}}}`, strings.Join(forms, ","), 2*len(req.Texts))
	case c.Method == http.MethodPost && c.Path == "/api/embed":
		var vectors []string
		for _, text := range req.Input {
			vectors = append(vectors, fmt.Sprintf("[%d,0.25]", len(text)))
		}
		_, _ = fmt.Fprintf(w, `{"model":"nomic-embed-text","embeddings":[%s],"total_duration":14143917,"load_duration":1019500,"prompt_eval_count":8}`, strings.Join(vectors, ","))
	default:
		http.Error(w, "no such path", http.StatusNotFound)
	}
}

// TestOpenAISDKEmbedsByVendorsOwnAPIs embeds with models of Cohere and Ollama, and holds what they get to
// the types of their SDKs.
func TestOpenAISDKEmbedsByVendorsOwnAPIs(t *testing.T) { //nolint:tparallel // the subtests only report what one program has shown
	t.Parallel()
	c := python(t)
	v := startVendor(t, embeddingAPIs)
	g := startApp(t, `
general_settings: {master_key: `+masterKey+`}
router_settings: {num_retries: 0}
model_list:
  - {model_name: cohere4, litellm_params: {model: cohere/embed-v4.0, api_key: `+vendorSecret+`, api_base: "`+v.URL+`"}}
  - {model_name: cohere3, litellm_params: {model: cohere/embed-english-v3.0, api_key: `+vendorSecret+`, api_base: "`+v.URL+`/v2/embed"}}
  - {model_name: local, litellm_params: {model: ollama/nomic-embed-text, api_base: "`+v.URL+`"}}
`, "", nil)
	c.run(t, "openai_embeddings.py", []string{
		"texts have vectors of Cohere in order, more than one call takes",
		"Cohere's own parameters reach it",
		"images and texts with images reach Cohere",
		"what Cohere does not have is refused by name",
		"texts have vectors of Ollama, with its own parameters",
	}, "BASE_URL="+g.URL(), "API_KEY="+masterKey, "MODEL=cohere4", "RETRIED=cohere4")
	g.stop(t)
	var cohere, ollama bytes.Buffer
	counts := map[string]int{}
	for _, sent := range v.taken() {
		if sent.Method != http.MethodPost {
			continue
		}
		counts[sent.Path]++
		to := &ollama
		if sent.Path == "/v2/embed" {
			if to = &cohere; sent.Header.Get("Authorization") != "Bearer "+vendorSecret {
				t.Errorf("the key is not Cohere's: %v", sent.Header)
			}
		}
		if err := json.Compact(to, sent.Body); err != nil {
			t.Fatal(err)
		}
		to.WriteByte('\n')
	}
	if counts["/v2/embed"] < 6 || counts["/api/embed"] < 2 {
		t.Fatalf("the calls are %v", counts)
	}
	found, log := judgeCohere(t, &cohere)
	if !strings.Contains(log, fmt.Sprintf("judged %d\n", counts["/v2/embed"])) || found != "" {
		t.Errorf("bodies for Cohere (%s):\n%s", log, found)
	}
	found, log = judgeOllama(t, &ollama)
	if !strings.Contains(log, fmt.Sprintf("judged %d\n", counts["/api/embed"])) || found != "" {
		t.Errorf("bodies for Ollama (%s):\n%s", log, found)
	}
}

// TestSDKsReadTheFakeEmbeddings holds the upstream of these tests to the SDKs of Cohere and Ollama.
func TestSDKsReadTheFakeEmbeddings(t *testing.T) {
	t.Parallel()
	v := startVendor(t, embeddingAPIs)
	if out, _ := judgeCohere(t, nil, v.URL, "embed"); strings.TrimSpace(out) != `{"vectors": [[7, 1]], "tokens": 2.0, "unknown": []}` {
		t.Errorf("Cohere's SDK reads %s", out)
	}
	if out, _ := judgeOllama(t, nil, v.URL, "embed"); strings.TrimSpace(out) != `{"vectors": [[7.0, 0.25]], "tokens": 8}` {
		t.Errorf("Ollama's SDK reads %s", out)
	}
}
