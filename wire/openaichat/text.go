package openaichat

import (
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// TextRequest is a request for text completions, OpenAI's API before chat completions
// (https://platform.openai.com/docs/api-reference/completions/create).
type TextRequest struct {
	// Call is what routing needs. Its Names are those of this API.
	Call llm.Call
	// Body is the request for an endpoint with the same API: without what is only for the gateway.
	Body jsonx.Raw
	// Prompts are the texts to complete; nil if there are none, or if they are tokens.
	Prompts []string
	// Tokens is whether the prompts are tokens of the model.
	Tokens bool
	// Choices is how many completions each prompt gets, at least 1.
	Choices int64
	// Echo is whether each completion begins with its prompt.
	Echo bool
	// IncludeUsage is stream_options.include_usage.
	IncludeUsage bool
	// Warnings are about members that have no effect.
	Warnings []llm.Warning

	w          textBody
	parameters []jsonx.Member // those that chat completions have too
}

// textBody is the body. litellm.Options.Read reads the members that it does not name.
type textBody struct {
	Prompt        jsonx.Raw        `json:"prompt"`
	Suffix        optional[string] `json:"suffix"`
	N             optional[int64]  `json:"n"`
	BestOf        optional[int64]  `json:"best_of"`
	Echo          optional[bool]   `json:"echo"`
	Logprobs      optional[int64]  `json:"logprobs"`
	Stream        optional[bool]   `json:"stream"`
	StreamOptions jsonx.Raw        `json:"stream_options"`
	Rest          jsonx.Raw        `json:",embed"`
}

// textNames are the fields of a request for text completions.
var textNames = func() llm.FieldWords { //nolint:gochecknoglobals // a table
	own := names
	for _, kind := range []llm.FieldKind{
		llm.FieldMessages, llm.FieldMessage, llm.FieldContent, llm.FieldBlock, llm.FieldMessageCache,
	} {
		own.Kinds[kind] = "prompt"
	}
	own.Kinds[llm.FieldResponseContent] = "text"
	own.Top = []string{
		"model", "prompt", "best_of", "echo", "frequency_penalty", "logit_bias", "logprobs", "max_tokens", "n", "presence_penalty",
		"seed", "stop", "stream", "stream_options", "suffix", "temperature", "top_p", "user", "drop_params",
	}
	return own
}()

// maxPrompts bounds the prompts of a request; OpenAI's bound is the same.
const maxPrompts = 2048

// DecodeText reads a request for text completions. Its error is an *llm.Error with status 400 that
// names the field.
func DecodeText(body []byte, opt litellm.Options) (*TextRequest, error) {
	r := &TextRequest{}
	dropped, err := litellm.Decode(body, &opt, &r.w)
	if err != nil {
		return nil, err
	}
	r.Warnings = dropped
	r.Call.Names = &textNames
	fields, warnings, err := opt.Read(&r.Call, r.w.Rest)
	if err != nil {
		return nil, err
	}
	r.parameters, r.w.Rest = fields, nil
	r.Warnings = append(r.Warnings, warnings...)
	r.Call.Stream, r.Echo, r.Choices = r.w.Stream.Value, r.w.Echo.Value, 1
	if r.w.N.Set {
		if r.Choices = r.w.N.Value; r.Choices < 1 {
			return nil, llm.Invalid("n", "n must be at least 1, not %d", r.Choices)
		}
	}
	if len(r.w.StreamOptions) > 0 && r.w.StreamOptions.Kind() != 'n' {
		var options streamOptions
		if err := unmarshalAt("stream_options", r.w.StreamOptions, &options); err != nil {
			return nil, err
		}
		r.IncludeUsage = options.IncludeUsage
	}
	if err := r.prompts(); err != nil {
		return nil, err
	}
	r.Body = r.body()
	return r, nil
}

// prompts reads the prompt: a text, a list of texts, a list of tokens, or a list of such lists.
func (r *TextRequest) prompts() error {
	p := r.w.Prompt
	wrong := func(at string, kind jsonx.Kind) error {
		return llm.Invalid(at, "%s must be a string, an array of strings, or arrays of tokens, not %s", at, jsonx.KindName(kind))
	}
	switch {
	case len(p) == 0 || p.Kind() == 'n':
		return nil
	case p.Kind() == '"':
		r.Prompts = make([]string, 1)
		return unmarshalAt("prompt", p, &r.Prompts[0])
	case p.Kind() != '[':
		return wrong("prompt", p.Kind())
	}
	var list []jsonx.Raw
	if err := unmarshalAt("prompt", p, &list); err != nil {
		return err
	}
	if len(list) == 0 {
		return llm.Invalid("prompt", "prompt must contain at least one element")
	}
	first := list[0].Kind()
	for i, e := range list {
		at := "prompt[" + strconv.Itoa(i) + "]"
		switch kind := e.Kind(); {
		case kind != '"' && kind != '0' && kind != '[':
			return wrong(at, kind)
		case kind != first:
			return llm.Invalid(at, "%s is %s, but prompt[0] is %s", at, jsonx.KindName(kind), jsonx.KindName(first))
		}
	}
	if r.Tokens = first != '"'; r.Tokens {
		return nil // the endpoint reads them
	}
	if len(list) > maxPrompts {
		return llm.Invalid("prompt", "prompt must have at most %d elements, not %d; send several requests", maxPrompts, len(list))
	}
	return unmarshalAt("prompt", p, &r.Prompts)
}

// body is the request without what only the gateway understands.
func (r *TextRequest) body() jsonx.Raw {
	w := jsonx.Writer{Buf: make([]byte, 0, len(r.w.Prompt)+512)}
	w.Object()
	w.Key("model")
	w.String(r.Call.Model)
	if len(r.w.Prompt) > 0 {
		w.Key("prompt")
		w.Raw(r.w.Prompt)
	}
	number := func(name string, o optional[int64]) {
		if o.Set {
			w.Key(name)
			w.Int(o.Value)
		}
	}
	if r.w.Suffix.Set {
		w.Key("suffix")
		w.String(r.w.Suffix.Value)
	}
	number("n", r.w.N)
	number("best_of", r.w.BestOf)
	number("logprobs", r.w.Logprobs)
	if r.w.Echo.Set {
		w.Key("echo")
		w.Bool(r.w.Echo.Value)
	}
	r.common(&w)
	w.EndObject()
	return w.Buf
}

// common writes the members that text and chat completions share.
func (r *TextRequest) common(w *jsonx.Writer) {
	if r.w.Stream.Set {
		w.Key("stream")
		w.Bool(r.w.Stream.Value)
	}
	if len(r.w.StreamOptions) > 0 && r.w.StreamOptions.Kind() != 'n' {
		w.Key("stream_options")
		w.Raw(r.w.StreamOptions)
	}
	if r.Call.User != "" {
		w.Key("user")
		w.String(r.Call.User)
	}
	w.Members(r.parameters)
}

// Untranslated reports what a conversation cannot express: an error that names the first such member,
// or warnings if unsupported parameters are dropped. A conversation can do without none of its
// prompts.
func (r *TextRequest) Untranslated() ([]llm.Warning, error) {
	switch {
	case r.Tokens:
		e := llm.Unsupported("prompt", "prompt is tokens, which only models with an API for text completions understand; this model has none")
		e.Fix = "Send the prompt as text."
		return nil, e
	case r.Prompts == nil:
		return nil, llm.Invalid("prompt", "prompt is required: a string or an array of strings")
	}
	var warnings []llm.Warning
	for _, m := range []struct {
		name string
		set  bool
		why  string
	}{
		{"suffix", r.w.Suffix.Value != "", "a conversation does not insert text before another"},
		{"best_of", r.w.BestOf.Value > r.Choices, "a conversation has no probabilities by which completions could be ranked"},
		{"logprobs", r.w.Logprobs.Set, "a conversation has no probabilities in the form of text completions"},
	} {
		if !m.set {
			continue
		}
		if !r.Call.DropParams {
			return nil, llm.Droppable(m.name, "%s is not supported: the model is served by an API for conversations, and %s", m.name, m.why)
		}
		warnings = append(warnings, llm.Warning{Code: llm.WarnDropped, Field: m.name, Detail: m.why})
	}
	return warnings, nil
}

// Chat is the conversation that stands for prompt i: one message of the user's. The warnings are about
// members that have no effect.
func (r *TextRequest) Chat(i int) (*llm.Request, []llm.Warning, error) {
	w := jsonx.Writer{Buf: make([]byte, 0, len(r.Prompts[i])+512)}
	w.Object()
	w.Key("model")
	w.String(r.Call.Model)
	w.Key("messages")
	w.Array()
	w.Object()
	w.Key("role")
	w.Word("user")
	w.Key("content")
	w.String(r.Prompts[i])
	w.EndObject()
	w.EndArray()
	r.common(&w)
	w.EndObject()
	drop := r.Call.DropParams
	req, err := Decode(w.Buf, Options{DropParams: func(string) bool { return drop }})
	if err != nil {
		return nil, nil, err
	}
	stream := req.LLM.Stream
	req.LLM.Call = r.Call
	req.LLM.Stream = stream
	return &req.LLM, req.Warnings, nil
}
