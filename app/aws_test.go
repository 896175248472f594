package app_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"outcrop/app"
	"outcrop/wire/eventstream"
)

// frame is an event of ConverseStream, or with an exception's name a failure.
func frame(name, payload string) []byte {
	kind := eventstream.Header{Name: eventstream.HeaderEventType, Value: name}
	message := "event"
	if strings.HasSuffix(name, "Exception") {
		kind.Name, message = eventstream.HeaderExceptionType, "exception"
	}
	return eventstream.Append(nil, []eventstream.Header{kind, {Name: eventstream.HeaderContentType, Value: "application/json"}, {Name: eventstream.HeaderMessageType, Value: message}}, []byte(payload))
}

var (
	frameStart = frame("messageStart", `{"role":"assistant"}`)
	frameText  = frame("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":"granite"}}`)
	frameStop  = frame("messageStop", `{"stopReason":"end_turn"}`)
	frameUsage = frame("metadata", `{"metrics":{"latencyMs":1},"usage":{"inputTokens":3,"outputTokens":4,"totalTokens":7}}`)
)

const converseBody = `{"messages":[{"role":"user","content":[{"text":"What is granite?"}]}]}`

// fakeRuntime is a runtime API whose requests are not judged: they are the clients' own.
func fakeRuntime(t *testing.T, serve func(w http.ResponseWriter, r *http.Request)) *httptest.Server {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if strings.Contains(r.URL.Path, "stream") {
			w.Header().Set("Content-Type", "application/vnd.amazon.eventstream")
		}
		w.Header().Set("X-Amzn-Requestid", "aws-1")
		serve(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

// speaking is a client of one protocol.
func speaking(t *testing.T, certFile string, set func(*http.Protocols)) *http.Client {
	t.Helper()
	var p http.Protocols
	set(&p)
	transport := &http.Transport{Protocols: &p}
	if certFile != "" {
		data, err := os.ReadFile(certFile)
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(data)
		transport.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// certificate writes a certificate for 127.0.0.1, and its key.
func certificate(t *testing.T) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	writeSelfSigned(t, cert, key)
	return cert, key
}

func TestAWSDoorOverEveryProtocol(t *testing.T) {
	arrived := make(chan bool)
	upstream := fakeRuntime(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if !strings.HasSuffix(r.URL.Path, "stream") {
			_, _ = io.WriteString(w, answer)
			return
		}
		_, _ = w.Write(slices.Concat(frameStart, frameText))
		w.(http.Flusher).Flush()
		<-arrived // the client has what was sent so far
		_, _ = w.Write(slices.Concat(frameStop, frameUsage))
	})
	cert, key := certificate(t)
	plain := start(t, app.Options{Config: load(t, upstream.URL, "")})
	secure := start(t, app.Options{Config: load(t, upstream.URL, ""), CertFile: cert, KeyFile: key})
	if !strings.HasPrefix(secure.URL(), "https://") || secure.CertFile() != cert {
		t.Errorf("the address is %s", secure.URL())
	}
	for _, tt := range []struct {
		name   string
		app    *app.App
		client *http.Client
		major  int
	}{
		{"HTTP/1.1", plain, speaking(t, "", func(p *http.Protocols) { p.SetHTTP1(true) }), 1},
		{"HTTP/2 with prior knowledge", plain, speaking(t, "", func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }), 2},
		{"HTTPS", secure, speaking(t, cert, func(p *http.Protocols) { p.SetHTTP1(true) }), 1},
		{"HTTP/2 by ALPN", secure, speaking(t, cert, func(p *http.Protocols) { p.SetHTTP1(true); p.SetHTTP2(true) }), 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, err := tt.client.Post(tt.app.URL()+"/model/granite/converse", "application/json", strings.NewReader(converseBody))
			if err != nil {
				t.Fatal(err)
			}
			status, body := read(t, resp)
			if status != 200 || body != answer || resp.ProtoMajor != tt.major || resp.Header.Get("X-Amzn-Requestid") != "aws-1" {
				t.Errorf("%d over %s: %s", status, resp.Proto, body)
			}
			resp, err = tt.client.Post(tt.app.URL()+"/bedrock//model/granite/converse-stream", "application/json", strings.NewReader(converseBody))
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			first := make([]byte, len(frameStart)+len(frameText))
			if _, err := io.ReadFull(resp.Body, first); err != nil || !bytes.Equal(first, slices.Concat(frameStart, frameText)) {
				t.Errorf("the stream begins with %q (%v)", first, err)
			}
			arrived <- true
			if rest, err := io.ReadAll(resp.Body); err != nil || !bytes.Equal(rest, slices.Concat(frameStop, frameUsage)) {
				t.Errorf("and ends with %q (%v)", rest, err)
			}
			if resp.Header.Get("Content-Type") != "application/vnd.amazon.eventstream" {
				t.Errorf("header %v", resp.Header)
			}
			resp, err = tt.client.Post(tt.app.URL()+"/model//converse", "application/json", strings.NewReader(converseBody))
			if err != nil {
				t.Fatal(err)
			}
			if status, body := read(t, resp); status != 400 || resp.Header.Get("X-Amzn-Errortype") != "ValidationException" {
				t.Errorf("an empty id: %d %s", status, body)
			}
		})
	}
}

// Whatever goes wrong behind the gateway, no stream that failed looks finished, and what failed before
// the first content is an HTTP status or was retried.
func TestFaultsBehindTheAWSDoor(t *testing.T) {
	corrupt := slices.Clone(frameText)
	corrupt[len(corrupt)-1]++
	throttle := frame("throttlingException", `{"message":"slow down"}`)
	whole := slices.Concat(frameStart, frameText, frameStop, frameUsage)
	cut := func() { panic(http.ErrAbortHandler) }
	for _, tt := range []struct {
		name   string
		answer [][]byte // of one try each, the last for all that follow
		then   func()   // after what is sent
		status int
		typ    string   // of an HTTP error
		frames []string // types; exceptions last
		record string
	}{
		{name: "complete", answer: [][]byte{whole}, status: 200, frames: []string{"messageStart", "contentBlockDelta", "messageStop", "metadata"}, record: `"prompt_tokens":3,"completion_tokens":4`},
		{name: "empty", answer: [][]byte{nil}, status: 503, typ: "ServiceUnavailableException", record: `"code":"stream.interrupted"`},
		{name: "empty, then good", answer: [][]byte{nil, whole}, status: 200, frames: []string{"messageStart", "contentBlockDelta", "messageStop", "metadata"}, record: `"retries":1`},
		{name: "exception first", answer: [][]byte{throttle}, status: 429, typ: "ThrottlingException", record: `"code":"limit.requests"`},
		{name: "exception first, then good", answer: [][]byte{throttle, whole}, status: 200, frames: []string{"messageStart", "contentBlockDelta", "messageStop", "metadata"}, record: `"retries":1`},
		{name: "exception after the start", answer: [][]byte{slices.Concat(frameStart, throttle)}, status: 429, typ: "ThrottlingException", record: `"code":"limit.requests"`},
		{name: "exception after text", answer: [][]byte{slices.Concat(frameStart, frameText, throttle)}, status: 200, frames: []string{"messageStart", "contentBlockDelta", "throttlingException"}, record: `"code":"limit.requests"`},
		{name: "unmodelled exception", answer: [][]byte{slices.Concat(frameStart, frameText, frame("surpriseException", `{"message":"oh"}`))}, status: 200, frames: []string{"messageStart", "contentBlockDelta", "modelStreamErrorException"}, record: `"status":50`},
		{name: "end without messageStop", answer: [][]byte{slices.Concat(frameStart, frameText)}, status: 200, frames: []string{"messageStart", "contentBlockDelta", "modelStreamErrorException"}, record: `"code":"stream.interrupted"`},
		{name: "end without metadata", answer: [][]byte{slices.Concat(frameStart, frameText, frameStop)}, status: 200, frames: []string{"messageStart", "contentBlockDelta", "messageStop", "modelStreamErrorException"}, record: `"code":"stream.interrupted"`},
		{name: "cut connection", answer: [][]byte{slices.Concat(frameStart, frameText, frameText)}, then: cut, status: 200, frames: []string{"messageStart", "contentBlockDelta", "contentBlockDelta", "modelStreamErrorException"}, record: `"code":"stream.interrupted"`},
		{name: "half a frame", answer: [][]byte{slices.Concat(frameStart, frameText, frameText[:9])}, status: 200, frames: []string{"messageStart", "contentBlockDelta", "modelStreamErrorException"}, record: `"code":"stream.interrupted"`},
		{name: "wrong checksum", answer: [][]byte{slices.Concat(frameStart, frameText, corrupt, frameStop)}, status: 200, frames: []string{"messageStart", "contentBlockDelta", "modelStreamErrorException"}, record: `"code":"stream.interrupted"`},
		{name: "JSON", answer: [][]byte{[]byte(answer)}, status: 503, typ: "ServiceUnavailableException", record: `"code":"stream.interrupted"`},
	} {
		for _, protocol := range []string{"HTTP/1.1", "HTTP/2"} {
			t.Run(tt.name+" over "+protocol, func(t *testing.T) {
				tries := 0
				upstream := fakeRuntime(t, func(w http.ResponseWriter, r *http.Request) {
					_, _ = io.Copy(io.Discard, r.Body)
					_, _ = w.Write(tt.answer[min(tries, len(tt.answer)-1)])
					tries++
					w.(http.Flusher).Flush()
					if tt.then != nil {
						tt.then()
					}
				})
				var log lines
				a := start(t, app.Options{Config: load(t, upstream.URL, "router_settings: {num_retries: 1}"), Logger: slog.New(slog.NewJSONHandler(&log, nil))})
				client := speaking(t, "", func(p *http.Protocols) {
					p.SetHTTP1(protocol == "HTTP/1.1")
					p.SetUnencryptedHTTP2(protocol == "HTTP/2")
				})
				resp, err := client.Post(a.URL()+"/model/granite/converse-stream", "application/json", strings.NewReader(converseBody))
				if err != nil {
					t.Fatal(err)
				}
				status, body := read(t, resp) // which must end in good order
				if status != tt.status || resp.Header.Get("X-Amzn-Errortype") != tt.typ {
					t.Errorf("%d %s %q", status, resp.Header.Get("X-Amzn-Errortype"), body)
				}
				if got := types(body); status == 200 && !slices.Equal(got, tt.frames) {
					t.Errorf("frames %q, want %q", got, tt.frames)
				}
				client.CloseIdleConnections() // net/http waits a second for those of HTTP/2
				if err := a.Stop(context.Background()); err != nil || !strings.Contains(log.String(), tt.record) {
					t.Errorf("recorded %s", log.String())
				}
			})
		}
	}
}

// types lists the frames of a stream, with right checksums.
func types(body string) (out []string) {
	d := eventstream.NewDecoder(strings.NewReader(body))
	for {
		f, err := d.Next()
		switch {
		case errors.Is(err, io.EOF):
			return out
		case err != nil:
			return append(out, err.Error())
		}
		out = append(out, string(f.Header(eventstream.HeaderEventType))+string(f.Header(eventstream.HeaderExceptionType)))
	}
}

// A model that falls silent ends the stream in time, and a client that leaves ends the call to AWS.
func TestSilenceAndDepartureAtTheAWSDoor(t *testing.T) {
	gone := make(chan bool, 4)
	upstream := fakeRuntime(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(slices.Concat(frameStart, frameText))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
		gone <- true
	})
	quick := start(t, app.Options{Config: load(t, upstream.URL, "router_settings: {stream_timeout: 0.1}")})
	patient := start(t, app.Options{Config: load(t, upstream.URL, "")})
	for _, client := range []*http.Client{
		speaking(t, "", func(p *http.Protocols) { p.SetHTTP1(true) }),
		speaking(t, "", func(p *http.Protocols) { p.SetUnencryptedHTTP2(true) }),
	} {
		resp, err := client.Post(quick.URL()+"/model/granite/converse-stream", "application/json", strings.NewReader(converseBody))
		if err != nil {
			t.Fatal(err)
		}
		if _, body := read(t, resp); !slices.Equal(types(body), []string{"messageStart", "contentBlockDelta", "modelStreamErrorException"}) {
			t.Errorf("a silent model: %q", types(body))
		}
		<-gone
		ctx, leave := context.WithCancel(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, patient.URL()+"/model/granite/converse-stream", strings.NewReader(converseBody))
		if err != nil {
			t.Fatal(err)
		}
		if resp, err = client.Do(req); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(resp.Body, make([]byte, 10)); err != nil {
			t.Error(err)
		}
		leave()
		<-gone
		_ = resp.Body.Close()
	}
}

// repeated is a body of JSON of a size that takes no memory.
func repeated(size int) io.Reader {
	const begin, end = `{"messages":[{"role":"user","content":[{"text":"`, `"}]}]}`
	return io.MultiReader(strings.NewReader(begin), io.LimitReader(letters{}, int64(size-len(begin)-len(end))), strings.NewReader(end))
}

type letters struct{}

func (letters) Read(p []byte) (int, error) {
	const text = "the quick brown fox jumps over the lazy dog and then it does it all over again "
	for at := 0; at < len(p); {
		at += copy(p[at:], text)
	}
	return len(p), nil
}

func postLarge(ctx context.Context, a *app.App, operation string, size int) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.URL()+"/model/granite/"+operation, repeated(size))
	if err != nil {
		return nil, err
	}
	req.ContentLength = int64(size)
	return client.Do(req)
}

// A body passes through in memory of at most twice its size, and a stream does not keep it.
func TestALargeBodyThroughTheAWSDoor(t *testing.T) {
	const size = 25 << 20
	var before, during, streaming runtime.MemStats
	done := make(chan bool)
	upstream := fakeRuntime(t, func(w http.ResponseWriter, r *http.Request) {
		if n, _ := io.Copy(io.Discard, r.Body); n != size {
			t.Errorf("%d bytes arrived", n)
		}
		if strings.HasSuffix(r.URL.Path, "stream") {
			_, _ = w.Write(slices.Concat(frameStart, frameText))
			w.(http.Flusher).Flush()
			<-done
			_, _ = w.Write(slices.Concat(frameStop, frameUsage))
			return
		}
		runtime.GC() // the race detector doubles what slices.Grow allocates
		runtime.ReadMemStats(&during)
		_, _ = io.WriteString(w, answer)
	})
	a := start(t, app.Options{Config: load(t, upstream.URL, "")})
	runtime.GC()
	runtime.ReadMemStats(&before)
	resp, err := postLarge(t.Context(), a, "converse", size)
	if err != nil {
		t.Fatal(err)
	}
	if status, body := read(t, resp); status != 200 || body != answer {
		t.Fatalf("%d %s", status, body)
	}
	t.Logf("%d MB are in use for a body of %d MB, of %d MB allocated", (int64(during.HeapAlloc)-int64(before.HeapAlloc))>>20, size>>20, (during.TotalAlloc-before.TotalAlloc)>>20)
	if used := int64(during.HeapAlloc) - int64(before.HeapAlloc); used > 2*size {
		t.Errorf("%d MB are in use for a body of %d MB", used>>20, size>>20)
	}
	if resp, err = postLarge(t.Context(), a, "converse-stream", size); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(resp.Body, make([]byte, 10)); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&streaming)
	if kept := int64(streaming.HeapAlloc) - int64(before.HeapAlloc); kept > size/4 {
		t.Errorf("an open stream keeps %d MB", kept>>20)
	}
	close(done)
	if _, body := read(t, resp); !strings.Contains(body, "metadata") {
		t.Errorf("the stream is %q", body)
	}
}

// Many large bodies at once wait for one another instead of using up the memory.
func TestManyLargeBodiesAtTheAWSDoor(t *testing.T) {
	const size, most, calls = 2 << 20, 16 << 20, 50
	var mu sync.Mutex
	var peak, before runtime.MemStats
	upstream := fakeRuntime(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		mu.Lock()
		defer mu.Unlock()
		runtime.GC()
		var now runtime.MemStats
		if runtime.ReadMemStats(&now); now.HeapAlloc > peak.HeapAlloc {
			peak = now
		}
		_, _ = io.WriteString(w, answer)
	})
	a := start(t, app.Options{Config: load(t, upstream.URL, "general_settings: {max_in_flight_mb: 16}")})
	runtime.GC()
	runtime.ReadMemStats(&before)
	var all sync.WaitGroup
	var served atomic.Int32
	for range calls {
		all.Go(func() {
			resp, err := postLarge(t.Context(), a, "converse", size)
			if err != nil {
				t.Error(err)
				return
			}
			switch status, body := read(t, resp); {
			case status == 200:
				served.Add(1)
			case status != 503 || resp.Header.Get("X-Amz-Retry-After") == "": // on a busy machine some wait in vain
				t.Errorf("%d %s", status, body)
			}
		})
	}
	all.Wait()
	if served.Load() == 0 {
		t.Error("no call was served")
	}
	if used := int64(peak.HeapAlloc) - int64(before.HeapAlloc); used > most+calls*256<<10 { // each connection has buffers too
		t.Errorf("%d MB are used, with %d MB in flight allowed", used>>20, most>>20)
	}
}

// The keys of the configuration sign requests, and secrets stay secret.
func TestAccessKeysOfTheConfiguration(t *testing.T) {
	upstream := fakeRuntime(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, answer) })
	var log lines
	a := start(t, app.Options{
		Config: load(t, upstream.URL, `
