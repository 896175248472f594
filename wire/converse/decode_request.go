package converse

import (
	"math"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// DecodeRequest reads the body of a Converse or ConverseStream request as strictly as AWS's service
// model requires: unknown members, wrong types, unions with other than one member, missing members
// and values out of range are errors. An error is a *jsonx.Error whose Path names the field as the
// body does. Model and Stream are part of the URL and stay empty.
//
// guardrailConfig, performanceConfig, requestMetadata, promptVariables,
// additionalModelResponseFieldPaths and outputConfig without its textFormat become Extensions;
// additionalModelRequestFields become ModelFields.
func DecodeRequest(body []byte) (*llm.Request, error) {
	if err := conforms(body); err != nil {
		return nil, err
	}
	r := &llm.Request{}
	if err := decode(body, func(s *source) { s.request(r) }); err != nil {
		return nil, err
	}
	return r, nil
}

func (s *source) request(r *llm.Request) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		switch string(name) {
		case "messages":
			s.open('[')
			for s.element() {
				r.Turns = append(r.Turns, s.turn())
			}
		case "system":
			r.System = s.blocks(math.MaxInt)
		case "inferenceConfig":
			s.inferenceConfig(r)
		case "toolConfig":
			s.toolConfig(r)
		case "outputConfig":
			s.outputConfig(r)
		case "serviceTier":
			s.serviceTier(&r.ServiceTier, &r.Extensions)
		case "additionalModelRequestFields":
			r.ModelFields = s.members()
		default:
			r.Extensions = append(r.Extensions, s.rest(name))
		}
	}
}

func (s *source) turn() (t llm.Turn) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return t
		}
		switch string(name) {
		case "role":
			t.Role = llm.Role(s.text())
		case "content":
			t.Blocks = s.blocks(math.MaxInt)
		default:
			s.skip()
		}
	}
}

func (s *source) inferenceConfig(r *llm.Request) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		switch string(name) {
		case "maxTokens":
			r.MaxTokens = llm.Some(s.integer())
		case "temperature":
			r.Temperature = llm.Some(s.number())
		case "topP":
			r.TopP = llm.Some(s.number())
		case "stopSequences":
			s.open('[')
			for s.element() {
				r.Stop = append(r.Stop, s.text())
			}
		default:
			s.skip()
		}
	}
}

func (s *source) toolConfig(r *llm.Request) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		switch string(name) {
		case "tools":
			s.open('[')
			for s.element() {
				s.tool(r)
			}
		case "toolChoice":
			s.toolChoice(&r.ToolChoice)
		default:
			s.skip()
		}
	}
}

// tool reads one member of tools. A cache point belongs to the tool before it; without such a tool
// it becomes an entry of its own.
func (s *source) tool(r *llm.Request) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		last := len(r.Tools) - 1
		switch {
		case string(name) == "toolSpec":
			r.Tools = append(r.Tools, s.toolSpec())
		case string(name) == "cachePoint" && last >= 0 && r.Tools[last].Cache == nil:
			var unknown []jsonx.Member
			r.Tools[last].Cache = s.cachePoint(&unknown)
		default:
			other := s.rest(name)
			r.Tools = append(r.Tools, llm.Tool{Other: &other})
		}
	}
}

func (s *source) toolSpec() (t llm.Tool) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return t
		}
		switch string(name) {
		case "name":
			t.Name = s.text()
		case "description":
			t.Description = s.text()
		case "strict":
			t.Strict = llm.Some(s.boolean())
		case "inputSchema":
			for _, m := range s.members() {
				if m.Name == "json" {
					t.Schema = m.Value
				}
			}
			if t.Schema.Kind() != '{' {
				s.failf("json must be an object")
			}
		default:
			s.skip()
		}
	}
}

func (s *source) toolChoice(choice *llm.ToolChoice) {
	for _, m := range s.members() {
		switch m.Name {
		case "auto":
			choice.Kind = llm.ToolChoiceAuto
		case "any":
			choice.Kind = llm.ToolChoiceAny
		case "tool":
			choice.Kind = llm.ToolChoiceNamed
			tool, _ := jsonx.Members(m.Value) // known to be an object
			for _, inner := range tool {
				plain(inner.Value, &choice.Name)
			}
		}
	}
}

// outputConfig reads the schema of the response; its other members become an extension.
func (s *source) outputConfig(r *llm.Request) {
	w := jsonx.Writer{}
	s.open('{')
	w.Object()
	empty := true
	for {
		name, ok := s.member()
		if !ok {
			break
		}
		if string(name) == "textFormat" {
			s.textFormat(r)
			continue
		}
		kept := s.rest(name)
		w.AnyKey(kept.Name)
		w.Raw(kept.Value)
		empty = false
	}
	w.EndObject()
	if !empty {
		r.Extensions = append(r.Extensions, jsonx.Member{Name: "outputConfig", Value: w.Buf})
	}
}

func (s *source) textFormat(r *llm.Request) {
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return
		}
		if string(name) != "structure" {
			s.skip()
			continue
		}
		s.open('{')
		for {
			name, ok := s.member()
			if !ok {
				break
			}
			if string(name) == "jsonSchema" {
				r.Format = s.jsonSchema()
				continue
			}
			s.skip()
		}
	}
}

func (s *source) jsonSchema() *llm.Format {
	f := &llm.Format{}
	s.open('{')
	for {
		name, ok := s.member()
		if !ok {
			return f
		}
		switch string(name) {
		case "schema":
			if f.Schema = jsonx.Raw(s.text()); s.err == nil && !jsonx.Valid(f.Schema) {
				s.failf("must be a JSON schema, written as a string")
			}
		case "name":
			f.Name = s.text()
		case "description":
			f.Description = s.text()
		default:
			s.skip()
		}
	}
}
