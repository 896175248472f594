package door

import (
	"math"
	"net/http"
	"strconv"

	"outcrop/gateway"
	"outcrop/tenant"
)

// limits sets LiteLLM's headers for the limits of the key that makes a call (1.110.2, as observed).
func limits(h http.Header, call *gateway.Call) {
	t := call.Caller().Tenant()
	if t == nil {
		return
	}
	h["X-Litellm-Call-Id"] = h["X-Request-Id"]
	s, some := t.Standing()
	if !some {
		return
	}
	if s.MaxBudget.Set {
		h["X-Litellm-Key-Max-Budget"] = []string{s.MaxBudget.Value.String()}
		h["X-Litellm-Key-Spend"] = []string{s.Spend.Value.String()}
	}
	rate(h, &s.Requests, "requests", "X-Litellm-Key-Rpm-Limit")
	rate(h, &s.Tokens, "tokens", "X-Litellm-Key-Tpm-Limit")
}

// rate sets the headers for requests or tokens a minute.
func rate(h http.Header, r *tenant.Rate, what, own string) {
	if !r.Set {
		return
	}
	limit, left := strconv.FormatInt(r.Limit, 10), strconv.FormatInt(r.Left, 10)
	h.Set(own, limit)
	for _, prefix := range [...]string{"X-Ratelimit-", "X-Ratelimit-Api_key-"} {
		h.Set(prefix+"Limit-"+what, limit)
		h.Set(prefix+"Remaining-"+what, left)
	}
	if r.Resets > 0 {
		h.Set("X-Ratelimit-Reset-"+what, strconv.Itoa(int(math.Ceil(r.Resets.Seconds()))))
	}
}
