package roundtrip

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// pairs runs a test of every pair of a frontend and a kind of provider; the kinds run in parallel, because
// each has a script of its own.
func pairs(t *testing.T, do func(t *testing.T, d *door, u *upstreamKind)) {
	t.Helper()
	pairsOf(t, doors(), upstreams(), do)
}

// faultPairs is pairs for the tables of faults.
func faultPairs(t *testing.T, do func(t *testing.T, d *door, u *upstreamKind)) {
	t.Helper()
	pairsOf(t, faultDoors(), slices.Concat(upstreams(), others()), do)
}

func pairsOf(t *testing.T, doors []*door, kinds []*upstreamKind, do func(t *testing.T, d *door, u *upstreamKind)) {
	t.Helper()
	for _, u := range kinds {
		t.Run(u.name, func(t *testing.T) {
			t.Parallel()
			for _, d := range doors {
				if d.served(u) {
					do(t, d, u)
				}
			}
		})
	}
}

// hello is a request of a text.
func hello(d *door, u *upstreamKind, stream bool) []byte {
	ask := conversations()[0].ask
	return d.dialect.writeRequest(&ask, u.name, stream)
}

func TestEveryRefusalIsAnErrorOfTheFrontendsDialect(t *testing.T) {
	t.Parallel()
	b := start(t, "litellm_settings: {num_retries: 0}")
	faultPairs(t, func(t *testing.T, d *door, u *upstreamKind) {
		t.Helper()
		for _, r := range refusals() {
			if r.kinds[u.vocabulary()] == "" {
				continue
			}
			for _, stream := range []bool{false, true} {
				s := r.script(u)
				b.fake.set(u.name, s)
				got, err := b.call(t.Context(), d, u.name, stream, hello(d, u, stream))
				if err != nil {
					t.Fatal(err)
				}
				e, ok := readError(d, got)
				client := r.client
				if client == http.StatusServiceUnavailable && d.name == "messages" {
					client = 529 // Anthropic's status for it
				}
				at := fmt.Sprintf("%s, %s, stream %t: %d %s", d.name, r.name, stream, got.status, got.body)
				if strings.HasPrefix(d.name, "gemini") && r.name == "content filter" { // which Gemini's API does not answer with an error
					if _, said, ok := blockedBy(got, stream); !ok || said == "" || strings.Contains(said, secret) {
						t.Errorf("%s: is no response to a blocked prompt", at)
					}
					if line := b.logged(t, got); !slices.Contains(r.codes, line.Code) || line.Status != r.client {
						t.Errorf("%s: the log has %+v", at, line)
					}
					continue
				}
				switch {
				case !ok, got.status != client, !slices.Contains(r.codes, e.code), !slices.Contains(errorTypes(d, got.status), e.kind):
					t.Errorf("%s: wants status %d, code %v, type %v", at, client, r.codes, errorTypes(d, client))
				case got.header.Get("Retry-After") != r.header.Get("Retry-After"):
					t.Errorf("%s: Retry-After %q", at, got.header.Get("Retry-After"))
				case strings.Contains(string(got.body), secret):
					t.Errorf("%s: shows the provider's key", at)
				}
			}
		}
	})
}

func TestARetryIsMadeForWhatMayPassOnly(t *testing.T) {
	t.Parallel()
	b := start(t, "litellm_settings: {num_retries: 1}")
	chat := doors()[0]
	for _, u := range upstreams() {
		t.Run(u.name, func(t *testing.T) {
			t.Parallel()
			for _, r := range refusals() {
				if r.kinds[u.vocabulary()] == "" || strings.HasPrefix(u.name, "vertex") && r.name == "401" { // for which Google's token is asked for anew
					continue
				}
				s := r.script(u)
				b.fake.set(u.name, s)
				if _, err := b.call(t.Context(), chat, u.name, false, hello(chat, u, false)); err != nil {
					t.Fatal(err)
				}
				if n := len(s.taken()); n != map[bool]int{false: 1, true: 2}[r.again] {
					t.Errorf("%s: %d attempts", r.name, n)
				}
			}
		})
	}
}

