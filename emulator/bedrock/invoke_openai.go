package bedrock

import (
	"cmp"
	"slices"
	"strings"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// openAIChat is OpenAI's Chat Completions, in which gpt-oss, Qwen, Kimi, GLM, DeepSeek
// V3, newer Mistral and others take their bodies
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-openai.html).
// Other members of a body are accepted if they are known, and ignored.
type openAIChat struct {
	// events is whether the stream is one of OpenAI's own, in which usage, if it is asked for, comes in a
	// chunk of its own.
	events, usage bool
	// apart is whether reasoning stands in the member reasoning of a message, as on bedrock-mantle according to the
	// makers of clients (https://github.com/brainlid/langchain/pull/521), and not in its text.
	apart bool
}

// openAIMessage is one message of the conversation.
type openAIMessage struct {
	Role       string     `json:"role"`
	Content    openAIText `json:"content"`
	ToolCallID string     `json:"tool_call_id"`
	ToolCalls  []struct {
		ID       string `json:"id"`
		Function struct {
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
}

// openAIText is content: a string, or a list of parts of which only the text is used.
type openAIText string

func (t *openAIText) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	if d.PeekKind() == '[' {
		var parts []struct {
			Text string `json:"text"`
		}
		if err := jsonx.UnmarshalDecode(d, &parts); err != nil {
			return err
		}
		var texts []string
		for _, p := range parts {
			texts = append(texts, p.Text)
		}
		*t = openAIText(strings.Join(texts, "\n"))
		return nil
	}
	var s *string
	if err := jsonx.UnmarshalDecode(d, &s); err != nil {
		return err
	}
	if s != nil {
		*t = openAIText(*s)
	}
	return nil
}

// openAIBody has the members of a body that are used.
type openAIBody struct {
	Messages            []openAIMessage `json:"messages"`
	MaxTokens           *int64          `json:"max_tokens"`
	MaxCompletionTokens *int64          `json:"max_completion_tokens"`
	Temperature         *float64        `json:"temperature"`
	TopP                *float64        `json:"top_p"`
	Stop                jsonx.Raw       `json:"stop"`
	ReasoningEffort     jsonx.Raw       `json:"reasoning_effort"`
	ToolChoice          jsonx.Raw       `json:"tool_choice"`
	ParallelToolCalls   *bool           `json:"parallel_tool_calls"`
	Tools               []struct {
		Type     string `json:"type"`
		Function struct {
			Name        string    `json:"name"`
			Description string    `json:"description"`
			Parameters  jsonx.Raw `json:"parameters"`
		} `json:"function"`
	} `json:"tools"`
	ResponseFormat *struct {
		Type       string `json:"type"`
		JSONSchema struct {
			Name   string    `json:"name"`
			Schema jsonx.Raw `json:"schema"`
		} `json:"json_schema"`
	} `json:"response_format"`
}

func (openAIChat) read(body []byte, info *catalogue.Model) (*llm.Request, error) {
	members, err := jsonx.Members(body)
	if err != nil {
		return nil, err
	}
	known := info.Fields()
	for _, m := range members {
		if known != nil && !slices.Contains(known, m.Name) {
			return nil, chatError(m.Name, "unknown field "+m.Name, known)
		}
	}
	if jsonx.Find(members, "messages") == nil {
		return nil, returned("Failed to deserialize the JSON body into the target type: missing field `messages`")
	}
	var said openAIBody
	if err := jsonx.Unmarshal(body, &said); err != nil {
		return nil, returned("Failed to deserialize the JSON body into the target type: %v", err)
	}
	return said.request()
}

func (b *openAIBody) request() (*llm.Request, error) {
	req := new(llm.Request)
	for _, m := range b.Messages {
		if err := m.add(req); err != nil {
			return nil, err
		}
	}
	switch {
	case b.MaxCompletionTokens != nil:
		req.MaxTokens = llm.Some(*b.MaxCompletionTokens)
	case b.MaxTokens != nil:
		req.MaxTokens = llm.Some(*b.MaxTokens)
	}
	if b.Temperature != nil {
		req.Temperature = llm.Some(*b.Temperature)
	}
	if b.TopP != nil {
		req.TopP = llm.Some(*b.TopP)
	}
	if b.Stop.Kind() == '"' {
		req.Stop = []string{word(b.Stop)}
	} else if b.Stop != nil && jsonx.Unmarshal(b.Stop, &req.Stop) != nil {
		return nil, returned("Failed to deserialize the JSON body into the target type: stop")
	}
	if b.ReasoningEffort != nil {
		req.ModelFields = append(req.ModelFields, jsonx.Member{Name: "reasoning_effort", Value: b.ReasoningEffort})
	}
	for _, t := range b.Tools {
		req.Tools = append(req.Tools, llm.Tool{Name: t.Function.Name, Description: t.Function.Description, Schema: t.Function.Parameters})
	}
	if b.ParallelToolCalls != nil {
		req.ParallelTools = llm.Some(*b.ParallelToolCalls)
	}
	switch choice := word(b.ToolChoice); {
	case choice == "none":
		req.ToolChoice.Kind = llm.ToolChoiceNone
	case choice == "required":
		req.ToolChoice.Kind = llm.ToolChoiceAny
	case b.ToolChoice.Kind() == '{':
		req.ToolChoice = llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: word(memberOf(memberOf(b.ToolChoice, "function"), "name"))}
	}
	if f := b.ResponseFormat; f != nil && f.Type == "json_schema" {
		req.Format = &llm.Format{Name: f.JSONSchema.Name, Schema: f.JSONSchema.Schema}
	}
	return req, nil
}

