package refresh

import (
	_ "embed"
	"fmt"
	"path"

	"outcrop/internal/jsonx"
	"outcrop/provider/bedrock/catalog/schema"
)

//go:embed notes.json
var notesJSON string // never written to

// notes are facts that no table has, maintained by hand, and known errors of the
// tables. They take precedence over the tables.
type notes struct {
	// Sources are the sources of the notes. Tables have their own.
	Sources []schema.Source `json:"sources"`
	// Dates are the days of tables that do not state theirs, by a text in their
	// provenance.
	Dates   map[string]string `json:"dates"`
	Regions schema.Regions    `json:"regions"`
	// Rules set facts of models; a later one wins over an earlier one.
	Rules []rule `json:"rules"`
	// Twins are models with a different id on bedrock-mantle.
	Twins []twin `json:"twins"`
	// Profiles are profiles, or regions of profiles, that no table has.
	Profiles    []schema.Profile   `json:"profiles"`
	Geographies []schema.Geography `json:"geographies"`
	// Prices are rates that no table has. They count as those of the oldest table.
	Prices []struct {
		ID    string       `json:"id"`
		Price schema.Price `json:"price"`
	} `json:"prices"`
	// Ignore lists ids in tables that AWS does not have, with the reason.
	Ignore []struct {
		IDs []string `json:"ids"`
		Why string   `json:"why"`
	} `json:"ignore"`
	// Distrust lists rows of tables with known errors.
	Distrust []distrust `json:"distrust"`
}

// rule sets facts of the models whose ids match one of its patterns, in the syntax of
// path.Match.
type rule struct {
	IDs []string `json:"ids"`
	// Not are patterns of excluded ids.
	Not []string     `json:"not"`
	By  string       `json:"by"`
	Set schema.Model `json:"set"`
}

type twin struct {
	Runtime string `json:"runtime"`
	Mantle  string `json:"mantle"`
	By      string `json:"by"`
}

// distrust describes how to handle a row of a table: drop its prices, drop its cache
// prices, swap its cache prices, or drop its release date.
type distrust struct {
	Source    string   `json:"source"`
	IDs       []string `json:"ids"`
	Prices    bool     `json:"prices"`
	Cache     bool     `json:"cache"`
	SwapCache bool     `json:"swapCache"`
	Released  string   `json:"released"`
	Why       string   `json:"why"`
}

func readNotes() (*notes, error) {
	var n notes
	if err := jsonx.Unmarshal([]byte(notesJSON), &n); err != nil {
		return nil, fmt.Errorf("notes.json: %w", err)
	}
	return &n, nil
}

// matches reports whether an id matches one of the patterns.
func matches(patterns []string, id string) bool {
	for _, p := range patterns {
		if ok, err := path.Match(p, id); ok && err == nil {
			return true
		}
	}
	return false
}

// ignores reports whether an id in a table is skipped.
func (n *notes) ignores(id string) bool {
	for _, i := range n.Ignore {
		if matches(i.IDs, id) {
			return true
		}
	}
	return false
}
