package bedrock

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/emulator/bedrock/fault"
	"outcrop/emulator/bedrock/messages"
	"outcrop/emulator/bedrock/model"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/eventstream"
)

// This file has InvokeModel and InvokeModelWithResponseStream, whose bodies are specific
// to each maker.

func (e *Emulator) invokeModel(c *call) error { return e.invoke(c, false) }

func (e *Emulator) invokeModelStream(c *call) error { return e.invoke(c, true) }

// chat decodes the bodies of a family of chat models and encodes their answers.
type chat interface {
	// read decodes a body.
	read(body []byte, info *catalogue.Model) (*llm.Request, error)
	// check refuses a request that the model does not accept.
	check(e *Emulator, q *question) error
	// whole returns the body of an answer.
	whole(a *reply) []byte
	// pieces returns the answer as the events of a stream. steps are its events in the
	// common form, whose deltas are kept.
	pieces(a *reply, steps []llm.Event) []piece
}

// reply is an answer to a call of InvokeModel.
type reply struct {
	*llm.Response

	model *catalogue.Model
	// name is the model's name in the answer; its id if it is empty.
	name string
	// id identifies the answer; created is its time.
	id      string
	created time.Time
	// stop is the stop sequence that ended it; empty if none did.
	stop string
	// metrics are written at the end of a stream.
	metrics messages.Metrics
}

// piece is an event of a stream, in the model's own form.
type piece struct {
	json []byte
	// delta is whether the event is content; text is its text.
	delta bool
	text  string
	// stop is whether the event follows the content.
	stop bool
}

// chatOf returns the form of a model's bodies; nil if it is not emulated.
func chatOf(m *catalogue.Model) chat {
	switch {
	case m.Voice() == catalogue.VoiceAnthropic:
		return claudeChat{}
	case strings.HasPrefix(m.ID, "amazon.nova-"):
		return novaChat{}
	case strings.HasPrefix(m.ID, "meta."):
		return llamaChat{}
	case strings.HasPrefix(m.Family, "mistral") && m.Voice() == catalogue.VoiceSchema:
		return mistralChat{}
	case m.Voice() == catalogue.VoiceChat:
		return openAIChat{}
	}
	return nil
}

func (e *Emulator) invoke(c *call, streaming bool) error {
	to, err := e.identify(c)
	if err != nil {
		return err
	}
	if err := e.admit(c, to); err != nil {
		return err
	}
	if err := c.checkInvokeHeaders(); err != nil {
		return err
	}
	if to.Has(catalogue.NoChat) {
		return e.invokeVectors(c, to, streaming)
	}
	how := chatOf(to)
	if how == nil {
		return invalid("emulator: InvokeModel is not emulated for %s; call Converse, or one of the models in docs/emulator.md", to.ID)
	}
	req, err := how.read(c.body, to)
	if err != nil {
		return unreadable(err)
	}
	c.headerSettings(req)
	f, err := e.due(c, markedFault(req))
	if err != nil {
		return err
	}
	asked := &question{info: to, request: req, streaming: streaming}
	if err := checkService(asked); err != nil {
		return err
	}
	if err := how.check(e, asked); err != nil {
		return naked(err)
	}
	askForStop(req)
	answer, err := e.answer(c, to, req, f, streaming)
	if err != nil {
		return err
	}
	a := &reply{
		Response: answer, model: to, id: e.model.Name(to, req), created: e.options.Now(), stop: stopOf(answer),
		metrics: messages.Metrics{InvocationLatency: answer.LatencyMs.Value, FirstByteLatency: latencyStart + f.Latency.Milliseconds()},
	}
	c.settingHeaders(req)
	if streaming {
		return e.streamPieces(c, how.pieces(a, e.model.Events(answer)), f)
	}
	c.countHeaders(a)
	return c.writeWhole(guarded(how.whole(a), req), f)
}

// unreadable returns the refusal of a body that could not be decoded.
func unreadable(err error) error {
	var fault *messages.Fault
	var syntax *jsonx.Error
	switch {
	case errors.As(err, &fault):
		return invalid("%s", fault.Message)
	case errors.As(err, &syntax) && syntax.Syntax:
		return invalid("Malformed input request, please reformat your input and try again.")
	}
	return naked(err)
}

