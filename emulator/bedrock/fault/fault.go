// Package fault defines faults that the emulated Bedrock can inject, their notation in
// a header or a prompt, and scripts of faults.
package fault

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/lazyregexp"
)

// Kind is how a request fails.
type Kind uint8

// Kinds of fault.
const (
	None       Kind = iota // only Latency and Rate apply
	Exception              // one of AWS's exceptions, by status or by frame
	ErrorFrame             // an unmodelled error: a frame with a code and a message in its headers
	Reset                  // the connection is reset (TCP RST)
	Fin                    // the connection is closed in the middle of the answer
	End                    // the answer ends properly, but too soon
	Corrupt                // a frame whose message checksum is wrong
	Prelude                // a frame whose prelude checksum is wrong
	Stall                  // nothing more is sent until the client disconnects
	Empty                  // status 200 and nothing else
	Garbage                // status 200 and meaningless bytes
	Deny                   // no policy allows the call: an AccessDeniedException that names caller, action and resource
)

// Always is the value of Times for a fault without end.
const Always = -1

// Fault is one fault.
type Fault struct {
	Kind Kind
	// Status, Type and Message are those of an Exception; for an ErrorFrame, Type and
	// Message are its code and message. A Deny with a Message has it in place of AWS's
	// words.
	Status  int
	Type    string
	Message string
	// InStream sends an Exception in a frame of the stream instead of the status. An
	// answer that is not streamed always has it in the status.
	InStream bool
	// After is how many deltas of a stream are sent before the fault.
	After int
	// Inside cuts within a frame: half of the next one is sent first.
	Inside bool

	// Latency is the delay before the first byte of the answer.
	Latency time.Duration
	// Rate limits a stream to this many tokens per second; 0 for no limit.
	Rate float64

	// Times is how many requests fail before one succeeds; Always means all of them. 0
	// means once for a fault of a Script without Probability, and every time for all
	// others.
	Times int
	// Probability, if above 0, is the share of requests that a Script fails.
	Probability float64
	// Operation, if set, restricts a fault to one of Operations. A fault of a
	// Script without it is for the operations in which a model answers: Converse, ConverseStream,
	// InvokeModel, InvokeModelWithResponseStream, and CreateResponse and CreateChatCompletion, which are
	// OpenAI's APIs.
	Operation string
	// Model, if set, restricts a fault of a Script to the model or profile id in the
	// path of the request, as the request has it.
	Model string
}

// Operations returns the operations that a fault can be restricted to, by their names
// in the service models; those of OpenAI's APIs have names of the emulator's own.
func Operations() []string {
	return []string{
		"Converse", "ConverseStream", "InvokeModel", "InvokeModelWithResponseStream", "CreateResponse", "CreateChatCompletion",
		"CountTokens", "ApplyGuardrail", "StartAsyncInvoke", "GetAsyncInvoke", "ListAsyncInvokes", "Rerank",
		"ListFoundationModels", "GetFoundationModel", "GetFoundationModelAvailability",
		"ListInferenceProfiles", "GetInferenceProfile",
		"GetProvisionedModelThroughput", "GetCustomModelDeployment", "GetImportedModel",
		"ListFoundationModelAgreementOffers", "CreateFoundationModelAgreement",
		"PutUseCaseForModelAccess", "GetUseCaseForModelAccess", "PutAccountDataRetention", "GetAccountDataRetention",
		"ListModels",
	}
}

// answering is the number of operations in which a model answers, the first of Operations.
const answering = 6

// hits reports whether f applies to a call of the operation with the model. A fault
// that the call itself requests need not be restricted to its operation.
func (f *Fault) hits(operation, model string, asked bool) bool {
	bound := f.Operation == operation || f.Operation == "" && (asked || slices.Contains(Operations()[:answering], operation))
	return bound && (f.Model == "" || f.Model == model)
}

// exception is one of AWS's exceptions, with the words that it usually has.
type exception struct {
	word    string
	name    string
	status  int
	message string
}

// exceptions are those that the service model declares for the runtime, with its
// statuses, and those of the authorization layer. The first row of a name has its
// default words.
var exceptions = []exception{
	{"throttle", "ThrottlingException", 429, "Too many requests, please wait before trying again."},
	{"throttle-tokens", "ThrottlingException", 429, "Too many tokens, please wait before trying again."},
	{"throttle-day", "ThrottlingException", 429, "Too many tokens per day, please wait before trying again."},
	{"unavailable", "ServiceUnavailableException", 503, "Bedrock is unable to process your request."},
	{"internal", "InternalServerException", 500, "The system encountered an unexpected error during processing. Try your request again."},
	{"timeout", "ModelTimeoutException", 408, "Model has timed out in processing the request. Try your request again."},
	{"not-ready", "ModelNotReadyException", 429, "Model is not ready for inference. Wait and try your request again."},
	{"model-error", "ModelErrorException", 424, "The system encountered an unexpected error during processing. Try your request again."},
	{"stream-error", "ModelStreamErrorException", 424, "Model produced invalid sequence as part of ToolUse. Please refer to the model tool use troubleshooting guide."},
	{"validation", "ValidationException", 400, "The model returned the following errors: the request was refused by the emulator's script."},
	{"too-long", "ValidationException", 400, "Input is too long for requested model."},
	{"denied", "AccessDeniedException", 403, "You don't have access to the model with the specified model ID."},
	{"not-found", "ResourceNotFoundException", 404, "The requested resource was not found."},
	{"legacy", "ResourceNotFoundException", 404, "Access denied. This Model is marked by provider as Legacy and you have not been actively using the model in the last 15 days. Please upgrade to an active model on Amazon Bedrock"},
	{"quota", "ServiceQuotaExceededException", 400, "Your request exceeds the service quota for your account."},
	{"expired-token", "ExpiredTokenException", 403, "The security token included in the request is expired"},
	{"bad-signature", "InvalidSignatureException", 403, "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."},
}

