package route

import (
	"context"
	"testing"

	"outcrop/llm"
	"outcrop/provider"
)

// still is a deployment that is told apart by its address.
type still struct{ name string }

func (*still) Targets(llm.Verb, string) ([]provider.Target, error) { return nil, context.Canceled }
func (*still) Close() error                                        { return nil }

func TestEntriesThatStayKeepTheirHealth(t *testing.T) {
	a, b := &still{"a"}, &still{"b"}
	r := New(Plan{Entries: []Entry{{Name: "x", ID: "1", Deployment: a}}}, Options{})
	old, _ := r.table().names.find("x")
	old.deployments[0].until.Store(7)
	old.budget.spend()
	r.Set(Plan{Entries: []Entry{{Name: "x", ID: "1", Deployment: a}, {Name: "x", ID: "2", Deployment: b}, {Name: "y", ID: "3", Deployment: &still{"c"}}}})
	now, _ := r.table().names.find("x")
	if len(now.deployments) != 2 || now.deployments[0].until.Load() != 7 || now.budget.tenths.Load() != budgetFull-10 {
		t.Errorf("the entry is %+v", now)
	}
	if len(old.deployments) != 1 {
		t.Error("the table that calls under way have was changed")
	}
	if r.Group("y") != "y" || r.Group("3") != "3" {
		t.Error("the new entry is not found")
	}
	r.Set(Plan{Entries: []Entry{{Name: "y", ID: "3", Deployment: b}}})
	if r.Group("x") != "" || r.Group("1") != "" {
		t.Error("the entry that is gone is found")
	}
}
