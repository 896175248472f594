package tables

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"outcrop/catalog/schema"
	"outcrop/internal/jsonx"
)

// devProviders are Outcrop's names of providers, by those of models.dev and of pi-ai's files where they
// differ.
var devProviders = map[string]string{
	"cloudflare-workers-ai": "cloudflare", "fireworks": "fireworks_ai", "fireworks-ai": "fireworks_ai", "github-models": "github", "google": "gemini", "google-vertex": "vertex_ai",
	"google-vertex-anthropic": "vertex_ai", "lmstudio": "lm_studio", "moonshotai": "moonshot", "nvidia": "nvidia_nim", "novita-ai": "novita", "opencode-go": "opencode_go",
	"together": "together_ai", "togetherai": "together_ai", "vercel": "vercel_ai_gateway", "vercel-ai-gateway": "vercel_ai_gateway", "xiaomi": "xiaomi_mimo",
	"alibaba": "qwencloud", "alibaba-cn": "dashscope", "inference": "", "zhipuai": "bigmodel", "nano-gpt": "nano-gpt", "venice": "veniceai", "llama": "meta_llama", "azure-cognitive-services": "azure_ai",
}

func devProvider(name string) string {
	if ours, ok := devProviders[name]; ok {
		return ours
	}
	return name
}

// devCost are the prices of models.dev, in US dollars for a million tokens.
type devCost struct {
	Input       jsonx.Raw `json:"input"`
	Output      jsonx.Raw `json:"output"`
	CacheRead   jsonx.Raw `json:"cache_read"`
	CacheWrite  jsonx.Raw `json:"cache_write"`
	Reasoning   jsonx.Raw `json:"reasoning"`
	InputAudio  jsonx.Raw `json:"input_audio"`
	OutputAudio jsonx.Raw `json:"output_audio"`
	Over200k    *devCost  `json:"context_over_200k"`
}

// readModelsDev reads https://models.dev/api.json.
func readModelsDev(t *table, _ string, data []byte) error {
	var file map[string]struct {
		Models map[string]struct {
			Name       string  `json:"name"`
			Reasoning  *bool   `json:"reasoning"`
			ToolCall   *bool   `json:"tool_call"`
			Structured *bool   `json:"structured_output"`
			Cost       devCost `json:"cost"`
			Limit      struct {
				Context jsonx.Raw `json:"context"`
				Input   jsonx.Raw `json:"input"`
				Output  jsonx.Raw `json:"output"`
			} `json:"limit"`
			Modalities struct {
				Input  []string `json:"input"`
				Output []string `json:"output"`
			} `json:"modalities"`
		} `json:"models"`
	}
	if err := jsonx.Unmarshal(data, &file); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(file)) {
		for id, row := range file[name].Models {
			m := &schema.Model{
				ID: id, Name: row.Name, Context: whole(row.Limit.Context), MaxInput: whole(row.Limit.Input), MaxOutput: whole(row.Limit.Output),
				Input: devModalities(row.Modalities.Input), Output: devModalities(row.Modalities.Output),
				Tools: row.ToolCall, Schema: row.Structured, Reasoning: row.Reasoning,
			}
			if strings.Contains(m.Output, "text") && !strings.Contains(id, "embed") {
				m.Kind = "chat"
			}
			if err := devPrices(m, &row.Cost); err != nil {
				return fmt.Errorf("%s/%s: %w", name, id, err)
			}
			if err := t.add(devProvider(name), m); err != nil {
				return err
			}
		}
	}
	return nil
}

func devModalities(words []string) string {
	has := map[string]bool{}
	for _, word := range words {
		if word == "pdf" {
			word = "document"
		}
		has[word] = true
	}
	return modalities(has)
}

func devPrices(m *schema.Model, cost *devCost) error {
	standard, err := devRates(0, cost)
	if err != nil || standard == nil {
		return err
	}
	if value(standard.Input) == 0 && value(standard.Output) == 0 && !free(m.ID) {
		return nil // unknown prices are zeros there, too
	}
	m.Prices = append(m.Prices, *standard)
	if cost.Over200k != nil {
		long, err := devRates(200_000, cost.Over200k)
		if err != nil {
			return err
		}
		if long != nil {
			m.Prices = append(m.Prices, *long)
		}
	}
	return nil
}

