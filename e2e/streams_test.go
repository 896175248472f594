package e2e

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"runtime"
	"slices"
	"sync"
	"testing"

	"outcrop/e2e/roughbedrock"
	"outcrop/llm"
)

// modelled are the exceptions that the service model declares for a stream, with AWS's
// words and the status of their type in the model.
func modelled() []struct {
	kind, words string
	status      int
	code        llm.Code
} {
	return []struct {
		kind, words string
		status      int
		code        llm.Code
	}{
		{"throttlingException", "Too many requests, please wait before trying again.", 429, llm.CodeLimitRequests},
		{"modelStreamErrorException", "The model's stream has failed.", 424, llm.CodeModelError},
		{"internalServerException", "The system encountered an unexpected error during processing.", 500, llm.CodeServiceInternal},
		{"validationException", "Something about the request is not as it should be.", 400, llm.CodeInvalid},
		{"serviceUnavailableException", "Bedrock is unable to process your request.", 503, llm.CodeUnavailable},
		{"modelTimeoutException", "Model has timed out in processing the request.", 408, llm.CodeTimeout},
		{"quarryException", "The quarry is closed.", 500, llm.CodeServiceInternal},
	}
}

// spoilt returns a copy of a frame with the bits of one byte inverted; a negative at
// counts from the end.
func spoilt(frame []byte, at int) []byte {
	frame = slices.Clone(frame)
	if at < 0 {
		at += len(frame)
	}
	frame[at] ^= 0xff
	return frame
}

// Positions of the checksums in a frame.
const (
	preludeCRC = 8
	messageCRC = -1
)

// TestStreamsThatBreakOff checks that everything before the failure is delivered,
// followed by an error event, and that nothing indicates a proper end.
func TestStreamsThatBreakOff(t *testing.T) {
	begun := slices.Clip(roughbedrock.Begun())
	sends := func(end func(*roughbedrock.Call), frames ...[]byte) roughbedrock.Script {
		return func(c *roughbedrock.Call) {
			c.Begin()
			c.Frames(frames...)
			end(c)
		}
	}
	orderly := (*roughbedrock.Call).End
	fin := func(c *roughbedrock.Call) { c.Cut(false) }
	reset := func(c *roughbedrock.Call) { c.Cut(true) }
	interrupted := want{status: 200, code: llm.CodeInterrupted, text: roughbedrock.BegunText(), logged: 502}
	tool := interrupted
	tool.text, tool.arguments = "", `{"city":"Par`
	thinking := interrupted
	thinking.text = ""
	failed := interrupted
	failed.code, failed.words, failed.logged = llm.CodeServiceInternal, "InternalFailure: An internal server error occurred", 500
	next := roughbedrock.Delta("igneous ")
	rest := append([][]byte{}, roughbedrock.Story("end_turn")[5:]...)
	for _, tt := range []struct {
		name   string
		script roughbedrock.Script
		want   want
	}{
		{"a reset", sends(reset, begun...), interrupted},
		{"a FIN", sends(fin, begun...), interrupted},
		{"an orderly end without messageStop", sends(orderly, begun...), interrupted},
		{"an orderly end behind a block", sends(orderly, append(begun, roughbedrock.BlockStop())...), interrupted},
		{"an orderly end inside a frame", sends(orderly, append(begun, next[:60])...), interrupted},
		{"a FIN inside a frame", sends(fin, append(begun, next[:60])...), interrupted},
		{"a FIN inside a prelude", sends(fin, append(begun, next[:5])...), interrupted},
		{"an orderly end in a tool call", sends(orderly, roughbedrock.Start(), roughbedrock.ToolStart("tooluse_1", "weather"), roughbedrock.ToolInput(`{"city":`), roughbedrock.ToolInput(`"Par`)), tool},
		{"an orderly end in reasoning", sends(orderly, roughbedrock.Start(), roughbedrock.Thought("The user "), roughbedrock.Thought("asks about gra")), thinking},
		{"a reset in reasoning", sends(reset, roughbedrock.Start(), roughbedrock.Thought("The user "), roughbedrock.Thought("asks about gra")), thinking},
		{"an error frame", sends(orderly, append(begun, roughbedrock.ErrorFrame("InternalFailure", "An internal server error occurred"))...), failed},
		{"a wrong message checksum", sends(orderly, append(append(begun, spoilt(next, messageCRC)), rest...)...), interrupted},
		{"a wrong prelude checksum", sends(orderly, append(append(begun, spoilt(next, preludeCRC)), rest...)...), interrupted},
		{"a payload that was changed", sends(orderly, append(append(begun, spoilt(next, -10)), rest...)...), interrupted},
		{"an event that is not JSON", sends(orderly, append(append(begun, roughbedrock.Event("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":`)), rest...)...), interrupted},
		{"an event of a wrong shape", sends(orderly, append(append(begun, roughbedrock.Event("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"text":7}}`)), rest...)...), interrupted},
		{"a FIN behind a broken chunk", func(c *roughbedrock.Call) {
			c.Begin()
			c.Frames(begun...)
			c.Send([]byte("zz\r\n"))
			c.Cut(false)
		}, interrupted},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newBench(t, tt.script, once).check(t, true, tt.want)
			if tt.want == thinking && s.reasoning != "The user asks about gra" {
				t.Errorf("delivered the reasoning %q", s.reasoning)
			}
		})
	}
	for _, e := range modelled() {
		t.Run(e.kind, func(t *testing.T) {
			script := sends(orderly, append(roughbedrock.Begun(), roughbedrock.Exception(e.kind, e.words))...)
			newBench(t, script, once).check(t, true, want{status: 200, code: e.code, words: e.words, text: roughbedrock.BegunText(), logged: e.status})
		})
	}
}

