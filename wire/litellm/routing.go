package litellm

import (
	"math"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// Bounds on what a client may ask of routing.
const (
	maxRetries   = 100
	maxTimeout   = 1_000_000 // seconds
	maxFallbacks = 100
	maxRegion    = 64 // bytes
)

// isRouting reports whether a member says how the call is routed
// (https://docs.litellm.ai/docs/proxy/reliability).
func isRouting(name string) bool {
	switch name {
	case "num_retries", "timeout", "request_timeout", "stream_timeout", "fallbacks", "context_window_fallback_dict", "disable_fallbacks", "priority", "allowed_model_region":
		return true
	default:
		return false
	}
}

// routing reads a member that says how the call is routed.
func (r *Reader) routing(m *jsonx.Member) error {
	to := &r.Call.Routing
	switch m.Name {
	case "num_retries":
		var n int64
		if jsonx.Unmarshal(m.Value, &n) != nil || n < 0 || n > maxRetries {
			return llm.Invalid(m.Name, "%s must be a whole number from 0 to %d", m.Name, maxRetries)
		}
		to.Retries = llm.Some(n)
	case "timeout", "request_timeout", "stream_timeout":
		var s float64
		if jsonx.Unmarshal(m.Value, &s) != nil || !validTimeout(s) {
			return llm.Invalid(m.Name, "%s must be a number of seconds above 0 and up to %d", m.Name, maxTimeout)
		}
		if m.Name == "stream_timeout" {
			to.StreamTimeout = seconds(s)
		} else {
			to.Timeout = seconds(s)
		}
	case "allowed_model_region":
		if jsonx.Unmarshal(m.Value, &to.Region) != nil || len(to.Region) > maxRegion {
			return llm.Invalid(m.Name, "%s must be the name of a region, such as eu or us", m.Name)
		}
	case "priority":
		n, ok := wholeNumber(m.Value)
		if !ok {
			return llm.Invalid(m.Name, "%s must be a whole number: calls with a lower one go first", m.Name)
		}
		to.Priority = llm.Some(n)
	case "disable_fallbacks":
		if jsonx.Unmarshal(m.Value, &to.NoFallbacks) != nil {
			return llm.Invalid(m.Name, "%s must be true or false", m.Name)
		}
	case "fallbacks":
		names, err := fallbacks(m)
		to.Fallbacks = names
		return err
	case "context_window_fallback_dict":
		var names map[string]string
		if jsonx.Unmarshal(m.Value, &names) != nil {
			return llm.Invalid(m.Name, "%s must be an object from model names to model names", m.Name)
		}
		if name := names[r.Call.Model]; name != "" {
			to.WindowFallbacks = []string{name}
		}
	}
	return nil
}

// fallbacks reads a list of names, or of objects with a model.
func fallbacks(m *jsonx.Member) ([]string, error) {
	var items []jsonx.Raw
	if jsonx.Unmarshal(m.Value, &items) != nil || len(items) > maxFallbacks {
		return nil, llm.Invalid(m.Name, "%s must be a list of at most %d model names", m.Name, maxFallbacks)
	}
	names := make([]string, 0, len(items))
	for i, item := range items {
		at := m.Name + "[" + strconv.Itoa(i) + "]"
		name := ""
		if kind := item.Kind(); kind == '"' {
			_ = jsonx.Unmarshal(item, &name) // it is a string
		} else if kind == '{' {
			members, err := jsonx.Members(item)
			if err != nil {
				return nil, DecodeError(err)
			}
			for j := range members {
				if members[j].Name != "model" {
					return nil, llm.Unsupported(at+"."+members[j].Name, "%s.%s is not supported: a fallback gets the request as it is, with another model", at, members[j].Name)
				}
				_ = jsonx.Unmarshal(members[j].Value, &name) // what is no string is no name
			}
		}
		if name == "" {
			return nil, llm.Invalid(at, "%s must be the name of a model, or an object with one: {\"model\": \"name\"}", at)
		}
		names = append(names, name)
	}
	return names, nil
}

// wholeNumber reads a whole number, or the text of one, as LiteLLM does (litellm/router_utils/request_priority.py).
func wholeNumber(v jsonx.Raw) (int64, bool) {
	text := string(v)
	if v.Kind() == '"' {
		text = jsonx.Word(v)
	}
	n, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(text), ".0"), 10, 64)
	return n, err == nil
}

func validTimeout(s float64) bool { return s > 0 && s <= maxTimeout }

func seconds(s float64) time.Duration { return time.Duration(math.Ceil(s * float64(time.Second))) }

// RoutingHeaders reads, by a function that returns a header's value, LiteLLM's headers of the same meaning
// (https://docs.litellm.ai/docs/proxy/request_headers); set is whether there are any. Its error is an *llm.Error that names the
// header.
func RoutingHeaders(header func(name string) string) (to llm.Routing, set bool, err error) {
	for _, name := range [...]string{"X-Litellm-Timeout", "X-Litellm-Stream-Timeout", "X-Litellm-Num-Retries", "X-Litellm-Priority"} {
		value := header(name)
		if value == "" {
			continue
		}
		set = true
		f, parsed := strconv.ParseFloat(value, 64)
		switch {
		case name == "X-Litellm-Priority":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return to, true, llm.Invalid("x-litellm-priority", "the header x-litellm-priority must be a whole number: calls with a lower one go first")
			}
			to.Priority = llm.Some(n)
		case name == "X-Litellm-Num-Retries":
			if parsed != nil || f != math.Trunc(f) || f < 0 || f > maxRetries {
				return to, true, llm.Invalid("x-litellm-num-retries", "the header x-litellm-num-retries must be a whole number from 0 to %d", maxRetries)
			}
			to.Retries = llm.Some(int64(f))
		case parsed != nil || !validTimeout(f):
			return to, true, llm.Invalid(strings.ToLower(name), "the header %s must be a number of seconds above 0 and up to %d", strings.ToLower(name), maxTimeout)
		case name == "X-Litellm-Timeout":
			to.Timeout = seconds(f)
		default:
			to.StreamTimeout = seconds(f)
		}
	}
	return to, set, nil
}
