package azure

import (
	"net/http"
	"strings"

	"outcrop/llm"
)

// defaultScope is the scope of Azure's AI services.
const defaultScope = "https://cognitiveservices.azure.com/.default"

// tokenError is the error for a call without a token.
func tokenError(err error) *llm.Error {
	e := &llm.Error{
		Code: llm.CodeCredentialsInvalid, Status: http.StatusForbidden, Message: "Entra ID gives no token for Azure", Err: err, Retry: llm.RetryNo,
		Fix: "Check tenant_id, client_id and the secret, certificate or identity of the application, and its role Cognitive Services OpenAI User.",
	}
	if err != nil {
		first, _, _ := strings.Cut(err.Error(), "\n")
		e.Message += ": " + llm.Clip(first, 300)
	}
	e.Message += "."
	return e
}
