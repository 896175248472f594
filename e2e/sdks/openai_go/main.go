// Program outcrop-e2e-openai runs scenarios of OpenAI's SDK for Go with the Responses API of the
// gateway, and prints a line of JSON for each. The emulator is the gateway's upstream.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/conversations"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/responses"
	"github.com/openai/openai-go/v3/shared"
)

// program is a client and the model that it calls.
type program struct {
	client openai.Client
	model  string
}

func main() {
	ctx := context.Background()
	p := &program{openai.NewClient(option.WithBaseURL(os.Getenv("BASE_URL")+"/v1"), option.WithAPIKey(os.Getenv("API_KEY")), option.WithMaxRetries(0)), os.Getenv("MODEL")}
	for _, s := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"a response has its text and its usage", p.response},
		{"a stream has its events in order", p.stream},
		{"tools are called, and their results go back with the reasoning", p.tools},
		{"a custom tool gets plain text", p.custom},
		{"parse returns an object of the schema", p.parse},
		{"a conversation goes on by the response before", p.previous},
		{"a conversation keeps its items", p.conversation},
		{"input is counted, and compacted", p.compact},
		{"a response is made in the background", p.background},
		{"a stream in the background is left and resumed", p.resume},
		{"a response that breaks off fails, and never claims an end", p.breaks},
		{"errors name the parameter", p.errors},
	} {
		report := struct {
			Name string `json:"name"`
			OK   bool   `json:"ok"`
			Seen string `json:"seen"`
		}{Name: s.name, OK: true}
		if err := s.run(ctx); err != nil {
			report.OK, report.Seen = false, err.Error()
		}
		_ = json.NewEncoder(os.Stdout).Encode(report)
	}
}

// need is an error with what was seen unless the condition holds.
func need(condition bool, seen ...any) error {
	if condition {
		return nil
	}
	return fmt.Errorf("seen: %v", seen)
}

// ask is a request with a text.
func (p *program) ask(text string) responses.ResponseNewParams {
	return responses.ResponseNewParams{Model: p.model, Input: responses.ResponseNewParamsInputUnion{OfString: openai.String(text)}}
}

// message is a message of the user's.
func message(text string) responses.ResponseInputItemUnionParam {
	return responses.ResponseInputItemParamOfMessage(text, responses.EasyInputMessageRoleUser)
}

func (p *program) response(ctx context.Context) error {
	ask := p.ask("[[answer: granite]]")
	ask.Instructions = openai.String("Be short.")
	r, err := p.client.Responses.New(ctx, ask)
	if err != nil {
		return err
	}
	return need(r.OutputText() == "granite" && r.Status == responses.ResponseStatusCompleted && r.Usage.TotalTokens > 0, r.RawJSON())
}

// events reads a stream to its end, and folds it.
func (p *program) events(ctx context.Context, ask responses.ResponseNewParams) (types []string, folded *responses.Response, err error) {
	s := p.client.Responses.NewStreaming(ctx, ask)
	defer s.Close()
	var all responses.ResponseAccumulator
	for s.Next() {
		event := s.Current()
		types = append(types, event.Type)
		var same responses.ResponsesServerEventUnion
		if err := json.Unmarshal([]byte(event.RawJSON()), &same); err != nil {
			return nil, nil, err
		}
		if err := all.AddEvent(same); err != nil {
			return nil, nil, err
		}
	}
	if err := s.Err(); err != nil {
		return nil, nil, err
	}
	folded, err = all.ReconstructedResponse()
	return types, folded, err
}

func (p *program) stream(ctx context.Context) error {
	types, folded, err := p.events(ctx, p.ask("[[words: 30]]"))
	if err != nil {
		return err
	}
	return need(types[0] == "response.created" && types[len(types)-1] == "response.completed" && len(strings.Fields(folded.OutputText())) == 30, types, folded.RawJSON())
}

