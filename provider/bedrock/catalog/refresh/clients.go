package refresh

import (
	"fmt"

	"outcrop/internal/jsonx"
	"outcrop/provider/bedrock/catalog/schema"
)

// readPiAI reads pi-ai's table. All its rows are for ConverseStream.
func readPiAI(c *claims, by *source, data []byte) error {
	type cost struct {
		Input           jsonx.Raw `json:"input"`
		Output          jsonx.Raw `json:"output"`
		CacheRead       jsonx.Raw `json:"cacheRead"`
		CacheWrite      jsonx.Raw `json:"cacheWrite"`
		InputTokensOver int64     `json:"inputTokensAbove"`
	}
	type piModel struct {
		ID            string   `json:"id"`
		Name          string   `json:"name"`
		Reasoning     *bool    `json:"reasoning"`
		Input         []string `json:"input"`
		ContextWindow int64    `json:"contextWindow"`
		MaxTokens     int64    `json:"maxTokens"`
		Cost          struct {
			cost
			Tiers []cost `json:"tiers"`
		} `json:"cost"`
	}
	var file struct {
		Models map[string]piModel `json:"bedrock-converse-stream"`
	}
	if err := jsonx.Unmarshal(data, &file); err != nil {
		return err
	}
	rates := func(p cost) (*schema.Rates, error) {
		return readRates(by.Key, perMillion, p.Input, p.Output, p.CacheRead, p.CacheWrite)
	}
	v := variants[piModel]{}
	for _, row := range file.Models {
		prefix, base, ok := c.split(row.ID)
		if !ok {
			continue
		}
		c.there(by, prefix, base)
		v.add(base, prefix, row)
		price := schema.Price{Profile: prefix}
		var err error
		if price.Standard, err = rates(row.Cost.cost); err != nil {
			return fmt.Errorf("%s: %w", row.ID, err)
		}
		switch tiers := row.Cost.Tiers; {
		case len(tiers) > 1:
			return fmt.Errorf("%s: has %d tiers for long prompts; the catalogue supports one", row.ID, len(tiers))
		case len(tiers) == 1:
			price.LongAbove = tiers[0].InputTokensOver
			if price.Long, err = rates(tiers[0]); err != nil {
				return fmt.Errorf("%s: %w", row.ID, err)
			}
		}
		if price.Standard != nil {
			c.price(by, base, price)
		}
	}
	yes := true
	for base, all := range v {
		prefix, row := all.first()
		c.model(by, base, schema.Model{
			Name: plainName(prefix, row.Name), Context: row.ContextWindow, MaxOutput: row.MaxTokens,
			Kind: "chat", Converse: &yes, Streaming: &yes, Reasoning: &schema.Reasoning{Supported: row.Reasoning},
		})
		// The table knows two modalities.
		c.models[base] = append(c.models[base], modelClaim{by: by, weak: true, set: schema.Model{Input: row.Input, Output: []string{"text"}}})
	}
	return nil
}

// readCatwalk reads catwalk's providers for Bedrock, by id. It names the price of cache
// writes as that of cached input, and the price of cache reads as that of cached
// output.
func readCatwalk(c *claims, by *source, data []byte) error {
	type walkModel struct {
		ID        string    `json:"id"`
		Name      string    `json:"name"`
		In        jsonx.Raw `json:"cost_per_1m_in"`
		Out       jsonx.Raw `json:"cost_per_1m_out"`
		CacheIn   jsonx.Raw `json:"cost_per_1m_in_cached"`
		CacheOut  jsonx.Raw `json:"cost_per_1m_out_cached"`
		Context   int64     `json:"context_window"`
		CanReason *bool     `json:"can_reason"`
		Levels    []string  `json:"reasoning_levels"`
	}
	members, err := jsonx.Members(data)
	if err != nil {
		return err
	}
	v := variants[walkModel]{}
	for _, m := range members {
		if m.Name == provenance {
			continue
		}
		var provider struct {
			Models []walkModel `json:"models"`
		}
		if err := jsonx.Unmarshal(m.Value, &provider); err != nil {
			return fmt.Errorf("%s: %w", m.Name, err)
		}
		for _, row := range provider.Models {
			prefix, base, ok := c.split(row.ID)
			if !ok {
				continue
			}
			c.there(by, prefix, base)
			v.add(base, prefix, row)
			rates, err := readRates(by.Key, perMillion, row.In, row.Out, row.CacheOut, row.CacheIn)
			if err != nil {
				return fmt.Errorf("%s: %w", row.ID, err)
			}
			if rates != nil {
				c.price(by, base, schema.Price{Profile: prefix, Standard: rates})
			}
		}
	}
	for base, all := range v {
		prefix, row := all.first()
		// Its default_max_tokens is a client's choice, not the model's limit.
		c.model(by, base, schema.Model{
			Name: plainName(prefix, row.Name), Context: row.Context,
			Reasoning: &schema.Reasoning{Supported: row.CanReason, Efforts: row.Levels},
		})
	}
	return nil
}

// provenance is the member of a table that names its origin.
const provenance = "_provenance"
