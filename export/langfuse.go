package export

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/telemetry"
)

// Langfuse is Langfuse's API for ingestion (https://api.reference.langfuse.com/#tag/ingestion), which all of its servers have.
type Langfuse struct {
	// Host is the server, with its scheme.
	Host              string
	Public            string
	Key               Secret
	Environment, Note string // the environment of traces, and the release; empty for none
	// Transport makes the requests; nil for the usual one.
	Transport http.RoundTripper
	Form      Form
}

type langfuse struct {
	*Poster

	opt    Langfuse
	header http.Header
}

// NewLangfuse makes the sender.
func NewLangfuse(opt Langfuse) Sender {
	return &langfuse{NewPoster(opt.Transport), opt, http.Header{"Content-Type": {"application/json"}, "Authorization": {BasicAuth(opt.Public, opt.Key)}}}
}

// BasicAuth is a header Authorization with a name and a password.
func BasicAuth(name string, password Secret) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(name+":"+password.Reveal()))
}

// maxIngestion bounds the body of a request; Langfuse takes 4.5 MB.
const maxIngestion = 3 << 20

func (s *langfuse) Send(ctx context.Context, batch []*Record) ([]*Record, error) {
	for len(batch) > 0 {
		body, n := s.body(batch)
		reply, err := s.Do(ctx, http.MethodPost, strings.TrimRight(s.opt.Host, "/")+"/api/public/ingestion", s.header, body)
		if err != nil {
			return batch, err
		}
		if err := refused(reply); err != nil {
			return batch, err
		}
		batch = batch[n:]
	}
	return nil, nil
}

// refused reads an answer with status 207, which has the failure of each event.
func refused(reply []byte) error {
	var r struct {
		Errors []struct {
			Status  int       `json:"status"`
			Message string    `json:"message"`
			Rest    jsonx.Raw `json:",embed"`
		} `json:"errors"`
		Rest jsonx.Raw `json:",embed"`
	}
	if jsonx.Unmarshal(reply, &r) != nil || len(r.Errors) == 0 {
		return nil //nolint:nilerr // another answer of success
	}
	first := r.Errors[0]
	err := fmt.Errorf("%d events were refused, the first with status %d", len(r.Errors), first.Status)
	if refusal := Refusal(first.Status); refusal != nil {
		if _, final := errors.AsType[*FinalError](refusal); !final {
			return err
		}
	}
	return &FinalError{err}
}

// body writes as many records as fit into a request, at least one.
func (s *langfuse) body(batch []*Record) (body []byte, n int) {
	var w jsonx.Writer
	w.Object()
	w.Key("batch")
	w.Array()
	for _, r := range batch {
		before := len(w.Buf)
		if n > 0 && before+r.Content.Size() > maxIngestion {
			break
		}
		s.append(&w, r)
		n++
	}
	w.EndArray()
	w.EndObject()
	return w.Buf, n
}

// append writes the trace of a record and the generation in it.
func (s *langfuse) append(w *jsonx.Writer, r *Record) {
	trace := r.Trace()
	start, end := r.Started, r.Started.Add(r.Duration)
	text := func(key, value string) {
		if value != "" {
			w.Key(key)
			w.String(value)
		}
	}
	event := func(id, kind string, body func()) {
		w.Object()
		text("id", r.ID+id)
		text("type", kind)
		text("timestamp", instant(end))
		w.Key("body")
		w.Object()
		body()
		w.EndObject()
		w.EndObject()
	}
	name := "litellm-" + CallType(r.Door)
	event("-trace", "trace-create", func() {
		text("id", trace.ID)
		text("timestamp", instant(start))
		text("name", name)
		if !s.opt.Form.HideKeys {
			text("userId", first(r.Who.Customer, r.Who.UserID))
		}
		text("sessionId", r.From.Session)
		text("environment", s.opt.Environment)
		text("release", s.opt.Note)
		w.Key("tags")
		w.Array()
		for _, tag := range r.Who.Tags {
			w.String(tag)
		}
		w.EndArray()
		s.content(w, r)
	})
	event("-generation", "generation-create", func() {
		text("id", trace.Call+trace.Span)
		text("traceId", trace.ID)
		text("name", name)
		text("environment", s.opt.Environment)
		text("startTime", instant(start.Add(r.Sent)))
		text("endTime", instant(end))
		if r.FirstToken > 0 {
			text("completionStartTime", instant(start.Add(r.FirstToken)))
		}
		text("model", Model(r))
		w.Key("modelParameters")
		appendParameters(w, r.Content)
		s.content(w, r)
		w.Key("usageDetails")
		w.Object()
		for _, u := range [...]struct {
			key string
			n   int64
		}{
			{"input", r.Usage.Input},
			{"output", r.Usage.Output},
			{"cache_read_input_tokens", r.Usage.CacheRead.Value},
			{"cache_creation_input_tokens", r.Usage.CacheWrite.Value},
			{"total", r.Usage.Prompt() + r.Usage.Output},
		} {
			w.Key(u.key)
			w.Int(u.n)
		}
		w.EndObject()
		if r.Usage.Cost.Set {
			w.Key("costDetails")
			w.Object()
			w.Key("total")
			w.Float(r.Usage.Cost.Value.USD())
			w.EndObject()
		}
		if r.Failed() {
			text("level", "ERROR")
			text("statusMessage", telemetry.Words(r.Err))
		}
		w.Key("metadata")
		s.opt.Form.metadata(w, r)
	})
}

// content writes input and output.
func (s *langfuse) content(w *jsonx.Writer, r *Record) {
	w.Key("input")
	appendMessages(w, r.Content)
	w.Key("output")
	appendResponse(w, r)
}

func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000000Z") }

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
