package llm

import (
	"slices"
	"strconv"
	"strings"

	"outcrop/internal/jsonx"
)

// Request is one call for a completion, in any dialect.
type Request struct {
	Call
	// System holds the instructions before the conversation.
	System []Block
	// Turns is the conversation. Roles need not alternate; a dialect that requires it merges
	// neighbours when it encodes.
	Turns []Turn
	Tools []Tool
	// ToolChoice is unset (its zero value) if the client did not choose.
	ToolChoice ToolChoice

	MaxTokens   Opt[int64]
	Temperature Opt[float64]
	TopP        Opt[float64]
	TopK        Opt[int64]
	Stop        []string
	Reasoning   Reasoning
	// KeepMaxTokens is whether a Claude gets MaxTokens even if it cannot write as much, because clients of
	// the dialect know Claude's limits, and what its refusal says.
	KeepMaxTokens bool
	// SamplingOptional is whether Temperature, TopP and TopK may be dropped with a warning where the
	// model has no such setting, because clients of the dialect send the values that suit its own
	// models with every request.
	SamplingOptional bool
	// Format is the JSON format required of the response; nil for free text.
	Format *Format
	// ServiceTier is the requested tier, as the target names it; empty for its default.
	ServiceTier string
	// ParallelTools is whether the model may call several tools at once; unset if the client did
	// not set it.
	ParallelTools Opt[bool]
	// CacheRetention is how long to cache the prompt, in OpenAI's words, such as 24h; empty if the
	// client did not set it.
	CacheRetention string
	// AutoCache is whether the client expects the prompt to be cached without cache points, as OpenAI
	// does.
	AutoCache bool
	// Choices is the number of independent responses to generate; 0 and 1 both mean one.
	Choices int64
	// WebSearch is the client's setting for web search by the model, in the form of OpenAI's
	// web_search_options; nil for none.
	WebSearch jsonx.Raw
	// WebSearchOptional is whether WebSearch may be dropped with a warning if the model cannot search,
	// because it is one of several tools that the model may use or not.
	WebSearchOptional bool
	// Unmapped are parameters that the client's dialect defines and that have no field here, such as
	// OpenAI's seed and logprobs. Their values are well-formed. The provider passes each of them on,
	// drops it with a warning or refuses it, because only it knows what the target supports.
	Unmapped []jsonx.Member
	// UnmappedAt is, for each of Unmapped, how many of the dialect's own warnings are about earlier
	// parts of the request; see OrderWarnings.
	UnmappedAt []int
	// ModelFields are parameters that are specific to the model, by name: Converse's
	// additionalModelRequestFields, which LiteLLM's users write as unknown top-level members of a
	// chat request.
	ModelFields []jsonx.Member
	// Extensions are members of the target's API without a field here, by their name there, such as
	// Converse's guardrailConfig.
	Extensions []jsonx.Member
}

// Asks reports whether a parameter of OpenAI's that a target lacks, one of Request.Unmapped, requests anything
// but what happens without it.
func Asks(m *jsonx.Member) bool {
	switch m.Name {
	case "top_logprobs", "presence_penalty", "frequency_penalty":
		v, err := strconv.ParseFloat(string(m.Value), 64)
		return err != nil || v != 0
	case "modalities":
		var words []string
		return jsonx.Unmarshal(m.Value, &words) != nil || slices.ContainsFunc(words, func(s string) bool { return s != "text" })
	default:
		return !jsonx.Empty(m.Value)
	}
}

// Label is a name with a value.
type Label struct{ Name, Value string }

// Opt is an optional setting.
type Opt[T any] struct {
	Value T
	Set   bool
}

// Some is a setting with a value.
func Some[T any](v T) Opt[T] { return Opt[T]{Value: v, Set: true} }

// ReadCount decodes the decoder's next value, an integer that not every response has, into to; null leaves it
// unset.
func ReadCount(d *jsonx.Decoder, to *Opt[int64]) error {
	to.Set = d.PeekKind() != 'n'
	return jsonx.Int(d, &to.Value)
}

// Role is the author of a turn.
type Role string

// Roles. In a turn, RoleSystem is only for instructions in the middle of a conversation, which
// Converse's service model of 2026 allows.
const (
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleSystem    Role = "system"
)

// Turn is one contribution to the conversation.
type Turn struct {
	Role   Role
	Blocks []Block
	// Message is the number of the client's message that the turn comes from, from 1, for errors
	// and warnings: in some dialects instructions are messages, but they are not turns. 0 if turns
	// are numbered by position.
	Message int
}

// Number is the number, from 0, of the message of a turn at index i.
func (t *Turn) Number(i int) int {
	if t.Message > 0 {
		return t.Message - 1
	}
	return i
}

