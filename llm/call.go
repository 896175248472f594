package llm

import (
	"context"
	"time"

	"outcrop/internal/jsonx"
)

// Call is what every request has, whatever it asks for: routing, metering and the record need no
// more.
type Call struct {
	// Model is the model as the client named it.
	Model string
	// Stream is whether the client wants a streaming response.
	Stream bool
	// User identifies the client's own user, and Metadata are labels of the call, for the target's
	// records; neither changes the response.
	User     string
	Metadata []Label
	// Attribution are labels of the gateway that say who calls, for the target's records, before Metadata.
	Attribution []Label
	// Session are labels of the gateway that say who calls, for the session of the gateway's identity by which the target
	// is called, where sessions have labels.
	Session []Label
	// Tags are the gateway's own labels of the call, by which spending is told apart. No target gets them.
	Tags []string
	// NoLog is whether the client wants the call to be in no log that the operator sends elsewhere.
	NoLog bool
	// Headers are additional headers for the target, as the client wrote them.
	Headers []Label
	// ClientSettings are the deployment settings that the client supplies; nil for none.
	ClientSettings *ClientSettings
	// DropParams is whether unsupported parameters are dropped with a warning instead of being
	// refused.
	DropParams bool
	// DropUnknownBetas is whether betas in Headers of which it is not known that the provider supports
	// them are dropped with a warning, because a provider may refuse a whole request for one of them.
	// Otherwise they are passed on.
	DropUnknownBetas bool
	// Guardrail is the operator's guardrail, in the form of Converse's guardrailConfig; nil for none.
	// It is in force in place of any that the client brings. Only targets that apply it get the call:
	// see provider.Guarder.
	Guardrail jsonx.Raw
	// Guardrails names the gateway's own guardrails that the client asks for, beside those that are in force anyway.
	Guardrails []string
	// Policies names the gateway's policies that the client asks for, sets of guardrails, beside those that are in force anyway.
	Policies []string
	// Deployment is the id of the only deployment that may serve the call, because it holds what the call
	// refers to; empty for any.
	Deployment string
	// Once is whether only one attempt is made, because a second could do again what the first has done.
	Once bool
	// Routing is what the client, or whoever it calls for, asks of how the call is routed.
	Routing Routing
	// Allow is asked before a fallback serves the call, by its name, and before the call's own name serves it after that was asked of a
	// fallback. It returns an error if the caller may not use it, and otherwise gives call, which is this call or a copy of it, the
	// settings of the name.
	Allow func(ctx context.Context, call *Call, model string) error
	// Alike returns a number that calls have in common which are alike by something, in package route's words; false if the call
	// is like no other. Nil for false.
	Alike func(by string) (uint64, bool)
	// Prompt estimates the tokens of the prompt; nil if that is not known.
	Prompt func() int64
	// Admit is asked before an attempt of a deployment that has limits; nil if nobody counts.
	Admit Admission
	// Mirror is called before an attempt of a deployment whose calls are mirrored, with the names of the models that get the same
	// request. It does not block, and may be called several times, also at once. Nil if the call is not mirrored.
	Mirror func(models []string)
	// Names are the client's names for the fields of the request, for errors and warnings; nil for
	// llm's own. See FieldName.
	Names Names
}

// Routing is what a call asks of its routing. The zero value asks for nothing.
type Routing struct {
	// Retries is how many retries may follow a failed attempt.
	Retries Opt[int64]
	// Timeout bounds a complete response, and StreamTimeout the provider's silence before and within a stream; 0 for the
	// deployment's.
	Timeout, StreamTimeout time.Duration
	// Fallbacks are the names to try after the call's own, WindowFallbacks those to try if the prompt is too long, and ContentFallbacks
	// those to try if the content was filtered; nil for the configuration's, and empty for none.
	Fallbacks, WindowFallbacks, ContentFallbacks []string
	// Strategy is how a deployment is chosen, in package route's words; empty for the configuration's.
	Strategy string
	// ByTags is whether tags select deployments.
	ByTags Opt[bool]
	// NoFallbacks is whether no other name is tried.
	NoFallbacks bool
	// Tags select deployments, and so does UserAgent, the client's header of that name.
	Tags      []string
	UserAgent string
	// Region is the region that the request says its calls must not leave, and Regions are all such, also those of its caller; empty
	// for none.
	Region  string
	Regions []string
	// Priority is that of the call among those that wait for a deployment: lower numbers go first. NoQueue is whether it does not
	// wait: it is one of several that end together, and would wait for the others.
	Priority Opt[int64]
	NoQueue  bool
}

// Verb is what a request asks of a model.
type Verb uint8

// Verbs.
const (
	VerbChat    Verb = iota + 1 // Request: a response to a conversation
	VerbCount                   // Request: the number of its tokens
	VerbEmbed                   // EmbedRequest: vectors
	VerbRerank                  // RerankRequest: an order of documents
	VerbImage                   // ImageRequest: images
	VerbRaw                     // Raw: a call in the provider's own API
	VerbService                 // Raw: such a call that is about no model
)

// String returns the verb's name for people, such as chat or embeddings; empty for 0 and for what is
// no verb.
func (v Verb) String() string {
	names := [...]string{VerbChat: "chat", VerbCount: "count tokens", VerbEmbed: "embeddings", VerbRerank: "rerank", VerbImage: "images", VerbRaw: "pass through", VerbService: "service"}
	if int(v) >= len(names) {
		return ""
	}
	return names[v]
}
