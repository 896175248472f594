package converse

import (
	"strings"
)

// trait is a peculiarity of a family of models; traits are or-ed together.
type trait uint64

const (
	noSystem         trait = 1 << iota // no system prompt
	noTools                            // no tools at all
	noStreamTools                      // no tools in ConverseStream
	autoOnly                           // no toolChoice: the model chooses, as by default
	noNamed                            // toolChoice may not name a tool
	neverForced                        // toolChoice any and tool are always refused
	unforced                           // toolChoice any comes to nothing while it is asked to reason
	quiet                              // it reasons only when it is asked to
	forces                             // toolChoice any is known to be taken
	oneCall                            // parallel tool calls can be switched off
	callsAlone                         // tool calls stand alone in their turn
	nineIDs                            // ids of tool calls are nine letters and digits
	effortField                        // output_config.effort is a field of the model's own
	schemaLimits                       // what a strict schema holds is limited in number, too
	resultsAlone                       // tool results stand alone in their turn
	noResultStatus                     // toolResult has no status
	noResultImage                      // no image within a toolResult
	noResultDocument                   // no document within a toolResult
	noResultBinary                     // no document but text within a toolResult
	noResultVideo                      // no video within a toolResult
	noStop                             // no stopSequences
	noBlankStop                        // no stop sequence of white space alone
	noSampling                         // no temperature, topP or topK
	oneSampling                        // temperature or topP, not both
	topK                               // top_k is a field of the model's own
	nested                             // top_k stands in inferenceConfig
	native                             // outputConfig.textFormat and strict tools are taken
	noNative                           // outputConfig.textFormat is refused
	noStrict                           // strict tools are refused
	noS3                               // no s3Location
	noVideo                            // no video
	noImage                            // no image; one that a tool has returned is left out
	noDocument                         // no document; likewise
	noAudio                            // no audio; likewise
	noTrailing                         // the assistant's last turn may not end with white space
	noPrefill                          // the last turn may not be the assistant's
	userFirst                          // the first turn must be the user's
	noThoughts                         // reasoning may not be sent back
	signedThoughts                     // reasoning that is sent back needs its signature
	redactedAlone                      // reasoning is taken back as redacted content alone
	noToolCache                        // no cache point behind tools
	noResultCache                      // no cache point behind a tool result
	noCache                            // no cache points
	budgets                            // thinking of type enabled is taken beside adaptive
	betas                              // anthropic_beta is a field of the model's own
	grounds                            // it searches the web by a system tool
	noTopUnion                         // no anyOf, oneOf or allOf at the top of a tool's schema
	plainKeys                          // names of a tool's properties are letters, digits and _.-
	noRefs                             // references in a tool's schema are not known to be followed
	thinksForced                       // toolChoice any and tool are taken beside thinking
	tagged                             // its text may begin with thoughts in tags
	writesMarks                        // it may write calls into its text, between Kimi's marks
	writesObjects                      // it may write calls into its text, as JSON objects
	ownLimits                          // the limits of images and documents are not Converse's common ones
)

// row gives traits to the models of a vendor whose name begins in a certain way.
// For Claude from and below bound the version, as Model.claude writes it: from is
// the first that has the traits, below the first that has not; 0 is no bound.
type row struct {
	vendor, name string
	from, below  int
	traits       trait
	source       string
}

