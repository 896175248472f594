package vector

import (
	"math"
	"slices"
	"testing"
)

func dot(a, b []float64) float64 {
	var sum float64
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func TestTextsWithCommonWordsAreNear(t *testing.T) {
	t.Parallel()
	granite := Of("m", "Granite is an igneous rock.", 512)
	again, other := Of("m", "an igneous rock: granite", 512), Of("m", "Nobody sails on Mondays.", 512)
	if l := math.Sqrt(dot(granite, granite)); math.Abs(l-1) > 1e-9 {
		t.Errorf("length %v, want 1", l)
	}
	if near, far := dot(granite, again), dot(granite, other); near < 0.7 || far > 0.3 {
		t.Errorf("near %v, far %v", near, far)
	}
	if slices.Equal(granite, Of("m", "granite is an igneous rock!", 512)) {
		t.Error("different texts have the same vector")
	}
	if !slices.Equal(granite, Of("m", "Granite is an igneous rock.", 512)) {
		t.Error("the same text has another vector")
	}
	if slices.Equal(granite, Of("n", "Granite is an igneous rock.", 512)) {
		t.Error("two models have the same vector")
	}
}

func TestShorterVectorsAreTheBeginningOfLongerOnes(t *testing.T) {
	t.Parallel()
	short, long := Of("m", "one two three", 256), Unit(Of("m", "one two three", 1024)[:256])
	for i := range short {
		if math.Abs(short[i]-long[i]) > 1e-9 {
			t.Fatalf("dimension %d: %v, want %v", i, short[i], long[i])
		}
	}
}

func TestRerankPutsTheDocumentWithTheQuerysWordsFirst(t *testing.T) {
	t.Parallel()
	got := Rerank("What is the capital of France?", []string{
		"Bread is baked.", "The capital of France is Paris.", "France is a country.", "Cheese.",
	})
	var order []int
	for _, r := range got {
		order = append(order, r.Index)
		if r.Score < 0 || r.Score > 1 {
			t.Errorf("score %v", r.Score)
		}
	}
	if order[0] != 1 || order[1] != 2 || order[3] != 3 || got[0].Score < 0.5 || got[3].Score > 0.1 {
		t.Errorf("got %v", got)
	}
	if len(Rerank("a", nil)) != 0 {
		t.Error("no documents have results")
	}
}