// half are the events of a response until its text has begun.
func half(u *upstreamKind, path string) []string {
	a := plainAnswer()
	events := u.speaks(path).writeStream(&a, u.model)
	return events[:len(events)/2]
}

// corrupt is an event that cannot be read.
func corrupt(u *upstreamKind, path string) string {
	switch dialect := u.speaks(path).(type) {
	case chat, completions:
		return "data: {\"choices\":[{\"index\":0,\"delta\":{\"con\n\n"
	case responses:
		return "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"del\n\n"
	case messages:
		return "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_del\n\n"
	case cohereChat:
		return "event: content-delta\ndata: {\"type\":\"content-delta\",\"delta\":{\"mess\n\n"
	case ollamaChat:
		return "{\"message\":{\"role\":\"assistant\",\"con\n"
	case generate:
		return "data: {\"candidates\":[{\"content\":{\"par\r\n\r\n"
	case hosted:
		return damaged(payloadPart("data: {}\n\n"))
	case converse, invoke:
		return damaged(frame("contentBlockDelta", object{"contentBlockIndex": 0, "delta": object{"text": "ite"}}))
	default:
		panic(fmt.Sprintf("nothing is corrupt in %T", dialect)) // a dialect without a row
	}
}

// damaged is a frame with another checksum.
func damaged(frame string) string {
	broken := []byte(frame)
	broken[len(broken)-1]++
	return string(broken)
}

// failures are events by which a provider says that a stream has failed, by name.
func failures(u *upstreamKind, path string) map[string]string {
	const said = "The model has failed while it responded."
	switch dialect := u.speaks(path).(type) {
	case chat, completions:
		return map[string]string{
			"error":   "data: " + encoded(object{"error": object{"message": said, "type": "server_error", "param": nil, "code": nil}}) + "\n\n",
			"no type": "data: " + encoded(object{"error": object{"message": said}}) + "\n\n",
			"a text":  "data: " + encoded(object{"error": said}) + "\n\n",
		}
	case responses:
		failed := responses{}.response(&answer{}, "rock")
		failed["status"], failed["error"] = "failed", object{"code": "server_error", "message": said}
		return map[string]string{
			"error":           "event: error\ndata: " + encoded(object{"type": "error", "code": "server_error", "message": said, "param": nil, "sequence_number": 9}) + "\n\n",
			"response.failed": "event: response.failed\ndata: " + encoded(object{"type": "response.failed", "sequence_number": 9, "response": failed}) + "\n\n",
		}
	case messages:
		return map[string]string{
			"error": "event: error\ndata: " + encoded(object{"type": "error", "error": object{"type": "overloaded_error", "message": said}}) + "\n\n",
		}
	case cohereChat:
		end := func(reason string) string {
			return "event: message-end\ndata: " + encoded(object{"type": "message-end", "delta": object{"error": said, "finish_reason": reason}}) + "\n\n"
		}
		return map[string]string{"ERROR": end("ERROR"), "TIMEOUT": end("TIMEOUT")}
	case ollamaChat:
		return map[string]string{"error": encoded(object{"error": said}) + "\n"}
	case generate:
		return map[string]string{
			"error": "data: " + encoded(object{"error": object{"code": 503, "message": said, "status": "UNAVAILABLE"}}) + "\r\n\r\n",
		}
	case hosted:
		out := map[string]string{
			"ModelStreamError":      exceptionFrame("ModelStreamError", object{"ErrorCode": "ModelInvocationTimeExceeded", "Message": said}),
			"InternalStreamFailure": exceptionFrame("InternalStreamFailure", object{"Message": said}),
		}
		if _, generates := dialect.reads.(generation); generates {
			out["error"] = payloadPart("data:" + encoded(object{"error": said, "error_type": "generation"}) + "\n\n")
		} else {
			out["error"] = payloadPart("data: " + encoded(object{"error": object{"message": said, "type": "InternalServerError", "code": 500}}) + "\n\n")
		}
		return out
	case converse, invoke:
		out := map[string]string{
			"modelStreamErrorException":   exceptionFrame("modelStreamErrorException", object{"message": said, "originalStatusCode": 500}),
			"internalServerException":     exceptionFrame("internalServerException", object{"message": said}),
			"throttlingException":         exceptionFrame("throttlingException", object{"message": said}),
			"serviceUnavailableException": exceptionFrame("serviceUnavailableException", object{"message": said}),
		}
		if _, invokes := dialect.(invoke); invokes {
			out["error"] = frame("chunk", object{"bytes": []byte(encoded(object{"type": "error", "error": object{"type": "overloaded_error", "message": said}}))})
		}
		return out
	default:
		panic(fmt.Sprintf("nothing fails in %T", dialect)) // a dialect without a row
	}
}

