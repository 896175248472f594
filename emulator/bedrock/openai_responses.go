package bedrock

import (
	"errors"
	"net/http"
	"time"

	"outcrop/emulator/bedrock/catalogue"
	"outcrop/emulator/bedrock/fault"
	"outcrop/emulator/bedrock/model"
	"outcrop/emulator/bedrock/responses"
	"outcrop/internal/jsonx"
)

// createResponse answers a call of the Responses API.
func (e *Emulator) createResponse(c *call) error {
	to, err := e.identifyOpenAI(c, func(m *catalogue.Model) bool {
		if c.operation.service == serviceMantle {
			return m.Mantle.Responses != "" && c.request.URL.Path == m.Mantle.Responses+"/responses"
		}
		return m.Responses
	})
	if err != nil {
		return err
	}
	open := c.operation.service == serviceMantle && to.Mantle.Responses == "/v1"
	terms := responses.Terms{
		Open: open, Hosted: c.operation.service == serviceMantle,
		Sampling: !to.Has(catalogue.NoSampling), Sealed: to.Has(catalogue.RedactedReasoning),
		Efforts: to.Effort().Words,
	}
	req, err := responses.Decode(c.body, terms)
	if err != nil {
		return refusedBody(err)
	}
	f, err := e.due(c, markedFault(req.Request))
	if err != nil {
		return err
	}
	begun := e.options.Now()
	answer, err := e.answer(c, to, req.Request, f, req.Streaming)
	if err != nil {
		return err
	}
	a := &responses.Answer{
		Response: answer, Request: req, Open: open,
		ID: e.model.Name(to, req.Request) + c.id, Created: begun.Unix(), Completed: e.options.Now().Unix(),
	}
	a.Prepare()
	if !req.Streaming {
		return c.writeWhole(a.Append(nil), f)
	}
	return e.streamResponse(c, a, f)
}

// refusedBody is the refusal of a body.
func refusedBody(err error) error {
	if own, ok := errors.AsType[*responses.Fault](err); ok {
		return &refusal{status: http.StatusBadRequest, kind: "ValidationException", message: own.Message, code: own.Code, param: own.Param}
	}
	return err
}

// sse frames an event.
func sse(kind string, data []byte) []byte {
	var frame []byte
	if kind != "" {
		frame = append(append(append(frame, "event: "...), kind...), '\n')
	}
	return append(append(append(frame, "data: "...), data...), "\n\n"...)
}

// streamResponse writes the events of a response, as far as the fault allows.
func (e *Emulator) streamResponse(c *call, a *responses.Answer, f fault.Fault) error {
	events := a.Events(e.model.Events(a.Response))
	pieces := make([]piece, len(events))
	for i, ev := range events {
		pieces[i] = piece{json: sse(ev.Type, ev.Data), delta: ev.Delta, text: ev.Text, stop: ev.Last}
	}
	return e.streamEvents(c, pieces, f, func(i int) []byte {
		ev := a.Failed(i, failureCode(&f), f.Message)
		if f.Kind == fault.ErrorFrame {
			ev = responses.Error(i, f.Type, f.Message)
		}
		return sse(ev.Type, ev.Data)
	})
}

// failureCode is the code of a response that failed for one of AWS's exceptions.
func failureCode(f *fault.Fault) string {
	if f.Status == http.StatusTooManyRequests {
		return "rate_limit_exceeded"
	}
	return "server_error"
}

// streamEvents writes the framed events of one of OpenAI's APIs, as far as the fault allows. failure is the event
// that reports it in place of the event at an index.
func (e *Emulator) streamEvents(c *call, pieces []piece, f fault.Fault, failure func(i int) []byte) error {
	c.Header().Set("Content-Type", "text/event-stream")
	if f.Kind == fault.Empty {
		return c.put(nil)
	}
	deltas := 0
	for i := range pieces {
		p := &pieces[i]
		if f.Kind != fault.None && (deltas == f.After || p.stop && deltas < f.After) {
			switch f.Kind {
			case fault.Exception, fault.ErrorFrame:
				return c.put(failure(i))
			case fault.Corrupt, fault.Prelude: // in place of a checksum: the JSON is broken
				return c.put(append(p.json[:len(p.json)/2:len(p.json)/2], "\n\n"...))
			default:
				return c.breakStream(p.json, f)
			}
		}
		if p.delta {
			deltas++
			if f.Rate > 0 {
				if err := wait(c.request.Context(), time.Duration(float64(model.Tokens(p.text))/f.Rate*float64(time.Second))); err != nil {
					return err
				}
			}
		}
		if err := c.put(p.json); err != nil {
			return err
		}
	}
	return nil
}

// createChatCompletion answers a call of chat completions.
func (e *Emulator) createChatCompletion(c *call) error {
	to, err := e.identifyOpenAI(c, func(m *catalogue.Model) bool {
		if c.operation.service == serviceMantle {
			return m.Mantle.Chat && c.request.URL.Path == "/v1/chat/completions"
		}
		return m.Voice() == catalogue.VoiceChat || m.Responses
	})
	if err != nil {
		return err
	}
	how := openAIChat{events: true, apart: c.operation.service == serviceMantle, usage: string(memberOf(memberOf(c.body, "stream_options"), "include_usage")) == "true"}
	body, err := withoutTransport(c.body)
	if err != nil {
		return unreadable(err)
	}
	req, err := how.read(body, to)
	if err != nil {
		return naked(unreadable(err))
	}
	f, err := e.due(c, markedFault(req))
	if err != nil {
		return err
	}
	streaming := c.streams()
	if err := how.check(e, &question{info: to, request: req, streaming: streaming}); err != nil {
		return naked(err)
	}
	answer, err := e.answer(c, to, req, f, streaming)
	if err != nil {
		return err
	}
	a := &reply{Response: answer, model: to, id: e.model.Name(to, req), created: e.options.Now(), name: c.parameter}
	if !streaming {
		return c.writeWhole(how.whole(a), f)
	}
	pieces := how.pieces(a, e.model.Events(answer))
	for i := range pieces {
		pieces[i].json = sse("", pieces[i].json)
	}
	pieces = append(pieces, piece{json: sse("", []byte("[DONE]")), stop: true})
	return e.streamEvents(c, pieces, f, func(int) []byte {
		return sse("", openAIErrorBody(&refusal{status: f.Status, message: f.Message}))
	})
}

// transport are the members of a body of chat completions that InvokeModel's bodies do not have.
var transport = map[string]bool{"model": true, "stream": true, "stream_options": true} // never written to

// withoutTransport is a body of chat completions as InvokeModel has it.
func withoutTransport(body []byte) ([]byte, error) {
	members, err := jsonx.Members(body)
	if err != nil {
		return nil, err
	}
	w := jsonx.Writer{}
	w.Object()
	for _, m := range members {
		if !transport[m.Name] {
			w.Members([]jsonx.Member{m})
		}
	}
	w.EndObject()
	return w.Buf, nil
}
