package openaichat_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/openaichat"
)

// What a target has is not the dialect's business: all that OpenAI defines is decoded.
func TestParametersWithoutAFieldAreLeftToTheProvider(t *testing.T) {
	const members = `"seed":7,"stop":[""],"logprobs":true,"top_logprobs":2,"max_retries":3,"presence_penalty":0.5,"frequency_penalty":0,"logit_bias":{"1":2},
		"modalities":["text","audio"],"audio":{"voice":"a"},"store":false,"prediction":{},"verbosity":"low","prompt_cache_key":"k","own":1`
	r := asked(t, members, openaichat.Options{})
	var names []string
	for _, m := range r.LLM.Unmapped {
		names = append(names, m.Name+"="+string(m.Value))
	}
	want := `seed=7 logprobs=true top_logprobs=2 presence_penalty=0.5 frequency_penalty=0 logit_bias={"1":2} modalities=["text","audio"] audio={"voice":"a"} store=false prediction={} verbosity="low" prompt_cache_key="k"`
	if got := strings.Join(names, " "); got != want {
		t.Errorf("got %s", got)
	}
	if diff := cmp.Diff([]int{1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2}, r.LLM.UnmappedAt); diff != "" {
		t.Errorf("places (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]llm.Warning{{Code: llm.WarnDropped, Field: "stop"}, {Code: llm.WarnDropped, Field: "max_retries"}}, r.Warnings); diff != "" {
		t.Errorf("warnings (-want +got):\n%s", diff)
	}
	r = asked(t, `"allowed_openai_params":["seed","logprobs"],"seed":7,"logprobs":"as the model has it","store":true`, openaichat.Options{})
	if diff := cmp.Diff([]jsonx.Member{{Name: "seed", Value: jsonx.Raw("7")}, {Name: "logprobs", Value: jsonx.Raw(`"as the model has it"`)}}, r.LLM.ModelFields); diff != "" || len(r.LLM.Unmapped) != 1 {
		t.Errorf("allowed (-want +got):\n%s", diff)
	}
}

func TestMalformedParametersAreRefusedByTheDialect(t *testing.T) {
	for members, message := range map[string]string{
		`"logprobs":1`:                "logprobs must be a boolean, not a number",
		`"top_logprobs":"2"`:          "top_logprobs must be a number, not a string",
		`"presence_penalty":[]`:       "presence_penalty must be a number, not an array",
		`"frequency_penalty":1e99999`: "frequency_penalty is too large a number",
		`"modalities":["text",7]`:     "modalities must be an array of strings",
	} {
		_, err := openaichat.Decode([]byte(`{"model":"m","messages":[{"role":"user","content":"Hi"}],"drop_params":true,`+members+`}`), openaichat.Options{})
		if e := llm.AsError(err); err == nil || e.Code != llm.CodeBadRequest || e.Message != message {
			t.Errorf("%s: %v", members, err)
		}
	}
}
