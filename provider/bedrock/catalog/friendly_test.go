package catalog

import "testing"

// made makes a catalogue of models that have nothing but an id, and a day of
// release where one stands behind the id.
func made(rows ...[2]string) *Catalogue {
	models := map[string]*Model{}
	for _, row := range rows {
		m := &Model{ID: row[0], Vendor: vendorOf(row[0]), Converse: Yes}
		if row[1] == "mantle" {
			m.Converse, m.Mantle.ID = No, m.ID
		} else if row[1] != "" {
			m.Lifecycle.Launched, _ = day(row[1])
		}
		models[m.ID] = m
	}
	c := &Catalogue{}
	c.index(content{models: models})
	return c
}

func TestFriendlyNames(t *testing.T) {
	c := made(
		[2]string{"anthropic.claude-v2:1"},
		[2]string{"anthropic.claude-3-5-sonnet-20240620-v1:0"},
		[2]string{"anthropic.claude-3-5-sonnet-20241022-v2:0"},
		[2]string{"anthropic.claude-sonnet-4-20250514-v1:0"},
		[2]string{"anthropic.claude-sonnet-4-5-20250929-v1:0"},
		[2]string{"anthropic.claude-sonnet-4-6"},
		[2]string{"anthropic.claude-opus-4-6-v1"},
		[2]string{"amazon.nova-pro-v1:0", "2024-12-03"},
		[2]string{"amazon.nova-pro-v1"},
		[2]string{"amazon.titan-embed-text-v1"},
		[2]string{"amazon.titan-embed-text-v2:0"},
		[2]string{"deepseek.r1-v1:0"},
		[2]string{"deepseek.v3.2"},
		[2]string{"google.gemma-3-27b-it"},
		[2]string{"meta.llama3-1-70b-instruct-v1:0"},
		[2]string{"meta.llama3-1-8b-instruct-v1:0"},
		[2]string{"meta.llama4-scout-17b-instruct-v1:0"},
		[2]string{"mistral.mistral-7b-instruct-v0:2"},
		[2]string{"mistral.mistral-large-2402-v1:0"},
		[2]string{"mistral.mistral-large-2407-v1:0"},
		[2]string{"openai.gpt-oss-120b", "mantle"},
		[2]string{"openai.gpt-oss-120b-1:0"},
		[2]string{"openai.gpt-5.6-sol"},
		[2]string{"qwen.qwen3-coder-30b-a3b-v1:0"},
		[2]string{"rerank-v4.0-fast"},
		[2]string{"stability.stable-image-core-v1:0"},
		[2]string{"stability.stable-image-core-v1:1"},
	)
	for _, tt := range []struct{ what, name, want string }{
		{"without vendor, day and version", "claude-sonnet-4-5", "anthropic.claude-sonnet-4-5-20250929-v1:0"},
		{"as Anthropic's own API calls it", "claude-sonnet-4-5-20250929", "anthropic.claude-sonnet-4-5-20250929-v1:0"},
		{"with the vendor", "anthropic.claude-sonnet-4-5", "anthropic.claude-sonnet-4-5-20250929-v1:0"},
		{"dots for hyphens", "claude-3.5-sonnet", "anthropic.claude-3-5-sonnet-20241022-v2:0"},
		{"letter case and spaces", "Claude Sonnet 4.5", "anthropic.claude-sonnet-4-5-20250929-v1:0"},
		{"a shorter name is not a longer one's", "claude-sonnet-4", "anthropic.claude-sonnet-4-20250514-v1:0"},
		{"of two days the later", "claude-3-5-sonnet", "anthropic.claude-3-5-sonnet-20241022-v2:0"},
		{"of two days the one that is named", "claude-3-5-sonnet-20240620", "anthropic.claude-3-5-sonnet-20240620-v1:0"},
		{"an id without a version", "claude-sonnet-4-6", "anthropic.claude-sonnet-4-6"},
		{"an id with a version alone", "claude-opus-4-6", "anthropic.claude-opus-4-6-v1"},
		{"the id without what follows the colon", "anthropic.claude-3-5-sonnet-20241022-v2", "anthropic.claude-3-5-sonnet-20241022-v2:0"},
		{"of two versions the later", "nova-pro", "amazon.nova-pro-v1:0"},
		{"of two versions the one that is named", "titan-embed-text-v1", "amazon.titan-embed-text-v1"},
		{"and else the later", "titan-embed-text", "amazon.titan-embed-text-v2:0"},
		{"a minor version counts", "stable-image-core", "stability.stable-image-core-v1:1"},
		{"the vendor makes a name of a letter and a digit", "deepseek-r1", "deepseek.r1-v1:0"},
		{"which is none without it", "r1", ""},
		{"the vendor makes a name of a version", "deepseek-v3.2", "deepseek.v3.2"},
		{"which is none without it either", "v3.2", ""},
		{"a word alone is no name", "claude", ""},
		{"nor is a vendor", "mistral", ""},
		{"instruct may be left out", "llama3-1-70b", "meta.llama3-1-70b-instruct-v1:0"},
		{"the size too, where there is one", "llama4-scout", "meta.llama4-scout-17b-instruct-v1:0"},
		{"but not where there are two", "llama3-1", ""},
		{"it may be left out", "gemma-3-27b", "google.gemma-3-27b-it"},
		{"a size in two words", "qwen3-coder", "qwen.qwen3-coder-30b-a3b-v1:0"},
		{"a month is a day", "mistral-large", "mistral.mistral-large-2407-v1:0"},
		{"what bedrock-runtime has comes first", "gpt-oss-120b", "openai.gpt-oss-120b-1:0"},
		{"a name with a dot of its own", "gpt-5.6-sol", "openai.gpt-5.6-sol"},
		{"an id without a vendor", "rerank-v4.0-fast", "rerank-v4.0-fast"},
		{"nobody's name", "claude-sonnet-9", ""},
		{"the empty name", "", ""},
		{"a name without end", "claude-sonnet-4-5" + string(make([]byte, 100)), ""},
	} {
		t.Run(tt.what, func(t *testing.T) {
			got, ok := c.Friendly(tt.name)
			if got != tt.want || ok != (tt.want != "") {
				t.Errorf("Friendly(%q) = %q, %t; want %q", tt.name, got, ok, tt.want)
			}
		})
	}
}
