package bedrock_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock"
)

// picky is a Bedrock that refuses bodies which hold a text. It has no lists.
type picky struct {
	mu      sync.Mutex
	refuses string
	words   string
	bodies  []string
}

func (p *picky) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Method != http.MethodPost {
		http.Error(w, `{"message":"no"}`, http.StatusServiceUnavailable)
		return
	}
	p.bodies = append(p.bodies, string(body))
	if strings.Contains(string(body), p.refuses) {
		w.Header().Set("X-Amzn-Errortype", "ValidationException")
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"message":%q}`, p.words)
		return
	}
	_, _ = io.WriteString(w, answer)
}

// sent gives the bodies since it was last asked.
func (p *picky) sent() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	bodies := p.bodies
	p.bodies = nil
	return bodies
}

// A schema for the answer, and a strict tool, that Bedrock refuses in spite of the table
// goes another way, once; the next call begins with that.
func TestARefusedFeatureIsDoneWithout(t *testing.T) {
	schema := jsonx.Raw(`{"type":"object","properties":{"stone":{"type":"string"}}}`)
	formatted := func(r *llm.Request) { r.Format = &llm.Format{Name: "s", Schema: schema} }
	strict := func(r *llm.Request) {
		r.Tools = []llm.Tool{{Name: "weigh", Schema: schema, Strict: llm.Some(true)}}
	}
	const said = "The model returned the following errors: "
	for _, tt := range []struct {
		name           string
		with           func(*llm.Request)
		refuses, words string
		calls          int  // of the first request
		works          bool // it is answered, and the next at once
	}{
		{"a schema", formatted, `"textFormat"`, said + "output_config.format: Extra inputs are not permitted", 2, true},
		{"a schema, in Converse's words", formatted, `"textFormat"`, "Malformed input request: #: extraneous key [outputConfig] is not permitted, please reformat your input and try again.", 2, true},
		{"a strict tool", strict, `"strict"`, said + "tools.0.custom.strict: Extra inputs are not permitted", 2, true},
		{"what the schema holds", formatted, `"textFormat"`, said + "output_config.format.schema.properties.stone.minLength: Extra inputs are not permitted", 1, false},
		{"refused without it, too", formatted, `"messages"`, said + "output_config.format: Extra inputs are not permitted", 2, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &picky{refuses: tt.refuses, words: tt.words}
			server := httptest.NewServer(p)
			t.Cleanup(server.Close)
			d := openAt(t, bedrock.Provider(), server.URL, false)
			err := callWith(t, d, "us."+sonnet, tt.with)
			if bodies := p.sent(); (err == nil) != tt.works || len(bodies) != tt.calls {
				t.Fatalf("answered %v after %d calls:\n%s", err, len(bodies), strings.Join(bodies, "\n"))
			}
			if !tt.works {
				return
			}
			if err := callWith(t, d, "us."+sonnet, tt.with); err != nil || len(p.sent()) != 1 {
				t.Errorf("the next call: %v", err)
			}
		})
	}
}
