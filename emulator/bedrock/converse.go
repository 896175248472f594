package bedrock

import (
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"time"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/emulator/bedrock/fault"
	"outcrop/emulator/bedrock/model"
	"outcrop/internal/jsonx"
	"outcrop/internal/lazyregexp"
	"outcrop/llm"
	"outcrop/wire/converse"
)

// FaultHeader is the request header that requests a fault in the syntax of fault.Parse.
// The marker [[fault: ...]] in the last user turn does the same.
const FaultHeader = "x-outcrop-emulate"

// faultMarker matches a fault requested in a prompt.
var faultMarker = lazyregexp.New(`\[\[fault:\s*([^\]]*?)\s*\]\]`)

func (e *Emulator) converse(c *call) error { return e.answerConverse(c, false) }

func (e *Emulator) converseStream(c *call) error { return e.answerConverse(c, true) }

// answerConverse validates a request and answers it, or fails according to its fault.
func (e *Emulator) answerConverse(c *call, streaming bool) error {
	to, err := e.identify(c)
	if err != nil {
		return err
	}
	if err := e.admit(c, to); err != nil {
		return err
	}
	req, err := converse.DecodeRequest(c.body)
	if err != nil {
		return malformed(err, c.body)
	}
	f, err := e.due(c, markedFault(req))
	if err != nil {
		return err
	}
	asked := &question{info: to, request: req, streaming: streaming}
	asked.ownChoice()
	if err := e.check(asked); err != nil {
		return err
	}
	answer, err := e.answer(c, to, req, f, streaming)
	if err != nil {
		return err
	}
	answer.Usage.Extra = append(answer.Usage.Extra, jsonx.Member{Name: "serverToolUsage", Value: jsonx.Raw("{}")})
	for _, m := range req.Extensions {
		switch m.Name {
		case "performanceConfig":
			answer.Extra = append(answer.Extra, m)
		case "guardrailConfig":
			answer.Trace = guardrailTrace(m.Value, answer.Usage.Input)
		}
	}
	if streaming {
		return e.stream(c, answer, f)
	}
	return c.writeWhole(converse.AppendResponse(nil, answer), f)
}

// answer returns the model's answer to a valid request, or the refusal by the call's
// fault, by a quota or for its length.
func (e *Emulator) answer(c *call, to *catalogue.Model, req *llm.Request, f fault.Fault, streaming bool) (*llm.Response, error) {
	if err := wait(c.request.Context(), f.Latency); err != nil {
		return nil, err
	}
	if err := e.refusalOf(c, &f, streaming); err != nil {
		return nil, err
	}
	most := to.MaxOutput
	if req.MaxTokens.Set {
		most = req.MaxTokens.Value
	}
	share, err := c.state.reserve(c, to, model.PromptTokens(req), most, e.options.Now())
	if err != nil {
		return nil, err
	}
	// The cache belongs to the model, whichever profile is called.
	usage := e.cache.Count(to, c.region+" "+to.ID, req, e.options.Now())
	if to.Context > 0 && usage.Prompt() > to.Context {
		return nil, invalid("Input is too long for requested model.")
	}
	answer := e.model.Answer(to, req)
	usage.Output = answer.Usage.Output
	usage.Total = usage.Prompt() + usage.Output
	answer.Usage = usage
	c.state.settle(share, to, &usage)
	answer.LatencyMs = llm.Some(latency(usage, f))
	answer.ServiceTier = req.ServiceTier
	return answer, nil
}

// Parts of the latency reported in an answer, in milliseconds.
const (
	latencyStart    = 120
	latencyPerToken = 8
)

// latency returns the duration that an answer reports: the same for the same answer.
func latency(usage llm.Usage, f fault.Fault) int64 {
	return latencyStart + latencyPerToken*usage.Output + f.Latency.Milliseconds()
}

// markedFault returns the fault requested by the last turn of a prompt, or by the due
// step of a scripted one; empty if none.
func markedFault(req *llm.Request) string {
	if len(req.Turns) == 0 {
		return ""
	}
	if step, ok := model.Step(req); ok {
		if m := faultMarker.FindStringSubmatch(step); m != nil {
			return m[1]
		}
		return ""
	}
	for _, b := range req.Turns[len(req.Turns)-1].Blocks {
		if m := faultMarker.FindStringSubmatch(b.Text); m != nil {
			return m[1]
		}
	}
	return ""
}

// wait sleeps for d, or until the client disconnects.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return errGone
	}
}

