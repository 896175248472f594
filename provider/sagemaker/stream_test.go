package sagemaker_test

import (
	"slices"
	"strings"
	"testing"

	"outcrop/llm"
	"outcrop/provider/providertest/dialects"
)

func TestStreamsOfGeneratedTextAreRead(t *testing.T) {
	for _, body := range []string{
		"data:{\"token\":{\"text\":\"Gran\"}}\n\ndata:{\"token\":{\"text\":\"ite.\"},\"generated_text\":\"Granite.\",\"details\":null}\n\n",
		"{\"token\":{\"text\":\"Gran\"}}\n{\"token\":{\"text\":\"ite.\"},\"generated_text\":\"Granite.\"}\n",
		"{\"outputs\":[\"Gran\"]}\n{\"outputs\":[\"ite.\"]}\n",
		"[{\"generated_text\":\"Granite.\"}]",
	} {
		a := startAWS(t, always(200, "application/vnd.amazon.eventstream", dialects.PayloadPart(body)))
		text, err := chat(t, opened(t, "sagemaker", "rocks", a.URL, nil), true)
		if err != nil || text != "Granite." || a.seen[0].URL.Path != "/endpoints/rocks/invocations-response-stream" {
			t.Errorf("%s: %q, %v, from %s", body, text, err, a.seen[0].URL)
		}
	}
}

func TestAStreamEndsWithSageMakersException(t *testing.T) {
	begin := dialects.PayloadPart(`data: {"id":"1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":"Gran"}}]}` + "\n\n")
	for _, tt := range []struct {
		kind, body string
		code       llm.Code
		words      string
	}{
		{"ModelStreamError", `{"Message":"The container closed the stream.","ErrorCode":"StreamBroken"}`, llm.CodeInterrupted, "closed the stream. (StreamBroken)"},
		{"ModelStreamError", `{"Message":"Too slow.","ErrorCode":"ModelInvocationTimeExceeded"}`, llm.CodeTimeout, "Too slow."},
		{"ModelStreamError", `{"Message":"CUDA out of memory","ErrorCode":"Other"}`, llm.CodeModelError, "CUDA out of memory"},
		{"InternalStreamFailure", `{"Message":"Try again."}`, llm.CodeServiceInternal, "Try again."},
		{"InternalStreamFailure", `{}`, llm.CodeServiceInternal, "InternalStreamFailure"},
	} {
		a := startAWS(t, always(200, "application/vnd.amazon.eventstream", begin+dialects.StreamException(tt.kind, tt.body)))
		_, err := chat(t, opened(t, "sagemaker_chat", "rocks", a.URL, nil), true)
		if e := llm.AsError(err); e.Code != tt.code || !strings.Contains(e.Message, tt.words) || e.Type != tt.kind || e.Status < 500 {
			t.Errorf("%s: the error is %+v", tt.body, e)
		}
	}
}

func TestStreamsAreReadHoweverTheyAreCut(t *testing.T) {
	chunk := func(text, finish string) string {
		return `{"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"` + text + `"},"finish_reason":` + finish + `}]}`
	}
	events := "data: " + chunk("Gran", "null") + "\n\n: ping\n\ndata: " + chunk("ite. \u5ca9", `"stop"`) + "\n\ndata: [DONE]\n\n"
	records := chunk("Gran", "null") + "\n" + chunk("ite. \u5ca9", `"stop"`)
	for name, body := range map[string]string{"server-sent events": events, "lines of JSON": records + "\n", "lines of JSON without an end": records} {
		for size := 1; size < len(body); size = size*2 + 1 {
			var wire strings.Builder
			for part := range slices.Chunk([]byte(body), size) {
				wire.WriteString(dialects.PayloadPart(string(part)))
			}
			a := startAWS(t, always(200, "application/vnd.amazon.eventstream", wire.String()))
			if text, err := chat(t, opened(t, "sagemaker_chat", "rocks", a.URL, nil), true); err != nil || text != "Granite. \u5ca9" {
				t.Errorf("%s in parts of %d bytes: %q, %v", name, size, text, err)
			}
		}
	}
}

func TestAServerOfTheUsersOwnStreamsWithoutFrames(t *testing.T) {
	a := startAWS(t, always(200, "text/event-stream", "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Granite.\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"))
	if text, err := chat(t, opened(t, "sagemaker_chat", "rocks", a.URL, nil), true); err != nil || text != "Granite." {
		t.Error(text, err)
	}
}
