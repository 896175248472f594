package bedrock_test

import (
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/provider/bedrock"
	"outcrop/upstream"
)

// message is an answer of Claude's by InvokeModel.
const message = `{"id":"msg_1","type":"message","role":"assistant","model":"claude","content":[{"type":"text","text":"granite"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":1}}`

// TestWhereAMessageGoes follows calls in Anthropic's dialect: whether the target takes them itself,
// and then to which id, in which region.
func TestWhereAMessageGoes(t *testing.T) {
	const (
		base = "anthropic.claude-sonnet-4-5-20250929-v1:0"
		arn  = "arn:aws:bedrock:eu-west-3:123456789012:application-inference-profile/abc123def456"
	)
	for _, tt := range []struct {
		name, model, region, own string // own is the setting model_id
		policy                   provider.Policy
		path                     string // empty if the target does not take such calls
	}{
		{"a profile", "us." + base, "us-east-1", "", provider.Policy{}, "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke"},
		{"a base id by its profile", base, "eu-central-1", "", provider.Policy{}, "/model/eu.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke"},
		{"a friendly name", "claude-sonnet-4-5", "us-east-1", "", provider.Policy{}, "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke"},
		{"a policy", base, "eu-central-1", "", provider.Policy{Geographies: []string{}, Global: llm.Some(true)}, "/model/global.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke"},
		{"a strict policy", base, "eu-central-1", "", provider.Policy{Strict: true}, "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke"},
		{"InvokeModel by name", "invoke/us." + base, "us-east-1", "", provider.Policy{}, "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke"},
		{"InvokeModel by name, strictly", "invoke/us." + base, "us-east-1", "", provider.Policy{Strict: true}, "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/invoke"},
		{"an ARN", base, "eu-west-3", arn, provider.Policy{}, "/model/arn%3Aaws%3Abedrock%3Aeu-west-3%3A123456789012%3Aapplication-inference-profile%2Fabc123def456/invoke"},
		{"Converse by name", "converse/us." + base, "us-east-1", "", provider.Policy{}, ""},
		{"another maker", "us.amazon.nova-pro-v1:0", "us-east-1", "", provider.Policy{}, ""},
		{"another maker's InvokeModel", "invoke/us.amazon.nova-pro-v1:0", "us-east-1", "", provider.Policy{}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAWS(t)
			a.body = message
			a.header.Set("X-Amzn-Bedrock-Service-Tier", "priority")
			client := upstream.New()
			t.Cleanup(client.CloseIdle)
			values := map[string]string{"aws_bedrock_runtime_endpoint": a.URL, "aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret", "aws_region_name": tt.region}
			if tt.own != "" {
				values["model_id"] = tt.own
			}
			d, err := bedrock.Provider().Open(t.Context(), provider.Params{Model: tt.model, Values: values, Upstream: client, Policy: tt.policy})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = d.Close() })
			targets, err := d.Targets(llm.VerbChat, tt.model)
			if err != nil {
				t.Fatal(err)
			}
			p := targets[0].(provider.Passer)
			if p.Speaks(llm.DialectAnthropic) != (tt.path != "") {
				t.Fatalf("speaks %t", p.Speaks(llm.DialectAnthropic))
			}
			if tt.path == "" {
				return
			}
			resp, err := p.Pass(t.Context(), &llm.Raw{
				Call: llm.Call{Model: "mine", User: "u-1"}, Dialect: llm.DialectAnthropic,
				Body: []byte(`{"model":"mine","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}`),
			})
			if err != nil {
				t.Fatal(err)
			}
			got := a.last()
			if got.path != tt.path || !strings.Contains(got.authorization, "/"+tt.region+"/bedrock/aws4_request") || got.body != `{"anthropic_version":"bedrock-2023-05-31","max_tokens":9,"messages":[{"role":"user","content":"Hi"}]}` {
				t.Errorf("called %+v, want %s in %s", got, tt.path, tt.region)
			}
			if m := resp.Meta; m.Destination.API != "invoke" || m.Destination.Region != tt.region || m.UpstreamID != "aws-1" || resp.Usage.Input != 3 || resp.RawStop != "end_turn" || resp.ServiceTier != "priority" {
				t.Errorf("got %+v", resp)
			}
			if want := strings.Replace(message, `"model":"claude"`, `"model":"mine"`, 1); string(resp.Body) != want {
				t.Errorf("got %s, want %s", resp.Body, want)
			}
		})
	}
}
