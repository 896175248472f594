package llm

import (
	"strings"

	"outcrop/internal/jsonx"
)

// Request is one call for a completion, as any dialect can say it.
type Request struct {
	// Model is the model as the caller named it.
	Model string
	// System holds the instructions that stand before the conversation.
	System []Block
	// Turns is the conversation. Roles need not alternate; a dialect that wants
	// it merges neighbours when it encodes.
	Turns []Turn
	Tools []Tool
	// ToolChoice is unset (its zero value) when the caller did not choose.
	ToolChoice ToolChoice

	MaxTokens   Opt[int64]
	Temperature Opt[float64]
	TopP        Opt[float64]
	TopK        Opt[int64]
	Stop        []string
	Reasoning   Reasoning
	// Format is the JSON that the answer must be; nil for free text.
	Format *Format
	// ServiceTier is the tier asked for, in the target's words; empty for its default.
	ServiceTier string
	// ParallelTools is whether the model may call several tools at once; unset if the
	// caller did not say.
	ParallelTools Opt[bool]
	// CacheRetention is for how long the prompt shall be cached, in OpenAI's words, such
	// as 24h; empty if the caller did not say.
	CacheRetention string
	// Choices is how many answers are wanted, each by itself; 0 and 1 are one.
	Choices int64
	// WebSearch is what the caller says of a search of the web that the model shall
	// make, as OpenAI has it in web_search_options; nil for none.
	WebSearch jsonx.Raw
	// User names the caller's own user, and Metadata are labels of the call, for the
	// target's records; neither changes the answer.
	User     string
	Metadata []Label
	// Headers are sent to the target beside its own, as the caller wrote them.
	Headers []Label

	// ClientSettings is how the caller wants the target reached; nil to leave it to the gateway.
	ClientSettings *ClientSettings

	// DropParams is whether settings that the target cannot keep are left out with a
	// warning where they would otherwise be refused.
	DropParams bool
	// Stream is whether the caller wants the answer as it comes.
	Stream bool

	// ModelFields are settings that only the model knows, by name: what Converse
	// calls additionalModelRequestFields, and what LiteLLM's users write as
	// unknown top-level members of a chat request.
	ModelFields []jsonx.Member
	// Extensions are members that belong to the target's API and have no field
	// here, by their name there, such as Converse's guardrailConfig.
	Extensions []jsonx.Member
}

// Label is a name with a value.
type Label struct{ Name, Value string }

// Opt is a setting that may be left unsaid.
type Opt[T any] struct {
	Value T
	Set   bool
}

// Some is a setting that was said.
func Some[T any](v T) Opt[T] { return Opt[T]{Value: v, Set: true} }

// Role says who speaks in a turn.
type Role string

// Roles. RoleSystem stands in a turn only for instructions in the middle of a
// conversation, which Converse's service model of 2026 knows.
const (
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
	RoleSystem    Role = "system"
)

// Turn is what one side said.
type Turn struct {
	Role   Role
	Blocks []Block
	// Message is the number of the caller's message that said it, from 1, for errors
	// and warnings: instructions have a place among the messages of some dialects, but
	// not among the turns. 0 where turns are numbered as they stand.
	Message int
}

// Number is the number of the message, from 0, of a turn that stands at index i.
func (t *Turn) Number(i int) int {
	if t.Message > 0 {
		return t.Message - 1
	}
	return i
}

// BlockKind tells which fields of a Block are used.
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
	BlockRedacted                        // Text: the provider's opaque bytes as it wrote them (base64), never looked into
	BlockCachePoint                      // Cache
	BlockOther                           // Other: a block that only its own dialect understands
)

// Block is one piece of content. Kind tells which of the other fields count.
type Block struct {
	Kind BlockKind
	// Plain is whether a reasoning block was given as a text alone (reasoning_content),
	// for the names in warnings.
	Plain bool
	Text  string
	// Signature seals a reasoning block; it must go back byte for byte.
	Signature  string
	Media      *Media
	ToolUse    *ToolUse
	ToolResult *ToolResult
	Cache      *CachePoint
	// Other is a block outside the common language: the member's name and value
	// as its dialect wrote them, such as Converse's citationsContent. Text is then
	// what it says in words, if that is known, for dialects that only have words.
	Other *jsonx.Member
	// Extra are unknown members that stood beside the known ones inside the block.
	Extra []jsonx.Member
}

