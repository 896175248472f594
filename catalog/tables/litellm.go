package tables

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"outcrop/catalog"
	"outcrop/catalog/schema"
	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// liteModel is a row of LiteLLM's price map, without its prices.
type liteModel struct {
	Provider   string    `json:"litellm_provider"`
	Alias      string    `json:"alias_of"`
	Mode       string    `json:"mode"`
	Endpoints  []string  `json:"supported_endpoints"`
	MaxInput   jsonx.Raw `json:"max_input_tokens"`
	MaxOutput  jsonx.Raw `json:"max_output_tokens"`
	MaxTokens  jsonx.Raw `json:"max_tokens"`
	Dimensions jsonx.Raw `json:"output_vector_size"`
	EndOfLife  string    `json:"deprecation_date"`
	Successor  string    `json:"successor_model"`

	Modalities       []string `json:"supported_modalities"`
	OutputModalities []string `json:"supported_output_modalities"`
	Vision           *bool    `json:"supports_vision"`
	PDF              *bool    `json:"supports_pdf_input"`
	AudioInput       *bool    `json:"supports_audio_input"`
	AudioOutput      *bool    `json:"supports_audio_output"`
	Video            *bool    `json:"supports_video_input"`

	Tools     *bool `json:"supports_function_calling"`
	Schema    *bool `json:"supports_response_schema"`
	Caching   *bool `json:"supports_prompt_caching"`
	Reasoning *bool `json:"supports_reasoning"`

	Tiered []jsonx.Raw `json:"tiered_pricing"`
	Rest   jsonx.Raw   `json:",embed"`
}

// readLiteLLM reads LiteLLM's price map. A key is a model's id, usually after its provider's name. Rows for
// one size or quality of image (1024-x-1024/..., low/...) are skipped: they are not ids.
func readLiteLLM(t *table, _ string, data []byte) error {
	members, err := jsonx.Members(data)
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.Name == "sample_spec" || m.Value.Kind() != '{' {
			continue
		}
		var row liteModel
		if err := jsonx.Unmarshal(m.Value, &row); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		provider, id := liteName(m.Name, row.Provider)
		if row.Alias != "" && row.Provider == "" {
			provider, id = liteName(m.Name, providerOfAlias(m.Name, row.Alias))
		}
		if provider == "" || aSize.MatchString(id) {
			continue
		}
		model, err := row.model(provider, id, m.Value)
		if err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		if model == nil {
			continue
		}
		if err := t.add(provider, model); err != nil {
			return err
		}
	}
	return nil
}

// aSize matches keys of the price of one kind of image.
var aSize = lazyregexp.New(`^(\d+-x-\d+|max-x-max|low|medium|high|standard|hd)/`)

// liteName splits a key into Outcrop's name of the provider and the id.
func liteName(key, provider string) (name, id string) {
	name = strings.TrimPrefix(provider, "text-completion-")
	switch {
	case strings.HasPrefix(name, "vertex_ai-"):
		name = "vertex_ai"
	case name == "fireworks_ai-embedding-models":
		name = "fireworks_ai"
	case name == "azure_text":
		name = "azure"
	}
	id = key
	for _, prefix := range [...]string{provider, name} {
		id = strings.TrimPrefix(id, prefix+"/")
	}
	return catalog.Canonical(name), id
}

// providerOfAlias is the provider of a row that has only another name for a model: the segment that both
// have, or the makers of the names without one.
func providerOfAlias(key, of string) string {
	if first, _, ok := strings.Cut(key, "/"); ok {
		return first
	}
	switch {
	case strings.HasPrefix(of, "claude-"):
		return "anthropic"
	case strings.HasPrefix(of, "gpt-"):
		return "openai"
	default:
		return ""
	}
}

