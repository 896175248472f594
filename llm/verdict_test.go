package llm_test

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"testing"

	"outcrop/llm"
)

func TestEveryCodeHasAVerdict(t *testing.T) {
	all := llm.Codes()
	if !slices.IsSorted(all) || len(slices.Compact(slices.Clone(all))) != len(all) {
		t.Error("the codes are not sorted or not distinct")
	}
	for _, code := range all {
		if v := code.Info(); v.Actor == "" || v.Retry == "" || v.Meaning == "" {
			t.Errorf("%s: %+v", code, v)
		}
	}
	if v := llm.Code("no.such").Info(); v != (llm.CodeInfo{}) {
		t.Errorf("an unknown code has the verdict %+v", v)
	}
}

func TestErrorTakesFromItsCodeWhatItDoesNotSay(t *testing.T) {
	e := &llm.Error{Code: llm.CodeUnavailable}
	if e.Responsible() != llm.ActorAWS || e.CanRetry() != llm.RetryNowElsewhere {
		t.Errorf("got %s, %s", e.Responsible(), e.CanRetry())
	}
	e.Actor, e.Retry = llm.ActorOperator, llm.RetryNo
	if e.Responsible() != llm.ActorOperator || e.CanRetry() != llm.RetryNo {
		t.Errorf("its own words do not count: %s, %s", e.Responsible(), e.CanRetry())
	}
}

func TestAsErrorFindsTheErrorAndHidesWhatIsNone(t *testing.T) {
	inner := llm.Invalid("messages[0]", "is %s", "odd")
	if got := llm.AsError(fmt.Errorf("reading: %w", inner)); got != inner {
		t.Errorf("got %v", got)
	}
	got := llm.AsError(io.ErrClosedPipe)
	if got.Code != llm.CodeInternal || got.Status != 500 || !errors.Is(got, io.ErrClosedPipe) {
		t.Errorf("got %+v", got)
	}
}

func TestErrorsOfARequestNameTheField(t *testing.T) {
	tests := []struct {
		err  *llm.Error
		code llm.Code
		want string
	}{
		{llm.Invalid("tools[1]", "must be %s", "an object"), llm.CodeBadRequest, "gateway.bad_request: must be an object (tools[1])"},
		{llm.Unsupported("top_k", "no"), llm.CodeUnsupported, "gateway.unsupported: no (top_k)"},
		{llm.Invalid("", "no"), llm.CodeBadRequest, "gateway.bad_request: no"},
	}
	for _, tt := range tests {
		if tt.err.Error() != tt.want || tt.err.Code != tt.code || tt.err.Status != 400 {
			t.Errorf("got %q, %s, %d", tt.err, tt.err.Code, tt.err.Status)
		}
	}
}

func TestTargetAsTheHeaderHasIt(t *testing.T) {
	tests := []struct {
		target llm.Destination
		want   string
	}{
		{llm.Destination{}, ""},
		{llm.Destination{API: "converse", ID: "m"}, "api=converse; id=m"},
		{llm.Destination{API: "converse", Region: "eu-west-1", ID: "m", Note: "emulator"}, "api=converse; region=eu-west-1; id=m; note=emulator"},
	}
	for _, tt := range tests {
		if got := tt.target.String(); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestPromptCountsTheCacheToo(t *testing.T) {
	u := llm.Usage{Input: 1, CacheRead: llm.Some[int64](10), CacheWrite: llm.Some[int64](100)}
	if got := u.Prompt(); got != 111 {
		t.Errorf("got %d", got)
	}
}