// TestExceptionsInTheFirstFrameAreStatuses checks that a failure before anything was
// sent to the client is an ordinary HTTP error.
func TestExceptionsInTheFirstFrameAreStatuses(t *testing.T) {
	for _, e := range modelled() {
		for _, before := range [][][]byte{nil, {roughbedrock.Start()}} {
			name := e.kind + " at once"
			if before != nil {
				name = e.kind + " behind messageStart"
			}
			t.Run(name, func(t *testing.T) {
				b := newBench(t, func(c *roughbedrock.Call) {
					c.Begin()
					c.Frames(append(before, roughbedrock.Exception(e.kind, e.words))...)
					c.End()
				}, once)
				s := b.check(t, true, want{status: e.status, code: e.code, words: e.words})
				if s.header.Get("X-Amzn-Requestid") != roughbedrock.RequestID {
					t.Errorf("x-amzn-RequestId is lost: %v", s.header)
				}
			})
		}
	}
}

// TestAStallEndsInAnErrorEvent checks that the gateway gives up on a stream that has
// become silent, and closes the connection.
func TestAStallEndsInAnErrorEvent(t *testing.T) {
	left := make(chan bool, 1)
	b := newBench(t, func(c *roughbedrock.Call) {
		c.Begin()
		c.Frames(roughbedrock.Begun()...)
		left <- c.Left()
	}, shortTimeouts)
	s := b.ask(t, streamed)
	wait(t, left)
	b.compare(t, true, s, want{status: 200, code: llm.CodeTimeout, words: shortLimit.String(), text: roughbedrock.BegunText(), logged: 504})
}

// TestAnInsaneLengthIsNotBelieved checks that a frame that claims two gigabytes is
// refused at its prelude, without allocating memory for it.
func TestAnInsaneLengthIsNotBelieved(t *testing.T) {
	prelude := binary.BigEndian.AppendUint32(nil, 0x7ffffff0)
	prelude = binary.BigEndian.AppendUint32(prelude, 80)
	prelude = binary.BigEndian.AppendUint32(prelude, crc32.ChecksumIEEE(prelude))
	filler := bytes.Repeat([]byte("x"), 1<<16)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	b := newBench(t, func(c *roughbedrock.Call) {
		c.Begin()
		c.Frames(append(roughbedrock.Begun(), prelude)...)
		for range 2000 { // 130 MB, if it were believed
			c.Frames(filler)
		}
		c.Left()
	}, once)
	b.check(t, true, want{status: 200, code: llm.CodeInterrupted, text: roughbedrock.BegunText(), logged: 502})
	runtime.ReadMemStats(&after)
	// Frames are copied when sent; in total much less than the claim.
	if grown := after.Sys - before.Sys; grown > 256<<20 {
		t.Errorf("the process took %d MB more", grown>>20)
	}
}

