package e2e

import (
	"net/http"
	"strconv"
	"strings"
)

// comparedHeaders are the headers of a response that are compared: the type of its body, and all of LiteLLM's. Of values that are of one
// call only it says that there are some.
func comparedHeaders(h http.Header) map[string]string {
	all := map[string]string{}
	for name, values := range h {
		name = strings.ToLower(name)
		switch {
		case name == "content-type":
			all[name] = strings.Join(values, ", ")
		case !strings.HasPrefix(name, "x-litellm-"):
		case ofOneCall(name):
			all[name] = "a value"
		case strings.HasPrefix(name, "x-litellm-response-cost"):
			all[name] = rounded(values[0])
		default:
			all[name] = strings.Join(values, ", ")
		}
	}
	return all
}

// rounded is a number to nine digits: LiteLLM's costs are not exact beyond.
func rounded(text string) string {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return text
	}
	return strconv.FormatFloat(f, 'g', 9, 64)
}

// ofOneCall reports whether the value of a header is another one in each call: an id, a time, or what depends on these.
func ofOneCall(name string) bool {
	switch name {
	case "x-litellm-call-id", "x-litellm-model-id", "x-litellm-response-duration-ms", "x-litellm-overhead-duration-ms", "x-litellm-callback-duration-ms",
		"x-litellm-timing-pre-processing-ms", "x-litellm-timing-llm-api-ms", "x-litellm-timing-post-processing-ms", "x-litellm-timing-message-copy-ms", "x-litellm-key-spend":
		return true
	default:
		return false
	}
}

// headerCauses are those of different headers.
func headerCauses() []cause {
	const cost, part = `x-litellm-response-cost`, `(-[a-z-]+)?` // which may be the whole
	return []cause{
		{where: "header", path: `content-type`, better: equal, why: "A stream of events is UTF-8 anyway."},
		{where: "header", path: `x-litellm-version`, better: equal, why: "Outcrop is no version of LiteLLM."},
		{where: "header", path: `x-litellm-key-spend`, better: equal, why: "Outcrop says it of keys with a budget; here the master key made the calls."},
		{where: "header", path: `x-litellm-model-(name|api-base)`, better: equal, why: "`x-litellm-model-id` and `x-litellm-model-group` say which entry of the configuration has served the call, and `x-outcrop-*` which target."},
		{where: "header", path: `x-litellm-callback-duration-ms`, better: equal, why: "No response waits for Outcrop's callbacks."},
		{where: "header", path: cost + `-(discount-amount|margin-amount|margin-percent|tool-usage)`, better: equal, values: `^0\.?0* \| $`, why: "A part of 0 is left out."},
		{where: "header", path: cost + `-(original|input|output)`, better: equal, values: `^0\.?0* \| $`, why: "A part of 0 is left out. Of streams LiteLLM says 0 whatever they cost: headers are sent before that is known."},
		{where: "header", path: cost + part, row: `for an hour, claude-old$`, better: ours, why: "What is cached for an hour costs more than what is cached for five minutes; LiteLLM has no price of an hour for the model."},
		{where: "header", path: cost + part, row: `^citations of a search`, better: ours, why: "LiteLLM adds the price of a search in the web, which nobody has made."},
		{where: "header", path: cost + `-reasoning`, better: equal, values: `^[0-9].* \| $`, why: "Bedrock does not say how many tokens were reasoning. LiteLLM counts the words that it is given with a tokenizer of its own."},
		{where: "header", path: cost + part, row: `, command-r$`, better: ours, values: `^ \| `, why: "Outcrop knows the model's price."},
		{where: "header", path: cost + part, row: `(tier|fields beside).*, (claude|nova)$|cache.*, (nova|llama)$`, better: ours, values: ` \| $`, why: "There is no price for Claude on other tiers, for Nova on tiers that AWS does not sell, nor for writing to caches of Nova and Llama. LiteLLM counts it at another price; Outcrop says no cost."},
	}
}
