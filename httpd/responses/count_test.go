package responses_test

import (
	"strings"
	"testing"
)

// TestOpenAICountsTokensWhereTheModelIsItsOwn has a request counted by OpenAI, with what it continues, and
// estimated where OpenAI's server does not count, or another model is asked.
func TestOpenAICountsTokensWhereTheModelIsItsOwn(t *testing.T) {
	s, _, b := laned(t)
	const path = "/v1/responses/input_tokens"
	got := s.do(t, "POST", path, `{"model":"solo","input":"What is granite?","tools":[{"type":"web_search"}]}`)
	if body, _ := b.last(); got.status != 200 || !strings.Contains(got.body, `"input_tokens":4711`) || body != `{"model":"gpt-5","input":"What is granite?","tools":[{"type":"web_search"}]}` {
		t.Errorf("%d %s, OpenAI got %s", got.status, got.body, body)
	}
	first := s.do(t, "POST", "/v1/responses", `{"model":"solo","input":"one"}`)
	s.do(t, "POST", path, `{"model":"solo","input":"two","previous_response_id":"`+first.ID+`"}`)
	if body, _ := b.last(); !strings.Contains(body, `"previous_response_id":"`+first.ID+`"`) {
		t.Errorf("OpenAI got %s", body)
	}

	if got := s.do(t, "POST", path, `{"model":"us.amazon.nova-lite-v1:0","input":"What is granite?"}`); got.status != 200 || strings.Contains(got.body, "4711") {
		t.Errorf("Bedrock's model: %d %s", got.status, got.body)
	}
	b.mu.Lock()
	b.absent = true
	b.mu.Unlock()
	if got := s.do(t, "POST", path, `{"model":"solo","input":"What is granite?"}`); got.status != 200 || strings.Contains(got.body, "4711") {
		t.Errorf("a server without the API: %d %s", got.status, got.body)
	}
}
