package tables

import (
	"fmt"
	"regexp"
	"strings"

	"outcrop/catalog/schema"
	"outcrop/internal/jsonx"
)

// genaiProviders are Outcrop's names of providers, by those of genai-prices where they differ.
var genaiProviders = map[string]string{
	"fireworks": "fireworks_ai", "google": "gemini", "moonshotai": "moonshot", "together": "together_ai", "voyageai": "voyage", "x-ai": "xai", "zhipuai": "bigmodel", "meta": "meta_llama",
}

// genaiModel is a row of genai-prices: prices of all ids that match.
type genaiModel struct {
	Match  clause    `json:"match"`
	Prices jsonx.Raw `json:"prices"`
}

// readGenAIPrices reads prices/data.json of genai-prices. It makes no rows: it is asked where tables
// disagree, and does not depend on them.
func readGenAIPrices(t *table, _ string, data []byte) error {
	var file []struct {
		ID     string       `json:"id"`
		Models []genaiModel `json:"models"`
	}
	if err := jsonx.Unmarshal(data, &file); err != nil {
		return err
	}
	type priced struct {
		match clause
		rates *schema.Rates
	}
	byProvider := map[string][]priced{}
	for _, p := range file {
		name := p.ID
		if ours, ok := genaiProviders[name]; ok {
			name = ours
		}
		for i := range p.Models {
			r, err := genaiRates(p.Models[i].Prices)
			if err != nil {
				return fmt.Errorf("%s: %w", p.ID, err)
			}
			if r != nil {
				byProvider[name] = append(byProvider[name], priced{p.Models[i].Match, r})
			}
		}
	}
	t.price = func(provider, id string) *schema.Rates {
		for _, p := range byProvider[provider] {
			if p.match.matches(strings.ToLower(id)) {
				return p.rates
			}
		}
		return nil
	}
	return nil
}

// genaiRates reads prices for a million tokens. Of prices that begin on a day, the last ones count; prices
// that depend on the time of day are not read. A price in tiers is that of short prompts.
func genaiRates(raw jsonx.Raw) (*schema.Rates, error) {
	if raw.Kind() == '[' {
		var list []struct {
			Constraint struct {
				StartTime jsonx.Raw `json:"start_time"`
			} `json:"constraint"`
			Prices jsonx.Raw `json:"prices"`
		}
		if err := jsonx.Unmarshal(raw, &list); err != nil {
			return nil, err
		}
		raw = nil
		for i := range list {
			if len(list[i].Constraint.StartTime) == 0 {
				raw = list[i].Prices
			}
		}
	}
	if raw.Kind() != '{' {
		return nil, nil //nolint:nilnil // a missing price is not an error
	}
	var prices struct {
		Input  jsonx.Raw `json:"input_mtok"`
		Output jsonx.Raw `json:"output_mtok"`
	}
	if err := jsonx.Unmarshal(raw, &prices); err != nil {
		return nil, err
	}
	r := &schema.Rates{}
	for _, f := range [...]struct {
		text jsonx.Raw
		to   **schema.Amount
	}{{prices.Input, &r.Input}, {prices.Output, &r.Output}} {
		text := f.text
		if text.Kind() == '{' {
			var tiers struct {
				Base jsonx.Raw `json:"base"`
			}
			if err := jsonx.Unmarshal(text, &tiers); err != nil {
				return nil, err
			}
			text = tiers.Base
		}
		if text.Kind() != '0' {
			continue
		}
		n, err := schema.ParseDecimal(string(text), 6)
		if err != nil {
			return nil, err
		}
		a := schema.Amount(n)
		*f.to = &a
	}
	if r.Input == nil {
		return nil, nil //nolint:nilnil // a missing price is not an error
	}
	return r, nil
}

// clause says which ids a row is for. One member is set.
type clause struct {
	Equals     string   `json:"equals"`
	StartsWith string   `json:"starts_with"`
	EndsWith   string   `json:"ends_with"`
	Contains   string   `json:"contains"`
	Regex      string   `json:"regex"`
	Or         []clause `json:"or"`
	And        []clause `json:"and"`
	Not        *clause  `json:"not"`
}

// matches reports whether a clause holds for an id in lower case.
func (c *clause) matches(id string) bool {
	switch {
	case c.Equals != "":
		return id == strings.ToLower(c.Equals)
	case c.StartsWith != "":
		return strings.HasPrefix(id, strings.ToLower(c.StartsWith))
	case c.EndsWith != "":
		return strings.HasSuffix(id, strings.ToLower(c.EndsWith))
	case c.Contains != "":
		return strings.Contains(id, strings.ToLower(c.Contains))
	case c.Regex != "":
		re, err := regexp.Compile(c.Regex)
		return err == nil && re.MatchString(id)
	case len(c.Or) > 0:
		for i := range c.Or {
			if c.Or[i].matches(id) {
				return true
			}
		}
		return false
	case len(c.And) > 0:
		for i := range c.And {
			if !c.And[i].matches(id) {
				return false
			}
		}
		return true
	case c.Not != nil:
		return !c.Not.matches(id)
	default:
		return false
	}
}
