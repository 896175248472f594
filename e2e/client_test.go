package e2e

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"outcrop/internal/jsonx"
	"outcrop/llm"
)

// patience limits how long a test waits; only a failure takes that long. It must be
// long enough for a busy machine.
const patience = 2 * time.Minute

// question is a call that every gateway in these tests can answer.
const question = `{"model":"granite","messages":[{"role":"user","content":"What is granite?"}]}`

// streamed is the question with a streamed answer.
const streamed = `{"model":"granite","messages":[{"role":"user","content":"What is granite?"}],"stream":true}`

// body is the question, whole or streamed.
func body(stream bool) string {
	if stream {
		return streamed
	}
	return question
}

// seen is what the client received for a call.
type seen struct {
	status    int
	header    http.Header
	body      string // of an answer that is not streamed
	text      string
	reasoning string
	arguments string // of tool calls
	finish    []string
	failure   *failure // from the body, or an event
	usage     bool
	comments  int
	done      bool  // data: [DONE]
	broke     error // reading the answer failed

	lines *bufio.Reader // of a stream
}

// failure is OpenAI's error object.
type failure struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Param   *string `json:"param"`
	Code    string  `json:"code"`
	Outcrop struct {
		Code llm.Code `json:"code"`
	} `json:"outcrop"`
}

// answer is the part of an answer or a chunk that is examined.
type answer struct {
	Error   *failure `json:"error"`
	Choices []struct {
		Message      chatMessage `json:"message"`
		Delta        chatMessage `json:"delta"`
		FinishReason string      `json:"finish_reason"`
	} `json:"choices"`
	Usage *struct {
		TotalTokens int `json:"total_tokens"`
	} `json:"usage"`
}

type chatMessage struct {
	Content          string `json:"content"`
	ReasoningContent string `json:"reasoning_content"`
	ToolCalls        []struct {
		Function struct {
			Arguments string `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
}

// ask makes a chat completions call and reads the answer to its end.
func (g *gateway) ask(t *testing.T, body string) *seen {
	t.Helper()
	return g.watch(t, body, nil)
}

// watch is like ask, and calls each with the state after each event and comment; if
// that returns false, the client disconnects.
func (g *gateway) watch(t *testing.T, body string, each func(*seen) bool) *seen {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	resp := open(ctx, t, g.URL(), body)
	defer resp.Body.Close()
	s := &seen{}
	s.read(t, resp, each)
	return s
}

// open makes a call of the gateway at the address, on a connection of its own, and
// returns after the header of the answer.
func open(ctx context.Context, t *testing.T, url, body string) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+masterKey)
	req.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{DisableKeepAlives: true}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		t.Fatalf("the gateway gave no answer: %v", err)
	}
	return resp
}

// read reads an answer to its end, or until each, if not nil, returns false; the next
// read continues there.
func (s *seen) read(t *testing.T, resp *http.Response, each func(*seen) bool) {
	t.Helper()
	s.status, s.header = resp.StatusCode, resp.Header
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		body, err := io.ReadAll(resp.Body)
		s.body, s.broke = string(body), err
		if len(body) > 0 {
			s.take(t, body)
		}
		return
	}
	if s.lines == nil {
		s.lines = bufio.NewReader(resp.Body)
	}
	for {
		line, err := s.lines.ReadString('\n')
		line = strings.TrimSuffix(line, "\n")
		data, isData := strings.CutPrefix(line, "data: ")
		switch {
		case err == io.EOF:
			if line != "" {
				t.Errorf("the stream ends within a line: %q", line)
			}
			return
		case err != nil:
			s.broke = err
			return
		case s.done && line != "":
			t.Errorf("behind [DONE] came %q", line)
		case data == "[DONE]":
			s.done = true
		case isData:
			s.take(t, []byte(data))
		case strings.HasPrefix(line, ":"):
			s.comments++
		case line != "":
			t.Errorf("the stream holds %q", line)
		}
		if line != "" && each != nil && !each(s) {
			return
		}
	}
}

// take parses a body or an event.
func (s *seen) take(t *testing.T, data []byte) {
	t.Helper()
	var a answer
	if err := jsonx.Unmarshal(data, &a); err != nil {
		t.Errorf("the gateway sent %q: %v", data, err)
		return
	}
	if s.failure != nil {
		t.Errorf("behind an error came %q", data)
	}
	s.failure = a.Error
	s.usage = s.usage || a.Usage != nil
	for _, c := range a.Choices {
		s.text += c.Message.Content + c.Delta.Content
		s.reasoning += c.Message.ReasoningContent + c.Delta.ReasoningContent
		for _, call := range append(c.Message.ToolCalls, c.Delta.ToolCalls...) {
			s.arguments += call.Function.Arguments
		}
		if c.FinishReason != "" {
			s.finish = append(s.finish, c.FinishReason)
		}
	}
}
