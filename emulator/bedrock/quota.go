package bedrock

import (
	"net/http"
	"time"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/llm"
)

// use is the quota used by one call.
type use struct {
	at     time.Time
	tokens int64
}

// burndown is how many tokens of the quota an output token uses for Claude 3.7 and
// later (Amazon Bedrock User Guide, "Token burndown rate").
const burndown = 5

// reserve reserves a call's share of the model's quotas, or refuses the call: the tokens
// of its prompt and the most that it may write (Amazon Bedrock User Guide, "How tokens
// are counted"). Minutes and days are sliding windows, which is an assumption.
func (s *state) reserve(c *call, to *catalogue.Model, prompt, most int64, now time.Time) (*use, error) {
	about := s.about(to.ID)
	if about == nil || about.Quota == nil || c.ownModel() {
		return new(use), nil
	}
	q := about.Quota
	if q.Exceeded {
		return nil, &refusal{
			status: http.StatusBadRequest, kind: "ServiceQuotaExceededException",
			message: "Your request exceeds the service quota for your account. You can view your quotas at viewing service quotas. You can resubmit your request later.",
		}
	}
	u := &use{at: now, tokens: prompt + most}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := c.region + " " + to.ID
	var minute, day, requests int64
	keep := time.Minute
	if q.TokensPerDay != nil {
		keep = 24 * time.Hour
	}
	kept := s.used[key][:0]
	for _, before := range s.used[key] {
		if now.Sub(before.at) >= keep {
			continue
		}
		kept = append(kept, before)
		day += before.tokens
		if now.Sub(before.at) < time.Minute {
			minute += before.tokens
			requests++
		}
	}
	s.used[key] = kept
	switch {
	case beyond(q.RequestsPerMinute, requests+1):
		return nil, throttled("Too many requests, please wait before trying again.")
	case beyond(q.TokensPerDay, day+u.tokens):
		return nil, throttled("Too many tokens per day, please wait before trying again.")
	case beyond(q.TokensPerMinute, minute+u.tokens):
		return nil, throttled("Too many tokens, please wait before trying again.")
	}
	s.used[key] = append(s.used[key], u)
	return u, nil
}

// settle replaces what was reserved for a call with what it used.
func (s *state) settle(u *use, to *catalogue.Model, usage *llm.Usage) {
	output := usage.Output
	if to.Provider == anthropic && (to.Has(catalogue.ThinkingBudget) || to.Has(catalogue.ThinkingAdaptive)) {
		output *= burndown
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	u.tokens = usage.Input + usage.CacheWrite.Value + output
}

func beyond(limit *int64, n int64) bool { return limit != nil && n > *limit }

func throttled(message string) *refusal {
	return &refusal{status: http.StatusTooManyRequests, kind: "ThrottlingException", message: message}
}
