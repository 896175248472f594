package e2e

import "maps"

// Reasons of warnings that several tasks have.
const (
	reasonKeep     = "the client asks for what happens anyway"
	reasonPerTurn  = "the effort of each message repeats the request's own"
	reasonBeta     = "the feature is one of Anthropic's own API"
	reasonSystem   = "instructions in the middle of a conversation are for Claude"
	reasonThinking = "the model has no such setting, and the client cannot know it"
	reasonMost     = "the client asks for more than the model can write"
	reasonSight    = "the model reads no images, and the client reads one by a tool"
	reasonCaching  = "AWS caches no prompts of this model"
)

// sporadicWarnings are about betas that Claude Code sends in some sessions only.
func sporadicWarnings() map[string]string {
	return map[string]string{
		"dropped anthropic-beta: afk-mode-2026-01-31 is not supported by Bedrock for this model": reasonBeta,
	}
}

func claudeCodeTasks() []claudeCodeTask {
	foreign := func(more map[string]string) map[string]string {
		all := map[string]string{
			"dropped context_management: it keeps all thinking, which is what happens without it": reasonKeep,
			"changed messages: system messages inside the conversation are sent as user text":     reasonSystem,
			"dropped anthropic-beta: only Claude models support it":                               reasonBeta,
		}
		maps.Copy(all, more)
		return all
	}
	return []claudeCodeTask{
		{name: "Opus 5.5", model: "claude-opus-5-5", tooLong: true, thinks: true, caches: true, warnings: map[string]string{
			"dropped context_management.edits: keeping all thinking is what Bedrock does":                    reasonKeep,
			"dropped messages.output_config: Bedrock takes one output_config for the whole request":          reasonPerTurn,
			"dropped anthropic-beta: per-turn-control-2026-07-01 is not supported by Bedrock for this model": reasonPerTurn,
		}},
		{name: "Sonnet 4.5", model: "claude-sonnet-4-5", thinks: true, caches: true, warnings: map[string]string{
			"dropped context_management.edits: keeping all thinking is what Bedrock does":                            reasonKeep,
			"dropped thinking.display: this model does not accept it":                                                "the client asks for it whatever the model is",
			"dropped anthropic-beta: thinking-token-count-2026-05-13 is not supported by Bedrock for this model":     reasonBeta,
			"dropped anthropic-beta: thinking-display-updates-2026-08-18 is not supported by Bedrock for this model": "as thinking.display",
		}},
		{name: "Opus 5.5 by Converse", model: "claude-converse", thinks: true, caches: true, warnings: map[string]string{
			"dropped context_management: it keeps all thinking, which is what happens without it": reasonKeep,
			"changed messages: system messages inside the conversation are sent as user text":     "Converse is not known to accept them",
		}},
		{name: "Opus 5.5 in Bedrock mode", model: "us.anthropic.claude-opus-5-5", tooLong: true, bedrock: true, thinks: true, caches: true},
		{name: "Sonnet 4.5 in Bedrock mode", model: claude, bedrock: true, thinks: true, caches: true},
		{name: "Nova", model: "claude-nova", caches: true, warnings: foreign(map[string]string{
			"changed messages.content: moved to the end of messages, because this model does not support a cache point in a message with tool results": "Nova caches no tool results",
			"changed max_tokens: set to 10000, the most that this model can write":                                                                     reasonMost,
			"dropped thinking: this model is not known to have a setting for reasoning":                                                                reasonThinking,
			"dropped output_config.effort: this model is not known to have a setting for reasoning":                                                    reasonThinking,
		})},
		{name: "gpt-oss", model: "claude-gpt-oss", thinks: true, warnings: foreign(map[string]string{
			"dropped messages.content.content: media in a tool result: this model does not accept images; a text in its place says so": reasonSight,
			"changed max_tokens: set to 16384, the most that this model can write":                                                     reasonMost,
			"changed thinking: converted to an effort, because this model does not support thinking":                                   reasonThinking,
			"dropped cache_control: this model does not support prompt caching":                                                        reasonCaching,
		})},
		{name: "Qwen", model: "claude-qwen", warnings: foreign(map[string]string{
			"dropped messages.content.content: media in a tool result: this model does not accept images; a text in its place says so": reasonSight,
			"dropped thinking: this model is not known to have a setting for reasoning":                                                reasonThinking,
			"dropped output_config.effort: this model is not known to have a setting for reasoning":                                    reasonThinking,
			"dropped cache_control: this model does not support prompt caching":                                                        reasonCaching,
		})},
	}
}
