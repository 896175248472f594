package llm

import (
	"bytes"

	"outcrop/internal/jsonx"
)

// Dialects of a Raw call.
const (
	DialectBedrock   = "bedrock"     // an operation of AWS's runtime API
	DialectAnthropic = "anthropic"   // Anthropic's Messages
	DialectGemini    = "gemini"      // Gemini's generateContent
	DialectOpenAI    = "openai"      // OpenAI's chat completions
	DialectResponses = "responses"   // OpenAI's Responses
	DialectText      = "completions" // OpenAI's text completions

	DialectImageGenerations = "images/generations"   // OpenAI's API of this path
	DialectImageEdits       = "images/edits"         // OpenAI's API of this path
	DialectImageVariations  = "images/variations"    // OpenAI's API of this path
	DialectSpeech           = "audio/speech"         // OpenAI's API of this path
	DialectTranscriptions   = "audio/transcriptions" // OpenAI's API of this path
	DialectTranslations     = "audio/translations"   // OpenAI's API of this path
	DialectModerations      = "moderations"          // OpenAI's API of this path
	DialectFiles            = "files"                // OpenAI's API of this path
	DialectBatches          = "batches"              // OpenAI's API of this path
)

// Raw is a call whose body is in a dialect that the target speaks itself, and reaches it without a
// translation; only what the target would refuse is edited.
type Raw struct {
	Call
	// Dialect is one of the Dialect constants.
	Dialect string
	// Operation is the operation in the dialect's words, such as converse-stream or invoke; empty if
	// it has only one.
	Operation string
	// Method, Path and Query are the request of an operation that is not in a model's own path: the
	// path's segments, unescaped, and the query as it was sent.
	Method string
	Path   []string
	Query  string
	// Service is whether the call is about no model. Call.Model then names whose account serves it.
	Service bool
	// Body is the request as the client sent it.
	Body jsonx.Raw
	// Parts is the body of a request that is a form; Body is then empty.
	Parts []Part
	// Unestimated is whether usage that the response does not report stays unknown, because the call is
	// billed by something else than texts, such as the length of audio.
	Unestimated bool
}

// Part is a field of a form, a body of multipart/form-data.
type Part struct {
	Name string
	// FileName and ContentType are those of a file; both are empty for a text.
	FileName, ContentType string
	Content               []byte
}

// RawResponse is a complete response in the dialect of its call.
type RawResponse struct {
	Meta Meta
	Body []byte
	// Usage and RawStop are read from the response; Uncounted is set if it reports no usage.
	Usage     Usage
	RawStop   string
	Uncounted bool
	// Uncosted says why the cost of an Uncounted response of an API that is not billed by texts is unknown.
	Uncosted string
	// ServiceTier is the tier that served the call; empty if not reported.
	ServiceTier string
}

// Metadata is r.Meta, for code that serves several kinds of response.
func (r *RawResponse) Metadata() *Meta { return &r.Meta }

// Used is the usage that the response reports.
func (r *RawResponse) Used() *Usage { return &r.Usage }

// RawOf is a response in the common language that body encodes in a dialect. warnings are its own, with
// the fields as the client's request has them.
func RawOf(r *Response, body []byte, warnings []Warning) *RawResponse {
	out := &RawResponse{Body: body, Meta: r.Meta, Usage: r.Usage, RawStop: r.RawStop, Uncounted: r.Uncounted, ServiceTier: r.ServiceTier}
	out.Meta.Warnings = warnings
	return out
}

// RawEvent is one step of a streaming response in the dialect of its call.
type RawEvent struct {
	// Type is the dialect's name of the event, such as contentBlockDelta or message_start.
	Type string
	// Data is the event in the form in which the dialect sends it: a whole frame of AWS's event
	// stream, or server-sent events. It is valid until the next call of RawStream.Next. It is nil for
	// a failure that the frontend reports itself.
	Data []byte
	// Content reports whether the event is part of the response itself. Before the first such event
	// nothing has been sent to the client, and the call can be retried.
	Content bool
	// Usage is set on events that report the usage, with all that is known so far; RawStop and
	// ServiceTier on those that report why the response ended and which tier served it.
	Usage       *Usage
	RawStop     string
	ServiceTier string
	// Length is the number of bytes of generated text in the event, to estimate the usage of
	// responses that break off.
	Length int
	// Err is set if the event is the provider's report of a failure, which ends the response.
	Err *Error
}

// HasContent reports whether the event is part of the response itself.
func (e *RawEvent) HasContent() bool { return e.Content }

// Retain copies what would become invalid with the next event.
func (e *RawEvent) Retain() { e.Data = bytes.Clone(e.Data) }

// Failure is the failure that the event reports; nil for most.
func (e *RawEvent) Failure() *Error { return e.Err }

// Reported is the usage that the event reports; nil for most.
func (e *RawEvent) Reported() *Usage { return e.Usage }

// RawStream is a streaming response in the dialect of its call. Like a Stream, it belongs to one
// goroutine.
type RawStream interface {
	// Next fills ev with the next event. It returns io.EOF after the last event of a complete
	// response, and an *Error if the response broke off.
	Next(ev *RawEvent) error
	// More reports whether the next event is already there.
	More() bool
	// Meta describes where the response came from; it may grow with each Next.
	Meta() *Meta
	// Close ends the call to the provider and frees its resources. It may be called more than once.
	Close() error
}
