package export

import (
	"cmp"
	"strconv"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/telemetry"
)

// Redacted stands for content that is not logged, as in LiteLLM (litellm/constants.py, REDACTED_BY_LITELLM, 1.110.2).
const Redacted = "redacted-by-litellm"

// Form is how records are written.
type Form struct {
	// HideKeys leaves out who calls: litellm_settings.redact_user_api_key_info.
	HideKeys bool
}

// Append appends a record in the form of LiteLLM's StandardLoggingPayload (litellm/types/utils.py, 1.110.2). Members whose
// value is not known here are null, like those that LiteLLM does not know of a call.
func (f Form) Append(dst []byte, r *Record) []byte {
	w := jsonx.Writer{Buf: dst}
	text := func(key, value string) {
		w.Key(key)
		w.StringOrNull(value)
	}
	null := func(keys ...string) {
		for _, key := range keys {
			w.Key(key)
			w.Null()
		}
	}
	prompt, output := r.Usage.Prompt(), r.Usage.Output
	trace := r.Trace()
	w.Object()
	w.Key("id")
	w.String(cmp.Or(r.Meta.UpstreamID, r.ID))
	w.Key("litellm_call_id")
	w.String(r.ID)
	w.Key("trace_id")
	w.String(trace.ID)
	w.Key("session_id")
	w.String(r.From.Session)
	w.Key("call_type")
	w.String(CallType(r.Door))
	if r.Cached {
		w.Key("cache_hit")
		w.Bool(true)
	} else {
		null("cache_hit")
	}
	w.Key("stream")
	w.Bool(r.Stream)
	status := "success"
	if r.Failed() {
		status = "failure"
	}
	w.Key("status")
	w.String(status)
	w.Key("status_fields")
	w.Object()
	w.Key("llm_api_status")
	w.String(status)
	w.Key("guardrail_status")
	w.String("not_run")
	w.EndObject()
	w.Key("custom_llm_provider")
	w.String(Provider(r))
	w.Key("saved_cache_cost")
	w.Float(0)
	w.Key("startTime")
	w.Float(seconds(r.Started))
	w.Key("endTime")
	w.Float(seconds(r.Started.Add(r.Duration)))
	w.Key("completionStartTime")
	w.Float(seconds(r.Started.Add(cmp.Or(r.FirstToken, r.Duration))))
	w.Key("response_time")
	w.Float(r.Duration.Seconds())
	w.Key("model")
	w.String(Model(r))
	w.Key("metadata")
	f.metadata(&w, r)
	null("cache_key")
	w.Key("cost_finalized")
	w.Bool(r.Usage.Cost.Set && !r.Estimated)
	w.Key("response_cost")
	w.Float(r.Usage.Cost.Value.USD())
	null("cost_breakdown")
	w.Key("total_tokens")
	w.Int(prompt + output)
	w.Key("prompt_tokens")
	w.Int(prompt)
	w.Key("completion_tokens")
	w.Int(output)
	w.Key("request_tags")
	w.Array()
	for _, tag := range r.Who.Tags {
		w.String(tag)
	}
	w.EndArray()
	text("end_user", r.Who.Customer)
	w.Key("api_base")
	w.String(r.Served.Base)
	w.Key("model_group")
	w.String(r.Group)
	w.Key("model_id")
	w.String(r.Served.ID)
	text("requester_ip_address", r.From.Address)
	text("user_agent", r.From.UserAgent)
	w.Key("messages")
	appendMessages(&w, r.Content)
	w.Key("response")
	appendResponse(&w, r)
	w.Key("model_parameters")
	appendParameters(&w, r.Content)
	w.Key("hidden_params")
	w.Object()
	text("model_id", r.Served.ID)
	null("cache_key")
	text("api_base", r.Served.Base)
	w.Key("response_cost")
	if r.Usage.Cost.Set {
		w.Float(r.Usage.Cost.Value.USD())
	} else {
		w.Null()
	}
	w.Key("litellm_overhead_time_ms")
	w.Float(float64(Overhead(r).Microseconds()) / 1000)
	w.Key("additional_headers")
	w.Object()
	w.EndObject()
	null("batch_models")
	w.Key("litellm_model_name")
	w.String(cmp.Or(r.Served.Model, Model(r)))
	null("usage_object")
	w.EndObject()
	w.Key("model_map_information")
	w.Object()
	w.Key("model_map_key")
	w.String(Model(r))
	null("model_map_value")
	w.EndObject()
	appendFailure(&w, r)
	null("response_cost_failure_debug_info", "guardrail_information", "standard_built_in_tools_params")
	w.EndObject()
	return w.Buf
}

// metadata writes who calls.
func (f Form) metadata(w *jsonx.Writer, r *Record) {
	who := &r.Who
	w.Object()
	for _, m := range [...]struct{ key, value string }{
		{"user_api_key_hash", who.KeyHash},
		{"user_api_key_alias", who.KeyAlias},
		{"user_api_key_team_id", who.TeamID},
		{"user_api_key_team_alias", who.TeamAlias},
		{"user_api_key_org_id", who.OrganizationID},
		{"user_api_key_org_alias", who.OrganizationAlias},
		{"user_api_key_user_id", who.UserID},
		{"user_api_key_user_email", who.UserEmail},
		{"user_api_key_end_user_id", who.Customer},
		{"user_api_key_request_route", r.From.Route},
		{"requester_ip_address", r.From.Address},
		{"user_agent", r.From.UserAgent},
		{"team_id", who.TeamID},
		{"team_alias", who.TeamAlias},
	} {
		if f.HideKeys && (strings.HasPrefix(m.key, "user_api_key") || strings.HasPrefix(m.key, "team")) {
			continue
		}
		w.Key(m.key)
		w.StringOrNull(m.value)
	}
	for _, key := range [...]string{"spend_logs_metadata", "requester_metadata", "prompt_management_metadata", "mcp_tool_call_metadata", "vector_store_request_metadata"} {
		w.Key(key)
		w.Null()
	}
	if r.MirrorOf != "" {
		w.Key("is_silent_experiment")
		w.Bool(true)
	}
	w.Key("applied_guardrails")
	w.Array()
	w.EndArray()
	w.Key("usage_object")
	appendUsage(w, &r.Usage)
	w.EndObject()
}