// naked converts a refusal of Converse into one of InvokeModel: without Converse's
// introduction (recorded exchanges), and with the path of an image in Anthropic's body.
func naked(err error) error {
	var r *refusal
	if !errors.As(err, &r) {
		return err
	}
	plain := *r
	plain.message = strings.Replace(strings.TrimPrefix(r.message, returned("").message), ".image.source.bytes", ".image.source.base64", 1)
	return &plain
}

// stopPath points to the stop sequence in a model's own answer.
const stopPath = `["/stop_sequence"]`

// askForStop requests the stop sequence that ended the answer.
func askForStop(req *llm.Request) {
	req.Extensions = append(req.Extensions, jsonx.Member{Name: "additionalModelResponseFieldPaths", Value: jsonx.Raw(stopPath)})
}

// stopOf returns the stop sequence that ended an answer; empty if none did.
func stopOf(answer *llm.Response) string {
	return word(memberOf(answer.ModelFields, "stop_sequence"))
}

// Headers of InvokeModel, and the longest request metadata.
const (
	headerTrace       = "X-Amzn-Bedrock-Trace"
	headerGuardrail   = "X-Amzn-Bedrock-GuardrailIdentifier"
	headerVersion     = "X-Amzn-Bedrock-GuardrailVersion"
	headerLatency     = "X-Amzn-Bedrock-PerformanceConfig-Latency"
	headerTier        = "X-Amzn-Bedrock-Service-Tier"
	headerMetadata    = "X-Amzn-Bedrock-Request-Metadata"
	headerInnerType   = "X-Amzn-Bedrock-Content-Type"
	maxMetadataHeader = 8500
)

// Patterns of headers in the service model.
var (
	guardrailID      = shape(`(|([a-z0-9]+)|(arn:aws(-[^:]+)?:bedrock:[a-z0-9-]{1,20}:[0-9]{12}:guardrail/[a-z0-9]+))`)
	guardrailVersion = shape(`(|([1-9][0-9]{0,7})|(DRAFT))`)
)

// checkInvokeHeaders checks the headers against the service model. Content-Type and
// Accept may have any value: some of AWS's SDKs send octet-stream, or none.
func (c *call) checkInvokeHeaders() error {
	h := c.request.Header
	for _, e := range [...]struct {
		header, member string
		values         []string
	}{
		{headerTrace, "trace", []string{"DISABLED", "ENABLED", "ENABLED_FULL"}},
		{headerLatency, "performanceConfigLatency", []string{"optimized", "standard"}},
		{headerTier, "serviceTier", []string{"default", "flex", "priority", "reserved"}},
	} {
		if v := h.Get(e.header); v != "" && !slices.Contains(e.values, v) {
			return invalid("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]", v, e.member, strings.Join(e.values, ", "))
		}
	}
	if v := h.Get(headerGuardrail); !guardrailID.MatchString(v) {
		return mismatch(v, "guardrailIdentifier", guardrailID)
	}
	if v := h.Get(headerVersion); !guardrailVersion.MatchString(v) {
		return mismatch(v, "guardrailVersion", guardrailVersion)
	}
	if len(h.Get(headerMetadata)) > maxMetadataHeader {
		return invalid("1 validation error detected: Value at 'requestMetadata' failed to satisfy constraint: Member must have length less than or equal to %d", maxMetadataHeader)
	}
	return nil
}

// headerSettings copies settings from headers to where Converse's body has them, so that
// the same rules apply.
func (c *call) headerSettings(req *llm.Request) {
	h := c.request.Header
	req.ServiceTier = h.Get(headerTier)
	add := func(name string, write func(*jsonx.Writer)) {
		var w jsonx.Writer
		w.Object()
		write(&w)
		w.EndObject()
		req.Extensions = append(req.Extensions, jsonx.Member{Name: name, Value: w.Buf})
	}
	if v := h.Get(headerLatency); v != "" {
		add("performanceConfig", func(w *jsonx.Writer) {
			w.Key("latency")
			w.String(v)
		})
	}
	if id, version := h.Get(headerGuardrail), h.Get(headerVersion); id != "" || version != "" {
		add("guardrailConfig", func(w *jsonx.Writer) {
			w.Key("guardrailIdentifier")
			w.String(id)
			w.Key("guardrailVersion")
			w.String(version)
			w.Key("trace")
			w.String(strings.ToLower(cmp.Or(h.Get(headerTrace), "DISABLED")))
		})
	}
}