func (p *program) tools(ctx context.Context) error {
	schema := map[string]any{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}, "required": []string{"city"}, "additionalProperties": false}
	input := responses.ResponseInputParam{message(`[[call: get_weather {"city":"Paris"}]] [[call: get_weather {"city":"Tokyo"}]] [[then]] [[answer: It rains.]]`)}
	ask := responses.ResponseNewParams{
		Model: p.model, Tools: []responses.ToolUnionParam{responses.ToolParamOfFunction("get_weather", schema, true)}, Store: openai.Bool(false),
		Reasoning: shared.ReasoningParam{Effort: shared.ReasoningEffortHigh, Summary: shared.ReasoningSummaryAuto},
		Include:   []responses.ResponseIncludable{responses.ResponseIncludableReasoningEncryptedContent},
	}
	ask.Input.OfInputItemList = input
	_, r, err := p.events(ctx, ask)
	if err != nil {
		return err
	}
	var cities []string
	for _, item := range r.Output {
		input = append(input, param.Override[responses.ResponseInputItemUnionParam](json.RawMessage(item.RawJSON())))
	}
	for _, item := range r.Output {
		if item.Type != "function_call" {
			continue
		}
		call := item.AsFunctionCall()
		var given struct{ City string }
		if err := json.Unmarshal([]byte(call.Arguments), &given); err != nil {
			return err
		}
		cities = append(cities, given.City)
		result := responses.ResponseInputItemParamOfFunctionCallOutput("rain")
		result.OfFunctionCallOutput.CallID = openai.String(call.CallID)
		input = append(input, result)
	}
	if err := need(r.Output[0].Type == "reasoning" && r.Output[0].AsReasoning().EncryptedContent != "" && strings.Join(cities, " ") == "Paris Tokyo", r.RawJSON()); err != nil {
		return err
	}
	ask.Input.OfInputItemList = input
	last, err := p.client.Responses.New(ctx, ask)
	if err != nil {
		return err
	}
	return need(last.OutputText() == "It rains.", last.RawJSON())
}

func (p *program) custom(ctx context.Context) error {
	ask := p.ask(`[[call: patch {"input":"*** Begin"}]]`)
	ask.Tools = []responses.ToolUnionParam{responses.ToolParamOfCustom("patch")}
	r, err := p.client.Responses.New(ctx, ask)
	if err != nil {
		return err
	}
	call := r.Output[len(r.Output)-1].AsCustomToolCall()
	return need(call.Name == "patch" && call.Input == "*** Begin", r.RawJSON())
}

func (p *program) parse(ctx context.Context) error {
	ask := p.ask("Describe granite, of hardness 7.")
	ask.Text.Format = responses.ResponseFormatTextConfigParamOfJSONSchema("stone", map[string]any{
		"type": "object", "properties": map[string]any{"name": map[string]any{"type": "string"}, "hardness": map[string]any{"type": "integer"}},
		"required": []string{"name", "hardness"}, "additionalProperties": false,
	})
	r, err := p.client.Responses.New(ctx, ask)
	if err != nil {
		return err
	}
	var stone struct {
		Name     string
		Hardness int
	}
	return errors.Join(json.Unmarshal([]byte(r.OutputText()), &stone), need(stone.Name != "", r.OutputText()))
}

func (p *program) previous(ctx context.Context) error {
	first, err := p.client.Responses.New(ctx, p.ask("[[answer: granite]]"))
	if err != nil {
		return err
	}
	ask := p.ask("And?")
	ask.PreviousResponseID = openai.String(first.ID)
	second, err := p.client.Responses.New(ctx, ask)
	if err != nil {
		return err
	}
	again, err := p.client.Responses.Get(ctx, second.ID, responses.ResponseGetParams{})
	if err != nil {
		return err
	}
	items, err := p.client.Responses.InputItems.List(ctx, second.ID, responses.InputItemListParams{})
	if err != nil {
		return err
	}
	if err := need(again.OutputText() == second.OutputText() && len(items.Data) == 1, again.RawJSON(), items.Data); err != nil {
		return err
	}
	if err := p.client.Responses.Delete(ctx, first.ID); err != nil {
		return err
	}
	_, err = p.client.Responses.Get(ctx, first.ID, responses.ResponseGetParams{})
	return refused(err, 404, "")
}

// refused checks that an error is a refusal with the status and the parameter.
func refused(err error, status int, parameter string) error {
	var e *openai.Error
	if !errors.As(err, &e) {
		return fmt.Errorf("%w is no refusal", err)
	}
	return need(e.StatusCode == status && (parameter == "" || e.Param == parameter), e.StatusCode, e.Param, e.Message)
}

func (p *program) conversation(ctx context.Context) error {
	c, err := p.client.Conversations.New(ctx, conversations.ConversationNewParams{Items: []responses.ResponseInputItemUnionParam{message("Hi")}})
	if err != nil {
		return err
	}
	ask := p.ask("Go on.")
	ask.Conversation.OfString = openai.String(c.ID)
	if _, err := p.client.Responses.New(ctx, ask); err != nil {
		return err
	}
	items := 0
	pages := p.client.Conversations.Items.ListAutoPaging(ctx, c.ID, conversations.ItemListParams{Order: conversations.ItemListParamsOrderAsc, Limit: openai.Int(2)})
	for pages.Next() {
		items++
	}
	if err := errors.Join(pages.Err(), need(items == 3, items)); err != nil {
		return err
	}
	gone, err := p.client.Conversations.Delete(ctx, c.ID)
	if err != nil {
		return err
	}
	return need(gone.Deleted, gone.RawJSON())
}

