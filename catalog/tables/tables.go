// Package tables makes the catalogue's files from public tables of prices and limits: LiteLLM's price
// map, models.dev's list, pi-ai's, which is made from it, and genai-prices.
//
// Which table a fact is taken from:
//
//   - Tables are asked in the order of Formats. LiteLLM's is the first, because most of its rows name the
//     provider's own page; models.dev's adds models and facts that it lacks. A fact is the first that a
//     table states.
//   - Prices of tokens are taken together, not one by one, so that they fit each other. If the first
//     table's prices of input and output are unlike those of the second, and genai-prices, which does not
//     depend on the others, agrees with the second, the second's are taken.
//
// Nothing is invented: what no table states is absent. Every disagreement about a price or a limit is
// reported. The same tables make the same files, byte for byte.
package tables

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"outcrop/catalog"
	"outcrop/catalog/schema"
	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
)

// Format is a kind of table.
type Format struct {
	// Pattern matches the names of its files, in the syntax of path.Match.
	Pattern string
	// URL is where its maker publishes it; empty if only a package has it.
	URL string

	source schema.Source // without its day
	read   func(t *table, name string, data []byte) error
}

// Formats are the known kinds of table, the one that is asked first in front. The day of a table is the
// last one in its file's name.
func Formats() []Format {
	return []Format{
		{
			Pattern: "model_prices_and_context_window*.json", URL: "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json",
			source: schema.Source{Key: "litellm", Name: "LiteLLM's price map", URL: "https://github.com/BerriAI/litellm"}, read: readLiteLLM,
		},
		{
			Pattern: "models.dev*.json", URL: "https://models.dev/api.json",
			source: schema.Source{Key: "models.dev", Name: "models.dev", URL: "https://models.dev"}, read: readModelsDev,
		},
		{
			Pattern: "pi-ai-*.json",
			source:  schema.Source{Key: "pi-ai", Name: "@earendil-works/pi-ai, made from models.dev", URL: "https://www.npmjs.com/package/@earendil-works/pi-ai"}, read: readPiAI,
		},
		{
			Pattern: "genai-prices*.json", URL: "https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/data.json",
			source: schema.Source{Key: "genai-prices", Name: "genai-prices", URL: "https://github.com/pydantic/genai-prices"}, read: readGenAIPrices,
		},
	}
}

// judge is the key of the table that is only asked where two others disagree.
const judge = "genai-prices"

// table has the facts of one source.
type table struct {
	source schema.Source
	// providers are the names of those that are wanted.
	providers map[string]bool
	models    map[string]map[string]*schema.Model // by provider and id
	price     func(provider, id string) *schema.Rates
}

// add adds a row, unless its provider is not wanted. The first of several rows of one id counts.
func (t *table) add(provider string, row *schema.Model) error {
	provider = catalog.Canonical(provider)
	if !t.providers[provider] || t.models[provider][row.ID] != nil {
		return nil
	}
	row.By = t.source.Key
	if err := row.Check(); err != nil {
		return fmt.Errorf("%s: %w", provider, err)
	}
	if t.models[provider] == nil {
		t.models[provider] = map[string]*schema.Model{}
	}
	t.models[provider][row.ID] = row
	return nil
}

// Result is what Update made.
type Result struct {
	// Files are the files of the catalogue by name.
	Files Files
	// Read are the tables that were read, and Kept those whose facts were kept from the present files.
	Read, Kept []schema.Source
	// Models counts the models and their other names.
	Models int
	// Disagreements say where tables state different prices or limits, and what was taken.
	Disagreements []string
}