// Sources of rows.
const (
	docsConverse = "https://docs.aws.amazon.com/bedrock/latest/userguide/conversation-inference-supported-models-features.html"
	docsChoice   = "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolChoice.html"
	docsCache    = "https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html"
	docsClaude   = "https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages-request-response.html"
	docsOutput   = "https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html"
	docsNova     = "https://docs.aws.amazon.com/nova/latest/userguide/complete-request-schema.html"
	docsThinking = "https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking"
	recorded     = "recorded exchange with AWS"
	reported     = "AWS's words in a public report: "
	liveDeepSeek = "live calls reported in https://github.com/langchain-ai/langchain-aws/pull/1261"
	liveGPT      = "live calls reported in https://github.com/langchain-ai/langchain-aws/issues/1278"
	liveGrok     = "https://github.com/langchain-ai/langchain-aws/pull/1239"
	liveForced   = "live calls reported in https://github.com/langchain-ai/langchain-aws/pull/1141"
	liveOneCall  = "live calls reported in https://github.com/BerriAI/litellm/pull/34347"
	liveKimi     = "live calls reported in https://github.com/earendil-works/pi/pull/1505"
	bifrost      = "https://github.com/maximhq/bifrost, which omits it"
	liveHidden   = "Converse calls reported in https://github.com/maximhq/bifrost (core/providers/bedrock/reasoning_replay_test.go)"
	// In results AWS refuses images with "This model doesn't support the image field for user
	// messages", and takes them behind the results: OpenAI's, Mistral's, Qwen, Gemma, Kimi and Grok.
	liveImages = "live calls of 2026-09-17 in https://github.com/anomalyco/opencode/issues/49443"
	strands    = "https://github.com/strands-agents/sdk-python, which omits it"
	// For Opus 4.7, on 2026-05-14; LiteLLM 1.110.2 of 2026-11-20 still sends it none.
	refusedFormat = reported + "output_config.format: Extra inputs are not permitted (https://github.com/vercel/ai/pull/15288), and LiteLLM 1.110.2"
	// AWS refused output_config.format for Opus 4.8 and Sonnet 5 (2026-07-15), Opus 5 (2026-07-26)
	// and Opus 5.5 (2026-09-23): https://github.com/anthropics/anthropic-sdk-python/issues/1759,
	// https://github.com/langgenius/dify-official-plugins/pull/3511 and
	// https://github.com/BerriAI/litellm/issues/42717. Later releases of clients send it again:
	// for Claude 5, and by LiteLLM for Opus 4.8, which calls once more with a tool if it is refused.
	formatAgain = "@ai-sdk/amazon-bedrock 5.0.131 and 4.0.208 (https://github.com/vercel/ai/releases/tag/@ai-sdk%2Famazon-bedrock@5.0.131, 2026-11-02), and the models of LiteLLM 1.110.2 (2026-11-20)"
	// For Opus 4.8 (2026-06-29), and for Sonnet 5 but not for Opus 5 (live calls of 2026-07-27;
	// those of 2026-09-23 in https://github.com/lobehub/lobehub/issues/19876 agree on Opus 5).
	refusedStrict = reported + "tools.0.custom.strict: Extra inputs are not permitted (https://github.com/BerriAI/litellm/issues/31582, https://github.com/BerriAI/litellm/issues/33193)"
	// Of 2026-09-23, for Opus 5.5 and Fable 5.1. Fable 5 took strict tools then, but not in
	// https://github.com/BerriAI/litellm/pull/32455 of 2026-07-08.
	refusedStrictLater = reported + "tools.0.custom.strict: Extra inputs are not permitted (https://github.com/lobehub/lobehub/issues/19876)"
	clients            = "public clients of Bedrock: pydantic-ai, Vercel AI SDK, LiteLLM"
)

