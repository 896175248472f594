package gateway_test

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"outcrop/gateway"
	"outcrop/guard"
	"outcrop/guard/ruleset"
	"outcrop/llm"
)

// replacing is a pipeline with one step, whose refusals are responses of the policy's own.
func replacing(responses bool, says string) *ruleset.Pipeline {
	return &ruleset.Pipeline{Responses: responses, Steps: []ruleset.Step{{Guardrail: "rocks", Pass: ruleset.Allow, Fail: ruleset.Replace, Error: ruleset.Block, Reason: says}}}
}

// of is the one text that a response has.
func of(t *testing.T, resp *llm.Response) string {
	t.Helper()
	if len(resp.Blocks) != 1 || resp.Blocks[0].Kind != llm.BlockText || resp.Stop != llm.StopReplaced || resp.Role != llm.RoleAssistant {
		t.Fatalf("the response is %+v", resp)
	}
	return resp.Blocks[0].Text
}

func TestAPolicyAnswersInPlaceOfTheModel(t *testing.T) {
	t.Parallel()
	r := says("fine")
	call := piped(r, replacing(false, "Ask about sand."), filter(guard.PreCall))
	resp, err := call.Complete(t.Context(), chat("granite"))
	if err != nil {
		t.Fatal(err)
	}
	if text := of(t, resp); text != "Ask about sand." || len(r.chats) > 0 {
		t.Errorf("the response says %q, and the model has %d requests", text, len(r.chats))
	}
	if cost := call.Cost(); !cost.Set || cost.Value != 0 || len(call.Warnings()) != 1 || !strings.Contains(call.Warnings()[0].Detail, "tiers") {
		t.Errorf("the cost is %+v, the warnings %+v", cost, call.Warnings())
	}

	resp, err = piped(r, replacing(false, ""), filter(guard.PreCall)).Complete(t.Context(), chat("granite"))
	if err != nil || of(t, resp) != "Content blocked: keyword 'granite' detected" {
		t.Errorf("without a message of its own: %+v, %v", resp, err)
	}
	// What passes is as ever.
	resp, err = piped(r, replacing(false, "Ask about sand."), filter(guard.PreCall)).Complete(t.Context(), chat("sand"))
	if err != nil || len(resp.Blocks) != 3 || len(r.chats) != 1 {
		t.Errorf("%+v, %v", resp, err)
	}
}

func TestAPolicyAnswersAsOftenAsTheCallAsks(t *testing.T) {
	t.Parallel()
	req := chat("granite")
	req.Choices = 2
	all, err := piped(says(""), replacing(false, "No."), filter(guard.PreCall)).CompleteAll(t.Context(), req)
	if err != nil || len(all) != 2 || of(t, all[1]) != "No." {
		t.Errorf("%+v, %v", all, err)
	}
	all, err = piped(says(""), replacing(false, "No."), filter(guard.PreCall)).CompleteEach(t.Context(), []*llm.Request{chat("sand"), chat("granite")})
	if err != nil || len(all) != 2 || of(t, all[0]) != "No." {
		t.Errorf("%+v, %v", all, err)
	}
}

func TestAPolicyAnswersInPlaceOfAResponse(t *testing.T) {
	t.Parallel()
	call := piped(says("granite"), replacing(true, "No more."), filter(guard.PreCall))
	resp, err := call.Complete(t.Context(), chat("sand"))
	if err != nil {
		t.Fatal(err)
	}
	if text := of(t, resp); text != "No more." || resp.Usage.Output != 5 || call.Usage().Output != 5 {
		t.Errorf("the response says %q, and has used %+v", text, resp.Usage)
	}
}

// replacedEvents reads a stream to its end, and folds its choices.
func replacedEvents(t *testing.T, s llm.Stream, choices int) []*llm.Response {
	t.Helper()
	defer s.Close()
	folds := make([]llm.Fold, choices)
	open := map[[2]int]bool{}
	for {
		var ev llm.Event
		if err := s.Next(&ev); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		block := [2]int{ev.Choice, ev.Index}
		switch ev.Kind {
		case llm.EventDelta:
			open[block] = true
		case llm.EventBlockEnd:
			if !open[block] {
				t.Errorf("block %v ends twice, or has not begun", block)
			}
			open[block] = false
		case llm.EventStop:
			for block, is := range open {
				if is && block[0] == ev.Choice {
					t.Errorf("block %v has no end", block)
				}
			}
		default:
		}
		folds[ev.Choice].Add(&ev)
	}
	answers := make([]*llm.Response, choices)
	for i := range folds {
		answers[i] = folds[i].Answer()
	}
	return answers
}

