// Package aws is the frontend for AWS's own runtime API of Bedrock: clients of the AWS SDKs call it
// with the gateway's address as their endpoint. Bodies and frames pass through unchanged.
//
// The API is described at
// https://docs.aws.amazon.com/bedrock/latest/APIReference/API_Operations_Amazon_Bedrock_Runtime.html.
package aws

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/door"
	"outcrop/httpd/inbound"
	"outcrop/internal/budget"
	"outcrop/internal/jsonx"
	"outcrop/internal/levenshtein"
	"outcrop/llm"
)

// Door is the name of this frontend in the record.
const Door = "aws_bedrock"

// prefix may precede the API's own paths, for gateways that are reached under a path.
const prefix = "/bedrock"

// bodyWeight is how many bytes of memory to reserve per byte of a body: it is sent on as it was
// received, from the same memory.
const bodyWeight = 2

// AccessKey is with what a client signs.
type AccessKey struct {
	Secret string
	// Key is the virtual key whose limits hold for the client; empty for the operator.
	Key string
}

// Options are the frontend's settings.
type Options struct {
	// MaxBody is the largest request, in bytes.
	MaxBody int64
	// Default is the model name of the deployments that serve operations that are about no model;
	// empty if there are none.
	Default string
	// Callable lists the ids that configured names lead to, besides those that are names themselves; nil
	// for none.
	Callable func() []string
	// AccessKeys are those of clients that sign their requests, by access key id.
	AccessKeys map[string]AccessKey
	// Instance is the header that the gateway's own calls have; zero if they have none.
	Instance llm.Label
	// Now is the clock; time.Now if nil.
	Now func() time.Time
}

// Handler serves the API.
type Handler struct {
	gateway *gateway.Gateway
	opt     Options
	reader  inbound.Reader
	bursts  door.Bursts
	bodies  *budget.Budget // of large bodies
}

// New makes the frontend.
func New(g *gateway.Gateway, opt Options) *Handler {
	if opt.Now == nil {
		opt.Now = time.Now
	}
	h := &Handler{gateway: g, opt: opt}
	h.reader.Limit, h.reader.Weight = opt.MaxBody, bodyWeight
	h.bodies = budget.New(largeBodies*opt.MaxBody, 0)
	return h
}

// operation reports whether the frontend serves an operation on a model, by its name in the path, and
// whether the response is a stream.
func operation(name string) (stream, ok bool) {
	switch name {
	case "converse", "invoke", "count-tokens":
		return false, true
	case "converse-stream", "invoke-with-response-stream":
		return true, true
	default:
		return false, false
	}
}

// Routes lists what the frontend serves.
func (h *Handler) Routes() []door.Route {
	route := func(op, about string) door.Route {
		return door.Route{Pattern: "POST /model/{id}/" + op, Path: "/model/{id}/" + op, About: about, Handle: h.ServeHTTP}
	}
	return []door.Route{
		route("converse", "AWS's own API: Converse"),
		route("converse-stream", "AWS's own API: ConverseStream"),
		route("invoke", "AWS's own API: InvokeModel"),
		route("invoke-with-response-stream", "AWS's own API: InvokeModelWithResponseStream"),
		route("count-tokens", "AWS's own API: CountTokens"),
		{Pattern: "POST /guardrail/{id}/version/{version}/apply", Path: "/guardrail/{id}/version/{version}/apply", About: "AWS's own API: ApplyGuardrail", Handle: h.ServeHTTP},
		{Pattern: "POST /async-invoke", Path: "/async-invoke", About: "AWS's own API: StartAsyncInvoke", Handle: h.ServeHTTP},
		{Pattern: "GET /async-invoke", Path: "/async-invoke", About: "AWS's own API: ListAsyncInvokes", Handle: h.ServeHTTP},
		{Pattern: "GET /async-invoke/{arn}", Path: "/async-invoke/{arn}", About: "AWS's own API: GetAsyncInvoke", Handle: h.ServeHTTP},
		{Pattern: "GET /foundation-models", Path: "/foundation-models", About: "AWS's own API: ListFoundationModels, of what the gateway serves", Handle: h.ServeHTTP},
		{Pattern: "GET /foundation-models/{id}", Path: "/foundation-models/{id}", About: "AWS's own API: GetFoundationModel", Handle: h.ServeHTTP},
		{Pattern: "GET /inference-profiles", Path: "/inference-profiles", About: "AWS's own API: ListInferenceProfiles, of what the gateway serves", Handle: h.ServeHTTP},
		{Pattern: "GET /inference-profiles/{id}", Path: "/inference-profiles/{id}", About: "AWS's own API: GetInferenceProfile", Handle: h.ServeHTTP},
	}
}

