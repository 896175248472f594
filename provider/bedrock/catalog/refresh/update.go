package refresh

import (
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"outcrop/internal/jsonx"
	"outcrop/provider/bedrock/catalog"
	"outcrop/provider/bedrock/catalog/schema"
)

// Updated is the result of Update.
type Updated struct {
	// Files are the data files.
	Files Files
	// Read are the tables that were read, and Kept the other sources, whose facts are
	// unchanged; both by key.
	Read, Kept []schema.Source
}

// Update regenerates the data files from some tables, which are those of Generate, and
// from the existing data files, which replace the tables that are not read again. A
// fact whose source was read again is as the table has it now, or removed. Any other
// fact keeps its source and day, unless a newer table states it. So updating with any
// of the tables that the data was made from leaves it unchanged, byte for byte, and
// updating with all kinds of table gives the result of Generate.
//
// AWS's lists count for the regions in which they were requested. A list is completely
// read again if all regions that the data has from it were.
//
// The data contains only what was taken from each table. An older table's value of a
// fact does not come back when the newer one loses it; a pattern of ids in a table that
// is not read again does not apply to new models; and a model of which the listing
// table is unknown stays until Portkey's list, which states only that a model exists,
// is read.
//
// Update fails as Generate does, and if the catalogue cannot read the existing or the
// resulting data.
func Update(data, tables fs.FS) (*Updated, error) {
	present, err := readPresent(data)
	if err != nil {
		return nil, fmt.Errorf("present data: %w", err)
	}
	c, err := readTables(tables)
	if err != nil {
		return nil, err
	}
	u := &Updated{}
	for _, kind := range slices.Sorted(maps.Keys(c.tables)) {
		for _, s := range c.tables[kind].sources {
			u.Read = append(u.Read, s.Source)
		}
	}
	if u.Kept, err = c.keep(present); err != nil {
		return nil, fmt.Errorf("present data: %w", err)
	}
	files, err := c.write()
	if err != nil {
		return nil, err
	}
	u.Files = files
	if _, err := catalog.Parse(u.Files); err != nil {
		return nil, fmt.Errorf("new data: %w", err)
	}
	return u, nil
}

// present is the content of the data files.
type present struct {
	models   []schema.Model
	profiles map[string][]schema.Profile // by base id
	sources  []schema.Source
}

// readPresent reads data files. The catalogue checks their validity.
func readPresent(data fs.FS) (*present, error) {
	if _, err := catalog.Parse(data); err != nil {
		return nil, err
	}
	files, err := ReadFiles(data)
	if err != nil {
		return nil, err
	}
	p := &present{profiles: map[string][]schema.Profile{}}
	for name, file := range files {
		switch name {
		case sourcesFile:
			var sources schema.Sources
			err = jsonx.Unmarshal(file, &sources)
			p.sources = sources.Sources
		case profilesFile:
			var profiles schema.Profiles
			err = jsonx.Unmarshal(file, &profiles)
			for _, row := range profiles.Profiles {
				base := baseOf(row.ID)
				p.profiles[base] = append(p.profiles[base], row)
			}
		default:
			var models schema.Models
			err = jsonx.Unmarshal(file, &models)
			p.models = append(p.models, models.Models...)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return p, nil
}
