package catalog

import (
	"fmt"
	"strings"
	"time"

	"outcrop/catalog/schema"
	"outcrop/llm"
)

// Model is what is known of a model. It is immutable. An unknown fact is 0, empty, unset or the zero
// time.
type Model struct {
	// ID is the model's id at its provider, and Name the name for people.
	ID, Name string
	Kind     Kind
	// Context is the size of the window; MaxInput is the most that a prompt and MaxOutput the most that
	// a response may have. All are in tokens.
	Context, MaxInput, MaxOutput int64
	// Dimensions is the length of an embedding.
	Dimensions int64
	// Input and Output are modalities: text, image, document, audio, video.
	Input, Output []string
	// Tools, Schema, Reasoning and Cache are whether the model takes tools and a JSON schema for its
	// response, reasons, and has a cache of prompts.
	Tools, Schema, Reasoning, Cache llm.Opt[bool]
	// ResponsesOnly is whether OpenAI's Responses API serves the model and chat completions do not.
	ResponsesOnly llm.Opt[bool]
	// EndOfLife is the day of the model's retirement, and Successor the model to move to.
	EndOfLife time.Time
	Successor string
	// Prices are the prices of tokens and searches; nil if none is known.
	Prices *llm.Prices
	// Units are the prices of other things, by a name of schema.UnitNames.
	Units map[string]llm.Cost

	source *Source
	others map[string]*Source // by fact
}

// Kind is what a model is for: one of schema.Kinds.
type Kind string

// Kinds that the gateway serves.
const (
	KindChat      Kind = "chat"
	KindEmbedding Kind = "embedding"
	KindRerank    Kind = "rerank"
)

// Verb is what calls of the model are for; 0 if that is unknown or not served.
func (m *Model) Verb() llm.Verb {
	switch m.Kind {
	case KindChat:
		return llm.VerbChat
	case KindEmbedding:
		return llm.VerbEmbed
	case KindRerank:
		return llm.VerbRerank
	default:
		return 0
	}
}

// Limit is the most tokens that a prompt may have, as far as is known: the prompt's own limit, else the
// window; 0 if neither is known.
func (m *Model) Limit() int64 {
	if m.MaxInput > 0 {
		return m.MaxInput
	}
	return m.Context
}

// Source returns where a fact comes from, by its name in the files; prices and units are one fact each.
func (m *Model) Source(fact string) *Source {
	if s := m.others[fact]; s != nil {
		return s
	}
	return m.source
}

// model makes a model of a row that is not an alias.
func model(row *schema.Model, sources map[string]*Source) (*Model, error) {
	m := &Model{
		ID: row.ID, Name: row.Name, Kind: Kind(row.Kind), Context: row.Context, MaxInput: row.MaxInput, MaxOutput: row.MaxOutput,
		Dimensions: row.Dimensions, Input: strings.Fields(row.Input), Output: strings.Fields(row.Output),
		Tools: flag(row.Tools), Schema: flag(row.Schema), Reasoning: flag(row.Reasoning), Cache: flag(row.Cache), ResponsesOnly: flag(row.ResponsesOnly), Successor: row.Successor,
	}
	if row.EndOfLife != "" {
		m.EndOfLife, _ = time.Parse(time.DateOnly, row.EndOfLife) // Check has parsed it
	}
	if m.source = sources[row.By]; m.source == nil {
		return nil, fmt.Errorf("%s: there is no source %q", row.ID, row.By)
	}
	for key, facts := range row.Also {
		s := sources[key]
		if s == nil {
			return nil, fmt.Errorf("%s: there is no source %q", row.ID, key)
		}
		if m.others == nil {
			m.others = map[string]*Source{}
		}
		for fact := range strings.FieldsSeq(facts) {
			m.others[fact] = s
		}
	}
	m.price(row)
	return m, nil
}

func (m *Model) price(row *schema.Model) {
	query, priced := row.Units["query"]
	image, imaged := row.Units["outputImage"]
	if len(row.Prices) > 0 || priced || imaged {
		m.Prices = &llm.Prices{Query: llm.Opt[llm.Cost]{Value: llm.Cost(query), Set: priced}, Image: llm.Opt[llm.Cost]{Value: llm.Cost(image), Set: imaged}}
	}
	for i := range row.Prices {
		r := &row.Prices[i]
		m.Prices.Rates = append(m.Prices.Rates, llm.Rates{
			Tier: r.Tier, Above: r.Above, Input: cost(r.Input), Output: cost(r.Output), CacheRead: cost(r.CacheRead), CacheWrite: cost(r.CacheWrite),
			CacheWrite1h: cost(r.CacheWrite1h), Reasoning: cost(r.Reasoning), AudioInput: cost(r.AudioInput), AudioOutput: cost(r.AudioOutput),
			ImageInput: cost(r.ImageInput), ImageOutput: cost(r.ImageOutput),
		})
	}
	m.priceUnits(row)
	if len(row.Units) > 0 {
		m.Units = map[string]llm.Cost{}
		for name, price := range row.Units {
			m.Units[name] = llm.Cost(price)
		}
	}
}

// priceUnits takes the prices of calls that are not billed by tokens. Tables give the price of an image that is
// made as one of the input or of the output.
func (m *Model) priceUnits(row *schema.Model) {
	unit := func(to func(p *llm.Prices) *llm.Opt[llm.Cost], names ...string) {
		for _, name := range names {
			if price, ok := row.Units[name]; ok {
				if m.Prices == nil {
					m.Prices = &llm.Prices{}
				}
				*to(m.Prices) = llm.Some(llm.Cost(price))
				return
			}
		}
	}
	switch row.Kind {
	case "image":
		unit(func(p *llm.Prices) *llm.Opt[llm.Cost] { return &p.Image }, "outputImage", "inputImage")
	case "transcription":
		unit(func(p *llm.Prices) *llm.Opt[llm.Cost] { return &p.Second }, "inputSecond", "outputSecond")
	case "speech":
		unit(func(p *llm.Prices) *llm.Opt[llm.Cost] { return &p.Character }, "inputCharacter")
	}
}

func flag(b *bool) llm.Opt[bool] {
	if b == nil {
		return llm.Opt[bool]{}
	}
	return llm.Some(*b)
}

func cost(a *schema.Amount) llm.Opt[llm.Cost] {
	if a == nil {
		return llm.Opt[llm.Cost]{}
	}
	return llm.Some(llm.Cost(*a))
}
