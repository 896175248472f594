package roundtrip

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
)

// refusal is an error response of a provider, in the words of each dialect, and what clients get for it.
type refusal struct {
	name string
	// status and words are of OpenAI's, Anthropic's and Google's APIs; kinds are the types in their
	// dialects, of Bedrock the status, the exception and its message, and of Cohere and Ollama the words.
	status int
	words  string
	kinds  map[string]string
	header http.Header

	// codes are what error.outcrop.code may be, and client is the client's status.
	codes  []string
	client int
	// again is whether another attempt is made.
	again bool
}

// vocabulary is whose words a provider's errors are in.
func (u *upstreamKind) vocabulary() string {
	switch u.dialect.(type) {
	case chat:
		return "openai"
	case responses:
		if strings.HasPrefix(u.name, "bedrock") {
			return "bedrock"
		}
		return "openai"
	case messages:
		return "anthropic"
	case generate:
		return "google"
	case cohereChat:
		return "cohere"
	case ollamaChat:
		return "ollama"
	case hosted:
		return "sagemaker"
	default:
		return "bedrock"
	}
}

// body is the refusal in a dialect.
func (r *refusal) script(u *upstreamKind) *script {
	s := &script{status: r.status, header: r.header.Clone()}
	switch u.vocabulary() {
	case "openai":
		kind, code, _ := strings.Cut(r.kinds["openai"], "/")
		s.body = encoded(object{"error": object{"message": r.words, "type": kind, "param": nil, "code": code}})
	case "anthropic":
		s.body = encoded(object{"type": "error", "error": object{"type": r.kinds["anthropic"], "message": r.words}, "request_id": "req_1"})
	case "google":
		s.body = encoded(object{"error": object{"code": r.status, "message": r.words, "status": r.kinds["google"]}})
	case "cohere":
		s.body = encoded(object{"id": "c14c80c3", "message": r.kinds["cohere"]})
	case "ollama":
		s.body = encoded(object{"error": r.kinds["ollama"]})
	default: // of AWS
		status, rest, _ := strings.Cut(r.kinds[u.vocabulary()], " ")
		exception, words, _ := strings.Cut(rest, " ")
		s.status, _ = strconv.Atoi(status) // a constant
		if s.header == nil {
			s.header = http.Header{}
		}
		s.header.Set("X-Amzn-Errortype", exception)
		s.body = encoded(object{"message": words})
		if exception == "ModelError" { // what the container has answered, behind its own status
			own, said, _ := strings.Cut(words, " ")
			code, _ := strconv.Atoi(own) // a constant
			s.body = encoded(object{"ErrorCode": "CLIENT_ERROR_FROM_MODEL", "Message": "Received client error from primary with message \"" + said + "\".", "OriginalMessage": said, "OriginalStatusCode": code})
		}
	}
	return s
}

// refusals are the refusals of the table. The words are the services' own.
func refusals() []refusal {
	return []refusal{
		{
			name: "content filter", status: 400, words: "Output blocked by content filtering policy", codes: []string{"request.content_filtered"}, client: 400,
			kinds: map[string]string{"openai": "invalid_request_error/content_filter", "anthropic": "invalid_request_error", "sagemaker": "424 ModelError 400 The content policy of this endpoint does not allow the request.", "bedrock": "400 ValidationException Output blocked by content filtering policy", "cohere": "blocked output: please adjust your prompt and try again.", "ollama": "the prompt was flagged"},
		},
		{
			name: "529", status: 529, words: "Overloaded", codes: []string{"service.unavailable"}, client: 503, again: true,
			kinds: map[string]string{"anthropic": "overloaded_error"},
		},
		{
			name: "401", codes: []string{"credentials.api_key_invalid", "credentials.invalid"}, client: 403, status: 401, words: "invalid x-api-key",
			kinds: map[string]string{"openai": "invalid_request_error/invalid_api_key", "anthropic": "authentication_error", "google": "UNAUTHENTICATED", "sagemaker": "403 UnrecognizedClientException The security token included in the request is invalid.", "bedrock": "403 UnrecognizedClientException The security token included in the request is invalid.", "cohere": "invalid api token", "ollama": "unauthorized"},
		},
		{
			name: "403", codes: []string{"access.not_granted", "iam.identity_missing", "iam.denied"}, client: 403, status: 403, words: "You do not have permission to use the model",
			kinds: map[string]string{"openai": "invalid_request_error/model_access", "anthropic": "permission_error", "google": "PERMISSION_DENIED", "sagemaker": "403 AccessDeniedException User: arn:aws:sts::123456789012:assumed-role/gateway/outcrop is not authorized to perform: sagemaker:InvokeEndpoint on resource: arn:aws:sagemaker:us-east-1:123456789012:endpoint/rocks because no identity-based policy allows the sagemaker:InvokeEndpoint action", "bedrock": "403 AccessDeniedException You don't have access to the model with the specified model ID.", "cohere": "your API key does not have permission to use this model", "ollama": "this model requires a subscription, upgrade for access"},
		},
		{
			name: "404", codes: []string{"model.unknown", "model.not_in_region"}, client: 404, status: 404, words: "model: rock does not exist",
			kinds: map[string]string{"openai": "invalid_request_error/model_not_found", "anthropic": "not_found_error", "google": "NOT_FOUND", "sagemaker": "400 ValidationError Endpoint rocks of account 123456789012 not found.", "bedrock": "404 ResourceNotFoundException Could not resolve the foundation model from the provided model identifier.", "cohere": "model 'rock' not found, make sure the correct model ID was used and that you have access to the model.", "ollama": "model 'rock' not found"},
		},
		{
			name: "429 with retry-after", codes: []string{"limit.requests"}, client: 429, again: true, status: 429, words: "Rate limit reached for requests", header: http.Header{"Retry-After": {"1"}},
			kinds: map[string]string{"openai": "requests/rate_limit_exceeded", "anthropic": "rate_limit_error", "google": "RESOURCE_EXHAUSTED", "sagemaker": "400 ThrottlingException Rate exceeded", "bedrock": "429 ThrottlingException Too many requests, please wait before trying again.", "cohere": "You are past the per minute request limit, please wait and try again later.", "ollama": "too many requests"},
		},
		{
			name: "context length", codes: []string{"request.too_long"}, client: 400, status: 400, words: "prompt is too long: 210000 tokens > 200000 maximum; this model's maximum context length is 200000 tokens; the input token count (210000) exceeds the maximum number of tokens allowed (200000).",
			kinds: map[string]string{"openai": "invalid_request_error/context_length_exceeded", "anthropic": "invalid_request_error", "google": "INVALID_ARGUMENT", "sagemaker": `424 ModelError 400 {"object":"error","message":"This model's maximum context length is 4096 tokens.","type":"BadRequestError","code":400}`, "bedrock": "400 ValidationException Input is too long for requested model.", "cohere": "too many tokens: size limit exceeded by 11000 tokens. Try using shorter or fewer inputs."},
		},
		{
			name: "500", codes: []string{"service.internal"}, client: 500, again: true, status: 500, words: "Internal server error",
			kinds: map[string]string{"openai": "server_error/", "anthropic": "api_error", "google": "INTERNAL", "sagemaker": "500 InternalFailure An internal failure occurred.", "bedrock": "500 InternalServerException The system encountered an unexpected error during processing. Try your request again.", "cohere": "internal server error, this has been reported to our developers.", "ollama": "llama runner process has terminated: exit status 2"},
		},
		{
			name: "503", codes: []string{"service.unavailable"}, client: 503, again: true, status: 503, words: "The engine is currently overloaded, please try again later",
			kinds: map[string]string{"openai": "server_error/", "anthropic": "overloaded_error", "google": "UNAVAILABLE", "sagemaker": "503 ServiceUnavailable The service is currently unavailable.", "bedrock": "503 ServiceUnavailableException Bedrock is unable to process your request.", "cohere": "the service is temporarily unavailable", "ollama": "server busy, please try again. maximum pending requests exceeded"},
		},
	}
}

