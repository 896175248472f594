package door

import (
	"cmp"
	"net/http"
	"strconv"
	"strings"

	"outcrop/gateway"
	"outcrop/llm"
)

// Head sets the headers that describe a response's route, and returns how many of the call's
// warnings fit into them.
func Head(h http.Header, call *gateway.Call) (written int) {
	m := call.Meta()
	limits(h, call)
	upstreamID(h, m.UpstreamID, &m.Destination)
	RouteHeaders(h, &m.Destination)
	if cost := call.Cost(); cost.Set {
		text := []string{cost.Value.String()}
		h["X-Outcrop-Cost"], h["X-Litellm-Response-Cost"] = text, text
	}
	if len(call.Warnings()) > 0 {
		var text string
		text, written = warningHeader(call.Warnings())
		h["X-Outcrop-Warnings"] = []string{text}
	}
	return written
}

// upstreamID sets the header with the provider's id of a call: AWS's own name for it, which its SDKs
// read, or ours.
func upstreamID(h http.Header, id string, t *llm.Destination) {
	switch {
	case id == "":
	case t.Provider == "":
		h["X-Amzn-Requestid"] = []string{id}
	default:
		h["X-Outcrop-Upstream-Id"] = []string{id}
	}
}

// RouteHeaders sets the headers that describe where a call went and why.
func RouteHeaders(h http.Header, t *llm.Destination) {
	if *t == (llm.Destination{}) {
		return
	}
	h["X-Outcrop-Target"] = []string{t.String()}
	if t.Reason != "" {
		h["X-Outcrop-Reason"] = []string{t.Reason}
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
	case w.Field == "timeout":
		return "the gateway's own timeouts apply"
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

// FailureHead sets the headers that describe where a failed call went, and when to send it again.
func FailureHead(h http.Header, e *llm.Error) {
	upstreamID(h, e.RequestID, &e.Destination)
	RouteHeaders(h, &e.Destination)
	if e.RetryAfter != "" {
		h["Retry-After"] = []string{e.RetryAfter}
	}
}
