package modelid

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const account = "123456789012"

// parts compares the exported fields of two IDs.
var parts = cmpopts.IgnoreUnexported(ID{})

func TestModelIDs(t *testing.T) {
	for _, c := range []struct {
		in    string
		want  ID
		model string
		base  string
	}{
		{"amazon.nova-pro-v1:0", ID{Vendor: "amazon", Name: "nova-pro-v1", Version: "0"}, "amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"},
		{"bedrock/amazon.nova-pro-v1:0", ID{Vendor: "amazon", Name: "nova-pro-v1", Version: "0"}, "amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"},
		{
			"us.anthropic.claude-haiku-4-5-20251001-v1:0",
			ID{Geography: "us", Vendor: "anthropic", Name: "claude-haiku-4-5-20251001-v1", Version: "0"},
			"us.anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic.claude-haiku-4-5-20251001-v1:0",
		},
		{"us-gov.anthropic.claude-sonnet-5", ID{Geography: "us-gov", Vendor: "anthropic", Name: "claude-sonnet-5"}, "us-gov.anthropic.claude-sonnet-5", "anthropic.claude-sonnet-5"},
		{"apac.amazon.nova-lite-v1:0", ID{Geography: "apac", Vendor: "amazon", Name: "nova-lite-v1", Version: "0"}, "apac.amazon.nova-lite-v1:0", "amazon.nova-lite-v1:0"},
		{"global.cohere.embed-v4:0", ID{Geography: "global", Vendor: "cohere", Name: "embed-v4", Version: "0"}, "global.cohere.embed-v4:0", "cohere.embed-v4:0"},
		{"in.openai.gpt-5.6-terra", ID{Geography: "in", Vendor: "openai", Name: "gpt-5.6-terra"}, "in.openai.gpt-5.6-terra", "openai.gpt-5.6-terra"},
		{"us.deepseek.r1-v1:0", ID{Geography: "us", Vendor: "deepseek", Name: "r1-v1", Version: "0"}, "us.deepseek.r1-v1:0", "deepseek.r1-v1:0"},
		{"us.xai.grok-4.7", ID{Geography: "us", Vendor: "xai", Name: "grok-4.7"}, "us.xai.grok-4.7", "xai.grok-4.7"},

		{"deepseek.v3.2", ID{Vendor: "deepseek", Name: "v3.2"}, "deepseek.v3.2", "deepseek.v3.2"},
		{"us.deepseek.v3.2", ID{Geography: "us", Vendor: "deepseek", Name: "v3.2"}, "us.deepseek.v3.2", "deepseek.v3.2"},
		{"deepseek.v3-v1:0", ID{Vendor: "deepseek", Name: "v3-v1", Version: "0"}, "deepseek.v3-v1:0", "deepseek.v3-v1:0"},
		{"minimax.minimax-m2.1", ID{Vendor: "minimax", Name: "minimax-m2.1"}, "minimax.minimax-m2.1", "minimax.minimax-m2.1"},
		{"openai.gpt-5.6-sol", ID{Vendor: "openai", Name: "gpt-5.6-sol"}, "openai.gpt-5.6-sol", "openai.gpt-5.6-sol"},
		{"us.openai.gpt-5.6-sol", ID{Geography: "us", Vendor: "openai", Name: "gpt-5.6-sol"}, "us.openai.gpt-5.6-sol", "openai.gpt-5.6-sol"},
		{"xai.grok-4.7", ID{Vendor: "xai", Name: "grok-4.7"}, "xai.grok-4.7", "xai.grok-4.7"},
		{"google.gemma-3-4b-it", ID{Vendor: "google", Name: "gemma-3-4b-it"}, "google.gemma-3-4b-it", "google.gemma-3-4b-it"},
		{"moonshotai.kimi-k2.5", ID{Vendor: "moonshotai", Name: "kimi-k2.5"}, "moonshotai.kimi-k2.5", "moonshotai.kimi-k2.5"},
		{"ai21.jamba-1-5-large-v1:0", ID{Vendor: "ai21", Name: "jamba-1-5-large-v1", Version: "0"}, "ai21.jamba-1-5-large-v1:0", "ai21.jamba-1-5-large-v1:0"},
		{"xx.model-2.5", ID{Vendor: "xx", Name: "model-2.5"}, "xx.model-2.5", "xx.model-2.5"},

		{"anthropic.claude-v2:0:51k", ID{Vendor: "anthropic", Name: "claude-v2", Version: "0", Throughput: "51k"}, "anthropic.claude-v2:0:51k", "anthropic.claude-v2:0"},
		{"anthropic.claude-v2:2:100k", ID{Vendor: "anthropic", Name: "claude-v2", Version: "2", Throughput: "100k"}, "anthropic.claude-v2:2:100k", "anthropic.claude-v2:2"},
		{"us.anthropic.claude-sonnet-5[1m]", ID{Geography: "us", Vendor: "anthropic", Name: "claude-sonnet-5", Bracket: "1m"}, "us.anthropic.claude-sonnet-5", "anthropic.claude-sonnet-5"},
		{"my-model", ID{Name: "my-model"}, "my-model", "my-model"},
		{"abcdef123456", ID{Name: "abcdef123456"}, "abcdef123456", "abcdef123456"},

		{"converse/us.deepseek.r1-v1:0", ID{Route: Converse, Geography: "us", Vendor: "deepseek", Name: "r1-v1", Version: "0"}, "us.deepseek.r1-v1:0", "deepseek.r1-v1:0"},
		{"invoke/cohere.command-r-v1:0", ID{Route: Invoke, Vendor: "cohere", Name: "command-r-v1", Version: "0"}, "cohere.command-r-v1:0", "cohere.command-r-v1:0"},
		{"async_invoke/amazon.nova-reel-v1:1", ID{Route: AsyncInvoke, Vendor: "amazon", Name: "nova-reel-v1", Version: "1"}, "amazon.nova-reel-v1:1", "amazon.nova-reel-v1:1"},
		{"bedrock_mantle/openai.gpt-5.4", ID{Route: Mantle, Vendor: "openai", Name: "gpt-5.4"}, "openai.gpt-5.4", "openai.gpt-5.4"},
		{"bedrock_mantle/us-west-2/openai.gpt-5.4", ID{Route: Mantle, Region: "us-west-2", Vendor: "openai", Name: "gpt-5.4"}, "openai.gpt-5.4", "openai.gpt-5.4"},
		{"mantle/anthropic.claude-opus-5", ID{Route: Mantle, Vendor: "anthropic", Name: "claude-opus-5"}, "anthropic.claude-opus-5", "anthropic.claude-opus-5"},
		{"claude_platform/claude-opus-5", ID{Route: ClaudePlatform, Name: "claude-opus-5"}, "claude-opus-5", "claude-opus-5"},
		{"chat_completions/us.xai.grok-4.7", ID{Route: ChatCompletions, Geography: "us", Vendor: "xai", Name: "grok-4.7"}, "us.xai.grok-4.7", "xai.grok-4.7"},
		{"converse_like/us.amazon.nova-pro-v1:0", ID{Route: ConverseLike, Geography: "us", Vendor: "amazon", Name: "nova-pro-v1", Version: "0"}, "us.amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"},
		{"converse_like/Their/Model:x:y:z", ID{Route: ConverseLike, Name: "Their/Model:x:y:z"}, "Their/Model:x:y:z", "Their/Model:x:y:z"},
		{"openai/my-import", ID{Route: OpenAI, Family: OpenAI, Name: "my-import"}, "my-import", "my-import"},
		{"agent/AGENT12345/TSTALIASID", ID{Route: Agent, AgentID: "AGENT12345", AliasID: "TSTALIASID"}, "AGENT12345/TSTALIASID", ""},
		{"eu-west-1/agent/AGENT12345/TSTALIASID", ID{Route: Agent, Region: "eu-west-1", AgentID: "AGENT12345", AliasID: "TSTALIASID"}, "AGENT12345/TSTALIASID", ""},
		{"eu-west-1/amazon.nova-pro-v1:0", ID{Region: "eu-west-1", Vendor: "amazon", Name: "nova-pro-v1", Version: "0"}, "amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"},
		{"bedrock/us-gov-west-1/converse/amazon.nova-pro-v1:0", ID{Route: Converse, Region: "us-gov-west-1", Vendor: "amazon", Name: "nova-pro-v1", Version: "0"}, "amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"},
		{"converse/mx-central-1/amazon.nova-pro-v1:0", ID{Route: Converse, Region: "mx-central-1", Vendor: "amazon", Name: "nova-pro-v1", Version: "0"}, "amazon.nova-pro-v1:0", "amazon.nova-pro-v1:0"},
	} {
		check(t, c.in, c.want, c.model, c.base)
	}
}