// add adds a message to the request.
func (m *openAIMessage) add(req *llm.Request) error {
	text := llm.Block{Kind: llm.BlockText, Text: string(m.Content)}
	switch m.Role {
	case "system", "developer":
		req.System = append(req.System, text)
	case "user":
		req.Turns = append(req.Turns, llm.Turn{Role: llm.RoleUser, Blocks: []llm.Block{text}})
	case "assistant":
		turn := llm.Turn{Role: llm.RoleAssistant}
		if m.Content != "" {
			turn.Blocks = append(turn.Blocks, text)
		}
		for _, c := range m.ToolCalls {
			input := jsonx.Raw(c.Function.Arguments)
			if !jsonx.Valid(input) || input.Kind() != '{' {
				input = jsonx.Raw("{}")
			}
			turn.Blocks = append(turn.Blocks, llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: c.ID, Name: c.Function.Name, Input: input}})
		}
		req.Turns = append(req.Turns, turn)
	case "tool":
		result := llm.Block{Kind: llm.BlockToolResult, ToolResult: &llm.ToolResult{ID: m.ToolCallID, Content: []llm.ResultBlock{{Block: text}}}}
		req.Turns = append(req.Turns, llm.Turn{Role: llm.RoleUser, Blocks: []llm.Block{result}})
	default:
		return returned("Failed to deserialize the JSON body into the target type: messages: unknown variant `%s`, expected one of `system`, `developer`, `user`, `assistant`, `tool`", m.Role)
	}
	return nil
}

func (openAIChat) check(_ *Emulator, q *question) error {
	if len(q.request.Turns) == 0 {
		return returned("messages: at least one message is required")
	}
	return nil
}

// openAIStop returns OpenAI's finish reason.
func (a *reply) openAIStop() string {
	switch a.Stop {
	case llm.StopToolUse:
		return "tool_calls"
	case llm.StopMaxTokens:
		return "length"
	default:
		return "stop"
	}
}

// texts returns the answer's text and its reasoning. Unless the reasoning stands apart, it is in the text, between
// tags.
func (o openAIChat) texts(a *reply) (text, reasoning string) {
	var b, apart strings.Builder
	for i := range a.Blocks {
		switch block := &a.Blocks[i]; {
		case block.Kind == llm.BlockReasoning && o.apart:
			apart.WriteString(block.Text)
		case block.Kind == llm.BlockReasoning:
			b.WriteString("<reasoning>" + block.Text + "</reasoning>")
		case block.Kind == llm.BlockText:
			b.WriteString(block.Text)
		default: // calls stand elsewhere
		}
	}
	return b.String(), apart.String()
}

// openAIHead begins an answer or a chunk.
func openAIHead(w *jsonx.Writer) {
	w.Object()
	w.Key("choices")
	w.Array()
	w.Object()
	w.Key("index")
	w.Int(0)
}

// openAIRest completes an answer or a chunk, except for the end of the object.
func (a *reply) openAIRest(w *jsonx.Writer, object string) {
	w.EndObject()
	w.EndArray()
	a.openAIName(w, object)
}

// openAIName says which answer this is, by which model.
func (a *reply) openAIName(w *jsonx.Writer, object string) {
	w.Key("created")
	w.Int(a.created.Unix())
	w.Key("id")
	w.String("chatcmpl-" + a.id[:24])
	w.Key("model")
	w.String(cmp.Or(a.name, a.model.ID))
	w.Key("object")
	w.Word(object)
}

