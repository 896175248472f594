package otlp

import (
	"encoding/hex"
	"math"
	"strings"
	"time"

	"google.golang.org/protobuf/encoding/protowire"

	"outcrop/export"
	"outcrop/internal/jsonx"
	"outcrop/telemetry"
)

// Field numbers of OTLP's messages (opentelemetry/proto/trace/v1/trace.proto and common/v1/common.proto). Spans are written
// directly, because making and measuring the generated messages costs more than the rest of a call's export.
const (
	tracesResourceSpans = 1 // of TracesData

	resourceSpansResource = 1 // of ResourceSpans
	resourceSpansScope    = 2

	scopeSpansScope = 1 // of ScopeSpans
	scopeSpansSpans = 2

	scopeName    = 1 // of InstrumentationScope
	scopeVersion = 2

	spanTrace      = 1 // of Span
	spanID         = 2
	spanState      = 3
	spanParent     = 4
	spanName       = 5
	spanKind       = 6
	spanStart      = 7
	spanEnd        = 8
	spanAttributes = 9
	spanEvents     = 11
	spanStatus     = 15

	eventTime = 1 // of Span.Event
	eventName = 2

	statusMessage = 2 // of Status
	statusCode    = 3

	keyValueKey   = 1 // of KeyValue
	keyValueValue = 2

	anyString = 1 // of AnyValue
	anyBool   = 2
	anyInt    = 3
	anyDouble = 4
	anyArray  = 5

	arrayValues = 1 // of ArrayValue

	kindServer = 2 // of Span.SpanKind
	kindClient = 3
	codeError  = 2 // of Status.StatusCode
)

// span is a message Span that is being written.
type span struct{ b []byte }

// attribute writes the head of an attribute whose value has a length.
func (s *span) attribute(key string, value int) {
	n := protowire.SizeTag(keyValueKey) + protowire.SizeBytes(len(key)) + protowire.SizeTag(keyValueValue) + protowire.SizeBytes(value)
	s.b = protowire.AppendTag(s.b, spanAttributes, protowire.BytesType)
	s.b = protowire.AppendVarint(s.b, uint64(n))
	s.b = protowire.AppendString(protowire.AppendTag(s.b, keyValueKey, protowire.BytesType), key)
	s.b = protowire.AppendVarint(protowire.AppendTag(s.b, keyValueValue, protowire.BytesType), uint64(value))
}

// string writes a text as a field.
func (s *span) string(field protowire.Number, value string) {
	if value != "" {
		s.b = protowire.AppendString(protowire.AppendTag(s.b, field, protowire.BytesType), valid(value))
	}
}

func (s *span) bytes(field protowire.Number, value []byte) {
	if len(value) > 0 {
		s.b = protowire.AppendBytes(protowire.AppendTag(s.b, field, protowire.BytesType), value)
	}
}

func (s *span) fixed(field protowire.Number, value uint64) {
	s.b = protowire.AppendFixed64(protowire.AppendTag(s.b, field, protowire.Fixed64Type), value)
}

func (s *span) text(key, value string) {
	if value == "" {
		return
	}
	value = valid(value)
	s.attribute(key, protowire.SizeTag(anyString)+protowire.SizeBytes(len(value)))
	s.string(anyString, value)
}

func (s *span) int(key string, value int64) {
	s.attribute(key, protowire.SizeTag(anyInt)+protowire.SizeVarint(uint64(value)))
	s.b = protowire.AppendVarint(protowire.AppendTag(s.b, anyInt, protowire.VarintType), uint64(value))
}

func (s *span) float(key string, value float64) {
	s.attribute(key, protowire.SizeTag(anyDouble)+protowire.SizeFixed64())
	s.fixed(anyDouble, math.Float64bits(value))
}

func (s *span) bool(key string, value bool) {
	s.attribute(key, protowire.SizeTag(anyBool)+1)
	s.b = protowire.AppendVarint(protowire.AppendTag(s.b, anyBool, protowire.VarintType), protowire.EncodeBool(value))
}

func (s *span) list(key string, values ...string) {
	var array span
	for _, v := range values {
		if v != "" {
			var one span
			one.string(anyString, v)
			array.bytes(arrayValues, one.b)
		}
	}
	if len(array.b) > 0 {
		s.attribute(key, protowire.SizeTag(anyArray)+protowire.SizeBytes(len(array.b)))
		s.bytes(anyArray, array.b)
	}
}

// status writes that the span has failed.
func (s *span) status(r *export.Record) {
	if !r.Failed() {
		return
	}
	var st span
	st.string(statusMessage, telemetry.Words(r.Err))
	st.b = protowire.AppendVarint(protowire.AppendTag(st.b, statusCode, protowire.VarintType), codeError)
	s.bytes(spanStatus, st.b)
}