func TestARNs(t *testing.T) {
	arn := func(service, acct, resource string) string {
		return "arn:aws:" + service + ":us-east-1:" + acct + ":" + resource
	}
	bedrock := func(kind Kind, acct, resource, sub string) ARN {
		return ARN{Partition: "aws", Service: kind.service(), Region: "us-east-1", Account: acct, Kind: kind, Resource: resource, SubResource: sub}
	}
	for _, c := range []struct {
		prefix, arn string
		want        ID
		base        string
	}{
		{"", arn("bedrock", "", "foundation-model/amazon.nova-pro-v1:0"), ID{Vendor: "amazon", Name: "nova-pro-v1", Version: "0", ARN: bedrock(FoundationModel, "", "amazon.nova-pro-v1:0", "")}, "amazon.nova-pro-v1:0"},
		{"", arn("bedrock", account, "inference-profile/us.openai.gpt-5.6-sol"), ID{Geography: "us", Vendor: "openai", Name: "gpt-5.6-sol", ARN: bedrock(InferenceProfile, account, "us.openai.gpt-5.6-sol", "")}, "openai.gpt-5.6-sol"},
		{"", arn("bedrock", account, "application-inference-profile/abc123def456"), ID{ARN: bedrock(ApplicationInferenceProfile, account, "abc123def456", "")}, ""},
		{"converse/", arn("bedrock", account, "application-inference-profile/abc123def456"), ID{Route: Converse, ARN: bedrock(ApplicationInferenceProfile, account, "abc123def456", "")}, ""},
		{"", arn("bedrock", account, "provisioned-model/abc123def456"), ID{ARN: bedrock(ProvisionedModel, account, "abc123def456", "")}, ""},
		{"", arn("bedrock", account, "imported-model/abc123def456"), ID{ARN: bedrock(ImportedModel, account, "abc123def456", "")}, ""},
		{"llama/", arn("bedrock", account, "imported-model/abc123def456"), ID{Route: Llama, Family: Llama, ARN: bedrock(ImportedModel, account, "abc123def456", "")}, ""},
		{"deepseek_r1/", arn("bedrock", account, "imported-model/abc123def456"), ID{Route: DeepSeekR1, Family: DeepSeekR1, ARN: bedrock(ImportedModel, account, "abc123def456", "")}, ""},
		{"invoke/qwen3/", arn("bedrock", account, "imported-model/abc123def456"), ID{Route: Invoke, Family: Qwen3, ARN: bedrock(ImportedModel, account, "abc123def456", "")}, ""},
		{"qwen3/invoke/", arn("bedrock", account, "imported-model/abc123def456"), ID{Route: Invoke, Family: Qwen3, ARN: bedrock(ImportedModel, account, "abc123def456", "")}, ""},
		{"anthropic/", arn("bedrock", account, "provisioned-model/abc123def456"), ID{Route: Anthropic, Family: Anthropic, ARN: bedrock(ProvisionedModel, account, "abc123def456", "")}, ""},
		{"nova/", arn("bedrock", account, "custom-model-deployment/abc123def456"), ID{Route: Nova, Family: Nova, ARN: bedrock(CustomModelDeployment, account, "abc123def456", "")}, "amazon.nova-custom"},
		{"converse/nova-2/", arn("bedrock", account, "custom-model-deployment/abc123def456"), ID{Route: Converse, Family: Nova2, ARN: bedrock(CustomModelDeployment, account, "abc123def456", "")}, "amazon.nova-2-custom"},
		{"", arn("bedrock", account, "custom-model/amazon.nova-lite-v1:0:300k/abc123def456"), ID{Vendor: "amazon", Name: "nova-lite-v1", Version: "0", Throughput: "300k", ARN: bedrock(CustomModel, account, "amazon.nova-lite-v1:0:300k", "abc123def456")}, "amazon.nova-lite-v1:0"},
		{"", arn("bedrock", account, "default-prompt-router/anthropic.claude:1"), ID{ARN: bedrock(DefaultPromptRouter, account, "anthropic.claude:1", "")}, ""},
		{"", arn("bedrock", account, "prompt-router/abc123def456"), ID{ARN: bedrock(PromptRouter, account, "abc123def456", "")}, ""},
		{"", arn("bedrock", account, "prompt/ABCDE12345"), ID{ARN: bedrock(Prompt, account, "ABCDE12345", "")}, ""},
		{"", arn("bedrock", account, "prompt/ABCDE12345:3"), ID{ARN: bedrock(Prompt, account, "ABCDE12345", "3")}, ""},
		{"", arn("sagemaker", account, "endpoint/my-endpoint"), ID{ARN: bedrock(SageMakerEndpoint, account, "my-endpoint", "")}, ""},
		{"agentcore/", arn("bedrock-agentcore", account, "runtime/my_agent-abc"), ID{Route: AgentCore, ARN: bedrock(AgentRuntime, account, "my_agent-abc", "")}, ""},
		{"us-east-1/", arn("bedrock", account, "imported-model/abc123def456"), ID{Region: "us-east-1", ARN: bedrock(ImportedModel, account, "abc123def456", "")}, ""},
		{"", arn("bedrock", account, "new-kind/x/y:z"), ID{ARN: bedrock(OtherResource, account, "new-kind/x/y:z", "")}, ""},
	} {
		check(t, "bedrock/"+c.prefix+c.arn, c.want, c.arn, c.base)
	}

	id, err := Parse("arn:aws-us-gov:bedrock:us-gov-west-1:123456789012:imported-model/abc123def456[1m]")
	if err != nil || id.ARN.Partition != "aws-us-gov" || id.CallRegion() != "us-gov-west-1" || id.Bracket != "1m" || strings.Contains(id.ModelID(), "[") {
		t.Errorf("got %+v, %v", id, err)
	}
}

