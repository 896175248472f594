package ollama

import (
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// AppendEmbed writes a request as a body of the embed API (https://docs.ollama.com/api/embed); texts are
// those of its inputs. It returns what it left out. The error is an *llm.Error for what the API does not
// have.
func AppendEmbed(w *jsonx.Writer, req *llm.EmbedRequest, texts []string, model string) ([]llm.Warning, error) {
	e := &embedEncoder{req: req}
	w.Object()
	w.Key("model")
	w.String(model)
	w.Key("input")
	w.Array()
	for i := range req.Inputs {
		if in := &req.Inputs[i]; len(in.Parts) > 1 || len(in.Parts) == 1 && in.Parts[0].Kind != llm.BlockText {
			err := llm.Unsupported(in.Name(i), "%s: Ollama's API embeds texts only, one for each vector", in.Name(i))
			err.Code = llm.CodeFeature
			return nil, err
		}
		w.String(texts[i])
	}
	w.EndArray()
	for _, step := range []func(*jsonx.Writer) error{e.truncate, e.others, e.fields} {
		if err := step(w); err != nil {
			return nil, err
		}
	}
	w.EndObject()
	return e.warnings, nil
}

// embedEncoder is the state of one AppendEmbed.
type embedEncoder struct {
	req      *llm.EmbedRequest
	warnings []llm.Warning
}

func (e *embedEncoder) warn(code, field, detail string) {
	e.warnings = append(e.warnings, llm.Warning{Code: code, Field: field, Detail: detail})
}

// refuse handles a field whose absence changes the meaning: an error, or under drop_params a warning.
func (e *embedEncoder) refuse(field, format string, args ...any) error {
	return e.req.Refuse(e.warn, field, format, args...)
}

// truncate writes what happens to a text that is too long: Ollama drops its end, or refuses it.
func (e *embedEncoder) truncate(w *jsonx.Writer) error {
	switch word := strings.ToUpper(e.req.Truncate); word {
	case "":
	case "NONE", "END":
		w.Key("truncate")
		w.Bool(word == "END")
	case "START":
		return e.refuse("truncate", "truncate START is not supported by Ollama's API, which drops the end of a text; send END or NONE")
	default:
		return llm.Invalid("truncate", "truncate must be NONE or END, not %q", llm.Clip(e.req.Truncate, 100))
	}
	return nil
}

// others are the remaining settings.
func (e *embedEncoder) others(w *jsonx.Writer) error {
	r := e.req
	if r.Dimensions.Set {
		w.Key("dimensions")
		w.Int(r.Dimensions.Value)
	}
	for _, form := range r.Types {
		if form != llm.VectorFloat {
			if err := e.refuse("embedding_types", "embedding_types %s is not supported by Ollama's API, which returns floats", form); err != nil {
				return err
			}
		}
	}
	if r.Normalize.Set && !r.Normalize.Value { // all vectors have length 1
		if err := e.refuse("normalize", "normalize: false is not supported by Ollama's API, whose vectors have length 1"); err != nil {
			return err
		}
	}
	if r.MaxTokens.Set {
		if err := e.refuse("max_tokens", "max_tokens is not supported for embeddings by Ollama's API; set num_ctx"); err != nil {
			return err
		}
	}
	if r.InputType != "" {
		e.warn(llm.WarnDropped, "input_type", "Ollama's models have one kind of vector")
	}
	if r.User != "" {
		e.warn(llm.WarnDropped, "user", "Ollama's API takes no user")
	}
	for _, l := range r.Metadata {
		e.warn(llm.WarnDropped, "metadata."+l.Name, "Ollama's API takes no metadata")
	}
	return nil
}

// fields writes the parameters that are Ollama's own: how long the model stays loaded, and all others as
// options of the model, as LiteLLM does.
func (e *embedEncoder) fields(w *jsonx.Writer) error {
	options := jsonx.Writer{}
	options.Object()
	for _, m := range e.req.ModelFields {
		switch m.Name {
		case "keep_alive":
			w.Key(m.Name)
			w.Raw(m.Value)
		case "options":
			more, err := jsonx.Members(m.Value)
			if err != nil {
				return llm.Invalid("options", "options is an object with options of the model: %v", err)
			}
			for _, o := range more {
				if jsonx.Find(e.req.ModelFields, o.Name) == nil {
					options.AnyKey(o.Name)
					options.Raw(o.Value)
				}
			}
		default:
			options.AnyKey(m.Name)
			options.Raw(m.Value)
		}
	}
	options.EndObject()
	if len(options.Buf) > len("{}") {
		w.Key("options")
		w.Raw(options.Buf)
	}
	return nil
}

// DecodeEmbed reads a response of the embed API. estimate is the number of tokens where the server reports
// none.
func DecodeEmbed(body []byte, estimate int64) (*llm.EmbedResponse, error) {
	var r struct {
		Embeddings []jsonx.Floats `json:"embeddings"`
		Tokens     *int64         `json:"prompt_eval_count"`
		Rest       jsonx.Raw      `json:",embed"`
	}
	if err := jsonx.Unmarshal(body, &r); err != nil {
		return nil, err
	}
	out := &llm.EmbedResponse{Vectors: make([]llm.Vector, len(r.Embeddings))}
	for i, values := range r.Embeddings {
		out.Vectors[i].Float = values
	}
	if r.Tokens != nil && *r.Tokens >= 0 {
		out.Usage.Input = *r.Tokens
	} else {
		out.Usage.Input, out.Estimated = estimate, true
	}
	out.Usage.Total = out.Usage.Input
	return out, nil
}