// seenError is an error as a client reads it.
type seenError struct {
	kind string // type or status in the door's dialect
	code string // outcrop.code
	said string
}

// readError reads an error response in a door's dialect; ok is false if it is none.
func readError(d *door, r *response) (e seenError, ok bool) {
	var v struct {
		Type    string `json:"type"`
		Message string `json:"message"`
		Error   struct {
			Type    string    `json:"type"`
			Status  string    `json:"status"`
			Message string    `json:"message"`
			Outcrop codedJSON `json:"outcrop"`
		} `json:"error"`
	}
	body := r.body
	if d.name == "gemini-array" && len(body) > 0 && body[0] == '[' {
		var list []rawJSON
		if json.Unmarshal(body, &list) != nil || len(list) != 1 {
			return e, false
		}
		body = list[0]
	}
	if json.Unmarshal(body, &v) != nil {
		return e, false
	}
	e = seenError{kind: v.Error.Type, code: v.Error.Outcrop.Code, said: v.Error.Message}
	switch d.dialect.(type) {
	case messages:
		return e, v.Type == "error" && e.said != ""
	case generate, generateArray:
		e.kind = v.Error.Status
	case converse, invoke:
		e = seenError{kind: r.header.Get("X-Amzn-Errortype"), code: r.header.Get("X-Outcrop-Code"), said: v.Message}
	}
	return e, e.said != "" && e.kind != ""
}

type codedJSON struct {
	Code string `json:"code"`
}

// errorTypes are the types that a dialect has for a status.
func errorTypes(d *door, status int) []string {
	switch d.dialect.(type) {
	case messages:
		return map[int][]string{
			400: {"invalid_request_error"}, 401: {"authentication_error"}, 403: {"permission_error"}, 404: {"not_found_error"}, 429: {"rate_limit_error"},
			500: {"api_error"}, 502: {"api_error"}, 503: {"api_error", "overloaded_error"}, 504: {"timeout_error", "api_error"}, 529: {"overloaded_error"},
		}[status]
	case generate, generateArray:
		return map[int][]string{
			400: {"INVALID_ARGUMENT"}, 401: {"UNAUTHENTICATED"}, 403: {"PERMISSION_DENIED"}, 404: {"NOT_FOUND"}, 429: {"RESOURCE_EXHAUSTED"},
			500: {"INTERNAL"}, 502: {"UNAVAILABLE", "INTERNAL"}, 503: {"UNAVAILABLE"}, 504: {"DEADLINE_EXCEEDED"},
		}[status]
	case converse, invoke:
		return map[int][]string{
			400: {"ValidationException"}, 403: {"AccessDeniedException", "UnrecognizedClientException"}, 404: {"ResourceNotFoundException"}, 429: {"ThrottlingException"},
			500: {"InternalServerException"}, 502: {"InternalServerException", "ServiceUnavailableException", "ModelErrorException"}, 503: {"ServiceUnavailableException"},
		}[status]
	default: // https://platform.openai.com/docs/guides/error-codes
		return map[int][]string{
			400: {"invalid_request_error"}, 401: {"authentication_error"}, 403: {"permission_error"}, 404: {"not_found_error", "invalid_request_error"}, 429: {"rate_limit_error"},
			500: {"internal_server_error"}, 502: {"internal_server_error", "api_connection_error"}, 503: {"internal_server_error"}, 504: {"internal_server_error", "timeout_error"},
		}[status]
	}
}