// model makes a row; nil for what is no model, such as a search.
func (r *liteModel) model(provider, id string, all jsonx.Raw) (*schema.Model, error) {
	m := &schema.Model{ID: id}
	if r.Alias != "" && r.Provider == "" {
		m.Alias = strings.TrimPrefix(r.Alias, provider+"/")
		return m, nil
	}
	switch r.Mode {
	case "chat", "responses":
		m.Kind = "chat"
		if r.Mode == "responses" && !slices.Contains(r.Endpoints, "/v1/chat/completions") {
			only := true
			m.ResponsesOnly = &only
		}
	case "completion":
		m.Kind = "text"
	case "embedding", "rerank", "realtime", "moderation", "ocr":
		m.Kind = r.Mode
	case "image_generation", "image_edit":
		m.Kind = "image"
	case "video_generation":
		m.Kind = "video"
	case "audio_speech":
		m.Kind = "speech"
	case "audio_transcription":
		m.Kind = "transcription"
	default:
		return nil, nil //nolint:nilnil // it is no model that a gateway could serve
	}
	m.MaxInput, m.MaxOutput, m.Dimensions = whole(r.MaxInput), whole(r.MaxOutput), whole(r.Dimensions)
	if m.Kind == "chat" && m.MaxInput == 0 && m.MaxOutput == 0 {
		m.Context = whole(r.MaxTokens)
	}
	if m.Kind == "embedding" || m.Kind == "rerank" {
		m.MaxOutput = 0 // some rows repeat the limit of the input
	}
	if len(aDay.FindString(r.EndOfLife)) == len(r.EndOfLife) {
		m.EndOfLife = r.EndOfLife
	}
	m.Successor = strings.TrimPrefix(r.Successor, provider+"/")
	m.Input, m.Output = r.modalities(m.Kind)
	m.Tools, m.Schema, m.Reasoning, m.Cache = r.Tools, r.Schema, r.Reasoning, r.Caching
	return m, r.price(m, provider, all)
}

func (r *liteModel) modalities(kind string) (input, output string) {
	has := map[string]bool{}
	for _, word := range r.Modalities {
		has[word] = true
	}
	for _, f := range [...]struct {
		word string
		set  *bool
	}{{"image", r.Vision}, {"document", r.PDF}, {"audio", r.AudioInput}, {"video", r.Video}} {
		has[f.word] = has[f.word] || f.set != nil && *f.set
	}
	if kind == "chat" {
		has["text"] = true
	}
	out := map[string]bool{}
	for _, word := range r.OutputModalities {
		out[word] = true
	}
	out["audio"] = out["audio"] || r.AudioOutput != nil && *r.AudioOutput
	if kind == "chat" && len(r.OutputModalities) == 0 {
		out["text"] = true
	}
	return modalities(has), modalities(out)
}

// modalities puts words into the form of the files.
func modalities(has map[string]bool) string {
	var words []string
	for _, word := range [...]string{"text", "image", "document", "audio", "video", "embedding"} {
		if has[word] {
			words = append(words, word)
		}
	}
	return strings.Join(words, " ")
}

// unitKeys are LiteLLM's keys of prices of other things than tokens, by ours.
var unitKeys = [...]struct{ unit, key string }{
	{"inputCharacter", "input_cost_per_character"},
	{"inputImage", "input_cost_per_image"},
	{"inputPixel", "input_cost_per_pixel"},
	{"inputSecond", "input_cost_per_second"},
	{"inputSecond", "input_cost_per_audio_per_second"},
	{"outputCharacter", "output_cost_per_character"},
	{"outputImage", "output_cost_per_image"},
	{"outputPixel", "output_cost_per_pixel"},
	{"outputSecond", "output_cost_per_second"},
	{"outputSecond", "output_cost_per_video_per_second"},
	{"page", "ocr_cost_per_page"},
	{"query", "input_cost_per_query"},
	{"request", "input_cost_per_request"},
}

