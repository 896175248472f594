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
	requestHeaders.set(h, &s.Requests)
	tokenHeaders.set(h, &s.Tokens)
}

// rateHeaders are the names of the headers for requests or tokens a minute, as net/http has them.
type rateHeaders struct{ own, limit, left, keyLimit, keyLeft, resets string }

var (
	requestHeaders = rateHeaders{
		own:   "X-Litellm-Key-Rpm-Limit",
		limit: "X-Ratelimit-Limit-Requests", left: "X-Ratelimit-Remaining-Requests", resets: "X-Ratelimit-Reset-Requests",
		keyLimit: "X-Ratelimit-Api_key-Limit-Requests", keyLeft: "X-Ratelimit-Api_key-Remaining-Requests",
	}
	tokenHeaders = rateHeaders{
		own:   "X-Litellm-Key-Tpm-Limit",
		limit: "X-Ratelimit-Limit-Tokens", left: "X-Ratelimit-Remaining-Tokens", resets: "X-Ratelimit-Reset-Tokens",
		keyLimit: "X-Ratelimit-Api_key-Limit-Tokens", keyLeft: "X-Ratelimit-Api_key-Remaining-Tokens",
	}
)

// set sets the headers of a limit, which share their values.
func (n *rateHeaders) set(h http.Header, r *tenant.Rate) {
	if !r.Set {
		return
	}
	values := []string{strconv.FormatInt(r.Limit, 10), strconv.FormatInt(r.Left, 10), ""}
	limit, left := values[:1:1], values[1:2:2]
	h[n.own], h[n.limit], h[n.keyLimit] = limit, limit, limit
	h[n.left], h[n.keyLeft] = left, left
	if r.Resets > 0 {
		values[2] = strconv.Itoa(int(math.Ceil(r.Resets.Seconds())))
		h[n.resets] = values[2:]
	}
}
