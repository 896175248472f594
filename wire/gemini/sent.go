package gemini

import (
	"bytes"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// sent is a response of generateContent, or an event of its stream. It, its candidates and their parts
// are read member by member, since a stream has them in each of its events: with structs, reading them
// costs twice as much.
type sent struct {
	Candidates []candidate
	Feedback   *feedback
	Usage      jsonx.Raw
	Model      string
	ID         string
	Error      *StatusDetail
}

// UnmarshalJSONFrom receives jsonx's decoder.
func (s *sent) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.Each(d, func(name []byte) error {
		switch string(name) {
		case "candidates":
			return jsonx.DecodeArray(d, &s.Candidates, maxParts)
		case "promptFeedback":
			return jsonx.UnmarshalDecode(d, &s.Feedback)
		case "usageMetadata":
			v, err := d.ReadValue()
			s.Usage = append(s.Usage[:0], v...)
			return err
		case "modelVersion":
			return jsonx.Text(d, &s.Model)
		case "responseId":
			return jsonx.Text(d, &s.ID)
		case "error":
			return jsonx.UnmarshalDecode(d, &s.Error)
		default:
			return d.SkipValue()
		}
	})
}

// decode reads an event.
func (s *sent) decode(data []byte) error {
	if s.plain(data) {
		return nil
	}
	s.forget() // what was read before something unusual
	return jsonx.Unmarshal(data, s)
}

// plain reads an event of text, which nearly all events of a stream are, and reports whether data is one.
// What it reads is what UnmarshalJSONFrom reads of such an event, in less than half the time.
func (s *sent) plain(data []byte) bool {
	p := jsonx.NewPlain(data)
	p.Object(func(name []byte) {
		switch string(name) {
		case "candidates":
			jsonx.PlainArray(&p, &s.Candidates, maxParts, func(c *candidate) { c.plain(&p) })
		case "usageMetadata":
			p.Keep(&s.Usage)
		case "modelVersion":
			p.Text(&s.Model)
		case "responseId":
			p.Text(&s.ID)
		case "promptFeedback", "error":
			p.GiveUp()
		default:
			p.Value()
		}
	})
	return p.Done()
}

// keptParts is how many parts of a candidate have memory that is used again.
const keptParts = 64

// forget gives up what an event had, and keeps the memory of its lists for the next one, if it is small.
func (s *sent) forget() {
	for i := range s.Candidates {
		c := &s.Candidates[i]
		if clear(c.Parts); cap(c.Parts) > keptParts {
			c.Parts = nil
		}
		c.Reset()
	}
	// The model and the id stay, since each event repeats them.
	*s = sent{Candidates: s.Candidates[:0], Usage: s.Usage[:0], Model: s.Model, ID: s.ID}
}

type candidate struct {
	Parts     []sentPart // of its content
	Finish    string
	Message   string
	Index     int64
	Grounding jsonx.Raw
	Citations jsonx.Raw
	Safety    jsonx.Raw
	URLs      jsonx.Raw
	Logprobs  jsonx.Raw
}

// Reset empties a candidate; its memory is used again.
func (c *candidate) Reset() { *c = candidate{Parts: c.Parts[:0]} }

// UnmarshalJSONFrom receives jsonx's decoder.
func (c *candidate) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.Each(d, func(name []byte) error {
		switch string(name) {
		case "content":
			return jsonx.Each(d, func(name []byte) error {
				if string(name) != "parts" {
					return d.SkipValue()
				}
				return jsonx.DecodeArray(d, &c.Parts, maxParts+1) // more are an error of Append
			})
		case "finishReason":
			return jsonx.Text(d, &c.Finish)
		case "finishMessage":
			return jsonx.Text(d, &c.Message)
		case "index":
			return jsonx.Int(d, &c.Index)
		case "groundingMetadata":
			return jsonx.Keep(d, &c.Grounding)
		case "citationMetadata":
			return jsonx.Keep(d, &c.Citations)
		case "safetyRatings":
			return jsonx.Keep(d, &c.Safety)
		case "urlContextMetadata":
			return jsonx.Keep(d, &c.URLs)
		case "logprobsResult":
			return jsonx.Keep(d, &c.Logprobs)
		default:
			return d.SkipValue()
		}
	})
}

// plain reads a candidate as sent.plain reads an event.
func (c *candidate) plain(p *jsonx.Plain) {
	p.Object(func(name []byte) {
		switch string(name) {
		case "content":
			p.Object(func(name []byte) {
				if string(name) != "parts" {
					p.Value()
					return
				}
				jsonx.PlainArray(p, &c.Parts, maxParts+1, func(part *sentPart) { part.plain(p) })
			})
		case "finishReason":
			p.Text(&c.Finish)
		case "index":
			p.Int(&c.Index)
		case "safetyRatings": // which some models repeat in each event
			p.Keep(&c.Safety)
		case "finishMessage", "groundingMetadata", "citationMetadata", "urlContextMetadata", "logprobsResult":
			p.GiveUp()
		default:
			p.Value()
		}
	})
}

// sentPart is a part of a response.
type sentPart struct {
	part
	text string // what Text points to, so that it needs no memory of its own
}

