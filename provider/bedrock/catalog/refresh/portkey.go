package refresh

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	common "outcrop/catalog/schema"
	"outcrop/internal/jsonx"
	"outcrop/provider/bedrock/catalog/schema"
)

// portkeyPrice is a number in US cents.
type portkeyPrice struct {
	Price jsonx.Raw `json:"price"`
}

// portkeyRates are prices per token, image or query.
type portkeyRates struct {
	Request         portkeyPrice `json:"request_token"`
	Response        portkeyPrice `json:"response_token"`
	CacheRead       portkeyPrice `json:"cache_read_input_token"`
	CacheWrite      portkeyPrice `json:"cache_write_input_token"`
	AdditionalUnits struct {
		CacheWrite1h portkeyPrice `json:"cache_write_1h"`
	} `json:"additional_units"`
	Image struct {
		Default struct {
			Default portkeyPrice `json:"default"`
		} `json:"default"`
	} `json:"image"`
}

type portkeyConfig struct {
	PricingConfig struct {
		PayAsYouGo portkeyRates  `json:"pay_as_you_go"`
		Batch      *portkeyRates `json:"batch_config"`
	} `json:"pricing_config"`
}

// portkeyMode is a tier, with prices by length of prompt if they differ.
type portkeyMode struct {
	portkeyConfig
	Tiers map[string]portkeyConfig `json:"context_tiers"`
}

type portkeyRow struct {
	portkeyConfig
	Custom struct {
		// TierMap maps a number of tokens to the tier of longer prompts.
		TierMap map[string]string `json:"context_tier_map"`
		// Regions has prices by comma-separated regions; default is for all others.
		Regions map[string]struct {
			Modes map[string]portkeyMode `json:"execution_modes"`
		} `json:"regions"`
	} `json:"custom_pricing"`
}

// rates reads prices of tokens; nil if there is none for input.
func (p *portkeyRates) rates(by string) (*schema.Rates, error) {
	r, err := readRates(by, centsPerToken, p.Request.Price, p.Response.Price, p.CacheRead.Price, p.CacheWrite.Price)
	if r == nil || err != nil {
		return nil, err
	}
	hour, err := amount(string(p.AdditionalUnits.CacheWrite1h.Price), centsPerToken)
	r.CacheWrite1h = paid(hour)
	return r, err
}

// portkeyRows reads the rows of one of Portkey's tables by id.
func portkeyRows[T any](data []byte) (map[string]T, error) {
	members, err := jsonx.Members(data)
	if err != nil {
		return nil, err
	}
	rows := map[string]T{}
	for _, m := range members {
		if m.Name == provenance || m.Name == "default" || m.Value.Kind() != '{' {
			continue
		}
		var row T
		if err := jsonx.Unmarshal(m.Value, &row); err != nil {
			return nil, fmt.Errorf("%s: %w", m.Name, err)
		}
		rows[m.Name] = row
	}
	return rows, nil
}

// readPortkeyPrices reads Portkey's prices for bedrock-runtime.
func readPortkeyPrices(c *claims, by *source, data []byte) error {
	rows, err := portkeyRows[portkeyRow](data)
	if err != nil {
		return err
	}
	for id, row := range rows {
		if strings.Contains(id, "::") {
			continue // a variant of an image's price
		}
		prefix, base, ok := c.split(id)
		if !ok {
			continue
		}
		c.there(by, prefix, base)
		if err := c.portkeyPrices(by, prefix, base, &row); err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
	}
	return nil
}