// free reports whether an id says that its model costs nothing.
func free(id string) bool {
	return strings.HasSuffix(id, ":free") || strings.HasSuffix(id, "-free") || id == "openrouter/free"
}

// devRates reads prices; nil if there is none of input.
func devRates(above int64, cost *devCost) (*schema.Rates, error) {
	r := &schema.Rates{Above: above}
	for _, f := range [...]struct {
		text jsonx.Raw
		to   **schema.Amount
	}{
		{cost.Input, &r.Input},
		{cost.Output, &r.Output},
		{cost.CacheRead, &r.CacheRead},
		{cost.CacheWrite, &r.CacheWrite},
		{cost.Reasoning, &r.Reasoning},
		{cost.InputAudio, &r.AudioInput},
		{cost.OutputAudio, &r.AudioOutput},
	} {
		if f.text.Kind() != '0' || strings.HasPrefix(string(f.text), "-") { // -1 is a price that varies
			continue
		}
		n, err := schema.ParseDecimal(string(f.text), 6)
		if err != nil {
			return nil, err
		}
		a := schema.Amount(n)
		*f.to = &a
	}
	if r.Input == nil {
		return nil, nil //nolint:nilnil // a missing price is not an error
	}
	paid := value(r.Input) > 0
	for _, cache := range [...]**schema.Amount{&r.CacheRead, &r.CacheWrite} {
		if paid && value(*cache) == 0 {
			*cache = nil // unknown, because no provider gives it away where input costs something
		}
	}
	return r, nil
}

// readPiAI reads a file of pi-ai's folder dist/providers/data, named pi-ai-PROVIDER-DAY.json. Its types of
// models other than chat say less than their names.
func readPiAI(t *table, name string, data []byte) error {
	provider := strings.TrimPrefix(strings.TrimSuffix(path.Base(name), ".json"), "pi-ai-")
	provider = strings.TrimSuffix(aDay.ReplaceAllString(provider, ""), "-")
	type piCost struct {
		Input      jsonx.Raw `json:"input"`
		Output     jsonx.Raw `json:"output"`
		CacheRead  jsonx.Raw `json:"cacheRead"`
		CacheWrite jsonx.Raw `json:"cacheWrite"`
	}
	type piTier struct {
		piCost
		Above int64 `json:"inputTokensAbove"`
	}
	var file map[string]map[string]struct {
		Type      string   `json:"type"`
		ID        string   `json:"id"`
		Name      string   `json:"name"`
		Reasoning *bool    `json:"reasoning"`
		Input     []string `json:"input"`
		Cost      struct {
			piCost
			Tiers []piTier `json:"tiers"`
		} `json:"cost"`
		Context   jsonx.Raw `json:"contextWindow"`
		MaxTokens jsonx.Raw `json:"maxTokens"`
	}
	if err := jsonx.Unmarshal(data, &file); err != nil {
		return err
	}
	for _, api := range slices.Sorted(maps.Keys(file)) {
		for _, key := range slices.Sorted(maps.Keys(file[api])) {
			row := file[api][key]
			if row.Type != "chat" {
				continue
			}
			m := &schema.Model{
				ID: row.ID, Name: row.Name, Kind: "chat", Context: whole(row.Context), MaxOutput: whole(row.MaxTokens),
				Input: devModalities(row.Input), Reasoning: row.Reasoning,
			}
			if m.MaxOutput == m.Context {
				m.MaxOutput = 0 // not known there
			}
			cost := devCost{Input: row.Cost.Input, Output: row.Cost.Output, CacheRead: row.Cost.CacheRead, CacheWrite: row.Cost.CacheWrite}
			if err := devPrices(m, &cost); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
			for _, tier := range row.Cost.Tiers {
				r, err := devRates(tier.Above, &devCost{Input: tier.Input, Output: tier.Output, CacheRead: tier.CacheRead, CacheWrite: tier.CacheWrite})
				if err != nil {
					return fmt.Errorf("%s: %w", key, err)
				}
				if r != nil && len(m.Prices) > 0 && r.Above > 0 {
					m.Prices = append(m.Prices, *r)
				}
			}
			sortRates(m.Prices)
			if err := t.add(devProvider(provider), m); err != nil {
				return err
			}
		}
	}
	return nil
}
