package litellm_test

import (
	"testing"

	"outcrop/wire/litellm"
)

func TestErrorTypes(t *testing.T) {
	for status, want := range map[int]string{
		400: "invalid_request_error", 401: "authentication_error", 403: "permission_error", 404: "not_found_error",
		408: "invalid_request_error", 429: "rate_limit_error", 499: "invalid_request_error", 500: "internal_server_error", 529: "internal_server_error",
	} {
		if got := litellm.ErrorType(status); got != want {
			t.Errorf("%d: got %s, want %s", status, got, want)
		}
	}
}
