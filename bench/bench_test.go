package main

import (
	"bufio"
	"bytes"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"outcrop/internal/jsonx"
	"outcrop/provider/bedrock/invoke"
	wire "outcrop/wire/converse"
	"outcrop/wire/openaichat"
)

// TestMain lets the test binary act as the program when it starts itself.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && slices.Contains([]string{"upstream", "proxy", "profiled"}, os.Args[1]) {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

// startUpstream runs the replacement of Bedrock in this process.
func startUpstream(t *testing.T) (address string) {
	t.Helper()
	return startBeating(t, time.Hour)
}

// startBeating is startUpstream with the time between two beats.
func startBeating(t *testing.T, every time.Duration) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := newUpstream(every)
	done := make(chan error, 1)
	go func() { done <- u.serve(l) }()
	t.Cleanup(func() {
		_ = l.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// startProxy runs the proxy in this process.
func startProxy(t *testing.T, upstream string) (address string) {
	t.Helper()
	transport := newTransport()
	t.Cleanup(transport.CloseIdleConnections)
	server := httptest.NewServer(newProxy(&url.URL{Scheme: "http", Host: upstream}, transport, true))
	t.Cleanup(server.Close)
	return server.Listener.Addr().String()
}

func TestCallsComeThroughWhole(t *testing.T) {
	upstream := startUpstream(t)
	proxy := startProxy(t, upstream)
	for name, address := range map[string]string{"direct": upstream, "through the proxy": proxy} {
		for what, k := range map[string]kind{
			"a whole answer":       {model: modelBurst},
			"a stream at once":     {model: modelBurst, stream: true},
			"a stream with pauses": {model: modelPaced, stream: true},
			"Claude's message":     {api: apiMessages, model: claudeBurst},
			"Claude's stream":      {api: apiMessages, model: claudePaced, stream: true},
		} {
			t.Run(what+" "+name, func(t *testing.T) {
				if err := closedLoop(t.Context(), address, k.proxy(), 2, 6); err != nil {
					t.Error(err)
				}
				took, err := openLoop(t.Context(), address, k.proxy(), 1000, 8)
				if err != nil || len(took) != 8 {
					t.Errorf("%d calls answered, %v; want 8", len(took), err)
				}
			})
		}
	}
}

func TestAnAnswerThatIsNotWholeFailsTheRun(t *testing.T) {
	for name, reply := range map[string]string{
		"another status": "HTTP/1.1 500 Oops\r\nContent-Length: 10\r\n\r\n{Granite}\n",
		"no content":     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
		"another end":    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{Granite ",
		"cut":            "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{Granite}",
	} {
		t.Run(name, func(t *testing.T) {
			here, there := net.Pipe()
			go func() {
				defer there.Close()
				if _, err := http.ReadRequest(bufio.NewReader(there)); err == nil {
					_, _ = there.Write([]byte(reply))
				}
			}()
			defer here.Close()
			c := &client{conn: here, in: bufio.NewReader(here)}
			k := kind{model: modelBurst}
			small := k.proxy()
			small.bytes = []byte("GET / HTTP/1.1\r\nHost: bench\r\n\r\n")
			if _, err := c.call(small, time.Now()); err == nil {
				t.Error("the answer was taken for a whole one")
			}
		})
	}
}

func TestHeldStreamsComeToTheirEndWhenTheyAreReleased(t *testing.T) {
	address := startUpstream(t)
	asked := kind{model: modelHeld, stream: true}.proxy()
	streams, err := hold(t.Context(), address, asked, 3)
	defer streams.close()
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{upstream: &process{address: address}}
	for _, want := range []int{3, 0} {
		if n, err := b.release(t.Context()); n != want || err != nil {
			t.Errorf("%d streams were released, %v; want %d", n, err, want)
		}
	}
	if err := streams.finish(asked); err != nil {
		t.Error(err)
	}
	c := streams[0]
	if _, err := c.call(kind{model: modelBurst}.proxy(), time.Now()); err != nil {
		t.Errorf("the connection of a stream that has ended: %v", err)
	}
}

func TestAHeldStreamThatIsCutFailsTheRun(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\nGranite\r\n"
	for name, reply := range map[string]string{
		"in the middle":                        head + "9\r\n is a",
		"before a last chunk":                  head + "5\r\n rock\r\n",
		"with a good end that lacks something": head + "5\r\n rock\r\n0\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			here, there := net.Pipe()
			go func() {
				defer there.Close()
				if _, err := http.ReadRequest(bufio.NewReader(there)); err == nil {
					_, _ = there.Write([]byte(reply))
				}
			}()
			defer here.Close()
			c := &client{conn: here, in: bufio.NewReader(here)}
			asked := traffic{bytes: []byte("GET / HTTP/1.1\r\nHost: bench\r\n\r\n"), mark: []byte(marker), suffix: []byte("data: [DONE]\n\n")}
			err := c.open(asked)
			if err == nil {
				_, err = c.finish(asked)
			}
			if err == nil {
				t.Error("the stream was taken for a whole one")
			}
		})
	}
}

func TestBothSidesAreAskedTheSame(t *testing.T) {
	png, err := picture()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(png); n < 1e6 || n > 1.1e6 {
		t.Errorf("the picture has %d bytes; want about 1 MB", n)
	}
	req, err := openaichat.Decode(openAIChat(modelBurst, false, png), openaichat.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var translated jsonx.Writer
	_, err = wire.WriteRequest(&translated, &req.LLM)
	if err != nil {
		t.Fatal(err)
	}
	ours, err := wire.DecodeRequest(translated.Buf)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := wire.DecodeRequest(converse(png))
	if err != nil {
		t.Fatal(err)
	}
	if len(ours.Turns) != len(theirs.Turns) || ours.MaxTokens != theirs.MaxTokens || ours.System[0].Text != theirs.System[0].Text {
		t.Errorf("the proxy is asked %+v; Outcrop asks %+v", theirs, ours)
	}
	for i := range ours.Turns {
		for j, b := range ours.Turns[i].Blocks {
			other := theirs.Turns[i].Blocks[j]
			if b.Text != other.Text || (b.Media == nil) != (other.Media == nil) || b.Media != nil && !b.Media.Base64.Equal(other.Media.Base64) {
				t.Errorf("turn %d, block %d differ", i, j)
			}
		}
	}
}

func TestStreamHasAsManyDeltasAsItIsSaidToHave(t *testing.T) {
	n := 0
	for _, f := range frames() {
		if strings.Contains(string(f), "contentBlockDelta") {
			n++
		}
	}
	if n != deltas {
		t.Errorf("%d deltas; want %d", n, deltas)
	}
}

// Outcrop sends the upstream what the proxy is given, so that both have the same work.
func TestInvokeModelIsAskedWhatOutcropAsks(t *testing.T) {
	model := invoke.NewModel("anthropic", "claude-haiku-4-5", nil)
	adapted, err := invoke.Adapt(model, messages(claudeBurst, true), nil, invoke.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := bytes.Join(adapted.Body, nil), messages("", true); !bytes.Equal(got, want) {
		t.Errorf("Outcrop asks\n%s\nthe proxy is asked\n%s", got, want)
	}
}

func TestStreamsOfBothAPIsSayTheSame(t *testing.T) {
	var text, other strings.Builder
	for _, f := range frames() {
		text.WriteString(between(string(f), `"text":"`))
	}
	for _, e := range messageEvents() {
		if strings.Contains(e, "text_delta") {
			other.WriteString(between(e, `"text":"`))
		}
	}
	if text.String() != other.String() || len(chunkFrames()) != len(messageEvents()) {
		t.Errorf("got %q and %q", text.String(), other.String())
	}
}

func between(s, begin string) string {
	_, rest, _ := strings.Cut(s, begin)
	text, _, _ := strings.Cut(rest, `"`)
	return text
}

func TestPeakOfLargeBodiesIsMeasured(t *testing.T) {
	b := startBench(t)
	b.rounds = 1
	all, err := b.peaks(t.Context(), 2, 4<<20)
	if err != nil || len(all) != 2 {
		t.Fatalf("got %v, %v; want figures of two servers", all, err)
	}
	if grown := all[0].figures[0]; grown < 4 || grown > 100 {
		t.Errorf("Outcrop grew by %v MB for two bodies of 4 MB", grown)
	}
}

func TestTheNumbersOfProcessorsEndWithAllThatThereAre(t *testing.T) {
	for there, want := range map[int][]int{1: {1}, 2: {1, 2}, 6: {1, 2, 4, 6}, 8: {1, 2, 4, 8}, 64: {1, 2, 4, 8, 16}} {
		if got := coreCounts(there); !slices.Equal(got, want) {
			t.Errorf("%d processors: %v, want %v", there, got, want)
		}
	}
}
