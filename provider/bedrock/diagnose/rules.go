package diagnose

import (
	"slices"
	"strings"

	"outcrop/llm"
	wire "outcrop/wire/converse"
)

// rule maps a message to a code if it has all wanted phrases. A phrase may have alternatives
// separated by bars, in the form that plainly returns.
type rule struct {
	code   llm.Code
	wanted []string
}

// judge returns the code of the first rule that matches; def if none does.
func judge(s normalized, rules []rule, def llm.Code) llm.Code {
	for _, r := range rules {
		if s.says(r.wanted...) {
			return r.code
		}
	}
	return def
}

// accessRules match AWS's messages about the account's access to a model, whatever the exception's
// type: the same words occur in AccessDeniedException, ResourceNotFoundException and
// ValidationException (public reports;
// https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html). They
// apply to the result of spoken.
func accessRules() []rule {
	return []rule{
		{llm.CodeUseCaseForm, []string{"use case", "form|details", "submit|submitted|fill|filled|complete|required"}},
		{llm.CodeDataRetention, []string{"data retention", "mode|not available|requires|required"}},
		{llm.CodeMarketplacePending, []string{"marketplace|agreement", "being processed|in progress|pending|not yet complete|being created"}},
		{llm.CodeMarketplacePermission, []string{"marketplace", "not authorized|cannot be completed|required|permission|permissions|subscribe"}},
		{llm.CodeLegacyInactive, []string{"legacy", "not been actively|not actively|inactive|not used|have not used|upgrade to an active"}},
		{llm.CodeEndOfLife, []string{"end of its life|end of life|has been retired|is retired|has been deprecated"}},
		{llm.CodeNotGranted, []string{"not have access to the model|not have access to this model|not have access to model|no access to the model|not authorized to access this model|access to this model has not|not available for this account|not available to this account|not available for your account|not available in your account"}},
		{llm.CodeAccountNotAuthorized, []string{"account is not authorized|account has not been authorized|account not authorized|channel program accounts|unsupported countries|unsupported country"}},
		{llm.CodeFeature, []string{"prompt caching|caching", "unsupported model|not allow|not support|not supported"}},
	}
}

// credentialRules match messages about the credentials.
func credentialRules() []rule {
	return []rule{
		{llm.CodeAPIKeyExpired, []string{"bearer token|api key|apikey", "expired"}},
		{llm.CodeAPIKeyInvalid, []string{"api key|apikey|bearer token", "valid|invalid|make sure|not recognized|pre defined prefix|malformed|format"}},
		{llm.CodeCredentialsExpired, []string{"security token|session token", "expired"}},
		{llm.CodeCredentialsInvalid, []string{"security token|session token|access key id", "invalid|not exist|unknown"}},
		{llm.CodeCredentialsMissing, []string{"missing authentication token"}},
		{llm.CodeClockSkew, []string{clockWords}},
		{llm.CodeWrongScope, []string{"scoped|credential scope"}},
		{llm.CodeSignature, []string{"signature we calculated|request signature"}},
	}
}

const clockWords = "signature expired|signature not yet current|is now earlier than|is still later than|request expired|date is too|not within"

