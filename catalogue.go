package outcrop

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"outcrop/catalog"
	"outcrop/config"
)

// CatalogueFile is the name of the file in Options.DataDir that has newer prices and limits of models than
// the program, as outcrop catalog refresh writes it.
const CatalogueFile = "catalogue.zip"

// Catalogue opens the newest prices and limits of models: those in a data folder, if it has some that are
// not older than the program's, else the program's. dir may be empty. If the folder's cannot be used, the
// error says why, and the program's are returned with it.
func Catalogue(dir string) (*catalog.Catalogue, error) {
	embedded, err := catalog.Open(catalog.Embedded())
	if err != nil || dir == "" {
		return embedded, err
	}
	name := filepath.Join(dir, CatalogueFile)
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return embedded, nil
	}
	if err == nil {
		var cached *catalog.Catalogue
		if cached, err = OpenCatalogue(data); err == nil {
			if cached.Newest().Before(embedded.Newest()) {
				return embedded, nil
			}
			return cached, nil
		}
	}
	return embedded, fmt.Errorf("the prices and limits in %s cannot be used: %w", name, err)
}

// OpenCatalogue opens the content of a CatalogueFile.
func OpenCatalogue(data []byte) (*catalog.Catalogue, error) {
	files, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, err
	}
	return catalog.Open(files)
}

// openCatalogue sets c.catalogue. A file in the data folder that cannot be used is logged.
func (c *Client) openCatalogue(opt Options) error {
	if c.catalogue = opt.Catalogue; c.catalogue != nil {
		return nil
	}
	var err error
	c.catalogue, err = Catalogue(opt.DataDir)
	if c.catalogue == nil {
		return err
	}
	if err != nil {
		c.log.Warn("the program's own prices and limits are used", "reason", err.Error(), "fix", "outcrop catalog refresh writes the file anew")
	}
	return nil
}

// factsOf returns what is known of the models of an entry, by their ids at the provider. For Bedrock's,
// which have a catalogue of their own, it returns nil.
func (c *Client) factsOf(m *config.Model) (func(model string) *catalog.Model, error) {
	if m.Provider == "bedrock" {
		return nil, nil //nolint:nilnil // documented
	}
	table, err := c.catalogue.Provider(m.Provider)
	if err != nil {
		return nil, err
	}
	if m.BaseModel == "" {
		return func(model string) *catalog.Model {
			known, _ := table.Model(model)
			return known
		}, nil
	}
	known, err := c.baseModel(table, m.BaseModel)
	if err != nil {
		return nil, err
	}
	return func(string) *catalog.Model { return known }, nil
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
