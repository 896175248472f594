package catalogue

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
)

// file is the form of catalogue.json, and of the argument of With.
type file struct {
	Source     string              `json:"source"`
	RegionSets map[string][]string `json:"regionSets"`
	Lists      map[string][]string `json:"lists"`
	Families   map[string]kin      `json:"families"`
	Models     []row               `json:"models"`
	Rest       jsonx.Raw           `json:",embed"`
}

// row is a model in a file.
type row struct {
	ID           string             `json:"id"`
	Name         string             `json:"name"`
	Provider     string             `json:"provider"`
	Family       string             `json:"family"`
	Input        []string           `json:"input"`
	Output       []string           `json:"output"`
	Context      int64              `json:"context"`
	MaxOutput    int64              `json:"maxOutput"`
	CacheMinimum int64              `json:"cacheMinimum"`
	Optimized    bool               `json:"optimized"`
	Start        string             `json:"start"`
	Legacy       string             `json:"legacy"`
	End          string             `json:"end"`
	OnDemand     regions            `json:"onDemand"`
	Profiles     map[string]profile `json:"profiles"`
	Responses    bool               `json:"responses"`
	Mantle       *mantle            `json:"mantle"`
	Rest         jsonx.Raw          `json:",embed"`
}

// mantle is a Mantle in a file.
type mantle struct {
	ID        string    `json:"id"`
	Chat      bool      `json:"chat"`
	Responses string    `json:"responses"`
	In        regions   `json:"in"`
	Rest      jsonx.Raw `json:",embed"`
}

// regions are regions in a file: the name of a set or of a region, or a list of
// regions.
type regions struct {
	name string
	list []string
}

func (r *regions) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch kind := d.PeekKind(); kind {
	case '"':
		return jsonx.UnmarshalDecode(d, &r.name)
	case '[':
		return jsonx.UnmarshalDecode(d, &r.list)
	default:
		return jsonx.Fault("must be the name of a set of regions or a list of regions, not %s", jsonx.KindName(kind))
	}
}

// profile is a profile in a file: an object, or, as a short form, a list of its source
// regions and, if they differ, its destinations.
type profile struct {
	from, to regions
	broken   bool
}

func (p *profile) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch kind := d.PeekKind(); kind {
	case '[':
		var short []regions
		if err := jsonx.UnmarshalDecode(d, &short); err != nil {
			return err
		}
		if len(short) == 0 || len(short) > 2 {
			return jsonx.Fault(`must have one or two elements, the source and destination regions; a list of regions goes in {"from": [...], "to": [...]}`)
		}
		p.from, p.to = short[0], short[len(short)-1]
		return nil
	case '{':
		var long struct {
			From   regions   `json:"from"`
			To     *regions  `json:"to"`
			Broken bool      `json:"broken"`
			Rest   jsonx.Raw `json:",embed"`
		}
		if err := jsonx.UnmarshalDecode(d, &long); err != nil {
			return err
		}
		if err := nothingElse(long.Rest); err != nil {
			return jsonx.Fault("%v", err)
		}
		p.from, p.to, p.broken = long.From, long.From, long.Broken
		if long.To != nil {
			p.to = *long.To
		}
		return nil
	default:
		return jsonx.Fault("must be a list or an object, not %s", jsonx.KindName(kind))
	}
}

// nothingElse returns an error that names the first unknown member.
func nothingElse(rest jsonx.Raw) error {
	members, err := jsonx.Members(rest)
	if err != nil {
		return err
	}
	if len(members) > 0 {
		return fmt.Errorf("%s: unknown field", members[0].Name)
	}
	return nil
}

var (
	// modelID is the shape BedrockModelId of the service model of the control
	// plane, without the suffix of custom models.
	modelID = lazyregexp.New(`^[a-z0-9-]{1,63}\.[a-z0-9-]{1,63}([a-z0-9-]{1,63}\.){0,2}[a-z0-9-]{1,63}(:[a-z0-9-]{1,63}){0,2}$`)
	prefix  = lazyregexp.New(`^[a-z0-9-]{1,63}$`)
)

// With returns the catalogue with the models of the file added; a model replaces the
// one with the same id. The file has the form of catalogue.json, or is only the list of
// its models. It may use the sets and families of the catalogue, and may define others
// for its own models. A model may omit its name and provider, which are then derived
// from its id, and its modalities, which are then TEXT. An error names the invalid
// field.
func (c *Catalogue) With(models []byte) (*Catalogue, error) {
	var f file
	var err error
	if jsonx.Raw(models).Kind() == '[' {
		err = jsonx.Unmarshal(models, &f.Models)
	} else {
		err = jsonx.Unmarshal(models, &f)
	}
	if err == nil {
		err = nothingElse(f.Rest)
	}
	if err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	if len(f.Models) == 0 {
		return nil, errors.New("catalogue: models: names no model")
	}
	more := &Catalogue{
		models: slices.Clone(c.models), byID: merged(c.byID, nil), regions: merged(c.regions, nil),
		sets: merged(c.sets, f.RegionSets), families: merged(c.families, nil), lists: merged(c.lists, f.Lists),
	}
	for _, set := range f.RegionSets {
		for _, region := range set {
			more.regions[region] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Families)) {
		if more.families[name], err = f.Families[name].family(more.lists); err != nil {
			return nil, fmt.Errorf("catalogue: families.%s: %w", name, err)
		}
	}
	seen := map[string]bool{}
	for i := range f.Models {
		m, err := more.model(&f.Models[i])
		if err == nil && seen[m.ID] {
			err = errors.New("id: is used twice")
		}
		if err != nil {
			return nil, fmt.Errorf("catalogue: model %q: models[%d].%w", f.Models[i].ID, i, err)
		}
		seen[m.ID] = true
		if at := slices.IndexFunc(more.models, func(old *Model) bool { return old.ID == m.ID }); at >= 0 {
			more.models[at] = m
		} else {
			more.models = append(more.models, m)
		}
		more.byID[m.ID] = m
	}
	return more, nil
}

