package e2e

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"outcrop/e2e/litellmproxy"
	"outcrop/internal/jsonx"
	"outcrop/internal/port"
)

// litellmPatience limits each call of LiteLLM's proxy, and what waits for its start.
const litellmPatience = litellmproxy.Patience

// litellmPin is LiteLLM's package with its version.
var litellmPin = pin{folder: "litellm", name: "litellm"}

// litellmProgram is LiteLLM's proxy as scripts/setup-tests installs it.
func litellmProgram(t *testing.T) litellmproxy.Program {
	t.Helper()
	return litellmproxy.Find(t, "..")
}

// reservePort returns the address of a port that is reserved until the test ends, for a
// program that needs a given port.
func reservePort(t *testing.T) string {
	t.Helper()
	r, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Release(); err != nil {
			t.Error(err)
		}
	})
	return r.Address()
}

// refreshLists makes Outcrop refresh its lists.
func refreshLists(t *testing.T, address string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), litellmPatience)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address+"/catalog/refresh", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+masterKey)
	resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var read struct {
		Lists []struct {
			Region string    `json:"region"`
			Error  jsonx.Raw `json:"error"`
		} `json:"lists"`
	}
	if err := jsonx.Unmarshal(body, &read); err != nil || resp.StatusCode != http.StatusOK || len(read.Lists) == 0 {
		t.Fatalf("POST /catalog/refresh: %d %s", resp.StatusCode, body)
	}
	for _, l := range read.Lists {
		if len(l.Error) > 0 && string(l.Error) != "null" {
			t.Errorf("the list of %s: %s", l.Region, l.Error)
		}
	}
}

// chatAnswer is the part of an answer or an event that is examined.
type chatAnswer struct {
	Error *struct {
		Message string `json:"message"`
	} `json:"error"`
	Choices []struct {
		Message      chatMessage `json:"message"`
		Delta        chatMessage `json:"delta"`
		FinishReason string      `json:"finish_reason"`
	} `json:"choices"`
}

// readAttempt reads an answer, streamed or not. It is not strict about the form: the
// question is whether the model was reached.
func readAttempt(t *testing.T, resp *http.Response, want string) attempt {
	t.Helper()
	a := attempt{status: resp.StatusCode, header: resp.Header}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		a.failure = err.Error()
		return a
	}
	a.body = string(body)
	events := []string{a.body}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		events = nil
		lines := bufio.NewScanner(strings.NewReader(string(body)))
		lines.Buffer(nil, len(body)+1)
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && data != "[DONE]" {
				events = append(events, data)
			}
		}
	}
	var text, finish string
	for _, event := range events {
		var c chatAnswer
		if err := jsonx.Unmarshal([]byte(event), &c); err != nil {
			a.failure = "an answer of " + strconv.Quote(event)
			return a
		}
		if c.Error != nil {
			a.failure = c.Error.Message
		}
		for _, choice := range c.Choices {
			text += choice.Message.Content + choice.Delta.Content
			finish += choice.FinishReason
		}
	}
	a.answered = a.failure == "" && finish != "" && strings.Contains(text, want)
	if !a.answered && a.failure == "" {
		a.failure = "an answer of " + strconv.Quote(text)
	}
	return a
}
