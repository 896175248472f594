package textgen

import (
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// instead is where a client finds what this API does not have.
const (
	textsOnly = "models behind sagemaker/ take only texts"
	instead   = "endpoints with OpenAI's format are called by sagemaker_chat/"
)

// AppendRequest writes a request: the conversation as one text in a format, nil for none, and the
// parameters. It returns what it changed or left out. The error is an *llm.Error for what the API does
// not have.
func AppendRequest(w *jsonx.Writer, req *llm.Request, format *Template) ([]llm.Warning, error) {
	req, dropped := req.WithoutOllamas()
	e := &encoder{w: w, req: req, Notes: llm.NewNotes(req, dropped)}
	all, err := e.conversation()
	if err != nil {
		return nil, err
	}
	if format == nil && len(all) > 1 {
		e.Warn(llm.WarnChanged, e.name(llm.FieldMessages), "the texts are joined without their roles, because the format of the model's prompts is not known; set hf_model_name")
	}
	w.Object()
	w.Key("inputs")
	w.String(prompt(format, all))
	w.Key("parameters")
	if err := e.parameters(); err != nil {
		return nil, err
	}
	if req.Stream {
		w.Key("stream")
		w.Bool(true)
	}
	w.EndObject()
	return e.Warnings, nil
}

// encoder is the state of one AppendRequest.
type encoder struct {
	w   *jsonx.Writer
	req *llm.Request
	llm.Notes
}

// name is the client's name for a field.
func (e *encoder) name(kind llm.FieldKind) string { return e.req.FieldName(llm.Field{Kind: kind}) }

// refuse handles a field whose absence changes the meaning: an error, or under drop_params a warning.
func (e *encoder) refuse(field string) error {
	return e.Refuse(field, "%s is not supported: %s; %s", field, textsOnly, instead)
}

// conversation is the instructions and the conversation as texts.
func (e *encoder) conversation() ([]said, error) {
	var all []said
	add := func(role llm.Role, blocks []llm.Block, message int) error {
		text := ""
		for j := range blocks {
			b := &blocks[j]
			switch {
			case b.Kind == llm.BlockCachePoint:
				e.Dropped(llm.FieldCache, "this API caches nothing for clients")
			case b.Kind == llm.BlockReasoning, b.Kind == llm.BlockRedacted:
				e.Warn(llm.WarnDropped, e.req.FieldName(llm.Field{Kind: llm.FieldReasoned, Index: message}), "prompts have no place for earlier reasoning")
			case b.Kind == llm.BlockText, b.Kind == llm.BlockOther && b.Text != "":
				if text != "" && b.Text != "" {
					text += "\n"
				}
				text += b.Text
			default:
				path := e.req.FieldName(llm.Field{Kind: llm.FieldBlock, Index: message, Block: j})
				return llm.Unsupported(path, "%s: %s, not %s; %s", path, textsOnly, inWords(b.Kind), instead)
			}
		}
		if text != "" {
			all = append(all, said{role, text})
		}
		return nil
	}
	if err := add(llm.RoleSystem, e.req.System, 0); err != nil {
		return nil, err
	}
	for i := range e.req.Turns {
		t := &e.req.Turns[i]
		if err := add(t.Role, t.Blocks, t.Number(i)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// inWords names a kind of block that prompts have no place for.
func inWords(k llm.BlockKind) string {
	switch k {
	case llm.BlockImage:
		return "images"
	case llm.BlockDocument:
		return "documents"
	case llm.BlockAudio:
		return "audio"
	case llm.BlockVideo:
		return "videos"
	case llm.BlockToolUse:
		return "tool calls"
	case llm.BlockToolResult:
		return "tool results"
	default:
		return "other content"
	}
}

// key begins a parameter, unless the request sets it itself.
func (e *encoder) key(name string) bool {
	if e.Given(name) {
		return false
	}
	e.w.Key(name)
	return true
}

// allowZero is LiteLLM's name for the setting that a temperature of 0 is sent as it is.
const allowZero = "aws_sagemaker_allow_zero_temp"

// parameters writes the parameters. LiteLLM's mapping of OpenAI's
// (litellm/llms/sagemaker/completion/transformation.py, 1.110.2) is kept.
func (e *encoder) parameters() error {
	w, req := e.w, e.req
	w.Object()
	if req.MaxTokens.Set && e.key("max_new_tokens") {
		w.Int(req.MaxTokens.Value)
	}
	if req.Temperature.Set && e.key("temperature") {
		w.Float(e.temperature(req.Temperature.Value))
	}
	if req.TopP.Set && req.TopP.Value < 1 && e.key("top_p") { // Text Generation Inference refuses 1, which is no limit
		w.Float(req.TopP.Value)
	}
	if req.TopK.Set && e.key("top_k") {
		w.Int(req.TopK.Value)
	}
	if len(req.Stop) > 0 && e.key("stop") {
		w.Array()
		for _, s := range req.Stop {
			w.String(s)
		}
		w.EndArray()
	}
	if e.key("return_full_text") { // some containers repeat the prompt otherwise
		w.Bool(false)
	}
	for _, step := range []func() error{e.unmapped, e.refused} {
		if err := step(); err != nil {
			return err
		}
	}
	e.others()
	for _, m := range req.ModelFields {
		if m.Name != allowZero {
			w.AnyKey(m.Name)
			w.Raw(m.Value)
		}
	}
	w.EndObject()
	return nil
}

// temperature is what is sent for a temperature: containers refuse 0.
func (e *encoder) temperature(t float64) float64 {
	if t > 0 || string(jsonx.Find(e.req.ModelFields, allowZero)) == "true" {
		return t
	}
	const least = 0.01 // LiteLLM's
	e.Warn(llm.WarnChanged, e.name(llm.FieldTemperature), "set to 0.01, because the containers refuse 0; "+allowZero+" sends 0")
	return least
}

// unmapped handles OpenAI's parameters without a field in llm.
func (e *encoder) unmapped() error {
	return e.Unmapped(func(m *jsonx.Member) {
		if e.key(m.Name) {
			e.w.Raw(m.Value)
		}
	}, e.refuse)
}

// refused handles what only an API with messages has.
func (e *encoder) refused() error {
	req := e.req
	for _, f := range []struct {
		kind llm.FieldKind
		set  bool
	}{
		{llm.FieldTools, len(req.Tools) > 0 && req.ToolChoice.Kind != llm.ToolChoiceNone},
		{llm.FieldFormat, req.Format != nil},
		{llm.FieldWebSearch, req.WebSearch != nil && !req.WebSearchOptional},
	} {
		if f.set {
			if err := e.refuse(e.name(f.kind)); err != nil {
				return err
			}
		}
	}
	return nil
}

// others tells of what has no effect.
func (e *encoder) others() {
	req := e.req
	if req.WebSearchOptional && req.WebSearch != nil {
		e.Dropped(llm.FieldWebSearch, "models do not search the web by this API")
	}
	if effort := req.Reasoning.Effort; effort != "" && effort != "none" {
		e.Dropped(llm.FieldEffort, "this API has no setting for reasoning")
	}
	if len(req.Reasoning.Thinking) > 0 {
		e.Dropped(llm.FieldThinking, "this API has no setting for reasoning")
	}
	e.LeaveOut(llm.Lacks{
		User: "this API takes no user", Metadata: "this API takes no metadata", ServiceTier: "SageMaker has no service tiers",
		CacheRetention: "this API caches nothing for clients",
	})
}
