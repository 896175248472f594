package openaichat

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	wire "outcrop/wire/openaichat"
)

// tokenCounter is the path of LiteLLM's count of tokens.
const tokenCounter = "/utils/token_counter"

// countTokens serves LiteLLM's count of the tokens of messages or a prompt. Where the provider counts tokens, it is asked; its
// answer is exact, and free of charge.
func (h *Handler) countTokens(w http.ResponseWriter, r *http.Request) {
	door.Serve(w, r, h.Gateway, Door, door.Keys, h.WriteError, func(call *gateway.Call) {
		answer, err := h.count(w, r, call)
		if err != nil {
			h.WriteError(w, door.Fail(w, call, err))
			return
		}
		door.Head(w.Header(), call)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer) //nolint:gosec // JSON of the gateway's own, of that type; a client that is gone needs no response
	})
}

func (h *Handler) count(w http.ResponseWriter, r *http.Request, call *gateway.Call) ([]byte, error) {
	body, err := door.Read(h.Reader, w, r, call)
	if err != nil {
		return nil, err
	}
	chat, err := countedChat(body.Bytes)
	body.Release() // the chat does not share its memory
	if err != nil {
		return nil, err
	}
	req, err := wire.Decode(chat, h.decoding(r, call))
	if err != nil {
		return nil, err
	}
	req.LLM.Stream = false
	raw := llm.Raw{Call: req.LLM.Call, Dialect: llm.DialectOpenAI, Body: chat}
	asked := req.LLM.Model
	n, err := call.CountTokens(r.Context(), &raw, &gateway.Translation{Request: func(context.Context) (*llm.Request, error) { return &req.LLM, nil }})
	if err != nil {
		return nil, err
	}
	source, tokenizer := "provider_api", "provider"
	if slices.ContainsFunc(call.Warnings(), func(w llm.Warning) bool { return w.Field == "input_tokens" }) {
		source, tokenizer = "local_estimate", "estimate"
	}
	used := call.Meta().Destination.ID
	if ids := h.Gateway.Settings(asked).Deployments; used == "" && len(ids) > 0 {
		used = h.Gateway.ModelAt(ids[0], asked)
	}
	var out jsonx.Writer
	out.Object()
	out.Key("total_tokens")
	out.Int(n)
	for _, m := range [...][2]string{{"request_model", asked}, {"model_used", cmp.Or(used, asked)}, {"tokenizer_type", tokenizer}, {"count_source", source}} {
		out.Key(m[0])
		out.String(m[1])
	}
	out.Key("original_response")
	out.Null()
	out.Key("error")
	out.Bool(false)
	out.Key("error_message")
	out.Null()
	out.Key("status_code")
	out.Null()
	out.EndObject()
	return out.Buf, nil
}

// countedChat is the request for a chat completion whose tokens a request for their count means.
func countedChat(body []byte) ([]byte, error) {
	var asked struct {
		Model    string    `json:"model"`
		Prompt   jsonx.Raw `json:"prompt"`
		Messages jsonx.Raw `json:"messages"`
		Contents jsonx.Raw `json:"contents"`
		Tools    jsonx.Raw `json:"tools"`
		System   jsonx.Raw `json:"system"`
	}
	if err := jsonx.Unmarshal(body, &asked); err != nil {
		return nil, llm.Invalid("", "the request body is not valid: %s", err)
	}
	given := func(v jsonx.Raw) bool { return v != nil && v.Kind() != 'n' }
	var messages []jsonx.Raw
	message := func(role string, content jsonx.Raw) {
		var w jsonx.Writer
		w.Object()
		w.Key("role")
		w.String(role)
		w.Key("content")
		w.Raw(content)
		w.EndObject()
		messages = append(messages, w.Buf)
	}
	if given(asked.System) {
		message("system", asked.System)
	}
	switch {
	case given(asked.Messages) && given(asked.Prompt):
		return nil, llm.Invalid("prompt", "prompt cannot be sent with messages")
	case given(asked.Messages):
		var own []jsonx.Raw
		if err := jsonx.Unmarshal(asked.Messages, &own); err != nil {
			return nil, llm.Invalid("messages", "messages is not a list: %s", err)
		}
		messages = append(messages, own...)
	case given(asked.Prompt):
		message("user", asked.Prompt)
	case given(asked.Contents):
		return nil, llm.Invalid("contents", "contents is not supported here; POST /v1beta/models/{model}:countTokens counts them")
	default:
		return nil, llm.Invalid("messages", "prompt or messages must be provided")
	}
	var w jsonx.Writer
	w.Object()
	w.Key("model")
	w.String(asked.Model)
	w.Key("messages")
	w.Raw(jsonx.Array(messages))
	if given(asked.Tools) {
		w.Key("tools")
		w.Raw(asked.Tools)
	}
	w.EndObject()
	return w.Buf, nil
}