// validationRules match faults that AWS, or a model's server, finds in a request. The first match
// decides, so narrower rules come first.
func validationRules() []rule {
	const (
		tooLong = "input is too long|prompt is too long|too many total text bytes|too many input tokens|input tokens exceeded|number of input tokens exceeds|" +
			"exceed context limit|exceeds context limit|exceeds the context window|exceed the context window|maximum context length|context window exceeded|" +
			"context length exceeded|context length limit exceeded|exceeds the maximum number of input tokens|input is longer than|reduce the length of the messages|reduce the length of the prompt"
		// Names of a limit on the answer.
		maxTokens = "max tokens|maximum tokens|max new tokens|max gen len|max completion tokens|output tokens|max token count"
		conflict  = "may not be|cannot both|only one of|mutually exclusive|may only be set|must be greater than|must be less than|cannot be used with|not compatible with|" +
			"incompatible with|cannot be set with|less than or equal to|greater than or equal to|less or equal to|greater or equal to|must have value|out of range|" +
			"not allowed when|not allowed with|when thinking is enabled|when thinking is disabled"
		unsupported = "not support|not supported|unsupported|not supports|is deprecated"
	)
	return []rule{
		{llm.CodeContentFiltered, []string{"content filters|content filter", "blocked|flagged"}}, // of the models that make images
		{llm.CodeTooLong, []string{tooLong}},
		{llm.CodeTooLong, []string{"prompt token count|input token count|prompt tokens", "exceeds the limit|exceeds the maximum|exceed the limit"}},
		{llm.CodeMaxTokens, []string{maxTokens, "exceed the model limit|exceeds the model limit|exceeds the limit|exceed the limit|maximum allowed|exceeds the maximum|maximum number of output tokens|greater than the model|not less or equal to"}},
		{llm.CodeMaxTokens, []string{"inference config max tokens", "failed to satisfy constraint"}},
		{llm.CodeInvalid, []string{"failed to satisfy constraint", "length less than or equal to|length greater than or equal to", "name|description|tool use id"}},
		{llm.CodeWrongSurface, []string{"not support the api|not supported on this route|not supported by this api|not supported for this api|not supported on this endpoint|use the api|not support the converse api|not support the converse operation|not support the converse stream operation|action does not support the model"}},
		{llm.CodeFeature, []string{"prefill", unsupported}},
		{llm.CodeFeature, []string{"content block|thinking|reasoning content", "model does not support|not support thinking|not supported by this model|not supported for this model"}},
		{llm.CodeModelNotInRegion, []string{"model|models", "not available in|not supported in|not supported for|not offered in", "region|regions"}},
		{llm.CodeThinking, []string{"thinking block|thinking blocks|expected thinking or redacted thinking|thinking signature|signature in thinking|reasoning content|redacted thinking"}},
		{llm.CodeThinking, []string{"signature", "thinking|reasoning"}},
		{llm.CodeEmpty, []string{"length greater than or equal to 1|minimum length of 1", "content|text|messages"}},
		{llm.CodeConflict, []string{conflict}},
		{llm.CodeToolPairing, []string{"tool result|tool results|tool config", "tool use|tool uses|previous turn|tool call|tool calls|following ids|must be defined"}},
		{llm.CodeOrder, []string{"must alternate|roles must alternate|same turn|start with a user|begin with a user|first message must|must end with a user|conversation must|last message must|last turn must"}},
		{llm.CodeConflict, []string{"stop sequences|stop sequence", "non whitespace|blank|empty"}},
		{llm.CodeEmpty, []string{"is blank|is empty|must be non empty|non empty content|cannot be empty|must not be empty|non whitespace|empty content|at least one content|must contain at least one"}},
		{llm.CodeInvalid, []string{"additional properties", "must be|explicitly set|required to be"}},
		{llm.CodeUnknownField, []string{"extraneous key|extra inputs are not permitted|extra fields|expected tags|unknown field|unknown parameter|unknown key|unrecognized field|unrecognized key|unexpected field|unexpected keyword|additional properties|unsupported parameter|invalid beta flag"}},
		{llm.CodeFeature, []string{"model", unsupported}},
		{llm.CodeFeature, []string{"not support|not supported", "streaming|tool use|tool choice|system|image|images|document|documents|video|audio|cache|caching|guardrail|stop sequences|counting tokens"}},
	}
}

// validation returns the code of a ValidationException.
func validation(message string) llm.Code {
	all := plainly(message)
	s, own := unwrapped(all), unwrapped(spoken(message))
	switch {
	// Messages about the id begin with these words; later in a message they may be a repetition of
	// what the caller sent.
	case s.begins("invocation of model id|invocation of model") && s.says("with on demand throughput is not"):
		return llm.CodeModelNeedsProfile
	case own.begins("the provided model identifier is invalid|provided model identifier is invalid|the model identifier is invalid|the model id is invalid|the model id provided is invalid|provided model identifier"),
		own.begins("could not resolve the foundation model|could not find inference profile|the provided inference profile"):
		return llm.CodeModelUnknown
	case s.says("validation error detected|validation errors detected", "at model id failed"):
		return llm.CodeModelUnknown
	case s.begins("operation not allowed"): // accounts that AWS has not cleared (public reports)
		return llm.CodeAccountNotAuthorized
	case own.begins("output blocked by content filtering policy"): // Anthropic's words, which reach InvokeModel's clients
		return llm.CodeContentFiltered
	}
	// After the wrapper, or with repeated input, only the beginning of a message says anything about
	// access.
	if !repeats(all) || own.begins("you have not|model use case|data retention|access to this model|access denied|this model is marked|this model version|your account|model access") {
		if c := judge(own, accessRules(), ""); c != "" {
			return c
		}
	}
	return judge(s, validationRules(), llm.CodeInvalid)
}

// repeats reports whether a message is of a kind that repeats the caller's input or quotes a
// model's own server.
func repeats(s normalized) bool {
	return s.says(wrapper + "|validation error detected|validation errors detected|malformed input request|field required|extraneous key")
}

// throttling returns the code of a ThrottlingException.
func throttling(s normalized) llm.Code {
	return judge(s, []rule{
		{llm.CodeUnavailable, []string{"connections"}},
		{llm.CodeTokensPerDay, []string{"token|tokens", "per day|daily|a day|today"}},
		{llm.CodeLimitTokens, []string{"token|tokens"}},
	}, llm.CodeLimitRequests)
}

// signature returns the code of a signature that AWS does not accept.
func signature(s normalized) llm.Code {
	return judge(s, []rule{{llm.CodeClockSkew, []string{clockWords}}, {llm.CodeWrongScope, []string{"scoped|credential scope"}}}, llm.CodeSignature)
}

