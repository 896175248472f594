package roundtrip

import (
	"errors"
	"strings"
)

// converse is Bedrock's Converse, as
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html has it.
type converse struct{}

type (
	conBytes struct {
		Bytes string `json:"bytes"`
	}
	conMedia struct {
		Format string   `json:"format"`
		Name   string   `json:"name,omitempty"`
		Source conBytes `json:"source"`
	}
	conCall struct {
		ID    string  `json:"toolUseId"`
		Name  string  `json:"name"`
		Input rawJSON `json:"input"`
	}
	conResult struct {
		ID      string     `json:"toolUseId"`
		Content []conBlock `json:"content"`
		Status  string     `json:"status,omitempty"`
	}
	conThought struct {
		Text *struct {
			Text      string `json:"text"`
			Signature string `json:"signature,omitempty"`
		} `json:"reasoningText,omitempty"`
		Redacted string `json:"redactedContent,omitempty"`
	}
	conCitations struct {
		Content []struct {
			Text string `json:"text"`
		} `json:"content"`
		Citations []conCitation `json:"citations"`
	}
	conCitation struct {
		Title    string `json:"title"`
		Location struct {
			Web struct {
				URL    string `json:"url"`
				Domain string `json:"domain,omitempty"`
			} `json:"web"`
		} `json:"location"`
	}
	conBlock struct {
		Text      *string       `json:"text,omitempty"`
		Image     *conMedia     `json:"image,omitempty"`
		Document  *conMedia     `json:"document,omitempty"`
		Call      *conCall      `json:"toolUse,omitempty"`
		Result    *conResult    `json:"toolResult,omitempty"`
		Thought   *conThought   `json:"reasoningContent,omitempty"`
		Cited     *conCitations `json:"citationsContent,omitempty"`
		Cache     *object       `json:"cachePoint,omitempty"`
		JSONValue rawJSON       `json:"json,omitempty"`
	}
	conMessage struct {
		Role    string     `json:"role"`
		Content []conBlock `json:"content"`
	}
	conSpec struct {
		Name        string `json:"name"`
		Description string `json:"description"`
		Schema      struct {
			JSON rawJSON `json:"json"`
		} `json:"inputSchema"`
		Strict bool `json:"strict,omitempty"`
	}
	conTool struct {
		Spec  *conSpec `json:"toolSpec,omitempty"`
		Cache *object  `json:"cachePoint,omitempty"`
	}
	conChoice struct {
		Auto *object `json:"auto,omitempty"`
		Any  *object `json:"any,omitempty"`
		Tool *struct {
			Name string `json:"name"`
		} `json:"tool,omitempty"`
	}
	conTools struct {
		Tools  []conTool  `json:"tools"`
		Choice *conChoice `json:"toolChoice,omitempty"`
	}
	conConfig struct {
		MaxTokens   rawJSON `json:"maxTokens,omitempty"`
		Temperature rawJSON `json:"temperature,omitempty"`
		TopP        rawJSON `json:"topP,omitempty"`
		Stop        rawJSON `json:"stopSequences,omitempty"`
	}
	conFields struct {
		TopK     rawJSON    `json:"top_k,omitempty"`
		Thinking rawJSON    `json:"thinking,omitempty"`
		Choice   *msgChoice `json:"tool_choice,omitempty"`
		Betas    []string   `json:"anthropic_beta,omitempty"`
	}
	conOutput struct {
		Format struct {
			Type      string `json:"type"`
			Structure struct {
				Schema struct {
					Name   string `json:"name,omitempty"`
					Schema string `json:"schema"`
				} `json:"jsonSchema"`
			} `json:"structure"`
		} `json:"textFormat"`
	}
	conRequest struct {
		System   []conBlock        `json:"system,omitempty"`
		Messages []conMessage      `json:"messages"`
		Tools    *conTools         `json:"toolConfig,omitempty"`
		Config   *conConfig        `json:"inferenceConfig,omitempty"`
		Fields   *conFields        `json:"additionalModelRequestFields,omitempty"`
		Paths    []string          `json:"additionalModelResponseFieldPaths,omitempty"`
		Output   *conOutput        `json:"outputConfig,omitempty"`
		Metadata map[string]string `json:"requestMetadata,omitempty"`
	}
)

