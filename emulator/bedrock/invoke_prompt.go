package bedrock

import (
	"strings"

	"outcrop/emulator/bedrock/bodyschema"
	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
	"outcrop/llm"
)

// This file has the models that are given one text and go on with it: Meta's Llama
// and the older of Mistral AI
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-meta.html,
// https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-mistral-text-completion.html).

type llamaChat struct{}

type mistralChat struct{}

// llamaTurn is a turn of the user in Llama's template, mistralTurn one in Mistral's.
var (
	llamaTurn   = lazyregexp.New(`(?s)<\|(?:start_header_id|header_start)\|>user<\|(?:end_header_id|header_end)\|>\s*(.*?)\s*<\|eot(?:_id)?\|>`)
	mistralTurn = lazyregexp.New(`(?s)\[INST\]\s*(.*?)\s*\[/INST\]`)
)

// lastTurn returns the last user turn of a prompt; the whole prompt if it has no
// template.
func lastTurn(prompt string, template *lazyregexp.Regexp) string {
	turns := template.FindAllStringSubmatch(prompt, -1)
	if len(turns) == 0 {
		return prompt
	}
	return turns[len(turns)-1][1]
}

// completion returns the request for a prompt.
func completion(said string) *llm.Request {
	return &llm.Request{Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: said}}}}}
}

func (llamaChat) read(body []byte, info *catalogue.Model) (*llm.Request, error) {
	properties := map[string]bodyschema.Schema{
		"prompt": textOf(0), "max_gen_len": number(bodyschema.Integer, 1, float64(max(info.MaxOutput, 1))),
		"temperature": number(bodyschema.Number, 0, 1), "top_p": number(bodyschema.Number, 0, 1),
	}
	if info.Reads("IMAGE") {
		properties["images"] = listOf(textOf(0), maxImages)
	}
	if err := checkBody(body, object([]string{"prompt"}, properties)); err != nil {
		return nil, err
	}
	var said struct {
		Prompt      string   `json:"prompt"`
		Most        *int64   `json:"max_gen_len"`
		Temperature *float64 `json:"temperature"`
		TopP        *float64 `json:"top_p"`
	}
	if err := jsonx.Unmarshal(body, &said); err != nil {
		return nil, err
	}
	req := completion(lastTurn(said.Prompt, llamaTurn))
	req.MaxTokens = llm.Some(int64(defaultGeneration))
	if said.Most != nil {
		req.MaxTokens = llm.Some(*said.Most)
	}
	return req, nil
}

// defaultGeneration is Llama's default for max_gen_len.
const defaultGeneration = 512

func (llamaChat) check(*Emulator, *question) error { return nil }

// textOfAnswer returns the text of an answer.
func (a *reply) textOfAnswer() string {
	var b strings.Builder
	for i := range a.Blocks {
		if a.Blocks[i].Kind == llm.BlockText {
			b.WriteString(a.Blocks[i].Text)
		}
	}
	return b.String()
}

// shortStop returns length for an answer that was cut, and stop for any other.
func (a *reply) shortStop() string {
	if a.Stop == llm.StopMaxTokens {
		return "length"
	}
	return "stop"
}

func (llamaChat) whole(a *reply) []byte {
	var w jsonx.Writer
	a.llama(&w, a.textOfAnswer(), a.Usage.Output, true, true)
	w.EndObject()
	return w.Buf
}

// llama writes an answer or a part of it, except for the end of the object.
func (a *reply) llama(w *jsonx.Writer, text string, tokens int64, first, last bool) {
	w.Object()
	w.Key("generation")
	w.String(text)
	w.Key("prompt_token_count")
	if first {
		w.Int(a.Usage.Input)
	} else {
		w.Null()
	}
	w.Key("generation_token_count")
	w.Int(tokens)
	w.Key("stop_reason")
	if last {
		w.String(a.shortStop())
	} else {
		w.Null()
	}
}

func (llamaChat) pieces(a *reply, steps []llm.Event) []piece {
	var all []piece
	for i := range steps {
		if s := &steps[i]; s.Kind == llm.EventDelta && s.Block == llm.BlockText {
			var w jsonx.Writer
			a.llama(&w, s.Text, int64(len(all)+1), len(all) == 0, false)
			w.EndObject()
			all = append(all, piece{json: w.Buf, delta: true, text: s.Text})
		}
	}
	var w jsonx.Writer
	a.llama(&w, "", a.Usage.Output, len(all) == 0, true)
	a.invocationMetrics(&w)
	w.EndObject()
	return append(all, piece{json: w.Buf, stop: true})
}

func (mistralChat) read(body []byte, info *catalogue.Model) (*llm.Request, error) {
	stops := bodyschema.Schema{Type: bodyschema.Array, Items: &bodyschema.Schema{Type: bodyschema.String}, MaxItems: 10}
	schema := object([]string{"prompt"}, map[string]bodyschema.Schema{
		"prompt": textOf(0), "max_tokens": number(bodyschema.Integer, 1, float64(max(info.MaxOutput, 1))), "stop": stops,
		"temperature": number(bodyschema.Number, 0, 1), "top_p": number(bodyschema.Number, 0, 1), "top_k": number(bodyschema.Integer, 0, 200),
	})
	if err := checkBody(body, schema); err != nil {
		return nil, err
	}
	var said struct {
		Prompt string   `json:"prompt"`
		Most   *int64   `json:"max_tokens"`
		Stop   []string `json:"stop"`
	}
	if err := jsonx.Unmarshal(body, &said); err != nil {
		return nil, err
	}
	req := completion(lastTurn(said.Prompt, mistralTurn))
	req.Stop = said.Stop
	if said.Most != nil {
		req.MaxTokens = llm.Some(*said.Most)
	}
	return req, nil
}

func (mistralChat) check(*Emulator, *question) error { return nil }

func (mistralChat) whole(a *reply) []byte {
	var w jsonx.Writer
	a.mistral(&w, a.textOfAnswer(), true)
	w.EndObject()
	return w.Buf
}

// mistral writes an answer or a part of it, except for the end of the object.
func (a *reply) mistral(w *jsonx.Writer, text string, last bool) {
	w.Object()
	w.Key("outputs")
	w.Array()
	w.Object()
	w.Key("text")
	w.String(text)
	w.Key("stop_reason")
	if last {
		w.String(a.shortStop())
	} else {
		w.Null()
	}
	w.EndObject()
	w.EndArray()
}

func (mistralChat) pieces(a *reply, steps []llm.Event) []piece {
	var all []piece
	for i := range steps {
		if s := &steps[i]; s.Kind == llm.EventDelta && s.Block == llm.BlockText {
			var w jsonx.Writer
			a.mistral(&w, s.Text, false)
			w.EndObject()
			all = append(all, piece{json: w.Buf, delta: true, text: s.Text})
		}
	}
	var w jsonx.Writer
	a.mistral(&w, "", true)
	a.invocationMetrics(&w)
	w.EndObject()
	return append(all, piece{json: w.Buf, stop: true})
}
