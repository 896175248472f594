// Package schema is the form of the catalogue's data files. The catalogue reads
// them, and the refresher writes them; both by these types, and in the order in
// which the fields stand here.
//
// There are three kinds of file: sources.json says where facts come from,
// profiles.json lists inference profiles, and every other file holds the models
// of one vendor. Lists are sorted by id. A fact that no source states is absent;
// a boolean that is absent is neither true nor false.
package schema

// Sources is the file sources.json.
type Sources struct {
	Sources []Source `json:"sources"`
	// Regions are the regions of AWS in which Bedrock has endpoints, sorted.
	Regions Regions `json:"regions"`
}

// Source is where facts come from.
type Source struct {
	// Key is the word by which the other files refer to it.
	Key  string `json:"key"`
	Name string `json:"name"`
	// Date is the day as of which it says what it says, such as 2026-11-10.
	Date string `json:"date"`
	URL  string `json:"url"`
	// Unconfirmed is whether its facts are general knowledge that has not been held
	// against a page or an answer of AWS's.
	Unconfirmed bool `json:"unconfirmed"`
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

// Model is what is known of a foundation model.
type Model struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Family string `json:"family"`
	// Kind is chat, text, embedding, rerank, image, video or speech.
	Kind string `json:"kind"`

	Converse *bool `json:"converse"`
	Invoke   *bool `json:"invoke"`
	// OpenAI is the OpenAI API of bedrock-runtime.
	OpenAI *bool   `json:"openai"`
	Mantle *Mantle `json:"mantle"`

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

	// OnDemand says whether the bare id can be called, by region, or by partition
	// (aws, aws-us-gov) for all of its regions that are not named.
	OnDemand map[string]bool `json:"onDemand"`

	// Days, such as 2026-11-10.
	Released  string `json:"released"`
	Legacy    string `json:"legacy"`
	EndOfLife string `json:"endOfLife"`
	// Ended is for a life that a source says is over without naming the day.
	Ended *bool `json:"ended"`
	// Successor is the base id of the model to move to.
	Successor string `json:"successor"`

	// By has, for each source, the facts that are its: their names as above,
	// separated by spaces. Every fact but id and prices has one source.
	By map[string]string `json:"by"`

	Prices []Price `json:"prices"`
}

// Mantle is what the host bedrock-mantle has of a model.
type Mantle struct {
	// ID is the model's id there.
	ID        string `json:"id"`
	Chat      *bool  `json:"chat"`
	Responses *bool  `json:"responses"`
	Messages  *bool  `json:"messages"`
	// ResponsesBase is the path in front of /responses: /v1 or /openai/v1.
	ResponsesBase string `json:"responsesBase"`
}

// Reasoning is how a model is asked to think.
type Reasoning struct {
	Supported *bool `json:"supported"`
	// Style is the form of the setting; see the catalogue's Style constants.
	Style string `json:"style"`
	// Efforts are the accepted words for effort, the least first.
	Efforts []string `json:"efforts"`
	// MinimumBudget is the least budget in tokens.
	MinimumBudget int64 `json:"minimumBudget"`
	// Always is whether the model thinks whatever it is told.
	Always *bool `json:"always"`
}

// Cache is a model's prompt cache.
type Cache struct {
	Supported *bool `json:"supported"`
	// Minimum is the least number of tokens in front of a cache point that are kept.
	Minimum int64 `json:"minimum"`
	// TTLs are the times to live that can be asked for: 5m, 1h.
	TTLs []string `json:"ttls"`
}

// Price is what a model costs in one place: through the profile of a geography,
// in some regions, or, with neither, in any other region.
type Price struct {
	Profile string   `json:"profile"`
	Regions []string `json:"regions"`

	Standard *Rates `json:"standard"`
	// Long is for prompts of more than LongAbove tokens; it is then the price of
	// every token of the call.
	LongAbove int64  `json:"longAbove"`
	Long      *Rates `json:"long"`
	Batch     *Rates `json:"batch"`
	Flex      *Rates `json:"flex"`
	Priority  *Rates `json:"priority"`

	// Units is for what is not paid by tokens.
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
	// By1h is the source of CacheWrite1h where it is another one.
	By1h string `json:"by1h"`
}

// Units are prices of other things than tokens.
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
	// From and To are the regions it can be called in and those that may serve;
	// empty where no source says. RegionsBy is their source.
	From      []string `json:"from"`
	To        []string `json:"to"`
	RegionsBy string   `json:"regionsBy"`
}

// Geography is a prefix of profiles, for those of them whose own regions no
// source says.
type Geography struct {
	Prefix string   `json:"prefix"`
	From   []string `json:"from"`
	To     []string `json:"to"`
	By     string   `json:"by"`
}
