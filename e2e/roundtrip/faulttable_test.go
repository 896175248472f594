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
	for _, u := range upstreams() {
		t.Run(u.name, func(t *testing.T) {
			t.Parallel()
			for _, d := range doors() {
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
	pairs(t, func(t *testing.T, d *door, u *upstreamKind) {
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
				if d.name == "gemini" && r.name == "content filter" { // which Gemini's API does not answer with an error
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
func corrupt(u *upstreamKind) string {
	switch u.vocabulary() {
	case "openai":
		return "data: {\"choices\":[{\"index\":0,\"delta\":{\"con\n\n"
	case "anthropic":
		return "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_del\n\n"
	case "cohere":
		return "event: content-delta\ndata: {\"type\":\"content-delta\",\"delta\":{\"mess\n\n"
	case "ollama":
		return "{\"message\":{\"role\":\"assistant\",\"con\n"
	case "google":
		return "data: {\"candidates\":[{\"content\":{\"par\r\n\r\n"
	default:
		broken := []byte(frame("contentBlockDelta", object{"contentBlockIndex": 0, "delta": object{"text": "ite"}}))
		broken[len(broken)-1]++ // of its checksum
		return string(broken)
	}
}

func TestAFailedStreamNeverLooksFinished(t *testing.T) {
	t.Parallel()
	b := start(t, "litellm_settings: {num_retries: 0}\nrouter_settings: {stream_timeout: 1}")
	pairs(t, func(t *testing.T, d *door, u *upstreamKind) {
		t.Helper()
		begun := half(u, u.path(d))
		for name, s := range map[string]*script{
			"cut":     {events: begun, end: "cut"},
			"corrupt": {events: append(slices.Clone(begun), corrupt(u))},
			"stall":   {events: begun, end: "stall"},
			"ended":   {events: begun},
			"empty":   {events: []string{}},
		} {
			b.fake.set(u.name, s)
			got, err := b.call(t.Context(), d, u.name, true, hello(d, u, true))
			if err != nil {
				t.Fatal(err)
			}
			at := fmt.Sprintf("%s, %s: %d %s", d.name, name, got.status, got.body)
			if n := len(s.taken()); n != 1 {
				t.Errorf("%s: %d attempts", at, n)
			}
			if strings.Contains(string(got.body), secret) {
				t.Errorf("%s: shows the provider's key", at)
			}
			if name == "stall" {
				select {
				case <-s.gone:
				case <-time.After(patience):
					t.Errorf("%s: the provider's connection stays open", at)
				}
			}
			if got.status != http.StatusOK {
				if e, ok := readError(d, got); !ok || e.code == "" {
					t.Errorf("%s: is no error of the dialect", at)
				}
				continue
			}
			if a, err := d.dialect.readAnswer(got.body, true); err == nil && got.broke == nil {
				t.Errorf("%s: looks finished: %+v", at, a)
			}
			aws := d.name == "converse" || d.name == "invoke"
			if !aws && !strings.Contains(string(got.body), `"stream.interrupted"`) && !strings.Contains(string(got.body), `"service.timeout"`) {
				t.Errorf("%s: says no code", at)
			}
		}
	})
}

func TestAClientThatGoesEndsTheProvidersCall(t *testing.T) {
	t.Parallel()
	b := start(t, "litellm_settings: {num_retries: 0}")
	pairs(t, func(t *testing.T, d *door, u *upstreamKind) {
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
