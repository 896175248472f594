package e2e

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// refusalHeaders are the headers of an error that are compared: all but those of the connection, and Outcrop's own, of which LiteLLM
// has no equals. Of values that are of one call only it says that there are some.
func refusalHeaders(h http.Header) map[string]string {
	all := comparedHeaders(h)
	for name, values := range h {
		name = strings.ToLower(name)
		switch {
		case name == "date", name == "server", name == "content-length", name == "connection", name == "x-request-id", strings.HasPrefix(name, "x-outcrop-"):
		case name == "llm_provider-date":
			all[name] = "a value"
		case all[name] == "":
			all[name] = strings.Join(values, ", ")
		}
	}
	return all
}

// refusalCauses are those of different headers of errors.
func refusalCauses() []cause {
	const where = "error's header"
	return []cause{
		{where: where, path: `content-type`, better: ours, values: `^text/plain.* \| application/json$`, why: "An error is JSON, as SDKs read it, whatever has gone wrong."},
		{where: where, path: `x-litellm-attempted-(retries|fallbacks)|x-litellm-model-group`, better: ours, values: `^ \| .`, why: "An error says after how many retries and fallbacks it came, as a response does."},
		{where: where, path: `x-litellm-timeout`, better: equal, why: "The time limit of the call in seconds, as the configuration has it; nothing depends on the header."},
		{where: where, path: `x-litellm-response-cost`, better: equal, values: `^0\.?0* \| $`, why: "A cost of 0 is left out. What a failed call has cost nevertheless is said."},
		{where: where, path: `x-litellm-key-spend`, better: equal, values: `^a value \| $`, why: "Outcrop says it of keys with a budget; here the master key made the calls."},
		{where: where, path: `x-litellm-model-name`, better: equal, values: ` \| $`, why: "`x-litellm-model-id` and `x-litellm-model-group` say which entry of the configuration has failed, and `x-outcrop-target` which target."},
		{where: where, path: `x-frame-options|content-security-policy|x-content-type-options`, better: equal, values: ` \| $`, why: "They are about pages in browsers. An error is JSON by its `content-type`, which no browser shows as a page or runs."},
		{where: where, path: `vary`, better: equal, values: `^Origin \| $`, why: "It is for caches of browsers, which keep no response to a POST."},
		{where: where, path: `x-litellm-(call|model)-id`, row: `^a request brings`, better: ours, values: `^ \| a value$`, why: "Every error says which call it was, and one of a deployment which."},
		{where: where, path: `x-litellm-model-id`, better: equal, values: `^a value \| $`, why: "The request was refused before any entry of the configuration was asked. LiteLLM names one that it has not called either."},
		{where: where, path: `llm_provider-.*`, better: equal, values: ` \| $`, why: "Headers of the provider's connection with the gateway."},
	}
}

// routedRefusalCauses are refusalCauses and those of errors of providers.
func routedRefusalCauses() []cause {
	const where = "error's header"
	return append([]cause{
		{where: where, path: `retry-after`, better: ours, values: `^ \| .`, why: "SDKs wait as long as the provider's `Retry-After` says. LiteLLM sends it under another name, which they do not know."},
	}, refusalCauses()...)
}

// explanations are causes with the differences that they explain.
type explanations struct {
	found    []explained
	patterns [][4]*regexp.Regexp
}

func explaining(causes []cause) *explanations {
	all := &explanations{make([]explained, len(causes)), make([][4]*regexp.Regexp, len(causes))}
	for i, e := range causes {
		all.found[i].cause = e
		all.patterns[i] = [4]*regexp.Regexp{regexp.MustCompile("^(" + e.where + ")$"), regexp.MustCompile("^(" + e.path + ")$"), regexp.MustCompile(e.row), regexp.MustCompile(e.values)}
	}
	return all
}

// take explains a difference of a request in a row; nothing is an error of the test, and nil.
func (e *explanations) take(t *testing.T, request, row string, d *difference) *explained {
	t.Helper()
	i := slices.IndexFunc(e.patterns, func(of [4]*regexp.Regexp) bool {
		return of[0].MatchString(d.where) && of[1].MatchString(d.path) && of[2].MatchString(row) && of[3].MatchString(d.litellm+" | "+d.outcrop)
	})
	if i < 0 {
		t.Errorf("%s: nothing explains %s %s: LiteLLM %s, Outcrop %s", request, d.where, d.path, d.litellm, d.outcrop)
		return nil
	}
	e.found[i].add(request, row, d)
	return &e.found[i]
}

// all is what was explained. A cause of no difference is an error of the test.
func (e *explanations) all(t *testing.T) []explained {
	t.Helper()
	for i := range e.found {
		if f := &e.found[i]; f.requests == 0 {
			t.Errorf("there is no difference any more: %s %s %s: %s", f.where, f.path, f.row, f.why)
		}
	}
	return e.found
}
