// Package converse adapts a request to the model that Converse calls, and maps the response back to
// the original request.
//
// Model families differ in what they accept: settings, tool choice, system prompts, positions of
// media. Each difference is a trait of a row in rules.go or a fact of the catalogue. A request that
// asks for what the model does not support is changed if that preserves its meaning, with a warning
// that names the field. Otherwise it is refused with an *llm.Error that names the field, or, under
// llm.Request.DropParams, the field is dropped with a warning.
package converse

import (
	"slices"
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Adapted is a request adapted to its model.
type Adapted struct {
	// Request is the request to encode. Unchanged parts are shared with the original request.
	Request llm.Request
	// Warnings list what was changed or dropped.
	Warnings []llm.Warning
	// Whole reports whether Converse must be called although a stream was requested, because the
	// model does not support the request while streaming. StreamOf turns the response into a
	// stream.
	Whole bool
	// Headers are sent in addition to the call's own.
	Headers []llm.Label

	counts bool                         // the response contains the number of thinking tokens
	asked  bool                         // only the gateway asked for it
	tags   bool                         // the model writes reasoning into its text
	writes func() scanner               // for text into which the model may write tool calls; nil if it writes none
	names  map[string]string            // of tools: sent name to the client's name
	keys   map[string]map[string]string // by sent tool name: sent property names to the client's
	words  bool                         // JSON is requested by instruction, not by a tool
	reply  string                       // the tool whose input is the JSON response; empty if there is none
}

// Adapt adapts a request to a model. req is not changed. stream reports whether a stream was
// requested. The error is an *llm.Error that names the field.
func Adapt(m *Model, req *llm.Request, stream bool) (*Adapted, error) {
	p := &adapter{model: m, f: Adapted{Request: *req}, stream: stream}
	p.out = &p.f.Request
	p.out.ModelFields = slices.Clip(req.ModelFields)
	p.out.Extensions = slices.Clip(req.Extensions)
	p.guard()
	if err := p.adapt(); err != nil {
		return nil, err
	}
	return &p.f, nil
}

// guard applies the operator's guardrail, in place of the client's.
func (p *adapter) guard() {
	own := p.out.Guardrail
	if len(own) == 0 {
		return
	}
	const name = "guardrailConfig"
	at := slices.IndexFunc(p.out.Extensions, func(m jsonx.Member) bool { return m.Name == name })
	if at >= 0 && string(p.out.Extensions[at].Value) == string(own) { // the frontend has set it
		return
	}
	if at >= 0 {
		p.warn(llm.WarnDropped, name, "the gateway's operator has set a guardrail")
	}
	p.out.Extensions = slices.DeleteFunc(slices.Clone(p.out.Extensions), func(m jsonx.Member) bool { return m.Name == name })
	p.out.Extensions = append(p.out.Extensions, jsonx.Member{Name: name, Value: own})
}

// adapter is the state of one Adapt.
type adapter struct {
	model     *Model
	f         Adapted
	out       *llm.Request // f's
	stream    bool
	seen      contents
	own       []string  // Anthropic's built-in tools, which are sent as model fields
	thinks    bool      // a Claude is asked to think
	strictUse allowance // the used part of the limits of strict schemas
	free      bool      // the model is asked to reason in a way that excludes a forced tool choice
}

// contents summarizes what a request contains.
type contents struct {
	tools    bool // calls or results of tools
	server   bool // calls that the provider ran itself
	media    bool
	document bool
	cache    bool
	thoughts bool
	blank    bool // a blank text, or a turn or tool result without content
}

func (p *adapter) adapt() error {
	if err := p.unmapped(); err != nil {
		return err
	}
	p.look()
	p.pairs()
	p.autoCache()
	p.retention()
	p.foreign()
	p.limit()
	if err := p.reasoning(); err != nil {
		return err
	}
	if err := p.sampling(); err != nil {
		return err
	}
	if err := p.tools(); err != nil {
		return err
	}
	if err := p.format(); err != nil {
		return err
	}
	p.schemas()
	p.rename()
	p.keys()
	if err := p.choice(); err != nil {
		return err
	}
	if err := p.turns(); err != nil {
		return err
	}
	if err := p.media(); err != nil {
		return err
	}
	p.cachePoints()
	if p.elsewhere() {
		if err := p.hosted(); err != nil {
			return err
		}
		p.headers()
		p.managed()
	} else if err := p.bedrocks(); err != nil {
		return err
	}
	p.f.tags = p.model.any(tagged)
	p.f.writes = p.writes()
	return p.extensions()
}

// bedrocks adapts what other hosts have in other forms.
func (p *adapter) bedrocks() error {
	p.documents()
	if err := p.labels(); err != nil {
		return err
	}
	p.headers()
	p.managed()
	p.tier()
	p.countThoughts()
	return nil
}

// limit lowers max_tokens to what the model can write, as far as is known, for clients that take every
// model for a Claude, and ask for as much as that can write. For the others what is known, which is
// mostly from other clients' tables, is no reason to shorten a response: AWS's refusal, which names the
// limit, is one.
func (p *adapter) limit() {
	if p.model.facts == nil || !p.out.KeepMaxTokens || p.model.any(betas) {
		return
	}
	fitted, warnings := p.out.Within(p.model.facts.MaxOutput)
	p.out.MaxTokens = fitted.MaxTokens
	p.f.Warnings = append(p.f.Warnings, warnings...)
}

// foreign drops Anthropic's settings that other families refuse, and effort for Claude models that
// do not support it
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html).
func (p *adapter) foreign() {
	own, dropped := p.out.WithoutOllamas()
	p.out.ModelFields, p.f.Warnings = own.ModelFields, append(p.f.Warnings, dropped...)
	const output = "output_config"
	switch {
	case p.model.Vendor == "" || len(p.out.ModelFields) == 0:
	case !p.model.any(betas):
		for _, name := range []string{output, "context_management", "anthropic_beta", "anthropic_version"} {
			p.without(name, "only Claude models support it")
		}
	case !p.model.any(effortField) && p.model.claude() > 0:
		members, err := jsonx.Members(p.given(output))
		if err != nil || jsonx.Find(members, "effort") == nil {
			return
		}
		p.without(output, "this model does not support effort")
		if rest := slices.DeleteFunc(members, func(m jsonx.Member) bool { return m.Name == "effort" }); len(rest) > 0 {
			var w jsonx.Writer
			w.Object()
			w.Members(rest)
			w.EndObject()
			p.field(output, string(w.Buf))
		}
	}
}

