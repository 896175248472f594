package catalogue

import (
	"errors"
	"fmt"
	"slices"

	"outcrop/internal/jsonx"
)

// Trait is a peculiarity of a model family. The emulator's rules use traits, so that a
// new model is a line of data.
type Trait string

// Traits. Their sources are the Converse part of AWS's user guide and the workarounds
// in public clients of Bedrock; each names a difference from a model that accepts
// everything.
const (
	NoChat             Trait = "no-chat"                // not served by Converse
	UserFirst          Trait = "user-first"             // a conversation must begin with a user turn
	NoPrefill          Trait = "no-prefill"             // a conversation must end with a user turn
	NoSystem           Trait = "no-system"              // no system prompt
	NoTools            Trait = "no-tools"               // no tool use
	NoStreamTools      Trait = "no-stream-tools"        // no tool use in ConverseStream
	NoForcedTools      Trait = "no-forced-tools"        // toolChoice may only be auto
	NoNamedTool        Trait = "no-named-tool"          // toolChoice may not name a tool
	ResultsAlone       Trait = "results-alone"          // tool results must be alone in their turn
	CallsAlone         Trait = "calls-alone"            // tool calls must be alone in their turn
	ShortIDs           Trait = "short-ids"              // ids of tool calls have at least nine letters and digits
	NoOneCall          Trait = "no-one-call"            // tool_choice has no disable_parallel_tool_use
	NoResultStatus     Trait = "no-result-status"       // toolResult has no status
	NoResultVideo      Trait = "no-result-video"        // no video within a toolResult, refused as a malformed turn
	NoResultPDF        Trait = "no-result-pdf"          // likewise for documents except plain text
	NoDocuments        Trait = "no-documents"           // no document blocks
	NoStopSequences    Trait = "no-stop-sequences"      // no stopSequences
	NoSampling         Trait = "no-sampling"            // no temperature, topP or topK
	OneSampling        Trait = "one-sampling"           // temperature or topP, not both
	NoStructuredOutput Trait = "no-structured-output"   // no strict tools, no json_schema
	NoStrictTools      Trait = "no-strict-tools"        // no strict tools
	NoS3               Trait = "no-s3"                  // no s3Location sources
	NoVideo            Trait = "no-video"               // no video blocks
	NoToolCache        Trait = "no-tool-cache"          // no cache points among tools or after their results
	NoLongCache        Trait = "no-long-cache"          // no cache point with a ttl of 1h
	ThinkingBudget     Trait = "thinking-budget"        // thinking {"type":"enabled","budget_tokens":n}
	ThinkingAdaptive   Trait = "thinking-adaptive"      // thinking {"type":"adaptive"}
	ThinkingBetween    Trait = "thinking-between-tools" // thinking {"type":"between_tools"}
	NoThinkingOff      Trait = "no-thinking-off"        // thinking {"type":"disabled"} is refused
	ThinkingOffToHigh  Trait = "thinking-off-to-high"   // thinking {"type":"disabled"} excludes efforts above high
	ReasoningConfig    Trait = "reasoning-config"       // Nova 2's reasoningConfig
	ReasoningEffort    Trait = "reasoning-effort"       // reasoning_effort or reasoning_config
	AlwaysThinks       Trait = "always-thinks"          // reasons without being asked
	SignedReasoning    Trait = "signed-reasoning"       // reasoning carries a signature that is verified
	RedactedReasoning  Trait = "redacted-reasoning"     // reasoning comes as redactedContent
	NoReasoningBack    Trait = "no-reasoning-back"      // reasoning is not accepted in the history
	SystemTurns        Trait = "system-turns"           // messages of InvokeModel may have the role system
)

var allTraits = []Trait{ // never written to
	NoChat, UserFirst, NoPrefill, NoSystem, NoTools, NoStreamTools, NoForcedTools, NoNamedTool, ResultsAlone,
	CallsAlone, ShortIDs, NoOneCall, NoResultStatus, NoResultVideo, NoResultPDF, NoDocuments, NoStopSequences, NoSampling, OneSampling,
	NoStructuredOutput, NoStrictTools, NoS3, NoVideo, NoToolCache, NoLongCache, ThinkingBudget, ThinkingAdaptive, ThinkingBetween,
	NoThinkingOff, ThinkingOffToHigh, ReasoningConfig, ReasoningEffort, AlwaysThinks, SignedReasoning, RedactedReasoning, NoReasoningBack,
	SystemTurns,
}

// Voice is the server that validates the request made from a Converse request, and
// whose words refusals have.
type Voice string

// Voices.
const (
	VoiceSchema    Voice = "schema"    // Bedrock's own schemas of a family's body
	VoiceAnthropic Voice = "anthropic" // Anthropic's Messages API
	VoiceChat      Voice = "chat"      // a server of OpenAI's Chat Completions
	VoiceResponses Voice = "responses" // OpenAI's Responses API
)

var allVoices = []Voice{VoiceSchema, VoiceAnthropic, VoiceChat, VoiceResponses} // never written to

