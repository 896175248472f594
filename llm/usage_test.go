package llm

import (
	"reflect"
	"testing"

	"outcrop/internal/jsonx"
)

func TestUsageOfSeveralAnswers(t *testing.T) {
	first := Usage{Input: 9, Output: 7, Total: 136, CacheRead: Some[int64](100), CacheWrite: Some[int64](20), CacheWrites: []CacheWrite{{"5m", 20}}, Cost: Some(Cost(3_000_000))}
	kept := first.CacheWrites
	u := first
	u.Add(&Usage{
		Input: 1, Output: 2, Total: 33, CacheWrite: Some[int64](30), CacheWrites: []CacheWrite{{"1h", 10}, {"5m", 20}},
		Extra: []jsonx.Member{{Name: "pebbles", Value: jsonx.Raw("3")}}, Cost: Some(Cost(2_000_000)),
	})
	want := Usage{
		Input: 10, Output: 9, Total: 169, CacheRead: Some[int64](100), CacheWrite: Some[int64](50), CacheWrites: []CacheWrite{{"5m", 40}, {"1h", 10}},
		Extra: []jsonx.Member{{Name: "pebbles", Value: jsonx.Raw("3")}}, Cost: Some(Cost(5_000_000)),
	}
	if !reflect.DeepEqual(u, want) {
		t.Errorf("got %+v, want %+v", u, want)
	}
	if kept[0].Tokens != 20 {
		t.Errorf("the list of the first answer says %d", kept[0].Tokens)
	}
	if u.Prompt() != 160 {
		t.Errorf("the prompt is %d", u.Prompt())
	}
	if u.Add(&Usage{Output: 1}); u.Cost.Set {
		t.Error("the cost is known, of answers of which one's is not")
	}
	var none Usage
	if none.Add(&Usage{}); none.CacheRead.Set || none.Extra != nil {
		t.Errorf("nothing and nothing are %+v", none)
	}
}

func TestCostInDollars(t *testing.T) {
	if usd := Cost(15_300_000).USD(); usd != 0.0000153 {
		t.Errorf("got %v", usd)
	}
}
