package catalog

import (
	"fmt"
	"slices"
	"strings"

	"outcrop/catalog/schema"
	"outcrop/internal/lazyregexp"
)

// Table has the models of a provider. It is immutable.
type Table struct {
	provider string
	ids      []string // sorted
	models   map[string]*Model
	folded   map[string]*Model // by id in lower case
}

// read parses a provider's file.
func (t *Table) read(text []byte, sources map[string]*Source) error {
	aliases := map[string]string{}
	err := ParseModels(text, func(row *schema.Model) error {
		t.ids = append(t.ids, row.ID)
		if row.Alias != "" {
			aliases[row.ID] = row.Alias
			return nil
		}
		m, err := model(row, sources)
		if err != nil {
			return err
		}
		t.models[m.ID] = m
		return nil
	})
	if err != nil {
		return err
	}
	for alias, id := range aliases {
		m := t.models[id]
		if m == nil {
			return fmt.Errorf("%s is another name of %s, which is not there", alias, id)
		}
		t.models[alias] = m
	}
	for _, id := range t.ids {
		if low := strings.ToLower(id); t.folded[low] == nil {
			t.folded[low] = t.models[id]
		}
	}
	return nil
}

// IDs are the ids of the models and their other names, sorted. Callers must not modify the slice.
func (t *Table) IDs() []string { return t.ids }

// Model returns the model that an id means at the provider, and false if none is known. It is the first
// of these that the table has: the id itself, in upper or lower case; the id in the form in which the
// provider's lists have it; the same without the day or number of a snapshot, or without -latest; and, for
// an id without one, its newest snapshot.
func (t *Table) Model(id string) (*Model, bool) {
	if len(t.ids) == 0 || len(id) > maxID {
		return nil, false
	}
	for _, form := range [...]string{id, t.plain(id)} {
		if m := t.find(form); m != nil {
			return m, true
		}
	}
	id = t.plain(id)
	base := id
	if at := snapshot.FindStringIndex(id); at != nil {
		base = id[:at[0]]
		if m := t.find(base); m != nil {
			return m, true
		}
		if !strings.HasSuffix(id, latest) {
			return nil, false // another snapshot may cost something else
		}
	}
	if m := t.newest(base); m != nil {
		return m, true
	}
	return nil, false
}

// maxID bounds the ids that are looked up, which clients choose behind a wildcard.
const maxID = 256

const latest = "-latest"

// snapshot matches the end of an id that names one version of a model: gpt-5-2025-08-07,
// claude-sonnet-4-5-20250929, the same with @ as on Vertex AI, gemini-2.0-flash-001, mistral-small-2506.
var snapshot = lazyregexp.New(`(-20\d\d-[01]\d-[0-3]\d|[-@]20\d\d[01]\d[0-3]\d|-00\d|-2\d[01]\d|@default|@latest|-latest)$`)

// ResponsesPrefix stands in front of a model that shall be called by the Responses API
// (https://docs.litellm.ai/docs/response_api, seen 2026-11-28).
const ResponsesPrefix = "responses/"

// plain is an id without what providers accept around the ids of their lists.
func (t *Table) plain(id string) string {
	id = strings.TrimPrefix(id, ResponsesPrefix)
	switch t.provider {
	case "gemini":
		id = strings.TrimPrefix(id, "models/")
	case "vertex_ai":
		id = id[strings.LastIndexByte(id, '/')+1:] // publishers/google/models/..., or LiteLLM's anthropic/...
	case "fireworks_ai":
		if !strings.Contains(id, "/") {
			id = "accounts/fireworks/models/" + id
		}
	case "openrouter":
		for _, variant := range [...]string{":exacto"} { // it chooses among hosts
			id = strings.TrimSuffix(id, variant)
		}
	}
	return id
}

func (t *Table) find(id string) *Model {
	if m := t.models[id]; m != nil {
		return m
	}
	return t.folded[strings.ToLower(id)]
}

// newest returns the model of the last snapshot of an id.
func (t *Table) newest(base string) *Model {
	at, _ := slices.BinarySearch(t.ids, base)
	var newest *Model
	for _, id := range t.ids[at:] {
		rest, ok := strings.CutPrefix(id, base)
		if !ok {
			break
		}
		if whole := snapshot.FindStringIndex(id); whole != nil && whole[0] == len(base) && rest != latest {
			newest = t.models[id]
		}
	}
	return newest
}
