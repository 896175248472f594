package diagnose_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"outcrop/llm"
	"outcrop/provider/bedrock/diagnose"
	"outcrop/upstream"
	"outcrop/wire/converse"
)

var target = llm.Destination{API: "converse", Region: "us-east-1", ID: "m"}

// TestRefusals holds AWS's refusals to a code and to the status that the client
// gets. The messages are AWS's.
func TestRefusals(t *testing.T) {
	tests := []struct {
		aws     int
		name    string
		message string
		code    llm.Code
		status  int
	}{
		{400, "ValidationException", "The provided model identifier is invalid.", llm.CodeModelUnknown, 400},
		{400, "ValidationException", "Invocation of model ID deepseek.r1-v1:0 with on-demand throughput isn’t supported. Retry your request with the ID or ARN of an inference profile that contains this model.", llm.CodeModelNeedsProfile, 400},
		{400, "ValidationException", "1 validation error detected: Value 'The provided model identifier is invalid with on-demand throughput isn' at 'toolConfig.tools.1.member.toolSpec.name' failed to satisfy constraint", llm.CodeInvalid, 400},
		{400, "ValidationException", "Invocation of model ID deepseek.r1-v1:0 with on-demand throughput isn't supported.", llm.CodeModelNeedsProfile, 400},
		{400, "ValidationException", "Input is too long for requested model.", llm.CodeTooLong, 400},
		{400, "ValidationException", "The model returned the following errors: prompt is too long: 250000 tokens > 200000 maximum", llm.CodeTooLong, 400},
		{400, "ValidationException", "Output blocked by content filtering policy", llm.CodeContentFiltered, 400},
		{400, "ValidationException", "The model returned the following errors: Output blocked by content filtering policy", llm.CodeContentFiltered, 400},
		{400, "ValidationException", "tools.0.name: 'Output blocked by content filtering policy' is not valid", llm.CodeInvalid, 400},
		{403, "AccessDeniedException", "You don't have access to the model with the specified model ID.", llm.CodeNotGranted, 403},
		{403, "UnrecognizedClientException", "The security token included in the request is invalid.", llm.CodeCredentialsInvalid, 403},
		{403, "ExpiredTokenException", "The security token included in the request is expired", llm.CodeCredentialsExpired, 403},
		{403, "InvalidSignatureException", "The request signature we calculated does not match the signature you provided.", llm.CodeSignature, 403},
		{403, "MissingAuthenticationTokenException", "Missing Authentication Token", llm.CodeCredentialsMissing, 403},
		{404, "ResourceNotFoundException", "Model not found.", llm.CodeModelUnknown, 404},
		{408, "ModelTimeoutException", "Model has timed out in processing the request.", llm.CodeTimeout, 408},
		{424, "ModelErrorException", "The system encountered an unexpected error during processing.", llm.CodeModelError, 424},
		{429, "ModelNotReadyException", "Model is not ready for inference.", llm.CodeModelNotReady, 429},
		{429, "ThrottlingException", "Too many requests, please wait before trying again.", llm.CodeLimitRequests, 429},
		{400, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account.", llm.CodeServiceQuota, 400},
		{500, "InternalServerException", "The system encountered an unexpected error.", llm.CodeServiceInternal, 500},
		{503, "ServiceUnavailableException", "Bedrock is unable to process your request.", llm.CodeUnavailable, 503},
		// What has no type, or one that nobody knows, is judged by its status.
		{400, "", "odd", llm.CodeInvalid, 400},
		{401, "", "odd", llm.CodeDenied, 403},
		{403, "NewException", "odd", llm.CodeDenied, 403},
		{404, "", "odd", llm.CodeModelUnknown, 404},
		{408, "", "odd", llm.CodeTimeout, 408},
		{413, "", "odd", llm.CodeTooLong, 413},
		{424, "", "odd", llm.CodeModelError, 424},
		{429, "", "odd", llm.CodeLimitRequests, 429},
		{500, "", "odd", llm.CodeServiceInternal, 500},
		{502, "", "<html>bad gateway</html>", llm.CodeUnavailable, 502},
		{504, "", "odd", llm.CodeTimeout, 502},
		// What Bedrock never answers is that of something in between, and none of the
		// client's business, whatever words stand in it.
		{302, "", "odd", llm.CodeUnreachable, 502},
		{402, "", "odd", llm.CodeUnreachable, 502},
		{405, "", "odd", llm.CodeUnreachable, 502},
		{406, "", "odd", llm.CodeUnreachable, 502},
		{407, "", "<html>Proxy Authentication Required</html>", llm.CodeUnreachable, 502},
		{409, "", "odd", llm.CodeUnreachable, 502},
		{410, "", "odd", llm.CodeUnreachable, 502},
		{411, "", "odd", llm.CodeUnreachable, 502},
		{414, "", "odd", llm.CodeUnreachable, 502},
		{415, "", "odd", llm.CodeUnreachable, 502},
		{417, "", "odd", llm.CodeUnreachable, 502},
		{418, "", "odd", llm.CodeUnreachable, 502},
		{421, "", "odd", llm.CodeUnreachable, 502},
		{422, "", "Input is too long for requested model.", llm.CodeUnreachable, 502},
		{425, "", "odd", llm.CodeUnreachable, 502},
		{426, "", "odd", llm.CodeUnreachable, 502},
		{428, "", "odd", llm.CodeUnreachable, 502},
		{431, "", "odd", llm.CodeUnreachable, 502},
		{451, "", "odd", llm.CodeUnreachable, 502},
		{402, "Payment_required", "odd", llm.CodeUnreachable, 502},
		{409, "ConflictException", "odd", llm.CodeInvalid, 400}, // which says its name
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.aws, " ", tt.name, " ", tt.message), func(t *testing.T) {
			f := converse.DecodeFault(tt.aws, tt.name, "aws-1", "7", []byte(`{"message":"`+tt.message+`"}`))
			e := diagnose.Fault(f, diagnose.Case{Target: target})
			if e.Code != tt.code || e.Status != tt.status {
				t.Errorf("got %s with status %d, want %s with %d", e.Code, e.Status, tt.code, tt.status)
			}
			if !e.Upstream || e.Message != tt.message || e.Type != tt.name || e.UpstreamStatus != tt.aws || e.RequestID != "aws-1" || e.RetryAfter != "7" || e.Destination != target {
				t.Errorf("AWS's words are not kept: %+v", e)
			}
		})
	}
}

