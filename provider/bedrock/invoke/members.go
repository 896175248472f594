package invoke

// plainValues are the values of members that ask for what is so anyway: they are removed without a
// warning. It is never written to.
var plainValues = map[string]string{"inference_geo": "global", "speed": "standard", "service_tier": "auto"}

// action is what becomes of a member or a type.
type action uint8

const (
	silent  action = iota + 1 // it is said elsewhere in the call, or has no meaning on Bedrock
	dropped                   // it is removed with a warning
	refused                   // the request is refused
)

// rule is a row about a member, or a type of a tool, a block or a source.
type rule struct {
	name   string // ends with * if only its beginning counts
	action action
	detail string // why, for the warning or the error
	source string
	seen   string
}

// bodyRules is the table of top-level members that Bedrock does not take. Members without a row are
// passed on, or have code of their own in adapt.go. It is never written to.
var bodyRules = []rule{
	{"model", silent, "", "the path of InvokeModel contains the model: " + pageRequest, "2026-11-28"},
	{"drop_params", silent, "", "it is for the gateway, and not Anthropic's", "2026-11-28"},
	{"stream", silent, "", "streaming is an operation of its own: " + pageRequest, "2026-11-28"},
	{"inference_geo", refused, "the gateway's configuration decides in which regions models run", "https://platform.claude.com/docs/en/build-with-claude/data-residency", "2026-11-28"},
	{"speed", dropped, "Bedrock has no fast mode", "https://platform.claude.com/docs/en/build-with-claude/fast-mode", "2026-11-28"},
	{"safeguards", refused, "Extra inputs are not permitted", "Bedrock does not make this check, and Claude Code understands these words; " + claudeCodeNo, "2026-11-28"},
	{"diagnostics", dropped, "Bedrock does not report cache diagnostics", "https://platform.claude.com/docs/en/build-with-claude/cache-diagnostics", "2026-11-28"},
	{"fallbacks", dropped, "Bedrock does not fall back to other models", claudeCodeNo, "2026-11-28"},
	{"fallback_credit_token", dropped, "Bedrock does not fall back to other models", claudeCodeNo, "2026-11-28"},
	{"user_profile_id", dropped, "Bedrock's InvokeModel does not accept it", claudeCodeNo, "2026-11-28"},
	{"container", refused, "Bedrock does not run code in containers", pageCode, "2026-11-28"},
	{"mcp_servers", refused, "Bedrock does not connect to MCP servers", liteLLMNo, "2026-11-28"},
	{"thread", refused, "Bedrock does not store conversations", claudeCodeNo, "2026-11-28"},
	{"compaction", refused, "Bedrock does not support compaction on demand", pageOnDemand, "2026-11-28"},
}

// toolRules is the table of tool types that Bedrock does not have. AWS's words about one of them:
// "tools.0: Input tag 'web_search_20250305' found using 'type' does not match any of the expected
// tags". Types without a row are passed on. It is never written to.
var toolRules = []rule{
	{"web_search_*", refused, "Bedrock does not run web searches", "recorded exchange with AWS", "2026-11-28"},
	{"web_fetch_*", refused, "Bedrock does not fetch web pages", liteLLMNo, "2026-11-28"},
	{"code_execution_*", refused, "Bedrock does not run code", pageCode, "2026-11-28"},
	{"mcp_toolset", refused, "Bedrock does not connect to MCP servers", liteLLMNo, "2026-11-28"},
	{"advisor_*", refused, "Bedrock has no advisor", liteLLMNo, "2026-11-28"},
}

// blockRules and sourceRules are the tables of content that Bedrock does not take. They are never
// written to.
var (
	blockRules = []rule{
		{"container_upload", refused, "Bedrock does not run code in containers", pageCode, "2026-11-28"},
		{"mcp_tool_use", refused, "Bedrock does not connect to MCP servers", liteLLMNo, "2026-11-28"},
		{"mcp_tool_result", refused, "Bedrock does not connect to MCP servers", liteLLMNo, "2026-11-28"},
	}
	sourceRules = []rule{
		{"file", refused, "Bedrock does not have Anthropic's Files API; send the content as base64", "https://platform.claude.com/docs/en/build-with-claude/files", "2026-11-28"},
	}
)

// ruleFor returns the row about a name; nil if there is none.
func ruleFor(rules []rule, name string) *rule {
	for i := range rules {
		if like(rules[i].name, name) {
			return &rules[i]
		}
	}
	return nil
}

// like reports whether a name is the pattern, or begins like one that ends with *.
func like(pattern, name string) bool {
	if n := len(pattern) - 1; n >= 0 && pattern[n] == '*' {
		return len(name) >= n && name[:n] == pattern[:n]
	}
	return name == pattern
}

// toolBetas are the betas that tools need, by type. It is never written to.
var toolBetas = []struct{ kind, beta, source, seen string }{
	{"computer_20241022", "computer-use-2024-10-22", pageTools, "2026-11-28"},
	{"bash_20241022", "computer-use-2024-10-22", pageTools, "2026-11-28"},
	{"text_editor_20241022", "computer-use-2024-10-22", pageTools, "2026-11-28"},
	{"computer_20250124", "computer-use-2025-01-24", pageTools, "2026-11-28"},
	{"computer_20251124", "computer-use-2025-11-24", liteLLM, "2026-11-28"},
	{"memory_*", betaContext, pageTools, "2026-11-28"},
	{"tool_search_tool_*", betaToolSearch, pageTools + "; " + vercel, "2026-11-28"},
}