// Effort is how a family accepts a reasoning effort.
type Effort struct {
	// At is its path in additionalModelRequestFields, such as output_config.effort.
	At    string
	Words []string
}

// family has the properties of the models of a family. Nil lists and an empty voice are
// not checked.
type family struct {
	traits        []Trait
	voice         Voice
	fields, betas []string
	invokeBetas   []string
	effort        Effort
	resultMedia   []string
	tiers         []string
}

// Has reports whether the model has the trait.
func (m *Model) Has(t Trait) bool { return slices.Contains(m.family.traits, t) }

// Voice returns whose words the model's refusals have; empty if unspecified.
func (m *Model) Voice() Voice { return m.family.voice }

// Fields returns the members that additionalModelRequestFields may have; nil if any.
func (m *Model) Fields() []string { return m.family.fields }

// TakesBeta reports whether anthropic_beta may contain the flag.
func (m *Model) TakesBeta(flag string) bool {
	return m.family.betas == nil || slices.Contains(m.family.betas, flag)
}

// InvokeBetas returns the flags that anthropic_beta may have in a body of InvokeModel;
// nil means any.
func (m *Model) InvokeBetas() []string { return m.family.invokeBetas }

// Effort returns how the model accepts a reasoning effort; without Words if it accepts
// none.
func (m *Model) Effort() Effort { return m.family.effort }

// TakesInResult reports whether a toolResult may contain a block of the kind: image,
// document or video.
func (m *Model) TakesInResult(kind string) bool {
	return m.family.resultMedia == nil || slices.Contains(m.family.resultMedia, kind)
}

// ServesTier reports whether the model has the service tier, such as flex.
func (m *Model) ServesTier(tier string) bool {
	return tier == "default" || m.family.tiers == nil || slices.Contains(m.family.tiers, tier)
}

// kin is a family in a file: an object, or, as a short form, the list of its traits.
type kin struct {
	Traits      []Trait `json:"traits"`
	Voice       Voice   `json:"voice"`
	Fields      words   `json:"fields"`
	Betas       words   `json:"betas"`
	InvokeBetas words   `json:"invokeBetas"`
	Effort      *effort `json:"effort"`
	ResultMedia words   `json:"resultMedia"`
	Tiers       words   `json:"tiers"`

	Rest jsonx.Raw `json:",embed"`
}

// effort is an Effort in a file.
type effort struct {
	At    string    `json:"at"`
	Words []string  `json:"words"`
	Rest  jsonx.Raw `json:",embed"`
}

// words are texts in a file: the name of one of its lists, or a list.
type words struct {
	name string
	list []string
}

func (w *words) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch kind := d.PeekKind(); kind {
	case '"':
		return jsonx.UnmarshalDecode(d, &w.name)
	case '[':
		return jsonx.UnmarshalDecode(d, &w.list)
	default:
		return jsonx.Fault("must be the name of a list or a list, not %s", jsonx.KindName(kind))
	}
}

func (k *kin) UnmarshalJSONFrom(d *jsonx.Decoder) error {
	switch kind := d.PeekKind(); kind {
	case '[':
		return jsonx.UnmarshalDecode(d, &k.Traits)
	case '{':
		type plain kin // without this method
		return jsonx.UnmarshalDecode(d, (*plain)(k))
	default:
		return jsonx.Fault("must be a list of traits or an object, not %s", jsonx.KindName(kind))
	}
}

// family returns the family that a file describes. An error begins with the member.
func (k kin) family(lists map[string][]string) (family, error) {
	f := family{traits: k.Traits, voice: k.Voice}
	if err := nothingElse(k.Rest); err != nil {
		return family{}, err
	}
	for _, t := range k.Traits {
		if !slices.Contains(allTraits, t) {
			return family{}, fmt.Errorf("unknown trait %q", t)
		}
	}
	if k.Voice != "" && !slices.Contains(allVoices, k.Voice) {
		return family{}, fmt.Errorf("voice: %q is not one of %v", k.Voice, allVoices)
	}
	if e := k.Effort; e != nil {
		if err := nothingElse(e.Rest); err != nil {
			return family{}, fmt.Errorf("effort.%w", err)
		}
		if e.At == "" || len(e.Words) == 0 {
			return family{}, errors.New("effort: must name its field (at) and its values (words)")
		}
		f.effort = Effort{At: e.At, Words: e.Words}
	}
	for _, m := range []struct {
		name string
		from words
		to   *[]string
	}{{"fields", k.Fields, &f.fields}, {"betas", k.Betas, &f.betas}, {"invokeBetas", k.InvokeBetas, &f.invokeBetas}, {"resultMedia", k.ResultMedia, &f.resultMedia}, {"tiers", k.Tiers, &f.tiers}} {
		*m.to = m.from.list
		if m.from.name == "" {
			continue
		}
		list, ok := lists[m.from.name]
		if !ok {
			return family{}, fmt.Errorf("%s: unknown list %q", m.name, m.from.name)
		}
		*m.to = list
	}
	return f, nil
}
