package genai

import (
	"bytes"
	"context"
	"errors"
	"io"

	"outcrop/llm"
	"outcrop/provider"
	"outcrop/wire/gemini"
	"outcrop/wire/sse"
)

// Speaks reports whether a dialect passes through: Gemini's.
func (t *Target) Speaks(dialect string) bool { return dialect == llm.DialectGemini }

// Pass makes one call for a complete response with a body in Gemini's dialect, which reaches the model
// as it is: the path has the model.
func (t *Target) Pass(ctx context.Context, raw *llm.Raw) (*llm.RawResponse, error) {
	x, err := t.post(ctx, Generate, raw.Headers, [][]byte{raw.Body}, nil)
	if err != nil {
		return nil, err
	}
	body, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	var tap gemini.Reader
	if _, err := tap.Append(nil, body); err != nil {
		return nil, x.unread(err, body)
	}
	if !tap.Finished() {
		return nil, x.failed(&answerError{gemini.ErrNoCandidate})
	}
	out := &llm.RawResponse{Meta: x.meta, Body: body, RawStop: tap.RawStop()}
	usage, counted := tap.Usage()
	out.Usage, out.Uncounted = usage, !counted
	return out, nil
}

// PassStream makes one call for a stream with a body in Gemini's dialect.
func (t *Target) PassStream(ctx context.Context, raw *llm.Raw) (llm.RawStream, error) {
	x, err := t.post(ctx, Stream, raw.Headers, [][]byte{raw.Body}, nil)
	if err != nil {
		return nil, err
	}
	if err := x.sent(); err != nil {
		return nil, err
	}
	return &rawStream{exchange: x, frames: sse.NewReader(x.resp.Body)}, nil
}

// unread is the error for a response, or the first event of one, in which the answer is missing. That of
// a prompt that a filter has refused has Google's response as its body, for clients of Gemini's API.
func (x *exchange) unread(err error, body []byte) *llm.Error {
	e := x.failed(&answerError{err})
	if _, blocked := errors.AsType[*gemini.BlockedError](err); blocked {
		e.Body = bytes.Clone(body)
	}
	return e
}

// CountRaw makes one call of countTokens with a body in Gemini's dialect.
func (t *Target) CountRaw(ctx context.Context, raw *llm.Raw) (*llm.Count, error) {
	x, err := t.post(ctx, Count, raw.Headers, [][]byte{raw.Body}, nil)
	if err != nil {
		return nil, err
	}
	body, err := x.body(ctx)
	if err != nil {
		return nil, err
	}
	n, err := gemini.DecodeCount(body)
	if err != nil {
		return nil, x.failed(&answerError{err})
	}
	return &llm.Count{Tokens: n, Meta: x.meta}, nil
}

// rawStream is a stream in Gemini's dialect.
type rawStream struct {
	*exchange
	frames *sse.Reader
	tap    gemini.Reader
	found  []llm.Event
	some   bool
	buf    []byte
	err    error
}

func (s *rawStream) Next(ev *llm.RawEvent) error {
	*ev = llm.RawEvent{}
	if s.err == nil {
		s.err = s.next(ev)
	}
	return s.err
}

func (s *rawStream) next(ev *llm.RawEvent) error {
	if s.tap.Finished() { // only its usage may follow
		s.frames.Hurry()
	}
	var frame sse.Event
	err := s.frames.Next(&frame)
	switch {
	case err != nil && s.tap.Finished(): // what was to come has come
		return io.EOF
	case err != nil:
		return s.failed(ended(err, s.some))
	}
	first := !s.some
	s.some = true
	clear(s.found)
	if s.found, err = s.tap.Append(s.found[:0], frame.Data); err != nil {
		if first {
			return s.unread(err, frame.Data)
		}
		return s.failed(&answerError{err})
	}
	s.buf = append(append(append(s.buf[:0], "data: "...), frame.Data...), "\r\n\r\n"...)
	ev.Data, ev.RawStop = s.buf, s.tap.RawStop()
	ev.Content = ev.RawStop != ""
	for i := range s.found {
		ev.Content = ev.Content || s.found[i].HasContent()
		ev.Length += len(s.found[i].Text)
	}
	if usage, counted := s.tap.Usage(); counted {
		ev.Usage = &usage
	}
	return nil
}

func (s *rawStream) More() bool { return s.err == nil && s.frames.More() }

var _ provider.RawCounter = (*Target)(nil)
