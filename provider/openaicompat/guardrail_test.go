package openaicompat

import (
	"testing"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

func TestCallsThatNeedAGuardrailAreRefused(t *testing.T) {
	call := llm.Call{Guardrail: jsonx.Raw(`{"guardrailIdentifier":"abc123","guardrailVersion":"1"}`)}
	var w target // nothing of it is used
	_, ofChat := w.Complete(t.Context(), &llm.Request{Call: call})
	_, ofStream := w.Stream(t.Context(), &llm.Request{Call: call})
	_, ofBody := w.Pass(t.Context(), &llm.Raw{Call: call})
	_, ofBodies := w.PassStream(t.Context(), &llm.Raw{Call: call})
	_, ofVectors := w.Embed(t.Context(), &llm.EmbedRequest{Call: call})
	for _, err := range []error{ofChat, ofStream, ofBody, ofBodies, ofVectors} {
		if err == nil || llm.AsError(err).Param != "guardrailConfig" || llm.AsError(err).Responsible() != llm.ActorOperator {
			t.Errorf("%v", err)
		}
	}
}
