package door

import (
	"math"
	"net/http"
	"strconv"

	"outcrop/gateway"
	"outcrop/tenant"
)

// limits sets LiteLLM's headers for the limits of the key that makes a call (1.110.2, as observed).
func (v *list) limits(h http.Header, call *gateway.Call) {
	h["X-Litellm-Call-Id"] = h["X-Request-Id"]
	t := call.Caller().Tenant()
	if t == nil {
		return
	}
	s, some := t.Standing()
	if !some {
		return
	}
	// The values are written one after the other into a text, and take memory once.
	var room [192]byte
	var of values
	text := room[:0]
	if s.MaxBudget.Set {
		text = s.MaxBudget.Value.Append(text)
		of.end(text)
		text = s.Spend.Value.Append(text)
		of.end(text)
	}
	text = of.rate(of.rate(text, &s.Requests), &s.Tokens)
	of.text = string(text)
	if s.MaxBudget.Set {
		h["X-Litellm-Key-Max-Budget"] = v.one(of.next())
		h["X-Litellm-Key-Spend"] = v.one(of.next())
	}
	requestHeaders.set(h, v, &of, &s.Requests)
	tokenHeaders.set(h, v, &of, &s.Tokens)
}

// values are those of headers, in the order in which they were written.
type values struct {
	ends [8]int
	n    int    // of ends
	text string // of all
	from int    // where the next begins
	at   int    // and its number
}

// end is the end of a value.
func (v *values) end(text []byte) {
	v.ends[v.n] = len(text)
	v.n++
}

// rate writes the values of a limit.
func (v *values) rate(text []byte, r *tenant.Rate) []byte {
	if !r.Set {
		return text
	}
	text = strconv.AppendInt(text, r.Limit, 10)
	v.end(text)
	text = strconv.AppendInt(text, r.Left, 10)
	v.end(text)
	if r.Resets > 0 {
		text = strconv.AppendInt(text, int64(math.Ceil(r.Resets.Seconds())), 10)
		v.end(text)
	}
	return text
}

// next is the next value.
func (v *values) next() string {
	from := v.from
	v.from = v.ends[v.at]
	v.at++
	return v.text[from:v.from]
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
func (n *rateHeaders) set(h http.Header, v *list, of *values, r *tenant.Rate) {
	if !r.Set {
		return
	}
	limit, left := v.one(of.next()), v.one(of.next())
	h[n.own], h[n.limit], h[n.keyLimit] = limit, limit, limit
	h[n.left], h[n.keyLeft] = left, left
	if r.Resets > 0 {
		h[n.resets] = v.one(of.next())
	}
}
