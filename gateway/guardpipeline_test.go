package gateway_test

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"outcrop/gateway"
	"outcrop/guard"
	"outcrop/guard/ruleset"
	"outcrop/llm"
	"outcrop/telemetry"
)

// piped is a call of a gateway with a policy that has a pipeline and is attached to every call.
func piped(r gateway.Router, p *ruleset.Pipeline, rules ...*guard.Rule) *gateway.Call {
	return gateway.New(gateway.Options{
		Router: r, Recorder: telemetry.NewRecorder(slog.New(slog.DiscardHandler)), Guardrails: rules,
		Policies: ruleset.New([]*ruleset.Policy{{Name: "tiers", Pipeline: p}}, []ruleset.Attachment{{Policy: "tiers"}}),
	}).Begin("test", "id-1")
}

// plain is a request with one text.
func plain(text string) *llm.Request {
	return &llm.Request{Call: llm.Call{Model: "m"}, Turns: []llm.Turn{{Role: llm.RoleUser, Blocks: []llm.Block{{Kind: llm.BlockText, Text: text}}}}}
}

// counted is a rule that says what a test wants of each text, and counts how often it is asked.
func counted(name string, asked *[]string, says func(text string) (guard.Verdict, error)) *guard.Rule {
	return &guard.Rule{Name: name, Mode: guard.PreCall, Timeout: time.Minute, Checker: checker(func(_ context.Context, in *guard.Input) (guard.Verdict, error) {
		*asked = append(*asked, name+": "+strings.Join(in.Texts, ", "))
		return says(in.Texts[0])
	})}
}

func TestPipelines(t *testing.T) {
	blocks := func(string) (guard.Verdict, error) {
		return guard.Verdict{Block: &guard.Block{Reason: "not this"}}, nil
	}
	passes := func(string) (guard.Verdict, error) { return guard.Verdict{}, nil }
	masks := func(text string) (guard.Verdict, error) {
		return guard.Verdict{Texts: []string{strings.ReplaceAll(text, "basalt", "***")}}, nil
	}
	breaks := func(string) (guard.Verdict, error) { return guard.Verdict{}, errors.New("broken") }
	const next, allow, block = ruleset.Next, ruleset.Allow, ruleset.Block
	for name, tt := range map[string]struct {
		first, second func(string) (guard.Verdict, error)
		steps         [2]ruleset.Step
		asked         []string
		refused       string // the beginning of the message; empty if the model has sent
		sent          string
	}{
		"a pass that ends it":                       {first: passes, second: blocks, steps: [2]ruleset.Step{{Pass: allow, Fail: block}, {Fail: block}}, asked: []string{"a: basalt"}, sent: "basalt"},
		"a refusal goes on to a milder one":         {first: blocks, second: passes, steps: [2]ruleset.Step{{Fail: next}, {Pass: allow, Fail: block}}, asked: []string{"a: basalt", "b: basalt"}, sent: "basalt"},
		"both refuse":                               {first: blocks, second: blocks, steps: [2]ruleset.Step{{Fail: next}, {Fail: block}}, asked: []string{"a: basalt", "b: basalt"}, refused: "not this"},
		"a refusal that lets pass":                  {first: blocks, second: blocks, steps: [2]ruleset.Step{{Fail: allow}, {Fail: block}}, asked: []string{"a: basalt"}, sent: "basalt"},
		"a refusal has the guardrail's own words":   {first: blocks, second: passes, steps: [2]ruleset.Step{{Fail: block, Reason: "Ask about granite."}, {}}, asked: []string{"a: basalt"}, refused: "not this"},
		"a pass that is refused":                    {first: passes, second: passes, steps: [2]ruleset.Step{{Pass: block}, {}}, asked: []string{"a: basalt"}, refused: "Content blocked: the policy tiers"},
		"no verdict is no refusal":                  {first: breaks, second: passes, steps: [2]ruleset.Step{{Fail: block, Error: next}, {Pass: allow}}, asked: []string{"a: basalt", "b: basalt"}, sent: "basalt"},
		"no verdict":                                {first: breaks, second: passes, steps: [2]ruleset.Step{{Fail: next, Error: block}, {}}, asked: []string{"a: basalt"}, refused: `the guardrail "a" gives no verdict`},
		"what is masked is so for the next and all": {first: masks, second: passes, steps: [2]ruleset.Step{{Pass: next}, {Pass: allow}}, asked: []string{"a: basalt", "b: ***"}, sent: "***"},
		"what is masked stays so":                   {first: masks, second: blocks, steps: [2]ruleset.Step{{Pass: next}, {Fail: allow}}, asked: []string{"a: basalt", "b: ***"}, sent: "***"},
		"after the last step all is let through":    {first: passes, second: blocks, steps: [2]ruleset.Step{{Pass: next}, {Fail: next}}, asked: []string{"a: basalt", "b: basalt"}, sent: "basalt"},
	} {
		var asked []string
		tt.steps[0].Guardrail, tt.steps[1].Guardrail = "a", "b"
		r := says("granite")
		a := counted("a", &asked, tt.first)
		a.Always = true // which the pipeline takes over
		call := piped(r, &ruleset.Pipeline{Steps: tt.steps[:]}, a, counted("b", &asked, tt.second))
		_, err := call.Complete(t.Context(), plain("basalt"))
		call.End(t.Context())
		if !slices.Equal(asked, tt.asked) {
			t.Errorf("%s: asked %q, want %q", name, asked, tt.asked)
		}
		switch {
		case tt.refused != "":
			if e := llm.AsError(err); err == nil || !strings.HasPrefix(e.Message, tt.refused) || len(r.chats) > 0 {
				t.Errorf("%s: %v, and the model has %d requests; want a refusal: %s", name, err, len(r.chats), tt.refused)
			}
		case err != nil:
			t.Errorf("%s: %v", name, err)
		default:
			if sent := r.chats[0].Turns[0].Blocks[0].Text; sent != tt.sent {
				t.Errorf("%s: the model gets %q, want %q", name, sent, tt.sent)
			}
		}
		if names := call.Guarded(); !slices.Equal(names, []string{"a", "b"}) {
			t.Errorf("%s: the guardrails are %q", name, names)
		}
	}
}

