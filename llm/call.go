package llm

import "outcrop/internal/jsonx"

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
	// Tags are the gateway's own labels of the call, by which spending is told apart. No target gets them.
	Tags []string
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
	// Deployment is the id of the only deployment that may serve the call, because it holds what the call
	// refers to; empty for any.
	Deployment string
	// Once is whether only one attempt is made, because a second could do again what the first has done.
	Once bool
	// Admit is asked before an attempt of a deployment that has limits; nil if nobody counts.
	Admit Admission
	// Names are the client's names for the fields of the request, for errors and warnings; nil for
	// llm's own. See FieldName.
	Names Names
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
