package aws

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// serviceOperation is the operation of a path outside /model, given by its segments; empty if it is
// not served.
func serviceOperation(method string, path []string) string {
	switch {
	case method == http.MethodPost && len(path) == 5 && path[0] == "guardrail" && path[2] == "version" && path[4] == "apply":
		return "apply-guardrail"
	case method == http.MethodPost && len(path) == 1 && path[0] == "async-invoke":
		return "start-async-invoke"
	case method != http.MethodGet || len(path) > 2:
		return ""
	}
	one := len(path) == 2
	switch path[0] {
	case "async-invoke":
		if one {
			return "get-async-invoke"
		}
		return "list-async-invokes"
	case "foundation-models":
		if one {
			return "get-foundation-model"
		}
		return "list-foundation-models"
	case "inference-profiles":
		if one {
			return "get-inference-profile"
		}
		return "list-inference-profiles"
	default:
		return ""
	}
}

// service reads a request outside /model.
func (h *Handler) service(r *http.Request, path string, body []byte) (*llm.Raw, error) {
	segments := strings.Split(strings.TrimPrefix(path, "/"), "/")
	for i, s := range segments {
		plain, err := url.PathUnescape(s)
		if err != nil || len(plain) > maxModel || plain == "" {
			return nil, llm.Invalid("path", "%q is not a valid segment of a path.", llm.Clip(s, 200))
		}
		segments[i] = plain
	}
	name := serviceOperation(r.Method, segments)
	if name == "" || h.opt.Default == "" {
		return nil, unknownOperation(r)
	}
	raw := &llm.Raw{
		Call: llm.Call{Model: h.opt.Default, Headers: passed(r.Header)}, Dialect: llm.DialectBedrock, Operation: name, Service: true,
		Method: r.Method, Path: segments, Query: r.URL.RawQuery, Body: body,
	}
	if r.Method == http.MethodPost && !jsonx.Valid(body) {
		return nil, llm.Invalid("body", "The request body is not valid JSON in UTF-8.")
	}
	switch name {
	case "start-async-invoke": // it is about a model, which only the body names
		members, err := jsonx.Members(body)
		if err != nil || jsonx.Unmarshal(jsonx.Find(members, "modelId"), &raw.Model) != nil || raw.Model == "" {
			return nil, llm.Invalid("modelId", "modelId must be the id of a model.")
		}
		raw.Service = false
	case "get-foundation-model", "get-inference-profile":
		id := segments[1]
		switch {
		case h.gateway.Serves(id):
			raw.Model = id
		case !h.callable(id):
			return nil, &llm.Error{
				Code: llm.CodeModelNotFound, Status: 404, Message: "the gateway serves no model or inference profile " + quote(id) + ".",
				Fix: "GET /v1/models lists the configured names.",
			}
		}
	}
	return raw, nil
}

// callable reports whether a configured name leads to an id.
func (h *Handler) callable(id string) bool {
	return h.opt.Callable != nil && slices.Contains(h.opt.Callable(), id)
}

// listed leaves out of a list what no configured name leads to.
func (h *Handler) listed(raw *llm.Raw, resp *llm.RawResponse) {
	keep := func(id string) bool { return h.gateway.Serves(id) || h.callable(id) }
	switch raw.Operation {
	case "list-foundation-models":
		resp.Body = jsonx.Filter(resp.Body, "modelSummaries", "modelId", keep)
	case "list-inference-profiles":
		resp.Body = jsonx.Filter(resp.Body, "inferenceProfileSummaries", "inferenceProfileId", keep)
	}
}

func quote(s string) string { return `"` + llm.Clip(s, 200) + `"` }