func (c converse) blocks(parts []part) []conBlock {
	out := []conBlock{}
	for i := range parts {
		p := &parts[i]
		var b conBlock
		switch {
		case p.kind == kindText && p.citations != nil:
			b.Cited = &conCitations{}
			b.Cited.Content = append(b.Cited.Content, struct {
				Text string `json:"text"`
			}{p.text})
			for _, cite := range p.citations {
				b.Cited.Citations = append(b.Cited.Citations, conCite(cite))
			}
		case p.kind == kindText:
			b.Text = &p.text
		case p.kind == kindImage:
			b.Image = &conMedia{Format: "png", Source: conBytes{p.text}}
		case p.kind == kindDocument:
			b.Document = &conMedia{Format: "pdf", Name: strings.TrimSuffix(p.title, ".pdf"), Source: conBytes{p.text}}
		case p.kind == kindCall:
			b.Call = &conCall{p.id, p.name, rawJSON(p.args)}
		case p.kind == kindThought:
			b.Thought = &conThought{Text: &struct {
				Text      string `json:"text"`
				Signature string `json:"signature,omitempty"`
			}{p.text, p.signature}}
		case p.kind == kindResult:
			b.Result = &conResult{ID: p.id, Content: c.blocks(p.parts)}
			if p.failed {
				b.Result.Status = "error"
			}
		}
		out = append(out, b)
		if p.cache {
			out = append(out, conBlock{Cache: &object{"type": "default"}})
		}
	}
	return out
}

func conCite(cite citation) conCitation {
	out := conCitation{Title: cite.title}
	out.Location.Web.URL, out.Location.Web.Domain = cite.url, "example.com"
	return out
}

func (c converse) writeRequest(r *request, _ string, _ bool) []byte {
	q := conRequest{}
	if len(r.system) > 0 {
		q.System = c.blocks(r.system)
	}
	for _, t := range r.turns {
		q.Messages = append(q.Messages, conMessage{t.role, c.blocks(t.parts)})
	}
	if len(r.tools) > 0 && r.choice != "none" {
		q.Tools = &conTools{}
		for _, t := range r.tools {
			spec := &conSpec{Name: t.name, Description: t.help, Strict: t.strict}
			spec.Schema.JSON = rawJSON(t.schema)
			q.Tools.Tools = append(q.Tools.Tools, conTool{Spec: spec})
			if t.cache {
				q.Tools.Tools = append(q.Tools.Tools, conTool{Cache: &object{"type": "default"}})
			}
		}
		switch r.choice {
		case "":
		case "auto":
			q.Tools.Choice = &conChoice{Auto: &object{}}
		case "any":
			q.Tools.Choice = &conChoice{Any: &object{}}
		default:
			q.Tools.Choice = &conChoice{Tool: &struct {
				Name string `json:"name"`
			}{r.choice}}
		}
	}
	q.Config = &conConfig{r.setting(setMaxTokens), r.setting(setTemp), r.setting(setTopP), r.setting(setStop)}
	fields := conFields{TopK: r.setting(setTopK)}
	if r.settings[setThinking] != "" {
		fields.Thinking = rawJSON(`{"type":"enabled","budget_tokens":2048}`)
	}
	if encoded(fields) != "{}" {
		q.Fields = &fields
	}
	if s := r.settings[setSchema]; s != "" {
		q.Output = &conOutput{}
		q.Output.Format.Type = "json_schema"
		q.Output.Format.Structure.Schema.Name, q.Output.Format.Structure.Schema.Schema = "rock", s
	}
	return raw(q)
}

