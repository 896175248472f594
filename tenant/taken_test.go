package tenant

import (
	"testing"
	"time"

	"outcrop/llm"
	"outcrop/store"
)

func TestABudgetAboveAMillionIsAMillion(t *testing.T) {
	doc, err := decode(&store.Entity{Doc: []byte(`{"max_budget":2500000}`)})
	if err != nil {
		t.Fatal(err)
	}
	if want, _ := llm.ParseCost("1000000"); llm.Cost(doc.MaxBudget.Value) != want {
		t.Errorf("%s", llm.Cost(doc.MaxBudget.Value))
	}
}

func TestABudgetThatWasTakenOverBeginsAnewWhenItDidInLiteLLM(t *testing.T) {
	doc, err := decode(&store.Entity{Doc: []byte(`{"budget_duration":"2h","budget_reset_at":"2026-03-04T17:50:00.000Z"}`)})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 4, 17, 30, 0, 0, time.UTC)
	if got, want := doc.period(now.Add(-time.Minute)).End(now), now.Add(20*time.Minute); !got.Equal(want) {
		t.Errorf("it begins anew at %s, want %s", got, want)
	}
}