// head writes what every span has.
func (s *span) head(trace, id, parent []byte, state, name string, kind uint64, start, end time.Time) {
	s.bytes(spanTrace, trace)
	s.bytes(spanID, id)
	s.string(spanState, state)
	s.bytes(spanParent, parent)
	s.string(spanName, name)
	s.b = protowire.AppendVarint(protowire.AppendTag(s.b, spanKind, protowire.VarintType), kind)
	s.fixed(spanStart, nano(start))
	s.fixed(spanEnd, nano(end))
}

// valid is a text in UTF-8, as protocol buffers require it.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// Operation is what a call does, in the words of the GenAI conventions
// (https://opentelemetry.io/docs/specs/semconv/registry/attributes/gen-ai/, gen_ai.operation.name, 1.37).
func Operation(door string) string {
	switch door {
	case "openai_completions":
		return "text_completion"
	case "openai_embeddings", "embeddings":
		return "embeddings"
	case "gemini":
		return "generate_content"
	case "openai_images", "rerank", "openai_audio", "pass_through":
		return door
	default:
		return "chat"
	}
}

// System is the provider in the words of the GenAI conventions (gen_ai.provider.name).
func System(provider string) string {
	switch provider {
	case "bedrock":
		return "aws.bedrock"
	case "azure":
		return "azure.ai.openai"
	case "vertex_ai":
		return "gcp.vertex_ai"
	case "gemini":
		return "gcp.gemini"
	case "mistral":
		return "mistral_ai"
	case "xai":
		return "x_ai"
	default:
		return provider
	}
}

// spans writes those of a record behind to, as fields of ScopeSpans: the request to the gateway, and the call of the provider
// in it.
func (s *sender) spans(to []byte, r *export.Record) []byte {
	t := r.Trace()
	if !t.Sampled {
		return to
	}
	trace, id := decode(t.ID), decode(t.Span)
	state := stateOf(r, t)
	name := strings.TrimSpace(r.From.Method + " " + r.From.Route)
	if name == "" {
		name = r.Door
	}
	a := span{s.room[:0]}
	a.head(trace, id, decode(t.Parent), state, name, kindServer, r.Started, r.Started.Add(r.Duration))
	a.text("http.request.method", r.From.Method)
	a.text("http.route", r.From.Route)
	a.text("url.path", r.From.Route)
	a.int("http.response.status_code", int64(r.Status))
	a.text("client.address", r.From.Address)
	a.text("user_agent.original", r.From.UserAgent)
	a.text("litellm.call_id", r.ID)
	s.who(&a, r)
	if r.Failed() {
		a.text("error.type", string(r.Err.Code))
	}
	a.status(r)
	to = protowire.AppendBytes(protowire.AppendTag(to, scopeSpansSpans, protowire.BytesType), a.b)
	if r.Sent > 0 || r.Upstream > 0 {
		a.b = a.b[:0]
		start := r.Started.Add(r.Sent)
		a.head(trace, decode(t.Call), id, state, Operation(r.Door)+" "+r.Group, kindClient, start, start.Add(r.Upstream))
		s.generation(&a, r)
		if r.FirstToken > 0 {
			var ev span
			ev.fixed(eventTime, nano(r.Started.Add(r.FirstToken)))
			ev.string(eventName, "gen_ai.first_token")
			a.bytes(spanEvents, ev.b)
		}
		a.status(r)
		to = protowire.AppendBytes(protowire.AppendTag(to, scopeSpansSpans, protowire.BytesType), a.b)
	}
	s.room = a.b
	return to
}

// generation are the attributes of the call of the provider: the GenAI conventions', and those that LiteLLM's users query.
func (s *sender) generation(a *span, r *export.Record) {
	provider := export.Provider(r)
	a.text("gen_ai.operation.name", Operation(r.Door))
	a.text("gen_ai.provider.name", System(provider))
	a.text("gen_ai.system", provider)
	a.text("gen_ai.request.model", r.Group)
	a.text("gen_ai.response.model", export.Model(r))
	a.text("gen_ai.response.id", r.Meta.UpstreamID)
	a.list("gen_ai.response.finish_reasons", r.Stop)
	a.text("litellm.call_id", r.ID)
	a.bool("llm.is_streaming", r.Stream)
	a.text("llm.request.type", export.CallType(r.Door))
	a.text("gen_ai.conversation.id", r.From.Session)
	a.text("aws.region", r.Meta.Destination.Region)
	a.text("model_id", r.Served.ID)
	a.text("model_group", r.Group)
	if r.Served.Base != "" {
		a.text("server.address", hostOf(r.Served.Base))
	}
	if u := &r.Usage; u.Prompt()+u.Output > 0 {
		a.int("gen_ai.usage.input_tokens", u.Prompt())
		a.int("gen_ai.usage.output_tokens", u.Output)
		a.int("gen_ai.usage.total_tokens", u.Prompt()+u.Output)
		if u.CacheRead.Set {
			a.int("gen_ai.usage.cache_read.input_tokens", u.CacheRead.Value)
		}
		if u.CacheWrite.Set {
			a.int("gen_ai.usage.cache_creation.input_tokens", u.CacheWrite.Value)
		}
		if u.Reasoning.Set {
			a.int("gen_ai.usage.reasoning.output_tokens", u.Reasoning.Value)
		}
		a.bool("outcrop.usage.estimated", r.Estimated)
	}
	if r.Usage.Cost.Set {
		a.float("gen_ai.cost.total_cost", r.Usage.Cost.Value.USD())
	}
	if r.Meta.Retries > 0 {
		a.int("outcrop.retries", int64(r.Meta.Retries))
	}
	if e := r.Err; e != nil {
		a.text("error.type", string(e.Code))
		if e.UpstreamStatus > 0 {
			a.int("http.response.status_code", int64(e.UpstreamStatus))
		}
	}
	if r.MirrorOf != "" {
		a.text("metadata.is_silent_experiment", "true")
	}
	s.who(a, r)
	s.content(a, r)
}

