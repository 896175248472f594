// Program outcrop-e2e-aws runs scenarios of AWS SDK for Go through the gateway, and prints a line of
// JSON for each. The SDK reads address and credentials from the environment.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"
)

const weather = "What is the weather in Paris and Tokyo?"

// program is a client and the model that it calls.
type program struct {
	client *bedrockruntime.Client
	model  string
}

func main() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx, config.WithRegion("us-east-1"), config.WithRetryMaxAttempts(1))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	p := &program{bedrockruntime.NewFromConfig(cfg), os.Getenv("MODEL")}
	for _, s := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"a response", p.response},
		{"a stream", p.stream},
		{"a tool loop", p.toolLoop},
		{"a tool call, streamed", p.toolStream},
		{"a refusal", p.refusal},
		{"an unknown model", p.unknownModel},
		{"a stream that breaks off", p.breaks},
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

func user(content ...types.ContentBlock) types.Message {
	return types.Message{Role: types.ConversationRoleUser, Content: content}
}

func text(s string) types.ContentBlock { return &types.ContentBlockMemberText{Value: s} }

func tools() *types.ToolConfiguration {
	schema := document.NewLazyDocument(map[string]any{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}, "required": []string{"city"}})
	return &types.ToolConfiguration{Tools: []types.Tool{&types.ToolMemberToolSpec{Value: types.ToolSpecification{
		Name: aws.String("get_weather"), InputSchema: &types.ToolInputSchemaMemberJson{Value: schema},
	}}}}
}

func (p *program) converse(ctx context.Context, t *types.ToolConfiguration, messages ...types.Message) (*bedrockruntime.ConverseOutput, error) {
	return p.client.Converse(ctx, &bedrockruntime.ConverseInput{ModelId: &p.model, Messages: messages, ToolConfig: t})
}

// message is the message of a response.
func message(r *bedrockruntime.ConverseOutput) types.Message {
	m, _ := r.Output.(*types.ConverseOutputMemberMessage)
	return m.Value
}

func textOf(m types.Message) string {
	for _, b := range m.Content {
		if t, ok := b.(*types.ContentBlockMemberText); ok {
			return t.Value
		}
	}
	return ""
}

// events reads a stream to its end.
func (p *program) events(ctx context.Context, t *types.ToolConfiguration, prompt string) ([]types.ConverseStreamOutput, error) {
	r, err := p.client.ConverseStream(ctx, &bedrockruntime.ConverseStreamInput{ModelId: &p.model, Messages: []types.Message{user(text(prompt))}, ToolConfig: t})
	if err != nil {
		return nil, err
	}
	s := r.GetStream()
	defer s.Close()
	var all []types.ConverseStreamOutput
	for e := range s.Events() {
		all = append(all, e)
	}
	return all, s.Err()
}

func (p *program) response(ctx context.Context) error {
	r, err := p.converse(ctx, nil, user(text("What is granite?")))
	if err != nil {
		return err
	}
	if got := textOf(message(r)); got != "You said: What is granite?" || *r.Usage.OutputTokens == 0 {
		return fmt.Errorf("the text is %q", got)
	}
	return nil
}

func (p *program) stream(ctx context.Context) error {
	all, err := p.events(ctx, nil, "[[words: 60]]")
	if err != nil {
		return err
	}
	var b strings.Builder
	for _, e := range all {
		if d, ok := e.(*types.ConverseStreamOutputMemberContentBlockDelta); ok {
			if t, ok := d.Value.Delta.(*types.ContentBlockDeltaMemberText); ok {
				b.WriteString(t.Value)
			}
		}
	}
	_, usage := all[len(all)-1].(*types.ConverseStreamOutputMemberMetadata)
	if len(strings.Fields(b.String())) != 60 || !usage {
		return fmt.Errorf("the text is %q, with metadata %v", b.String(), usage)
	}
	return nil
}

func (p *program) toolLoop(ctx context.Context) error {
	first, err := p.converse(ctx, tools(), user(text(weather)))
	if err != nil {
		return err
	}
	var results []types.ContentBlock
	for _, b := range message(first).Content {
		use, ok := b.(*types.ContentBlockMemberToolUse)
		if !ok {
			continue
		}
		var input struct {
			City string `document:"city"`
		}
		if err := use.Value.Input.UnmarshalSmithyDocument(&input); err != nil {
			return err
		}
		results = append(results, &types.ContentBlockMemberToolResult{Value: types.ToolResultBlock{
			ToolUseId: use.Value.ToolUseId, Content: []types.ToolResultContentBlock{&types.ToolResultContentBlockMemberText{Value: "sunny in " + input.City}},
		}})
	}
	last, err := p.converse(ctx, tools(), user(text(weather)), message(first), user(results...))
	if err != nil {
		return err
	}
	if got := textOf(message(last)); !strings.Contains(got, "sunny in Paris") || !strings.Contains(got, "sunny in Tokyo") {
		return fmt.Errorf("the text is %q", got)
	}
	return nil
}

func (p *program) toolStream(ctx context.Context) error {
	all, err := p.events(ctx, tools(), weather)
	if err != nil {
		return err
	}
	inputs := map[int32]string{}
	for _, e := range all {
		if d, ok := e.(*types.ConverseStreamOutputMemberContentBlockDelta); ok {
			if t, ok := d.Value.Delta.(*types.ContentBlockDeltaMemberToolUse); ok {
				inputs[*d.Value.ContentBlockIndex] += *t.Value.Input
			}
		}
	}
	var cities []string
	for _, input := range inputs {
		var v struct{ City string }
		if err := json.Unmarshal([]byte(input), &v); err != nil {
			return fmt.Errorf("the input is %q: %w", input, err)
		}
		cities = append(cities, v.City)
	}
	if len(cities) != 2 {
		return fmt.Errorf("the cities are %q", cities)
	}
	return nil
}

func (p *program) refusal(ctx context.Context) error {
	_, err := p.converse(ctx, nil, user(text("[[fault: denied]]")))
	if e, ok := errors.AsType[*types.AccessDeniedException](err); !ok || e.ErrorMessage() == "" {
		return fmt.Errorf("the error is %w", err)
	}
	return nil
}

func (p *program) unknownModel(ctx context.Context) error {
	other := program{p.client, "not/configured"}
	_, err := other.converse(ctx, nil, user(text("Hi")))
	if e, ok := errors.AsType[*types.ResourceNotFoundException](err); !ok || !strings.Contains(e.ErrorMessage(), "not/configured") {
		return fmt.Errorf("the error is %w", err)
	}
	return nil
}

func (p *program) breaks(ctx context.Context) error {
	_, err := p.events(ctx, nil, "[[fault: cut=reset after=3]] [[words: 60]]")
	if e, ok := errors.AsType[*types.ModelStreamErrorException](err); !ok || e.ErrorMessage() == "" {
		return fmt.Errorf("the error is %w", err)
	}
	return nil
}
