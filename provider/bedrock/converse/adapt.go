// Package converse fits a request to the model that Converse shall give it to, and
// the answer back to the request.
//
// What the families of models take differs: settings, tool choice, system prompts,
// where media may stand. Each difference is a trait of a row in rules.go, or a fact
// of the catalogue. Where a request asks for what the model does not take it is
// mended if its meaning is kept, with a warning that names the field; refused with
// an *llm.Error that names the field if not; and under llm.Request.DropParams what
// would be refused is left out with a warning.
package converse

import (
	"slices"
	"strconv"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Adapted is a request as its model takes it.
type Adapted struct {
	// Request is what is to be encoded. What needed no change is shared with the
	// request that was fitted.
	Request llm.Request
	// Warnings say what was changed or left out.
	Warnings []llm.Warning
	// Whole is whether Converse must be called although a stream is wanted, because
	// the model does not take the request while streaming. Tell makes a stream of
	// its answer.
	Whole bool
	// Headers are sent beside the call's own.
	Headers []llm.Label

	counts bool                         // the answer tells the tokens of thinking
	asked  bool                         // for that by the gateway alone
	tags   bool                         // the model writes thoughts into its text
	writes func() scanner               // for a text into which the model may write calls; nil if it writes none
	names  map[string]string            // of tools, as they were sent to what the caller calls them
	keys   map[string]map[string]string // by the names of tools as they were sent, their properties as they were sent to the caller's
	words  bool                         // JSON is asked for in words, and no tool gives it
	reply  string                       // the name of the tool whose input is the answer; empty if there is none
}

// Adapt fits a request to a model. req is not changed. stream is whether the answer
// is wanted as it comes. The error is an *llm.Error that names the field.
func Adapt(m *Model, req *llm.Request, stream bool) (*Adapted, error) {
	p := &adapter{model: m, f: Adapted{Request: *req}, stream: stream}
	p.out = &p.f.Request
	p.out.ModelFields = slices.Clip(req.ModelFields)
	p.out.Extensions = slices.Clip(req.Extensions)
	if err := p.adapt(); err != nil {
		return nil, err
	}
	return &p.f, nil
}

// adapter is a request on its way to being Fitted.
type adapter struct {
	model     *Model
	f         Adapted
	out       *llm.Request // f's
	stream    bool
	seen      contents
	own       []string  // tools of Anthropic's, which stand among the model's own fields
	thinks    bool      // a Claude is asked to think
	strictUse allowance // of the limits of schemas that the model is held to
	free      bool      // the model is asked to reason in a way that excludes a forced tool choice
}

// contents is what a request holds, from one look at all of it.
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
	p.look()
	p.pairs()
	p.retention()
	p.foreign()
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
	p.documents()
	if err := p.labels(); err != nil {
		return err
	}
	p.headers()
	p.managed()
	p.tier()
	p.countThoughts()
	p.f.tags = p.model.any(tagged)
	p.f.writes = p.writes()
	return p.extensions()
}

// foreign leaves out settings of Anthropic's that other families refuse, and effort
// where a Claude does not have it
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html).
func (p *adapter) foreign() {
	const output = "output_config"
	switch {
	case p.model.Vendor == "" || len(p.out.ModelFields) == 0:
	case !p.model.any(betas):
		for _, name := range []string{output, "anthropic_beta", "anthropic_version"} {
			p.without(name, "it is for Claude alone")
		}
	case !p.model.any(effortField) && p.model.claude() > 0:
		members, err := jsonx.Members(p.given(output))
		if err != nil || jsonx.Find(members, "effort") == nil {
			return
		}
		p.without(output, "the model has no effort")
		if rest := slices.DeleteFunc(members, func(m jsonx.Member) bool { return m.Name == "effort" }); len(rest) > 0 {
			var w jsonx.Writer
			w.Object()
			w.Members(rest)
			w.EndObject()
			p.field(output, string(w.Buf))
		}
	}
}

// without leaves out a setting of the model's own, if it is given.
func (p *adapter) without(name, detail string) {
	if p.given(name) == nil {
		return
	}
	p.out.ModelFields = slices.DeleteFunc(slices.Clone(p.out.ModelFields), func(m jsonx.Member) bool { return m.Name == name })
	p.warn(llm.WarnDropped, name, detail)
}

// tier leaves out a tier that is none of AWS's (ServiceTierType in its service model),
// such as OpenAI's scale.
func (p *adapter) tier() {
	switch p.out.ServiceTier {
	case "", "default", "priority", "flex", "reserved":
	default:
		p.warn(llm.WarnDropped, "service_tier", "AWS has no tier "+strconv.Quote(p.out.ServiceTier))
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

// refuse is for what the model does not take and whose absence changes the meaning:
// an error, or a warning under drop_params.
func (p *adapter) refuse(field, format string, args ...any) error {
	if p.out.DropParams {
		p.warn(llm.WarnDropped, field, "")
		return nil
	}
	e := llm.Unsupported(field, format, args...)
	e.Fix = "Leave " + field + " out, or set drop_params to drop what cannot be kept."
	return e
}

// field adds a setting of the model's own, unless the caller gave one of that name.
func (p *adapter) field(name, value string) {
	if p.given(name) == nil {
		p.out.ModelFields = append(p.out.ModelFields, jsonx.Member{Name: name, Value: jsonx.Raw(value)})
	}
}

// given is the setting of the model's own of a name; nil if there is none.
func (p *adapter) given(name string) jsonx.Raw {
	return jsonx.Find(p.out.ModelFields, name)
}

// extension is the member of Converse's of a name that the caller gave; nil if
// there is none.
func (p *adapter) extension(name string) jsonx.Raw {
	return jsonx.Find(p.out.Extensions, name)
}