// Media is an image, document, audio or video.
type Media struct {
	// Format is the short name that Converse uses: png, jpeg, pdf, mp3, mp4.
	// Empty when the sender did not say.
	Format string
	// Base64 is the content itself. Exactly one of Base64, URI, Text and Source is
	// set.
	Base64 Base64
	// URI is where the content lies: s3://bucket/key, which the provider reads, or an
	// http or https address, whose content takes its place before a provider sees the
	// request. Owner is the account that owns the bucket, where given.
	URI, Owner string
	// Field is the caller's name for what holds URI, such as
	// messages[2].content[0].image_url.url, for errors; empty if it has none.
	Field string
	// Text is a document given as plain text.
	Text string
	// Source is any other kind of source, as its dialect wrote it.
	Source *jsonx.Member
	// Name is a document's name; empty where the format has none.
	Name string
	// Context tells the model what a document is for.
	Context string
	// Citations is a document's setting for citations as its dialect wrote it.
	Citations jsonx.Raw
}

// Remote reports whether the content still lies at an address that no provider
// reads: a URI that is not s3://.
func (m *Media) Remote() bool { return m.URI != "" && !strings.HasPrefix(m.URI, "s3://") }

// Remote gives the first media of the request, tool results' included, that are; nil
// if there are none.
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
	// Input is the arguments, a JSON value. In a streamed start it is empty and
	// the deltas carry its text.
	Input jsonx.Raw
	// Type is the provider's word for the kind of call, such as server_tool_use
	// for one that the provider itself runs; often empty.
	Type string
}

// ServerSide is the Type of a call that the provider ran itself; it is not the
// client's to run.
const ServerSide = "server_tool_use"

// ToolResult is what a tool gave back.
type ToolResult struct {
	// ID is the ID of the ToolUse that it answers.
	ID      string
	Content []ResultBlock
	// Status is success or error; empty when not said.
	Status string
	// Type is the provider's word for the kind of result; often empty.
	Type string
}

// ResultBlock is content of a tool's result: a JSON value, or a Block.
type ResultBlock struct {
	// JSON is set when the result is structured; then Block is zero.
	JSON  jsonx.Raw
	Block Block
}

// CachePoint marks that all before it may be cached.
type CachePoint struct {
	// Type is the provider's word, "default" on Bedrock.
	Type string
	// TTL is how long, "5m" or "1h"; empty for the provider's default.
	TTL string
}

// Tool is a function that the model may call, or one that the provider runs.
type Tool struct {
	Name        string
	Description string
	// Schema is the JSON schema of the arguments, as the caller wrote it.
	Schema jsonx.Raw
	Strict Opt[bool]
	// Cache is set when the definitions up to this one may be cached.
	Cache *CachePoint
	// Other is a tool outside the common language, such as Converse's
	// systemTool; then only Cache is used beside it.
	Other *jsonx.Member
	// Number is the tool's number among the caller's, from 1, for errors and warnings; 0
	// where tools are numbered as they stand.
	Number int
	// Own is a tool that the model's maker has defined, as the model wants it, such as
	// Anthropic's {"type":"computer_20250124",...}; then only Name is used beside it.
	Own jsonx.Raw
}

// At is the number of a tool that stands at index i among the caller's, from 0.
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
	ToolChoiceAny   // some tool, whichever
	ToolChoiceNamed // the tool ToolChoice.Name
)

// ToolChoice is how the model may choose tools.
type ToolChoice struct {
	Kind ToolChoiceKind
	Name string
}

// Reasoning is how much the model shall think before it answers.
type Reasoning struct {
	// Effort is OpenAI's word: none, minimal, low, medium, high, xhigh or max;
	// empty when not said.
	Effort string
	// Thinking is Anthropic's setting as the caller wrote it, such as
	// {"type":"enabled","budget_tokens":2048}; empty when not said.
	Thinking jsonx.Raw
}

// Format is what the answer must be: a JSON object, and one that follows Schema if
// that is given.
type Format struct {
	Name, Description string
	Schema            jsonx.Raw
	Strict            Opt[bool]
}
