package llm

import (
	"slices"

	"outcrop/internal/jsonx"
)

// Response is a whole answer.
type Response struct {
	Role   Role
	Blocks []Block
	Stop   StopReason
	// RawStop is the provider's own word for Stop.
	RawStop string
	Usage   Usage
	// Uncounted is whether the provider gave no usage; Usage is then empty.
	Uncounted bool
	// LatencyMs is the provider's own measure, in milliseconds; unset if it gave none.
	LatencyMs Opt[int64]
	// ServiceTier is the tier that served; empty if not said.
	ServiceTier string
	// ModelFields is what the model said beside its answer (Converse's
	// additionalModelResponseFields); empty if nothing.
	ModelFields jsonx.Raw
	// Trace is the provider's trace (guardrails, prompt router); empty if none.
	Trace jsonx.Raw
	// Extra are members without a field here, by the provider's name.
	Extra []jsonx.Member
	Meta  Meta
}

// Meta is what is known of an answer's way, beside the answer.
type Meta struct {
	Destination Destination
	// UpstreamID is the provider's request id (x-amzn-RequestId).
	UpstreamID string
	Warnings   []Warning
	// Deployment is the id of the deployment that answered.
	Deployment string
	// Retries counts the tries that failed before this one.
	Retries int
	// Price tells what the answer costs; nil if nothing is known of it.
	Price Pricer
}

// Destination is where a call went. Fields that do not apply are empty.
type Destination struct {
	API    string // converse, ...
	Region string
	ID     string // the model id or ARN as it was sent
	Note   string // such as "emulator"
	// Reason says in a few words why the call went there. String leaves it out.
	Reason string
}

// String writes the target as the header x-outcrop-target has it:
// api=converse; region=us-east-1; id=...
func (t Destination) String() string {
	if t == (Destination{}) {
		return ""
	}
	s := "api=" + t.API
	if t.Region != "" {
		s += "; region=" + t.Region
	}
	s += "; id=" + t.ID
	if t.Note != "" {
		s += "; note=" + t.Note
	}
	return s
}

// StopReason is why the model stopped, in the words that all dialects share.
type StopReason uint8

// Stop reasons. StopOther is a reason that none of the others covers; the
// provider's word is in RawStop.
const (
	StopUnset         StopReason = iota
	StopEnd                      // it was done
	StopSequence                 // a stop sequence came
	StopMaxTokens                // the limit asked for was reached
	StopContextWindow            // the model's window was full
	StopToolUse                  // it waits for tool results
	StopFiltered                 // content was filtered, or a guardrail intervened
	StopMalformed                // what the model wrote could not be parsed
	StopOther
)

// Usage counts tokens.
type Usage struct {
	// Input is what was read anew: without what came from or went into the cache.
	Input, Output int64
	// Total is the provider's own sum.
	Total int64
	// Reasoning is how much of Output was thinking; unset if the provider did not say.
	Reasoning Opt[int64]
	// CacheRead and CacheWrite are unset if the provider did not speak of them.
	CacheRead, CacheWrite Opt[int64]
	// CacheWrites splits CacheWrite by time to live, in the provider's order.
	CacheWrites []CacheWrite
	// Extra are counters without a field here, by the provider's name.
	Extra []jsonx.Member
	// Cost is what all of it costs; unset if that is not known.
	Cost Opt[Cost]
}

// Prompt is all of the prompt: read anew, from the cache and into the cache.
func (u *Usage) Prompt() int64 { return u.Input + u.CacheRead.Value + u.CacheWrite.Value }

// Add adds what another answer used. The cost stays known as long as that of both
// is; counters without a field are those of the first that has any.
func (u *Usage) Add(other *Usage) {
	u.Input += other.Input
	u.Output += other.Output
	u.Total += other.Total
	u.Reasoning = sum(u.Reasoning, other.Reasoning)
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

// CacheWrite is a number of tokens written to the cache for some time.
type CacheWrite struct {
	TTL    string // 5m or 1h
	Tokens int64
}

// Warning says what a translation changed or left out.
type Warning struct {
	// Code is one of the Warn constants.
	Code string
	// Field is the caller's name for what it is about.
	Field string
	// Detail says more in a few words; empty if Code and Field say it all.
	Detail string
}

// Codes of warnings.
const (
	WarnDropped = "dropped" // the field had no effect on the target and was left out
	WarnChanged = "changed" // the value was replaced by the nearest that the target takes
	WarnMissing = "missing" // the provider's answer lacks the field
	WarnLegacy  = "legacy"  // the provider is going to retire the model; Detail has the day
	WarnEnded   = "ended"   // the model's life is over as far as is known; Detail has the day
)
