package config

import (
	"slices"
	"testing"
)

func TestMatch(t *testing.T) {
	models := []Model{
		{Name: "*", Model: "*", ID: "any"},
		{Name: "bedrock/*", Model: "*", ID: "rest"},
		{Name: "claude", Model: "a", ID: "first"},
		{Name: "claude", Model: "b", ID: "second"},
		{Name: "bedrock/claude-*", Model: "anthropic.*", ID: "vendor"},
		{Name: "bedrock/claude-*-v1", Model: "old", ID: "old"},
		{Name: "bedrock/*", Model: "*", ID: "rest-too"},
		{Name: "second", Model: "c", ID: "named-as-an-id"},
		{Name: "*-small", Model: "d", ID: "small"},
	}
	names := NewNames(models)
	for _, c := range []struct {
		about, name, captured string
		models                []int
	}{
		{"entries of one name share it", "claude", "", []int{2, 3}},
		{"an id names one entry", "first", "", []int{2}},
		{"a name wins over an id", "second", "", []int{7}},
		{"an id of a model without * wins over patterns", "old", "", []int{5}},
		{"the id of a model with a * names nothing by itself", "rest", "rest", []int{0}},
		{"entries of one pattern share it", "bedrock/nova", "nova", []int{1, 6}},
		{"the longest text before the * wins", "bedrock/claude-4", "4", []int{4}},
		{"then the longest behind it", "bedrock/claude-2-v1", "2", []int{5}},
		{"a * may stand first", "haiku-small", "haiku", []int{8}},
		{"a * stands for slashes as well", "bedrock/converse/x", "converse/x", []int{1, 6}},
		{"a * stands for one character at least", "bedrock/", "bedrock/", []int{0}},
		{"before and after do not overlap", "-small", "-small", []int{0}},
		{"an empty name is nobody's", "", "", nil},
	} {
		t.Run(c.about, func(t *testing.T) {
			got, captured := names.Match(c.name)
			if !slices.Equal(got, c.models) || captured != c.captured {
				t.Errorf("Match(%q) = %v, %q, want %v, %q", c.name, got, captured, c.models, c.captured)
			}
		})
	}
	if n := testing.AllocsPerRun(100, func() { names.Match("bedrock/converse/x") }); n != 0 {
		t.Errorf("Match allocates %v times", n)
	}
	if got, _ := NewNames(nil).Match("x"); got != nil {
		t.Errorf("no models, yet Match gives %v", got)
	}
}
