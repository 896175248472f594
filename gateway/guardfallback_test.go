package gateway_test

import (
	"context"
	"testing"

	"outcrop/guard"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/route"
)

// another is a router that falls back to the model other, which has a guardrail at the provider.
type another struct{ *echoing }

func (f another) Complete(ctx context.Context, req *llm.Request) (*llm.Response, error) {
	if err := req.Allow(ctx, &req.Call, "other"); err != nil {
		return nil, err
	}
	return f.echoing.Complete(ctx, req)
}

func (another) Settings(model string) *route.Settings {
	if model == "other" {
		return &route.Settings{Defaults: &llm.Defaults{Guardrail: jsonx.Raw(`{"guardrailIdentifier":"g"}`)}}
	}
	return &route.Settings{FallsBack: true, Policy: &route.Policy{}}
}

func TestAMaskedRequestHasTheGuardrailOfItsFallback(t *testing.T) {
	for _, text := range []string{"basalt", "nothing"} {
		r := another{says("fine")}
		call, _ := guarded(r, filter(guard.PreCall))
		if _, err := call.Complete(t.Context(), chat(text)); err != nil {
			t.Fatal(err)
		}
		if got := string(r.chats[0].Guardrail); got != `{"guardrailIdentifier":"g"}` {
			t.Errorf("%s: the fallback has the guardrail %q", text, got)
		}
	}
}