// A status that is not AWS's is the operator's to look into.
func TestAStatusOfAProxyIsTheOperators(t *testing.T) {
	e := diagnose.Fault(converse.DecodeFault(407, "", "", "", []byte("Proxy Authentication Required")), diagnose.Case{Target: target})
	if e.Responsible() != llm.ActorOperator || e.CanRetry() != llm.RetryNowElsewhere || !strings.Contains(e.Cause, "407") || !strings.Contains(e.Fix, "HTTPS_PROXY") {
		t.Errorf("got %+v", e)
	}
}

func TestARefusalWithoutWordsSaysSo(t *testing.T) {
	e := diagnose.Fault(converse.DecodeFault(403, "AccessDeniedException", "", "", nil), diagnose.Case{Target: target})
	if e.Message != "Bedrock gave no reason." || e.Code != llm.CodeDenied {
		t.Errorf("got %+v", e)
	}
}

func TestTheModelsOwnWordsStandBehindAWSs(t *testing.T) {
	f := converse.DecodeFault(424, "ModelErrorException", "", "", []byte(`{"message":"The model failed.","originalStatusCode":400,"originalMessage":"no such tool"}`))
	if e := diagnose.Fault(f, diagnose.Case{Target: target}); e.Message != "The model failed. (no such tool)" {
		t.Errorf("got %s", e.Message)
	}
}

func TestAnAnswerThatIsNotWholeIsNoRefusal(t *testing.T) {
	for _, kind := range []converse.FaultKind{converse.FaultCut, converse.FaultCorrupt} {
		e := diagnose.Fault(&converse.Fault{Kind: kind, Message: "it ended", Err: io.ErrUnexpectedEOF}, diagnose.Case{Target: target})
		if e.Code != llm.CodeInterrupted || e.Status != 502 || e.Upstream || !errors.Is(e, io.ErrUnexpectedEOF) || !strings.Contains(e.Message, "it ended") {
			t.Errorf("%v: got %+v", kind, e)
		}
	}
}

