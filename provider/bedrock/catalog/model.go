package catalog

import (
	"strings"
	"time"

	"outcrop/llm"
	"outcrop/provider/bedrock/endpoint"
)

// Model is what is known about a foundation model. It is immutable. An unknown fact is Unknown, 0,
// empty, or the zero time.
type Model struct {
	// ID is the base id, such as anthropic.claude-sonnet-4-5-20250929-v1:0.
	ID string
	// Name is the display name, such as Claude Sonnet 4.5.
	Name string
	// Vendor is the first segment of the id.
	Vendor string
	// Family is the group of models that are called in the same way, such as
	// claude, nova, nova-2 or llama.
	Family string
	Kind   Kind

	// Converse, Invoke and OpenAI are the APIs of bedrock-runtime: Converse and
	// ConverseStream, InvokeModel and its stream, and the OpenAI API under
	// /openai/v1. OpenAIResponses is whether the latter has Responses for the model,
	// beside chat completions.
	Converse, Invoke, OpenAI, OpenAIResponses Known
	// Mantle is the host bedrock-mantle. Its ID is empty if the model is not known
	// to be there.
	Mantle Mantle

	// Context is the size of the window, and MaxOutput the most that an answer can
	// have, in tokens.
	Context, MaxOutput int64
	// Input is what the model accepts and Output what it generates.
	Input, Output Modality

	System           Known // a system prompt is accepted
	Streaming        Known
	Tools            Known
	StreamTools      Known // tools are accepted by ConverseStream
	StructuredOutput Known // a JSON schema for the answer is accepted

	Reasoning Reasoning
	Cache     Cache
	Lifecycle Lifecycle

	onDemand []onDemand              // sorted by place
	seen     map[string]sight        // by region, what the live lists say
	access   map[string]Availability // by region
	atMantle map[string]bool         // by region, whether the live list of bedrock-mantle has the model
	prices   []Price                 // the default price first if there is one, then by profile and regions
	credits  []credit                // sorted by source
}

// onDemand is whether the bare id can be called in a region, or in all other regions of a partition.
type onDemand struct {
	place string
	can   bool
}

// credit has the names of the facts that one source states, separated by spaces.
type credit struct {
	source *Source
	facts  string
}

// Kind is what a model is for.
type Kind string

// Kinds. Text models complete a prompt and have no conversation.
const (
	KindUnknown   Kind = ""
	KindChat      Kind = "chat"
	KindText      Kind = "text"
	KindEmbedding Kind = "embedding"
	KindRerank    Kind = "rerank"
	KindImage     Kind = "image"
	KindVideo     Kind = "video"
	KindSpeech    Kind = "speech"
)

// Mantle describes a model on bedrock-mantle
// (https://docs.aws.amazon.com/bedrock/latest/userguide/bedrock-mantle.html).
type Mantle struct {
	// ID is the model's id there, which may differ from that on bedrock-runtime.
	ID string
	// Chat, Responses and Messages are OpenAI's two APIs and Anthropic's.
	Chat, Responses, Messages Known
	// ResponsesBase is the path in front of /responses, /v1 or /openai/v1.
	ResponsesBase string
	// In are the regions that are known to have it there, sorted. Each region's host has models of its own, and
	// no table has them all, so others may have it too.
	In []string
}

// Reasoning describes a model's reasoning settings.
type Reasoning struct {
	Supported Known
	Style     Style
	// Efforts are the accepted values, lowest first.
	Efforts []string
	// MinimumBudget is the least thinking budget in tokens.
	MinimumBudget int64
	// Always reports whether reasoning cannot be disabled.
	Always Known
}

// Style is the form of the setting for reasoning in Converse's
// additionalModelRequestFields.
type Style string

// Styles.
const (
	StyleUnknown Style = ""
	// StyleBudget is {"thinking":{"type":"enabled","budget_tokens":n}}: Claude up
	// to 4.5.
	StyleBudget Style = "budget"
	// StyleAdaptive is {"thinking":{"type":"adaptive"},"output_config":{"effort":e}}:
	// Claude from 4.6 on.
	StyleAdaptive Style = "adaptive"
	// StyleReasoningConfig is {"reasoningConfig":{"type":"enabled",
	// "maxReasoningEffort":e}}: Nova 2.
	StyleReasoningConfig Style = "reasoningConfig"
	// StyleEffort is {"reasoning_effort":e}: gpt-oss, Kimi.
	StyleEffort Style = "reasoning_effort"
	// StyleQwen is {"reasoning_config":e}: Qwen 3.
	StyleQwen Style = "reasoning_config"
	// StyleOpenAI is {"reasoning":{"effort":e}}: GPT-5 and later.
	StyleOpenAI Style = "reasoning"
	// StyleTags means no setting: the text may contain reasoning between <thinking> tags. Nova 1.
	StyleTags Style = "tags"
	// StyleNone means no setting, because the model always reasons: DeepSeek R1.
	StyleNone Style = "none"
)

