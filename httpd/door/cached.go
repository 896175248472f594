package door

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"outcrop/gateway"
	"outcrop/httpd/inbound"
	"outcrop/internal/httpfield"
	"outcrop/internal/jsonx"
	"outcrop/llm"
	"outcrop/wire/litellm"
)

// Cached answers a request from the response cache, and reports whether it has, be it with a refusal, which write writes. Otherwise
// body has what is left for the frontend to read. q needs no body, and headers that change answers are named by
// headers.
//
//go:noinline
func Cached(w http.ResponseWriter, r *http.Request, call *gateway.Call, body *inbound.Body, q gateway.Query, write func(http.ResponseWriter, *llm.Error), headers ...string) bool {
	q.Body, q.Control, q.Setting = body.Bytes, httpfield.First(r.Header, "Cache-Control"), litellm.SetsConnection
	for _, name := range headers {
		q.Headers = append(q.Headers, r.Header[name]...)
	}
	hit, left, err := call.Lookup(r.Context(), &q)
	switch {
	case err != nil:
		body.Release()
		write(w, Fail(w, call, err))
		return true
	case hit == nil:
		body.Bytes = left
		return false
	}
	body.Release()
	h := w.Header()
	Head(h, call)
	h["X-Litellm-Cache-Key"] = []string{hit.Key}
	h["X-Outcrop-Cache"] = []string{"hit; age=" + strconv.FormatInt(hit.Age, 10)}
	if hit.Similarity > 0 {
		h["X-Litellm-Semantic-Similarity"] = []string{similarity(hit.Similarity)}
	}
	if hit.Live != nil {
		follow(w, r, call, hit, write)
		return true
	}
	answer := hit.Body
	if hit.Asked != "" {
		answer = renamed(answer, hit.Model, hit.Asked)
	}
	if !call.Streams() {
		WriteJSON(w, http.StatusOK, answer)
		return true
	}
	h["Content-Type"] = []string{"text/event-stream"}
	h["Cache-Control"] = []string{"no-cache"}
	h["X-Accel-Buffering"] = []string{"no"} // nginx must not buffer events
	w.WriteHeader(http.StatusOK)
	inbound.WriteWhole(w, answer)
	return true
}

// similarity is a similarity as Python writes it.
func similarity(f float64) string {
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// keepAlive is after how much silence a comment is sent.
const keepAlive = 15 * time.Second

// follow writes the stream of an identical call as it comes. If that call ends without saying why, a last event has the refusal that
// write writes.
func follow(w http.ResponseWriter, r *http.Request, call *gateway.Call, hit *gateway.Hit, write func(http.ResponseWriter, *llm.Error)) {
	defer hit.Live.Close()
	events := inbound.NewEvents(w, ": ping\n\n", keepAlive)
	defer events.Close()
	for {
		part, err := hit.Live.Next(r.Context())
		switch {
		case err == nil:
		case llm.AsError(err).Code == llm.CodeInterrupted:
			_ = events.Write(failure(w, llm.AsError(err), write), true) // the end of the response, which follows, sends it too
			return
		default:
			return
		}
		if hit.Asked != "" {
			part = renamed(part, hit.Model, hit.Asked)
		}
		if err := events.Write(part, false); err != nil {
			_ = call.Fail(&llm.Error{Code: llm.CodeClientGone, Status: 499, Message: "the client went away"})
			return
		}
	}
}

// failure is a refusal as the last event of a stream: the body that write writes in its dialect. Where dialects give events names,
// that of an error is the type of the body.
func failure(w http.ResponseWriter, e *llm.Error, write func(http.ResponseWriter, *llm.Error)) []byte {
	body := refusal{header: w.Header().Clone()}
	write(&body, e)
	var event bytes.Buffer
	if members, err := jsonx.Members(body.Bytes()); err == nil {
		var kind string
		if v := jsonx.Find(members, "type"); len(v) > 0 && jsonx.Unmarshal(v, &kind) == nil {
			event.WriteString("event: " + kind + "\n")
		}
	}
	event.WriteString("data: ")
	event.Write(body.Bytes())
	event.WriteString("\n\n")
	return event.Bytes()
}

// refusal is a response of which only the body is wanted.
type refusal struct {
	bytes.Buffer
	header http.Header
}

func (r *refusal) Header() http.Header { return r.header }

func (*refusal) WriteHeader(int) {}

// mostKeys is how many keys of inputs a header has.
const mostKeys = 16

// partHits tells how many inputs of a request the response cache had. The key is there if it had all, as for whole answers.
func partHits(h http.Header, call *gateway.Call) {
	hits, of, keys, age := call.PartHits()
	if hits == 0 {
		return
	}
	if hits == of {
		h["X-Litellm-Cache-Key"] = []string{strings.Join(keys[:min(len(keys), mostKeys)], ",")}
	}
	h["X-Outcrop-Cache"] = []string{"hit; inputs=" + strconv.Itoa(hits) + "/" + strconv.Itoa(of) + "; age=" + strconv.FormatInt(age, 10)}
}

// Respond writes a whole answer, which the response cache may keep.
func Respond(ctx context.Context, w http.ResponseWriter, call *gateway.Call, body []byte) {
	call.Keep(ctx, body)
	WriteJSON(w, http.StatusOK, body)
}

// renamed is an answer with another model's name, because names can share answers: in the document, or in each event
// of a stream.
func renamed(answer []byte, from, to string) []byte {
	if len(answer) > 0 && answer[0] == '{' {
		parts, err := jsonx.EditMembers(answer, []jsonx.Edit{{Name: "model", Value: jsonx.AppendString(nil, to)}}, nil)
		if err != nil {
			return answer
		}
		return bytes.Join(parts, nil)
	}
	// In a text these quotation marks would be escaped.
	name := func(s string) []byte { return jsonx.AppendString([]byte(`"model":`), s) }
	return bytes.ReplaceAll(answer, name(from), name(to))
}