// Update makes the files of the catalogue from the tables in a folder, for the providers with these names.
// Facts from tables that the folder lacks are kept from the present files, which may be nil. Files of the
// folder that are no known table are skipped. It is an error if there is no table, or if one has no day or
// cannot be read.
func Update(present, folder fs.FS, providers []string) (*Result, error) {
	wanted := map[string]bool{}
	for _, name := range providers {
		wanted[catalog.Canonical(name)] = true
	}
	read, err := readFolder(folder, wanted)
	if err != nil {
		return nil, err
	}
	kept, err := keep(present, read, wanted)
	if err != nil {
		return nil, err
	}
	r := &Result{Files: Files{}}
	for _, t := range read {
		r.Read = append(r.Read, t.source)
	}
	for _, t := range kept {
		r.Kept = append(r.Kept, t.source)
	}
	all := slices.Concat(read, kept)
	slices.SortStableFunc(all, func(a, b *table) int { return cmp.Compare(rank(a.source.Key), rank(b.source.Key)) })
	m := merger{tables: all}
	for _, provider := range slices.Sorted(maps.Keys(wanted)) {
		rows := m.provider(provider)
		if len(rows) == 0 {
			continue
		}
		var text []byte
		for _, row := range rows {
			text = append(row.Append(text), '\n')
		}
		r.Files[provider+catalog.Extension] = text
		r.Models += len(rows)
	}
	if r.Models == 0 {
		return nil, errors.New("the tables have no model of any provider")
	}
	r.Disagreements = m.disagreements
	r.Files[catalog.SourcesFile] = writeSources(all)
	return r, nil
}

// rank is the place of a source in the order of Formats.
func rank(key string) int {
	return slices.IndexFunc(Formats(), func(f Format) bool { return f.source.Key == key })
}

// aDay matches days.
var aDay = lazyregexp.New(`20\d\d-[01]\d-[0-3]\d`)

// readFolder reads the tables of a folder. Several files of one kind are parts of one table, whose day is
// that of the newest.
func readFolder(folder fs.FS, wanted map[string]bool) ([]*table, error) {
	names, err := fs.Glob(folder, "*.json")
	if err != nil {
		return nil, err
	}
	var all []*table
	for _, f := range Formats() {
		var t *table
		for _, name := range names {
			if ok, err := path.Match(f.Pattern, name); err != nil || !ok {
				continue
			}
			days := aDay.FindAllString(name, -1)
			if len(days) == 0 {
				return nil, fmt.Errorf("%s: the day of the table is unknown: put it at the end of the file name, as in name-2026-01-31.json", name)
			}
			if t == nil {
				t = &table{source: f.source, providers: wanted, models: map[string]map[string]*schema.Model{}}
				all = append(all, t)
			}
			t.source.Date = max(t.source.Date, days[len(days)-1])
			data, err := fs.ReadFile(folder, name)
			if err == nil {
				err = f.read(t, name, data)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
	}
	if len(all) == 0 {
		return nil, errors.New("no file has the name of a known table")
	}
	return all, nil
}

// keep makes tables of the facts in the present files whose sources are not read anew.
func keep(present fs.FS, read []*table, wanted map[string]bool) ([]*table, error) {
	if present == nil {
		return nil, nil
	}
	text, err := fs.ReadFile(present, catalog.SourcesFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	sources, err := catalog.ParseSources(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", catalog.SourcesFile, err)
	}
	kept := map[string]*table{}
	for _, s := range sources {
		if s.Key != judge && !slices.ContainsFunc(read, func(t *table) bool { return t.source.Key == s.Key }) {
			kept[s.Key] = &table{source: s, providers: wanted, models: map[string]map[string]*schema.Model{}}
		}
	}
	for provider := range wanted {
		text, err := fs.ReadFile(present, provider+catalog.Extension)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil {
			err = catalog.ParseModels(text, func(row *schema.Model) error {
				for key, t := range kept {
					if part, ok := stated(row, key); ok {
						if err := t.add(provider, part); err != nil {
							return err
						}
					}
				}
				return nil
			})
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", provider, err)
		}
	}
	return slices.SortedFunc(maps.Values(kept), func(a, b *table) int { return strings.Compare(a.source.Key, b.source.Key) }), nil
}

func writeSources(all []*table) []byte {
	var b bytes.Buffer
	b.WriteString("[\n")
	for i, t := range all {
		var w jsonx.Writer
		w.Object()
		for _, m := range [...]struct{ name, value string }{{"key", t.source.Key}, {"name", t.source.Name}, {"date", t.source.Date}, {"url", t.source.URL}} {
			w.Key(m.name)
			w.String(m.value)
		}
		w.EndObject()
		b.Write(w.Buf)
		if i < len(all)-1 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
	}
	b.WriteString("]\n")
	return b.Bytes()
}
