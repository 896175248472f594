package app

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"outcrop"
	"outcrop/gateway"
	"outcrop/httpd"
	"outcrop/httpd/anthropic"
	"outcrop/httpd/completions"
	"outcrop/httpd/door"
	"outcrop/httpd/embeddings"
	"outcrop/httpd/media"
	"outcrop/httpd/openaichat"
	"outcrop/httpd/rerank"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// preview shows what providers would get: the frontends serve a request on a pipeline that sends nothing.
type preview struct {
	app    *App
	shared door.Options
	claude anthropic.Options
}

// previewTimeout bounds what a preview may wait for, such as credentials.
const previewTimeout = 30 * time.Second

// previewed are the paths at which kinds of calls are served, by LiteLLM's names.
func previewed() map[string]string {
	all := map[string]string{}
	for name, path := range map[string]string{
		"completion": "/v1/chat/completions", "text_completion": "/v1/completions", "embedding": "/v1/embeddings", "rerank": "/v1/rerank",
		"image_generation": "/v1/images/generations", "moderation": "/v1/moderations", "anthropic_messages": "/v1/messages",
	} {
		all[name], all["a"+name] = path, path
	}
	return all
}

// Calls are the kinds of calls that can be shown.
func (p preview) Calls() (names []string) {
	for name := range previewed() {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Request returns what the provider would get.
func (p preview) Request(ctx context.Context, call string, body jsonx.Raw) (*httpd.Outgoing, error) {
	members, err := jsonx.Members(body)
	if err != nil {
		return nil, llm.Invalid("request_body", "request_body is not valid: %s", err)
	}
	v := p.app.client.Preview(jsonx.Word(jsonx.Find(members, "model")))
	defer v.Close()
	ctx, cancel := context.WithTimeout(ctx, previewTimeout)
	defer cancel()
	return show(ctx, v, p.frontends(v.Pipeline), previewed()[call], body)
}

// frontends serve the paths of previewed on a pipeline.
func (p preview) frontends(g *gateway.Gateway) http.Handler {
	mux := http.NewServeMux()
	for _, d := range []door.Frontend{
		openaichat.New(g, p.shared), completions.New(g, p.shared), embeddings.New(g, p.shared), rerank.New(g, p.shared),
		media.Images(g, p.shared), media.Moderations(g, p.shared), anthropic.New(g, p.claude),
	} {
		for _, r := range d.Routes() {
			mux.HandleFunc(r.Pattern, r.Handle)
		}
	}
	return mux
}

// show serves a request, and returns what its provider would get.
func show(ctx context.Context, v *outcrop.Preview, frontends http.Handler, path string, body []byte) (*httpd.Outgoing, error) {
	ctx, sent := v.Watch(ctx)
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("a preview of %s: %w", path, err)
	}
	r.Header.Set("Content-Type", "application/json")
	w := &unsent{header: http.Header{}}
	frontends.ServeHTTP(w, r)
	if out := sent(); out != nil {
		return &httpd.Outgoing{URL: out.URL, Header: out.Header, Body: out.Body}, nil
	}
	return nil, w.refusal()
}

// unsent is a response that nobody gets.
type unsent struct {
	header http.Header
	body   bytes.Buffer
}

func (u *unsent) Header() http.Header         { return u.header }
func (u *unsent) WriteHeader(int)             {}
func (u *unsent) Write(b []byte) (int, error) { return u.body.Write(b) }
func (u *unsent) Flush()                      {}

// refusal is why no request was made: the message of the frontend's error.
func (u *unsent) refusal() error {
	members, _ := jsonx.Members(u.body.Bytes()) // else there is no message
	about, _ := jsonx.Members(jsonx.Find(members, "error"))
	if message := jsonx.Word(jsonx.Find(about, "message")); message != "" {
		return &llm.Error{Code: llm.CodeBadRequest, Status: http.StatusBadRequest, Message: message}
	}
	return &llm.Error{Code: llm.CodeBadRequest, Status: http.StatusBadRequest, Message: "the call would reach no provider"}
}

// parameter is a parameter of chat completions: a value that is no default, and what it needs beside it.
type parameter struct{ name, value, beside string }

// parameters are those that are tried of each model.
func parameters() []parameter {
	const tools = `,"tools":[{"type":"function","function":{"name":"look","parameters":{"type":"object","properties":{}}}}]`
	const function = `[{"name":"look","parameters":{"type":"object","properties":{}}}]`
	return []parameter{
		{"frequency_penalty", "0.5", ""},
		{"function_call", `{"name":"look"}`, `,"functions":` + function},
		{"functions", function, ""},
		{"logit_bias", `{"50256":-1}`, ""},
		{"logprobs", "true", ""},
		{"max_completion_tokens", "16", ""},
		{"max_tokens", "16", ""},
		{"metadata", `{"stone":"granite"}`, ""},
		{"n", "2", ""},
		{"parallel_tool_calls", "false", tools},
		{"prediction", `{"type":"content","content":"granite"}`, ""},
		{"presence_penalty", "0.5", ""},
		{"prompt_cache_key", `"granite"`, ""},
		{"reasoning_effort", `"low"`, ""},
		{"response_format", `{"type":"json_object"}`, ""},
		{"safety_identifier", `"granite"`, ""},
		{"seed", "7", ""},
		{"service_tier", `"flex"`, ""},
		{"stop", `["granite"]`, ""},
		{"store", "true", ""},
		{"stream", "true", ""},
		{"stream_options", `{"include_usage":true}`, `,"stream":true`},
		{"temperature", "0.5", ""},
		{"thinking", `{"type":"enabled","budget_tokens":1024}`, ""},
		{"tool_choice", `"required"`, tools},
		{"tools", tools[len(`,"tools":`):], ""},
		{"top_logprobs", "2", `,"logprobs":true`},
		{"top_p", "0.5", ""},
		{"user", `"granite"`, ""},
		{"verbosity", `"low"`, ""},
		{"web_search_options", "{}", ""},
	}
}

// Parameters are those without which the provider would get another request. The gateway itself sees to n and to what streams
// end with.
func (p preview) Parameters(ctx context.Context, model string) (names []string, err error) {
	v := p.app.client.Preview(model)
	defer v.Close()
	ctx, cancel := context.WithTimeout(ctx, previewTimeout)
	defer cancel()
	frontends := p.frontends(v.Pipeline)
	without := map[string]*httpd.Outgoing{} // by what is beside a parameter
	for _, one := range parameters() {
		begin := `{"model":` + string(jsonx.AppendString(nil, model)) + `,"messages":[{"role":"user","content":"Hi"}]` + one.beside
		plain, known := without[one.beside]
		if !known {
			plain, err = show(ctx, v, frontends, previewed()["completion"], []byte(begin+"}"))
			if err != nil && one.beside == "" {
				return nil, err
			}
			without[one.beside] = plain
		}
		if plain == nil { // what it needs is refused
			continue
		}
		with, err := show(ctx, v, frontends, previewed()["completion"], []byte(begin+`,"`+one.name+`":`+one.value+"}"))
		if err != nil { // it is refused
			continue
		}
		own := one.name == "n" || one.name == "stream_options"
		if own || with.URL != plain.URL || !bytes.Equal(with.Body, plain.Body) {
			names = append(names, one.name)
		}
	}
	return names, nil
}
