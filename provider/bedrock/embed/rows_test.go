package embed

import (
	"strings"
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/provider/bedrock/catalog"
)

func TestRowsAreWhole(t *testing.T) {
	for _, r := range rows {
		name := r.vendor + "." + r.prefix
		if _, err := time.Parse(time.DateOnly, r.date); err != nil || !strings.HasPrefix(r.source, "https://docs.aws.amazon.com/") {
			t.Errorf("%s: source %q of %q", name, r.source, r.date)
		}
		if r.form == 0 || len(r.dimensions) == 0 || r.texts == 0 || len(r.media) > 0 && r.images == 0 || r.fixed && len(r.dimensions) > 1 {
			t.Errorf("%s lacks a fact: %+v", name, r)
		}
		if m := NewModel(r.vendor, r.prefix, nil); m.row.prefix != r.prefix {
			t.Errorf("%s is hidden by the row of %s", name, m.row.prefix)
		}
		if r.takes(llm.BlockText) {
			t.Errorf("%s: a text is no medium", name)
		}
	}
}

func TestEmbeddingModelsOfTheCatalogueAreKnown(t *testing.T) {
	known := catalog.Embedded()
	n := 0
	for _, m := range known.Models() {
		if m.Kind != catalog.KindEmbedding {
			continue
		}
		n++
		vendor, name, _ := strings.Cut(m.ID, ".")
		if !NewModel(vendor, name, m).Known() {
			t.Errorf("the form of %s is unknown", m.ID)
		}
	}
	if n < 9 {
		t.Errorf("%d embedding models in the catalogue", n)
	}
}
