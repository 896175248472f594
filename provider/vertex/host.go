package vertex

import (
	"context"
	"net/http"
	"net/url"
	"sync/atomic"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/provider/claude"
	"outcrop/provider/genai"
	"outcrop/upstream"
)

// host is Vertex AI for one model.
type host struct {
	d     *deployment
	model string
	used  atomic.Pointer[login]
}

// login is what a call was made with.
type login struct{ token, project string }

// Authorize adds the key, or a token.
func (h *host) Authorize(ctx context.Context, header http.Header) ([]string, error) {
	if h.d.key != nil {
		key := h.d.key()
		header["X-Goog-Api-Key"] = []string{key}
		return []string{key}, nil
	}
	token, project, err := h.d.authorize(ctx)
	if err != nil {
		return nil, err
	}
	h.used.Store(&login{token, project})
	header["Authorization"] = []string{"Bearer " + token}
	return []string{token}, nil
}

// Refused drops the token, and reports that another is on its way.
func (h *host) Refused() bool {
	used := h.used.Load()
	return used != nil && h.d.tokens.refused(used.token)
}

// path is the address of something of a publisher's in the project and location; outside of them for
// a key without a project.
func (h *host) path(publisher, rest string) *url.URL {
	if h.d.key != nil && h.d.project == "" {
		return h.d.base.JoinPath("publishers", publisher, "models", rest)
	}
	project := h.d.project
	if used := h.used.Load(); project == "" && used != nil {
		project = used.project
	}
	return h.d.base.JoinPath("projects", project, "locations", h.d.location, "publishers", publisher, "models", rest)
}

// Address is where an operation goes.
func (h *host) Address(operation string) *url.URL {
	u := h.path("google", h.model+":"+operation)
	if operation == genai.Stream {
		u.RawQuery = "alt=sse"
	}
	return u
}

// claudeHost is Vertex AI for a Claude
// (https://platform.claude.com/docs/en/build-with-claude/claude-on-vertex-ai).
type claudeHost struct{ *host }

// Address is where an operation goes.
func (h *claudeHost) Address(op claude.Operation) *url.URL {
	switch op {
	case claude.Stream:
		return h.path("anthropic", h.model+":streamRawPredict")
	case claude.Count:
		return h.path("anthropic", "count-tokens:rawPredict")
	default:
		return h.path("anthropic", h.model+":rawPredict")
	}
}

// Edits puts the version into the body. The path has the model, except for counting.
func (h *claudeHost) Edits(op claude.Operation) []jsonx.Edit {
	version := jsonx.Edit{Name: "anthropic_version", Value: jsonx.Raw(`"vertex-2023-10-16"`), Add: true}
	if op == claude.Count {
		return []jsonx.Edit{version}
	}
	return []jsonx.Edit{version, {Name: "model"}}
}

// Refusal reads an error of Google's own.
func (h *claudeHost) Refusal(resp *upstream.Response, body []byte, to llm.Destination) *llm.Error {
	return genai.Refusal(genai.Options{Host: h.host, Service: service, Model: h.model, Vertex: true}, resp, body, to)
}
