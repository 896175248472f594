package app_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"outcrop/app"
)

// pieces is a fake of OpenAI's API that streams what the test sends it; an error before the first piece is for a refusal.
type pieces struct {
	*httptest.Server
	began chan chan string
	gone  chan struct{}
}

func newPieces(t *testing.T) *pieces {
	p := &pieces{began: make(chan chan string, 16), gone: make(chan struct{}, 16)}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `{"object":"list","data":[]}`)
			return
		}
		if !strings.Contains(string(body), `"stream":true`) {
			_, _ = io.WriteString(w, completion)
			return
		}
		send := make(chan string)
		p.began <- send
		for begun := false; ; begun = true {
			select {
			case <-r.Context().Done():
				p.gone <- struct{}{}
				return
			case part, more := <-send:
				switch {
				case !more:
					return
				case part == "refuse":
					w.WriteHeader(http.StatusBadRequest)
					_, _ = io.WriteString(w, `{"error":{"message":"no","type":"invalid_request_error"}}`)
					return
				case !begun:
					w.Header().Set("Content-Type", "text/event-stream")
				}
				_, _ = io.WriteString(w, part)
				_ = http.NewResponseController(w).Flush()
			}
		}
	}))
	t.Cleanup(p.Close)
	return p
}

func piece(text string) string {
	return fmt.Sprintf(chunkHead+`{"index":0,"delta":{"role":"assistant","content":%q},"finish_reason":null}],"usage":null}`+"\n\n", text)
}

const lastWords = chunkHead + `{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}` + "\n\n" + chunkHead + `],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}` + "\n\ndata: [DONE]\n\n"

// reader is a client that reads a stream event by event.
type reader struct {
	resp  *http.Response
	lines *bufio.Reader
	all   strings.Builder
}

func stream(ctx context.Context, t *testing.T, a *app.App, body string) *reader {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL()+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Error(err)
		return nil
	}
	resp, err := client.Do(req) //nolint:bodyclose // until closes it
	if err != nil {
		if ctx.Err() == nil {
			t.Error(err)
		}
		return nil
	}
	return &reader{resp: resp, lines: bufio.NewReader(resp.Body)}
}

// until reads up to a text; an empty one is the end.
func (r *reader) until(t *testing.T, text string) string {
	t.Helper()
	for {
		line, err := r.lines.ReadString('\n')
		r.all.WriteString(line)
		switch {
		case text != "" && strings.Contains(line, text):
			return r.all.String()
		case err == io.EOF && text == "":
			if err := r.resp.Body.Close(); err != nil {
				t.Error(err)
			}
			return r.all.String()
		case err != nil:
			t.Errorf("%q is not there: %v\n%s", text, err, r.all.String())
			return r.all.String()
		}
	}
}

const streamed = `{"model":"gpt","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true}`

func followed(t *testing.T) (*app.App, *pieces, func(n int)) {
	p := newPieces(t)
	a := caching(t, &maker{Server: p.Server}, cacheOn)
	return a, p, func(n int) {
		t.Helper()
		until(t, "calls are open", func() bool { return a.Client().Pipeline().Open() == int64(n) })
	}
}

// Identical streams at the same time are one call, whose words all get as they come.
func TestIdenticalStreamsAreOne(t *testing.T) {
	a, p, open := followed(t)
	followers := make(chan *reader)
	leader := make(chan *reader)
	go func() { leader <- stream(t.Context(), t, a, streamed+`}`) }()
	send := <-p.began
	open(1)
	for range 2 {
		go func() { followers <- stream(t.Context(), t, a, streamed+`}`) }()
	}
	open(3)
	send <- piece("first words")
	first := <-leader
	first.until(t, "first words")
	all := []*reader{<-followers, <-followers}
	for _, r := range all {
		r.until(t, "first words")
		if r.resp.Header.Get("X-Outcrop-Cache") != "hit; age=0" || r.resp.Header.Get("X-Litellm-Response-Cost") != "0" || r.resp.Header.Get("X-Litellm-Cache-Key") == "" {
			t.Errorf("%v", r.resp.Header)
		}
	}
	go func() { followers <- stream(t.Context(), t, a, streamed+`}`) }() // in the middle of the answer
	late := <-followers
	late.until(t, "first words")
	send <- piece("more words")
	for _, r := range append(all, first, late) {
		r.until(t, "more words")
	}
	send <- lastWords
	close(send)
	whole := first.until(t, "")
	for _, r := range append(all, late) {
		if got := r.until(t, ""); got != whole || !strings.Contains(got, "[DONE]") {
			t.Errorf("a follower has\n%s\ninstead of\n%s", got, whole)
		}
	}
	if first.resp.Header.Get("X-Litellm-Cache-Key") != "" || len(p.began) > 0 {
		t.Errorf("%v, %d more calls", first.resp.Header, len(p.began))
	}
	open(0)
	if r := stream(t.Context(), t, a, streamed+`}`); r.until(t, "") != whole || r.resp.Header.Get("X-Litellm-Cache-Key") == "" {
		t.Errorf("%v %s", r.resp.Header, r.all.String())
	}
	_, metrics := get(t, a.URL()+"/metrics")
	for _, line := range []string{`outcrop_cache_requests_total{result="miss"} 1`, `outcrop_cache_requests_total{result="shared"} 3`, `outcrop_cache_requests_total{result="hit"} 1`, `outcrop_cache_saved_usd_total{model="gpt"} 0.056`} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("/metrics lacks %s", line)
		}
	}
}

