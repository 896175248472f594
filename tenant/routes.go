package tenant

import (
	"slices"
	"strings"

	"outcrop/llm"
)

// Route checks that the key may call a path of the gateway that is no management endpoint. The error is an
// *llm.Error.
func (c *Caller) Route(path string) error {
	if c.Role != RoleAdmin && Listed(c.d.settings().AdminRoutes, path) {
		return AdminRoute(path)
	}
	if err := c.permission.route(path); err != nil {
		return err
	}
	if len(c.routes) == 0 || slices.ContainsFunc(c.routes, func(entry string) bool { return routed(entry, path) }) {
		return nil
	}
	if c.token != "" {
		return deniedToken(path, c.scoped)
	}
	return deniedRoute(path)
}

// Listed reports whether a list of the configuration has a path: by itself, by a beginning with an asterisk at the end, or
// by one of LiteLLM's groups of routes, which may have "LiteLLMRoutes." in front.
func Listed(list []string, path string) bool {
	return slices.ContainsFunc(list, func(entry string) bool {
		if group, ok := strings.CutPrefix(entry, "LiteLLMRoutes."); ok || !strings.HasPrefix(entry, "/") {
			return inGroup(group, path)
		}
		prefix, wild := strings.CutSuffix(entry, "*")
		return path == entry || wild && strings.HasPrefix(path, prefix)
	})
}

// AdminRoute is the refusal of a path that only admins may call: general_settings.admin_only_routes.
func AdminRoute(path string) *llm.Error {
	return &llm.Error{
		Code: llm.CodeRouteDenied, Status: 403, Class: classAuth, Message: "user not allowed to access this route. Route=" + path + " is an admin only route.",
		Fix: "Use the master key, or the key of a user with the role " + string(RoleAdmin) + "; the gateway's operator has the list in general_settings.admin_only_routes.",
	}
}

// Named reports whether the key's allowed routes name a path itself, or a beginning of it, and not only a group that it is in.
func (c *Caller) Named(path string) bool {
	return slices.ContainsFunc(c.routes, func(entry string) bool { return strings.HasPrefix(entry, "/") && routed(entry, path) })
}

// Manages reports whether a token may call an endpoint of the management API, of which allows knows the groups that
// allowed routes may name. Keys are judged by their documents.
func (c *Caller) Manages(allows func(entry string) bool) bool {
	if c.permission != nil && c.permission.Routes != nil && !slices.ContainsFunc(c.permission.Routes, allows) {
		return false
	}
	return c.token == "" || !c.scoped || slices.ContainsFunc(c.routes, allows)
}

// routesOf are what a key may call: allowed_routes, or else what its key_type stands for; empty for everything.
func routesOf(doc *document) []string {
	if len(doc.AllowedRoutes) > 0 {
		return doc.AllowedRoutes
	}
	switch doc.KeyType {
	case "llm_api":
		return []string{"llm_api_routes"}
	case "management":
		return []string{"management_routes"}
	case "read_only":
		return []string{"info_routes"}
	default:
		return nil
	}
}

// routed reports whether an entry of allowed_routes is for a path: a group, or a path, in which {name} is any
// segment and an asterisk at the end any rest, or what is below it.
func routed(entry, path string) bool {
	if !strings.HasPrefix(entry, "/") {
		return inGroup(entry, path)
	}
	if prefix, wild := strings.CutSuffix(entry, "*"); wild {
		return strings.HasPrefix(path, prefix)
	}
	if entry == "/" {
		return path == "/"
	}
	return below(strings.TrimSuffix(entry, "/"), path)
}

// below reports whether a path is a pattern's, or below it.
func below(pattern, path string) bool {
	for {
		part, more, last := cut(pattern)
		segment, rest, end := cut(path)
		variable := strings.HasPrefix(part, "{") && strings.HasSuffix(part, "}")
		switch {
		case part != segment && (!variable || segment == ""):
			return false
		case last:
			return true
		case end:
			return false
		}
		pattern, path = more, rest
	}
}

// cut cuts the first segment off a path.
func cut(path string) (segment, rest string, last bool) {
	segment, rest, more := strings.Cut(path, "/")
	return segment, rest, !more
}

// inGroup reports whether a path is in one of LiteLLM's groups of routes (litellm/proxy/_types.py, LiteLLMRoutes,
// 1.110.2). The groups of management endpoints have none of these paths.
func inGroup(group, path string) bool {
	switch group {
	case "openai_routes":
		return openaiRoute(path)
	case "anthropic_routes":
		return below("/v1/messages", path) || below("/v1/skills", path)
	case "google_routes":
		return googleRoute(path)
	case "mapped_pass_through_routes":
		return providersOwn(path)
	case "model_info_routes":
		return modelInfo(path)
	case "llm_api_routes":
		return openaiRoute(path) || inGroup("anthropic_routes", path) || googleRoute(path) || providersOwn(path) || modelInfo(path)
	case "info_routes":
		return modelInfo(path) || path == "/v2/model/info" || path == "/models" || path == "/v1/models" || path == "/health" || path == "/health/services"
	default:
		return false
	}
}

func modelInfo(path string) bool {
	return path == "/model/info" || path == "/v1/model/info" || path == "/model_group/info"
}

// openaiRoute reports whether a path is one of OpenAI's API, or of those that LiteLLM counts among them.
func openaiRoute(path string) bool {
	if _, rest, ok := strings.Cut(path, "/openai/deployments/"); ok && rest != "" {
		return true
	}
	if below("/engines/{model}", path) || path == "/v2/rerank" || path == "/utils/token_counter" {
		return true
	}
	path, _ = strings.CutPrefix(path, "/openai/v1")
	path, _ = strings.CutPrefix(path, "/v1")
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch first {
	case "chat", "completions", "embeddings", "images", "videos", "audio", "moderations", "batches", "files", "fine_tuning",
		"assistants", "threads", "rerank", "realtime", "responses", "conversations", "vector_stores", "containers", "ocr", "search":
		return true
	case "models":
		return !strings.Contains(path, ":")
	default:
		return false
	}
}

// googleRoute reports whether a path is one of Gemini's API.
func googleRoute(path string) bool {
	return below("/v1beta", path) || strings.HasPrefix(path, "/models/") && strings.Contains(path, ":") || below("/interactions", path)
}

// providersOwn reports whether a path is one of a provider's own API, of which AWS's needs no name in front.
func providersOwn(path string) bool {
	if below("/model/{id}", path) && path != "/model/info" {
		return true
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	switch first {
	case "bedrock", "vertex-ai", "vertex_ai", "cohere", "gemini", "anthropic", "azure", "azure_ai", "openai",
		"openai_passthrough", "assemblyai", "vllm", "mistral", "openrouter", "watsonx", "nvidia_nim", "deepgram", "fal_ai":
		return true
	default:
		return false
	}
}
