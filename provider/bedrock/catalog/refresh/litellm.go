package refresh

import (
	"fmt"
	"strings"

	common "outcrop/catalog/schema"
	"outcrop/internal/jsonx"
	"outcrop/provider/bedrock/catalog/schema"
	"outcrop/provider/bedrock/endpoint"
)

// liteModel is a row of LiteLLM's price map. Prices are in USD per token.
type liteModel struct {
	Provider   string    `json:"litellm_provider"`
	Mode       string    `json:"mode"`
	MaxInput   int64     `json:"max_input_tokens"`
	MaxOutput  int64     `json:"max_output_tokens"`
	Input      jsonx.Raw `json:"input_cost_per_token"`
	Output     jsonx.Raw `json:"output_cost_per_token"`
	CacheRead  jsonx.Raw `json:"cache_read_input_token_cost"`
	CacheWrite jsonx.Raw `json:"cache_creation_input_token_cost"`
	Write1h    jsonx.Raw `json:"cache_creation_input_token_cost_above_1hr"`

	LongInput      jsonx.Raw `json:"input_cost_per_token_above_200k_tokens"`
	LongOutput     jsonx.Raw `json:"output_cost_per_token_above_200k_tokens"`
	LongCacheRead  jsonx.Raw `json:"cache_read_input_token_cost_above_200k_tokens"`
	LongCacheWrite jsonx.Raw `json:"cache_creation_input_token_cost_above_200k_tokens"`

	BatchInput     jsonx.Raw `json:"input_cost_per_token_batches"`
	BatchOutput    jsonx.Raw `json:"output_cost_per_token_batches"`
	FlexInput      jsonx.Raw `json:"input_cost_per_token_flex"`
	FlexOutput     jsonx.Raw `json:"output_cost_per_token_flex"`
	PriorityInput  jsonx.Raw `json:"input_cost_per_token_priority"`
	PriorityOutput jsonx.Raw `json:"output_cost_per_token_priority"`

	Query jsonx.Raw `json:"input_cost_per_query"`
	Image jsonx.Raw `json:"output_cost_per_image"`

	Tools     *bool `json:"supports_function_calling"`
	Schema    *bool `json:"supports_response_schema"`
	System    *bool `json:"supports_system_messages"`
	Caching   *bool `json:"supports_prompt_caching"`
	Reasoning *bool `json:"supports_reasoning"`
}

// readLiteLLM reads LiteLLM's price map: the rows of its providers bedrock,
// bedrock_converse and bedrock_mantle. A key may begin with a region
// (bedrock/eu-west-1/...), and its prices are then for that region. Commitments and
// image sizes are skipped.
func readLiteLLM(c *claims, by *source, data []byte) error {
	members, err := jsonx.Members(data)
	if err != nil {
		return err
	}
	for _, m := range members {
		if m.Value.Kind() != '{' {
			continue
		}
		var row liteModel
		if err := jsonx.Unmarshal(m.Value, &row); err != nil {
			if !strings.Contains(string(m.Value), "bedrock") {
				continue // another provider's row, of a different form
			}
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		if !strings.HasPrefix(row.Provider, "bedrock") {
			continue
		}
		if err := c.liteModel(by, m.Name, &row); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
	}
	return nil
}

func (c *claims) liteModel(by *source, key string, row *liteModel) error {
	id, onMantle := strings.CutPrefix(key, "bedrock_mantle/")
	id = strings.TrimPrefix(id, "bedrock/")
	region := ""
	if first, rest, ok := strings.Cut(id, "/"); ok {
		if !endpoint.ValidRegion(first) || strings.Contains(rest, "/") {
			return nil
		}
		region, id = first, rest
	}
	prefix, base, ok := c.split(id)
	if !ok {
		return nil
	}
	if onMantle {
		c.mantle(by, base)
		return nil
	}
	price, err := row.price(by.Key)
	if err != nil {
		return err
	}
	price.Profile = prefix
	if region != "" {
		if prefix == "" && price.Standard != nil {
			price.Regions = []string{region}
			c.price(by, base, price)
		}
		return nil
	}
	c.there(by, prefix, base)
	if price.Standard != nil || price.Units != nil {
		c.price(by, base, price)
	}
	if prefix != "" {
		return nil // the facts of the bare id stand for the model
	}
	set := schema.Model{
		Context: row.MaxInput, MaxOutput: row.MaxOutput,
		Tools: row.Tools, StructuredOutput: row.Schema, System: row.System,
		Reasoning: &schema.Reasoning{Supported: row.Reasoning}, Cache: &schema.Cache{Supported: row.Caching},
	}
	switch row.Mode {
	case "embedding", "rerank":
		set.Kind = row.Mode
	case "chat":
		set.Kind = "chat"
	case "image_generation", "image_edit":
		set.Kind = "image"
	}
	if row.Provider == "bedrock_converse" {
		set.Converse = new(true)
	}
	c.model(by, base, set)
	return nil
}

// price reads the prices of a row.
func (row *liteModel) price(by string) (schema.Price, error) {
	var p schema.Price
	none := jsonx.Raw(nil)
	for _, tier := range []struct {
		name                  string
		to                    **schema.Rates
		in, out, read, writes jsonx.Raw
	}{
		{"standard", &p.Standard, row.Input, row.Output, row.CacheRead, row.CacheWrite},
		{"above 200k", &p.Long, row.LongInput, row.LongOutput, row.LongCacheRead, row.LongCacheWrite},
		{"batches", &p.Batch, row.BatchInput, row.BatchOutput, none, none},
		{"flex", &p.Flex, row.FlexInput, row.FlexOutput, none, none},
		{"priority", &p.Priority, row.PriorityInput, row.PriorityOutput, none, none},
	} {
		var err error
		if *tier.to, err = readRates(by, perToken, tier.in, tier.out, tier.read, tier.writes); err != nil {
			return p, fmt.Errorf("%s: %w", tier.name, err)
		}
	}
	if p.Long != nil {
		p.LongAbove = 200_000
	}
	if p.Standard != nil {
		hour, err := amount(string(row.Write1h), perToken)
		if err != nil {
			return p, err
		}
		p.Standard.CacheWrite1h = paid(hour)
	}
	u := &schema.Units{By: by}
	for _, unit := range []struct {
		text jsonx.Raw
		to   **schema.Dollars
	}{{row.Query, &u.Query}, {row.Image, &u.Image}} {
		if n, err := common.ParseDecimal(string(unit.text), perToken); err == nil && n > 0 {
			*unit.to = new(schema.Dollars(n))
			p.Units = u
		}
	}
	if p.Units != nil && p.Standard != nil && *p.Standard.Input == 0 {
		p.Standard = nil // billed by the unit; the zero is a placeholder
	}
	return p, nil
}
