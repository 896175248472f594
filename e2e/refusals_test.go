package e2e

import (
	"testing"

	"outcrop/e2e/roughbedrock"
	"outcrop/llm"
)

// TestRefusalsBeforeTheFirstByte checks that AWS's refusals keep their status, if it is
// AWS's, and their words, with and without streaming, and are recorded once. The
// statuses are those of the service model of bedrock-runtime and of AWS's common
// errors. Package diagnose tests words that are more specific than the exception and
// lead to a finer verdict.
func TestRefusalsBeforeTheFirstByte(t *testing.T) {
	for _, tt := range []struct {
		name      string
		status    int
		kind, key string
		words     string
		want      int
		code      llm.Code
	}{
		{"an invalid request is 400", 400, "ValidationException", "message", "The request isn\u2019t as it should be.", 400, llm.CodeInvalid},
		{"a prompt that is too long is 400", 400, "ValidationException", "message", "Input is too long for requested model.", 400, llm.CodeTooLong},
		{"a spent quota is 400", 400, "ServiceQuotaExceededException", "message", "Your request exceeds the service quota for your account.", 400, llm.CodeServiceQuota},
		{"the authorization layer's Message is read", 403, "AccessDeniedException", "Message", "The quarry is not for everybody.", 403, llm.CodeDenied},
		{"an unknown access key is 403, not the caller's 401", 403, "UnrecognizedClientException", "message", "The security token included in the request is invalid.", 403, llm.CodeCredentialsInvalid},
		{"an expired token is 403", 403, "ExpiredTokenException", "message", "The security token included in the request is expired", 403, llm.CodeCredentialsExpired},
		{"AWS's 401 is 403", 401, "UnauthorizedException", "message", "Unauthorized", 403, llm.CodeDenied},
		{"an unknown model is 404", 404, "ResourceNotFoundException", "message", "Model not found.", 404, llm.CodeModelUnknown},
		{"a model's timeout is 408", 408, "ModelTimeoutException", "message", "Model has timed out in processing the request. Try your request again.", 408, llm.CodeTimeout},
		{"a model's error is 424", 424, "ModelErrorException", "message", "The model returned an error while processing the request.", 424, llm.CodeModelError},
		{"a model that is loading is 429", 429, "ModelNotReadyException", "message", "Model is not ready for inference. Wait and try your request again.", 429, llm.CodeModelNotReady},
		{"too many requests are 429", 429, "ThrottlingException", "message", "Too many requests, please wait before trying again.", 429, llm.CodeLimitRequests},
		{"an internal error is 500", 500, "InternalServerException", "message", "The system encountered an unexpected error during processing.", 500, llm.CodeServiceInternal},
		{"an overload is 503", 503, "ServiceUnavailableException", "message", "Bedrock is unable to process your request.", 503, llm.CodeUnavailable},
		{"an exception that nobody knows is 400", 422, "QuarryException", "message", "The quarry is closed.", 400, llm.CodeInvalid},
	} {
		for _, stream := range []bool{false, true} {
			t.Run(tt.name+", "+form(stream), func(t *testing.T) {
				b := newBench(t, func(c *roughbedrock.Call) { c.Refuse(tt.status, tt.kind, tt.key, tt.words, "Retry-After: 7") }, once)
				s := b.check(t, stream, want{status: tt.want, code: tt.code, words: tt.kind + ": " + tt.words})
				if s.header.Get("Retry-After") != "7" || s.header.Get("X-Amzn-Requestid") != roughbedrock.RequestID {
					t.Errorf("Retry-After and x-amzn-RequestId are not kept: %v", s.header)
				}
			})
		}
	}
}