// Owns reports whether a path belongs to the API. Its clients send repeated slashes where their
// endpoint has one at its end, and an empty id; they do not follow redirects.
func (h *Handler) Owns(path string) bool {
	path = trimmed(path)
	switch { // LiteLLM's
	case path == "/model/info", path == "/model/new", path == "/model/update", path == "/model/delete", path == "/model/block", path == "/model/unblock", strings.HasPrefix(path, "/model/") && strings.HasSuffix(path, "/update"),
		path == "/guardrails/list", path == "/guardrails/apply_guardrail", strings.HasPrefix(path, "/guardrails/") && strings.HasSuffix(path, "/info"):
		return false
	}
	for _, own := range [...]string{
		"/model/", "/guardrail/", "/async-invoke", "/foundation-models", "/inference-profiles",
		"/guardrails", "/guardrail-checks", "/foundation-model-", "/custom-model", "/imported-models", "/provisioned-model-throughput", "/model-", "/prompt-routers", // never served
	} {
		if strings.HasPrefix(path, own) {
			return true
		}
	}
	return false
}

// Recognizes reports whether a request comes from a client of AWS: it is signed, or is of one of AWS's
// SDKs, which name the attempt.
func (h *Handler) Recognizes(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Authorization"), algorithm) || r.Header.Get("Amz-Sdk-Request") != ""
}

// Whole reports true: the API's paths may have repeated slashes.
func (h *Handler) Whole() bool { return true }

// trimmed is a path of the API without the optional prefix and the slashes before it.
func trimmed(path string) string {
	path = "/" + strings.TrimLeft(path, "/")
	if rest, ok := strings.CutPrefix(path, prefix+"/"); ok {
		path = "/" + strings.TrimLeft(rest, "/")
	}
	return path
}

// ServeHTTP serves all paths of the API.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if own := h.opt.Instance; own.Value != "" && r.Header.Get(own.Name) == own.Value {
		h.refuse(w, r, looped())
		return
	}
	if strings.HasPrefix(r.Header.Get("Authorization"), algorithm) && h.verifies(r) {
		h.serveSigned(w, r)
		return
	}
	door.Serve(w, r, h.gateway, Door, door.Keys, h.WriteError, func(call *gateway.Call) {
		note(call, r.Header)
		body, err := h.read(w, r, call)
		if err != nil {
			h.WriteError(w, door.Fail(w, call, err))
			return
		}
		defer body.Release()
		h.serve(w, r, call, body)
	})
}

// looped refuses a call that the gateway itself has made: each would lead to another.
func looped() error {
	return &llm.Error{
		Code: llm.CodeBadRequest, Status: 400, Actor: llm.ActorOperator,
		Message: "this gateway is configured to call itself in place of Bedrock.",
		Fix:     "Where the gateway runs, unset AWS_ENDPOINT_URL_BEDROCK_RUNTIME, or correct aws_bedrock_runtime_endpoint: the gateway's own address belongs in the environment of its clients only.",
	}
}

// serve responds to an admitted call.
func (h *Handler) serve(w http.ResponseWriter, r *http.Request, call *gateway.Call, body *received) {
	raw, stream, err := h.decode(r, body.Bytes)
	if err != nil {
		h.WriteError(w, door.Fail(w, call, err))
		return
	}
	if stream {
		h.stream(w, r, call, raw, body)
		return
	}
	h.whole(w, r, call, raw, body)
}

// decode reads a request's path and headers, and checks that its body is JSON.
func (h *Handler) decode(r *http.Request, body []byte) (*llm.Raw, bool, error) {
	path := trimmed(r.URL.EscapedPath())
	rest, isModel := strings.CutPrefix(path, "/model/")
	if !isModel {
		raw, err := h.service(r, path, body)
		return raw, false, err
	}
	at := strings.LastIndexByte(rest, '/')
	if at < 0 || r.Method != http.MethodPost {
		return nil, false, unknownOperation(r)
	}
	id, name := rest[:at], rest[at+1:]
	stream, ok := operation(name)
	if !ok {
		return nil, false, unknownOperation(r)
	}
	model, err := url.PathUnescape(id)
	if err != nil || strings.ContainsRune(id, '/') {
		return nil, false, llm.Invalid("modelId", "modelId %q is not a valid segment of a path.", llm.Clip(id, 200))
	}
	switch {
	case model == "":
		return nil, false, llm.Invalid("modelId", "modelId must not be empty.")
	case len(model) > maxModel:
		return nil, false, llm.Invalid("modelId", "modelId must be at most %d bytes long, not %d.", maxModel, len(model))
	}
	if !jsonx.Valid(body) && (name != "invoke" && name != "invoke-with-response-stream" || jsonType(r.Header)) {
		return nil, false, llm.Invalid("body", "The request body is not valid JSON in UTF-8.")
	}
	raw := &llm.Raw{Call: llm.Call{Model: model, Stream: stream, Headers: passed(r.Header)}, Dialect: llm.DialectBedrock, Operation: name, Body: body}
	return raw, stream, nil
}