// UnmarshalJSONFrom receives jsonx's decoder.
func (p *sentPart) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.Each(d, func(name []byte) error {
		switch string(name) {
		case "text":
			if d.PeekKind() == 'n' {
				return d.SkipValue()
			}
			p.Text = &p.text
			return jsonx.Text(d, p.Text)
		case "thought":
			return jsonx.UnmarshalDecode(d, &p.Thought)
		case "thoughtSignature":
			return jsonx.Text(d, &p.Signature)
		case "inlineData":
			return jsonx.UnmarshalDecode(d, &p.InlineData)
		case "functionCall":
			return jsonx.UnmarshalDecode(d, &p.Call)
		case "executableCode":
			return jsonx.Keep(d, &p.Code)
		case "codeExecutionResult":
			return jsonx.Keep(d, &p.CodeDone)
		case "fileData":
			return jsonx.Keep(d, &p.File)
		case "toolCall":
			return jsonx.Keep(d, &p.ToolCall)
		case "toolResponse":
			return jsonx.Keep(d, &p.ToolDone)
		default:
			return d.SkipValue()
		}
	})
}

// plain reads a part with text as sent.plain reads an event.
func (p *sentPart) plain(from *jsonx.Plain) {
	from.Object(func(name []byte) {
		switch string(name) {
		case "text":
			p.Text = &p.text
			from.Text(p.Text)
		case "thought":
			from.Bool(&p.Thought)
		case "thoughtSignature":
			from.Text(&p.Signature)
		default: // another kind of part
			from.GiveUp()
		}
	})
}

// DecodeUsage reads usageMetadata (https://ai.google.dev/api/generate-content#UsageMetadata). Google
// counts cached tokens as part of the prompt, and thoughts apart from the answer.
func DecodeUsage(usage jsonx.Raw) (llm.Usage, error) {
	var r usageReader
	if !r.plain(usage) {
		r = usageReader{}
		if err := jsonx.Unmarshal(usage, &r); err != nil {
			return llm.Usage{}, err
		}
	}
	u := &r.usage
	u.Input, u.Output = r.prompt+r.toolUse, r.candidates
	if r.cached.Set {
		u.CacheRead = llm.Some(max(0, r.cached.Value))
		u.Input = max(0, u.Input-r.cached.Value)
	}
	if r.thoughts.Set {
		u.Reasoning = llm.Some(max(0, r.thoughts.Value))
		u.Output += r.thoughts.Value
	}
	if u.Total == 0 {
		u.Total = u.Prompt() + u.Output
	}
	return *u, nil
}

// usageReader reads usageMetadata, which each event of a stream has, member by member.
type usageReader struct {
	usage                       llm.Usage
	prompt, toolUse, candidates int64
	cached, thoughts            llm.Opt[int64]
}

// UnmarshalJSONFrom receives jsonx's decoder.
func (r *usageReader) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	return jsonx.Each(d, func(name []byte) error {
		switch string(name) {
		case "promptTokenCount":
			return jsonx.Int(d, &r.prompt)
		case "candidatesTokenCount":
			return jsonx.Int(d, &r.candidates)
		case "toolUsePromptTokenCount":
			return jsonx.Int(d, &r.toolUse)
		case "totalTokenCount":
			return jsonx.Int(d, &r.usage.Total)
		case "thoughtsTokenCount":
			return llm.ReadCount(d, &r.thoughts)
		case "cachedContentTokenCount":
			return llm.ReadCount(d, &r.cached)
		}
		value, err := d.ReadValue()
		if err == nil {
			r.other(name, value)
		}
		return err
	})
}

// plain reads usageMetadata as sent.plain reads an event.
func (r *usageReader) plain(usage []byte) bool {
	p := jsonx.NewPlain(usage)
	count := func(to *llm.Opt[int64]) {
		to.Set = true
		p.Int(&to.Value)
	}
	p.Object(func(name []byte) {
		switch string(name) {
		case "promptTokenCount":
			p.Int(&r.prompt)
		case "candidatesTokenCount":
			p.Int(&r.candidates)
		case "toolUsePromptTokenCount":
			p.Int(&r.toolUse)
		case "totalTokenCount":
			p.Int(&r.usage.Total)
		case "thoughtsTokenCount":
			count(&r.thoughts)
		case "cachedContentTokenCount":
			count(&r.cached)
		default:
			r.other(name, p.Value())
		}
	})
	return p.Done()
}

// other keeps a member that is no count of all tokens.
func (r *usageReader) other(name []byte, value jsonx.Raw) {
	if !has(value) {
		return
	}
	u := &r.usage
	switch string(name) {
	case "promptTokensDetails":
		u.AudioInput, u.ImageInput = tokensOf(value, "AUDIO"), tokensOf(value, "IMAGE")
	case "candidatesTokensDetails":
		u.AudioOutput, u.ImageOutput = tokensOf(value, "AUDIO"), tokensOf(value, "IMAGE")
	}
	u.Extra = append(u.Extra, jsonx.Member{Name: string(name), Value: value.Clone()})
}

// tokensOf is the number of tokens of a modality in a list of numbers by modality; unset if it has none.
func tokensOf(details jsonx.Raw, modality string) llm.Opt[int64] {
	if !bytes.Contains(details, []byte(modality)) { // most are of texts
		return llm.Opt[int64]{}
	}
	var list []struct {
		Modality string    `json:"modality"`
		Tokens   int64     `json:"tokenCount"`
		Rest     jsonx.Raw `json:",embed"`
	}
	if jsonx.Unmarshal(details, &list) != nil { // the client gets it as it is
		return llm.Opt[int64]{}
	}
	for _, d := range list {
		if d.Modality == modality {
			return llm.Some(max(0, d.Tokens))
		}
	}
	return llm.Opt[int64]{}
}