// Cache is a model's prompt cache
// (https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html).
type Cache struct {
	Supported Known
	// Minimum is the least number of tokens before a cache point that are cached.
	Minimum int64
	// FiveMinutes and OneHour report which times to live are supported.
	FiveMinutes, OneHour Known
}

// Lifecycle has the days of a model's life on Bedrock
// (https://docs.aws.amazon.com/bedrock/latest/userguide/model-lifecycle.html), as
// midnight UTC unless a live list has the time.
type Lifecycle struct {
	// Launched is the launch day: AWS's startOfLifeTime where a live list gave it, else the day on
	// which its maker released it.
	Launched Moment
	// Legacy is since when it is legacy, and EndOfLife is its last day or the day
	// after: AWS says that calls fail on or shortly after that day.
	Legacy, EndOfLife Moment
	// Ended is Yes if a source says that the model is retired without naming the day.
	Ended Known
	// Successor is the base id of the model that a source recommends moving to.
	Successor string
	// Status is AWS's value, ACTIVE or LEGACY; empty unless the model is in a live list.
	Status string
}

// IsLegacy reports whether the model is legacy at a time; Unknown if neither a live list nor a day
// tells.
func (l *Lifecycle) IsLegacy(at time.Time) Known {
	switch {
	case l.Status == "LEGACY":
		return Yes
	case !l.Legacy.IsZero() && !at.Before(l.Legacy.Time()), l.HasEnded(at):
		return Yes
	case l.Status == "ACTIVE", !l.Legacy.IsZero():
		return No
	}
	return Unknown
}

// HasEnded reports whether a source says that the model is retired at a time. A model in a live
// list is not retired before the day in that list.
func (l *Lifecycle) HasEnded(at time.Time) bool {
	return l.Ended == Yes && l.Status == "" || !l.EndOfLife.IsZero() && !at.Before(l.EndOfLife.Time())
}

// sight is what the live lists of a region say about a model.
type sight struct {
	listed   bool
	onDemand bool
}

// OnDemand reports whether the bare id can be called in a region. A live list of the region takes
// precedence.
func (m *Model) OnDemand(region string) Known {
	if s, ok := m.seen[region]; ok {
		return known(s.listed && s.onDemand)
	}
	if len(m.onDemand) == 0 {
		return Unknown
	}
	if can := m.onDemandAt(region); can != Unknown {
		return can
	}
	return m.onDemandAt(endpoint.PartitionOf(region).ID)
}

// onDemandAt is what the data says about a region or partition.
func (m *Model) onDemandAt(place string) Known {
	for i := range m.onDemand {
		if m.onDemand[i].place == place {
			return known(m.onDemand[i].can)
		}
	}
	return Unknown
}

// In reports whether a region lists the model, for on-demand calls or through profiles.
func (m *Model) In(region string) Known {
	if s, ok := m.seen[region]; ok {
		return known(s.listed)
	}
	if m.onDemandAt(region) == Yes {
		return Yes
	}
	return Unknown
}

// Availability returns what AWS reported about the account's access to the model in a region; unset
// if it was not looked up.
func (m *Model) Availability(region string) llm.Opt[Availability] {
	a, ok := m.access[region]
	return llm.Opt[Availability]{Value: a, Set: ok}
}

// Source returns the source of a fact by its name in the data files (name, family, context,
// maxOutput, input, tools, ...), nil where the fact is unknown or comes from a live list. Prices
// have sources of their own.
func (m *Model) Source(fact string) *Source {
	for _, c := range m.credits {
		for name := range strings.FieldsSeq(c.facts) {
			if name == fact {
				return c.source
			}
		}
	}
	return nil
}

// vendorOf is the first segment of a base id, if that can be a vendor: letters
// and digits. It is empty for an id such as rerank-v4.0-fast.
func vendorOf(base string) string {
	vendor, _, ok := strings.Cut(base, ".")
	if !ok || strings.Trim(vendor, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return ""
	}
	return vendor
}