// merged returns a new map with the entries of both; b wins.
func merged[V any](a, b map[string]V) map[string]V {
	both := make(map[string]V, len(a)+len(b))
	maps.Copy(both, a)
	maps.Copy(both, b)
	return both
}

// model returns the model of a row. An error begins with the field's name.
func (c *Catalogue) model(r *row) (*Model, error) {
	if err := nothingElse(r.Rest); err != nil {
		return nil, err
	}
	if !modelID.MatchString(r.ID) {
		return nil, fmt.Errorf("id: %q is not the id of a model, such as anthropic.claude-sonnet-4-6", r.ID)
	}
	maker, rest, _ := strings.Cut(r.ID, ".")
	m := &Model{
		ID: r.ID, Name: cmp.Or(r.Name, rest), Provider: cmp.Or(r.Provider, maker), Family: r.Family,
		Input: r.Input, Output: r.Output,
		Context: r.Context, MaxOutput: r.MaxOutput, CacheMinimum: r.CacheMinimum, Optimized: r.Optimized,
		Responses: r.Responses, routes: map[string]route{},
	}
	if len(m.Input) == 0 {
		m.Input = []string{"TEXT"}
	}
	if len(m.Output) == 0 {
		m.Output = []string{"TEXT"}
	}
	var ok bool
	if m.family, ok = c.families[r.Family]; !ok {
		return nil, fmt.Errorf("family: unknown family %q", r.Family)
	}
	for _, limit := range []struct {
		field string
		value int64
	}{{"context", m.Context}, {"maxOutput", m.MaxOutput}, {"cacheMinimum", m.CacheMinimum}} {
		if limit.value < 0 {
			return nil, fmt.Errorf("%s: %d is negative", limit.field, limit.value)
		}
	}
	var err error
	for _, day := range []struct {
		field, text string
		to          *time.Time
	}{{"start", r.Start, &m.Start}, {"legacy", r.Legacy, &m.Legacy}, {"end", r.End, &m.End}} {
		if day.text == "" {
			continue
		}
		if *day.to, err = time.Parse(time.DateOnly, day.text); err != nil {
			return nil, fmt.Errorf("%s: day %q is not of the form 2026-01-31", day.field, day.text)
		}
	}
	if m.onDemand, err = c.regionsOf(r.OnDemand); err != nil {
		return nil, fmt.Errorf("onDemand: %w", err)
	}
	if r.Mantle != nil {
		if m.Mantle, err = c.mantle(r.Mantle); err != nil {
			return nil, fmt.Errorf("mantle.%w", err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Profiles)) {
		p := r.Profiles[name]
		to := route{broken: p.broken}
		if to.from, err = c.regionsOf(p.from); err == nil {
			to.to, err = c.regionsOf(p.to)
		}
		switch {
		case err != nil:
			return nil, fmt.Errorf("profiles.%s: %w", name, err)
		case !prefix.MatchString(name):
			return nil, fmt.Errorf("profiles: %q is not the prefix of a profile, such as us", name)
		case len(to.from) == 0 || len(to.to) == 0:
			return nil, fmt.Errorf("profiles.%s: names no region", name)
		}
		m.routes[name] = to
	}
	return m, nil
}

// mantle returns the Mantle that a file describes. An error begins with the member.
func (c *Catalogue) mantle(r *mantle) (Mantle, error) {
	m := Mantle{ID: r.ID, Chat: r.Chat, Responses: r.Responses}
	if err := nothingElse(r.Rest); err != nil {
		return Mantle{}, err
	}
	switch {
	case !modelID.MatchString(r.ID):
		return Mantle{}, fmt.Errorf("id: %q is not the id of a model, such as openai.gpt-5.5", r.ID)
	case r.Responses != "" && r.Responses != "/v1" && r.Responses != "/openai/v1":
		return Mantle{}, fmt.Errorf("responses: %q is neither /v1 nor /openai/v1", r.Responses)
	}
	var err error
	if m.regions, err = c.regionsOf(r.In); err != nil {
		return Mantle{}, fmt.Errorf("in: %w", err)
	}
	if len(m.regions) == 0 {
		return Mantle{}, errors.New("in: names no region")
	}
	return m, nil
}

// regionsOf resolves regions, sorted if they are a list.
func (c *Catalogue) regionsOf(r regions) ([]string, error) {
	if set, ok := c.sets[r.name]; ok {
		return set, nil
	}
	list := slices.Sorted(slices.Values(r.list))
	if r.name != "" {
		list = []string{r.name}
	}
	for _, region := range list {
		if !c.regions[region] {
			return nil, fmt.Errorf("unknown region or region set %q", region)
		}
	}
	return slices.Compact(list), nil
}