// OneMessage is how many of the turns at the beginning of turns, which has one at least, are one message for
// APIs in which the calls of a message are one list, with all their results directly behind it, and
// reasoning belongs to what follows from it. In the Responses API each of them is a turn of its own.
func OneMessage(turns []Turn) int {
	joins := func(t *Turn) bool {
		return slices.ContainsFunc(t.Blocks, func(b Block) bool {
			return b.Kind == BlockToolUse || b.Kind == BlockToolResult || b.Kind == BlockReasoning || b.Kind == BlockRedacted
		})
	}
	n := 1
	for n < len(turns) && turns[n].Role == turns[0].Role && (joins(&turns[n-1]) || joins(&turns[n])) {
		n++
	}
	return n
}

// Together returns the blocks of the turns that are one message (OneMessage), and their number.
func Together(turns []Turn) (blocks []Block, n int) {
	n = OneMessage(turns)
	blocks = turns[0].Blocks
	for i := 1; i < n; i++ {
		blocks = slices.Concat(blocks, turns[i].Blocks)
	}
	return blocks, n
}

// BlockKind determines which fields of a Block are used.
type BlockKind uint8

// Kinds of block.
const (
	BlockText       BlockKind = iota + 1 // Text
	BlockImage                           // Media
	BlockDocument                        // Media
	BlockAudio                           // Media
	BlockVideo                           // Media
	BlockToolUse                         // ToolUse
	BlockToolResult                      // ToolResult
	BlockReasoning                       // Text, Signature
	BlockRedacted                        // Text: the provider's opaque bytes as it wrote them (base64), never decoded
	BlockCachePoint                      // Cache
	BlockOther                           // Other: a block that is specific to its dialect
)

// GeminiMark precedes the signatures of Gemini in Block.Signature, by which they are told from those of
// other models. Claude's are base64, which has no point.
const GeminiMark = "gemini."

// ResponsesMark precedes the signatures that package openairesponses makes of the encrypted reasoning of the
// Responses API, as GeminiMark those of Gemini.
const ResponsesMark = "responses."

// Marked reports whether a signature has a mark, so that no model can read it whose signatures have none.
func Marked(signature string) bool {
	return strings.HasPrefix(signature, GeminiMark) || strings.HasPrefix(signature, ResponsesMark)
}

// Block is one piece of content. Kind determines which of the other fields are used.
type Block struct {
	Kind BlockKind
	// Plain reports whether a reasoning block was given as text alone (reasoning_content), for the
	// names in warnings.
	Plain bool
	Text  string
	// Signature signs a reasoning block; it must be sent back byte for byte. Gemini's has GeminiMark in
	// front, and that of the Responses API ResponsesMark.
	Signature  string
	Media      *Media
	ToolUse    *ToolUse
	ToolResult *ToolResult
	Cache      *CachePoint
	// Other is a block outside the common language: the member's name and value as its dialect
	// wrote them, such as Converse's citationsContent. Text is then the block's text, if known, for
	// dialects that only have text.
	Other *jsonx.Member
	// Extra are unknown members of the block.
	Extra []jsonx.Member
}

// Media is an image, document, audio or video.
type Media struct {
	// Format is the short name that Converse uses: png, jpeg, pdf, mp3, mp4.
	// Empty if the sender did not name it.
	Format string
	// Base64 is the content itself. Exactly one of Base64, URI, Text and Source is
	// set.
	Base64 Base64
	// URI is where the content is: s3://bucket/key, which the provider reads, or an http or https
	// URL, which is replaced by its content before a provider sees the request. Owner is the
	// account that owns the bucket, if given.
	URI, Owner string
	// Part is the number, from 1, of the part of the client's message that it came in; 0 if that is the
	// block's position, or has another name.
	Part int
	// Field is the client's name for the field with URI, such as
	// messages[2].content[0].image_url.url, for errors; empty if it has none.
	Field string
	// Text is a document given as plain text.
	Text string
	// Source is any other kind of source, in its dialect's form.
	Source *jsonx.Member
	// Name is a document's name; empty if the format has none.
	Name string
	// Context tells the model what a document is for.
	Context string
	// Citations is a document's setting for citations, in its dialect's form.
	Citations jsonx.Raw
}

// Remote reports whether the content must be fetched from a URL that no provider reads: any URI
// that is not s3://.
func (m *Media) Remote() bool { return m.URI != "" && !strings.HasPrefix(m.URI, "s3://") }

// Remote returns the first remote media of the request, tool results included; nil if there are
// none.
func (r *Request) Remote() *Media {
	if m := remote(r.System); m != nil {
		return m
	}
	for i := range r.Turns {
		if m := remote(r.Turns[i].Blocks); m != nil {
			return m
		}
	}
	return nil
}

