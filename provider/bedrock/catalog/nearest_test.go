package catalog

import (
	"strings"
	"testing"
)

func TestNearestMatchesTheWordsOfNames(t *testing.T) {
	c := Embedded()
	for _, tt := range []struct {
		typed string
		want  []string // the first ones, in order
	}{
		{"claude", []string{"claude-"}},
		{"sonnet", []string{"claude-sonnet-5-5", "claude-sonnet-5"}},
		{"opus", []string{"claude-opus-5-5", "claude-opus-5"}},
		{"llama-3.3-70b", []string{"llama3-3"}},
		{"llama 3.3 70b", []string{"llama3-3"}},
		{"llama", []string{"llama4-"}},
		{"gpt-5", []string{"gpt-5-6-", "gpt-5-6-"}},
		{"gpt-5-mini", []string{"gpt-5-6-"}},
		{"gpt-oss", []string{"gpt-oss-120b", "gpt-oss-20b"}},
		{"openai.gpt-5.55", []string{"gpt-5-5"}},
		{"gpt-5.55", []string{"gpt-5-5"}},
		{"google.gemma-4", []string{"gemma-4-", "gemma-4-", "gemma-4-"}},
		{"qwen3-32", []string{"qwen3-32b"}},
		{"mistral", []string{"mistral-large-3"}},
		{"claude-sonnet", []string{"claude-sonnet-5-5", "claude-sonnet-5"}},
		{"claude-4-5-sonnet", []string{"claude-sonnet-4-5"}},
		{"deepseek.v3.9", []string{"deepseek-v3"}},
		{"anthropic.claude-sonet-4-5", []string{"claude-sonnet-4-5"}},
		{"us.anthropic.claude-sonet-4-5-20250929-v1:0", []string{"claude-sonnet-4-5"}},
		{"bedrock/converse/anthropic.claude-sonet-4-5", []string{"claude-sonnet-4-5"}},
		{"us.amazon.nova-lit-v1:0", []string{"nova-lite"}},
		{"amazon.nova-por-v1:0", []string{"nova-pro"}},
		{"cluade-sonnet", []string{"claude-sonnet-"}},
		// Of these there is nothing to chat with.
		{"titan", nil},
		{"stability", nil},
		{"embed", nil},
		{"nobody.nothing-v1:0", nil},
		{"xyzzy", nil},
		{"gemini-2.5-pro", nil},
		{"a", nil},
		{"", nil},
		{"4", nil},
		{"arn:aws:bedrock:us-east-1:111122223333:provisioned-model/abc", nil},
	} {
		got := c.Nearest(tt.typed, "", 3)
		good := len(got) >= len(tt.want) && len(got) <= 3 && (tt.want != nil || got == nil)
		for i := range min(len(tt.want), len(got)) {
			good = good && strings.HasPrefix(got[i], tt.want[i])
		}
		if !good {
			t.Errorf("Nearest(%q) = %q, want %q", tt.typed, got, tt.want)
		}
	}
	if got := c.Nearest("claude"+strings.Repeat("-sonnet", 1000), "", 3); len(got) > 3 {
		t.Errorf("a name without end gives %q", got)
	}
}

func TestNearestOffersWhatCanBeChattedWith(t *testing.T) {
	c := Embedded()
	for _, m := range c.Models() {
		for _, name := range c.Nearest(m.ID+"x", "us-east-1", 3) {
			found, ok := c.Friendly(name)
			if !ok {
				found = name
			}
			near, known := c.Model(found)
			if !known || near.Purpose() != "" || !near.chats() || !c.callable(near.ID, "us-east-1") {
				t.Errorf("%sx: %s is offered", m.ID, name)
			}
		}
	}
}

func TestSuggestSaysWhyThereIsNothing(t *testing.T) {
	c := Embedded()
	for typed, want := range map[string]string{
		"gpt-4o":                    "gpt-4o is OpenAI's and is not on Bedrock. Of OpenAI's models Bedrock has gpt-",
		"openai/gpt-4o-mini":        "gpt-4o-mini is OpenAI's and is not on Bedrock.",
		"bedrock/o3-mini":           "o3-mini is OpenAI's and is not on Bedrock.",
		"gemini-2.5-pro":            "gemini-2.5-pro is Google's and is not on Bedrock.",
		"titan":                     "? Models for embeddings are called at /v1/embeddings.",
		"stable-image":              "for images, not for chat.",
		"xyzzy":                     "outcrop models WORD",
		"claude-sonet-4-5":          "Did you mean claude-sonnet-4-5",
		"gpt-oss":                   "Did you mean gpt-oss-120b, gpt-oss-20b or ",
		"openai.gpt-5.6-sol-latest": "Did you mean gpt-5-6-sol",
	} {
		if got := c.Suggest(typed, "us-east-1"); !strings.Contains(got, want) || strings.Contains(got, "mistral") {
			t.Errorf("Suggest(%q) = %q, want %q", typed, got, want)
		}
	}
}
