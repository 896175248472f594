package llm_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func TestWarningsStandInTheOrderOfTheRequest(t *testing.T) {
	list := func(fields ...string) (all []llm.Warning) {
		for _, f := range fields {
			all = append(all, llm.Warning{Code: llm.WarnDropped, Field: f})
		}
		return all
	}
	members := func(names ...string) (all []jsonx.Member) {
		for _, n := range names {
			all = append(all, jsonx.Member{Name: n})
		}
		return all
	}
	for name, test := range map[string]struct {
		req                   llm.Request
		found, provider, want []llm.Warning
	}{
		"nothing":         {llm.Request{}, nil, nil, list()},
		"of the dialect":  {llm.Request{}, list("a", "b"), list("seed"), list("a", "b", "seed")},
		"in their places": {llm.Request{Unmapped: members("seed", "store"), UnmappedAt: []int{1, 2}}, list("stop", "tags", "messages"), list("region", "seed", "store", "user"), list("stop", "seed", "tags", "store", "messages", "region", "user")},
		"one is passed":   {llm.Request{Unmapped: members("seed", "store"), UnmappedAt: []int{0, 0}}, list("messages"), list("store"), list("store", "messages")},
		"set twice":       {llm.Request{Unmapped: members("seed", "seed"), UnmappedAt: []int{0, 1}}, list("a"), list("seed", "seed"), list("seed", "a", "seed")},
		"out of range":    {llm.Request{Unmapped: members("seed", "store"), UnmappedAt: []int{9}}, list("a"), list("store", "seed"), list("a", "seed", "store")},
	} {
		given := len(test.provider)
		got := test.req.OrderWarnings(test.found, test.provider)
		if diff := cmp.Diff(test.want, got); diff != "" && len(test.want)+len(got) > 0 || len(test.provider) != given {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