func check(t *testing.T, in string, want ID, model, base string) {
	t.Helper()
	got, err := Parse(in)
	if err != nil {
		t.Errorf("%s: %v", in, err)
		return
	}
	if diff := cmp.Diff(want, got, parts); diff != "" {
		t.Errorf("%s: -want +got\n%s", in, diff)
	}
	if got.ModelID() != model || got.Base() != base {
		t.Errorf("%s: model %q base %q, want %q and %q", in, got.ModelID(), got.Base(), model, base)
	}
	if again, err := Parse(got.String()); err != nil || again != got {
		t.Errorf("%s: comes back from %q as %+v, %v", in, got, again, err)
	}
	if s := got.ARN.String(); s != "" && s != model {
		t.Errorf("%s: the ARN comes back as %q", in, s)
	}
}

func TestWhatIsNotAModelString(t *testing.T) {
	for _, c := range []struct{ in, part, hint string }{
		{"", "", "bedrock/us.amazon.nova-pro-v1:0"},
		{"bedrock/", "", "bedrock/us.amazon.nova-pro-v1:0"},
		{"bedrock/converse/", "", "bedrock/us.amazon.nova-pro-v1:0"},
		{strings.Repeat("a", MaxLen+1), "", ""},
		{" amazon.nova-pro-v1:0", " ", "amazon.nova-pro-v1:0"},
		{"amazon.nova pro", " ", ""},
		{"amazon.nova\x00", "\x00", ""},
		{"amazon.nova-é", "\xc3", ""},
		{"bedrock/*", "*", ""},
		{"amazon.nova-pro-v1%3A0", "%", "amazon.nova-pro-v1:0"},
		{"amazon..nova", "..", "amazon.nova"},
		{"../x", "..", ""},
		{".amazon.nova", ".amazon.nova", "amazon.nova"},
		{"amazon.nova-pro-v1:", "amazon.nova-pro-v1:", "amazon.nova-pro-v1"},
		{"us.amazon.:0", "us.amazon.:0", ""},
		{"amazon.nova:0:1k:2k", "amazon.nova:0:1k:2k", ""},
		{"converse/bedrock/us.amazon.nova-pro-v1:0", "bedrock/", "bedrock/converse/us.amazon.nova-pro-v1:0"},
		{"bedrock/bedrock/us.amazon.nova-pro-v1:0", "bedrock/", "bedrock/us.amazon.nova-pro-v1:0"},
		{"bedrock_converse/us.amazon.nova-pro-v1:0", "bedrock_converse/", "bedrock/converse/us.amazon.nova-pro-v1:0"},
		{"bedrock/bedrock_mantle/openai.gpt-5.4", "bedrock_mantle/", "bedrock_mantle/openai.gpt-5.4"},
		{"bedrock_mantle/bedrock/openai.gpt-5.4", "bedrock/", "bedrock_mantle/openai.gpt-5.4"},
		{"bedrock_mantle/invoke/openai.gpt-5.4", "invoke/", "openai.gpt-5.4"},
		{"convers/amazon.nova-pro-v1:0", "convers/", "converse/amazon.nova-pro-v1:0"},
		{"Invoke/amazon.nova-pro-v1:0", "Invoke/", "invoke/amazon.nova-pro-v1:0"},
		{"async-invoke/amazon.nova-reel-v1:0", "async-invoke/", "async_invoke/amazon.nova-reel-v1:0"},
		{"anthropic/claude-opus-5", "anthropic/", "anthropic.claude-opus-5"},
		{"anthropic/anthropic.claude-opus-5", "anthropic/", "anthropic.claude-opus-5"},
		{"writer/palmyra-x5-v1:0", "writer/", "writer.palmyra-x5-v1:0"},
		{"us-east-1a/amazon.nova-pro-v1:0", "us-east-1a/", ""},
		{"converse//amazon.nova-pro-v1:0", "/", "amazon.nova-pro-v1:0"},
		{"converse/invoke/amazon.nova-pro-v1:0", "invoke/", "amazon.nova-pro-v1:0"},
		{"llama/qwen2/" + someARN, "qwen2/", someARN},
		{"eu-west-1/us-east-1/amazon.nova-pro-v1:0", "us-east-1/", "amazon.nova-pro-v1:0"},
		{"eu-west-1/" + someARN, "eu-west-1", someARN},
		{"x" + someARN, "xarn:aws:bedrock:us-east-1:123456789012:imported-model/", someARN},
		{"amazon.nova[1m", "[1m", "amazon.nova"},
		{"amazon.nova[]", "[]", "amazon.nova"},
		{"amazon.nova]", "]", "amazon.nova"},
		{"amazon]nova[1m]", "]nova[1m]", ""},
		{"agent/AGENT12345", "AGENT12345", "agent/AGENT12345/ALIAS12345"},
		{"agent/A/B/C", "A/B/C", "agent/AGENT12345/ALIAS12345"},
		{"agentcore/my-agent", "my-agent", "agentcore/arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/my_agent-abcdefghij"},
		{"agentcore/" + someARN, someARN, "agentcore/arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/my_agent-abcdefghij"},
		{"arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/a-b", "arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/a-b", "agentcore/arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/a-b"},
		{"arn:aws:bedrock:us-east-1:123456789012", "arn:aws:bedrock:us-east-1:123456789012", arnForm},
		{"arn:gcp:bedrock:us-east-1:123456789012:imported-model/x", "gcp", "arn:aws:bedrock:us-east-1:123456789012:imported-model/x"},
		{"arn:aws:s3:us-east-1:123456789012:bucket", "s3", arnForm},
		{"arn:aws:bedrock:useast1:123456789012:imported-model/x", "useast1", arnForm},
		{"arn:aws:bedrock:us-east-1:1234:imported-model/x", "1234", arnForm},
		{"arn:aws:bedrock:us-east-1::imported-model/x", "arn:aws:bedrock:us-east-1::imported-model/x", arnForm},
		{"arn:aws:bedrock:us-east-1:123456789012:imported-model/", "imported-model/", arnForm},
		{"arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDE12345:", "prompt/ABCDE12345:", "arn:aws:bedrock:us-east-1:123456789012:prompt/ABCDE12345"},
		{"arn:aws:bedrock:us-east-1:123456789012:guardrail/abc", "guardrail", arnForm},
		{"arn:aws:bedrock:us-east-1:123456789012:async-invoke/abc", "async-invoke", arnForm},
		{"arn:aws:bedrock:us-east-1:123456789012:model-invocation-job/abc", "model-invocation-job", arnForm},
		{"arn:aws:bedrock:::foundation-model/amazon.nova-pro-v1:0", "arn:aws:bedrock:::foundation-model/amazon.nova-pro-v1:0", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0"},
		{"converse/nova/" + "arn:aws:bedrock:us-east-1::foundation-model/amazon.", "amazon.", ""},
	} {
		id, err := Parse(c.in)
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%.80q: got %+v, %v; want an error", c.in, id, err)
			continue
		}
		if e.Input != c.in || e.Part != c.part || c.hint != "" && e.Hint != c.hint {
			t.Errorf("%.80q: part %q hint %q, want %q and %q (%v)", c.in, e.Part, e.Hint, c.part, c.hint, err)
		}
		if c.hint != "" {
			if _, err := Parse(c.hint); err != nil {
				t.Errorf("%.80q: the hint %q is no model string: %v", c.in, c.hint, err)
			}
		}
		if len(err.Error()) > 1000 || !strings.Contains(err.Error(), e.Reason) {
			t.Errorf("%.80q: the error reads %q", c.in, err)
		}
	}
}