func (p *program) compact(ctx context.Context) error {
	count, err := p.client.Responses.InputTokens.Count(ctx, responses.InputTokenCountParams{Model: openai.String(p.model), Input: responses.InputTokenCountParamsInputUnion{OfString: openai.String("What is granite?")}})
	if err != nil {
		return err
	}
	c, err := p.client.Responses.Compact(ctx, responses.ResponseCompactParams{
		Model: responses.ResponseCompactParamsModel(p.model),
		Input: responses.ResponseCompactParamsInputUnion{OfString: openai.String("[[answer: We spoke of granite.]]")},
	})
	if err != nil {
		return err
	}
	ask := responses.ResponseNewParams{Model: p.model}
	found := false
	for _, item := range c.Output {
		found = found || item.Type == "compaction"
		ask.Input.OfInputItemList = append(ask.Input.OfInputItemList, param.Override[responses.ResponseInputItemUnionParam](json.RawMessage(item.RawJSON())))
	}
	ask.Input.OfInputItemList = append(ask.Input.OfInputItemList, message("[[answer: On it goes.]]"))
	r, err := p.client.Responses.New(ctx, ask)
	if err != nil {
		return err
	}
	return need(count.InputTokens > 0 && found && r.OutputText() == "On it goes.", count.RawJSON(), c.RawJSON(), r.RawJSON())
}

func (p *program) background(ctx context.Context) error {
	ask := p.ask("[[answer: granite]]")
	ask.Background = openai.Bool(true)
	r, err := p.client.Responses.New(ctx, ask)
	for err == nil && (r.Status == responses.ResponseStatusQueued || r.Status == responses.ResponseStatusInProgress) {
		r, err = p.client.Responses.Get(ctx, r.ID, responses.ResponseGetParams{})
	}
	if err != nil {
		return err
	}
	if err := need(r.Status == responses.ResponseStatusCompleted && r.OutputText() == "granite", r.RawJSON()); err != nil {
		return err
	}
	slow := p.ask("[[fault: latency=60s]] x")
	slow.Background = openai.Bool(true)
	if r, err = p.client.Responses.New(ctx, slow); err != nil {
		return err
	}
	if r, err = p.client.Responses.Cancel(ctx, r.ID); err != nil {
		return err
	}
	return need(r.Status == responses.ResponseStatusCancelled, r.RawJSON())
}

func (p *program) resume(ctx context.Context) error {
	ask := p.ask("[[answer: granite and basalt and gneis]]")
	ask.Background = openai.Bool(true)
	var id, text, last string
	var number int64
	note := func(e responses.ResponseStreamEventUnion) {
		if e.Type == "response.created" {
			id = e.Response.ID
		}
		if e.Type == "response.output_text.delta" {
			text += e.Delta
		}
		last, number = e.Type, e.SequenceNumber
	}
	left := p.client.Responses.NewStreaming(ctx, ask)
	for text == "" && left.Next() {
		note(left.Current())
	}
	if err := errors.Join(left.Err(), left.Close()); err != nil {
		return err
	}
	// The SDK puts stream into the body of a GET; the API has it in the query.
	resumed := p.client.Responses.GetStreaming(ctx, id, responses.ResponseGetParams{StartingAfter: openai.Int(number)}, option.WithQuery("stream", "true"))
	defer resumed.Close()
	for resumed.Next() {
		note(resumed.Current())
	}
	return errors.Join(resumed.Err(), need(text == "granite and basalt and gneis" && last == "response.completed", text, last))
}

func (p *program) breaks(ctx context.Context) error {
	s := p.client.Responses.NewStreaming(ctx, p.ask("[[fault: cut=reset after=3]] [[words: 60]]"))
	defer s.Close()
	last := ""
	for s.Next() {
		last = s.Current().Type
		if last == "response.completed" {
			return errors.New("it claims an end")
		}
	}
	return errors.Join(s.Err(), need(last == "response.failed", last))
}

func (p *program) errors(ctx context.Context) error {
	ask := p.ask("x")
	ask.MaxOutputTokens = openai.Int(0)
	_, err := p.client.Responses.New(ctx, ask)
	if err := refused(err, 400, "max_output_tokens"); err != nil {
		return err
	}
	_, err = p.client.Responses.New(ctx, p.ask("[[fault: throttle]]"))
	return refused(err, 429, "")
}
