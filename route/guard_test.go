package route

import (
	"context"
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider"
)

// guardingTarget is a target that applies guardrails, or says that it does not.
type guardingTarget struct {
	fakeTarget
	guards bool
}

func (t guardingTarget) Guards() bool { return t.guards }

// guarding is a deployment with one.
type guarding struct {
	*fake
	guards bool
}

func (g guarding) Targets(_ llm.Verb, model string) ([]provider.Target, error) {
	return []provider.Target{guardingTarget{fakeTarget{g.fake, model}, g.guards}}, nil
}

func TestOnlyTargetsThatApplyGuardrailsGetCallsThatHaveOne(t *testing.T) {
	answer := []step{{events: []llm.Event{{Kind: llm.EventDelta, Text: "Hi"}}}}
	for _, tt := range []struct {
		name   string
		open   func(*fake) provider.Deployment
		served bool
	}{
		{"it applies them", func(f *fake) provider.Deployment { return guarding{f, true} }, true},
		{"it says that it does not", func(f *fake) provider.Deployment { return guarding{f, false} }, false},
		{"it says nothing", func(f *fake) provider.Deployment { return f }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fake{steps: answer}
			r := New(Plan{Entries: []Entry{{Name: "m", Model: "m", Deployment: tt.open(f), Timeout: 1e9, StreamTimeout: 1e9}}}, Options{})
			call := llm.Call{Model: "m", Guardrail: jsonx.Raw(`{"guardrailIdentifier":"abc123","guardrailVersion":"1"}`)}
			raw := &llm.Raw{Call: call}
			translation := &Translation{
				Request:  func(context.Context) (*llm.Request, error) { return &llm.Request{Call: call}, nil },
				Response: func(*llm.Response) *llm.RawResponse { return &llm.RawResponse{} },
			}
			_, whole := r.Complete(t.Context(), &llm.Request{Call: call})
			s, streamed := r.Stream(t.Context(), &llm.Request{Call: call})
			if streamed == nil {
				_ = s.Close()
			}
			_, relayed := r.Relay(t.Context(), raw, translation)
			for _, err := range []error{whole, streamed, relayed} {
				if tt.served != (err == nil) || err != nil && (llm.AsError(err).Param != "guardrailConfig" || llm.AsError(err).Responsible() != llm.ActorOperator) {
					t.Errorf("%v", err)
				}
			}
			if !tt.served && len(f.calls) > 0 {
				t.Errorf("called %d times", len(f.calls))
			}
			if _, err := r.Complete(t.Context(), &llm.Request{Call: llm.Call{Model: "m"}}); err != nil {
				t.Errorf("a call without a guardrail: %v", err)
			}
		})
	}
}