func (c converse) read(blocks []conBlock) ([]part, error) {
	var out []part
	for i := range blocks {
		b := &blocks[i]
		var p part
		switch {
		case b.Cache != nil:
			if len(out) == 0 {
				return nil, errors.New("a cache point behind nothing")
			}
			out[len(out)-1].cache = true
			continue
		case b.Text != nil:
			p = text(*b.Text)
		case b.JSONValue != nil:
			p = text(string(b.JSONValue))
		case b.Image != nil:
			p = part{kind: kindImage, text: b.Image.Source.Bytes}
		case b.Document != nil:
			p = part{kind: kindDocument, text: b.Document.Source.Bytes, title: b.Document.Name + "." + b.Document.Format}
		case b.Call != nil:
			p = part{kind: kindCall, id: b.Call.ID, name: b.Call.Name, args: string(b.Call.Input)}
		case b.Thought != nil && b.Thought.Text != nil:
			p = part{kind: kindThought, text: b.Thought.Text.Text, signature: b.Thought.Text.Signature}
		case b.Thought != nil:
			p = part{kind: kindThought, signature: b.Thought.Redacted}
		case b.Result != nil:
			inner, err := c.read(b.Result.Content)
			if err != nil {
				return nil, err
			}
			p = part{kind: kindResult, id: b.Result.ID, failed: b.Result.Status == "error", parts: inner}
		case b.Cited != nil:
			p.kind = kindText
			for _, t := range b.Cited.Content {
				p.text += t.Text
			}
			for _, cite := range b.Cited.Citations {
				p.citations = append(p.citations, citation{cite.Location.Web.URL, cite.Title})
			}
		default:
			return nil, errors.New("a block of no kind")
		}
		out = append(out, p)
	}
	return out, nil
}

func (c converse) readRequest(body []byte) (*request, error) {
	var q conRequest
	if err := strict(body, &q); err != nil {
		return nil, err
	}
	r := &request{}
	var err error
	if r.system, err = c.read(q.System); err != nil {
		return nil, err
	}
	for _, m := range q.Messages {
		parts, err := c.read(m.Content)
		if err != nil {
			return nil, err
		}
		r.turns = append(r.turns, turn{m.Role, parts})
	}
	if err := alternating(r.turns); err != nil {
		return nil, err
	}
	if q.Tools != nil {
		for _, t := range q.Tools.Tools {
			if t.Cache != nil {
				r.tools[len(r.tools)-1].cache = true
				continue
			}
			r.tools = append(r.tools, tool{name: t.Spec.Name, help: t.Spec.Description, schema: string(t.Spec.Schema.JSON), strict: t.Spec.Strict})
		}
		if choice := q.Tools.Choice; choice != nil {
			switch {
			case choice.Auto != nil:
				r.choice = "auto"
			case choice.Any != nil:
				r.choice = "any"
			default:
				r.choice = choice.Tool.Name
			}
		}
	}
	if q.Config != nil {
		r.settle(setMaxTokens, q.Config.MaxTokens)
		r.settle(setTemp, q.Config.Temperature)
		r.settle(setTopP, q.Config.TopP)
		r.settle(setStop, q.Config.Stop)
	}
	if f := q.Fields; f != nil {
		r.settle(setTopK, f.TopK)
		if f.Thinking != nil && !strings.Contains(string(f.Thinking), "disabled") {
			r.settle(setThinking, rawJSON("true"))
		}
		if f.Choice != nil && f.Choice.Single {
			r.settle(setParallel, rawJSON("false"))
		}
		if f.Choice != nil && f.Choice.Type == "none" {
			r.choice = "none"
		}
	}
	if q.Output != nil {
		r.settle(setSchema, rawJSON(q.Output.Format.Structure.Schema.Schema))
	}
	if u := q.Metadata["user"]; u != "" {
		r.settle(setUser, raw(u))
	}
	return r, nil
}
