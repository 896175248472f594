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

// Updated is what Update makes.
type Updated struct {
	// Files are the data files.
	Files Files
	// Read are the tables that were read, and Kept the sources that were not and
	// whose facts stand as they were; both by key.
	Read, Kept []schema.Source
}

// Update makes the data files anew from some tables, which are those of Generate,
// and from the data files that there are: they stand in for the tables that are
// not read again. A fact whose source was read again is as the table has it now,
// or gone with it. Any other fact stays with its source and day, unless a newer
// table states it. So any of the tables that the data was made from leave it as it
// is, byte for byte, and all kinds of table together give what Generate gives.
//
// AWS's lists count for the regions that they were asked in. A list is read again
// as a whole when all regions that the data has from it were.
//
// The data has of each table only what was taken from it. What an older table
// says of the same fact does not come back when the newer one loses it; a pattern
// of ids in a table that is not read again does not reach new models; and a model
// of which nothing tells which table lists it stays until Portkey's list, which
// says no more of a model than that, is read.
//
// Update fails as Generate does, and if the catalogue cannot read the data that
// there is or what was made of it.
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

// present is what the data files have.
type present struct {
	models   []schema.Model
	profiles map[string][]schema.Profile // by base id
	sources  []schema.Source
}

// readPresent reads data files. That they are sound is for the catalogue to say.
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