// TestAPipelineOfResponses checks them streamed and not, and leaves the guardrail's own mode as it is.
func TestAPipelineOfResponses(t *testing.T) {
	pipeline := &ruleset.Pipeline{Responses: true, Steps: []ruleset.Step{{Guardrail: "rocks", Pass: ruleset.Allow, Fail: ruleset.Block, Error: ruleset.Block}}}
	rule := filter(guard.PreCall)
	call := piped(says("basalt"), pipeline, rule)
	resp, err := call.Complete(t.Context(), chat("hello"))
	if err != nil || resp.Blocks[1].Text != "[KEYWORD_REDACTED]" {
		t.Errorf("%+v, %v", resp, err)
	}
	_, err = piped(says("basalt"), pipeline, rule).Complete(t.Context(), chat("granite"))
	refused(t, err, llm.CodeGuardrail)

	r := says("")
	r.pieces = []string{"some bas", "alt and ", "more"}
	call = piped(r, pipeline, rule)
	s, err := call.Stream(t.Context(), chat("hello"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	text := ""
	for {
		var ev llm.Event
		if err := s.Next(&ev); err != nil {
			break
		}
		text += ev.Text
	}
	if text != "some [KEYWORD_REDACTED] and more" {
		t.Errorf("the stream says %q", text)
	}
}

func TestAStepThatNoGuardrailHasRefusesTheCall(t *testing.T) {
	_, err := piped(says("a"), &ruleset.Pipeline{Steps: []ruleset.Step{{Guardrail: "none"}}}, filter(guard.PreCall)).Complete(t.Context(), chat("a"))
	refused(t, err, llm.CodeGuardrailAway)
}

func TestAStepCanLeaveOutInstructions(t *testing.T) {
	var asked []string
	passes := func(string) (guard.Verdict, error) { return guard.Verdict{}, nil }
	masks := func(string) (guard.Verdict, error) { return guard.Verdict{Texts: []string{"masked"}}, nil }
	a, b := counted("a", &asked, masks), counted("b", &asked, passes)
	a.SkipSystem = true
	r := says("granite")
	req := plain("basalt")
	req.System = []llm.Block{{Kind: llm.BlockText, Text: "system"}}
	if _, err := piped(r, &ruleset.Pipeline{Steps: []ruleset.Step{{Guardrail: "a"}, {Guardrail: "b"}}}, a, b).Complete(t.Context(), req); err != nil {
		t.Fatal(err)
	}
	if want := []string{"a: basalt", "b: system, masked"}; !slices.Equal(asked, want) || r.chats[0].System[0].Text != "system" {
		t.Errorf("asked %q, want %q", asked, want)
	}
}