func TestAFailedStreamNeverLooksFinished(t *testing.T) {
	t.Parallel()
	unhurried := start(t, "litellm_settings: {num_retries: 0}")
	short := start(t, "litellm_settings: {num_retries: 0}\nrouter_settings: {stream_timeout: 0.3}") // for what stalls, as below
	faultPairs(t, func(t *testing.T, d *door, u *upstreamKind) {
		t.Helper()
		path := u.path(d)
		begun := half(u, path)
		table := map[string]*script{
			"cut":     {events: begun, end: "cut"},
			"corrupt": {events: append(slices.Clone(begun), corrupt(u, path))},
			"stall":   {events: begun, end: "stall"},
			"silence": {events: begun[:1], end: "stall"},
			"ended":   {events: begun},
			"empty":   {events: []string{}},
		}
		for name, event := range failures(u, path) {
			table["failed at once: "+name] = &script{events: []string{event}}
			table["failed: "+name] = &script{events: append(slices.Clone(begun), event)}
		}
		for name, s := range table {
			b := unhurried
			if s.end == "stall" {
				b = short
			}
			b.fake.set(u.name, s)
			got, err := b.call(t.Context(), d, u.name, true, hello(d, u, true))
			if err != nil {
				t.Errorf("%s, %s: %v", d.name, name, err)
				continue
			}
			at := fmt.Sprintf("%s, %s: %d %s", d.name, name, got.status, got.body)
			if n := len(s.taken()); n != 1 {
				t.Errorf("%d attempts: %s", n, at)
			}
			if strings.Contains(string(got.body), secret) {
				t.Errorf("%s: shows the provider's key", at)
			}
			if s.end == "stall" {
				select {
				case <-s.gone:
				case <-time.After(patience):
					t.Errorf("the provider's connection stays open: %s", at)
				}
			}
			if got.status != http.StatusOK {
				if e, ok := readError(d, got); !ok || e.code == "" {
					t.Errorf("is no error of the dialect: %s", at)
				}
				continue
			}
			if a, err := d.dialect.readAnswer(got.body, true); err == nil && got.broke == nil {
				t.Errorf("looks finished: %+v, %s", a, at)
			}
			aws := d.name == "converse" || d.name == "invoke"
			passed := strings.HasPrefix(name, "failed") && slices.Contains(d.passes, u.name) // the provider's own event
			if !aws && !passed && !strings.Contains(string(got.body), `"outcrop":{"code":"`) {
				t.Errorf("says no code: %s", at)
			}
		}
	})
}

// TestAStreamThatIsCutAnywhereNeverLooksFinished ends a response behind each of its events but the last ones,
// with which it is complete.
func TestAStreamThatIsCutAnywhereNeverLooksFinished(t *testing.T) {
	t.Parallel()
	b := start(t, "litellm_settings: {num_retries: 0}")
	faultPairs(t, func(t *testing.T, d *door, u *upstreamKind) {
		t.Helper()
		a := answer{parts: []part{text("It is granite."), {kind: kindCall, id: "toolu_1", name: "find", args: `{"rock":"granite"}`}}, stop: stopTool, usage: map[string]int{countInput: 30, countOutput: 12}}
		path := u.path(d)
		switch spoken(u.speaks(path)).(type) {
		case completions, generation:
			a.parts, a.stop = a.parts[:1], stopEnd
		}
		events := u.speaks(path).writeStream(&a, u.model)
		for n := range len(events) - marks(u.speaks(path)) {
			for _, end := range []string{"", "cut"} {
				s := &script{events: events[:n], end: end}
				b.fake.set(u.name, s)
				got, err := b.call(t.Context(), d, u.name, true, hello(d, u, true))
				if err != nil {
					t.Fatal(err)
				}
				at := fmt.Sprintf("%s, %d of %d events, end %q: %d %s", d.name, n, len(events), end, got.status, got.body)
				if got.status != http.StatusOK {
					if e, ok := readError(d, got); !ok || e.code == "" {
						t.Errorf("is no error of the dialect: %s", at)
					}
				} else if a, err := d.dialect.readAnswer(got.body, true); err == nil && got.broke == nil {
					t.Errorf("looks finished: %+v, %s", a, at)
				}
			}
		}
	})
}