func (c *claims) portkeyPrices(by *source, prefix, base string, row *portkeyRow) error {
	plain := &row.PricingConfig
	units, err := plain.PayAsYouGo.units(by.Key, base)
	if err != nil {
		return err
	}
	if units != nil {
		c.price(by, base, schema.Price{Profile: prefix, Units: units})
		return nil
	}
	places := row.Custom.Regions
	general, err := row.place(by.Key, places["default"].Modes)
	if err != nil {
		return err
	}
	if general.Standard == nil {
		if general.Standard, err = plain.PayAsYouGo.rates(by.Key); err != nil {
			return err
		}
	}
	if general.Batch == nil && plain.Batch != nil {
		if general.Batch, err = plain.Batch.rates(by.Key); err != nil {
			return err
		}
	}
	if general.Standard == nil {
		return nil
	}
	same := string(appendPrice(nil, &general))
	general.Profile = prefix
	c.price(by, base, general)
	for _, names := range slices.Sorted(maps.Keys(places)) {
		if names == "default" || prefix != "" {
			continue
		}
		p, err := row.place(by.Key, places[names].Modes)
		if err != nil {
			return fmt.Errorf("%s: %w", names, err)
		}
		if p.Standard == nil || string(appendPrice(nil, &p)) == same {
			continue // the same as everywhere
		}
		p.Regions = strings.Split(names, ",")
		c.price(by, base, p)
	}
	return nil
}

// place reads the prices of a place by tier.
func (row *portkeyRow) place(by string, modes map[string]portkeyMode) (schema.Price, error) {
	var p schema.Price
	for name, mode := range modes {
		rates, err := mode.PricingConfig.PayAsYouGo.rates(by)
		if err != nil {
			return p, fmt.Errorf("%s: %w", name, err)
		}
		switch name {
		case "standard":
			p.Standard = rates
		case "batch":
			p.Batch = rates
		case "flex":
			p.Flex = rates
		case "priority":
			p.Priority = rates
		}
		if name != "standard" || len(mode.Tiers) == 0 {
			continue
		}
		if err := row.byLength(by, mode.Tiers, &p); err != nil {
			return p, err
		}
	}
	return p, nil
}

// byLength reads prices by length of prompt: one up to a length and one above.
func (row *portkeyRow) byLength(by string, tiers map[string]portkeyConfig, p *schema.Price) error {
	if len(tiers) != 2 || len(row.Custom.TierMap) != 2 {
		return fmt.Errorf("has %d prompt length tiers; the catalogue supports two", len(tiers))
	}
	for above, name := range row.Custom.TierMap {
		n, err := strconv.ParseInt(above, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a prompt length", above)
		}
		tier := tiers[name]
		rates, err := tier.PricingConfig.PayAsYouGo.rates(by)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if n == 0 {
			p.Standard = rates
		} else {
			p.Long, p.LongAbove = rates, n
		}
	}
	return nil
}

// units reads prices of images and, for rerankers, of queries; nil if the model is
// billed by tokens. The table has the price of a query as that of a token.
func (p *portkeyRates) units(by, base string) (*schema.Units, error) {
	const centsEach = 10
	u := &schema.Units{By: by}
	switch image := p.Image.Default.Default.Price; {
	case len(image) > 0:
		n, err := common.ParseDecimal(string(image), centsEach)
		if err != nil {
			return nil, err
		}
		u.Image = new(schema.Dollars(n))
	case strings.Contains(base, "rerank") && len(p.Request.Price) > 0:
		n, err := common.ParseDecimal(string(p.Request.Price), centsEach)
		if err != nil {
			return nil, err
		}
		u.Query = new(schema.Dollars(n))
	default:
		return nil, nil //nolint:nilnil // billing by tokens is not an error
	}
	return u, nil
}

// readPortkeyMantle reads the models on bedrock-mantle and their prices.
func readPortkeyMantle(c *claims, by *source, data []byte) error {
	rows, err := portkeyRows[portkeyRow](data)
	if err != nil {
		return err
	}
	for id, row := range rows {
		prefix, base, ok := c.split(id)
		if !ok || prefix != "" {
			continue
		}
		c.mantle(by, base)
		rates, err := row.PricingConfig.PayAsYouGo.rates(by.Key)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		if rates != nil {
			c.price(by, base, schema.Price{Standard: rates})
		}
	}
	return nil
}

// readPortkeyModels reads which models exist. It skips the table's profiles, some of
// which do not exist.
func readPortkeyModels(c *claims, by *source, data []byte) error {
	rows, err := portkeyRows[struct{}](data)
	if err != nil {
		return err
	}
	for id := range rows {
		if prefix, base, ok := c.split(id); ok && prefix == "" {
			c.there(by, "", base)
		}
	}
	return nil
}