general_settings: {master_key: sk-0f3a77c1}
outcrop_settings: {aws_door: {access_keys: [{access_key_id: AKIDGATEWAY, secret_access_key: swordfish}]}}
`), Logger: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	for secret, want := range map[string]int{"swordfish": 200, "other": 403} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, a.URL()+"/model/granite/converse", strings.NewReader(converseBody))
		if err != nil {
			t.Fatal(err)
		}
		signRequest(req, "AKIDGATEWAY", secret, converseBody, time.Now())
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		if status, body := read(t, resp); status != want || strings.Contains(body, "swordfish") {
			t.Errorf("%s: %d %s", secret, status, body)
		}
	}
	if strings.Contains(log.String(), "swordfish") {
		t.Errorf("the log has the secret: %s", log.String())
	}
}

// TestAGatewayThatIsItsOwnBedrockSaysSo has the address of the gateway in the place of Bedrock's, as
// somebody has who sets the clients' variable where the gateway runs too.
func TestAGatewayThatIsItsOwnBedrockSaysSo(t *testing.T) {
	var itself atomic.Pointer[url.URL]
	calls := 0
	front := httptest.NewServer(&httputil.ReverseProxy{Transport: client.Transport, Rewrite: func(r *httputil.ProxyRequest) {
		calls++
		r.SetURL(itself.Load())
	}})
	defer front.Close()
	a := start(t, app.Options{Config: load(t, front.URL, "litellm_settings: {num_retries: 3}"), Logger: slog.New(slog.DiscardHandler)})
	address, err := url.Parse(a.URL())
	if err != nil {
		t.Fatal(err)
	}
	itself.Store(address)
	status, body := post(t, a, `{"model":"granite","messages":[{"role":"user","content":"Hi"}]}`)
	if status != 400 || !strings.Contains(body, "call itself in place of Bedrock") || !strings.Contains(body, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME") || calls != 1 {
		t.Errorf("got %d %s after %d calls", status, body, calls)
	}
}
