// Package catalog holds what is known of the models of every provider: what they cost, their limits
// and what they can do, each fact with its source. Models of Bedrock are in provider/bedrock/catalog,
// because what they cost depends on regions and profiles; the form of facts is the same.
//
// The facts of the folder data are part of the program; package tables makes that folder from public
// tables. A File has newer ones, which a user has fetched. Open reads neither; a provider's models are
// parsed when they are first asked for, which is at the start of the gateway, for the providers of its
// configuration. Look-ups afterwards neither parse nor wait.
package catalog

import (
	"bytes"
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"outcrop/catalog/schema"
	"outcrop/internal/jsonx"
)

//go:embed data
var data embed.FS

// Embedded returns the files that are part of the program, for Open.
func Embedded() fs.FS {
	sub, err := fs.Sub(data, "data")
	if err != nil {
		panic(err) //nolint:forbidigo // the folder is embedded
	}
	return sub
}

// Names of files: SourcesFile lists the sources, and every other file with Extension has the models of
// the provider in its name.
const (
	SourcesFile = "sources.json"
	Extension   = ".jsonl"
)

// Catalogue has the models of all providers. Any number of goroutines can use it.
type Catalogue struct {
	files   fs.FS
	sources map[string]*Source

	mu     sync.Mutex
	tables map[string]*Table // by provider
}

// Source is where facts come from.
type Source struct {
	Key, Name, URL string
	// Date is the day on which the facts were current.
	Date time.Time
}

// Open makes a catalogue of files, such as those of Embedded. It reads the list of sources only.
func Open(files fs.FS) (*Catalogue, error) {
	text, err := fs.ReadFile(files, SourcesFile)
	if err != nil {
		return nil, fmt.Errorf("the catalogue's sources cannot be read: %w", err)
	}
	rows, err := ParseSources(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", SourcesFile, err)
	}
	c := &Catalogue{files: files, sources: map[string]*Source{}, tables: map[string]*Table{}}
	for i := range rows {
		s := &rows[i]
		day, err := time.Parse(time.DateOnly, s.Date)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", SourcesFile, err)
		}
		c.sources[s.Key] = &Source{Key: s.Key, Name: s.Name, URL: s.URL, Date: day}
	}
	return c, nil
}

// ParseSources reads the text of SourcesFile.
func ParseSources(text []byte) ([]schema.Source, error) {
	var rows []schema.Source
	if err := jsonx.Unmarshal(text, &rows); err != nil {
		return nil, err
	}
	for i := range rows {
		if err := rows[i].Check(); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(rows[:i], func(o schema.Source) bool { return o.Key == rows[i].Key }) {
			return nil, fmt.Errorf("the source %s is there twice", rows[i].Key)
		}
	}
	return rows, nil
}

// Newest is the day of the newest source.
func (c *Catalogue) Newest() time.Time {
	var day time.Time
	for _, s := range c.sources {
		if s.Date.After(day) {
			day = s.Date
		}
	}
	return day
}

// Sources are the sources, the newest first.
func (c *Catalogue) Sources() []*Source {
	return slices.SortedFunc(maps.Values(c.sources), func(a, b *Source) int {
		return cmp.Or(b.Date.Compare(a.Date), strings.Compare(a.Key, b.Key))
	})
}

// Provider returns the models of a provider, by its name in model strings; an empty table if none is
// known. The first call for a provider parses its file.
func (c *Catalogue) Provider(name string) (*Table, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.tables[name]; t != nil {
		return t, nil
	}
	t := &Table{provider: name, models: map[string]*Model{}, folded: map[string]*Model{}}
	text, err := fs.ReadFile(c.files, fileOf(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, fmt.Errorf("the models of %s cannot be read: %w", name, err)
	default:
		if err := t.read(text, c.sources); err != nil {
			return nil, fmt.Errorf("the models of %s: %w", name, err)
		}
	}
	c.tables[name] = t
	return t, nil
}

// fileOf is the name of a provider's file.
func fileOf(provider string) string { return Canonical(provider) + Extension }

// Canonical is the name of the provider that a second name stands for, such as together_ai for together;
// other names as they are.
func Canonical(provider string) string {
	switch provider {
	case "ai21":
		return "ai21_chat"
	case "cohere_chat":
		return "cohere"
	case "llama_cpp":
		return "llamafile"
	case "ollama_chat":
		return "ollama"
	case "openai_like":
		return "custom_openai"
	case "together":
		return "together_ai"
	case "vllm":
		return "hosted_vllm"
	default:
		return provider
	}
}

// ParseModels calls each with the rows of a provider's file, in order. A row that cannot be right or is
// out of order ends it with an error that has the line.
func ParseModels(text []byte, each func(*schema.Model) error) error {
	last := ""
	line := 0
	for row := range bytes.Lines(text) {
		line++
		var m schema.Model
		err := jsonx.Unmarshal(bytes.TrimSuffix(row, []byte("\n")), &m)
		if err == nil {
			err = m.Check()
		}
		if err == nil && m.ID <= last {
			err = fmt.Errorf("%s is out of order or there twice", m.ID)
		}
		if err == nil {
			err = each(&m)
		}
		if err != nil {
			return fmt.Errorf("line %d: %w", line, err)
		}
		last = m.ID
	}
	return nil
}