// marks are how many events at the end of a dialect's stream complete the response. After a finish_reason,
// OpenAI's vendors may leave out the usage and [DONE].
func marks(dialect reads) int {
	switch spoken(dialect).(type) {
	case chat:
		return 3
	case completions:
		return 2
	default:
		return 1
	}
}

// TestAResponseThatFailedNeverLooksFinished is the table of faults of non-streaming responses.
func TestAResponseThatFailedNeverLooksFinished(t *testing.T) {
	t.Parallel()
	unhurried := start(t, "litellm_settings: {num_retries: 0}")
	short := start(t, "litellm_settings: {num_retries: 0}\nrouter_settings: {timeout: 0.5}") // for what stalls: on a busy machine, other calls need longer
	faultPairs(t, func(t *testing.T, d *door, u *upstreamKind) {
		t.Helper()
		a := plainAnswer()
		body := u.speaks(u.path(d)).writeAnswer(&a, u.model)
		for name, s := range map[string]*script{
			"cut":        {body: body[:len(body)/2], end: "cut"},
			"corrupt":    {body: body[:len(body)/2]},
			"empty":      {},
			"no content": {body: "{}"},
			"a page":     {body: "<html><body>Bad gateway</body></html>"},
			"stall":      {body: body[:len(body)/2], end: "stall"},
		} {
			b := unhurried
			if s.end == "stall" {
				b = short
			}
			b.fake.set(u.name, s)
			got, err := b.call(t.Context(), d, u.name, false, hello(d, u, false))
			if err != nil {
				t.Fatal(err)
			}
			at := fmt.Sprintf("%s, %s: %d %s", d.name, name, got.status, got.body)
			e, ok := readError(d, got)
			aws := d.name == "converse" || d.name == "invoke" // a whole body of AWS's reaches its SDK as it is
			switch {
			case aws && s.end == "" && got.status == http.StatusOK && string(got.body) == s.body:
			case !ok, e.code == "", got.status < 500:
				t.Errorf("is no error of the dialect: %s", at)
			case strings.Contains(string(got.body), secret):
				t.Errorf("shows the provider's key: %s", at)
			}
			if n := len(s.taken()); n != 1 {
				t.Errorf("%d attempts: %s", n, at)
			}
			if s.end == "stall" {
				select {
				case <-s.gone:
				case <-time.After(patience):
					t.Errorf("the provider's connection stays open: %s", at)
				}
			}
		}
	})
}

func TestAClientThatGoesEndsTheProvidersCall(t *testing.T) {
	t.Parallel()
	b := start(t, "litellm_settings: {num_retries: 0}")
	faultPairs(t, func(t *testing.T, d *door, u *upstreamKind) {
		t.Helper()
		s := &script{events: half(u, u.path(d)), end: "stall"}
		b.fake.set(u.name, s)
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.URL()+d.path(url.PathEscape(u.name), true), strings.NewReader(string(hello(d, u, true))))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+masterKey)
		req.Header.Set("Content-Type", "application/json")
		resp, err := b.client.Do(req)
		if err != nil {
			t.Fatalf("%s: %v", d.name, err)
		}
		if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
			t.Errorf("%s: %v", d.name, err)
		}
		_ = resp.Body.Close() // before its end: the client goes
		select {
		case <-s.gone:
		case <-ctx.Done():
			t.Errorf("%s: the provider's call goes on", d.name)
		}
		if n := len(s.taken()); n != 1 {
			t.Errorf("%s: %d attempts", d.name, n)
		}
	})
}