// The client of the call leaves: those who follow it have all of it, and when they leave too, it ends.
func TestAStreamGoesOnWithoutItsClient(t *testing.T) {
	a, p, open := followed(t)
	for _, all := range []bool{false, true} {
		more := fmt.Sprintf(`,"seed":%v}`, map[bool]int{false: 1, true: 2}[all])
		ctx, leave := context.WithCancel(t.Context())
		leader, follower := make(chan *reader), make(chan *reader)
		go func() { leader <- stream(ctx, t, a, streamed+more) }()
		send := <-p.began
		also, leaveToo := context.WithCancel(t.Context())
		go func() { follower <- stream(also, t, a, streamed+more) }()
		open(2)
		send <- piece("first words")
		r := <-follower
		(<-leader).until(t, "first words")
		r.until(t, "first words")
		leave()
		for range 20 { // so many that a write to the client fails
			send <- piece("next words " + strings.Repeat("x", 4<<10))
			r.until(t, "next words")
		}
		if all {
			leaveToo()
			<-p.gone
			open(0)
			continue
		}
		send <- lastWords
		close(send)
		if whole := r.until(t, ""); strings.Count(whole, "next words") != 20 || !strings.Contains(whole, "[DONE]") {
			t.Errorf("%s", whole)
		}
		open(0)
		leaveToo()
		if again := stream(t.Context(), t, a, streamed+more); again.until(t, "") == "" || again.resp.Header.Get("X-Litellm-Cache-Key") == "" {
			t.Errorf("%v", again.resp.Header)
		}
	}
}

// A call that fails before its first words is made by the others themselves; after that they have its error.
func TestAStreamThatFails(t *testing.T) {
	a, p, open := followed(t)
	readers := make(chan *reader)
	ask := func(more string) { readers <- stream(t.Context(), t, a, streamed+more) }
	go ask(`}`)
	send := <-p.began
	go ask(`}`)
	open(2)
	send <- "refuse"
	if r := <-readers; r.resp.StatusCode != http.StatusBadRequest {
		t.Errorf("%d", r.resp.StatusCode)
	}
	send = <-p.began
	send <- piece("of its own")
	send <- lastWords
	close(send)
	if r := <-readers; r.resp.StatusCode != http.StatusOK || !strings.Contains(r.until(t, ""), "of its own") {
		t.Errorf("%d %s", r.resp.StatusCode, r.all.String())
	}
	open(0)
	go ask(`,"seed":3}`)
	send = <-p.began
	go ask(`,"seed":3}`)
	open(2)
	send <- piece("first words")
	until(t, "the other call follows", func() bool {
		_, metrics := get(t, a.URL()+"/metrics")
		return strings.Contains(metrics, "outcrop_cache_requests_total{result=\"shared\"} 1\n")
	})
	close(send) // it breaks off
	one, other := (<-readers).until(t, ""), (<-readers).until(t, "")
	if one != other || !strings.Contains(one, `"error"`) {
		t.Errorf("%s\n%s", one, other)
	}
	if len(p.began) > 0 {
		t.Error("a call that broke off is made again")
	}
	open(0)
}

// Whoever waits for nothing but its client's end leaves with it.
func TestAFollowerLeaves(t *testing.T) {
	a, p, open := followed(t)
	leader := make(chan *reader)
	go func() { leader <- stream(t.Context(), t, a, streamed+`}`) }()
	send := <-p.began
	ctx, leave := context.WithTimeout(t.Context(), time.Hour)
	left := make(chan *reader)
	go func() { left <- stream(ctx, t, a, streamed+`}`) }()
	open(2)
	leave()
	<-left
	open(1)
	send <- piece("words")
	send <- lastWords
	close(send)
	if whole := (<-leader).until(t, ""); !strings.Contains(whole, "[DONE]") {
		t.Error(whole)
	}
	open(0)
}
