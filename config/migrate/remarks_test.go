package migrate

import (
	"slices"
	"strings"
	"testing"

	"outcrop/config"
)

// TestRemarksAreOnKeysThatThereAre: and they work, since keys.txt itself says what to do in place of the others.
func TestRemarksAreOnKeysThatThereAre(t *testing.T) {
	if len(remarksByKey()) < 10 {
		t.Fatalf("only %d remarks", len(remarksByKey()))
	}
	for name, text := range remarksByKey() {
		i := slices.IndexFunc(config.Keys(), func(k config.Key) bool { return k.Section+"."+k.Name == name })
		switch {
		case i < 0:
			t.Errorf("there is no key %s", name)
		case text == "" || !strings.HasSuffix(text, "."):
			t.Errorf("%s: %q is no sentence", name, text)
		case config.Keys()[i].Class != config.Supported && config.Keys()[i].Class != config.PerProvider:
			t.Errorf("%s does not work: config/keys.txt has what to do instead", name)
		}
	}
}

func TestPlainerModels(t *testing.T) {
	for model, want := range map[string]string{
		"bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0":                     "model: bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0 is enough",
		"bedrock/converse/anthropic.claude-sonnet-4-5-20250929-v1:0":               "model: bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0 is enough. converse/ is not needed.",
		"bedrock/converse/us-east-1/eu.amazon.nova-pro-v1:0":                       "model: bedrock/amazon.nova-pro-v1:0 with aws_region_name: us-east-1 is enough",
		"bedrock/global.anthropic.claude-sonnet-4-5-20250929-v1:0":                 "model: bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0 is enough. Keep global.",
		"bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0":                        "",
		"bedrock/invoke/us.anthropic.claude-sonnet-4-5-20250929-v1:0":              "",
		"bedrock/arn:aws:bedrock:us-east-1:123456789012:inference-profile/us.a.b1": "",
		"bedrock/*":     "",
		"openai/gpt-4o": "",
	} {
		got := strings.Join(plainer(model), "")
		if want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: %q, want %q", model, got, want)
		}
	}
}

func TestNamesOfVariables(t *testing.T) {
	n := newNames()
	for _, c := range []struct{ secret, a, b, want string }{
		{"x", "gpt-4o", "api_key", "GPT_4O_API_KEY"},
		{"y", "gpt 4o", "api_key", "GPT_4O_API_KEY_2"},
		{"x", "other", "api_key", "GPT_4O_API_KEY"},
		{"z", "", "4o", "SECRET_4O"},
		{"ü", "größe", "", "GR_E"},
	} {
		if got := n.of(c.secret, c.a, c.b); got != c.want {
			t.Errorf("%s for %q %q, want %s", got, c.a, c.b, c.want)
		}
	}
}