func remote(blocks []Block) *Media {
	for i := range blocks {
		b := &blocks[i]
		if b.Media != nil && b.Media.Remote() {
			return b.Media
		}
		if b.ToolResult == nil {
			continue
		}
		for j := range b.ToolResult.Content {
			if m := b.ToolResult.Content[j].Block.Media; m != nil && m.Remote() {
				return m
			}
		}
	}
	return nil
}

// ToolUse is a call of a tool by the model.
type ToolUse struct {
	ID, Name string
	// Input is the arguments, a JSON value. In a streamed start it is empty, and the deltas carry
	// its text.
	Input jsonx.Raw
	// Type is the provider's name for the kind of call, such as server_tool_use for one that the
	// provider runs itself; often empty.
	Type string
}

// ServerSide is the Type of a call that the provider ran itself; clients do not run it.
const ServerSide = "server_tool_use"

// ToolResult is the result of a tool call.
type ToolResult struct {
	// ID is the ID of the ToolUse that it answers.
	ID      string
	Content []ResultBlock
	// Status is success or error; empty if not given.
	Status string
	// Type is the provider's name for the kind of result; often empty.
	Type string
}

// ResultBlock is content of a tool's result: a JSON value, or a Block.
type ResultBlock struct {
	// JSON is set when the result is structured; then Block is zero.
	JSON  jsonx.Raw
	Block Block
}

// CachePoint marks that everything before it may be cached.
type CachePoint struct {
	// Type is the provider's name, "default" on Bedrock.
	Type string
	// TTL is the time to live, "5m" or "1h"; empty for the provider's default.
	TTL string
}

// Tool is a function that the model may call, or one that the provider runs.
type Tool struct {
	Name        string
	Description string
	// Schema is the JSON schema of the arguments, as the caller wrote it.
	Schema jsonx.Raw
	Strict Opt[bool]
	// Cache is set if the definitions up to this one may be cached.
	Cache *CachePoint
	// Other is a tool outside the common language, such as Converse's systemTool; then only Cache
	// is used as well.
	Other *jsonx.Member
	// Number is the tool's number in the client's list, from 1, for errors and warnings; 0 if tools
	// are numbered by position.
	Number int
	// Custom is set for a tool whose input is free text in the client's dialect. The other fields describe
	// the function that stands for it, with CustomInput as its only argument, a text.
	Custom *CustomTool
	// Own is a tool that the model's vendor has defined, in the model's form, such as Anthropic's
	// {"type":"computer_20250124",...}; then only Name is used as well.
	Own jsonx.Raw
}

// CustomInput is the argument of the function that stands for a tool with free text as input.
const CustomInput = "input"

// CustomTool is a tool with free text as input, for targets that have such tools.
type CustomTool struct {
	Description string
	// Format is the form of the input, such as a grammar, as the Responses API writes it; empty for any
	// text.
	Format jsonx.Raw
}

// At is the number, from 0, in the client's list of the tool at index i.
func (t *Tool) At(i int) int {
	if t.Number > 0 {
		return t.Number - 1
	}
	return i
}

// ToolChoiceKind is how freely the model may choose tools.
type ToolChoiceKind uint8

// Kinds of tool choice.
const (
	ToolChoiceUnset ToolChoiceKind = iota
	ToolChoiceAuto
	ToolChoiceNone
	ToolChoiceAny   // any tool
	ToolChoiceNamed // the tool ToolChoice.Name
)

// ToolChoice controls how the model chooses tools.
type ToolChoice struct {
	Kind ToolChoiceKind
	Name string
}

// Reasoning is how much the model should think before it responds.
type Reasoning struct {
	// Effort is OpenAI's setting: none, minimal, low, medium, high, xhigh or max; empty if not set.
	Effort string
	// Summary is OpenAI's setting of how the reasoning is reported: auto, concise or detailed; empty if not
	// set. Other targets report it in their own way.
	Summary string
	// Thinking is Anthropic's setting as the client wrote it, such as
	// {"type":"enabled","budget_tokens":2048}; empty if not set.
	Thinking jsonx.Raw
}

// Thinks reports whether Anthropic's setting asks for thinking: it is given, and of another type than disabled.
func (r *Reasoning) Thinks() bool {
	var set struct {
		Type string    `json:"type"`
		Rest jsonx.Raw `json:",embed"`
	}
	return len(r.Thinking) > 0 && (jsonx.Unmarshal(r.Thinking, &set) != nil || set.Type != "disabled")
}

// Format requires the response to be a JSON object, and to follow Schema if it is given.
type Format struct {
	Name, Description string
	Schema            jsonx.Raw
	Strict            Opt[bool]
}
