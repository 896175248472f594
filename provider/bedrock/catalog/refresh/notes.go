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

// notes are the facts that no table has, kept by hand, and what is known to be
// wrong in the tables. They win over the tables.
type notes struct {
	// Sources are those of the notes. Tables bring their own.
	Sources []schema.Source `json:"sources"`
	// Dates are the days of tables that do not say theirs: by a text in their
	// provenance.
	Dates   map[string]string `json:"dates"`
	Regions schema.Regions    `json:"regions"`
	// Rules set facts of models; a later one wins over an earlier one.
	Rules []rule `json:"rules"`
	// Twins are models that bedrock-mantle has under another id.
	Twins []twin `json:"twins"`
	// Profiles are profiles, or regions of them, that no table has.
	Profiles    []schema.Profile   `json:"profiles"`
	Geographies []schema.Geography `json:"geographies"`
	// Ignore are ids in tables that AWS does not have, with the reason.
	Ignore []struct {
		IDs []string `json:"ids"`
		Why string   `json:"why"`
	} `json:"ignore"`
	// Distrust are rows of tables, with what is wrong in them.
	Distrust []distrust `json:"distrust"`
}

// rule sets facts of the models whose ids match one of its patterns, which are
// those of path.Match.
type rule struct {
	IDs []string `json:"ids"`
	// Not are patterns of ids that are left out.
	Not []string     `json:"not"`
	By  string       `json:"by"`
	Set schema.Model `json:"set"`
}

type twin struct {
	Runtime string `json:"runtime"`
	Mantle  string `json:"mantle"`
	By      string `json:"by"`
}

// distrust says what to do with a row of a table: leave out its prices, or those
// of the cache, exchange those of reading and writing it, or leave out a day of
// release.
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

// ignores reports whether an id in a table is to be passed over.
func (n *notes) ignores(id string) bool {
	for _, i := range n.Ignore {
		if matches(i.IDs, id) {
			return true
		}
	}
	return false
}
