package gateway_test

import (
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"outcrop/gateway"
	"outcrop/guard"
	"outcrop/guard/ruleset"
	"outcrop/telemetry"
)

// TestAPipelineThatARequestNamesTakesNothingOver names a policy whose pipeline would let everything pass that a guardrail in force refuses.
func TestAPipelineThatARequestNamesTakesNothingOver(t *testing.T) {
	blocks := func(string) (guard.Verdict, error) {
		return guard.Verdict{Block: &guard.Block{Reason: "not this"}}, nil
	}
	lenient := &ruleset.Policy{Name: "lenient", Add: []string{"a"}, Pipeline: &ruleset.Pipeline{Steps: []ruleset.Step{{Guardrail: "a", Fail: ruleset.Allow}}}}
	for name, tt := range map[string]struct {
		always      bool
		attachments []ruleset.Attachment
		named       []string
		asked       int
		sent        bool
	}{
		"in force for all":                         {always: true, named: []string{"lenient"}, asked: 2},
		"in force by a policy":                     {attachments: []ruleset.Attachment{{Policy: "strict"}}, named: []string{"lenient"}, asked: 2},
		"a version in place of a policy":           {attachments: []ruleset.Attachment{{Policy: "strict"}}, named: []string{"policy_1"}, asked: 2},
		"in force by the request alone":            {named: []string{"lenient"}, asked: 1, sent: true},
		"the operator's pipeline, named once more": {always: true, attachments: []ruleset.Attachment{{Policy: "lenient"}}, named: []string{"lenient"}, asked: 1, sent: true},
	} {
		var asked []string
		a := counted("a", &asked, blocks)
		a.Always = tt.always
		r := says("granite")
		set := ruleset.New([]*ruleset.Policy{lenient, {Name: "strict", Add: []string{"a"}}}, tt.attachments).WithVersions(map[string]*ruleset.Policy{"1": lenient})
		call := gateway.New(gateway.Options{Router: r, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), Guardrails: []*guard.Rule{a}, Policies: set}).Begin("test", "id-1")
		req := plain("basalt")
		req.Policies = tt.named
		_, err := call.Complete(t.Context(), req)
		if sent := err == nil && len(r.chats) == 1; sent != tt.sent || len(asked) != tt.asked {
			t.Errorf("%s: the model has it: %t, asked %q, %v", name, sent, asked, err)
		}
		call.End(t.Context())
	}
}

func TestTrialsOfPipelines(t *testing.T) {
	blocks := func(string) (guard.Verdict, error) {
		return guard.Verdict{Block: &guard.Block{Reason: "not this"}}, nil
	}
	masks := func(text string) (guard.Verdict, error) {
		return guard.Verdict{Texts: []string{strings.ReplaceAll(text, "basalt", "***")}}, nil
	}
	breaks := func(string) (guard.Verdict, error) { return guard.Verdict{}, errors.New("broken") }
	for name, tt := range map[string]struct {
		first, second func(string) (guard.Verdict, error)
		steps         []ruleset.Step
		took          []ruleset.Action
		action        ruleset.Action
		asked         []string
		err, words    string
		masked        string
	}{
		"a mask, and a refusal": {
			first: masks, second: blocks, steps: []ruleset.Step{{Guardrail: "a", Pass: ruleset.Next}, {Guardrail: "b", Fail: ruleset.Block}},
			took: []ruleset.Action{ruleset.Next, ruleset.Block}, action: ruleset.Block, asked: []string{"a: basalt", "b: ***"}, err: "not this", masked: "***",
		},
		"a response in its place": {
			first: blocks, steps: []ruleset.Step{{Guardrail: "a", Fail: ruleset.Replace, Reason: "Ask about granite."}, {Guardrail: "b"}},
			took: []ruleset.Action{ruleset.Replace}, action: ruleset.Replace, asked: []string{"a: basalt"}, words: "Ask about granite.",
		},
		"no verdict, and then none left": {
			first: breaks, steps: []ruleset.Step{{Guardrail: "a", Error: ruleset.Next, Fail: ruleset.Block}},
			took: []ruleset.Action{ruleset.Next}, action: ruleset.Allow, asked: []string{"a: basalt"},
		},
	} {
		var asked []string
		r := says("granite")
		g := gateway.New(gateway.Options{
			Router: r, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)),
			Guardrails: []*guard.Rule{counted("a", &asked, tt.first), counted("b", &asked, tt.second)},
		})
		req := plain("basalt")
		trial, unknown, err := g.TryPipeline(t.Context(), &ruleset.Pipeline{Steps: tt.steps}, req)
		if err != nil || unknown != "" {
			t.Fatalf("%s: %q, %v", name, unknown, err)
		}
		var took []ruleset.Action
		for _, s := range trial.Steps {
			took = append(took, s.Action)
		}
		message, masked := "", ""
		if trial.Err != nil {
			message = trial.Err.Message
		}
		if trial.Request != nil {
			masked = trial.Request.Turns[0].Blocks[0].Text
		}
		if !slices.Equal(took, tt.took) || trial.Action != tt.action || message != tt.err || trial.Words != tt.words || masked != tt.masked || !slices.Equal(asked, tt.asked) {
			t.Errorf("%s: %+v, asked %q", name, trial, asked)
		}
		if req.Turns[0].Blocks[0].Text != "basalt" || len(r.chats) > 0 {
			t.Errorf("%s: the request is %+v, and the model has %d", name, req.Turns[0], len(r.chats))
		}
		if _, unknown, _ = g.TryPipeline(t.Context(), &ruleset.Pipeline{Steps: []ruleset.Step{{Guardrail: "none"}}}, req); unknown != "none" {
			t.Errorf("%s: unknown is %q", name, unknown)
		}
	}
}