func (a *reply) openAIUsage(w *jsonx.Writer) {
	w.Key("usage")
	w.Object()
	w.Key("completion_tokens")
	w.Int(a.Usage.Output)
	w.Key("prompt_tokens")
	w.Int(a.Usage.Input)
	w.Key("total_tokens")
	w.Int(a.Usage.Total)
	w.EndObject()
}

func (a *reply) openAICalls(w *jsonx.Writer, indexed bool) {
	w.Key("tool_calls")
	w.Array()
	n := int64(0)
	for i := range a.Blocks {
		call := a.Blocks[i].ToolUse
		if call == nil {
			continue
		}
		w.Object()
		if indexed {
			w.Key("index")
			w.Int(n)
			n++
		}
		w.Key("id")
		w.String("call_" + strings.TrimPrefix(call.ID, "tooluse_"))
		w.Key("type")
		w.Word("function")
		w.Key("function")
		w.Object()
		w.Key("name")
		w.String(call.Name)
		w.Key("arguments")
		w.String(string(call.Input))
		w.EndObject()
		w.EndObject()
	}
	w.EndArray()
}

func (o openAIChat) whole(a *reply) []byte {
	var w jsonx.Writer
	openAIHead(&w)
	w.Key("finish_reason")
	w.Word(a.openAIStop())
	w.Key("message")
	w.Object()
	w.Key("role")
	w.Word("assistant")
	text, reasoning := o.texts(a)
	w.Key("content")
	w.String(text)
	if reasoning != "" {
		w.Key("reasoning")
		w.String(reasoning)
	}
	if a.Stop == llm.StopToolUse {
		a.openAICalls(&w, false)
	}
	w.EndObject()
	a.openAIRest(&w, "chat.completion")
	a.openAIUsage(&w)
	w.EndObject()
	return w.Buf
}

func (o openAIChat) pieces(a *reply, steps []llm.Event) []piece {
	var all []piece
	chunk := func(finish string, metrics bool, delta func(w *jsonx.Writer)) []byte {
		var w jsonx.Writer
		openAIHead(&w)
		w.Key("delta")
		w.Object()
		delta(&w)
		w.EndObject()
		w.Key("finish_reason")
		if finish == "" {
			w.Null()
		} else {
			w.Word(finish)
		}
		a.openAIRest(&w, "chat.completion.chunk")
		if metrics && !o.events {
			a.openAIUsage(&w)
			a.invocationMetrics(&w)
		}
		w.EndObject()
		return w.Buf
	}
	member := func(name, text string) func(w *jsonx.Writer) {
		return func(w *jsonx.Writer) {
			w.Key(name)
			w.String(text)
		}
	}
	say := func(text string) func(w *jsonx.Writer) { return member("content", text) }
	all = append(all, piece{json: chunk("", false, func(w *jsonx.Writer) {
		w.Key("role")
		w.Word("assistant")
		w.Key("content")
		w.Word("")
	})})
	thinking := false
	for i := range steps {
		s := &steps[i]
		text := s.Text
		if s.Kind == llm.EventBlockEnd && thinking {
			all = append(all, piece{json: chunk("", false, say("</reasoning>"))})
			thinking = false
		}
		if s.Kind != llm.EventDelta || s.Block != llm.BlockText && s.Block != llm.BlockReasoning {
			continue
		}
		if s.Block == llm.BlockReasoning && o.apart {
			all = append(all, piece{json: chunk("", false, member("reasoning", text)), delta: true, text: text})
			continue
		}
		if s.Block == llm.BlockReasoning && !thinking {
			text, thinking = "<reasoning>"+text, true
		}
		all = append(all, piece{json: chunk("", false, say(text)), delta: true, text: s.Text})
	}
	if a.Stop == llm.StopToolUse {
		all = append(all, piece{json: chunk("", false, func(w *jsonx.Writer) { a.openAICalls(w, true) }), delta: true})
	}
	all = append(all, piece{json: chunk(a.openAIStop(), true, func(*jsonx.Writer) {}), stop: true})
	if o.usage {
		all = append(all, piece{json: a.openAIUsageChunk(), stop: true})
	}
	return all
}

// openAIUsageChunk is the chunk with the usage, which has no choices.
func (a *reply) openAIUsageChunk() []byte {
	w := jsonx.Writer{}
	w.Object()
	w.Key("choices")
	w.Array()
	w.EndArray()
	a.openAIName(&w, "chat.completion.chunk")
	a.openAIUsage(&w)
	w.EndObject()
	return w.Buf
}
