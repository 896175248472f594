package litellm

// ErrorType is the type of an error with a status, as OpenAI names it; LiteLLM uses the names in
// Cohere's dialect, too.
func ErrorType(status int) string {
	switch {
	case status == 401:
		return "authentication_error"
	case status == 403:
		return "permission_error"
	case status == 404:
		return "not_found_error"
	case status == 429:
		return "rate_limit_error"
	case status < 500:
		return "invalid_request_error"
	default:
		return "internal_server_error"
	}
}
