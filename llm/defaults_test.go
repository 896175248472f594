package llm_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func TestDefaultsSetWhatARequestLeavesUnset(t *testing.T) {
	member := func(name, value string) jsonx.Member { return jsonx.Member{Name: name, Value: jsonx.Raw(value)} }
	d := &llm.Defaults{Request: llm.Request{
		Call:      llm.Call{User: "operator", Headers: []llm.Label{{Name: "x-team", Value: "a"}, {Name: "X-Zone", Value: "b"}}},
		MaxTokens: llm.Some[int64](7), Temperature: llm.Some(0.25), Stop: []string{"END"}, Reasoning: llm.Reasoning{Thinking: jsonx.Raw(`{"type":"adaptive"}`)},
		Unmapped: []jsonx.Member{member("seed", "1")}, ModelFields: []jsonx.Member{member("a", "1"), member("b", "1")},
		Extensions: []jsonx.Member{member("performanceConfig", "{}")},
	}}
	var empty llm.Request
	d.Apply(&empty)
	want := d.Request
	want.UnmappedAt = []int{0}
	if diff := cmp.Diff(want, empty); diff != "" {
		t.Errorf("a request without settings (-want +got):\n%s", diff)
	}
	own := llm.Request{
		Call:      llm.Call{User: "client", Headers: []llm.Label{{Name: "X-Team", Value: "c"}}},
		MaxTokens: llm.Some[int64](5), Temperature: llm.Some(0.0), Stop: []string{}, Reasoning: llm.Reasoning{Effort: "low"},
		ModelFields: []jsonx.Member{member("b", "2")},
	}
	got := own
	d.Apply(&got)
	want = own
	want.Headers = []llm.Label{{Name: "X-Team", Value: "c"}, {Name: "X-Zone", Value: "b"}}
	want.Unmapped, want.UnmappedAt = d.Request.Unmapped, []int{0}
	want.ModelFields = []jsonx.Member{member("b", "2"), member("a", "1")}
	want.Extensions = d.Request.Extensions
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a request with its own (-want +got):\n%s", diff)
	}
	if len(own.ModelFields) != 1 || len(own.Headers) != 1 {
		t.Errorf("the client's own lists were written to: %v, %v", own.ModelFields, own.Headers)
	}
	var none *llm.Defaults
	none.Apply(&own)
}