// appendUsage writes usage in OpenAI's form.
func appendUsage(w *jsonx.Writer, u *llm.Usage) {
	w.Object()
	w.Key("completion_tokens")
	w.Int(u.Output)
	w.Key("prompt_tokens")
	w.Int(u.Prompt())
	w.Key("total_tokens")
	w.Int(u.Prompt() + u.Output)
	w.Key("completion_tokens_details")
	if n := u.Reasoning; n.Set {
		w.Object()
		w.Key("reasoning_tokens")
		w.Int(n.Value)
		w.EndObject()
	} else {
		w.Null()
	}
	w.Key("prompt_tokens_details")
	if u.CacheRead.Set || u.CacheWrite.Set {
		w.Object()
		w.Key("cached_tokens")
		w.Int(u.CacheRead.Value)
		w.Key("cache_creation_tokens")
		w.Int(u.CacheWrite.Value)
		w.EndObject()
	} else {
		w.Null()
	}
	w.EndObject()
}

// appendFailure writes why the call has failed. What a provider repeats of the request in its message is left out.
func appendFailure(w *jsonx.Writer, r *Record) {
	e := r.Err
	message, code, class, id := "", "", "", ""
	if e != nil {
		message, code, class, id = telemetry.Words(e), strconv.Itoa(r.Status), Class(r), e.RequestID
	}
	w.Key("error_str")
	if e == nil {
		w.Null()
	} else {
		w.String(message)
	}
	w.Key("error_information")
	w.Object()
	for _, m := range [...]struct{ key, value string }{{"error_code", code}, {"error_class", class}, {"error_message", message}, {"traceback", ""}} {
		w.Key(m.key)
		w.String(m.value)
	}
	w.Key("llm_provider")
	if e != nil && r.Sent > 0 {
		w.String(Provider(r))
	} else {
		w.String("")
	}
	w.Key("error_provider_request_id")
	w.StringOrNull(id)
	w.EndObject()
}

func seconds(t time.Time) float64 { return float64(t.UnixMicro()) / 1e6 }

// Overhead is what the gateway has added to the time of the provider.
func Overhead(r *Record) time.Duration {
	if r.Upstream == 0 {
		return r.Duration
	}
	return max(0, r.Duration-r.Upstream)
}

// Provider is LiteLLM's name of the provider of a call; empty for a call that reached none.
func Provider(r *Record) string {
	name := r.Meta.Destination.Provider
	if name == "" && r.Err != nil {
		name = r.Err.Destination.Provider
	}
	if name == "" {
		if prefix, _, ok := strings.Cut(r.Served.Model, "/"); ok {
			return prefix
		}
		if r.Sent > 0 || r.Meta.Destination != (llm.Destination{}) {
			return "bedrock"
		}
	}
	return name
}

// Model is the model as the provider knows it, or as the client has named it if none was called.
func Model(r *Record) string {
	id := r.Meta.Destination.ID
	if id == "" && r.Err != nil {
		id = r.Err.Destination.ID
	}
	return cmp.Or(id, r.Model)
}

// CallType is LiteLLM's name of what a frontend's calls do (litellm/types/utils.py, CallTypes, 1.110.2).
func CallType(door string) string {
	switch door {
	case "openai_chat":
		return "acompletion"
	case "openai_completions":
		return "atext_completion"
	case "openai_embeddings":
		return "aembedding"
	case "openai_responses":
		return "aresponses"
	case "anthropic_messages", "anthropic":
		return "anthropic_messages"
	case "gemini":
		return "agenerate_content"
	case "rerank":
		return "arerank"
	case "openai_images":
		return "aimage_generation"
	case "pass_through":
		return "pass_through_endpoint"
	default:
		return door
	}
}

// Class is LiteLLM's name of the exception that a failure is there: that of OpenAI's SDK for its status, with the provider
// in front if it was the provider's.
func Class(r *Record) string {
	e := r.Err
	if e == nil {
		return ""
	}
	if e.UpstreamStatus == 0 && r.Sent == 0 {
		switch {
		case r.Status == 404 || r.Status == 400 && r.Group == "":
			return "ProxyModelNotFoundError"
		case strings.HasPrefix(string(e.Code), "limit") && r.Status != 429, r.Status == 422:
			return "BudgetExceededError"
		default:
			return "ProxyException"
		}
	}
	class := "APIError"
	switch status := r.Status; {
	case status == 400 || status == 422:
		class = "BadRequestError"
	case status == 401:
		class = "AuthenticationError"
	case status == 403:
		class = "PermissionDeniedError"
	case status == 404:
		class = "NotFoundError"
	case status == 408 || status == 504:
		class = "Timeout"
	case status == 429:
		class = "RateLimitError"
	case status == 502:
		class = "BadGatewayError"
	case status == 503:
		class = "ServiceUnavailableError"
	case status >= 500:
		class = "InternalServerError"
	}
	if p := Provider(r); p != "" {
		return strings.ToUpper(p[:1]) + p[1:] + "." + class
	}
	return class
}