const someARN = "arn:aws:bedrock:us-east-1:123456789012:imported-model/abc123def456"

func TestTheRegionlessARNOfPoliciesIsAnARN(t *testing.T) {
	a, err := ParseARN("arn:aws:bedrock:::foundation-model/amazon.nova-pro-v1:0")
	if err != nil || a.Kind != FoundationModel || a.Region != "" || a.Resource != "amazon.nova-pro-v1:0" {
		t.Errorf("got %+v, %v", a, err)
	}
	for _, s := range []string{"", "amazon.nova", "arn:", "arn:aws:bedrock:a b:x:y/z", "nra:aws:bedrock:us-east-1::foundation-model/x", someARN + "[1m]"} {
		if a, err := ParseARN(s); err == nil {
			t.Errorf("%q: got %+v", s, a)
		}
	}
}

func TestEveryRouteHasItsPrefix(t *testing.T) {
	seen := map[string]bool{"": true}
	for _, r := range allRoutes() {
		if seen[r.String()] {
			t.Errorf("route %d has the prefix %q", r, r)
		}
		seen[r.String()] = true
		if routeOf(r.String()) != r {
			t.Errorf("%q is not read back", r)
		}
	}
	if routeOf("") != Auto || Auto.String() != "" {
		t.Error("an empty segment is a route")
	}
}

