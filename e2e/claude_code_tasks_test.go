package e2e

func claudeCodeTasks() []claudeCodeTask {
	return []claudeCodeTask{
		{name: "Opus 5.5", model: "claude-opus-5-5", thinks: true, caches: true, sees: true},
		{name: "Sonnet 4.5", model: "claude-sonnet-4-5", thinks: true, caches: true, sees: true},
		{name: "Opus 5.5 by Converse", model: "claude-converse", thinks: true, caches: true, sees: true},
		{name: "Opus 5.5 in Bedrock mode", model: "us.anthropic.claude-opus-5-5", bedrock: true, thinks: true, caches: true, sees: true},
		{name: "Sonnet 4.5 in Bedrock mode", model: claude, bedrock: true, thinks: true, caches: true, sees: true},
		{name: "Nova", model: "claude-nova", caches: true, sees: true},
		{name: "gpt-oss", model: "claude-gpt-oss", thinks: true},
		{name: "Qwen", model: "claude-qwen"},
	}
}