// TestStreamsThatAreOddButWhole checks that unknown parts are ignored, and that how the
// bytes are cut makes no difference.
func TestStreamsThatAreOddButWhole(t *testing.T) {
	story := roughbedrock.Story("end_turn")
	with := func(odd []byte) [][]byte { return slices.Insert(slices.Clone(story), 4, odd) }
	ending := func(reason, finish string) (roughbedrock.Script, want) {
		w := whole()
		w.finish = finish
		return func(c *roughbedrock.Call) { c.Complete(reason) }, w
	}
	plays := func(pieces ...[]byte) roughbedrock.Script {
		return func(c *roughbedrock.Call) {
			c.Begin()
			c.Frames(pieces...)
			c.End()
		}
	}
	var single [][]byte
	for _, piece := range bytes.Join(story, nil) {
		single = append(single, []byte{piece})
	}
	for _, tt := range []struct {
		name   string
		script roughbedrock.Script
	}{
		{"as Bedrock sends it", plays(story...)},
		{"an unknown event", plays(with(roughbedrock.Event("quarryReport", `{"depth":3}`))...)},
		{"an unknown delta", plays(with(roughbedrock.Event("contentBlockDelta", `{"contentBlockIndex":0,"delta":{"hologram":{"voxels":8}}}`))...)},
		{"unknown members", plays(with(roughbedrock.Event("contentBlockDelta", `{"colour":"grey","contentBlockIndex":0,"delta":{"text":""},"strata":[1,{"a":null}]}`))...)},
		{"split at every byte", plays(single...)},
		{"all in one segment", plays(bytes.Join(story, nil))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			newBench(t, tt.script, once).check(t, true, whole())
		})
	}
	t.Run("no metadata", func(t *testing.T) {
		w := whole()
		b := newBench(t, plays(story[:len(story)-1]...), once)
		s := b.ask(t, streamed)
		lines := b.close(t)
		w.compareEnd(t, true, s)
		if s.text != w.text || len(lines) != 1 || !lines[0].TokensEstimated || lines[0].CompletionTokens == 0 {
			t.Errorf("delivered %q, recorded %+v, want the whole text and an estimate", s.text, lines)
		}
	})
	for reason, finish := range map[string]string{
		"end_turn": "stop", "stop_sequence": "stop", "max_tokens": "length", "content_filtered": "content_filter",
		"guardrail_intervened": "content_filter", "model_context_window_exceeded": "length", "future_reason": "stop",
	} {
		for _, stream := range []bool{false, true} {
			t.Run("the stop reason "+reason+", "+form(stream), func(t *testing.T) {
				script, w := ending(reason, finish)
				newBench(t, script, once).check(t, stream, w)
			})
		}
	}
}

// TestPings checks that comments are sent while the model is silent; a later retry is
// invisible, and a later failure is an error event.
func TestPings(t *testing.T) {
	for _, recovers := range []bool{true, false} {
		name, settings := "a failure behind pings is an error event", "num_retries: 0, timeout: 30, keepalive_seconds: 1"
		if recovers {
			name, settings = "a retry behind pings is not seen", "num_retries: 1, timeout: 30, keepalive_seconds: 1"
		}
		t.Run(name, func(t *testing.T) {
			pinged := make(chan struct{})
			b := newBench(t, func(c *roughbedrock.Call) {
				if c.Number > 1 {
					c.Complete("end_turn")
					return
				}
				<-pinged // until then the model is silent
				c.Refuse(503, "ServiceUnavailableException", "message", "Bedrock is unable to process your request.")
			}, settings)
			ping := sync.OnceFunc(func() { close(pinged) })
			defer ping() // in case no comment arrives
			s := b.watch(t, streamed, func(s *seen) bool {
				if s.comments > 0 {
					ping()
				}
				return true
			})
			w := want{status: 200, code: llm.CodeUnavailable, words: "Bedrock is unable"}
			if recovers {
				w = whole()
				w.calls = 2
			}
			if s.comments == 0 {
				t.Error("no comment came")
			}
			calls := b.upstream.Calls()
			lines := b.close(t)
			if s.status != 200 || s.text != w.text || calls != max(1, w.calls) || len(lines) != 1 {
				t.Fatalf("status %d, text %q, %d calls, recorded %+v", s.status, s.text, calls, lines)
			}
			if recovers {
				w.compareEnd(t, true, s)
				return
			}
			w.compareFailure(t, s)
			if l := lines[0]; l.Status != 503 || l.Code != string(w.code) || l.TokensEstimated {
				t.Errorf("recorded %+v, want 503 and %s, with no tokens", l, w.code)
			}
		})
	}
}