// Words returns the words for exceptions that Parse accepts, in addition to their
// names.
func Words() []string {
	words := make([]string, len(exceptions))
	for i, e := range exceptions {
		words[i] = e.word
	}
	return words
}

// part matches one word of a fault, with its value if it has one.
var part = lazyregexp.New(`^[\s,;]*([A-Za-z][A-Za-z-]*)(?:=("[^"]*"|[^\s,;"]+))?`)

// Parse parses a fault in the syntax of the header x-outcrop-emulate and of the marker
// [[fault: ...]] in a prompt: words separated by spaces, commas or semicolons.
//
//	throttle                     an exception, by a word (see Words) or its name
//	throttle first               the same as the first frame of a stream
//	unavailable after=3          the same behind three deltas
//	error-frame type=X           an unmodelled error frame with the code X
//	cut=reset, cut=fin, cut=end  the answer breaks off; also after=n, inside
//	corrupt, corrupt=prelude     a broken checksum; also after=n
//	stall, empty, garbage        also after=n for stall and garbage
//	latency=2s rate=50           slow, alone or with any other
//	deny                         no policy allows the caller to do this
//	op=ListInferenceProfiles     only for calls of that operation (see Operations)
//	times=2, always              twice, then no more; without end
//	message="words"              other words than AWS's
//
// The count of times=n belongs to the text as a whole.
func Parse(text string) (Fault, error) {
	var f Fault
	rest := text
	for strings.Trim(rest, " \t\r\n,;") != "" {
		m := part.FindStringSubmatch(rest)
		if m == nil {
			return Fault{}, fmt.Errorf("fault %q: cannot read %q", text, rest)
		}
		rest = rest[len(m[0]):]
		if err := f.set(m[1], strings.Trim(m[2], `"`)); err != nil {
			return Fault{}, fmt.Errorf("fault %q: %w", text, err)
		}
	}
	switch {
	case f.Kind == None && f.Latency == 0 && f.Rate == 0:
		return Fault{}, fmt.Errorf("fault %q: names no fault", text)
	case f.Kind == Deny && f.InStream:
		return Fault{}, fmt.Errorf("fault %q: deny cannot be combined with a position in the stream; calls are denied before it begins", text)
	}
	return f, nil
}

func (f *Fault) set(word, value string) error {
	var err error
	switch word {
	case "first":
		f.InStream = true
	case "after":
		f.InStream = true
		f.After, err = count(value)
	case "inside":
		f.Inside = true
	case "times":
		f.Times, err = count(value)
	case "always":
		f.Times = Always
	case "op":
		at := slices.IndexFunc(Operations(), func(name string) bool { return strings.EqualFold(name, value) })
		if at < 0 {
			return fmt.Errorf("unknown operation %q; use one of %s", value, strings.Join(Operations(), ", "))
		}
		f.Operation = Operations()[at]
	case "deny":
		f.Kind = Deny
	case "latency":
		f.Latency, err = time.ParseDuration(value)
		if err == nil && f.Latency < 0 {
			err = fmt.Errorf("latency %q must not be negative", value)
		}
	case "rate":
		f.Rate, err = strconv.ParseFloat(value, 64)
		if err == nil && !(f.Rate > 0) {
			err = fmt.Errorf("rate %q must be above 0", value)
		}
	case "message":
		f.Message = value
	case "type":
		f.Type = value
	case "error-frame":
		f.Kind, f.InStream = ErrorFrame, true
		f.Type, f.Message = cmp.Or(f.Type, "InternalFailure"), cmp.Or(f.Message, "The request failed.")
	case "cut":
		return f.choose(value, map[string]Kind{"": Fin, "reset": Reset, "fin": Fin, "end": End})
	case "corrupt":
		return f.choose(value, map[string]Kind{"": Corrupt, "message": Corrupt, "prelude": Prelude})
	case "stall":
		f.Kind = Stall
	case "empty":
		f.Kind = Empty
	case "garbage":
		f.Kind = Garbage
	default:
		at := slices.IndexFunc(exceptions, func(e exception) bool { return e.word == word || strings.EqualFold(e.name, word) })
		if at < 0 || value != "" {
			return fmt.Errorf("unknown fault %q; use one of %s, deny, error-frame, cut, corrupt, stall, empty, garbage, latency or rate", word, strings.Join(Words(), ", "))
		}
		e := exceptions[at]
		f.Kind, f.Type, f.Status, f.Message = Exception, e.name, e.status, cmp.Or(f.Message, e.message)
	}
	return err
}

func (f *Fault) choose(value string, kinds map[string]Kind) error {
	kind, ok := kinds[value]
	if !ok {
		return fmt.Errorf("unknown kind of failure %q", value)
	}
	f.Kind = kind
	return nil
}

func count(value string) (int, error) {
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%q is not a count", value)
	}
	return n, nil
}

// FrameType returns the exception's name as in a frame: lower camel case, such as
// throttlingException.
func (f *Fault) FrameType() string {
	if f.Type == "" {
		return ""
	}
	return strings.ToLower(f.Type[:1]) + f.Type[1:]
}
