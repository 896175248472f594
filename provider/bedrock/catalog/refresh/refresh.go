// Package refresh generates the catalogue's data files from public tables: models.dev's, LiteLLM's
// price map, pi-ai's, catwalk's and Portkey's tables, a table of the regions of Claude's profiles
// and one of end-of-life dates, and AWS's answers to ListFoundationModels and
// ListInferenceProfiles.
//
// Each fact is taken from the newest table that states it, with the table's name and day as its
// source. What no table states, and what is wrong in them, is in notes.json, which is maintained by
// hand and takes precedence. Nothing is invented: a fact without a source is omitted. The same
// tables produce the same files, byte for byte.
//
// The day of a table counts more than its maker, because errors in tables are mostly outdated
// facts: pi-ai's table is made from models.dev's, and still has what models.dev has since corrected
// from AWS's price list (github.com/anomalyco/models.dev/pull/6790 and 6793). If pi-ai's table
// always won, its facts could never be updated, since Download does not fetch it. Only tables of
// the same day are ranked by reliability; see trust. The limitation is that a table counts as of
// the day in its name, which for a fetched one is that of the download: it wins over a newer fact
// of another table even if its maker has not updated the row since.
//
// Generate reads all tables. Update reads some of them and keeps what the data files have from the
// others. Download fetches the available ones.
package refresh

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/provider/bedrock/catalog/schema"
)

// Generate makes the data files, by name, from the tables in a folder. A table is identified by its
// file name, and its day is the last one in the name or in the member _provenance.source:
//
//	models-modelsdev*.json, models.dev*.json    https://models.dev/api.json, or its part for Bedrock by id
//	model_prices_and_context_window*.json       LiteLLM's price map
//	models-pi-ai*.json                          @earendil-works/pi-ai, dist/providers/data/amazon-bedrock.json
//	models-catwalk*.json                        charm.land/catwalk, its providers for Bedrock by id
//	portkey-pricing-bedrock*.json               github.com/Portkey-AI/models, pricing/bedrock.json
//	portkey-pricing-bedrock-mantle*.json        the same, pricing/bedrock-mantle.json
//	portkey-general-bedrock*.json               the same, general/bedrock.json
//	inference-profile-regions*.json             regions of Claude's profiles
//	lifecycle*.json                             days of lives
//	*list-foundation-models*.json               an answer of ListFoundationModels
//	*list-inference-profiles*.json              an answer of ListInferenceProfiles
//
// Other files are skipped. It is an error if there is no table, if a table has no day, or if one
// cannot be read.
func Generate(tables fs.FS) (files map[string][]byte, err error) {
	c, err := readTables(tables)
	if err != nil {
		return nil, err
	}
	return c.write()
}

