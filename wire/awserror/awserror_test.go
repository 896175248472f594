package awserror

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"outcrop/wire/eventstream"
)

func TestDecode(t *testing.T) {
	long := strings.Repeat("é", 1<<10)
	tests := []struct {
		name, errorType, body string
		want                  Fault
		text                  string
	}{
		{
			"the type as Bedrock sends it", "ThrottlingException:http://internal.amazon.com/coral/com.amazon.bedrock/", `{"message":"Too many tokens, please wait before trying again."}`,
			Fault{Type: "ThrottlingException", Message: "Too many tokens, please wait before trying again."},
			"ThrottlingException (429): Too many tokens, please wait before trying again.",
		},
		{
			"the authorization layer's spelling", "AccessDeniedException", `{"Message":"no"}`,
			Fault{Type: "AccessDeniedException", Message: "no"},
			"AccessDeniedException (429): no",
		},
		{
			"a namespace before the type", "com.amazon.coral.service#UnrecognizedClientException", `{"message":"no"}`,
			Fault{Type: "UnrecognizedClientException", Message: "no"},
			"UnrecognizedClientException (429): no",
		},
		{
			"the type in the body", "", `{"__type":"com.amazon#modelNotReadyException","message":"wait"}`,
			Fault{Type: "ModelNotReadyException", Message: "wait"},
			"ModelNotReadyException (429): wait",
		},
		{
			"a code in the body counts less than the header", "A", `{"code":"B","message":"no"}`,
			Fault{Type: "A", Message: "no"},
			"A (429): no",
		},
		{
			"what the model's server said", "ModelErrorException", `{"message":"bad","originalStatusCode":400,"resourceName":"arn:x","originalMessage":"worse"}`,
			Fault{Type: "ModelErrorException", Message: "bad", OriginalStatus: 400, OriginalMessage: "worse", Resource: "arn:x"},
			"ModelErrorException (429): bad",
		},
		{
			"a page of HTML", "", "<html>\r\n\x00\xff  <b>Bad gateway</b>\n",
			Fault{Message: "<html>     <b>Bad gateway</b>"},
			"error without a type (429): <html>     <b>Bad gateway</b>",
		},
		{"a long body", "", long, Fault{Message: long[:1<<10]}, "error without a type (429): " + long[:1<<10]},
		{"JSON without a message", "A", `{"error":{"message":"x"}}`, Fault{Type: "A", Message: `{"error":{"message":"x"}}`}, `A (429): {"error":{"message":"x"}}`},
		{"a message of another type", "A", `{"message":5,"originalStatusCode":"x"}`, Fault{Type: "A", Message: `{"message":5,"originalStatusCode":"x"}`}, `A (429): {"message":5,"originalStatusCode":"x"}`},
		{"nothing", "", "", Fault{}, "error without a type (429)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := Decode(429, tt.errorType, "id-1", "3", []byte(tt.body))
			tt.want.Kind, tt.want.Status, tt.want.RequestID, tt.want.RetryAfter = FaultException, 429, "id-1", "3"
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got.Error() != tt.text {
				t.Errorf("reads %q", got.Error())
			}
		})
	}
}

func TestStatusOfExceptions(t *testing.T) {
	for name, want := range map[string]int{
		"validationException": 400, "serviceQuotaExceededException": 400, "accessDeniedException": 403, "resourceNotFoundException": 404,
		"modelTimeoutException": 408, "modelErrorException": 424, "modelStreamErrorException": 424, "throttlingException": 429,
		"modelNotReadyException": 429, "internalServerException": 500, "serviceUnavailableException": 503, "newException": 500, "": 500,
	} {
		if got := Status(errorName(name)); got != want {
			t.Errorf("%s: %d, want %d", name, got, want)
		}
	}
}

func TestExceptionFrames(t *testing.T) {
	frame := func(payload string, headers ...eventstream.Header) *eventstream.Frame {
		f, err := eventstream.NewDecoder(strings.NewReader(string(eventstream.Append(nil, headers, []byte(payload))))).Next()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	header := func(name, value string) eventstream.Header { return eventstream.Header{Name: name, Value: value} }
	tests := []struct {
		name  string
		frame *eventstream.Frame
		want  *Fault
	}{
		{"an event", frame("{}", header(":message-type", "event")), nil},
		{
			"an exception", frame(`{"message":"slow down"}`, header(":message-type", "exception"), header(":exception-type", "throttlingException")),
			&Fault{Kind: FaultException, InStream: true, Status: 429, Type: "ThrottlingException", Message: "slow down"},
		},
		{
			"an exception without a message type", frame(`{"message":"x"}`, header(":exception-type", "validationException")),
			&Fault{Kind: FaultException, InStream: true, Status: 400, Type: "ValidationException", Message: "x"},
		},
		{
			"an error", frame("", header(":message-type", "error"), header(":error-code", "InternalFailure"), header(":error-message", "broken")),
			&Fault{Kind: FaultException, InStream: true, Status: 500, Type: "InternalFailure", Message: "broken"},
		},
	}
	for _, tt := range tests {
		if diff := cmp.Diff(tt.want, Exception(tt.frame)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestEndsOfStreams(t *testing.T) {
	tests := []struct {
		name           string
		err            error
		some, complete bool
		want           FaultKind // 0 for a regular end
	}{
		{"complete", io.EOF, true, true, 0},
		{"nothing", io.EOF, false, false, FaultEmpty},
		{"cut between frames", io.EOF, true, false, FaultCut},
		{"cut inside a frame", eventstream.ErrTruncated, true, true, FaultCut},
		{"damaged", eventstream.ErrChecksum, true, false, FaultCorrupt},
		{"too large", eventstream.ErrTooLarge, true, false, FaultCorrupt},
		{"malformed", eventstream.ErrMalformed, true, false, FaultCorrupt},
		{"the connection broke", io.ErrClosedPipe, true, false, FaultCut},
	}
	for _, tt := range tests {
		got := Ended(tt.err, tt.some, tt.complete)
		f, ok := errors.AsType[*Fault](got)
		switch {
		case tt.want == 0 && !errors.Is(got, io.EOF):
			t.Errorf("%s: %v", tt.name, got)
		case tt.want != 0 && (!ok || f.Kind != tt.want || !f.InStream || errors.Is(got, io.EOF) || f.Error() == ""):
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}
