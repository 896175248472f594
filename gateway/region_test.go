package gateway_test

import (
	"context"
	"slices"
	"testing"

	"outcrop/gateway"
	"outcrop/llm"
)

// away is a provider's own API that cannot be reached.
type away struct{}

func (away) Forward(context.Context, *llm.Forward) (*llm.Forwarded, error) {
	return nil, &llm.Error{Code: llm.CodeUnreachable, Status: 502}
}

func TestARequestAndItsCallerSayWhichRegionsACallMustNotLeave(t *testing.T) {
	for name, test := range map[string]struct {
		key, own string
		want     []string
	}{
		"nobody":      {`{}`, "", nil},
		"the request": {`{}`, "us", []string{"us"}},
		"the key":     {`{"metadata":{"allowed_model_region":"eu"}}`, "", []string{"eu"}},
		"both":        {`{"metadata":{"allowed_model_region":"eu"}}`, "us", []string{"eu", "us"}},
		"no text":     {`{"metadata":{"allowed_model_region":7}}`, "", nil},
	} {
		t.Run(name, func(t *testing.T) {
			a := &asks{}
			g, _ := charging(t, a, test.key)
			call := admitted(t, g)
			req := &llm.Request{Call: llm.Call{Model: "m", Routing: llm.Routing{Region: test.own}}}
			for range 2 { // it may begin again
				if _, err := call.Complete(t.Context(), req); err != nil {
					t.Fatal(err)
				}
			}
			call.End(t.Context())
			if got := a.call.Routing.Regions; !slices.Equal(got, test.want) {
				t.Errorf("%q; want %q", got, test.want)
			}
			g.SetForwarders(map[string]gateway.Forwarder{"vendor": away{}})
			other := admitted(t, g)
			defer other.End(t.Context())
			_, err := other.Forward(t.Context(), "vendor", &llm.Forward{}, gateway.Asked{})
			if bound := llm.AsError(err).Code == llm.CodeModelDenied; bound != (test.want != nil && test.own == "" || name == "both") {
				t.Error(err)
			}
		})
	}
}
