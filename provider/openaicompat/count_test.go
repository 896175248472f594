package openaicompat_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/providertest"
)

// counter is a fake of OpenAI's API that counts tokens.
type counter struct {
	*httptest.Server

	status int
	answer string
	calls  []string // path and body
}

func newCounter(t *testing.T) *counter {
	t.Helper()
	c := &counter{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		c.calls = append(c.calls, r.Method+" "+r.URL.Path+" "+string(body))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(c.status)
		_, _ = io.WriteString(w, c.answer)
	}))
	t.Cleanup(c.Close)
	return c
}

// count counts the tokens of a body with a vendor's model.
func (c *counter) count(t *testing.T, d provider.Deployment, body string) (*llm.Count, error) {
	t.Helper()
	targets, err := d.Targets(llm.VerbCount, "rock-1")
	if err != nil {
		t.Fatal(err)
	}
	return targets[0].(provider.RawCounter).CountRaw(t.Context(), &llm.Raw{Call: llm.Call{Model: "mine"}, Dialect: llm.DialectResponses, Body: jsonx.Raw(body)})
}

func TestOpenAICountsTheTokensOfRequestsForResponses(t *testing.T) {
	c := newCounter(t)
	d, err := open(t, vendor(t, "openai"), "rock-1", map[string]string{"api_base": c.URL + "/v1", "api_key": providertest.Key}, nil)
	if err != nil {
		t.Fatal(err)
	}
	c.status, c.answer = 200, `{"object":"response.input_tokens","input_tokens":17}`
	got, err := c.count(t, d, `{"model":"mine","input":"Hi","tools":[],"store":false,"max_output_tokens":9,"metadata":{"a":"b"},"instructions":"Be short."}`)
	if err != nil || got.Tokens != 17 || got.Meta.Destination.API != "responses" {
		t.Fatalf("got %+v, %v", got, err)
	}
	if want := `POST /v1/responses/input_tokens {"model":"rock-1","input":"Hi","tools":[],"instructions":"Be short."}`; c.calls[0] != want {
		t.Errorf("sent %s\nwant %s", c.calls[0], want)
	}

	for _, bad := range []string{`{}`, `{"input_tokens":"many"}`, `nothing`} {
		c.answer = bad
		if got, err := c.count(t, d, `{"input":"Hi"}`); err == nil {
			t.Errorf("%s is %+v", bad, got)
		}
	}
	c.status, c.answer = 400, `{"error":{"message":"Unknown parameter: 'tools[0].x'.","type":"invalid_request_error","param":"tools[0].x","code":"unknown_parameter"}}`
	if _, err := c.count(t, d, `{"input":"Hi"}`); llm.AsError(err).Param != "tools[0].x" || !llm.AsError(err).Upstream {
		t.Errorf("a refusal: %v", err)
	}
	c.status, c.answer = 429, `{"error":{"message":"Slow down.","type":"rate_limit_error","code":"rate_limit_exceeded"}}`
	if _, err := c.count(t, d, `{"input":"Hi"}`); llm.AsError(err).Status != 429 {
		t.Errorf("a throttle: %v", err)
	}

	// A server that does not have the API is asked once.
	c.status, c.answer = 404, `{"error":{"message":"Invalid URL (POST /v1/responses/input_tokens)","type":"invalid_request_error"}}`
	before := len(c.calls)
	for range 2 {
		if _, err := c.count(t, d, `{"input":"Hi"}`); llm.AsError(err).Code != llm.CodeFeature || llm.AsError(err).Param != "model" || llm.AsError(err).Upstream {
			t.Errorf("without the API: %v", err)
		}
	}
	if len(c.calls) != before+1 {
		t.Errorf("it was asked %d times", len(c.calls)-before)
	}
}

func TestVendorsThatDoNotCountAreNotAsked(t *testing.T) {
	c := newCounter(t)
	for _, name := range []string{"groq", "hosted_vllm", "mistral"} {
		d, err := open(t, vendor(t, name), "rock-1", map[string]string{"api_base": c.URL + "/v1", "api_key": providertest.Key}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.count(t, d, `{"input":"Hi"}`); llm.AsError(err).Code != llm.CodeFeature {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(c.calls) != 0 {
		t.Errorf("asked %v", c.calls)
	}
}
