package roundtrip

import (
	"errors"
	"fmt"
	"strings"

	"outcrop/wire/eventstream"
)

// hosted is a dialect in a container of SageMaker, whose streams come in frames that are cut anywhere
// (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_PayloadPart.html).
type hosted struct{ reads }

func (h hosted) writeStream(a *answer, model string) []string {
	var out []string
	for _, event := range h.reads.writeStream(a, model) {
		at := len(event) / 3
		out = append(out, payloadPart(event[:at])+payloadPart(event[at:]))
	}
	return out
}

// spoken is the dialect without what SageMaker puts around it.
func spoken(d reads) reads {
	if h, ok := d.(hosted); ok {
		return h.reads
	}
	return d
}

func payloadPart(part string) string {
	return string(eventstream.Append(nil, []eventstream.Header{
		{Name: eventstream.HeaderEventType, Value: "PayloadPart"}, {Name: eventstream.HeaderContentType, Value: "application/octet-stream"}, {Name: eventstream.HeaderMessageType, Value: "event"},
	}, []byte(part)))
}

// generation is the API of Text Generation Inference and of DJL's containers
// (https://huggingface.github.io/text-generation-inference/), with a model whose prompts are ChatML.
type generation struct{}

type generationRequest struct {
	Inputs     string `json:"inputs"`
	Stream     bool   `json:"stream,omitempty"`
	Parameters struct {
		MaxTokens   rawJSON `json:"max_new_tokens,omitempty"`
		Temperature rawJSON `json:"temperature,omitempty"`
		TopP        rawJSON `json:"top_p,omitempty"`
		TopK        rawJSON `json:"top_k,omitempty"`
		Stop        rawJSON `json:"stop,omitempty"`
		Seed        rawJSON `json:"seed,omitempty"`
		Presence    rawJSON `json:"presence_penalty,omitempty"`
		Frequency   rawJSON `json:"frequency_penalty,omitempty"`
		Full        bool    `json:"return_full_text"`
	} `json:"parameters"`
}

func (generation) readRequest(body []byte) (*request, error) {
	var q generationRequest
	if err := strict(body, &q); err != nil {
		return nil, err
	}
	if q.Parameters.Full {
		return nil, errors.New("the response would repeat the prompt")
	}
	prompt, ok := strings.CutSuffix(q.Inputs, "<|im_start|>assistant\n")
	if !ok {
		return nil, fmt.Errorf("the prompt does not end with the assistant's turn: %q", q.Inputs)
	}
	r := &request{}
	for one := range strings.SplitSeq(strings.TrimSuffix(prompt, "<|im_end|>\n"), "<|im_end|>\n") {
		role, said, ok := strings.Cut(strings.TrimPrefix(one, "<|im_start|>"), "\n")
		switch {
		case !ok || !strings.HasPrefix(one, "<|im_start|>"):
			return nil, fmt.Errorf("the prompt is no ChatML: %q", q.Inputs)
		case role == "system":
			r.system = append(r.system, text(said))
		default:
			r.turns = append(r.turns, turn{role, []part{text(said)}})
		}
	}
	p := &q.Parameters
	for name, value := range map[string]rawJSON{
		setMaxTokens: p.MaxTokens, setTemp: p.Temperature, setTopP: p.TopP, setTopK: p.TopK, setStop: p.Stop, setSeed: p.Seed, setPresence: p.Presence, setFrequency: p.Frequency,
	} {
		r.settle(name, value)
	}
	return r, nil
}

var generationStops = map[string]string{stopEnd: "eos_token", stopSequence: "stop_sequence", stopLength: "length", stopFilter: "eos_token"}

func (generation) details(a *answer) object {
	return object{"finish_reason": a.stopWord(generationStops), "generated_tokens": a.usage[countOutput], "input_length": a.usage[countInput], "seed": nil}
}

func (g generation) writeAnswer(a *answer, _ string) string {
	return encoded([]object{{"generated_text": a.text(), "details": g.details(a)}})
}

func (g generation) writeStream(a *answer, _ string) []string {
	var out []string
	said := a.text()
	for i, s := range halves(said) {
		out = append(out, "data:"+encoded(object{"index": i + 1, "token": object{"id": i, "text": s, "logprob": -0.5, "special": false}, "generated_text": nil, "details": nil})+"\n\n")
	}
	return append(out, "data:"+encoded(object{"index": 3, "token": object{"id": 2, "text": "</s>", "logprob": 0, "special": true}, "generated_text": said, "details": g.details(a)})+"\n\n")
}

// text is all text of an answer.
func (a *answer) text() string {
	var b strings.Builder
	for i := range a.parts {
		if a.parts[i].kind == kindText {
			b.WriteString(a.parts[i].text)
		}
	}
	return b.String()
}
