package llm

import (
	"slices"
	"time"

	"outcrop/internal/jsonx"
)

// Response is a complete response.
type Response struct {
	Role   Role
	Blocks []Block
	Stop   StopReason
	// RawStop is the provider's own name for Stop.
	RawStop string
	Usage   Usage
	// Uncounted is set if the provider reported no usage; Usage is then empty.
	Uncounted bool
	// LatencyMs is the provider's own measurement, in milliseconds; unset if it reported none.
	LatencyMs Opt[int64]
	// ServiceTier is the tier that served the call; empty if not reported.
	ServiceTier string
	// ModelFields are additional fields of the model's response (Converse's
	// additionalModelResponseFields); empty if none.
	ModelFields jsonx.Raw
	// Trace is the provider's trace (guardrails, prompt router); empty if none.
	Trace jsonx.Raw
	// Extra are members without a field here, by the provider's name.
	Extra []jsonx.Member
	Meta  Meta
}

// Meta describes how a response was obtained.
type Meta struct {
	Destination Destination
	// UpstreamID is the provider's request id (x-amzn-RequestId).
	UpstreamID string
	Warnings   []Warning
	// Deployment is the id of the deployment that answered.
	Deployment string
	// Retries counts the failed attempts before this one.
	Retries int
	// Tries are these failed attempts, the first ones if there were many.
	Tries []Try
	// Fallbacks counts the other models that were tried, including the one that answered, and Fallback is the name of that one;
	// empty if the model that was asked for has answered.
	Fallbacks int
	Fallback  string
	// Price computes the cost of the response; nil if the price is unknown.
	Price Pricer
	// Bill is where Usage.Stated has the cost, for Usage.StatedCost; empty if the provider does not say what
	// a call cost. It takes precedence over Price.
	Bill string
	// Passed reports whether the response is in the dialect of a Raw call because the target speaks it, and was
	// not translated.
	Passed bool
	// Keeps reports whether the provider keeps the response of a Raw call, unless the call asks it not to, so
	// that later calls of the same deployment can refer to it.
	Keeps bool
	// Header are the headers of a Raw call's response that belong to the client, such as its content
	// type.
	Header []Label
}

// Try is a failed attempt of a call that was followed by another.
type Try struct {
	Destination Destination
	Code        Code
	// At is when it had failed, since the beginning of the attempts.
	At time.Duration
}

// Destination is where a call went. Fields that do not apply are empty.
type Destination struct {
	// Provider is the provider's name if it is not Bedrock.
	Provider string
	API      string // converse, ...
	Region   string
	ID       string // the model id or ARN as it was sent
	Note     string // such as "emulator"
	// Reason says in a few words why the call went there. String omits it.
	Reason string
}

// Places are the regions in which a call to the destination is processed, if the service processes calls in the region that is called:
// none for any in the world. It reports false for a service without regions.
func (t *Destination) Places() (regions []string, known bool) {
	switch t.Region {
	case "":
		return nil, false
	case "global":
		return nil, true
	default:
		return []string{t.Region}, true
	}
}

// String formats the destination as in the header x-outcrop-target: api=converse; region=us-east-1;
// id=...
func (t Destination) String() string {
	if t == (Destination{}) {
		return ""
	}
	b := make([]byte, 0, 128)
	if t.Provider != "" {
		b = append(append(append(b, "provider="...), t.Provider...), "; "...)
	}
	b = append(append(b, "api="...), t.API...)
	if t.Region != "" {
		b = append(append(b, "; region="...), t.Region...)
	}
	b = append(append(b, "; id="...), t.ID...)
	if t.Note != "" {
		b = append(append(b, "; note="...), t.Note...)
	}
	return string(b)
}

// StopReason is why the model stopped, in terms that all dialects share.
type StopReason uint8

// Stop reasons. StopOther is any reason that the others do not cover; RawStop has the provider's
// name for it.
const (
	StopUnset         StopReason = iota
	StopEnd                      // the model finished
	StopSequence                 // a stop sequence was generated
	StopMaxTokens                // the requested limit was reached
	StopContextWindow            // the model's context window was full
	StopToolUse                  // the model waits for tool results
	StopFiltered                 // content was filtered, or a guardrail intervened
	StopMalformed                // the model's output could not be parsed
	StopOther
	StopReplaced // a policy of the gateway's has a response in place of the model's
)