// who are attributes that say who calls, with LiteLLM's names.
func (s *sender) who(a *span, r *export.Record) {
	if s.opt.Form.HideKeys {
		return
	}
	w := &r.Who
	a.text("metadata.user_api_key_hash", w.KeyHash)
	a.text("metadata.user_api_key_alias", w.KeyAlias)
	a.text("metadata.user_api_key_user_id", w.UserID)
	a.text("metadata.user_api_key_user_email", w.UserEmail)
	a.text("metadata.user_api_key_team_id", w.TeamID)
	a.text("metadata.user_api_key_team_alias", w.TeamAlias)
	a.text("metadata.user_api_key_org_id", w.OrganizationID)
	a.text("metadata.user_api_key_org_alias", w.OrganizationAlias)
	a.text("metadata.user_api_key_end_user_id", w.Customer)
	a.text("llm.user", w.Customer)
	a.list("metadata.tags", w.Tags...)
}

// maxAttribute bounds an attribute with content, in bytes.
const maxAttribute = 256 << 10

// content are the attributes with what was asked and answered, which have JSON as their text.
func (s *sender) content(a *span, r *export.Record) {
	if r.Content == nil {
		return
	}
	asked := export.Asked(r.Content)
	if s.opt.Langfuse {
		a.text("langfuse.observation.input", clip(string(asked)))
	}
	a.text("gen_ai.input.messages", clip(messages(asked)))
	a.text("gen_ai.system_instructions", clip(string(export.System(r.Content))))
	var answer string
	switch c := r.Content; {
	case strings.HasPrefix(c.Type, "text/event-stream"):
		said := export.Assemble(c.Response)
		var w jsonx.Writer
		w.Array()
		w.Object()
		w.Key("role")
		w.String("assistant")
		w.Key("parts")
		w.Array()
		for _, part := range [...]struct{ kind, text string }{{"reasoning", said.Reasoning}, {"text", said.Text}, {"tool_call", said.Arguments}} {
			if part.text != "" {
				w.Object()
				w.Key("type")
				w.String(part.kind)
				w.Key("content")
				w.String(part.text)
				w.EndObject()
			}
		}
		w.EndArray()
		w.Key("finish_reason")
		w.String(r.Stop)
		w.EndObject()
		w.EndArray()
		answer = string(w.Buf)
	case strings.HasPrefix(c.Type, "application/json"):
		answer = string(c.Response)
		if members, err := jsonx.Members(c.Response); err == nil {
			for _, name := range [...]string{"choices", "content", "output", "candidates"} {
				if v := jsonx.Find(members, name); v != nil {
					answer = string(v)
					break
				}
			}
		}
	}
	a.text("gen_ai.output.messages", clip(answer))
	if s.opt.Langfuse {
		a.text("langfuse.observation.output", clip(answer))
	}
}

func clip(s string) string {
	if len(s) > maxAttribute {
		return s[:maxAttribute]
	}
	return s
}

func stateOf(r *export.Record, t telemetry.Trace) string {
	if t.Parent == "" {
		return ""
	}
	return r.From.TraceState
}

// decode is the bytes of an id; nil if it is none.
func decode(id string) []byte {
	b, err := hex.DecodeString(id)
	if err != nil || len(b) == 0 {
		return nil
	}
	return b
}

func nano(t time.Time) uint64 {
	return uint64(max(0, t.UnixNano()))
}

func hostOf(base string) string {
	_, rest, ok := strings.Cut(base, "://")
	if !ok {
		rest = base
	}
	host, _, _ := strings.Cut(rest, "/")
	host, _, _ = strings.Cut(host, ":")
	return host
}