// reason is what must stand in a message of an error: its words, without what net
// adds to them.
func reason(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok {
		return op.Err.Error()
	}
	return err.Error()
}

func TestCallsWithoutAnAnswer(t *testing.T) {
	own := &llm.Error{Code: llm.CodeTimeout, Status: 504}
	tests := []struct {
		name   string
		err    error
		code   llm.Code
		status int
		fix    bool
	}{
		{"nothing could be reached", &upstream.Error{Unreachable: true, Err: errors.New("dial tcp: no route to host")}, llm.CodeUnreachable, 503, true},
		{"the connection broke", &upstream.Error{Err: io.ErrUnexpectedEOF}, llm.CodeUnreachable, 502, false},
		{"no file is left", &upstream.Error{Unreachable: true, Err: &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", syscall.EMFILE)}}, llm.CodeUnreachable, 503, true},
		{"no file is left on the machine", &upstream.Error{Unreachable: true, Err: &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("socket", syscall.ENFILE)}}, llm.CodeUnreachable, 503, true},
		{"no file is left for a look-up", &upstream.Error{Unreachable: true, Err: &net.DNSError{Err: "dial udp 192.0.2.1:53: socket: too many open files", Name: "x.example"}}, llm.CodeUnreachable, 503, true},
		{"what has a verdict keeps it", fmt.Errorf("calling: %w", own), llm.CodeTimeout, 504, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := diagnose.Transport(tt.err, target)
			if e.Code != tt.code || e.Status != tt.status || (e.Fix != "") != tt.fix || e.Upstream {
				t.Errorf("got %+v", e)
			}
			if files := strings.Contains(e.Message, "file descriptor"); files != strings.HasPrefix(tt.name, "no file") || files && !strings.Contains(e.Fix, "ulimit -n") {
				t.Errorf("what to do is %q", e.Fix)
			}
			if e.Code != own.Code && (!errors.Is(e, tt.err) || e.Destination != target || !strings.Contains(e.Message+e.Logged, reason(tt.err))) {
				t.Errorf("what happened is not kept: %+v", e)
			}
		})
	}
	lookup := &net.DNSError{Err: "read udp 10.0.0.9:4444->10.0.0.2:53: i/o timeout", Name: "bedrock.example", Server: "10.0.0.2:53"}
	for says, dns := range map[string]net.DNSError{"does not know": {IsNotFound: true}, "timed out": {IsTimeout: true}, "lookup failed": {}} {
		dns.Err, dns.Name, dns.Server = lookup.Err, lookup.Name, lookup.Server
		e := diagnose.Transport(&upstream.Error{Unreachable: true, Err: &net.OpError{Op: "dial", Err: &dns}}, target)
		if !strings.Contains(e.Message, says) || !strings.Contains(e.Message, "bedrock.example") || strings.Contains(e.Message+e.Cause+e.Fix, "10.0.0") || !strings.Contains(e.Logged, "10.0.0.2:53") {
			t.Errorf("%s: got %q, the log %q", says, e.Message, e.Logged)
		}
	}
	if e := diagnose.Transport(errors.New(strings.Repeat("x", 5000)+"\xff"), target); len(e.Message) > 500 {
		t.Errorf("the message has %d bytes", len(e.Message))
	}
}

func TestStreamsThatFail(t *testing.T) {
	own := &llm.Error{Code: llm.CodeClientGone, Status: 499}
	if e := diagnose.Stream(own, diagnose.Case{Target: target}); e.Code != own.Code || e == own {
		t.Errorf("a verdict is judged again, or shared: %+v", e)
	}
	exception := converse.DecodeFault(429, "ThrottlingException", "", "", []byte(`{"message":"Too many tokens"}`))
	if e := diagnose.Stream(exception, diagnose.Case{Target: target}); e.Code != llm.CodeLimitTokens || e.Status != 429 {
		t.Errorf("an exception in the stream is %+v", e)
	}
	if e := diagnose.Stream(context.DeadlineExceeded, diagnose.Case{Target: target}); e.Code != llm.CodeInterrupted || e.Status != 502 || !errors.Is(e, context.DeadlineExceeded) {
		t.Errorf("a broken connection is %+v", e)
	}
}
