// Package schema defines the form of the catalogue's data files. The catalogue reads
// and the refresher writes them by these types, with fields in the order of the
// declarations.
//
// There are three kinds of file: sources.json lists the sources of facts, profiles.json
// lists inference profiles, and every other file has the models of one vendor. Lists
// are sorted by id. A fact that no source states is absent; an absent boolean is
// neither true nor false.
package schema

// Sources is the file sources.json.
type Sources struct {
	Sources []Source `json:"sources"`
	// Regions are the regions of AWS in which Bedrock has endpoints, sorted.
	Regions Regions `json:"regions"`
}

// Regions is a list of regions and its source.
type Regions struct {
	By    string   `json:"by"`
	Names []string `json:"names"`
}

// Models is the file of a vendor.
type Models struct {
	Models []Model `json:"models"`
}

// Model has the facts about a foundation model.
type Model struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Family string `json:"family"`
	// Kind is chat, text, embedding, rerank, image, video or speech.
	Kind string `json:"kind"`

	Converse *bool `json:"converse"`
	Invoke   *bool `json:"invoke"`
	// OpenAI reports support of the OpenAI API of bedrock-runtime.
	OpenAI *bool `json:"openai"`
	// OpenAIResponses reports whether that API has Responses for the model, beside chat completions.
	OpenAIResponses *bool   `json:"openaiResponses"`
	Mantle          *Mantle `json:"mantle"`

	// Context and MaxOutput are in tokens.
	Context   int64 `json:"context"`
	MaxOutput int64 `json:"maxOutput"`
	// Input and Output are modalities: text, image, document, audio, video, speech,
	// embedding.
	Input  []string `json:"input"`
	Output []string `json:"output"`

	System           *bool `json:"system"`
	Streaming        *bool `json:"streaming"`
	Tools            *bool `json:"tools"`
	StreamTools      *bool `json:"streamTools"`
	StructuredOutput *bool `json:"structuredOutput"`

	Reasoning *Reasoning `json:"reasoning"`
	Cache     *Cache     `json:"cache"`

	// OnDemand reports whether the bare id can be called, by region, or by partition
	// (aws, aws-us-gov) for all its other regions.
	OnDemand map[string]bool `json:"onDemand"`

	// Dates, such as 2026-11-10.
	Released  string `json:"released"`
	Legacy    string `json:"legacy"`
	EndOfLife string `json:"endOfLife"`
	// Ended is for a model that a source reports as ended without naming the day.
	Ended *bool `json:"ended"`
	// Successor is the base id of the model to move to.
	Successor string `json:"successor"`

	// By maps each source to its facts: their names as above, separated by spaces. Every
	// fact except id and prices has one source.
	By map[string]string `json:"by"`

	Prices []Price `json:"prices"`
}

// Mantle has the facts about a model at the host bedrock-mantle.
type Mantle struct {
	// ID is the model's id there.
	ID        string `json:"id"`
	Chat      *bool  `json:"chat"`
	Responses *bool  `json:"responses"`
	Messages  *bool  `json:"messages"`
	// ResponsesBase is the path before /responses: /v1 or /openai/v1.
	ResponsesBase string `json:"responsesBase"`
	// In are the regions in which the host is known to have the model, sorted. Others may have it too.
	In []string `json:"in"`
}

// Reasoning is how a model's reasoning is configured.
type Reasoning struct {
	Supported *bool `json:"supported"`
	// Style is the form of the setting; see the catalogue's Style constants.
	Style string `json:"style"`
	// Efforts are the accepted words for effort, the least first.
	Efforts []string `json:"efforts"`
	// MinimumBudget is the least budget in tokens.
	MinimumBudget int64 `json:"minimumBudget"`
	// Always reports whether the model always reasons, whatever the setting.
	Always *bool `json:"always"`
}

// Cache is a model's prompt cache.
type Cache struct {
	Supported *bool `json:"supported"`
	// Minimum is the least number of tokens before a cache point that are cached.
	Minimum int64 `json:"minimum"`
	// TTLs are the supported times to live: 5m, 1h.
	TTLs []string `json:"ttls"`
}

// Price is the price of a model for one place: through the profile of a geography, in
// some regions, or, with neither, in any other region.
type Price struct {
	Profile string   `json:"profile"`
	Regions []string `json:"regions"`

	Standard *Rates `json:"standard"`
	// Long is for prompts of more than LongAbove tokens; it then applies to every token
	// of the call.
	LongAbove int64  `json:"longAbove"`
	Long      *Rates `json:"long"`
	Batch     *Rates `json:"batch"`
	Flex      *Rates `json:"flex"`
	Priority  *Rates `json:"priority"`

	// Units has the prices of everything not billed by tokens.
	Units *Units `json:"units"`
}

// Rates are prices of tokens.
type Rates struct {
	By           string  `json:"by"`
	Input        *Amount `json:"input"`
	Output       *Amount `json:"output"`
	CacheRead    *Amount `json:"cacheRead"`
	CacheWrite   *Amount `json:"cacheWrite"`
	CacheWrite1h *Amount `json:"cacheWrite1h"`
	// By1h is the source of CacheWrite1h if it differs.
	By1h string `json:"by1h"`
}

// Units are prices other than for tokens.
type Units struct {
	By    string   `json:"by"`
	Image *Dollars `json:"image"` // one image
	Query *Dollars `json:"query"` // one query of a reranker
}

// Profiles is the file profiles.json.
type Profiles struct {
	Profiles    []Profile   `json:"profiles"`
	Geographies []Geography `json:"geographies"`
}

// Profile is an inference profile that AWS defines.
type Profile struct {
	// ID is a geography's prefix, a dot, and the model's base id.
	ID string `json:"id"`
	By string `json:"by"`
	// From and To are the regions in which it can be called and those that may serve a
	// call; empty if no source lists them. RegionsBy is their source.
	From      []string `json:"from"`
	To        []string `json:"to"`
	RegionsBy string   `json:"regionsBy"`
}

// Geography is a prefix of profiles, for profiles whose own regions no source lists.
type Geography struct {
	Prefix string   `json:"prefix"`
	From   []string `json:"from"`
	To     []string `json:"to"`
	By     string   `json:"by"`
}
