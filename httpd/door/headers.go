package door

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"
	"time"

	"outcrop/gateway"
	"outcrop/llm"
)

// Head sets the headers that describe a response's route, and returns how many of the call's
// warnings fit into them.
func Head(h http.Header, call *gateway.Call) (written int) {
	m := call.Meta()
	v := list(make([]string, 0, usualValues))
	v.limits(h, call)
	v.upstreamID(h, m.UpstreamID, &m.Destination)
	v.route(h, &m.Destination)
	v.attempts(h, call)
	if names := call.Guarded(); len(names) > 0 { // as in LiteLLM 1.110.2
		h["X-Litellm-Applied-Guardrails"] = []string{strings.Join(names, ",")}
	}
	if names := call.Policies(); len(names) > 0 { // as in LiteLLM 1.110.2
		h["X-Litellm-Applied-Policies"] = []string{strings.Join(names, ",")}
	}
	if cost := call.Cost(); cost.Set {
		text := v.one(cost.Value.String())
		h["X-Outcrop-Cost"], h["X-Litellm-Response-Cost"] = text, text
		v.parts(h, call, text)
		adjusted(h, call)
	}
	v.spent(h, call)
	if len(call.Warnings()) > 0 {
		var text string
		text, written = warningHeader(call.Warnings())
		h["X-Outcrop-Warnings"] = []string{text}
	}
	return written
}

// list has the values of headers, which take memory once. Most have one value each.
type list []string

// usualValues is how many values a response usually has that describe its route, and the limits of its key.
const usualValues = 20

// one is a value as net/http has values of headers.
func (v *list) one(value string) []string {
	*v = append(*v, value)
	n := len(*v)
	return (*v)[n-1 : n : n]
}

// attempts sets LiteLLM's headers for which deployment has served a call, and after how much (1.110.2, as observed).
func (v *list) attempts(h http.Header, call *gateway.Call) {
	if m := call.Meta(); m.Deployment != "" {
		v.attempted(h, m.Deployment, call.Group(), m.Retries, m.Fallbacks)
	}
}

func (v *list) attempted(h http.Header, deployment, group string, retries, fallbacks int) {
	h["X-Litellm-Model-Id"], h["X-Litellm-Model-Group"] = v.one(deployment), v.one(group)
	h["X-Litellm-Attempted-Retries"], h["X-Litellm-Attempted-Fallbacks"] = v.one(strconv.Itoa(retries)), v.one(strconv.Itoa(fallbacks))
}

// spent sets LiteLLM's headers for how long a call has taken until its headers are sent, and without the provider (1.110.2, as observed).
func (v *list) spent(h http.Header, call *gateway.Call) {
	all, own := call.Spent()
	var b [40]byte
	first := appendMilliseconds(b[:0], all)
	h["X-Litellm-Response-Duration-Ms"], h["X-Litellm-Overhead-Duration-Ms"] = v.pair(appendMilliseconds(first, own), len(first))
}

// appendMilliseconds appends a duration, to the microsecond, in milliseconds.
func appendMilliseconds(b []byte, d time.Duration) []byte {
	n := max(0, d.Microseconds())
	b = strconv.AppendInt(b, n/1000, 10)
	for rest, digit := n%1000, int64(100); rest > 0; rest, digit = rest%digit, digit/10 {
		if digit == 100 {
			b = append(b, '.')
		}
		b = append(b, '0'+byte(rest/digit))
	}
	return b
}

// pair is two values of headers, of which the second begins at an index of the text.
func (v *list) pair(text []byte, at int) (first, second []string) {
	s := string(text)
	return v.one(s[:at]), v.one(s[at:])
}

// parts sets LiteLLM's headers for what the kinds of a call's tokens have cost; those that LiteLLM leaves out when they are 0 are left out.
// whole is the cost of the call as the value of a header.
func (v *list) parts(h http.Header, call *gateway.Call, whole []string) {
	cost, p, ok := call.Charged()
	if !ok {
		return
	}
	if cost != call.Cost().Value {
		whole = v.one(cost.String())
	}
	var b [48]byte
	first := p.Input.Append(b[:0])
	h["X-Litellm-Response-Cost-Original"] = whole
	h["X-Litellm-Response-Cost-Input"], h["X-Litellm-Response-Cost-Output"] = v.pair(p.Output.Append(first), len(first))
	for _, part := range [...]struct {
		name string
		cost llm.Cost
	}{{"X-Litellm-Response-Cost-Cache-Read", p.CacheRead}, {"X-Litellm-Response-Cost-Cache-Creation", p.CacheWrite}, {"X-Litellm-Response-Cost-Reasoning", p.Reasoning}} {
		if part.cost > 0 {
			h[part.name] = v.one(part.cost.String())
		}
	}
}