// TestAnswersThatAreNone checks that an answer that is not Bedrock's, or is incomplete,
// is an error that blames the connection, and never an answer.
func TestAnswersThatAreNone(t *testing.T) {
	const page = "<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
	const half = `{"output":{"message":{"content":[{"text":"Gran"}],"role":"assistant"}},"stopReason":"end_turn","usage":{"inputTok`
	both := []bool{false, true}
	for _, tt := range []struct {
		name    string
		streams []bool
		script  roughbedrock.Script
		want    want
	}{
		{"closed before the header", both, func(c *roughbedrock.Call) { c.Cut(false) }, want{status: 502, code: llm.CodeUnreachable}},
		{"reset before the header", both, func(c *roughbedrock.Call) { c.Cut(true) }, want{status: 502, code: llm.CodeUnreachable}},
		{"a TLS alert in place of HTTP", both, func(c *roughbedrock.Call) {
			c.Send([]byte("\x15\x03\x01\x00\x02\x02\x2a\x16\x03\x01SSH-2.0-OpenSSH_9.6\r\n\r\n"))
			c.Cut(false)
		}, want{status: 502, code: llm.CodeUnreachable}},
		{"a proxy's page with 502", both, func(c *roughbedrock.Call) { c.Answer(502, "text/html", page, -1) }, want{status: 502, code: llm.CodeUnavailable, words: "502 Bad Gateway"}},
		{"200 with an empty body", []bool{false}, func(c *roughbedrock.Call) { c.Answer(200, "application/json", "", -1) }, want{status: 502, code: llm.CodeInterrupted}},
		{"200 with what is not JSON", []bool{false}, func(c *roughbedrock.Call) { c.Answer(200, "application/json", "It works!", -1) }, want{status: 502, code: llm.CodeInterrupted}},
		{"200 with an object without an answer", []bool{false}, func(c *roughbedrock.Call) { c.Answer(200, "application/json", "{}", -1) }, want{status: 502, code: llm.CodeInterrupted}},
		{"200 with half an answer", []bool{false}, func(c *roughbedrock.Call) { c.Answer(200, "application/json", half, -1) }, want{status: 502, code: llm.CodeInterrupted}},
		{"200 with a body that is shorter than it says", []bool{false}, func(c *roughbedrock.Call) {
			c.Answer(200, "application/json", half, 900)
			c.Cut(false)
		}, want{status: 502, code: llm.CodeInterrupted}},
		{"200 with a page in place of frames", []bool{true}, func(c *roughbedrock.Call) {
			c.Answer(200, "text/html", "<html><body>Please log in to the guest network</body></html>", -1)
		}, want{status: 502, code: llm.CodeInterrupted}},
		{"200 with no frame", []bool{true}, func(c *roughbedrock.Call) {
			c.Begin()
			c.End()
		}, want{status: 502, code: llm.CodeInterrupted}},
		{"200 with a start and no more", []bool{true}, func(c *roughbedrock.Call) {
			c.Begin()
			c.Frames(roughbedrock.Start())
			c.End()
		}, want{status: 502, code: llm.CodeInterrupted}},
		{"200 with a start and an end at once", []bool{true}, func(c *roughbedrock.Call) {
			c.Begin()
			c.Frames(roughbedrock.Start())
			c.Cut(true)
		}, want{status: 502, code: llm.CodeInterrupted}},
	} {
		for _, stream := range tt.streams {
			t.Run(tt.name+", "+form(stream), func(t *testing.T) {
				newBench(t, tt.script, once).check(t, stream, tt.want)
			})
		}
	}
}

func TestAConnectionThatIsRefusedIs503(t *testing.T) {
	for _, stream := range []bool{false, true} {
		t.Run(form(stream), func(t *testing.T) {
			g := startRough(t, once, "http://"+reservePort(t))
			s := g.ask(t, body(stream))
			g.stop(t)
			w := want{status: 503, code: llm.CodeUnreachable, words: "refused"}
			if s.status != w.status {
				t.Errorf("status %d, want %d", s.status, w.status)
			}
			w.compareFailure(t, s)
			w.compareRecord(t, stream, g.log.lines(t))
		})
	}
}

// TestSlowAnswersAre504 checks that the gateway gives up on a silent upstream, closes
// the connection, and reports it.
func TestSlowAnswersAre504(t *testing.T) {
	for _, tt := range []struct {
		name   string
		stream bool
		before func(*roughbedrock.Call)
	}{
		{"nothing comes, whole", false, func(*roughbedrock.Call) {}},
		{"nothing comes, streamed", true, func(*roughbedrock.Call) {}},
		{"no frame comes behind the header", true, (*roughbedrock.Call).Begin},
		{"half an answer comes, whole", false, func(c *roughbedrock.Call) { c.Answer(200, "application/json", `{"output":`, 900) }},
		{"only the start comes", true, func(c *roughbedrock.Call) {
			c.Begin()
			c.Frames(roughbedrock.Start())
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			left := make(chan bool, 1)
			b := newBench(t, func(c *roughbedrock.Call) {
				tt.before(c)
				left <- c.Left()
			}, shortTimeouts)
			s := b.ask(t, body(tt.stream))
			wait(t, left)
			b.compare(t, tt.stream, s, want{status: 504, code: llm.CodeTimeout, words: shortLimit.String()})
		})
	}
}