// readTables returns the claims of the tables in a folder.
func readTables(tables fs.FS) (*claims, error) {
	n, err := readNotes()
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(tables, "*.json")
	if err != nil {
		return nil, err
	}
	c := newClaims(n)
	for _, name := range names {
		if err := c.read(tables, name); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	if len(c.tables) == 0 {
		return nil, errors.New("no file has the name of a known table")
	}
	return c, nil
}

// format is a kind of table.
type format struct {
	// patterns match the names of its files, in the syntax of path.Match.
	patterns []string
	source   schema.Source // without its day
	read     func(c *claims, s *source, data []byte) error
}

// formats lists the kinds of table. A name belongs to the first that matches.
func formats() []format {
	return []format{
		{[]string{"*list-foundation-models*.json"}, schema.Source{Key: "aws-models", Name: "answers of ListFoundationModels", URL: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListFoundationModels.html"}, readFoundationModels},
		{[]string{"*list-inference-profiles*.json"}, schema.Source{Key: "aws-profiles", Name: "answers of ListInferenceProfiles", URL: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListInferenceProfiles.html"}, readInferenceProfiles},
		{[]string{"models-pi-ai*.json"}, schema.Source{Key: "pi-ai", Name: "@earendil-works/pi-ai", URL: "https://www.npmjs.com/package/@earendil-works/pi-ai"}, readPiAI},
		{[]string{"models-modelsdev*.json", "models.dev*.json"}, schema.Source{Key: "models.dev", Name: "models.dev", URL: "https://models.dev"}, readModelsDev},
		{[]string{"models-catwalk*.json"}, schema.Source{Key: "catwalk", Name: "catwalk", URL: "https://github.com/charmbracelet/catwalk"}, readCatwalk},
		{[]string{"portkey-pricing-bedrock-mantle*.json"}, schema.Source{Key: "portkey-pricing-mantle", Name: "Portkey's prices for bedrock-mantle", URL: "https://github.com/Portkey-AI/models"}, readPortkeyMantle},
		{[]string{"portkey-pricing-bedrock*.json"}, schema.Source{Key: "portkey-pricing", Name: "Portkey's prices for Bedrock", URL: "https://github.com/Portkey-AI/models"}, readPortkeyPrices},
		{[]string{"portkey-general-bedrock-mantle*.json"}, schema.Source{}, nil}, // it adds nothing to the prices
		{[]string{"portkey-general-bedrock*.json"}, schema.Source{Key: "portkey-general", Name: "Portkey's models of Bedrock", URL: "https://github.com/Portkey-AI/models"}, readPortkeyModels},
		{[]string{"model_prices_and_context_window*.json"}, schema.Source{Key: "litellm", Name: "LiteLLM's price map", URL: "https://github.com/BerriAI/litellm"}, readLiteLLM},
		{[]string{"inference-profile-regions*.json"}, schema.Source{Key: "claude-guidance", Name: "AWS guidance for Claude Code with Amazon Bedrock", URL: "https://github.com/aws-solutions-library-samples/guidance-for-claude-code-with-amazon-bedrock"}, readProfileRegions},
		{[]string{"lifecycle*.json"}, schema.Source{Key: "aws-startups", Name: "AWS Startups' table of model lifecycles", URL: "https://github.com/awslabs/startups"}, readLifecycle},
	}
}

// source is a table being read.
type source struct {
	schema.Source
	// kind is the Key common to all tables of its kind, whatever their days.
	kind string
	// day is the parsed Date.
	day time.Time
}

// newer orders sources, the newer one first; of one day, which all tables have that are fetched
// together, the more trusted one.
func newer(a, b *source) int {
	return cmp.Or(b.day.Compare(a.day), cmp.Compare(trust(a.kind), trust(b.kind)), cmp.Compare(a.Key, b.Key))
}

// trust returns the rank of a kind of table among those of one day; the first is for sources of the
// notes. AWS's own come next. models.dev's rows for Bedrock, from which pi-ai's are made, follow
// AWS's price list. LiteLLM has calls by the bare id of newer Claude models at the price of global
// profiles, which is a tenth too low (github.com/BerriAI/litellm/issues/42679). catwalk and Portkey
// have many profiles of geographies at that price; and for models on both, Portkey's prices for
// bedrock-mantle differ from those of bedrock-runtime.
func trust(kind string) int {
	return slices.Index([]string{
		"aws-models", "aws-profiles", "claude-guidance", "aws-startups", "pi-ai", "models.dev",
		"litellm", "catwalk", "portkey-pricing", "portkey-pricing-mantle", "portkey-general",
	}, kind)
}

// read reads a file if it is a known table.
func (c *claims) read(tables fs.FS, name string) error {
	f := formatOf(name)
	if f.read == nil {
		return nil
	}
	data, err := fs.ReadFile(tables, name)
	if err != nil {
		return err
	}
	date, err := c.dateOf(name, data)
	if err != nil {
		return err
	}
	s, err := c.source(f.source.Key, f.source, date)
	if err != nil {
		return err
	}
	if c.tables[s.kind] == nil {
		c.tables[s.kind] = &table{regions: map[string]bool{}}
	}
	c.tables[s.kind].add(s)
	return f.read(c, s, data)
}

// formatOf returns the kind of table of a file by its name; the zero value if it is not a table.
func formatOf(name string) format {
	for _, f := range formats() {
		if matches(f.patterns, name) {
			return f
		}
	}
	return format{}
}

// table is what was read from tables of one kind.
type table struct {
	sources []*source
	// regions are those of the AWS lists that were read.
	regions map[string]bool
}

func (t *table) add(s *source) {
	if !slices.Contains(t.sources, s) {
		t.sources = append(t.sources, s)
	}
}

// aDay matches days.
var aDay = regexp.MustCompile(`20\d\d-[01]\d-[0-3]\d`)

// dateOf returns the day of a table.
func (c *claims) dateOf(name string, data []byte) (string, error) {
	if days := aDay.FindAllString(path.Base(name), -1); len(days) > 0 {
		return days[len(days)-1], nil
	}
	var file struct {
		Provenance struct {
			Source string `json:"source"`
		} `json:"_provenance"`
	}
	if err := jsonx.Unmarshal(data, &file); err != nil {
		return "", err
	}
	if days := aDay.FindAllString(file.Provenance.Source, -1); len(days) > 0 {
		return days[len(days)-1], nil
	}
	for _, text := range slices.Sorted(maps.Keys(c.notes.Dates)) {
		if strings.Contains(file.Provenance.Source, text) {
			return c.notes.Dates[text], nil
		}
	}
	return "", errors.New("the date of the table is unknown: put it at the end of the file name, as in name-2026-01-31.json")
}

// source returns the source for a table of a kind and day. Tables of one kind and different days
// have separate sources.
func (c *claims) source(kind string, of schema.Source, date string) (*source, error) {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil {
		return nil, fmt.Errorf("%q is not a date such as 2026-01-31", date)
	}
	of.Date = date
	if s := c.sources[of.Key]; s != nil && s.Date != date {
		of.Key += "-" + date
	}
	if c.sources[of.Key] == nil {
		c.sources[of.Key] = &source{of, kind, day}
	}
	return c.sources[of.Key], nil
}
