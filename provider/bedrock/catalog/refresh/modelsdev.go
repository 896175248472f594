package refresh

import (
	"fmt"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/provider/bedrock/catalog/schema"
)

// readModelsDev reads models.dev's models: its whole api.json, or its models of
// Bedrock by id under models.
func readModelsDev(c *claims, by *source, data []byte) error {
	type devModel struct {
		Name             string `json:"name"`
		ReleaseDate      string `json:"release_date"`
		Reasoning        *bool  `json:"reasoning"`
		ToolCall         *bool  `json:"tool_call"`
		StructuredOutput *bool  `json:"structured_output"`
		ReasoningOptions []struct {
			Type   string   `json:"type"`
			Values []string `json:"values"`
			Min    int64    `json:"min"`
		} `json:"reasoning_options"`
		Limit struct {
			Context int64 `json:"context"`
			Output  int64 `json:"output"`
		} `json:"limit"`
		Modalities struct {
			Input  []string `json:"input"`
			Output []string `json:"output"`
		} `json:"modalities"`
		Cost struct {
			Input      jsonx.Raw `json:"input"`
			Output     jsonx.Raw `json:"output"`
			CacheRead  jsonx.Raw `json:"cache_read"`
			CacheWrite jsonx.Raw `json:"cache_write"`
		} `json:"cost"`
		Provider struct {
			API   string `json:"api"`
			Shape string `json:"shape"`
		} `json:"provider"`
	}
	type models struct {
		Models map[string]devModel `json:"models"`
	}
	var file struct {
		models
		Bedrock *models `json:"amazon-bedrock"`
	}
	if err := jsonx.Unmarshal(data, &file); err != nil {
		return err
	}
	rows := file.Models
	if file.Bedrock != nil {
		rows = file.Bedrock.Models
	}
	v := variants[devModel]{}
	for id, row := range rows {
		prefix, base, ok := c.split(id)
		if !ok {
			continue
		}
		c.there(by, prefix, base)
		v.add(base, prefix, row)
		rates, err := readRates(by.Key, perMillion, row.Cost.Input, row.Cost.Output, row.Cost.CacheRead, row.Cost.CacheWrite)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		if rates != nil {
			c.price(by, base, schema.Price{Profile: prefix, Standard: rates})
		}
	}
	for base, all := range v {
		prefix, row := all.first()
		set := schema.Model{
			Name: plainName(prefix, row.Name), Context: row.Limit.Context, MaxOutput: row.Limit.Output,
			Input: documents(row.Modalities.Input), Output: documents(row.Modalities.Output),
			Tools: row.ToolCall, StructuredOutput: row.StructuredOutput,
			Reasoning: &schema.Reasoning{Supported: row.Reasoning},
		}
		if !c.distrusts(by, row.ReleaseDate) && len(row.ReleaseDate) == len("2026-01-31") {
			set.Released = row.ReleaseDate
		}
		for _, o := range row.ReasoningOptions {
			switch o.Type {
			case "effort":
				set.Reasoning.Efforts = o.Values
			case "budget_tokens":
				set.Reasoning.MinimumBudget = o.Min
			}
		}
		if strings.Contains(row.Provider.API, "bedrock-mantle") {
			set.Mantle = &schema.Mantle{ID: base}
			if row.Provider.Shape == "responses" {
				yes := true
				set.Mantle.Responses = &yes
			}
		}
		c.model(by, base, set)
	}
	return nil
}

// documents replaces pdf with AWS's word, document.
func documents(modalities []string) []string {
	out := make([]string, 0, len(modalities))
	for _, word := range [...]string{"text", "image", "pdf", "audio", "video"} {
		for _, m := range modalities {
			if m != word {
				continue
			}
			if m == "pdf" {
				m = "document"
			}
			out = append(out, m)
		}
	}
	return out
}

// variants are the rows of a table by base id and prefix: one for the bare id,
// and one for each profile.
type variants[T any] map[string]byPrefix[T]

type byPrefix[T any] map[string]T

func (v variants[T]) add(base, prefix string, row T) {
	if v[base] == nil {
		v[base] = byPrefix[T]{}
	}
	v[base][prefix] = row
}

// first returns the row to use for the model: that of the bare id, or of the global
// profile, or of the first prefix.
func (v byPrefix[T]) first() (prefix string, row T) {
	for _, prefix := range [...]string{"", "global", "us"} {
		if row, ok := v[prefix]; ok {
			return prefix, row
		}
	}
	prefix = ""
	for p := range v {
		if prefix == "" || p < prefix {
			prefix = p
		}
	}
	return prefix, v[prefix]
}

// plainName removes the geography from the name of a profile: Nova Pro (US).
func plainName(prefix, name string) string {
	if open := strings.LastIndex(name, " ("); prefix != "" && open > 0 && strings.HasSuffix(name, ")") {
		return name[:open]
	}
	return name
}

// readRates reads prices of tokens; nil if there is no price of input.
func readRates(by string, scale int, input, output, cacheRead, cacheWrite jsonx.Raw) (*schema.Rates, error) {
	r := &schema.Rates{By: by}
	for _, p := range []struct {
		name string
		text jsonx.Raw
		to   **schema.Amount
	}{{"input", input, &r.Input}, {"output", output, &r.Output}, {"cache read", cacheRead, &r.CacheRead}, {"cache write", cacheWrite, &r.CacheWrite}} {
		var err error
		if *p.to, err = amount(string(p.text), scale); err != nil {
			return nil, fmt.Errorf("price of %s: %w", p.name, err)
		}
	}
	r.CacheRead, r.CacheWrite = paid(r.CacheRead), paid(r.CacheWrite)
	if r.Input == nil {
		return nil, nil //nolint:nilnil // a missing price is not an error
	}
	return r, nil
}
