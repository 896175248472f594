package catalog

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/bedrock/catalog/schema"
)

// Embedded returns the built-in catalogue. The compiler has laid it out, so that a start reads no data; a test makes
// its source from the data files, and fails where the two differ.
func Embedded() *Catalogue { return &builtin }

//go:embed data/*.json
var embedded embed.FS // never written to

// Files returns the data files that Embedded was made from.
func Files() (fs.FS, error) { return fs.Sub(embedded, "data") }

// Names of the files that are not a vendor's.
const (
	sourcesFile  = "sources.json"
	profilesFile = "profiles.json"
)

// Parse reads the files of a folder in the format of package schema. An error names the file and
// the problem.
func Parse(files fs.FS) (*Catalogue, error) {
	r := &reader{
		files: files, c: &Catalogue{}, sources: map[string]*Source{},
		content: content{models: map[string]*Model{}, profiles: map[string]*Profile{}},
	}
	if err := r.readSources(); err != nil {
		return nil, fmt.Errorf("%s: %w", sourcesFile, err)
	}
	names, err := fs.Glob(files, "*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if name == sourcesFile || name == profilesFile {
			continue
		}
		if err := r.readModels(name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if err := r.readProfiles(); err != nil {
		return nil, fmt.Errorf("%s: %w", profilesFile, err)
	}
	r.c.index(r.content)
	return r.c, nil
}

// reader fills a catalogue from files.
type reader struct {
	files fs.FS
	c     *Catalogue
	content
	sources map[string]*Source
}

func (r *reader) read(name string, into any) error {
	data, err := fs.ReadFile(r.files, name)
	if err != nil {
		return err
	}
	return jsonx.Unmarshal(data, into)
}

func (r *reader) readSources() error {
	var file schema.Sources
	if err := r.read(sourcesFile, &file); err != nil {
		return err
	}
	for _, row := range file.Sources {
		date, err := day(row.Date)
		switch {
		case err != nil:
			return fmt.Errorf("source %q: %w", row.Key, err)
		case date.IsZero() || row.Key == "" || row.Name == "":
			return fmt.Errorf("source %q needs a key, a name and a date", row.Key)
		case r.sources[row.Key] != nil:
			return fmt.Errorf("source %q is defined twice", row.Key)
		}
		r.sources[row.Key] = &Source{Key: row.Key, Name: row.Name, Date: date, URL: row.URL, Unconfirmed: row.Unconfirmed}
	}
	if _, err := r.source(file.Regions.By); err != nil {
		return fmt.Errorf("regions: %w", err)
	}
	r.c.regions = file.Regions.Names
	return sorted(file.Regions.Names)
}

// source returns the source with a key.
func (r *reader) source(key string) (*Source, error) {
	if s := r.sources[key]; s != nil {
		return s, nil
	}
	return nil, fmt.Errorf("there is no source %q", key)
}

func (r *reader) readModels(name string) error {
	var file schema.Models
	if err := r.read(name, &file); err != nil {
		return err
	}
	last := ""
	for i := range file.Models {
		row := &file.Models[i]
		if row.ID <= last {
			return fmt.Errorf("model %q is empty, duplicated or out of order", row.ID)
		}
		last = row.ID
		if home := cmp.Or(vendorOf(row.ID), "other") + ".json"; home != name {
			return fmt.Errorf("model %q belongs in the file %s", row.ID, home)
		}
		m, err := r.model(row)
		if err != nil {
			return fmt.Errorf("model %q: %w", row.ID, err)
		}
		r.models[m.ID] = m
	}
	return nil
}

func (r *reader) model(row *schema.Model) (*Model, error) {
	m := &Model{
		ID: row.ID, Name: row.Name, Vendor: vendorOf(row.ID), Family: row.Family, Kind: Kind(row.Kind),
		Converse: tri(row.Converse), Invoke: tri(row.Invoke), OpenAI: tri(row.OpenAI), OpenAIResponses: tri(row.OpenAIResponses),
		Context: row.Context, MaxOutput: row.MaxOutput,
		System: tri(row.System), Streaming: tri(row.Streaming), Tools: tri(row.Tools), StreamTools: tri(row.StreamTools),
		StructuredOutput: tri(row.StructuredOutput),
	}
	for _, place := range slices.Sorted(maps.Keys(row.OnDemand)) {
		m.onDemand = append(m.onDemand, onDemand{place, row.OnDemand[place]})
	}
	m.Lifecycle.Successor, m.Lifecycle.Ended = row.Successor, tri(row.Ended)
	if row.Mantle != nil {
		m.Mantle = Mantle{
			ID: row.Mantle.ID, Chat: tri(row.Mantle.Chat), Responses: tri(row.Mantle.Responses), Messages: tri(row.Mantle.Messages),
			ResponsesBase: row.Mantle.ResponsesBase, In: row.Mantle.In,
		}
		if err := sorted(m.Mantle.In); err != nil {
			return nil, fmt.Errorf("mantle: %w", err)
		}
	}
	if row.Reasoning != nil {
		m.Reasoning = Reasoning{
			Supported: tri(row.Reasoning.Supported), Style: Style(row.Reasoning.Style), Efforts: row.Reasoning.Efforts,
			MinimumBudget: row.Reasoning.MinimumBudget, Always: tri(row.Reasoning.Always),
		}
	}
	if row.Cache != nil {
		m.Cache = Cache{Supported: tri(row.Cache.Supported), Minimum: row.Cache.Minimum}
		for _, ttl := range row.Cache.TTLs {
			switch ttl {
			case "5m":
				m.Cache.FiveMinutes = Yes
			case "1h":
				m.Cache.OneHour = Yes
			default:
				return nil, fmt.Errorf("cache: %q is not a time to live", ttl)
			}
		}
	}
	var err error
	if m.Input, err = modalitySet(row.Input); err != nil {
		return nil, fmt.Errorf("input: %w", err)
	}
	if m.Output, err = modalitySet(row.Output); err != nil {
		return nil, fmt.Errorf("output: %w", err)
	}
	for _, d := range []struct {
		text string
		to   *Moment
	}{{row.Released, &m.Lifecycle.Launched}, {row.Legacy, &m.Lifecycle.Legacy}, {row.EndOfLife, &m.Lifecycle.EndOfLife}} {
		if *d.to, err = day(d.text); err != nil {
			return nil, err
		}
	}
	if err := r.attribute(m, row.By); err != nil {
		return nil, err
	}
	priced := map[string]bool{}
	for i := range row.Prices {
		if err := r.price(m, &row.Prices[i], priced); err != nil {
			return nil, fmt.Errorf("price %d: %w", i, err)
		}
	}
	slices.SortFunc(m.prices, func(a, b Price) int { return a.compare(&b) })
	return m, nil
}

// attribute sets the source of each fact.
func (r *reader) attribute(m *Model, by map[string]string) error {
	stated := map[string]bool{}
	for _, key := range slices.Sorted(maps.Keys(by)) {
		source, err := r.source(key)
		if err != nil {
			return err
		}
		for fact := range strings.FieldsSeq(by[key]) {
			if stated[fact] {
				return fmt.Errorf("fact %q has two sources", fact)
			}
			stated[fact] = true
		}
		m.credits = append(m.credits, credit{source, by[key]})
	}
	return nil
}

// price adds a price to a model. priced has the places of those before it.
func (r *reader) price(m *Model, row *schema.Price, priced map[string]bool) error {
	p := Price{Profile: row.Profile, Regions: row.Regions, LongAbove: row.LongAbove}
	var standard *Rates
	for _, tier := range []struct {
		row *schema.Rates
		to  **Rates
	}{{row.Standard, &standard}, {row.Long, &p.Long}, {row.Batch, &p.Batch}, {row.Flex, &p.Flex}, {row.Priority, &p.Priority}} {
		if tier.row == nil {
			continue
		}
		rates, err := r.rates(tier.row)
		if err != nil {
			return err
		}
		*tier.to = &rates
	}
	if standard != nil {
		p.Standard = *standard
	}
	if p.Long.Known() != (p.LongAbove > 0) {
		return errors.New("rates for long prompts and longAbove require each other")
	}
	if u := row.Units; u != nil {
		source, err := r.source(u.By)
		if err != nil {
			return err
		}
		p.UnitSource = source
		if u.Image != nil {
			p.Image = llm.Some(llm.Cost(*u.Image))
		}
		if u.Query != nil {
			p.Query = llm.Some(llm.Cost(*u.Query))
		}
	}
	places := row.Regions
	if row.Profile != "" || len(places) == 0 {
		if row.Profile != "" && len(places) > 0 {
			return errors.New("has both a profile and regions")
		}
		places = []string{row.Profile}
	}
	for _, place := range places {
		if priced[place] {
			return fmt.Errorf("is the second price for %q", place)
		}
		priced[place] = true
	}
	m.prices = append(m.prices, p)
	return sorted(row.Regions)
}

func (r *reader) rates(row *schema.Rates) (Rates, error) {
	source, err := r.source(row.By)
	if err != nil {
		return Rates{}, err
	}
	rates := Rates{
		Input: rate(row.Input), Output: rate(row.Output),
		CacheRead: rate(row.CacheRead), CacheWrite: rate(row.CacheWrite), CacheWrite1h: rate(row.CacheWrite1h),
		Source: source, Source1h: source,
	}
	if row.By1h != "" {
		if rates.Source1h, err = r.source(row.By1h); err != nil {
			return Rates{}, err
		}
	}
	return rates, nil
}

func (r *reader) readProfiles() error {
	var file schema.Profiles
	if err := r.read(profilesFile, &file); err != nil {
		return err
	}
	last := ""
	for i := range file.Profiles {
		row := &file.Profiles[i]
		if row.ID <= last {
			return fmt.Errorf("profile %q is empty, duplicated or out of order", row.ID)
		}
		last = row.ID
		p, err := r.profile(row)
		if err != nil {
			return fmt.Errorf("profile %q: %w", row.ID, err)
		}
		r.profiles[p.ID] = p
	}
	for _, row := range file.Geographies {
		if _, err := r.source(row.By); err != nil {
			return fmt.Errorf("geography %q: %w", row.Prefix, err)
		}
		g := Geography{Prefix: row.Prefix, From: row.From}
		g.To, g.Worldwide = destinations(row.To)
		r.c.declared = append(r.c.declared, g)
	}
	return nil
}

func (r *reader) profile(row *schema.Profile) (*Profile, error) {
	p := &Profile{ID: row.ID, from: row.From}
	var ok bool
	if p.Prefix, p.Base, ok = splitProfile(row.ID); !ok || r.models[p.Base] == nil {
		return nil, errors.New("belongs to no model in the catalogue")
	}
	p.to, p.world = destinations(row.To)
	p.world = p.world || p.Prefix == global
	var err error
	if p.Source, err = r.source(row.By); err != nil {
		return nil, err
	}
	if len(row.From)+len(row.To) > 0 {
		if p.RegionsSource, err = r.source(row.RegionsBy); err != nil {
			return nil, err
		}
	}
	if err := sorted(row.From); err != nil {
		return nil, err
	}
	return p, sorted(row.To)
}

// everywhere in a list of destinations means all commercial regions.
const everywhere = "*"

// destinations reads a list of destinations.
func destinations(to []string) (regions []string, world bool) {
	if slices.Equal(to, []string{everywhere}) {
		return nil, true
	}
	return to, false
}

// tri reads a boolean that may be missing.
func tri(b *bool) Known {
	if b == nil {
		return Unknown
	}
	return known(*b)
}

func rate(a *schema.Amount) llm.Opt[Rate] {
	if a == nil {
		return llm.Opt[Rate]{}
	}
	return llm.Some(Rate(*a))
}

func modalitySet(names []string) (Modality, error) {
	var set Modality
	for _, name := range names {
		m := parseModality(name)
		if m == 0 {
			return 0, fmt.Errorf("%q is not a modality", name)
		}
		set |= m
	}
	return set, nil
}

// day reads a day such as 2026-11-10; the empty text is unknown.
func day(text string) (Moment, error) {
	if text == "" {
		return 0, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return 0, fmt.Errorf("%q is not a day such as 2026-11-10", text)
	}
	return momentOf(t), nil
}

// sorted returns an error if names are out of order or duplicated.
func sorted(names []string) error {
	for i := 1; i < len(names); i++ {
		if names[i-1] >= names[i] {
			return fmt.Errorf("%q is out of order", names[i])
		}
	}
	return nil
}
