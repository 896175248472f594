package sagemaker

import (
	"bytes"
	"io"
	"strings"
	"time"

	"outcrop/llm"
	"outcrop/upstream"
	"outcrop/wire/awserror"
	"outcrop/wire/eventstream"
)

// Unwrap gives what a container streams: the parts of its body that SageMaker sends as events, cut
// anywhere (https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_PayloadPart.html).
// Lines of JSON, in which some containers stream, become server-sent events. Another server at
// sagemaker_base_url may send the container's body as it is.
func (e *end) Unwrap(resp *upstream.Response, secrets []string, to llm.Destination) io.Reader {
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), eventstream.MediaType) {
		return &lines{body: resp.Body, parts: bodyParts{resp.Body, make([]byte, 4<<10)}}
	}
	return &lines{body: resp.Body, parts: &frames{decoder: eventstream.NewDecoder(resp.Body), failed: func(f *awserror.Fault, code string) error {
		return e.failedStream(f, code, resp, secrets, to)
	}}}
}

// parts are the parts of a body.
type parts interface {
	// next returns the next part, which is valid until the following call.
	next() ([]byte, error)
	// more reports whether next will not wait for the network.
	more() bool
}

// frames are the parts of a body in AWS's frames.
type frames struct {
	decoder *eventstream.Decoder
	failed  func(f *awserror.Fault, code string) error
}

func (f *frames) next() ([]byte, error) {
	frame, err := f.decoder.Next()
	if err != nil {
		return nil, err
	}
	if fault := awserror.Exception(frame); fault != nil {
		return nil, f.failed(fault, errorCode(frame.Payload))
	}
	if kind := frame.Header(eventstream.HeaderEventType); kind != nil && string(kind) != "PayloadPart" {
		return nil, nil // an event that is new
	}
	return frame.Payload, nil
}

func (f *frames) more() bool { return f.decoder.More() }

// bodyParts is a body without frames, as it arrives.
type bodyParts struct {
	body io.Reader
	buf  []byte
}

func (b bodyParts) next() ([]byte, error) {
	n, err := b.body.Read(b.buf)
	return b.buf[:n], err
}

func (bodyParts) more() bool { return false }

// lines reads a body, and writes each line of JSON as a server-sent event.
type lines struct {
	body   io.Reader // that the parts are of
	parts  parts
	inside bool // a line has begun
	json   bool // and is JSON
	ready  []byte
	at     int
	err    error
}

func (l *lines) Read(p []byte) (int, error) {
	for l.at == len(l.ready) {
		if l.err != nil {
			return 0, l.err
		}
		l.ready, l.at = l.ready[:0], 0
		for { // all that has arrived, so that it is also passed on at once
			part, err := l.parts.next()
			l.take(part)
			if l.err = err; err != nil || !l.parts.more() {
				break
			}
		}
		if l.err == io.EOF && l.json { //nolint:errorlint // readers return it as it is
			l.ready, l.json = append(l.ready, "\n\n"...), false
		}
	}
	n := copy(p, l.ready[l.at:])
	l.at += n
	return n, nil
}

// Within bounds the time for the rest of the body.
func (l *lines) Within(limit time.Duration) {
	if body, ok := l.body.(interface{ Within(limit time.Duration) }); ok {
		body.Within(limit)
	}
}

// take appends a part.
func (l *lines) take(part []byte) {
	for len(part) > 0 {
		if !l.inside {
			if l.inside, l.json = part[0] != '\n', part[0] == '{' || part[0] == '['; l.json {
				l.ready = append(l.ready, "data: "...)
			}
		}
		end := bytes.IndexByte(part, '\n')
		if end < 0 {
			l.ready = append(l.ready, part...)
			return
		}
		l.ready, part = append(l.ready, part[:end+1]...), part[end+1:]
		if l.json {
			l.ready = append(l.ready, '\n')
		}
		l.inside, l.json = false, false
	}
}
