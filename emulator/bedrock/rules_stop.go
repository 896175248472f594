package bedrock

import (
	"strings"

	"outcrop/emulator/bedrock/catalogue"
)

// checkStops refuses stop sequences of white space alone where Claude's server does
// (https://github.com/BerriAI/litellm/issues/3286).
func checkStops(q *question) error {
	if q.info.Voice() != catalogue.VoiceAnthropic {
		return nil
	}
	for _, s := range q.request.Stop {
		if strings.TrimSpace(s) == "" {
			return returned("stop_sequences: each stop sequence must contain non-whitespace")
		}
	}
	return nil
}
