package refresh

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	public "outcrop/catalog/tables"
	"outcrop/upstream"
)

// Origins configures where Download gets the tables. The zero value means the places
// where their makers publish them, without AWS's lists.
type Origins struct {
	// GitHub is the base URL of files of public repositories, and ModelsDev that of
	// models.dev; https://raw.githubusercontent.com and https://models.dev if empty.
	GitHub, ModelsDev string

	// Lists returns answers of ListFoundationModels and ListInferenceProfiles, each in
	// its own file with a name such as us-east-1-list-foundation-models.json. A list of
	// several pages is several files. Files returned with an error are used. If Lists is
	// nil, AWS is not called.
	Lists func(ctx context.Context) (map[string][]byte, error)

	// Now returns the day of the download; nil means the clock.
	Now func() time.Time
}

// Download fetches the public tables, which are LiteLLM's price map, models.dev's, and
// Portkey's for Bedrock, and AWS's lists. Their names are those that Update recognizes,
// with the day of the download, in UTC. A table that is not available causes a warning;
// it is an error if none is, or if ctx ends.
//
// The tables do not state their age, so they count as of this day: they win over
// earlier tables with the same fact, and among themselves by trust.
func Download(ctx context.Context, from Origins) (tables Files, warnings []error, err error) {
	now := time.Now
	if from.Now != nil {
		now = from.Now
	}
	day := "-" + now().UTC().Format(time.DateOnly) + ".json"
	github := cmp.Or(from.GitHub, "https://raw.githubusercontent.com")
	client := upstream.New()
	defer client.CloseIdle()
	tables = Files{}
	for _, t := range []struct{ name, address string }{
		{"model_prices_and_context_window", github + "/BerriAI/litellm/main/model_prices_and_context_window.json"},
		{"models.dev", cmp.Or(from.ModelsDev, "https://models.dev") + "/api.json"},
		{"portkey-pricing-bedrock", github + "/Portkey-AI/models/main/pricing/bedrock.json"},
		{"portkey-pricing-bedrock-mantle", github + "/Portkey-AI/models/main/pricing/bedrock-mantle.json"},
		{"portkey-general-bedrock", github + "/Portkey-AI/models/main/general/bedrock.json"},
	} {
		data, err := public.Fetch(ctx, client, t.address, public.LargestTable)
		switch {
		case context.Cause(ctx) != nil:
			return nil, nil, context.Cause(ctx)
		case err != nil:
			warnings = append(warnings, fmt.Errorf("%s: %w", t.address, err))
		default:
			tables[t.name+day] = data
		}
	}
	if from.Lists != nil {
		lists, err := from.Lists(ctx)
		if cause := context.Cause(ctx); cause != nil {
			return nil, nil, cause
		}
		if err != nil {
			warnings = append(warnings, fmt.Errorf("AWS's lists: %w", err))
		}
		for _, name := range slices.Sorted(maps.Keys(lists)) {
			if !traitsOf(formatOf(name).source.Key).regional {
				return nil, nil, fmt.Errorf("AWS's lists: unknown list %q", name)
			}
			file := name
			if !aDay.MatchString(name) {
				file = strings.TrimSuffix(name, ".json") + day
			}
			tables[file] = lists[name]
		}
	}
	if len(tables) == 0 {
		return nil, nil, fmt.Errorf("no table could be fetched:\n%w", errors.Join(warnings...))
	}
	return tables, warnings, nil
}