// writeWhole writes the body of an answer that is not streamed, as far as the fault
// allows.
func (c *call) writeWhole(body []byte, f fault.Fault) error {
	c.Header().Set("Content-Type", "application/json")
	full := strconv.Itoa(len(body))
	switch f.Kind {
	case fault.Empty:
		return c.put(nil)
	case fault.Garbage, fault.Corrupt, fault.Prelude:
		return c.put(garbage)
	case fault.End:
		return c.put(body[:len(body)/2])
	case fault.Reset, fault.Fin:
		c.Header().Set("Content-Length", full)
		if err := c.put(body[:len(body)/2]); err != nil {
			return err
		}
		c.sever(f.Kind == fault.Reset)
		return nil
	case fault.Stall:
		c.Header().Set("Content-Length", full)
		if err := c.put(nil); err != nil {
			return err
		}
		<-c.request.Context().Done()
		return errGone
	default: // an exception comes before the body
		c.Header().Set("Content-Length", full)
		return c.put(body)
	}
}

// garbage is a meaningless answer, as a broken proxy may send it.
var garbage = []byte("<html><body>\x00\x01\x02 upstream said something odd</body></html>\n") // never written to

// stream writes an answer as frames, as far as the fault allows.
func (e *Emulator) stream(c *call, answer *llm.Response, f fault.Fault) error {
	c.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
	if f.Kind == fault.Empty {
		return c.put(nil)
	}
	noise := rand.New(rand.NewPCG(e.options.Seed, uint64(len(c.body)))) //nolint:gosec // padding is no secret
	events := e.model.Events(answer)
	deltas := 0
	var frame []byte
	for i := range events {
		ev := &events[i]
		due := deltas == f.After || ev.Kind == llm.EventStop && deltas < f.After
		if f.Kind != fault.None && due {
			return c.breakStream(converse.AppendEvent(nil, ev, ""), f)
		}
		if ev.Kind == llm.EventDelta {
			deltas++
			if f.Rate > 0 {
				if err := wait(c.request.Context(), time.Duration(float64(model.Tokens(ev.Text))/f.Rate*float64(time.Second))); err != nil {
					return err
				}
			}
		}
		frame = converse.AppendEvent(frame[:0], ev, padding(noise))
		if err := c.put(frame); err != nil {
			return err
		}
	}
	return nil
}

// alphabet is the text with which Bedrock pads its events: a prefix of random length
// (recorded exchanges).
const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

func padding(noise *rand.Rand) string { return alphabet[:1+noise.IntN(len(alphabet))] }

// preludeSize is the length in bytes of a frame's prelude, with its checksum.
const preludeSize = 12

// breakStream applies the fault to a stream, in place of the next frame.
func (c *call) breakStream(frame []byte, f fault.Fault) error {
	half := frame[:len(frame)/2]
	switch f.Kind {
	case fault.Exception:
		return c.put(converse.AppendException(nil, f.FrameType(), f.Message))
	case fault.ErrorFrame:
		return c.put(converse.AppendErrorFrame(nil, f.Type, f.Message))
	case fault.Garbage:
		return c.put(garbage)
	case fault.Corrupt:
		frame[len(frame)-1] ^= 0xff
		return c.put(frame)
	case fault.Prelude:
		frame[preludeSize-1] ^= 0xff
		return c.put(frame)
	default: // the stream ends, properly or not
	}
	if !f.Inside {
		half = nil
	}
	if err := c.put(half); err != nil {
		return err
	}
	switch f.Kind {
	case fault.Reset, fault.Fin:
		c.sever(f.Kind == fault.Reset)
	case fault.Stall:
		<-c.request.Context().Done()
		return errGone
	default: // nothing more follows
	}
	return nil
}

// put writes a piece of the answer and flushes it.
func (c *call) put(piece []byte) error {
	if _, err := c.Write(piece); err != nil {
		return ignoreGone(err)
	}
	err := http.NewResponseController(c.ResponseWriter).Flush()
	if errors.Is(err, http.ErrNotSupported) {
		return nil // a recorder, which needs no flush
	}
	return ignoreGone(err)
}

// sever closes the connection under the answer, by a reset or properly. If the writer
// does not give access to its connection, the answer is aborted.
func (c *call) sever(reset bool) {
	conn, _, err := http.NewResponseController(c.ResponseWriter).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http's way to cut the connection
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		if reset {
			_ = tcp.SetLinger(0) // if it fails, the client sees a close instead
		} else {
			half(tcp)
		}
	}
	_ = conn.Close() // breaking it is the point
}

// severTimeout is how long a client has to close a connection whose other half is closed.
const severTimeout = time.Second

// half closes the writing half and waits for the client to close its own: the system resets a
// connection that is closed while something is still unread, and a reset may overtake the answer.
func half(conn *net.TCPConn) {
	if conn.CloseWrite() != nil || conn.SetReadDeadline(time.Now().Add(severTimeout)) != nil {
		return
	}
	_, _ = io.Copy(io.Discard, conn) // until it is closed, or for as long as it may take
}
