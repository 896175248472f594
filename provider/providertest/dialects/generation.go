package dialects

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/providertest"
)

// Generation speaks the API of Hugging Face's Text Generation Inference, with prompts in ChatML
// (https://huggingface.github.io/text-generation-inference/). It has no lane, no tools and no images.
type Generation struct{}

func generationFinish(s llm.StopReason) string {
	if s == llm.StopMaxTokens {
		return "length"
	}
	return "eos_token"
}

// Whole is the body of a complete response, with as many tokens of the prompt as it counts.
func (Generation) Whole(a *providertest.Answer) string {
	prefill := make([]object, a.Input)
	for i := range prefill {
		prefill[i] = object{"id": i, "text": "x", "logprob": nil}
	}
	return "[" + text(object{"generated_text": a.Text, "details": object{"finish_reason": generationFinish(a.Stop), "generated_tokens": a.Output, "seed": nil, "prefill": prefill, "tokens": []object{}}}) + "]"
}

// Events are a token each; the last one ends the response.
func (Generation) Events(a *providertest.Answer) []string {
	var out []string
	event := func(token object, generated, details any) {
		out = append(out, "data:"+text(object{"index": len(out) + 1, "token": token, "generated_text": generated, "details": details})+"\n\n")
	}
	for i, part := range strings.SplitAfter(a.Text, " ") {
		event(object{"id": i, "text": part, "logprob": -0.5, "special": false}, nil, nil)
	}
	event(object{"id": 2, "text": "<|im_end|>", "logprob": -0.1, "special": true}, a.Text, object{"finish_reason": generationFinish(a.Stop), "generated_tokens": a.Output, "input_length": a.Input, "seed": nil})
	return out
}

// Corrupt is an event that cannot be read.
func (Generation) Corrupt() string { return "data:{\"token\":{\"te\n\n" }

// Asked reads a request.
func (Generation) Asked(body []byte) (*providertest.Question, error) {
	var s struct {
		Inputs     string `json:"inputs"`
		Parameters struct {
			MaxNewTokens int64    `json:"max_new_tokens"`
			Stop         []string `json:"stop"`
			Full         *bool    `json:"return_full_text"`
		} `json:"parameters"`
		Stream bool `json:"stream"`
	}
	if err := strict(body, &s); err != nil {
		return nil, err
	}
	if s.Parameters.Full == nil || *s.Parameters.Full {
		return nil, errors.New("the prompt would be repeated")
	}
	q := &providertest.Question{MaxTokens: s.Parameters.MaxNewTokens, Stop: s.Parameters.Stop}
	rest, ok := strings.CutSuffix(s.Inputs, "<|im_start|>assistant\n")
	if !ok {
		return nil, errors.New("the prompt does not end with the beginning of the response: " + strconv.Quote(s.Inputs))
	}
	for rest != "" {
		var turn string
		if turn, rest, ok = strings.Cut(rest, "<|im_end|>\n"); !ok {
			return nil, fmt.Errorf("a turn has no end: %q", turn)
		}
		switch role, said, _ := strings.Cut(strings.TrimPrefix(turn, "<|im_start|>"), "\n"); role {
		case "system":
			q.System = said
		case "user":
			q.Text = said
		default:
			return nil, fmt.Errorf("a turn has the role %q", role)
		}
	}
	return q, nil
}

// Refusals are those of SageMaker, which hosts the container.
func (Generation) Refusals() []providertest.Refusal { return SageMaker{}.Refusals() }

// Raw and Read are not called: no body passes through.
func (Generation) Raw(*providertest.Question, string, bool) []byte { return nil }

// Read is described at Raw.
func (Generation) Read([]byte, bool) (*providertest.Answer, error) {
	return nil, &jsonx.Error{Reason: "no body passes through"}
}
