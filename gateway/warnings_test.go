package gateway_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/gateway"
	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// A warning about a parameter that only the provider can judge stands where the parameter stood.
func TestWarningsOfTheProviderStandInTheOrderOfTheRequest(t *testing.T) {
	of := func(field string) llm.Warning { return llm.Warning{Code: llm.WarnDropped, Field: field} }
	meta := llm.Meta{Warnings: []llm.Warning{of("region"), of("seed")}}
	want := []llm.Warning{of("stop"), of("seed"), of("messages[0].name"), of("region")}
	for name, get := range map[string]func(t *testing.T, call *gateway.Call, req *llm.Request) error{
		"one response": func(t *testing.T, call *gateway.Call, req *llm.Request) error {
			t.Helper()
			_, err := call.Complete(t.Context(), req)
			return err
		},
		"a stream": func(t *testing.T, call *gateway.Call, req *llm.Request) error {
			t.Helper()
			s, err := call.Stream(t.Context(), req)
			if err == nil {
				err = s.Close()
			}
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			g, _ := bench(&router{resp: &llm.Response{Meta: meta}, stream: &stream{meta: meta}}, "")
			call := g.Begin("test", "id-1")
			call.Warn(of("stop"), of("messages[0].name"))
			req := asking()
			req.Unmapped, req.UnmappedAt = []jsonx.Member{{Name: "seed", Value: jsonx.Raw("7")}}, []int{1}
			if err := get(t, call, req); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, call.Warnings()); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			call.End(t.Context())
		})
	}
	g, _ := manyCalls(&many{answer: func(context.Context, int64) (*llm.Response, error) {
		return &llm.Response{Meta: meta}, nil
	}})
	call := g.Begin("test", "id-1")
	call.Warn(of("stop"), of("messages[0].name"))
	req := wanting(2)
	req.Unmapped, req.UnmappedAt = []jsonx.Member{{Name: "seed", Value: jsonx.Raw("7")}}, []int{1}
	if _, err := call.CompleteAll(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, call.Warnings()); diff != "" {
		t.Errorf("two responses (-want +got):\n%s", diff)
	}
	call.End(t.Context())
}