// settingHeaders sets the response headers for the settings of the call.
func (c *call) settingHeaders(req *llm.Request) {
	if req.ServiceTier != "" {
		c.Header().Set(headerTier, req.ServiceTier)
	}
	if v := c.request.Header.Get(headerLatency); v != "" {
		c.Header().Set(headerLatency, v)
	}
}

// countHeaders sets the response headers for token counts and latency.
func (c *call) countHeaders(a *reply) {
	u := &a.Usage
	count := func(name string, n int64) { c.Header().Set("X-Amzn-Bedrock-"+name, strconv.FormatInt(n, 10)) }
	count("Input-Token-Count", u.Input)
	count("Output-Token-Count", u.Output)
	if u.CacheRead.Set {
		count("Cache-Read-Input-Token-Count", u.CacheRead.Value)
		count("Cache-Write-Input-Token-Count", u.CacheWrite.Value)
	}
	count("Invocation-Latency", a.LatencyMs.Value)
}

// guarded adds the result of a guardrail to an answer. Every well-formed guardrail exists
// and lets everything pass.
func guarded(answer []byte, req *llm.Request) []byte {
	for _, m := range req.Extensions {
		if m.Name != "guardrailConfig" {
			continue
		}
		members, err := jsonx.Members(answer)
		if err != nil {
			return answer
		}
		var w jsonx.Writer
		w.Object()
		w.Members(members)
		w.Key("amazon-bedrock-guardrailAction")
		w.Word("NONE")
		if trace := guardrailTrace(m.Value, model.PromptTokens(req)); trace != nil {
			w.Key("amazon-bedrock-trace")
			w.Raw(trace)
		}
		w.EndObject()
		return w.Buf
	}
	return answer
}

// streamPieces writes the events of a model as frames, with the fault applied.
func (e *Emulator) streamPieces(c *call, pieces []piece, f fault.Fault) error {
	c.Header().Set("Content-Type", eventstream.MediaType)
	c.Header().Set(headerInnerType, "application/json")
	if f.Kind == fault.Empty {
		return c.put(nil)
	}
	noise := rand.New(rand.NewPCG(e.options.Seed, uint64(len(c.body)))) //nolint:gosec // padding is no secret
	deltas := 0
	for i := range pieces {
		p := &pieces[i]
		frame := chunk(p.json, padding(noise))
		due := deltas == f.After || p.stop && deltas < f.After
		if f.Kind != fault.None && due {
			return c.breakStream(frame, f)
		}
		if p.delta {
			deltas++
			if f.Rate > 0 {
				if err := wait(c.request.Context(), time.Duration(float64(model.Tokens(p.text))/f.Rate*float64(time.Second))); err != nil {
					return err
				}
			}
		}
		if err := c.put(frame); err != nil {
			return err
		}
	}
	return nil
}

// chunk returns the frame of a model's event (recorded exchange).
func chunk(event []byte, noise string) []byte {
	var w jsonx.Writer
	w.Object()
	w.Key("bytes")
	w.Base64(llm.EncodeBase64(event).Bytes())
	w.Key("p")
	w.Word(noise)
	w.EndObject()
	return eventstream.Append(nil, []eventstream.Header{
		{Name: eventstream.HeaderEventType, Value: "chunk"},
		{Name: eventstream.HeaderContentType, Value: "application/json"},
		{Name: eventstream.HeaderMessageType, Value: "event"},
	}, w.Buf)
}

// invocationMetrics writes the member that closes a stream of InvokeModel.
func (a *reply) invocationMetrics(w *jsonx.Writer) {
	w.Key("amazon-bedrock-invocationMetrics")
	w.Object()
	w.Key("inputTokenCount")
	w.Int(a.Usage.Input)
	w.Key("outputTokenCount")
	w.Int(a.Usage.Output)
	w.Key("invocationLatency")
	w.Int(a.metrics.InvocationLatency)
	w.Key("firstByteLatency")
	w.Int(a.metrics.FirstByteLatency)
	w.EndObject()
}

// notStreamed is the refusal of a stream from a model that has none (public reports).
func notStreamed() *refusal {
	return &refusal{status: http.StatusBadRequest, kind: "ValidationException", message: "The model is unsupported for streaming"}
}
