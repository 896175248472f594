package cache_test

import (
	"testing"

	"outcrop/cache"
)

func TestAnAnswerThatIsGivenAgainCostsNothing(t *testing.T) {
	for answer, want := range map[string]string{
		`{"id":"a","usage":{"prompt_tokens":1,"cost":0.014,"cost_details":{"cost":3}},"cost":7}`: `{"id":"a","usage":{"prompt_tokens":1,"cost":0,"cost_details":{"cost":3}},"cost":7}`,
		"data: {\"usage\":null}\n\ndata: {\"usage\": {\"cost\":1e-05}}\n\ndata: [DONE]\n\n":      "data: {\"usage\":null}\n\ndata: {\"usage\": {\"cost\":0}}\n\ndata: [DONE]\n\n",
		`{"usage":{"cost":{"a":1}}}`:                       `{"usage":{"cost":{"a":1}}}`,
		`{"content":"\"usage\":{\"cost\":1}","usage":{}}`:  `{"content":"\"usage\":{\"cost\":1}","usage":{}}`,
		`{"usage":{"cost":1`:                               `{"usage":{"cost":1`,
		`{"usage":{"cost":1}}{"usage":{"a":0,"cost":2.5}}`: `{"usage":{"cost":0}}{"usage":{"a":0,"cost":0}}`,
		``: ``,
	} {
		if got := string(cache.Free([]byte(answer))); got != want {
			t.Errorf("%s becomes %s", answer, got)
		}
	}
}