// TestEveryIDOfTheCatalogue parses all known ids with all their prefixes.
func TestEveryIDOfTheCatalogue(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "shared", "data", "catalogue-merged.json"))
	if err != nil {
		t.Skip("no catalogue beside the checkout:", err)
	}
	var file struct {
		Models map[string]struct{ Prefixes []string }
	}
	if err := json.Unmarshal(data, &file); err != nil || len(file.Models) == 0 {
		t.Fatal(len(file.Models), err)
	}
	for base, m := range file.Models {
		for _, geography := range append(m.Prefixes, "", "sa", "me", "us-gov", "global") {
			in := base
			if geography != "" {
				in = geography + "." + base
			}
			id, err := Parse(in)
			if err != nil {
				t.Error(err)
				continue
			}
			vendor, name, _ := strings.Cut(base, ".")
			if strings.Contains(vendor, "-") { // not a vendor, but a name with a version
				continue
			}
			if !strings.HasPrefix(name, id.Name) || id.Geography != geography || id.Vendor != vendor || !strings.HasPrefix(base, id.Base()) || id.ModelID() != in {
				t.Errorf("%s: got %+v", in, id)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"bedrock/converse/us.anthropic.claude-haiku-4-5-20251001-v1:0[1m]", "eu-west-1/amazon.nova-pro-v1:0", "agent/A/B",
		"converse/nova/" + someARN, "converse_like/a/b", "deepseek.v3.2", "anthropic.claude-v2:0:51k", "anthropic/claude",
		"agentcore/arn:aws:bedrock-agentcore:us-east-1:123456789012:runtime/a/b/c", "bedrock/a..b", "llama/converse_like/x", "us-east-1/agent/A/B",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := Parse(s)
		if err != nil {
			var e *Error
			if !errors.As(err, &e) || e.Reason == "" || e.Input != s {
				t.Fatalf("%q: %#v", s, err)
			}
			return
		}
		again, err := Parse(id.String())
		if err != nil || again != id {
			t.Fatalf("%q: %q comes back as %+v, %v; was %+v", s, id, again, err, id)
		}
		model := id.ModelID()
		if model == "" || !strings.Contains(s, model) || !strings.Contains(model, id.base) || strings.ContainsAny(model, " []%\x00") || strings.Contains(model, "..") {
			t.Fatalf("%q: model %q base %q", s, model, id.base)
		}
		if id.ARN.Kind != NoARN && id.ARN.String() != model {
			t.Fatalf("%q: the ARN comes back as %q", s, id.ARN)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	for _, s := range []string{
		"amazon.nova-pro-v1:0", "bedrock/converse/us.anthropic.claude-haiku-4-5-20251001-v1:0",
		"arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123def456",
	} {
		b.Run(s, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(s); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