func TestAPolicyAnswersInPlaceOfAStream(t *testing.T) {
	t.Parallel()
	r := says("")
	req := chat("granite")
	req.Choices = 2
	call := piped(r, replacing(false, "Ask about sand."), filter(guard.PreCall))
	s, err := call.Stream(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range replacedEvents(t, s, 2) {
		if text := of(t, one); text != "Ask about sand." || len(r.chats) > 0 {
			t.Errorf("the response says %q, and the model has %d requests", text, len(r.chats))
		}
	}
	if cost := call.Cost(); !cost.Set || cost.Value != 0 {
		t.Errorf("it costs %+v", cost)
	}
}

func TestAPolicyEndsAStreamWithItsOwnWords(t *testing.T) {
	t.Parallel()
	r := says("")
	r.pieces = []string{"some sand ", strings.Repeat("and some more ", 10), "and gra", "nite", " and mud"}
	call := piped(r, replacing(true, "No more."), filter(guard.PreCall))
	s, err := call.Stream(t.Context(), chat("sand"))
	if err != nil {
		t.Fatal(err)
	}
	resp := replacedEvents(t, s, 1)[0]
	if n := len(resp.Blocks); n != 2 || !strings.HasPrefix(resp.Blocks[0].Text, "some sand and") || strings.Contains(resp.Blocks[0].Text, "gra") || resp.Blocks[1].Text != "No more." || resp.Stop != llm.StopReplaced {
		t.Errorf("the response is %+v", resp)
	}
	if resp.Usage.Output != 5 || call.Usage().Output != 5 {
		t.Errorf("it has used %+v", resp.Usage)
	}

	r.pieces = []string{"granite"} // of which nothing has been sent
	if s, err = piped(r, replacing(true, "No more."), filter(guard.PreCall)).Stream(t.Context(), chat("sand")); err != nil {
		t.Fatal(err)
	}
	if resp := replacedEvents(t, s, 1)[0]; len(resp.Blocks) != 1 || resp.Blocks[0].Text != "No more." {
		t.Errorf("the response is %+v", resp)
	}
}

// spoken is a translation whose responses are their first text.
func spoken(text string) *gateway.Translation {
	tr := translation(text)
	tr.Response = func(resp *llm.Response) *llm.RawResponse {
		return llm.RawOf(resp, []byte(resp.Blocks[0].Text), resp.Meta.Warnings)
	}
	return tr
}

func TestAPolicyAnswersCallsInADialect(t *testing.T) {
	t.Parallel()
	r := says("")
	call := piped(r, replacing(false, "No."), filter(guard.PreCall))
	resp, err := call.Relay(t.Context(), rawCall("body"), spoken("granite"))
	if err != nil || string(resp.Body) != "No." || len(r.relayed) > 0 {
		t.Errorf("%+v, %v", resp, err)
	}
	if n := len(call.Warnings()); n != 1 {
		t.Errorf("%d warnings", n)
	}
	s, err := piped(r, replacing(false, "No."), filter(guard.PreCall)).RelayStream(t.Context(), rawCall("body"), spoken("granite"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	text := ""
	var ev llm.RawEvent
	for err = s.Next(&ev); err == nil; err = s.Next(&ev) {
		text += string(ev.Data)
	}
	if text != "No." {
		t.Errorf("the stream says %q", text)
	}
}

// TestWhereThereAreNoWordsAReplacementIsARefusal is about calls that have no text for an answer.
func TestWhereThereAreNoWordsAReplacementIsARefusal(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(*gateway.Call) error{
		"embeddings": func(c *gateway.Call) error {
			_, err := c.Embed(t.Context(), &llm.EmbedRequest{Call: llm.Call{Model: "m"}, Inputs: []llm.EmbedInput{{Text: "granite"}}})
			return err
		},
		"count": func(c *gateway.Call) error {
			_, err := c.CountTokens(t.Context(), rawCall("body"), translation("granite"))
			return err
		},
	} {
		call := piped(says(""), replacing(false, "No."), filter(guard.PreCall))
		err := do(call)
		if err == nil {
			t.Errorf("%s: no refusal", name)
			continue
		}
		if e := llm.AsError(err); e.Code != llm.CodeGuardrail || e.Message != "No." || e.Status != 400 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAPipelineEndsWhereItAnswers(t *testing.T) {
	t.Parallel()
	var asked []string
	passes := func(string) (guard.Verdict, error) { return guard.Verdict{}, nil }
	pipeline := &ruleset.Pipeline{Steps: []ruleset.Step{{Guardrail: "a", Pass: ruleset.Replace}, {Guardrail: "b"}}}
	resp, err := piped(says(""), pipeline, counted("a", &asked, passes), counted("b", &asked, passes)).Complete(t.Context(), plain("sand"))
	if err != nil || !strings.Contains(of(t, resp), "tiers") || !slices.Equal(asked, []string{"a: sand"}) {
		t.Errorf("%+v, %v, asked %q", resp, err, asked)
	}
}