// Usage counts tokens.
type Usage struct {
	// Input counts uncached input: tokens neither read from nor written to the cache.
	Input, Output int64
	// Total is the sum as the provider reports it.
	Total int64
	// Reasoning is the part of Output that was reasoning; unset if the provider did not report it.
	Reasoning Opt[int64]
	// AudioInput and AudioOutput are the parts of Input and Output that were audio; unset if the
	// provider did not report them.
	AudioInput, AudioOutput Opt[int64]
	// ImageInput and ImageOutput are the parts of Input and Output that were images; unset if the provider did
	// not report them.
	ImageInput, ImageOutput Opt[int64]
	// CacheRead and CacheWrite are unset if the provider did not report them.
	CacheRead, CacheWrite Opt[int64]
	// CacheWrites splits CacheWrite by time to live, in the provider's order.
	CacheWrites []CacheWrite
	// SearchUnits is what calls of rerank are billed by; 0 for other calls.
	SearchUnits int64
	// Images is how many images were made, Seconds the length of the audio that was read, and Characters the
	// length of the text that was spoken: what calls are billed by whose models count no tokens. 0 for others.
	Images, Characters int64
	Seconds            float64
	// Stated are members in which a provider may say what the call cost, such as cost; see Meta.Bill.
	Stated []jsonx.Member
	// Extra are counters without a field here, by the provider's name.
	Extra []jsonx.Member
	// Cost is the total cost; unset if it is unknown.
	Cost Opt[Cost]
}

// Prompt is the whole prompt: uncached, read from the cache, and written to the cache.
func (u *Usage) Prompt() int64 { return u.Input + u.CacheRead.Value + u.CacheWrite.Value }

// State adds a member to Stated, a copy of it. One that is absent is ignored.
func (u *Usage) State(name string, value jsonx.Raw) {
	if len(value) > 0 {
		u.Stated = append(u.Stated, jsonx.Member{Name: name, Value: value.Clone()})
	}
}

// Add adds the usage of another response. The cost stays known as long as both costs are known;
// counters without a field are those of the first response that has any.
func (u *Usage) Add(other *Usage) {
	u.Input += other.Input
	u.Output += other.Output
	u.Total += other.Total
	u.SearchUnits += other.SearchUnits
	u.Images += other.Images
	u.Characters += other.Characters
	u.Seconds += other.Seconds
	u.Reasoning = sum(u.Reasoning, other.Reasoning)
	u.AudioInput = sum(u.AudioInput, other.AudioInput)
	u.AudioOutput = sum(u.AudioOutput, other.AudioOutput)
	u.ImageInput = sum(u.ImageInput, other.ImageInput)
	u.ImageOutput = sum(u.ImageOutput, other.ImageOutput)
	u.CacheRead = sum(u.CacheRead, other.CacheRead)
	u.CacheWrite = sum(u.CacheWrite, other.CacheWrite)
	writes := slices.Clone(u.CacheWrites)
	for _, w := range other.CacheWrites {
		if at := slices.IndexFunc(writes, func(have CacheWrite) bool { return have.TTL == w.TTL }); at >= 0 {
			writes[at].Tokens += w.Tokens
		} else {
			writes = append(writes, w)
		}
	}
	u.CacheWrites = writes
	if len(u.Extra) == 0 {
		u.Extra = other.Extra
	}
	u.Cost.Value += other.Cost.Value
	u.Cost.Set = u.Cost.Set && other.Cost.Set
}

func sum(a, b Opt[int64]) Opt[int64] {
	return Opt[int64]{Value: a.Value + b.Value, Set: a.Set || b.Set}
}

// CacheWrite is a number of tokens written to the cache with a time to live.
type CacheWrite struct {
	TTL    string // 5m or 1h
	Tokens int64
}

// Warning reports what a translation changed or left out.
type Warning struct {
	// Code is one of the Warn constants.
	Code string
	// Field is the client's name for the affected field.
	Field string
	// Detail gives more in a few words; empty if Code and Field are enough.
	Detail string
}

// Codes of warnings.
const (
	WarnDropped = "dropped" // the field had no effect on the target and was left out
	WarnChanged = "changed" // the value was replaced by the nearest one that the target accepts
	WarnMissing = "missing" // the provider's response lacks the field
	WarnLegacy  = "legacy"  // the provider is going to retire the model; Detail has the date
	WarnEnded   = "ended"   // the model is past its end of life, as far as is known; Detail has the date
)

// Count is the number of tokens of a Request (VerbCount).
type Count struct {
	Tokens int64
	Meta   Meta
}

// Metadata is c.Meta, for code that serves several kinds of response.
func (c *Count) Metadata() *Meta { return &c.Meta }

// Used is the usage that the response reports.
func (r *Response) Used() *Usage { return &r.Usage }

// Metadata is r.Meta, for code that serves several kinds of response.
func (r *Response) Metadata() *Meta { return &r.Meta }