// maxModel is AWS's bound on model ids, in bytes; LiteLLM's prefixes are short.
const maxModel = 2048 + 128

// jsonType reports whether a body is or may be meant to be JSON. The AWS SDKs send no type, or
// application/octet-stream, with InvokeModel's JSON.
func jsonType(h http.Header) bool {
	kind, _, _ := strings.Cut(h.Get("Content-Type"), ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "", "application/json", "application/octet-stream":
		return true
	default:
		return false
	}
}

// passed are the client's headers that reach AWS: the types, and parameters of InvokeModel. Nothing
// of the client's credentials or signature is among them.
func passed(h http.Header) (out []llm.Label) {
	for name, values := range h {
		if name != "Content-Type" && name != "Accept" && !strings.HasPrefix(name, "X-Amzn-Bedrock-") {
			continue
		}
		for _, v := range values {
			if name == "Content-Type" && v == "application/octet-stream" {
				v = "application/json"
			}
			out = append(out, llm.Label{Name: name, Value: v})
		}
	}
	return out
}

func unknownOperation(r *http.Request) error {
	e := &llm.Error{
		Code: llm.CodeNotFound, Status: 404, Type: "UnknownOperationException",
		Message: "the gateway does not serve " + r.Method + " " + llm.Clip(strconv.Quote(r.URL.Path), 200) + " of AWS's API.",
		Fix:     "GET / lists what it serves.",
	}
	path := trimmed(r.URL.Path)
	at := strings.LastIndexByte(path, '/')
	if near := nearOperation(path[at+1:]); near != "" && strings.HasPrefix(path, "/model/") {
		e.Fix = "Did you mean POST " + llm.Clip(path[:at+1], 200) + near + "? " + e.Fix
	}
	return e
}

// nearOperation returns the operation on a model that a name in a path was probably meant for, or the
// name itself, if it is one; empty if none is similar.
func nearOperation(name string) string {
	near, fewest := "", 1+max(2, len(name)/4)
	if len(name) > 64 {
		return ""
	}
	for _, known := range [...]string{"converse", "converse-stream", "invoke", "invoke-with-response-stream", "count-tokens"} {
		if far := levenshtein.Distance(name, known); far < fewest {
			near, fewest = known, far
		}
	}
	return near
}

// whole is apart from serve because its stack would come on top of what a stream needs.
//
//go:noinline
func (h *Handler) whole(w http.ResponseWriter, r *http.Request, call *gateway.Call, raw *llm.Raw, body *received) {
	resp, err := call.Relay(r.Context(), raw, nil)
	if err != nil {
		h.WriteError(w, door.Fail(w, call, err))
		return
	}
	body.Release()
	h.listed(raw, resp)
	respond(w.Header(), call)
	w.Header()["Content-Length"] = []string{strconv.Itoa(len(resp.Body))}
	inbound.WriteWhole(w, resp.Body)
}

// respond sets the headers of a response.
func respond(h http.Header, call *gateway.Call) {
	door.Head(h, call)
	for _, l := range call.Meta().Header {
		h[l.Name] = append(h[l.Name], l.Value)
	}
}

func (h *Handler) stream(w http.ResponseWriter, r *http.Request, call *gateway.Call, raw *llm.Raw, body *received) {
	stream, err := call.RelayStream(r.Context(), raw, nil)
	if err != nil {
		h.WriteError(w, door.Fail(w, call, err))
		return
	}
	body.Release() // it is not sent again
	raw.Body = nil
	respond(w.Header(), call)
	h.bursts.Rest(w, call, inbound.NewFrames(w), modelledStream{stream, raw.Operation}, AppendFailure)
}

// modelledStream leaves out reports of failures that AWS's clients do not know.
type modelledStream struct {
	llm.RawStream
	operation string
}

func (s modelledStream) Next(ev *llm.RawEvent) error {
	err := s.RawStream.Next(ev)
	if err == nil && ev.Err != nil && !modelled(s.operation, ev.Type) {
		ev.Data = nil
	}
	return err
}