// rows are what is known of families beyond the catalogue's facts, which go before
// them where they speak of the same. It is never written to. A model that no row
// fits takes everything.
var rows = []row{
	{vendor: "anthropic", traits: topK | betas, source: docsClaude},
	{vendor: "anthropic", traits: plainKeys, source: reported + "Property keys should match pattern '^[a-zA-Z0-9_.-]{1,64}$', https://github.com/aws-solutions-library-samples/accelerated-intelligent-document-processing-on-aws/issues/709"},
	{vendor: "anthropic", traits: noBlankStop, source: reported + "stop_sequences: each stop sequence must contain non-whitespace, https://github.com/BerriAI/litellm/issues/3286"},
	{vendor: "anthropic", traits: noTopUnion, source: reported + "tools.N.custom.input_schema: input_schema does not support oneOf, allOf, or anyOf at the top level"},
	{vendor: "anthropic", name: "claude-opus", from: 408, traits: thinksForced, source: liveForced},
	{vendor: "anthropic", name: "claude-sonnet", from: 500, traits: thinksForced, source: liveForced},
	{vendor: "anthropic", name: "claude-fable", traits: thinksForced, source: liveForced},
	{vendor: "anthropic", from: 405, traits: oneCall, source: liveOneCall},
	{vendor: "anthropic", name: "claude-opus", from: 405, traits: effortField, source: reported + "output_config.effort: Extra inputs are not permitted, of Claude Sonnet 4.5"},
	{vendor: "anthropic", from: 406, traits: effortField, source: "https://docs.anthropic.com/en/docs/build-with-claude/effort"},
	{vendor: "anthropic", traits: schemaLimits, source: "https://platform.claude.com/docs/en/build-with-claude/structured-outputs"},
	{vendor: "anthropic", traits: noTrailing, source: "https://docs.anthropic.com/en/docs/build-with-claude/prompt-engineering/prefill-claudes-response"},
	{vendor: "anthropic", traits: forces, source: docsChoice},
	{vendor: "anthropic", traits: noS3 | noVideo, source: recorded + ": This model doesn't support the s3Uri field; the video content block"},
	{vendor: "anthropic", traits: signedThoughts, source: reported + "messages.N.content.N.thinking.signature: Field required"},
	{vendor: "anthropic", traits: noResultVideo, source: recorded},
	{vendor: "anthropic", name: "claude-opus", from: 401, below: 402, traits: noNative | noStrict, source: clients},
	{vendor: "anthropic", below: 405, traits: noStrict, source: reported + "tools.0.custom.strict: Extra inputs are not permitted"},
	{vendor: "anthropic", name: "claude-opus", from: 505, traits: neverForced, source: reported + `tool_choice: type "tool" and "any" are not supported for this model`},
	{vendor: "anthropic", from: 405, below: 407, traits: native, source: recorded},
	{vendor: "anthropic", name: "claude-opus", from: 407, below: 408, traits: noNative | noStrict, source: refusedFormat},
	{vendor: "anthropic", name: "claude-opus", from: 408, traits: native, source: formatAgain},
	{vendor: "anthropic", name: "claude-opus", from: 408, below: 409, traits: noStrict, source: refusedStrict},
	{vendor: "anthropic", name: "claude-opus", from: 505, traits: noStrict, source: refusedStrictLater},
	{vendor: "anthropic", name: "claude-sonnet", from: 500, traits: native, source: formatAgain},
	{vendor: "anthropic", name: "claude-sonnet", from: 500, below: 501, traits: noStrict, source: refusedStrict},
	{vendor: "anthropic", name: "claude-haiku", from: 505, traits: native, source: formatAgain},
	{vendor: "anthropic", name: "claude-fable", below: 501, traits: noNative, source: clients + " 1.110.2 (2026-11-20)"},
	{vendor: "anthropic", name: "claude-fable", from: 501, traits: native, source: formatAgain + ", https://github.com/vercel/ai/releases/tag/@ai-sdk%2Famazon-bedrock@3.0.145 (2026-11-09)"},
	{vendor: "anthropic", name: "claude-fable", traits: noStrict, source: refusedStrictLater},
	{vendor: "anthropic", name: "claude-fable", traits: neverForced, source: clients},
	{vendor: "anthropic", name: "claude-sonnet", from: 505, traits: neverForced, source: clients},
	{vendor: "anthropic", from: 405, traits: oneSampling, source: reported + "`temperature` and `top_p` cannot both be specified for this model"},
	{vendor: "anthropic", name: "claude-opus", from: 407, traits: noSampling, source: clients},
	{vendor: "anthropic", from: 500, traits: noSampling, source: clients},
	{vendor: "anthropic", from: 406, below: 407, traits: budgets, source: docsThinking},
	{vendor: "anthropic", from: 406, traits: noPrefill, source: "https://docs.anthropic.com/en/docs/about-claude/models/whats-new-claude-4-6"},

	{vendor: "amazon", traits: userFirst, source: clients},
	{vendor: "amazon", name: "nova-", traits: forces, source: docsChoice},
	{vendor: "amazon", name: "nova-", traits: tagged, source: recorded},
	{vendor: "amazon", name: "nova-", traits: grounds, source: "https://docs.aws.amazon.com/nova/latest/userguide/grounding.html"},
	{vendor: "amazon", name: "nova-", traits: noRefs, source: clients},
	{vendor: "amazon", name: "nova-", traits: ownLimits, source: "https://docs.aws.amazon.com/nova/latest/userguide/modalities.html"},
	{vendor: "amazon", name: "nova-", traits: topK | nested, source: docsNova},
	{vendor: "amazon", name: "nova-", traits: noToolCache | noResultBinary, source: docsCache + " and " + clients},
	{vendor: "amazon", name: "nova-", traits: noResultCache, source: reported + "extraneous key [cachePoint] is not permitted"},
	{vendor: "amazon", name: "nova-", traits: noResultVideo, source: recorded + ": #/messages/2/content/0: extraneous key [toolResult] is not permitted"},
	{vendor: "amazon", name: "nova-micro", traits: noDocument, source: docsConverse},
	{vendor: "amazon", traits: noStrict, source: docsOutput},
	{vendor: "amazon", name: "titan-", traits: noSystem | noTools | noStreamTools, source: docsConverse},

	{vendor: "meta", traits: userFirst | resultsAlone, source: reported + "Conversation blocks and tool result blocks cannot be provided in the same turn"},
	{vendor: "meta", traits: callsAlone, source: reported + "Conversation blocks and tool use blocks cannot be provided in the same turn (https://github.com/quarkiverse/quarkus-langchain4j/issues/1983, of Llama 3.2)"},
	{vendor: "meta", traits: noStreamTools, source: reported + "This model doesn't support tool use in streaming mode (https://github.com/earendil-works/pi/issues/3739 of 2026-04-26, of Llama 4; https://github.com/n8n-io/n8n/issues/14206, of Llama 3.3), and " + docsConverse},
	{vendor: "meta", traits: autoOnly, source: docsChoice},
	{vendor: "meta", traits: writesObjects, source: "LiteLLM 1.110.2, which reads such answers of Bedrock"},
	{vendor: "meta", traits: noStrict, source: docsOutput},
	{vendor: "meta", name: "llama2-", traits: noTools, source: docsConverse},
	{vendor: "meta", name: "llama3-8b", traits: noTools, source: docsConverse},
	{vendor: "meta", name: "llama3-70b", traits: noTools, source: docsConverse},

	{vendor: "mistral", traits: userFirst | noResultImage | resultsAlone, source: recorded + ", and " + clients},
	{vendor: "mistral", traits: nineIDs, source: reported + "Tool call id was a but must be a-z, A-Z, 0-9, with a length of 9 (https://github.com/anomalyco/opencode/issues/48843, of Pixtral Large); clients do it for all of Mistral's"},
	{vendor: "mistral", name: "mistral-7b", traits: noSystem | noTools | noStreamTools, source: docsConverse},
	{vendor: "mistral", name: "mixtral-8x7b", traits: noSystem | noTools | noStreamTools, source: docsConverse},
	{vendor: "mistral", name: "mistral-large-24", traits: noStreamTools | noNamed | forces, source: docsConverse + " and " + docsChoice},
	{vendor: "mistral", name: "mistral-small-24", traits: noStreamTools | noNamed | forces, source: docsConverse + " and " + docsChoice},
	{vendor: "mistral", name: "pixtral-large", traits: noStreamTools | noNamed | forces, source: docsConverse + " and " + docsChoice},
	{vendor: "mistral", name: "mistral-large-24", traits: noImage, source: docsConverse},
	{vendor: "mistral", name: "mistral-small-24", traits: noImage, source: docsConverse},
	{vendor: "mistral", name: "mistral-7b", traits: noImage, source: docsConverse},
	{vendor: "mistral", name: "mixtral", traits: noImage, source: docsConverse},
	{vendor: "mistral", name: "mistral-large-24", traits: noStrict, source: docsOutput},
	{vendor: "mistral", name: "mistral-small-24", traits: noStrict, source: docsOutput},
	{vendor: "mistral", name: "mistral-7b", traits: noStrict, source: docsOutput},
	{vendor: "mistral", name: "mixtral", traits: noStrict, source: docsOutput},
	{vendor: "mistral", name: "pixtral-large", traits: noStrict, source: docsOutput},
	{vendor: "mistral", name: "mistral-large-3", traits: native, source: recorded},
	{vendor: "mistral", name: "mistral-large-3", traits: noNamed | forces, source: clients + ", langchain-aws"},
	{vendor: "mistral", name: "ministral-3", traits: native, source: clients},
	{vendor: "mistral", name: "voxtral", traits: native, source: clients},
	{vendor: "mistral", name: "magistral", traits: noNative, source: clients},

	{vendor: "writer", traits: userFirst | resultsAlone, source: reported + "Conversation blocks and tool result blocks cannot be provided in the same turn"},
	{vendor: "writer", traits: noResultStatus | noStreamTools, source: clients},
	{vendor: "writer", traits: noStrict, source: docsOutput},
	{vendor: "deepseek", traits: userFirst, source: clients},
	{vendor: "deepseek", name: "r1", traits: noTools | noStreamTools, source: docsConverse + " and " + clients},
	{vendor: "deepseek", traits: noThoughts, source: strands},
	{vendor: "deepseek", name: "v3", traits: native, source: docsOutput},
	{vendor: "deepseek", name: "v3", traits: forces | noNamed | quiet | unforced, source: liveDeepSeek},
	{vendor: "openai", traits: userFirst | noStop, source: clients},
	{vendor: "openai", traits: forces, source: liveGPT},
	{vendor: "openai", traits: noResultImage, source: liveImages},
	{vendor: "openai", name: "gpt-oss", traits: noNative, source: clients},
	{vendor: "openai", name: "gpt-5", traits: noSampling | native, source: clients},
	{vendor: "openai", name: "gpt-6", traits: noSampling | native, source: clients},
	{vendor: "openai", name: "gpt-5", traits: redactedAlone, source: liveHidden},
	{vendor: "openai", name: "gpt-6", traits: redactedAlone, source: liveHidden},
	{vendor: "cohere", traits: userFirst, source: clients},
	{vendor: "cohere", name: "command", traits: noImage, source: docsConverse},
	{vendor: "cohere", traits: noStrict, source: docsOutput},
	{vendor: "ai21", traits: userFirst, source: clients},
	{vendor: "ai21", traits: noImage, source: docsConverse},
	{vendor: "ai21", traits: noStrict, source: docsOutput},
	{vendor: "qwen", traits: noResultImage | noResultDocument | noResultVideo, source: clients},
	{vendor: "qwen", name: "qwen3", traits: native, source: recorded},
	{vendor: "moonshot", traits: noResultImage | noResultDocument | noResultVideo, source: clients},
	{vendor: "moonshot", name: "kimi-k", traits: native, source: clients},
	{vendor: "moonshotai", traits: noResultImage | noResultDocument | noResultVideo, source: clients},
	{vendor: "moonshotai", name: "kimi-k", traits: native, source: clients},
	{vendor: "moonshotai", name: "kimi-k2", traits: noThoughts, source: liveKimi},
	{vendor: "moonshot", name: "kimi-k2", traits: noThoughts, source: liveKimi},
	{vendor: "moonshotai", name: "kimi-", traits: writesMarks, source: "answers of Bedrock in https://github.com/vercel/ai/issues/11409"},
	{vendor: "moonshot", name: "kimi-", traits: writesMarks, source: "answers of Bedrock in https://github.com/Bike4Mind/bike4mind/issues/1119"},
	{vendor: "zai", name: "glm-", traits: native, source: recorded},
	{vendor: "zai", name: "glm-", traits: noThoughts, source: liveKimi},
	{vendor: "zai", name: "glm-", traits: noStop, source: bifrost},
	{vendor: "qwen", name: "qwen3", traits: noStop, source: reported + "This model doesn't support the stopSequences field, https://github.com/langgenius/dify-official-plugins/issues/1767"},
	{vendor: "google", traits: userFirst, source: clients},
	{vendor: "google", traits: noResultImage, source: liveImages},
	{vendor: "minimax", traits: userFirst, source: clients},
	{vendor: "nvidia", traits: userFirst, source: clients},
	{vendor: "nvidia", traits: noResultImage, source: "https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ToolResultContentBlock.html, which names Nova and Claude"},
	{vendor: "xai", traits: userFirst, source: clients},
	{vendor: "xai", traits: noResultImage, source: liveImages},
	{vendor: "google", name: "gemma-3", traits: native, source: recorded},
	{vendor: "minimax", name: "minimax-m2", traits: native, source: recorded},
	{vendor: "nvidia", name: "nemotron", traits: native, source: recorded},
	{vendor: "xai", traits: forces, source: liveGrok},
	{vendor: "xai", traits: noSampling, source: reported + "This model doesn't support the temperature field, https://github.com/NousResearch/hermes-agent/issues/111043"},
	{vendor: "xai", traits: redactedAlone, source: liveHidden},
	{vendor: "xai", traits: noStop, source: "https://github.com/mnfst/modelparams.dev/pull/330: xAI refuses stop"},
	{vendor: "xai", name: "grok-", traits: native, source: docsOutput},

	// The page lists the models that take cache points: Claude's and Nova's.
	{vendor: "ai21", traits: noCache, source: docsCache},
	{vendor: "cohere", traits: noCache, source: docsCache},
	{vendor: "deepseek", traits: noCache, source: docsCache},
	{vendor: "google", traits: noCache, source: docsCache},
	{vendor: "meta", traits: noCache, source: docsCache},
	{vendor: "minimax", traits: noCache, source: docsCache},
	{vendor: "mistral", traits: noCache, source: docsCache},
	{vendor: "moonshot", traits: noCache, source: docsCache},
	{vendor: "moonshotai", traits: noCache, source: docsCache},
	{vendor: "nvidia", traits: noCache, source: docsCache},
	{vendor: "openai", traits: noCache, source: docsCache},
	{vendor: "qwen", traits: noCache, source: docsCache},
	{vendor: "writer", traits: noCache, source: docsCache},
	{vendor: "xai", traits: noCache, source: docsCache},
	{vendor: "zai", traits: noCache, source: docsCache},
}

// fits reports whether the row is about m.
func (r *row) fits(m *Model) bool {
	if r.vendor != m.Vendor || !strings.HasPrefix(m.Name, r.name) {
		return false
	}
	if r.from == 0 && r.below == 0 {
		return true
	}
	v := m.claude()
	return v >= r.from && (r.below == 0 || v < r.below)
}