// adjusted sets LiteLLM's headers for what an adjusted cost is made of; those of zeros are left out, as in LiteLLM.
func adjusted(h http.Header, call *gateway.Call) {
	a, ok := call.Adjusted()
	if !ok {
		return
	}
	h["X-Litellm-Response-Cost-Original"] = []string{a.Original.String()}
	if a.Discount != 0 {
		h["X-Litellm-Response-Cost-Discount-Amount"] = []string{a.Discount.String()}
	}
	if a.Margin != 0 {
		h["X-Litellm-Response-Cost-Margin-Amount"] = []string{a.Margin.String()}
	}
	if a.MarginShare != 0 {
		h["X-Litellm-Response-Cost-Margin-Percent"] = []string{strconv.FormatFloat(a.MarginShare, 'g', -1, 64)}
	}
}

// upstreamID sets the header with the provider's id of a call: AWS's own name for it, which its SDKs
// read, or ours.
func (v *list) upstreamID(h http.Header, id string, t *llm.Destination) {
	switch {
	case id == "":
	case t.Provider == "":
		h["X-Amzn-Requestid"] = v.one(id)
	default:
		h["X-Outcrop-Upstream-Id"] = v.one(id)
	}
}

// route sets the headers that describe where a call went and why.
func (v *list) route(h http.Header, t *llm.Destination) {
	if *t == (llm.Destination{}) {
		return
	}
	h["X-Outcrop-Target"] = v.one(t.String())
	if t.Reason != "" {
		h["X-Outcrop-Reason"] = v.one(t.Reason)
	}
}

// maxWarningHeader bounds the header of warnings, in bytes.
const maxWarningHeader = 2 << 10

// warningHeader writes warnings as code;field=..., with detail="..." if there are details,
// separated by commas outside the quotation marks, in ASCII, and returns how many fit. A final entry counts the others.
func warningHeader(warnings []llm.Warning) (text string, written int) {
	var b strings.Builder
	for i, w := range warnings {
		item := w.Code + ";field=" + ascii(w.Field)
		if detail := cmp.Or(w.Detail, reasonOf(w)); detail != "" {
			item += `;detail="` + quotable(detail) + `"`
		}
		if b.Len()+len(item)+2 > maxWarningHeader-len(", more;count=999999") {
			item = "more;count=" + strconv.Itoa(len(warnings)-i)
		} else {
			written++
		}
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(item)
		if written == i {
			break
		}
	}
	return b.String(), written
}

// reasonOf returns the reason for dropping a field if the warning itself has no details.
func reasonOf(w llm.Warning) string {
	switch {
	case w.Code != llm.WarnDropped:
		return ""
	case strings.HasPrefix(w.Field, "messages[") || strings.HasPrefix(w.Field, "messages.") || strings.HasPrefix(w.Field, "input[") || strings.HasPrefix(w.Field, "contents["):
		return "the model does not support this member"
	default:
		return "the model does not support this parameter"
	}
}

// ascii replaces characters that are not allowed in a header's list.
func ascii(s string) string {
	return strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || r == ',' || r == ';' {
			return '_'
		}
		return r
	}, s)
}

// quotable is a text as it stands in a header between quotation marks, where commas and semicolons separate nothing
// (RFC 9110, section 5.6.4). Quotation marks become single ones, because readers that look for the next mark do not
// know the escaped ones, and characters that are not ASCII become _.
func quotable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '"':
			return '\''
		case r < ' ' || r > '~' || r == '\\':
			return '_'
		default:
			return r
		}
	}, s)
}

// Fail records that a call has failed, and sets LiteLLM's headers of its response (1.110.2, as observed): which call it was, whose
// limits it had, which deployment failed after how much, and what it has cost nevertheless.
func Fail(w http.ResponseWriter, call *gateway.Call, err error) *llm.Error {
	e := call.Fail(err)
	h := w.Header()
	v := new(list)
	v.limits(h, call)
	if id := cmp.Or(e.Deployment, call.Meta().Deployment); id != "" {
		v.attempted(h, id, call.Group(), e.Retries, e.Fallbacks)
	}
	if cost := call.Cost(); cost.Set {
		h["X-Litellm-Response-Cost"] = []string{cost.Value.String()}
	}
	return e
}

// FailureHead sets the headers that describe where a failed call went, and when to send it again.
func FailureHead(h http.Header, e *llm.Error) {
	v := new(list)
	v.upstreamID(h, e.RequestID, &e.Destination)
	v.route(h, &e.Destination)
	if e.RetryAfter != "" {
		h["Retry-After"] = []string{e.RetryAfter}
	}
}
