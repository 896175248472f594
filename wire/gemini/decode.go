package gemini

import (
	"cmp"
	"encoding/base64"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Request is a decoded request of a client.
type Request struct {
	LLM      llm.Request
	Warnings []llm.Warning
}

// clientRequest is a request as clients send it, with its names in camel case.
type clientRequest struct {
	Contents []clientContent `json:"contents"`
	System   *clientContent  `json:"systemInstruction"`
	Tools    []clientTool    `json:"tools"`
	Choice   *struct {
		Calling *struct {
			Mode    string   `json:"mode"`
			Allowed []string `json:"allowedFunctionNames"`
		} `json:"functionCallingConfig"`
	} `json:"toolConfig"`
	Config clientConfig   `json:"generationConfig"`
	Whole  *clientRequest `json:"generateContentRequest"` // of countTokens
	Rest   jsonx.Raw      `json:",embed"`
}

type clientContent struct {
	Role  string       `json:"role"`
	Parts []clientPart `json:"parts"`
}

type clientPart struct {
	part
	FileData *struct {
		Type string `json:"mimeType"`
		URI  string `json:"fileUri"`
	} `json:"fileData"`
	Response *struct {
		ID       string    `json:"id"`
		Name     string    `json:"name"`
		Response jsonx.Raw `json:"response"`
		// Parts are media of the response.
		Parts []clientPart `json:"parts"`
	} `json:"functionResponse"`
}

type clientTool struct {
	Functions []struct {
		Name        string    `json:"name"`
		Description string    `json:"description"`
		Parameters  jsonx.Raw `json:"parameters"`
		JSONSchema  jsonx.Raw `json:"parametersJsonSchema"`
	} `json:"functionDeclarations"`
	Search jsonx.Raw `json:"googleSearch"`
	Rest   jsonx.Raw `json:",embed"`
}

type clientConfig struct {
	MaxTokens   *int64    `json:"maxOutputTokens"`
	Temperature *float64  `json:"temperature"`
	TopP        *float64  `json:"topP"`
	TopK        *float64  `json:"topK"`
	Stop        []string  `json:"stopSequences"`
	Count       int64     `json:"candidateCount"`
	MimeType    string    `json:"responseMimeType"`
	Schema      jsonx.Raw `json:"responseSchema"`
	JSONSchema  jsonx.Raw `json:"responseJsonSchema"`
	Seed        jsonx.Raw `json:"seed"`
	Presence    jsonx.Raw `json:"presencePenalty"`
	Frequency   jsonx.Raw `json:"frequencyPenalty"`
	Thinking    *struct {
		Budget *int64 `json:"thinkingBudget"`
		Level  string `json:"thinkingLevel"`
		Show   bool   `json:"includeThoughts"`
	} `json:"thinkingConfig"`
	Rest jsonx.Raw `json:",embed"`
}

// Decode reads a body of generateContent or countTokens for targets that do not speak the dialect.
// model is the one in the path. The error is an *llm.Error with status 400 that names the field.
func Decode(body []byte, model string, stream bool) (*Request, error) {
	if jsonx.ManyValues(body, maxValues) {
		return nil, llm.Invalid("", "the request body has too many values (limit %d)", maxValues)
	}
	var c clientRequest
	named, err := camelCased(body)
	if err == nil {
		err = jsonx.Unmarshal(named, &c)
	}
	if err != nil {
		return nil, llm.Invalid("", "the request body is not valid: %v", err)
	}
	if c.Whole != nil {
		c = *c.Whole
	}
	d := &decoder{}
	d.out.LLM.Call = llm.Call{Model: model, Stream: stream, Names: Names()}
	if err := d.decode(&c); err != nil {
		return nil, err
	}
	return &d.out, nil
}

// decoder is the state of one Decode.
type decoder struct {
	out   Request
	calls int
	waits map[string][]string // by function: the ids of calls without a response yet, made here
}

func (d *decoder) warn(code, field, detail string) {
	d.out.Warnings = append(d.out.Warnings, llm.Warning{Code: code, Field: field, Detail: detail})
}

func (d *decoder) decode(c *clientRequest) error {
	if len(c.Contents) == 0 {
		return llm.Invalid("contents", "contents is not specified")
	}
	if s := c.System; s != nil {
		for i := range s.Parts {
			if t := s.Parts[i].Text; t != nil {
				d.out.LLM.System = append(d.out.LLM.System, llm.Block{Kind: llm.BlockText, Text: *t})
			}
		}
	}
	for i := range c.Contents {
		if err := d.content(&c.Contents[i], "contents["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	d.tools(c)
	if err := d.settings(&c.Config); err != nil {
		return err
	}
	return d.others(c.Rest, "", "model")
}

// others warns of members that have no form in the common language.
func (d *decoder) others(rest jsonx.Raw, path string, known ...string) error {
	members, err := jsonx.Members(rest)
	if err != nil {
		return llm.Invalid(path, "%v", err)
	}
	for _, m := range members {
		skip := !has(m.Value)
		for _, k := range known {
			skip = skip || k == m.Name
		}
		if !skip {
			d.warn(llm.WarnDropped, path+m.Name, "only Gemini models have it")
		}
	}
	return nil
}

func (d *decoder) content(c *clientContent, path string) error {
	turn := llm.Turn{Role: llm.RoleUser}
	switch c.Role {
	case "model":
		turn.Role = llm.RoleAssistant
	case "user", "function", "":
	default:
		return llm.Invalid(path+".role", "%s.role is user or model, not %q", path, llm.Clip(c.Role, 40))
	}
	for i := range c.Parts {
		if err := d.part(&turn, &c.Parts[i], path+".parts["+strconv.Itoa(i)+"]"); err != nil {
			return err
		}
	}
	d.out.LLM.Turns = append(d.out.LLM.Turns, turn)
	return nil
}

func (d *decoder) part(turn *llm.Turn, p *clientPart, path string) error {
	add := func(b llm.Block) { turn.Blocks = append(turn.Blocks, b) }
	if isSigned(p.Signature) && !p.Thought && p.Text == nil { // before the call that it belongs to
		add(signed(p.Signature))
	}
	switch {
	case p.Thought:
		d.thought(turn, &p.part)
	case p.Call != nil:
		add(llm.Block{Kind: llm.BlockToolUse, ToolUse: &llm.ToolUse{ID: d.called(p.Call.ID, p.Call.Name), Name: p.Call.Name, Input: object(p.Call.Args)}})
	case p.Response != nil:
		b, err := d.result(p, path)
		if err != nil {
			return err
		}
		add(b)
	case p.InlineData != nil || p.FileData != nil:
		b, err := p.media(path)
		if err != nil {
			return err
		}
		add(b)
	case p.Text != nil:
		if *p.Text != "" {
			add(llm.Block{Kind: llm.BlockText, Text: *p.Text})
		}
		if isSigned(p.Signature) {
			add(signed(p.Signature))
		}
	case has(p.Code) || has(p.CodeDone):
		return llm.Unsupported(path, "%s: code that Gemini ran has no form for this model", path)
	case p.Signature == "":
		return llm.Invalid(path, "%s has no data: it is text, inlineData, fileData, functionCall or functionResponse", path)
	}
	return nil
}

// Prefixes of signatures of other models, in base64, as Gemini's clients keep them.
const (
	foreignMark  = "outcrop:"
	redactedMark = "outcrop-redacted:"
)

// foreign is the signature of another model in the form of Gemini's.
func foreign(mark, sign string) string {
	return base64.StdEncoding.EncodeToString([]byte(mark + sign))
}

// signed is the block of a signature.
func signed(sign string) llm.Block {
	if text, err := base64.StdEncoding.DecodeString(sign); err == nil {
		if own, ok := strings.CutPrefix(string(text), redactedMark); ok {
			return llm.Block{Kind: llm.BlockRedacted, Text: own}
		}
		if own, ok := strings.CutPrefix(string(text), foreignMark); ok {
			return llm.Block{Kind: llm.BlockReasoning, Signature: own}
		}
	}
	return llm.Block{Kind: llm.BlockReasoning, Signature: llm.GeminiMark + sign}
}

// thought takes a thought. Those of a stream come in pieces, the signature of another model last.
func (d *decoder) thought(turn *llm.Turn, p *part) {
	b := llm.Block{Kind: llm.BlockReasoning}
	if isSigned(p.Signature) {
		b = signed(p.Signature)
	}
	if p.Text != nil && b.Kind == llm.BlockReasoning {
		b.Text = *p.Text
	}
	if n := len(turn.Blocks) - 1; n >= 0 && turn.Blocks[n].Kind == llm.BlockReasoning && b.Kind == llm.BlockReasoning && turn.Blocks[n].Signature == "" {
		turn.Blocks[n].Text += b.Text
		turn.Blocks[n].Signature = b.Signature
		return
	}
	turn.Blocks = append(turn.Blocks, b)
}

// called is the id of a call; clients of older models have none.
func (d *decoder) called(id, name string) string {
	if id != "" {
		return id
	}
	d.calls++
	id = "call_" + strconv.Itoa(d.calls)
	if d.waits == nil {
		d.waits = map[string][]string{}
	}
	d.waits[name] = append(d.waits[name], id)
	return id
}

// result is the response of a function. Without an id it answers the first call of its name that has
// no answer yet. Media of the response follow what it says.
func (d *decoder) result(p *clientPart, path string) (llm.Block, error) {
	r := &llm.ToolResult{ID: p.Response.ID}
	if waiting := d.waits[p.Response.Name]; r.ID == "" && len(waiting) > 0 {
		r.ID, d.waits[p.Response.Name] = waiting[0], waiting[1:]
	}
	r.ID = cmp.Or(r.ID, p.Response.Name)
	r.Status, r.Content = said(object(p.Response.Response))
	for i := range p.Response.Parts {
		one, at := &p.Response.Parts[i], path+".functionResponse.parts["+strconv.Itoa(i)+"]"
		if one.InlineData == nil && one.FileData == nil {
			return llm.Block{}, llm.Invalid(at, "%s has no data: it is inlineData or fileData", at)
		}
		b, err := one.media(at)
		if err != nil {
			return llm.Block{}, err
		}
		r.Content = append(r.Content, llm.ResultBlock{Block: b})
	}
	return llm.Block{Kind: llm.BlockToolResult, ToolResult: r}, nil
}

// said is what a function's response says: the value of its only member if that has one of the names
// that the API's documentation recommends, and otherwise all of it.
func said(response jsonx.Raw) (status string, content []llm.ResultBlock) {
	members, err := jsonx.Members(response)
	if err != nil || len(members) != 1 {
		return "", []llm.ResultBlock{{JSON: response}}
	}
	switch name := members[0].Name; name {
	case "result", "output", "error":
		if name == "error" {
			status = "error"
		}
		var text string
		if members[0].Value.Kind() == '"' && jsonx.Unmarshal(members[0].Value, &text) == nil {
			return status, []llm.ResultBlock{{Block: llm.Block{Kind: llm.BlockText, Text: text}}}
		}
		return status, []llm.ResultBlock{{JSON: members[0].Value}}
	}
	return "", []llm.ResultBlock{{JSON: response}}
}

func object(v jsonx.Raw) jsonx.Raw {
	if !has(v) {
		return jsonx.Raw("{}")
	}
	return v
}

func (d *decoder) tools(c *clientRequest) {
	req := &d.out.LLM
	for i := range c.Tools {
		t := &c.Tools[i]
		for _, f := range t.Functions {
			schema := f.JSONSchema
			if !has(schema) {
				schema = jsonSchema(f.Parameters)
			}
			req.Tools = append(req.Tools, llm.Tool{Name: f.Name, Description: f.Description, Schema: schema})
		}
		if has(t.Search) {
			req.WebSearch = jsonx.Raw("{}")
		}
		if members, err := jsonx.Members(t.Rest); err == nil {
			for _, m := range members {
				d.warn(llm.WarnDropped, "tools["+strconv.Itoa(i)+"]."+m.Name, "only Gemini models have this tool")
			}
		}
	}
	if c.Choice == nil || c.Choice.Calling == nil {
		return
	}
	switch choice := c.Choice.Calling; choice.Mode {
	case "AUTO", "VALIDATED":
		req.ToolChoice.Kind = llm.ToolChoiceAuto
	case "NONE":
		req.ToolChoice.Kind = llm.ToolChoiceNone
	case "ANY":
		req.ToolChoice.Kind = llm.ToolChoiceAny
		switch len(choice.Allowed) {
		case 0:
		case 1:
			req.ToolChoice = llm.ToolChoice{Kind: llm.ToolChoiceNamed, Name: choice.Allowed[0]}
		default:
			d.warn(llm.WarnChanged, "toolConfig.functionCallingConfig.allowedFunctionNames", "the model may call any function")
		}
	}
}

func (d *decoder) settings(c *clientConfig) error {
	const path = "generationConfig."
	req := &d.out.LLM
	if c.Count > 1 {
		return llm.Unsupported(path+"candidateCount", "%scandidateCount must be 1 for this model", path)
	}
	if c.MaxTokens != nil {
		req.MaxTokens = llm.Some(*c.MaxTokens)
	}
	if c.Temperature != nil {
		req.Temperature = llm.Some(*c.Temperature)
	}
	if c.TopP != nil {
		req.TopP = llm.Some(*c.TopP)
	}
	if c.TopK != nil {
		req.TopK = llm.Some(int64(*c.TopK))
	}
	req.SamplingOptional = true
	req.Stop = c.Stop
	for _, m := range []jsonx.Member{{Name: "seed", Value: c.Seed}, {Name: "presence_penalty", Value: c.Presence}, {Name: "frequency_penalty", Value: c.Frequency}} {
		if has(m.Value) {
			req.Unmapped = append(req.Unmapped, m)
		}
	}
	if c.MimeType == "application/json" {
		req.Format = &llm.Format{Name: "response", Schema: c.JSONSchema}
		if !has(c.JSONSchema) {
			req.Format.Schema = jsonSchema(c.Schema)
		}
	}
	if t := c.Thinking; t != nil {
		switch {
		case t.Level != "" && t.Level != "THINKING_LEVEL_UNSPECIFIED":
			req.Reasoning.Effort = strings.ToLower(t.Level)
		case t.Budget == nil:
		case *t.Budget == 0:
			req.Reasoning.Effort = "none"
		case *t.Budget > 0:
			req.Reasoning.Thinking = jsonx.Raw(`{"type":"enabled","budget_tokens":` + strconv.FormatInt(*t.Budget, 10) + `}`)
		}
	}
	return d.others(c.Rest, path)
}

// jsonSchema turns a schema of OpenAPI's, in which Google's clients write types in capitals, into a
// JSON schema.
func jsonSchema(v jsonx.Raw) jsonx.Raw {
	if !has(v) {
		return nil
	}
	var w jsonx.Writer
	writeSchema(&w, v)
	return w.Buf
}

func writeSchema(w *jsonx.Writer, v jsonx.Raw) {
	members, err := jsonx.Members(v)
	if v.Kind() != '{' || err != nil {
		w.Raw(v)
		return
	}
	nullable := string(jsonx.Find(members, "nullable")) == "true"
	w.Object()
	for _, m := range members {
		m.Name = camelName(m.Name)
		switch m.Name {
		case "nullable":
			continue
		case "type":
			var word string
			if jsonx.Unmarshal(m.Value, &word) == nil {
				w.Key("type")
				if nullable {
					w.Array()
					w.String(strings.ToLower(word))
					w.Word("null")
					w.EndArray()
				} else {
					w.String(strings.ToLower(word))
				}
				continue
			}
		case "properties":
			inner, err := jsonx.Members(m.Value)
			if err == nil {
				w.Key("properties")
				w.Object()
				for _, p := range inner {
					w.AnyKey(p.Name)
					writeSchema(w, p.Value)
				}
				w.EndObject()
				continue
			}
		case "items", "additionalProperties":
			w.Key(m.Name)
			writeSchema(w, m.Value)
			continue
		case "anyOf":
			var list []jsonx.Raw
			if jsonx.Unmarshal(m.Value, &list) == nil {
				w.Key("anyOf")
				w.Array()
				for _, one := range list {
					writeSchema(w, one)
				}
				w.EndArray()
				continue
			}
		}
		w.AnyKey(m.Name)
		w.Raw(m.Value)
	}
	w.EndObject()
}