// without drops a model field, if it is set.
func (p *adapter) without(name, detail string) {
	if p.given(name) == nil {
		return
	}
	p.out.ModelFields = slices.DeleteFunc(slices.Clone(p.out.ModelFields), func(m jsonx.Member) bool { return m.Name == name })
	p.warn(llm.WarnDropped, name, detail)
}

// tier drops a tier that AWS does not have (ServiceTierType in its service model), such as OpenAI's
// scale.
func (p *adapter) tier() {
	switch p.out.ServiceTier {
	case "", "default", "priority", "flex", "reserved":
	default:
		p.warn(llm.WarnDropped, p.name(llm.FieldServiceTier), "Bedrock has no service tier "+strconv.Quote(p.out.ServiceTier))
		p.out.ServiceTier = ""
	}
}

// look fills p.seen.
func (p *adapter) look() {
	s := &p.seen
	for i := range p.out.System {
		s.cache = s.cache || p.out.System[i].Kind == llm.BlockCachePoint
		s.blank = s.blank || isBlank(&p.out.System[i])
	}
	for i := range p.out.Tools {
		s.cache = s.cache || p.out.Tools[i].Cache != nil
	}
	for i := range p.out.Turns {
		blocks := p.out.Turns[i].Blocks
		s.blank = s.blank || len(blocks) == 0
		for j := range blocks {
			s.block(&blocks[j])
		}
	}
}

func (s *contents) block(b *llm.Block) {
	switch b.Kind {
	case llm.BlockText:
		s.blank = s.blank || isBlank(b)
	case llm.BlockToolUse:
		s.tools = true
		s.server = s.server || b.ToolUse.Type == llm.ServerSide
	case llm.BlockToolResult:
		s.tools = true
		s.blank = s.blank || len(b.ToolResult.Content) == 0
		for k := range b.ToolResult.Content {
			if len(b.ToolResult.Content[k].JSON) == 0 {
				s.block(&b.ToolResult.Content[k].Block)
			}
		}
	case llm.BlockDocument:
		s.media, s.document = true, true
	case llm.BlockImage, llm.BlockAudio, llm.BlockVideo:
		s.media = true
	case llm.BlockReasoning, llm.BlockRedacted:
		s.thoughts = true
	case llm.BlockCachePoint:
		s.cache = true
	case llm.BlockOther:
	}
}

func (p *adapter) warn(code, field, detail string) {
	p.f.Warnings = append(p.f.Warnings, llm.Warning{Code: code, Field: field, Detail: detail})
}

// refuse handles an unsupported field whose absence changes the meaning: it returns an error, or
// under drop_params warns.
func (p *adapter) refuse(field, format string, args ...any) error {
	return p.out.Refuse(p.warn, field, format, args...)
}

// refuseKind is refuse for a field whose name, in the client's words, is the first argument of
// format.
func (p *adapter) refuseKind(kind llm.FieldKind, format string, args ...any) error {
	return p.refuse(p.name(kind), format, append([]any{p.name(kind)}, args...)...)
}

// named is the client's name for a field.
func (p *adapter) named(f llm.Field) string { return p.out.FieldName(f) }

// name is named for a field without a position.
func (p *adapter) name(kind llm.FieldKind) string { return p.named(llm.Field{Kind: kind}) }

// field adds a model field, unless the client set one of that name.
func (p *adapter) field(name, value string) {
	if p.given(name) == nil {
		p.out.ModelFields = append(p.out.ModelFields, jsonx.Member{Name: name, Value: jsonx.Raw(value)})
	}
}

// given is the model field of a name; nil if it is not set.
func (p *adapter) given(name string) jsonx.Raw {
	return jsonx.Find(p.out.ModelFields, name)
}

// extension is the Converse member of a name that the client set; nil if there is none.
func (p *adapter) extension(name string) jsonx.Raw {
	return jsonx.Find(p.out.Extensions, name)
}