// denied returns the code of a missing permission, and IAM's sentence if there is one.
func denied(message string, apiKey bool, status int) (llm.Code, denial) {
	if d, ok := readDenial(message); ok {
		if strings.HasPrefix(d.action, "aws-marketplace:") && !d.explicit && (d.layer == identityPolicy || d.layer == unknownLayer) {
			return llm.CodeMarketplacePermission, d
		}
		return d.code(), d
	}
	own := unwrapped(spoken(message))
	code := judge(own, slices.Concat(accessRules(), credentialRules()), llm.CodeDenied)
	if code == llm.CodeDenied && apiKey && status == 401 { // bedrock-mantle's answer to an unknown key
		code = llm.CodeAPIKeyInvalid
	}
	return code, denial{}
}

// missing returns the code of something that AWS does not find.
func missing(message string) llm.Code {
	own := unwrapped(spoken(message))
	return judge(own, slices.Concat([]rule{{llm.CodeInvalid, []string{"guardrail"}}}, accessRules()), llm.CodeModelUnknown)
}

// code returns the verdict by AWS's error type and words, or else by its status. Types and statuses
// are those of AWS's service model of bedrock-runtime, of the common errors of its services
// (https://docs.aws.amazon.com/bedrock/latest/APIReference/CommonErrors.html) and, for
// bedrock-mantle, of OpenAI's API.
func code(f *wire.Fault, c *Case) (llm.Code, denial) {
	s := unwrapped(plainly(f.Message))
	only := func(code llm.Code) (llm.Code, denial) { return code, denial{} }
	switch f.Type {
	case "ValidationException", "ValidationError", "Invalid_request_error":
		if f.Status == 401 || f.Status == 403 {
			return denied(f.Message, c.APIKey, f.Status)
		}
		return only(validation(f.Message))
	case "AccessDeniedException", "AccessDenied", "NotAuthorized", "UnauthorizedOperation":
		return denied(f.Message, c.APIKey, f.Status)
	case "Authentication", "Authentication_error":
		if c.APIKey || f.Status == 401 {
			return only(llm.CodeAPIKeyInvalid)
		}
		return denied(f.Message, c.APIKey, f.Status)
	case "MPAgreementBeingCreated":
		return only(llm.CodeMarketplacePending)
	case "FTUFormNotFilled":
		return only(llm.CodeUseCaseForm)
	case "UnrecognizedClientException", "InvalidClientTokenId":
		if c.APIKey {
			return only(llm.CodeAPIKeyInvalid)
		}
		return only(llm.CodeCredentialsInvalid)
	case "ExpiredTokenException", "ExpiredToken":
		if c.APIKey {
			return only(llm.CodeAPIKeyExpired)
		}
		return only(llm.CodeCredentialsExpired)
	case "RequestExpired": // more than 15 minutes off its date stamp
		return only(llm.CodeClockSkew)
	case "InvalidSignatureException", "SignatureDoesNotMatch", "IncompleteSignature", "IncompleteSignatureException":
		return only(signature(s))
	case "MissingAuthenticationToken", "MissingAuthenticationTokenException":
		return only(llm.CodeCredentialsMissing)
	case "ResourceNotFoundException":
		return only(missing(f.Message))
	case "ModelTimeoutException":
		return only(llm.CodeTimeout)
	case "ModelErrorException", "ModelStreamErrorException":
		return only(judge(s, []rule{{llm.CodeModelOutput, []string{"invalid sequence|tool use|malformed|could not be parsed|not valid json|invalid json"}}}, llm.CodeModelError))
	case "ModelNotReadyException":
		return only(llm.CodeModelNotReady)
	case "ThrottlingException", "TooManyRequestsException", "Throttling":
		return only(throttling(s))
	case "ServiceQuotaExceededException":
		return only(llm.CodeServiceQuota)
	case "InternalServerException", "InternalFailure":
		return only(llm.CodeServiceInternal)
	case "ServiceUnavailableException", "ServiceUnavailable":
		return only(llm.CodeUnavailable)
	default:
		return byStatus(f, s, c)
	}
}

// byStatus returns the verdict for an unknown type: by its words if they are AWS's own, or else by
// its status.
func byStatus(f *wire.Fault, s normalized, c *Case) (llm.Code, denial) {
	if f.Status == 401 || f.Status == 403 {
		return denied(f.Message, c.APIKey, f.Status)
	}
	if f.Status < 500 && !known(f.Status) && !named(f) {
		return llm.CodeUnreachable, denial{}
	}
	var code llm.Code
	switch f.Status {
	case 404:
		code = missing(f.Message)
	case 408, 504:
		code = llm.CodeTimeout
	case 413:
		code = llm.CodeTooLong
	case 424:
		code = llm.CodeModelError
	case 429:
		code = throttling(s)
	case 500:
		code = llm.CodeServiceInternal
	default:
		code = llm.CodeUnavailable
		if f.Status >= 400 && f.Status < 500 {
			code = validation(f.Message)
		}
	}
	return code, denial{}
}

// Request returns the code of a fault that a model's own server finds in a request, by its words: the
// servers of one model say the same wherever it is hosted.
func Request(message string) llm.Code {
	return judge(unwrapped(plainly(llm.Clip(message, maxJudged))), validationRules(), llm.CodeInvalid)
}