// price reads the prices of a row into m.
func (r *liteModel) price(m *schema.Model, provider string, all jsonx.Raw) error {
	members, err := jsonx.Members(all)
	if err != nil {
		return err
	}
	prices := &llm.Prices{}
	if err := setPrices(prices, members); err != nil {
		return err
	}
	for _, tier := range r.Tiered {
		if err := tierPrices(prices, tier); err != nil {
			return fmt.Errorf("tiered_pricing: %w", err)
		}
	}
	for i := range prices.Rates {
		rates := rates(&prices.Rates[i])
		if provider == "xai" && rates.Above > 0 {
			rates.Above-- // its longer prompts begin with that number (https://docs.x.ai/docs/models)
		}
		m.Prices = append(m.Prices, rates)
	}
	if provider == "fireworks_ai" {
		halve(m)
	}
	tokens := standard(m)
	if tokens != nil && value(tokens.Input) == 0 && value(tokens.Output) == 0 && len(m.Prices) == 1 && m.Kind == "rerank" {
		m.Prices = nil // billed by searches
	}
	sortRates(m.Prices)
	for _, u := range unitKeys {
		text := jsonx.Find(members, u.key)
		if text.Kind() != '0' {
			continue
		}
		n, err := schema.ParseDecimal(string(text), 12)
		if err != nil {
			return fmt.Errorf("%s: %w", u.key, err)
		}
		if m.Units == nil {
			m.Units = map[string]schema.Dollars{}
		}
		if _, ok := m.Units[u.unit]; !ok && n > 0 {
			m.Units[u.unit] = schema.Dollars(n)
		}
	}
	return nil
}

// halve gives models of Fireworks without a price of cached input half the price of input, which is what
// they cost there (https://docs.fireworks.ai/serverless/pricing).
func halve(m *schema.Model) {
	for i := range m.Prices {
		if r := &m.Prices[i]; r.Tier == "" && r.CacheRead == nil && r.Input != nil && (m.Kind == "chat" || m.Kind == "text") {
			half := *r.Input / 2
			r.CacheRead = &half
		}
	}
}

func setPrices(prices *llm.Prices, members []jsonx.Member) error {
	for _, m := range members {
		if m.Value.Kind() != '0' || m.Name == "input_cost_per_query" || m.Name == "output_cost_per_image" || !litellm.IsPrice(m.Name) {
			continue
		}
		cost, ok := llm.ParseCost(string(m.Value))
		if !ok {
			return fmt.Errorf("%s: %s is not a price", m.Name, m.Value)
		}
		litellm.SetPrice(prices, m.Name, cost)
	}
	return nil
}

// tierPrices reads one range of prompts of a row whose prices depend on the length. A rate that a range
// lacks is the range's own price of input, or of output.
func tierPrices(prices *llm.Prices, tier jsonx.Raw) error {
	members, err := jsonx.Members(tier)
	if err != nil {
		return err
	}
	var bounds []float64
	if text := jsonx.Find(members, "range"); len(text) > 0 {
		if err := jsonx.Unmarshal(text, &bounds); err != nil {
			return err
		}
	}
	if len(bounds) != 2 || jsonx.Find(members, "input_cost_per_token") == nil {
		return nil // by something else than tokens
	}
	var one llm.Prices
	if err := setPrices(&one, members); err != nil {
		return err
	}
	r := one.At("", 0)
	r.Above = int64(bounds[0])
	if !r.CacheRead.Set {
		r.CacheRead = r.Input
	}
	if !r.CacheWrite.Set {
		r.CacheWrite = r.Input
	}
	if !r.Reasoning.Set {
		r.Reasoning = r.Output
	}
	*prices.At("", r.Above) = *r
	return nil
}

// rates puts rates into the form of the files.
func rates(r *llm.Rates) schema.Rates {
	return schema.Rates{
		Tier: r.Tier, Above: r.Above, Input: amount(r.Input), Output: amount(r.Output), CacheRead: amount(r.CacheRead), CacheWrite: amount(r.CacheWrite),
		CacheWrite1h: amount(r.CacheWrite1h), Reasoning: amount(r.Reasoning), AudioInput: amount(r.AudioInput), AudioOutput: amount(r.AudioOutput),
		ImageInput: amount(r.ImageInput), ImageOutput: amount(r.ImageOutput),
	}
}

func amount(c llm.Opt[llm.Cost]) *schema.Amount {
	if !c.Set {
		return nil
	}
	a := schema.Amount(c.Value)
	return &a
}

// whole is a number of tokens; 0 for what is none.
func whole(raw jsonx.Raw) int64 {
	if raw.Kind() != '0' {
		return 0
	}
	n, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || n < 0 || n > 1e12 {
		return 0
	}
	return int64(n)
}
