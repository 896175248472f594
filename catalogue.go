package outcrop

import (
	"io/fs"
	"strings"
	"sync/atomic"

	"outcrop/catalog"
	"outcrop/config"
	"outcrop/llm"
)

// openCatalogue sets c.catalogue. A file in the data folder that cannot be used is logged.
func (c *Client) openCatalogue(opt Options) error {
	if c.catalogue = opt.Catalogue; c.catalogue != nil {
		return nil
	}
	files, err := catalog.Newest(opt.DataDir)
	if err != nil {
		c.log.Warn("the program's own prices and limits are used", "reason", err.Error(), "fix", "outcrop catalog refresh writes the file anew")
	}
	if c.catalogue, err = c.parsed(files); err != nil {
		c.log.Warn("the program's own prices and limits are used", "reason", err.Error(), "fix", "outcrop catalog refresh writes the file anew")
		c.catalogue, err = c.parsed(catalog.Embedded())
	}
	return err
}

// parsed opens a catalogue and parses the models of the configured providers. A file of another release may
// have facts that this one does not understand.
func (c *Client) parsed(files fs.FS) (*catalog.Catalogue, error) {
	opened, err := catalog.Open(files)
	if err != nil {
		return nil, err
	}
	for i := range c.Config().Models {
		if _, err := opened.Provider(c.Config().Models[i].Provider); err != nil {
			return nil, err
		}
	}
	return opened, nil
}

// fact is what is known of a model; nil for nothing.
type fact struct {
	id    string
	known *catalog.Model
}

// factsOf returns what is known of the models of an entry, by their ids at the provider. For Bedrock's,
// which have a catalogue of their own, it returns nil.
func (c *Client) factsOf(m *config.Model) (func(model string) *catalog.Model, error) {
	if m.OnBedrock() {
		return nil, nil //nolint:nilnil // documented
	}
	table, err := c.catalogue.Provider(m.Provider)
	if err != nil {
		return nil, err
	}
	if m.BaseModel == "" {
		var last atomic.Pointer[fact] // most entries have one model only
		return func(model string) *catalog.Model {
			if f := last.Load(); f != nil && f.id == model {
				return f.known
			}
			known, _ := table.Model(model)
			last.Store(&fact{strings.Clone(model), known})
			return known
		}, nil
	}
	known, err := c.baseModel(table, m.BaseModel)
	if err != nil {
		return nil, err
	}
	return func(string) *catalog.Model { return known }, nil
}

// prices returns what calls of a model cost that a client makes at the provider's own API: what the first entry
// of the configuration for the model says, otherwise the catalogue; nil if neither knows it. own is whether the
// operator has set the prices.
func (c *Client) prices(provider, model string) (p llm.Pricer, own bool) {
	s := c.served()
	for i := range s.models {
		m := s.models[i]
		if m.Provider != provider || m.Model != model {
			continue
		}
		if m.Price != nil {
			return m.Price, true
		}
		if facts := s.facts[i]; facts != nil {
			if known := facts(model); known != nil && known.Prices != nil {
				return known.Prices, false
			}
		}
	}
	table, err := c.catalogue.Provider(provider)
	if err != nil {
		return nil, false
	}
	if known, ok := table.Model(model); ok && known.Prices != nil {
		return known.Prices, false
	}
	return nil, false
}

// makers are the providers whose models base_model may name without them.
var makers = [...]string{"openai", "anthropic", "gemini", "mistral", "cohere"}

// baseModel returns the model that base_model names: with a provider in front, or one of the deployment's
// own provider, or one of a maker of models; nil if it is not known.
func (c *Client) baseModel(own *catalog.Table, name string) (*catalog.Model, error) {
	if known, ok := own.Model(name); ok {
		return known, nil
	}
	providers := makers[:]
	if first, rest, ok := strings.Cut(name, "/"); ok {
		providers, name = []string{first}, rest
	}
	for _, provider := range providers {
		table, err := c.catalogue.Provider(provider)
		if err != nil {
			return nil, err
		}
		if known, ok := table.Model(name); ok {
			return known, nil
		}
	}
	return nil, nil //nolint:nilnil // documented
}
